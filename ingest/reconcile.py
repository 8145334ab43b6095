"""The ledger against the state: everything is counted again, and what does not add up is repaired.

For each live document the catalogue says how many pages, blocks, vectors, facts and rows of the graph it
has (passages, sentences, mentions, subjects), of its key, and which files it needs. They are counted where they lie. A
document that does not reconcile is queued again from its file; until it is ready the old version stays.
Where the file itself is gone it is marked as failed, so that sending it again repairs it. What belongs to
no document is removed. Names belong to all documents that mention them: how many do is counted anew and
corrected, and a document that names what has no row is queued again.

Work may go on meanwhile: what looks wrong at first is looked at again by itself, and counts only if the
document stood still between two looks. The words of blocks lie in the passages; of the blocks themselves
the numbers by page are kept, which are added up.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from sqlalchemy import Engine

from core.database import reading
from core.errors import WrongStage
from core.ports import VectorStore
from ingest.pipeline import GraphRows, Pipeline
from kg.census import Counted, Names
from rag.index.facts import FactStore
from rag.index.files import FINISHED, FileStatus, Job
from rag.index.keys import KeyStore
from rag.index.ledger import Ledger, Pages, Version
from rag.index.media import MediaStore

What = Literal[
    "pages",
    "blocks",
    "vectors",
    "passages",
    "sentences",
    "mentions",
    "subjects",
    "entities",
    "facts",
    "keys",
    "media",
]
Done = Literal["queued", "corrected", "removed", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`expected` is the ledger's number. `done`: the document was "queued" again, the counts of names were
    "corrected", what belongs to nothing was "removed", or, where nothing can be done here, the document is
    marked as "failed".
    """

    tenant: str
    doc_id: str
    source: str
    what: What
    expected: int
    found: int
    done: Done


