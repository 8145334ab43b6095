"""What the catalogue says is there, read as a whole, so that it can be held against what is there.

Only reads. A method is one query over a tenant, or over one document of it; keys are (document id, version).
"""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import Engine, case, func, select

from core.database import reading
from rag.index.catalog import Catalog
from rag.index.files import FileStatus
from rag.index.tables import documents, media, pages

Version = tuple[str, int]


class Pages(NamedTuple):
    """`blocks` is None where they were not counted when the pages were read."""

    total: int = 0
    failed: int = 0
    blocks: int | None = 0


class Ledger:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._catalog = Catalog(engine)

    def tenants(self) -> list[str]:
        """All that have a document, a deleted one that is still being removed included."""
        with reading(self._engine) as connection:
            return sorted(connection.execute(select(documents.c.tenant).distinct()).scalars())

    def documents(self, tenant: str) -> dict[str, FileStatus]:
        """All that are not deleted, by id."""
        query = select(documents.c.id).where(documents.c.tenant == tenant, documents.c.retired_at.is_(None))
        with reading(self._engine) as connection:
            ids = connection.execute(query).scalars().all()
        return self._catalog.statuses(tenant, ids)

    def pages(self, tenant: str, doc_id: str | None = None) -> dict[Version, Pages]:
        """How many pages each version has, how many of them could not be read, and the blocks on them."""
        counted, blocks = func.count(pages.c.blocks), func.sum(pages.c.blocks)
        failed = func.sum(case((pages.c.status == "failed", 1), else_=0))
        query = (
            select(pages.c.doc_id, pages.c.version, func.count(), failed, counted, blocks)
            .join(documents, documents.c.id == pages.c.doc_id)
            .where(documents.c.tenant == tenant)
            .group_by(pages.c.doc_id, pages.c.version)
        )
        if doc_id is not None:
            query = query.where(pages.c.doc_id == doc_id)
        with reading(self._engine) as connection:
            return {
                (doc_id, version): Pages(total, lost, held if known == total else None)
                for doc_id, version, total, lost, known, held in connection.execute(query)
            }

    def media(self, tenant: str, doc_id: str | None = None) -> dict[Version, set[str]]:
        """The keys of the blobs that each version needs."""
        needed: dict[Version, set[str]] = defaultdict(set)
        query = select(media.c.doc_id, media.c.version, media.c.key).where(media.c.tenant == tenant)
        if doc_id is not None:
            query = query.where(media.c.doc_id == doc_id)
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                needed[row.doc_id, row.version].add(row.key)
        return dict(needed)
