"""The catalogue: which files a tenant has, how far each one is, and which version is live.

It is the truth about visibility: a passage counts only while (doc_id, version) is live here, so the
vector store and the graph may hold more than is visible, never less. Knows nothing of bytes,
vectors or readers.

The life of a document:

    accept -> queued -> reading -> indexing -> ready       live_version = version
                  `---------`----------`-----> failed      with the reason; an older live version stays live
                  `---------`----------`-----> cancelled   by somebody; the same
    failed, cancelled -> queued                            as the next version
    any of them -> retired                                 its last name went to another content, or it was deleted

A name ("source") is claimed by every document that is accepted under it. When a document goes live it
takes its names from those that claimed them before, and leaves alone those that claimed them after:
whichever was accepted last wins, whichever finishes first. A document without a name is retired: hidden
at once, removed by the sweep.

The labels given with the last acceptance of a content hold for all its names.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from core.database import MAX_VARIABLES, reading, serialize
from core.errors import InputError, NotFound, WrongStage
from core.ids import document_id
from core.types import Content, Document
from rag.index.tables import attempts, documents, lives, media, pages, sources
from rag.index.turns import Room, next_turn, take_room

FileState = Literal["queued", "reading", "indexing", "ready", "failed", "cancelled"]
FINISHED: frozenset[FileState] = frozenset({"ready", "failed", "cancelled"})

MAX_SOURCE = 600
"""Longest name, in characters: as UTF-8 it must fit an index row of Postgres (2,704 bytes)."""


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file of a tenant. `version` is the one last attempted, `live_version` the one that is seen.

    `blocks` were read, `chunks` made of them, `vectors` are in the vector store; `passages`, `sentences`,
    `mentions` (of names in sentences) and `subjects` (names that passages are about) in the graph.
    `pages_done` counts the pages whose passages are in the index; when the file is ready,
    pages_done + pages_failed = pages_total. Times are UTC.
    """

    id: str
    tenant: str
    source: str
    title: str
    media_type: str
    status: FileState
    reason: str
    version: int
    live_version: int | None
    content_hash: str
    bytes: int
    pages_total: int
    pages_done: int
    pages_failed: int
    blocks: int
    chunks: int
    vectors: int
    passages: int
    sentences: int
    mentions: int
    subjects: int
    tokens: int
    tokens_dropped: int
    facts: int
    access: frozenset[str]
    meta: Mapping[str, str]
    valid_from: date | None
    created_at: datetime
    updated_at: datetime
    ready_at: datetime | None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    def is_over(self, version: int) -> bool:
        """Whether nobody sees this version, and nobody will."""
        return version != self.live_version and (self.finished or version < self.version)


@dataclass(frozen=True, slots=True)
class PageStatus:
    """`status` is "ingested" or "failed"; `problem` says why. Width and height in points."""

    number: int
    label: str
    width: float
    height: float
    status: Literal["ingested", "failed"]
    problem: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A content that is being accepted. `content_hash` is empty for a record without a file."""

    doc_id: str
    source: str
    content_hash: str
    size: int
    access: frozenset[str]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`is_new`: there is work to do. `retired`: documents that lost their last name to this one."""

    file: FileStatus
    is_new: bool
    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index holds of one version of a document."""

    doc_id: str
    version: int
    chunks: int
    tokens: int
    tokens_dropped: int = 0
    vectors: int = 0
    passages: int = 0
    sentences: int = 0
    mentions: int = 0
    subjects: int = 0
    facts: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """`live`: the documents that are seen now; the others of the call were outdated."""

    live: frozenset[str]
    retired: tuple[str, ...]


def check_arrival(source: str, access: Collection[str]) -> None:
    """Raises InputError for a name or labels that no document can have."""
    if not 0 < len(source) <= MAX_SOURCE:
        raise InputError(f"a name has 1 to {MAX_SOURCE} characters, this one {len(source)}", param="source")
    if _storable(source) != source:
        raise InputError(f"the name {source!r} holds characters that are no text", param="source")
    if not access:
        raise InputError(f"{source!r} needs at least one access label", param="access")


class Job(NamedTuple):
    """One version of one document: the unit of work."""

    tenant: str
    doc_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What a tenant has: files by status, and the sums over the live ones."""

    files: Mapping[FileState, int] = field(default_factory=dict)
    pages: int = 0
    chunks: int = 0
    tokens: int = 0
    bytes: int = 0