@dataclass(frozen=True, slots=True)
class Recount:
    """What was found of each kind (pages, blocks: of live versions), what was wrong, and the files that wait
    for another attempt.
    """

    documents: int = 0
    pages: int = 0
    blocks: int = 0
    vectors: int = 0
    passages: int = 0
    sentences: int = 0
    mentions: int = 0
    subjects: int = 0
    entities: int = 0
    facts: int = 0
    keys: int = 0
    media: int = 0
    findings: tuple[Finding, ...] = ()
    queued: tuple[FileStatus, ...] = ()

    def __add__(self, other: "Recount") -> "Recount":
        return Recount(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


class _Mismatch(NamedTuple):
    what: What
    expected: int
    found: int


class _Counts(NamedTuple):
    """What is there, by version; `media` are the files that a version needs, `lost` those that are gone."""

    vectors: Mapping[Version, int]
    graph: Mapping[Version, Counted]
    facts: Mapping[Version, int]
    keys: Mapping[Version, int]
    pages: Mapping[Version, Pages]
    media: Mapping[Version, Collection[str]]
    lost: Callable[[FileStatus, Collection[str]], list[str]]


class Reconciler:
    def __init__(
        self,
        *,
        engine: Engine,
        pipeline: Pipeline,
        store: VectorStore,
        graph: GraphRows,
        facts: FactStore,
        keys: KeyStore,
        media: MediaStore,
    ) -> None:
        self._engine = engine
        self._ledger = Ledger(engine)
        self._pipeline = pipeline
        self._catalog = pipeline.catalog
        self._store = store
        self._graph = graph
        self._facts = facts
        self._keys = keys
        self._media = media

    def run(self, tenants: Collection[str] | None = None) -> Recount:
        """Recounts these tenants, or the whole state, and repairs. Who called it queues `queued`."""
        self._pipeline.tidy()
        total = Recount()
        for tenant in sorted(self._ledger.tenants() if tenants is None else tenants):
            total += self._tenant(tenant)
        if tenants is None:
            total += Recount(findings=tuple(self._strangers()))
        return total

    def _tenant(self, tenant: str) -> Recount:
        names = self._graph.recount(tenant)
        counts = self._count(tenant)
        files = self._ledger.documents(tenant)
        findings, queued = list(_of_names(tenant, names)), []
        for file in files.values():
            astray = names.astray.get((file.id, file.live_version or 0), 0)
            if astray or _mismatches(file, counts):
                found, again = self._repair(file, astray)
                findings += found
                queued += again
        findings += self._remove_leftovers(tenant, counts)
        orphans = self._remove_orphaned_media(tenant)
        stored = sum(1 for _ in self._media.keys(tenant))
        pages = [counts.pages.get(live, Pages()) for live in _live(files.values())]
        return Recount(
            documents=len(files),
            pages=sum(one.total for one in pages),
            blocks=sum(one.blocks or 0 for one in pages),
            vectors=sum(counts.vectors.values()),
            **_total(counts.graph.values())._asdict(),
            entities=names.entities,
            facts=sum(counts.facts.values()),
            keys=sum(counts.keys.values()),
            media=stored + len(orphans),
            findings=(*findings, *orphans),
            queued=tuple(queued),
        )

    # ------------------------------------------------------------ counting

    def _count(self, tenant: str, doc_id: str | None = None) -> _Counts:
        """Of one document only what is live, where it is named."""
        if doc_id is None:
            vectors = self._store.census(tenant)
        else:
            live = self._catalog.live(tenant, [doc_id])
            vectors = {one: self._store.count(tenant, *one) for one in live.items()}
        named = None if doc_id is None else [doc_id]
        with reading(self._engine) as connection:
            graph = self._graph.census(connection, tenant, named)
            facts = self._facts.census(connection, tenant, named)
            keys = self._keys.census(connection, tenant, named)
        pages, media = self._ledger.pages(tenant, doc_id), self._ledger.media(tenant, doc_id)
        return _Counts(vectors, graph, facts, keys, pages, media, self._lost)

    def _lost(self, file: FileStatus, keys: Collection[str]) -> list[str]:
        """Those of the files of a document that are not there with the content that their key names."""
        return [key for key in sorted(keys) if not self._media.is_whole(file.tenant, key)]

    # ------------------------------------------------------------ repairing

    def _repair(self, file: FileStatus, astray: int) -> tuple[list[Finding], list[FileStatus]]:
        """Looks again, by itself; nothing happens where it was only on its way.

        `astray`: rows of the graph that led nowhere, and are gone since.
        """
        before = self._catalog.statuses(file.tenant, [file.id]).get(file.id)
        counts = self._count(file.tenant, file.id)
        after = self._catalog.statuses(file.tenant, [file.id]).get(file.id)
        if before is None or before != after:
            return [], []
        found = _mismatches(before, counts)
        if astray and before.finished and not found:  # links, which are no document's own
            found.append(_Mismatch("entities", astray, 0))
        if not found:
            return [], []
        if file.content_hash and not self._lost(file, [file.content_hash]):
            try:
                queued = [self._catalog.queue_again(file.tenant, file.id, FINISHED)]
            except WrongStage:
                return [], []  # somebody else has just queued it
        else:
            self._discredit(before, found)
            queued = []
        done: Done = "queued" if queued else "failed"
        return [Finding(file.tenant, file.id, file.source, *one, done=done) for one in found], queued

    def _discredit(self, file: FileStatus, found: list[_Mismatch]) -> None:
        """Marks as failed what cannot be made again here, because its content is not kept."""
        if file.content_hash:
            # What may lie there is not what came: it must not be taken for it when it is sent again.
            self._media.delete(file.tenant, file.content_hash)
        wrong = ", ".join(f"{one.found} of {one.expected} {one.what}" for one in found)
        reason = f"the state holds {wrong}, and its content is not kept; send it again"
        self._catalog.discredit(file.tenant, file.id, file.version, reason)

    def _remove_leftovers(self, tenant: str, counts: _Counts) -> Iterator[Finding]:
        """Points and rows of documents that are gone, and of versions that nobody sees or works on."""
        passages = {version: graph.passages for version, graph in counts.graph.items()}
        kinds: tuple[tuple[What, Mapping[Version, int]], ...] = (
            ("vectors", counts.vectors), ("passages", passages), ("facts", counts.facts), ("keys", counts.keys),
        )  # fmt: skip
        versions = sorted({version for _, found in kinds for version in found})
        known = self._catalog.known({doc_id for doc_id, _ in versions})
        for doc_id, version in versions:
            # Read late: what was in work when it was counted may be live by now.
            file = self._catalog.statuses(tenant, [doc_id]).get(doc_id)
            if (file is None and doc_id in known) or (file and not file.is_over(version)):
                continue
            self._remove(Job(tenant, doc_id, version), file)
            for what, found in kinds:
                if number := found.get((doc_id, version), 0):
                    source = file.source if file else ""
                    yield Finding(tenant, doc_id, source, what, 0, number, "removed")

    def _remove(self, job: Job, file: FileStatus | None) -> None:
        if file is None or (file.live_version is not None and job.version < file.live_version):
            self._pipeline.remove_before(job.tenant, job.doc_id, job.version + 1)
        else:
            self._pipeline.remove_attempt(job, file.content_hash)

    def _remove_orphaned_media(self, tenant: str) -> list[Finding]:
        keys = list(self._media.keys(tenant))
        with self._catalog.unreferenced(tenant, keys) as orphans:
            for key in orphans:
                self._media.delete(tenant, key)
        return [Finding(tenant, "", key, "media", 0, 1, "removed") for key in orphans]

    def _strangers(self) -> Iterator[Finding]:
        """Files in folders of tenants that have no document at all, and files that no key leads to."""
        for path in self._media.strangers(self._ledger.tenants()):
            path.unlink(missing_ok=True)
            yield Finding("", "", path.name, "media", 0, 1, "removed")


def _total(graphs: Iterable[Counted]) -> Counted:
    return Counted(*map(sum, zip(Counted(), *graphs)))


def _of_names(tenant: str, names: Names) -> Iterator[Finding]:
    if names.miscounted:
        right = names.entities + names.unmentioned - names.miscounted
        yield Finding(tenant, "", "", "entities", names.entities + names.unmentioned, right, "corrected")
    if names.unmentioned:
        yield Finding(tenant, "", "", "entities", 0, names.unmentioned, "removed")


def _live(files: Iterable[FileStatus]) -> Iterator[Version]:
    return ((file.id, file.live_version) for file in files if file.live_version is not None)


def _mismatches(file: FileStatus, counts: _Counts) -> list[_Mismatch]:
    """Where the ledger's numbers and the counted ones differ; none for what is still in work."""
    if not file.finished:
        return []
    found = list(_of_live(file, counts))
    needed = counts.media.get((file.id, file.live_version or file.version), set())
    needed = {*needed, file.content_hash} - {""}
    if lost := counts.lost(file, needed):
        found.append(_Mismatch("media", len(needed), len(needed) - len(lost)))
    return found


def _of_live(file: FileStatus, counts: _Counts) -> Iterator[_Mismatch]:
    """The ledger's counts are those of the version that went live last; its pages those of the last read."""
    if file.live_version is None:
        return
    key = file.id, file.live_version
    graph = counts.graph.get(key, Counted())
    numbers: list[tuple[What, int, int]] = [
        ("vectors", file.chunks, counts.vectors.get(key, 0)),
        ("passages", file.chunks, graph.passages),
        ("sentences", file.sentences, graph.sentences),
        ("mentions", file.mentions, graph.mentions),
        ("subjects", file.subjects, graph.subjects),
        ("facts", file.facts, counts.facts.get(key, 0)),
        ("keys", file.keys, counts.keys.get(key, 0)),
    ]
    if file.live_version == file.version:
        pages = counts.pages.get(key, Pages())
        numbers.append(("pages", file.pages_done, pages.total - pages.failed))
        if pages.blocks is not None:
            numbers.append(("blocks", file.blocks, pages.blocks))
    for what, expected, is_there in numbers:
        if expected != is_there:
            yield _Mismatch(what, expected, is_there)
