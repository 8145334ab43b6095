"""Whose turn it is: which of the waiting documents is worked on next, and who has to wait.

Every waiting document has a turn, and the lowest is next. A tenant's documents have turns in a row, the
first of them that of the document that is next among all. So tenants are served a document each, however
many one of them has sent: start-time fair queueing (Goyal, Vin and Cheng 1996) where every document costs
the same. Between two documents of a waiting tenant no other tenant is served more than twice.

A paused tenant's documents wait, and what is in work goes on to its end. When they may go on they line up
with the others; the time for which they stood still gives no right to be served in a row.

Knows nothing of what is done with a document. Records without a file never wait here: who sends them
indexes them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from core.database import reading, serialize
from core.errors import Overloaded
from rag.index.tables import documents, paused

_WAITING = (
    documents.c.status == "queued",
    documents.c.retired_at.is_(None),
    documents.c.content_hash != "",
)
_ROOM_AFTER = 2.0  # seconds after which a full queue may have room
_AT_ONCE = 1000  # documents that may be on their way into the queue at one moment, in all processes
_MAY_GO_ON = documents.c.tenant.not_in(select(paused.c.tenant))


def next_turn(connection: Connection, tenant: str) -> int:
    """The turn of a document of this tenant that comes now."""
    mine = select(func.max(documents.c.turn)).where(*_WAITING, documents.c.tenant == tenant)
    last, first = connection.execute(mine).scalar(), _first(connection)
    return max(0 if last is None else last + 1, first)


@dataclass(frozen=True, slots=True)
class Room:
    """How many documents may wait: of one tenant, and of all together."""

    tenant: int
    total: int


def take_room(connection: Connection, tenant: str, room: Room, coming: int) -> None:
    """So many more documents of this tenant will wait. Raises Overloaded where that is too many.

    Nobody else takes the same room until the transaction ends; the caller holds the tenant's catalogue.
    """
    if _queued(connection) + coming + _AT_ONCE > room.total:
        serialize(connection, "room in the queue")
    _check_room(connection, tenant, room, coming)


def _check_room(connection: Connection, tenant: str, room: Room, coming: int) -> None:
    for most, whose in ((room.tenant, tenant), (room.total, None)):
        if _queued(connection, whose) + coming <= most:
            continue  # a glance at an index is enough
        waiting = _count(connection, *_of(whose))
        if waiting + coming > most:
            paused = "; ingestion is paused" if _paused_since(connection, tenant) else ""
            raise Overloaded(
                f"{waiting} documents wait to be read, no more are taken{paused}", retry_after=_ROOM_AFTER
            )


def _queued(connection: Connection, tenant: str | None = None) -> int:
    """At least as many as wait: retired documents and records are among them."""
    query = select(func.count()).where(documents.c.status == "queued", *_of(tenant))
    return int(connection.execute(query).scalar_one())


def _of(tenant: str | None) -> tuple[Any, ...]:
    return () if tenant is None else (documents.c.tenant == tenant,)


def _count(connection: Connection, *conditions: Any) -> int:
    query = select(func.count()).select_from(documents).where(*_WAITING, *conditions)
    return int(connection.execute(query).scalar_one())


class Turns:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, most: int) -> list[tuple[str, str, int]]:
        """(tenant, document, version) of those that are next; from now on they are in work."""
        wanted = (
            select(documents.c.id)
            .where(*_WAITING, _MAY_GO_ON)
            .order_by(documents.c.turn, documents.c.created_at, documents.c.id)
            .limit(most)
        )
        with reading(self._engine) as connection:  # nobody waits most of the time: then nothing is locked
            if most <= 0 or not connection.execute(wanted).first():
                return []
        with self._engine.begin() as connection:
            serialize(connection, "turns")
            ids = connection.execute(wanted).scalars().all()
            taken = connection.execute(
                update(documents)
                .where(documents.c.id.in_(ids), *_WAITING)
                .values(status="reading", updated_at=datetime.now(UTC))
                .returning(documents.c.id, documents.c.tenant, documents.c.version)
            )
            found = {row.id: (row.tenant, row.id, row.version) for row in taken}
        return [found[doc_id] for doc_id in ids if doc_id in found]

    def waiting(self, tenant: str | None = None) -> int:
        """How many documents wait, of one tenant or of all, paused ones included."""
        with reading(self._engine) as connection:
            return _count(connection, *_of(tenant))

    def check_room(self, tenant: str, room: Room) -> None:
        """Raises Overloaded where no other document of this tenant may wait, as things are now."""
        with reading(self._engine) as connection:
            _check_room(connection, tenant, room, 1)

    def able(self) -> int:
        """How many wait that are not paused."""
        with reading(self._engine) as connection:
            return _count(connection, _MAY_GO_ON)

    # ------------------------------------------------------------ pause

    def pause(self, tenant: str) -> None:
        """From now on nothing of this tenant is begun, in any process, until `resume`."""
        with self._engine.begin() as connection:
            serialize(connection, "turns")
            if _paused_since(connection, tenant) is None:
                connection.execute(insert(paused).values(tenant=tenant, since=datetime.now(UTC)))

    def resume(self, tenant: str) -> None:
        with self._engine.begin() as connection:
            serialize(connection, "turns")
            mine = *_WAITING, documents.c.tenant == tenant
            lowest = connection.execute(select(func.min(documents.c.turn)).where(*mine)).scalar()
            behind = _first(connection) - (lowest or 0)
            if behind > 0:
                connection.execute(update(documents).where(*mine).values(turn=documents.c.turn + behind))
            connection.execute(delete(paused).where(paused.c.tenant == tenant))

    def paused_since(self, tenant: str) -> datetime | None:
        with reading(self._engine) as connection:
            return _paused_since(connection, tenant)


def _paused_since(connection: Connection, tenant: str) -> datetime | None:
    return connection.execute(select(paused.c.since).where(paused.c.tenant == tenant)).scalar_one_or_none()


def _first(connection: Connection) -> int:
    """The turn of the document that is next, 0 where none is."""
    lowest = select(func.min(documents.c.turn)).where(*_WAITING, _MAY_GO_ON)
    return connection.execute(lowest).scalar() or 0
