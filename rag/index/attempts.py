"""How often work on a document began, and what ended it before it was done.

The count stands in the catalogue's row, the log beside it: one line for each attempt that a process took
with it when it ended, and for each that a store, a database or the reader's death cut short. An attempt
that succeeds leaves no line. A process that dies says nothing: it is the next attempt that finds out, and
notes the last sign of life.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from core.database import reading
from rag.index.files import FINISHED, Job
from rag.index.tables import attempts, documents

LONGEST = 500  # characters of a reason
DIED = "the process ended while it worked on this file"


@dataclass(frozen=True, slots=True)
class Attempt:
    """`stage`: reading, indexing, publishing or sweeping. UTC."""

    version: int
    stage: str
    ended_at: datetime
    reason: str


class AttemptLog:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, job: Job) -> int:
        """How often work on this version has begun."""
        with reading(self._engine) as connection:
            return connection.execute(select(documents.c.attempts).where(*_of(job))).scalar() or 0

    def begin(self, job: Job) -> int:
        """Counts an attempt, and notes how the one before it ended. Returns its number, 0 if it is unwanted."""
        with self._engine.begin() as connection:
            row = connection.execute(select(documents).where(*_of(job))).one_or_none()
            if row is None or row.status in FINISHED:
                return 0
            if row.attempts:
                _note(connection, job, row.status, row.updated_at, DIED)
            connection.execute(update(documents).where(*_of(job)).values(attempts=row.attempts + 1))
            return int(row.attempts) + 1

    def take_back(self, job: Job) -> None:
        """It was interrupted, and that does not count."""
        with self._engine.begin() as connection:
            connection.execute(update(documents).where(*_of(job)).values(attempts=documents.c.attempts - 1))

    def note(self, job: Job, stage: str, reason: str) -> None:
        """What ended an attempt, or one try of it."""
        with self._engine.begin() as connection:
            # It may be gone: a document can be deleted while it is in work.
            if connection.execute(select(documents.c.id).where(*_of(job))).first():
                _note(connection, job, stage, datetime.now(UTC), reason)

    def of(self, doc_id: str) -> list[Attempt]:
        """Oldest first, of all versions since the last one that went live."""
        query = select(attempts).where(attempts.c.doc_id == doc_id).order_by(attempts.c.sequence)
        with reading(self._engine) as connection:
            return [
                Attempt(row.version, row.stage, row.ended_at, row.reason) for row in connection.execute(query)
            ]


def _of(job: Job) -> tuple[Any, ...]:
    return (
        documents.c.id == job.doc_id,
        documents.c.tenant == job.tenant,
        documents.c.version == job.version,
    )


def _note(connection: Connection, job: Job, stage: str, ended_at: datetime, reason: str) -> None:
    text = reason.replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST]
    connection.execute(
        insert(attempts).values(
            doc_id=job.doc_id, version=job.version, stage=stage, ended_at=ended_at, reason=text
        )
    )
