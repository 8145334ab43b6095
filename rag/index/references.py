"""Which blobs of the media store the versions of documents need, and so which may be deleted.

A blob is deleted inside of the transaction that found nobody who needs it: as long as that lasts nobody
can begin to. Knows keys, no bytes.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, delete, insert, select

from core.database import MAX_VARIABLES, reading, serialize
from rag.index.files import Job
from rag.index.rows import batches, rows_where
from rag.index.tables import attempts, documents, media, pages


class References:
    """Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def refer(self, job: Job, keys: Collection[str]) -> bool:
        """Notes that this version needs these blobs; until it is released they are not deleted.

        False, and nothing is noted, when the document is gone.
        """
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {job.tenant}")
            known = connection.execute(
                select(documents.c.id).where(documents.c.id == job.doc_id)
            ).one_or_none()
            if known:
                refer_to(connection, [(job.tenant, key, job.doc_id, job.version) for key in keys])
        return known is not None

    def references(self, job: Job) -> frozenset[str]:
        """The keys of the blobs that this version needs."""
        mine = media.c.tenant == job.tenant, media.c.doc_id == job.doc_id, media.c.version == job.version
        with reading(self.engine) as connection:
            return frozenset(connection.execute(select(media.c.key).where(*mine)).scalars())

    @contextmanager
    def unreferenced(self, tenant: str, keys: Collection[str]) -> Iterator[list[str]]:
        """Those of the keys that nothing refers to; as long as the block lasts nobody can begin to."""
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            yield without_references(connection, tenant, keys)

    @contextmanager
    def releasing(self, tenant: str, doc_id: str, *, before_version: int) -> Iterator[list[str]]:
        """Drops the references, pages and failed attempts of versions below `before_version`.

        Yields the keys of the blobs that nothing refers to any more. The caller deletes them inside
        the block: as long as it lasts nobody can begin to refer to them.
        """
        older = media.c.tenant == tenant, media.c.doc_id == doc_id, media.c.version < before_version
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            dropped = connection.execute(select(media.c.key).where(*older)).scalars().all()
            connection.execute(delete(media).where(*older))
            for table in (pages, attempts):
                connection.execute(
                    delete(table).where(table.c.doc_id == doc_id, table.c.version < before_version)
                )
            yield without_references(connection, tenant, dropped)

    @contextmanager
    def releasing_blobs(self, job: Job, keys: Sequence[str]) -> Iterator[list[str]]:
        """As `releasing`, for blobs that this version does not need any more."""
        mine = media.c.tenant == job.tenant, media.c.doc_id == job.doc_id, media.c.version == job.version
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {job.tenant}")
            for part in batches(keys):
                connection.execute(delete(media).where(*mine, media.c.key.in_(part)))
            yield without_references(connection, job.tenant, keys)


def refer_to(connection: Connection, references: Sequence[tuple[str, str, str, int]]) -> None:
    """(tenant, key, document, version); those that exist are left alone."""
    names = ("tenant", "key", "doc_id", "version")
    for part in batches(sorted(set(references)), MAX_VARIABLES // len(names)):
        owners = sorted({doc_id for _, _, doc_id, _ in part})
        present = {
            (row.tenant, row.key, row.doc_id, row.version)
            for row in rows_where(connection, media, media.c.doc_id, owners)
        }
        missing = [dict(zip(names, one)) for one in part if one not in present]
        if missing:
            connection.execute(insert(media), missing)


def without_references(connection: Connection, tenant: str, keys: Collection[str]) -> list[str]:
    needed = {
        row.key for row in rows_where(connection, media, media.c.key, set(keys)) if row.tenant == tenant
    }
    return sorted(set(keys) - needed)