class Catalog:
    """Every method is one transaction, except `publish`, which joins the caller's."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # ------------------------------------------------------------ arrival

    def accept(
        self,
        tenant: str,
        source: str,
        content_hash: str,
        size: int,
        access: Collection[str],
        room: Room | None = None,
        also: Sequence[str] = (),
    ) -> Accepted:
        """Notes a content whose bytes are already kept; the same again changes nothing.

        A failed or cancelled document, and one that is given other labels, is queued again as its next
        version. It claims the names in `also` beside its own. Raises Overloaded, and notes nothing, where more would wait than there is `room` for.
        """
        doc_id = document_id(tenant, content_hash)
        # The one that is claimed last is what the document is called by.
        names = [name for name in also if name != source]
        arrivals = [Arrival(doc_id, name, content_hash, size, frozenset(access)) for name in (*names, source)]
        return self.accept_all(tenant, arrivals, room)[0]

    def accept_all(
        self, tenant: str, arrivals: Sequence[Arrival], room: Room | None = None
    ) -> list[Accepted]:
        """As `accept`, for many in one transaction; of equal ids the last counts."""
        for arrival in arrivals:
            check_arrival(arrival.source, arrival.access)
        wanted = {arrival.doc_id: arrival for arrival in arrivals}
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            known = {row.id: row for row in _rows(connection, documents, documents.c.id, wanted)}
            fresh = [arrival for arrival in wanted.values() if arrival.doc_id not in known]
            again = [arrival for arrival in wanted.values() if _must_run_again(known, arrival)]
            coming = sum(_will_wait(known, arrival) for arrival in (*fresh, *again))
            if room and coming:
                take_room(connection, tenant, room, coming)
            _insert_documents(connection, tenant, fresh)
            for arrival in again:
                _queue_again(
                    connection, tenant, arrival, revived=known[arrival.doc_id].retired_at is not None
                )
            _claim(connection, tenant, [(arrival.source, arrival.doc_id) for arrival in arrivals])
            working = {arrival.doc_id for arrival in (*fresh, *again)}
            settled = [doc_id for doc_id in wanted if doc_id not in working]
            retired = _settle(connection, tenant, settled)
            statuses = {row.id: row for row in _rows(connection, documents, documents.c.id, wanted)}
            _refer(
                connection,
                [
                    (tenant, arrival.content_hash, arrival.doc_id, statuses[arrival.doc_id].version)
                    for arrival in (*fresh, *again)
                    if arrival.content_hash
                ],
            )
        return [
            Accepted(_status(statuses[doc_id]), doc_id in working, retired if index == 0 else ())
            for index, doc_id in enumerate(wanted)
        ]

    # ------------------------------------------------------------ progress

    def start(self, job: Job, status: FileState) -> FileStatus | None:
        """Notes the stage that begins; None when nobody wants this version any more."""
        return self._advance(job, status=status)

    def describe(self, found: Sequence[Document]) -> frozenset[str]:
        """Notes what was read: title, kind, pages. Returns the ids that are still wanted."""
        with self.engine.begin() as connection:
            wanted = _wanted(connection, {document.id: document.version for document in found})
            current = [document for document in found if document.id in wanted]
            if current:
                now = datetime.now(UTC)
                connection.execute(
                    update(documents).where(documents.c.id == bindparam("_id")),
                    [
                        {"_id": document.id, "updated_at": now, **_description(document)}
                        for document in current
                    ],
                )
                connection.execute(
                    delete(pages).where(
                        pages.c.doc_id == bindparam("_id"), pages.c.version == bindparam("_version")
                    ),
                    [{"_id": document.id, "_version": document.version} for document in current],
                )
                rows = [row for document in current for row in _page_rows(document)]
                if rows:
                    connection.execute(insert(pages), rows)
        return frozenset(wanted)

    def progress(self, job: Job, pages_done: int) -> bool:
        """Notes how many pages are in the index; False when nobody wants this version any more."""
        return self._advance(job, pages_done=pages_done) is not None

    def fail(self, job: Job, reason: str) -> None:
        """Notes why this version failed. An older live version stays live."""
        self._advance(job, status="failed", reason=_storable(reason))

    def cancel(self, tenant: str, doc_id: str) -> FileStatus:
        """Whatever works on this version stops at its next batch, and nothing of it is ever seen.

        An older live version stays live. Raises NotFound, and WrongStage for what is finished.
        """
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            row = _visible(connection, tenant, doc_id)
            if row.status in FINISHED:
                raise WrongStage(
                    f"file {doc_id!r} is {row.status}; only what waits or is in work can be cancelled",
                    param="file_id",
                )
            connection.execute(
                update(documents)
                .where(documents.c.id == doc_id)
                .values(status="cancelled", reason="cancelled on request", updated_at=datetime.now(UTC))
            )
            return _status(_visible(connection, tenant, doc_id))

    def current(self, job: Job) -> FileStatus | None:
        """The file, while this version of it is wanted."""
        with reading(self.engine) as connection:
            row = connection.execute(select(documents).where(*_still(job))).one_or_none()
        return _status(row) if row else None

    def _advance(self, job: Job, **values: Any) -> FileStatus | None:
        with self.engine.begin() as connection:
            row = connection.execute(
                update(documents)
                .where(*_still(job))
                .values(updated_at=datetime.now(UTC), **values)
                .returning(documents)
            ).one_or_none()
        return _status(row) if row else None

    # ------------------------------------------------------------ what is seen

    def wanted(self, connection: Connection, tenant: str, indexed: Sequence[Indexed]) -> list[Indexed]:
        """Those that are still to become live: not deleted, superseded or queued again meanwhile.

        It stays so until the transaction ends.
        """
        serialize(connection, f"catalogue of {tenant}")
        current = _wanted(connection, {one.doc_id: one.version for one in indexed})
        return [one for one in indexed if one.doc_id in current]

    def publish(self, connection: Connection, tenant: str, indexed: Sequence[Indexed]) -> Published:
        """Makes these versions live, within the caller's transaction; those not `wanted` are left out."""
        serialize(connection, f"catalogue of {tenant}")
        wanted = _wanted(connection, {one.doc_id: one.version for one in indexed})
        live = [one for one in indexed if one.doc_id in wanted]
        now = datetime.now(UTC)
        if live:
            connection.execute(
                update(documents).where(documents.c.id == bindparam("_id")),
                [
                    {
                        "_id": one.doc_id,
                        "live_version": one.version,
                        "status": "ready",
                        "reason": "",
                        "pages_done": wanted[one.doc_id].pages_total - wanted[one.doc_id].pages_failed,
                        "chunks": one.chunks,
                        "vectors": one.vectors,
                        "passages": one.passages,
                        "sentences": one.sentences,
                        "mentions": one.mentions,
                        "subjects": one.subjects,
                        "tokens": one.tokens,
                        "tokens_dropped": one.tokens_dropped,
                        "facts": one.facts,
                        "updated_at": now,
                        "ready_at": now,
                    }
                    for one in live
                ],
            )
        retired = _settle(connection, tenant, [one.doc_id for one in live])
        return Published(frozenset(one.doc_id for one in live) - frozenset(retired), retired)

    def live(self, tenant: str, doc_ids: Collection[str]) -> dict[str, int]:
        """The live version of each of the tenant's documents that has one."""
        columns = documents.c.id, documents.c.live_version, documents.c.tenant
        with reading(self.engine) as connection:
            rows = _rows(connection, columns, documents.c.id, doc_ids)
        return {
            row.id: row.live_version for row in rows if row.live_version is not None and row.tenant == tenant
        }

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
            rows = _rows(connection, columns, documents.c.id, doc_ids)
        return {row.id: row.title or row.source for row in rows if row.tenant == tenant}

    def get(self, tenant: str, doc_id: str) -> FileStatus:
        """Raises NotFound, in the same words, for a missing file and for another tenant's."""
        with reading(self.engine) as connection:
            return _status(_visible(connection, tenant, doc_id))

    def statuses(self, tenant: str, doc_ids: Collection[str]) -> dict[str, FileStatus]:
        """Those of the files that exist."""
        with reading(self.engine) as connection:
            rows = _rows(connection, documents, documents.c.id, doc_ids)
            return {row.id: _status(row) for row in rows if row.tenant == tenant and row.retired_at is None}

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
            return [_status(row) for row in connection.execute(query)]

    def known(self, doc_ids: Collection[str]) -> frozenset[str]:
        """Those of the documents of all tenants that have a row, retired ones included."""
        with reading(self.engine) as connection:
            return frozenset(row.id for row in _rows(connection, (documents.c.id,), documents.c.id, doc_ids))

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
                last = _visible(connection, tenant, after)
                older = documents.c.created_at < last.created_at
                beside = and_(documents.c.created_at == last.created_at, documents.c.id < last.id)
                query = query.where(or_(older, beside))
            query = query.order_by(documents.c.created_at.desc(), documents.c.id.desc()).limit(limit)
            return [_status(row) for row in connection.execute(query)]

    def list_pages(self, tenant: str, doc_id: str) -> list[PageStatus]:
        """Every page of the live version (of the last attempt where none is live), in order."""
        with reading(self.engine) as connection:
            row = _visible(connection, tenant, doc_id)
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

    # ------------------------------------------------------------ what goes

    def retire(self, tenant: str, doc_id: str) -> None:
        """Hides a document from now on; its names are free. Again: nothing happens."""
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            row = connection.execute(select(documents).where(documents.c.id == doc_id)).one_or_none()
            if row is None or row.tenant != tenant:
                raise _not_found(doc_id)
            connection.execute(delete(sources).where(sources.c.doc_id == doc_id))
            _retire(connection, [] if row.retired_at else [doc_id])

    def retired(self, tenant: str | None = None) -> list[Job]:
        """What still has to be removed: the version is the last one that may have left traces."""
        query = select(documents.c.tenant, documents.c.id, documents.c.version).where(
            documents.c.retired_at.is_not(None)
        )
        if tenant is not None:
            query = query.where(documents.c.tenant == tenant)
        with reading(self.engine) as connection:
            return [Job(*row) for row in connection.execute(query)]

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
            return [_status(row) for row in connection.execute(query)]

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
                _refer(connection, [(job.tenant, key, job.doc_id, job.version) for key in keys])
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
            yield _without_references(connection, tenant, keys)

    def queue_again(self, tenant: str, doc_id: str, stages: Collection[FileState]) -> FileStatus:
        """The document's next version, queued, if it is in one of these stages.

        Raises NotFound, and WrongStage for another stage or a record whose content is not kept.
        """
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            row = _visible(connection, tenant, doc_id)
            if row.status not in stages:
                wanted = " or ".join(stages)
                raise WrongStage(f"file {doc_id!r} is {row.status}, not {wanted}", param="file_id")
            if not row.content_hash:
                raise WrongStage(
                    f"record {doc_id!r} has no file that could be read again; send it again", param="file_id"
                )
            arrival = Arrival(doc_id, row.source, row.content_hash, row.bytes, frozenset(row.access))
            _queue_again(connection, tenant, arrival, revived=False)
            row = _visible(connection, tenant, doc_id)
            _refer(connection, [(tenant, row.content_hash, doc_id, row.version)])
            return _status(row)

    def discredit(self, tenant: str, doc_id: str, version: int, reason: str) -> bool:
        """Notes that this finished version is not what the ledger says; what is live stays live.

        Sent again, it is taken in again. False, and nothing is noted, when it is another one by now.
        """
        with self.engine.begin() as connection:
            changed = connection.execute(
                update(documents)
                .where(
                    documents.c.id == doc_id,
                    documents.c.tenant == tenant,
                    documents.c.version == version,
                    documents.c.retired_at.is_(None),
                    documents.c.status.in_(FINISHED),
                )
                .values(status="failed", reason=_storable(reason), updated_at=datetime.now(UTC))
            )
        return bool(changed.rowcount)

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
            yield _without_references(connection, tenant, dropped)

    @contextmanager
    def releasing_blobs(self, job: Job, keys: Sequence[str]) -> Iterator[list[str]]:
        """As `releasing`, for blobs that this version does not need any more."""
        mine = media.c.tenant == job.tenant, media.c.doc_id == job.doc_id, media.c.version == job.version
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {job.tenant}")
            for part in _batches(keys):
                connection.execute(delete(media).where(*mine, media.c.key.in_(part)))
            yield _without_references(connection, job.tenant, keys)

    def forget(self, job: Job) -> None:
        """Deletes the rows of a retired document, unless it was accepted again meanwhile.

        Work on it may still be on its way: should the same content come again, it begins with a version
        that nobody works on.
        """
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {job.tenant}")
            deleted = connection.execute(
                delete(documents).where(
                    documents.c.id == job.doc_id,
                    documents.c.version == job.version,
                    documents.c.retired_at.is_not(None),
                )
            )
            if deleted.rowcount:
                _never_again(connection, job)


