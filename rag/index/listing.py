"""What is in the catalogue: files by state, by name, by day; pages, names and sums. Only reads."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import get_args

from sqlalchemy import Engine, and_, func, or_, select

from core.database import looked_up, reading
from core.errors import InputError
from rag.index.files import FINISHED, FileState, FileStatus, Job, PageStatus, Totals
from rag.index.rows import rows_where, status_of, still, visible
from rag.index.tables import documents, pages, sources


class Listing:
    """Every method is one transaction that only reads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # ------------------------------------------------------------ what is seen

    def live(self, tenant: str, doc_ids: Collection[str]) -> dict[str, int]:
        """The live version of each of the tenant's documents that has one."""
        with reading(self.engine) as connection:
            rows = looked_up(
                connection, "SELECT id, live_version, tenant FROM documents WHERE id IN", doc_ids
            )
        return {doc_id: version for doc_id, version, owner in rows if version is not None and owner == tenant}

    def known_at(self, tenant: str, day: date) -> frozenset[str]:
        """The tenant's live documents that were known at the end of this day: by the date that they
        state, else by the day (UTC) on which they were taken in.
        """
        after = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        stated = documents.c.valid_from
        query = select(documents.c.id).where(
            documents.c.tenant == tenant,
            documents.c.live_version.is_not(None),
            documents.c.retired_at.is_(None),
            or_(stated <= day, and_(stated.is_(None), documents.c.created_at < after)),
        )
        with reading(self.engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def titles(self, tenant: str, doc_ids: Collection[str]) -> dict[str, str]:
        """The title of each of the tenant's documents, or its name where it has none."""
        columns = documents.c.id, documents.c.title, documents.c.source, documents.c.tenant
        with reading(self.engine) as connection:
            rows = rows_where(connection, columns, documents.c.id, doc_ids)
        return {row.id: row.title or row.source for row in rows if row.tenant == tenant}

    def counts(self) -> dict[str, int]:
        """How many files there are in each state, of all tenants."""
        query = (
            select(documents.c.status, func.count())
            .where(documents.c.retired_at.is_(None))
            .group_by(documents.c.status)
        )
        with reading(self.engine) as connection:
            found = {str(state): int(count) for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in get_args(FileState)}

    # ------------------------------------------------------------ files

    def get(self, tenant: str, doc_id: str) -> FileStatus:
        """Raises NotFound, in the same words, for a missing file and for another tenant's."""
        with reading(self.engine) as connection:
            return status_of(visible(connection, tenant, doc_id))

    def statuses(self, tenant: str, doc_ids: Collection[str]) -> dict[str, FileStatus]:
        """Those of the files that exist."""
        with reading(self.engine) as connection:
            rows = rows_where(connection, documents, documents.c.id, doc_ids)
            return {row.id: status_of(row) for row in rows if row.tenant == tenant and row.retired_at is None}

    def list_files(
        self,
        tenant: str,
        *,
        status: FileState | None = None,
        source: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[FileStatus]:
        """Newest first. `after`: the id of the last file of the page before."""
        if status is not None and status not in get_args(FileState):
            known = ", ".join(get_args(FileState))
            raise InputError(f"unknown status {status!r}; known: {known}", param="status")
        query = select(documents).where(documents.c.tenant == tenant, documents.c.retired_at.is_(None))
        if status is not None:
            query = query.where(documents.c.status == status)
        if source is not None:
            claimed = select(sources.c.doc_id).where(sources.c.tenant == tenant, sources.c.source == source)
            query = query.where(documents.c.id.in_(claimed))
        with reading(self.engine) as connection:
            if after is not None:
                last = visible(connection, tenant, after)
                older = documents.c.created_at < last.created_at
                beside = and_(documents.c.created_at == last.created_at, documents.c.id < last.id)
                query = query.where(or_(older, beside))
            query = query.order_by(documents.c.created_at.desc(), documents.c.id.desc()).limit(limit)
            return [status_of(row) for row in connection.execute(query)]

    def changed(self, tenant: str, since: datetime) -> list[FileStatus]:
        """The files that changed after this moment, in the order in which they did; deleted ones are left out."""
        query = (
            select(documents)
            .where(
                documents.c.tenant == tenant,
                documents.c.updated_at > since,
                documents.c.retired_at.is_(None),
            )
            .order_by(documents.c.updated_at, documents.c.id)
        )
        with reading(self.engine) as connection:
            return [status_of(row) for row in connection.execute(query)]

    def known(self, doc_ids: Collection[str]) -> frozenset[str]:
        """Those of the documents of all tenants that have a row, retired ones included."""
        with reading(self.engine) as connection:
            return frozenset(
                row.id for row in rows_where(connection, (documents.c.id,), documents.c.id, doc_ids)
            )

    def list_pages(self, tenant: str, doc_id: str) -> list[PageStatus]:
        """Every page of the live version (of the last attempt where none is live), in order."""
        with reading(self.engine) as connection:
            row = visible(connection, tenant, doc_id)
            version = row.version if row.live_version is None else row.live_version
            query = (
                select(pages)
                .where(pages.c.doc_id == doc_id, pages.c.version == version)
                .order_by(pages.c.number)
            )
            return [
                PageStatus(
                    page.number, page.label, page.width / 100, page.height / 100, page.status, page.problem
                )
                for page in connection.execute(query)
            ]

    def names(self, tenant: str, doc_id: str) -> list[str]:
        """The names that the document holds or claims, oldest first."""
        query = (
            select(sources.c.source)
            .where(sources.c.tenant == tenant, sources.c.doc_id == doc_id)
            .order_by(sources.c.sequence)
        )
        with reading(self.engine) as connection:
            return list(connection.execute(query).scalars())

    def totals(self, tenant: str) -> Totals:
        mine = and_(documents.c.tenant == tenant, documents.c.retired_at.is_(None))
        sums = [
            func.coalesce(func.sum(documents.c[name]), 0)
            for name in ("pages_done", "chunks", "tokens", "bytes")
        ]
        with reading(self.engine) as connection:
            by_status = select(documents.c.status, func.count()).where(mine).group_by(documents.c.status)
            files = {row[0]: row[1] for row in connection.execute(by_status)}
            live = connection.execute(select(*sums).where(mine, documents.c.live_version.is_not(None))).one()
        return Totals(files, *(int(value) for value in live))

    # ------------------------------------------------------------ work

    def current(self, job: Job) -> FileStatus | None:
        """The file, while this version of it is wanted."""
        with reading(self.engine) as connection:
            row = connection.execute(select(documents).where(*still(job))).one_or_none()
        return status_of(row) if row else None

    def in_work(self) -> list[FileStatus]:
        """What is being read or indexed, or was when its process ended, oldest first, of all tenants.

        Records that wait for whoever sends them are among it.
        """
        waits = and_(documents.c.status == "queued", documents.c.content_hash != "")
        query = (
            select(documents)
            .where(documents.c.status.not_in(FINISHED), documents.c.retired_at.is_(None), ~waits)
            .order_by(documents.c.created_at, documents.c.id)
        )
        with reading(self.engine) as connection:
            return [status_of(row) for row in connection.execute(query)]

    def retired(self, tenant: str | None = None) -> list[Job]:
        """What still has to be removed: the version is the last one that may have left traces."""
        query = select(documents.c.tenant, documents.c.id, documents.c.version).where(
            documents.c.retired_at.is_not(None)
        )
        if tenant is not None:
            query = query.where(documents.c.tenant == tenant)
        with reading(self.engine) as connection:
            return [Job(*row) for row in connection.execute(query)]
