"""The catalogue: which files a tenant has, how far each one is, and which version is live.

It is the truth about visibility: a passage counts only while (doc_id, version) is live here, so the
vector store and the graph may hold more than is visible, never less. Knows nothing of bytes,
vectors or readers. What is in it is read by `listing.py`, who holds a name is decided by `names.py`, which
blobs are needed is noted by `references.py`; what changes the life of a document stands here.

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

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from core.database import serialize
from core.errors import WrongStage
from core.ids import document_id
from core.types import Document
from rag.index.files import (
    FINISHED,
    Accepted,
    Arrival,
    FileState,
    FileStatus,
    Indexed,
    Job,
    Published,
    check_arrival,
    storable,
)
from rag.index.listing import Listing
from rag.index.names import claim, retire, settle
from rag.index.references import References, refer_to
from rag.index.rows import (
    delete_versions,
    description,
    not_found,
    page_rows,
    rows_where,
    status_of,
    still,
    visible,
    wanted_rows,
)
from rag.index.tables import documents, lives, pages, sources
from rag.index.turns import Room, next_turn, take_room


class Catalog(Listing, References):
    """Every method is one transaction, except `wanted` and `publish`, which join the caller's."""

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
            known = {row.id: row for row in rows_where(connection, documents, documents.c.id, wanted)}
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
            claim(connection, tenant, [(arrival.source, arrival.doc_id) for arrival in arrivals])
            working = {arrival.doc_id for arrival in (*fresh, *again)}
            settled = [doc_id for doc_id in wanted if doc_id not in working]
            retired = settle(connection, tenant, settled)
            statuses = {row.id: row for row in rows_where(connection, documents, documents.c.id, wanted)}
            refer_to(
                connection,
                [
                    (tenant, arrival.content_hash, arrival.doc_id, statuses[arrival.doc_id].version)
                    for arrival in (*fresh, *again)
                    if arrival.content_hash
                ],
            )
        return [
            Accepted(status_of(statuses[doc_id]), doc_id in working, retired if index == 0 else ())
            for index, doc_id in enumerate(wanted)
        ]

    def queue_again(self, tenant: str, doc_id: str, stages: Collection[FileState]) -> FileStatus:
        """The document's next version, queued, if it is in one of these stages.

        Raises NotFound, and WrongStage for another stage or a record whose content is not kept.
        """
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            row = visible(connection, tenant, doc_id)
            if row.status not in stages:
                wanted = " or ".join(stages)
                raise WrongStage(f"file {doc_id!r} is {row.status}, not {wanted}", param="file_id")
            if not row.content_hash:
                raise WrongStage(
                    f"record {doc_id!r} has no file that could be read again; send it again", param="file_id"
                )
            arrival = Arrival(doc_id, row.source, row.content_hash, row.bytes, frozenset(row.access))
            _queue_again(connection, tenant, arrival, revived=False)
            row = visible(connection, tenant, doc_id)
            refer_to(connection, [(tenant, row.content_hash, doc_id, row.version)])
            return status_of(row)

    # ------------------------------------------------------------ progress

    def start(self, job: Job, status: FileState) -> FileStatus | None:
        """Notes the stage that begins; None when nobody wants this version any more."""
        return self._advance(job, status=status)

    def describe(self, found: Sequence[Document]) -> frozenset[str]:
        """Notes what was read: title, kind, pages. Returns the ids that are still wanted."""
        with self.engine.begin() as connection:
            wanted = wanted_rows(connection, {document.id: document.version for document in found})
            current = [document for document in found if document.id in wanted]
            if current:
                now = datetime.now(UTC)
                connection.execute(
                    update(documents).where(documents.c.id == bindparam("_id")),
                    [
                        {"_id": document.id, "updated_at": now, **description(document)}
                        for document in current
                    ],
                )
                delete_versions(connection, pages, [(document.id, document.version) for document in current])
                rows = [row for document in current for row in page_rows(document)]
                if rows:
                    connection.execute(insert(pages), rows)
        return frozenset(wanted)

    def progress(self, job: Job, pages_done: int) -> bool:
        """Notes how many pages are in the index; False when nobody wants this version any more."""
        return self._advance(job, pages_done=pages_done) is not None

    def fail(self, job: Job, reason: str) -> None:
        """Notes why this version failed. An older live version stays live."""
        self._advance(job, status="failed", reason=storable(reason))

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
                .values(status="failed", reason=storable(reason), updated_at=datetime.now(UTC))
            )
        return bool(changed.rowcount)

    def cancel(self, tenant: str, doc_id: str) -> FileStatus:
        """Whatever works on this version stops at its next batch, and nothing of it is ever seen.

        An older live version stays live. Raises NotFound, and WrongStage for what is finished.
        """
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            row = visible(connection, tenant, doc_id)
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
            return status_of(visible(connection, tenant, doc_id))

    def _advance(self, job: Job, **values: Any) -> FileStatus | None:
        with self.engine.begin() as connection:
            row = connection.execute(
                update(documents)
                .where(*still(job))
                .values(updated_at=datetime.now(UTC), **values)
                .returning(documents)
            ).one_or_none()
        return status_of(row) if row else None

    # ------------------------------------------------------------ what is seen

    def wanted(self, connection: Connection, tenant: str, indexed: Sequence[Indexed]) -> list[Indexed]:
        """Those that are still to become live: not deleted, superseded or queued again meanwhile.

        It stays so until the transaction ends.
        """
        serialize(connection, f"catalogue of {tenant}")
        current = wanted_rows(connection, {one.doc_id: one.version for one in indexed})
        return [one for one in indexed if one.doc_id in current]

    def publish(self, connection: Connection, tenant: str, indexed: Sequence[Indexed]) -> Published:
        """Makes these versions live, within the caller's transaction; those not `wanted` are left out."""
        serialize(connection, f"catalogue of {tenant}")
        wanted = wanted_rows(connection, {one.doc_id: one.version for one in indexed})
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
                        "keys": one.keys,
                        "updated_at": now,
                        "ready_at": now,
                    }
                    for one in live
                ],
            )
        retired = settle(connection, tenant, [one.doc_id for one in live])
        return Published(frozenset(one.doc_id for one in live) - frozenset(retired), retired)

    def rekeyed(self, connection: Connection, doc_id: str, version: int, rows: int) -> None:
        """Notes how many rows the key of this live version has now, within the caller's transaction."""
        live = documents.c.id == doc_id, documents.c.live_version == version
        connection.execute(update(documents).where(*live).values(keys=rows))

    # ------------------------------------------------------------ what goes

    def retire(self, tenant: str, doc_id: str) -> None:
        """Hides a document from now on; its names are free. Again: nothing happens."""
        with self.engine.begin() as connection:
            serialize(connection, f"catalogue of {tenant}")
            row = connection.execute(select(documents).where(documents.c.id == doc_id)).one_or_none()
            if row is None or row.tenant != tenant:
                raise not_found(doc_id)
            connection.execute(delete(sources).where(sources.c.doc_id == doc_id))
            retire(connection, [] if row.retired_at else [doc_id])

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


# ---------------------------------------------------------------- rows of the queue


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


def _highest(connection: Connection, tenant: str) -> int:
    return connection.execute(select(lives.c.highest).where(lives.c.tenant == tenant)).scalar() or 0


def _never_again(connection: Connection, job: Job) -> None:
    """The version of a document that is gone is not given again."""
    known = _highest(connection, job.tenant)
    if not known:
        connection.execute(insert(lives).values(tenant=job.tenant, highest=job.version))
    elif known < job.version:
        connection.execute(update(lives).where(lives.c.tenant == job.tenant).values(highest=job.version))