# ---------------------------------------------------------------- names and retirement


def _claim(connection: Connection, tenant: str, claims: Sequence[tuple[str, str]]) -> None:
    """Each (source, document) becomes the newest claim of its source, in the order given."""
    newest: dict[str, str] = {}
    mine = sources.c.tenant == tenant
    for part in _batches(sorted({source for source, _ in claims})):
        query = (
            select(sources.c.source, sources.c.doc_id)
            .where(mine, sources.c.source.in_(part))
            .order_by(sources.c.sequence)
        )
        newest.update((row.source, row.doc_id) for row in connection.execute(query))
    renewed = []
    for source, doc_id in claims:
        if newest.get(source) != doc_id:
            renewed.append({"_tenant": tenant, "_source": source, "_doc_id": doc_id})
            newest[source] = doc_id
    if not renewed:
        return
    # The same pair may come twice with another between: only its last place in the order counts.
    last = {(row["_source"], row["_doc_id"]): row for row in renewed}
    ordered = sorted(last.values(), key=renewed.index)
    connection.execute(
        delete(sources).where(
            mine,
            sources.c.source == bindparam("_source"),
            sources.c.doc_id == bindparam("_doc_id"),
        ),
        ordered,
    )
    connection.execute(
        insert(sources),
        [{"tenant": tenant, "source": row["_source"], "doc_id": row["_doc_id"]} for row in ordered],
    )
    connection.execute(
        update(documents).where(documents.c.id == bindparam("_doc_id")).values(source=bindparam("_source")),
        ordered,
    )


def _settle(connection: Connection, tenant: str, doc_ids: Sequence[str]) -> tuple[str, ...]:
    """The newest live claim of each name of these documents wins; older claims go.

    Returns the documents that lost their last name: they are retired.
    """
    claimed = {row.source for row in _rows(connection, sources, sources.c.doc_id, doc_ids)}
    query = (
        select(sources.c.sequence, sources.c.source, sources.c.doc_id, documents.c.live_version)
        .join(documents, documents.c.id == sources.c.doc_id)
        .where(sources.c.tenant == tenant)
        .order_by(sources.c.sequence.desc())
    )
    decided: set[str] = set()
    lost: dict[int, str] = {}
    for part in _batches(sorted(claimed)):
        for claim in connection.execute(query.where(sources.c.source.in_(part))):
            if claim.source in decided:
                lost[claim.sequence] = claim.doc_id
            elif claim.live_version is not None:
                decided.add(claim.source)
    for numbers in _batches(list(lost)):
        connection.execute(delete(sources).where(sources.c.sequence.in_(numbers)))
    remaining = {
        row.doc_id: row.source
        for row in sorted(
            _rows(connection, sources, sources.c.doc_id, set(lost.values())), key=lambda row: row.sequence
        )
    }
    for doc_id, source in remaining.items():
        connection.execute(update(documents).where(documents.c.id == doc_id).values(source=source))
    retired = tuple(sorted(set(lost.values()) - set(remaining)))
    _retire(connection, retired)
    return retired


def _retire(connection: Connection, doc_ids: Sequence[str]) -> None:
    now = datetime.now(UTC)
    for part in _batches(doc_ids):
        connection.execute(
            update(documents)
            .where(documents.c.id.in_(part))
            .values(live_version=None, retired_at=now, updated_at=now)
        )


# ---------------------------------------------------------------- rows


def _must_run_again(known: Mapping[str, Row[Any]], arrival: Arrival) -> bool:
    row = known.get(arrival.doc_id)
    if row is None:
        return False
    return (
        row.retired_at is not None
        or row.status in {"failed", "cancelled"}
        or set(row.access) != arrival.access
    )


def _will_wait(known: Mapping[str, Row[Any]], arrival: Arrival) -> bool:
    """Whether one more waits after it was queued. Records without a file never do."""
    row = known.get(arrival.doc_id)
    waits = row is not None and row.status == "queued" and row.retired_at is None
    return bool(arrival.content_hash) and not waits


def _insert_documents(connection: Connection, tenant: str, arrivals: Sequence[Arrival]) -> None:
    now = datetime.now(UTC)
    if arrivals:
        turn, version = next_turn(connection, tenant), _highest(connection, tenant) + 1
        connection.execute(
            insert(documents),
            [
                {
                    "id": arrival.doc_id,
                    "tenant": tenant,
                    "source": arrival.source,
                    "title": arrival.title,
                    "status": "queued",
                    "version": version,
                    "turn": turn + place,
                    "content_hash": arrival.content_hash,
                    "bytes": arrival.size,
                    "access": sorted(arrival.access),
                    "created_at": now,
                    "updated_at": now,
                }
                for place, arrival in enumerate(arrivals)
            ],
        )


def _highest(connection: Connection, tenant: str) -> int:
    return connection.execute(select(lives.c.highest).where(lives.c.tenant == tenant)).scalar() or 0


def _never_again(connection: Connection, job: Job) -> None:
    """The version of a document that is gone is not given again."""
    known = _highest(connection, job.tenant)
    if not known:
        connection.execute(insert(lives).values(tenant=job.tenant, highest=job.version))
    elif known < job.version:
        connection.execute(update(lives).where(lives.c.tenant == job.tenant).values(highest=job.version))


def _queue_again(connection: Connection, tenant: str, arrival: Arrival, *, revived: bool) -> None:
    now = datetime.now(UTC)
    connection.execute(
        update(documents)
        .where(documents.c.id == arrival.doc_id)
        .values(
            status="queued",
            reason="",
            version=documents.c.version + 1,
            turn=next_turn(connection, tenant),
            attempts=0,
            pages_done=0,
            access=sorted(arrival.access),
            retired_at=None,
            updated_at=now,
            **({"created_at": now, "ready_at": None} if revived else {}),
        )
    )


def _refer(connection: Connection, references: Sequence[tuple[str, str, str, int]]) -> None:
    """(tenant, key, document, version); those that exist are left alone."""
    names = ("tenant", "key", "doc_id", "version")
    for part in _batches(sorted(set(references)), MAX_VARIABLES // len(names)):
        owners = sorted({doc_id for _, _, doc_id, _ in part})
        present = {
            (row.tenant, row.key, row.doc_id, row.version)
            for row in _rows(connection, media, media.c.doc_id, owners)
        }
        missing = [dict(zip(names, one)) for one in part if one not in present]
        if missing:
            connection.execute(insert(media), missing)


def _without_references(connection: Connection, tenant: str, keys: Collection[str]) -> list[str]:
    needed = {row.key for row in _rows(connection, media, media.c.key, set(keys)) if row.tenant == tenant}
    return sorted(set(keys) - needed)


def _storable(text: str) -> str:
    """Without what no database takes as text: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _description(document: Document) -> dict[str, Any]:
    content = document.content
    return {
        "status": "indexing",
        "title": _storable(document.title),
        "media_type": content.media_type,
        "meta": {_storable(name): _storable(value) for name, value in content.meta.items()},
        "valid_from": content.valid_from,
        "pages_total": len(content.pages),
        "blocks": blocks_of(content),
        "pages_done": 0,
        "pages_failed": sum(1 for page in content.pages if page.problem),
    }


def blocks_of(content: Content) -> int:
    return sum(len(page.blocks) for page in content.pages)


def _page_rows(document: Document) -> Iterator[dict[str, Any]]:
    for page in document.content.pages:
        yield {
            "doc_id": document.id,
            "version": document.version,
            "number": page.number,
            "label": _storable(page.label),
            # hundredths of a point: exact enough, and the same on every database
            "width": round(page.width * 100),
            "height": round(page.height * 100),
            "status": "failed" if page.problem else "ingested",
            "problem": _storable(page.problem),
            "blocks": len(page.blocks),
        }


def _wanted(connection: Connection, versions: Mapping[str, int]) -> dict[str, Row[Any]]:
    """The rows of the documents whose version of this number is still to become live."""
    return {
        row.id: row
        for row in _rows(connection, documents, documents.c.id, versions)
        if row.version == versions[row.id] and row.retired_at is None and row.status not in FINISHED
    }


def _still(job: Job) -> tuple[Any, ...]:
    return (
        documents.c.id == job.doc_id,
        documents.c.tenant == job.tenant,
        documents.c.version == job.version,
        documents.c.retired_at.is_(None),
        documents.c.status.not_in(FINISHED),
    )


def _visible(connection: Connection, tenant: str, doc_id: str) -> Row[Any]:
    row = connection.execute(
        select(documents).where(
            documents.c.id == doc_id, documents.c.tenant == tenant, documents.c.retired_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        raise _not_found(doc_id)
    return row


def _not_found(doc_id: str) -> NotFound:
    return NotFound(f"no file {doc_id!r}", param="file_id")


def _status(row: Row[Any]) -> FileStatus:
    values = dict(row._mapping)
    del values["retired_at"], values["attempts"], values["turn"]
    values["access"] = frozenset(values["access"])
    return FileStatus(**values)


def _rows(connection: Connection, what: Any, column: Any, values: Collection[Any]) -> list[Row[Any]]:
    """Selects `what` where `column` is one of `values`, however many these are."""
    query: Select[Any] = select(*what) if isinstance(what, tuple) else select(what)
    return [
        row for part in _batches(list(values)) for row in connection.execute(query.where(column.in_(part)))
    ]


def _batches(values: Sequence[Any], size: int = MAX_VARIABLES) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
