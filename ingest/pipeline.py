"""The write path: FILE -> INDEX + GRAPH, from top to bottom as the README tells it.

    accept    the bytes into the media store, then a row in the catalogue
    read      the file in a limited child process -> its content, kept as an artefact
    index     blocks -> chunks -> vectors -> the vector store, made durable and counted
    publish   graph rows, facts and the flip of the live version, in one database transaction
    sweep     what nobody sees any more: older versions, retired documents, artefacts

Every stage may be done twice, and may be cut off at any point and done again: ids are made from
content, and nothing is deleted before its successor is live. A stage that fails for a reason that
lies in the file notes it in the catalogue and returns nothing: the stages after it are left out. What
lies in a store, or is a defect of ours, is raised. Knows nothing of queues: `jobs.py` calls the stages.
"""

import shutil
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path, PurePath
from threading import BoundedSemaphore, Event, Lock
from time import monotonic
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection

from core.database import compact_database
from core.errors import BackendError, InputError, Overloaded, TooLarge, UnreadableFile
from core.glossary import Glossary
from core.ids import chunk_id
from core.memory import collection_paused
from core.ports import Embedder, SparseEncoder, VectorStore
from core.types import PUBLIC, Access, Chunk, Content, Document, Fact, Point
from ingest.chunk import Chunker, Measured
from ingest.crashpoints import Reached, nothing
from ingest.dates import stated_date
from ingest.facts import facts_of
from ingest.keys import make_key, may_have_key
from ingest.limits import Limits
from ingest.sandbox import Interrupted, read_file
from kg.census import Counted, Names
from rag.index.catalog import Catalog
from rag.index.embed import TextEmbedder
from rag.index.facts import FactStore
from rag.index.files import Arrival, FileStatus, Indexed, Job, blocks_of, check_arrival
from rag.index.keys import DocumentKey, KeyStore
from rag.index.media import MediaStore
from rag.index.turns import Room

EMBED_AT_ONCE = 256  # chunks: full batches for the encoder, and a step of the progress
RECORDS_AT_ONCE = 1000  # documents in one transaction
READERS = 2  # files that are read side by side; embedding is one at a time

Step = Callable[..., Any]
ReadFile = Callable[..., Content]  # as `ingest.sandbox.read_file`
Counts = Mapping[str, int]
Batch = Mapping[str, Sequence[Measured]]  # the chunks of documents, by document id


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion removed: vectors, passages of the graph, entities that nothing mentions any more,
    and files that nothing refers to any more (the document itself, its images).
    """

    points: int = 0
    passages: int = 0
    entities: int = 0
    blobs: int = 0


class GraphRows(Protocol):
    """What the write path needs of `kg.store.GraphStore`."""

    def write_many(
        self,
        connection: Connection,
        tenant: str,
        documents: Iterable[tuple[str, int, Sequence[Chunk]]],
    ) -> Mapping[str, Counted]: ...
    def census(
        self, connection: Connection, tenant: str, doc_ids: Sequence[str] | None = None
    ) -> Mapping[tuple[str, int], Counted]: ...
    def recount(self, tenant: str) -> Names: ...
    def delete(
        self, connection: Connection, tenant: str, doc_id: str, before_version: int | None = None
    ) -> tuple[int, int]: ...


def directly(stage: Callable[..., Any], *arguments: Any) -> Any:
    """A step that is not made durable."""
    return stage(*arguments)


class Pipeline:
    def __init__(
        self,
        *,
        catalog: Catalog,
        media: MediaStore,
        store: VectorStore,
        embedder: TextEmbedder,
        sparse: SparseEncoder,
        graph: GraphRows,
        keys: KeyStore,
        facts: FactStore,
        glossary: Glossary,
        limits: Limits,
        scratch: Path,
        image_embedder: Embedder | None = None,
        max_bytes: int = 200_000_000,
        room: Room | None = None,
        read_file: ReadFile = read_file,
        reached: Reached = nothing,
    ) -> None:
        self.catalog = catalog
        self._media = media
        self._store = store
        self._embedder = embedder
        self._sparse = sparse
        self._graph = graph
        self._keys = keys
        self._facts = facts
        self._glossary = glossary
        self._image_embedder = image_embedder
        self._limits = limits
        self._scratch = scratch
        self._max_bytes = max_bytes
        self._room = room
        self._read_file = read_file
        self._reached = reached
        self._chunker = Chunker(
            count_tokens=embedder.count_tokens,
            max_tokens=embedder.max_tokens,
            wordless=image_embedder is not None,
        )
        self._reading = BoundedSemaphore(READERS)
        self._embedding = Lock()
        self._stopping = Event()
        # Chunks wait here between `index` and `publish`; after a restart they are made again.
        self._indexed: dict[Job, _Prepared] = {}

    # ------------------------------------------------------------ a file

    def accept(
        self,
        tenant: str,
        source: str,
        data: Path | bytes,
        access: Collection[str] = PUBLIC,
        also: Sequence[str] = (),
    ) -> FileStatus:
        """Takes a file in; once it returns, neither a crash nor a power cut loses the file.

        It is known under the names in `also` too. The same content again is a no-op. Raises TooLarge, InputError for an impossible name, and
        Overloaded, with nothing kept, where more would wait than there is room for.
        """
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        if size > self._max_bytes:
            raise TooLarge(
                f"{source!r} has {size:,} bytes; at most {self._max_bytes:,} are taken", param="file"
            )
        for name in (source, *also):
            check_arrival(name, access)
        content = data if isinstance(data, bytes) else data.read_bytes()
        key = self._media.put(tenant, content)
        self._reached("after_keep_file")
        try:
            accepted = self.catalog.accept(tenant, source, key, len(content), access, self._room, also)
        except Overloaded:
            with self.catalog.unreferenced(tenant, [key]) as orphans:
                self._delete_media(tenant, orphans)
            raise
        # A sweep may have deleted these bytes just before the catalogue referred to them.
        if not self._media.exists(tenant, key):
            self._media.put(tenant, content)
        self._reached("after_accept")
        if accepted.retired:
            self._remove_retired(tenant)
        return accepted.file

    def run(self, job: Job, step: Step = directly) -> None:
        """From the accepted file to the ready document. `step` calls a stage and makes it durable."""
        artefact = step(self.read, *job)
        counts = artefact and step(self.index, *job, artefact)
        if counts:
            step(self.publish, *job, artefact, counts)
        step(self.sweep, *job, artefact)

    def read(self, tenant: str, doc_id: str, version: int) -> str:
        """Returns the key of the content in the media store, or "" to go no further."""
        job = Job(tenant, doc_id, version)
        with self._reading:
            self._go_on()
            file = self.catalog.start(job, "reading")
            if file is None:
                return ""
            try:
                content = self._read(job, file)
                (artefact,) = self._keep(job, [msgspec.msgpack.encode(content)])
            except InputError as error:
                self.catalog.fail(job, error.message)
                return ""
            except _Unwanted:
                return ""
        self.catalog.describe([_document(file, content)])
        self._reached("after_describe")
        return artefact

    def index(self, tenant: str, doc_id: str, version: int, artefact: str) -> Counts:
        """Returns the counts of what is in the vector store now, or nothing to go no further."""
        job = Job(tenant, doc_id, version)
        file = self.catalog.start(job, "indexing")
        if file is None:
            return {}
        document = self._load(file, artefact)
        _check_content(file, document.content)
        measured = self._split(document)
        if not measured:
            self.catalog.fail(job, "no text was found in the file")
            return {}
        _check_chunks(document, measured)
        pages = [page.number for page in document.content.pages if not page.problem]

        def note(done: int) -> None:
            # The end is noted by `publish`.
            if done < len(measured) and not self.catalog.progress(job, _pages_done(pages, measured, done)):
                raise _Unwanted

        try:
            dropped = self._embed({doc_id: measured}, note)
        except _Unwanted:
            return {}
        vectors = self._check_vectors(tenant, {doc_id: version}, {doc_id: measured})
        self._indexed[job] = _Prepared(measured, _facts(document, measured))
        return {
            "chunks": len(measured),
            "tokens": _tokens(measured),
            "tokens_dropped": dropped[doc_id],
            "vectors": vectors[doc_id],
        }

    def publish(self, tenant: str, doc_id: str, version: int, artefact: str, counts: Counts) -> bool:
        """Makes the version visible and hides what it supersedes, at one instant."""
        job = Job(tenant, doc_id, version)
        prepared = self._indexed.pop(job, None)
        if prepared is None:
            file = self.catalog.current(job)
            if file is None:
                return False
            document = self._load(file, artefact)
            measured = self._split(document)
            prepared = _Prepared(measured, _facts(document, measured))
        return self._publish(tenant, [Indexed(doc_id, version, **counts)], {doc_id: prepared}) == 1

    def sweep(self, tenant: str, doc_id: str, version: int, artefact: str = "") -> bool:
        """Removes what this job, and what it superseded, left behind."""
        job = Job(tenant, doc_id, version)
        self._indexed.pop(job, None)
        shutil.rmtree(self._folder(job), ignore_errors=True)
        if artefact:
            with self.catalog.releasing_blobs(job, [artefact]) as keys:
                self._delete_media(tenant, keys)
            self._reached("after_release")
        file = self.catalog.statuses(tenant, [doc_id]).get(doc_id)
        if file and file.is_over(version):
            self.remove_attempt(job, file.content_hash)
        if file and file.live_version is not None:
            if file.live_version > 1:
                self.remove_before(tenant, doc_id, file.live_version)
        elif file is None:
            self.remove_before(tenant, doc_id, version + 1)
        self._remove_retired(tenant)
        return True

    def delete(self, tenant: str, doc_id: str) -> Receipt:
        """Hides a document at once, then removes it wholly, and says what that was. Raises NotFound.

        Cut off in the middle, it is finished by the next sweep, or by `tidy`. What a stage that is
        running just now still writes goes with the sweep of its job.
        """
        self.catalog.retire(tenant, doc_id)
        self._reached("after_retire")
        return self._remove_retired(tenant).get(doc_id, Receipt())

    def compact(self) -> None:
        """Frees what was deleted, so that no byte of it is left in the state. No job may run meanwhile."""
        self._store.compact()
        compact_database(self.catalog.engine)

    def tidy(self) -> None:
        """Finishes the removals that a process which died had begun."""
        for tenant in sorted({job.tenant for job in self.catalog.retired()}):
            self._remove_retired(tenant)

    def rekey(self, tenant: str, on_document: Callable[[FileStatus], None] = lambda _file: None) -> int:
        """Makes the keys of all live documents again, from the passages that are indexed. Returns how many.

        For a state from before there were keys, and after the glossary was extended: nothing is read or embedded.
        """
        done = 0
        for file in self._live_files(tenant):
            assert file.live_version is not None
            ids = [chunk_id(tenant, file.id, file.live_version, ordinal) for ordinal in range(file.chunks)]
            chunks = self._store.get(ids, access=Access(tenant, file.access))
            key = self._key_of(tenant, file.id, chunks)
            with self.catalog.engine.begin() as connection:
                self._keys.write(connection, tenant, file.id, file.live_version, key)
                self.catalog.rekeyed(connection, file.id, file.live_version, key.rows)
            done += 1
            on_document(file)
        return done

    def interrupt(self) -> None:
        """Ends the stages that are running, at once or at the next batch, with `Interrupted`."""
        self._stopping.set()

    # ------------------------------------------------------------ records

    def index_documents(
        self, documents: Iterable[Document], on_progress: Callable[[int], None] = lambda _done: None
    ) -> int:
        """Indexes documents that need no reading: a record is a document of a few lines.

        The same stages as for a file, for many documents at once; versions are the catalogue's. What is
        live already is left alone. Returns how many went live; `on_progress` is told as it grows.
        """
        done = 0
        for tenant, records in groupby(documents, key=lambda document: document.tenant):
            for group in _batched(records, RECORDS_AT_ONCE):
                done += self._index_records(tenant, group)
                on_progress(done)
        return done

    def _index_records(self, tenant: str, records: Sequence[Document]) -> int:
        arrivals = [Arrival(one.id, one.source, "", _size(one), one.access, one.title) for one in records]
        files = {accepted.file.id: accepted.file for accepted in self.catalog.accept_all(tenant, arrivals)}
        unfinished = {one.id: one for one in records if files[one.id].status != "ready"}
        documents = [replace(one, version=files[one.id].version) for one in unfinished.values()]
        wanted = self.catalog.describe(documents)
        documents = [one for one in documents if one.id in wanted]
        self._chunker.meet(documents)
        measured = {one.id: self._split(one) for one in documents}
        for doc_id in [doc_id for doc_id, chunks in measured.items() if not chunks]:
            self.catalog.fail(Job(tenant, doc_id, files[doc_id].version), "no text was found in the record")
            del measured[doc_id]
        for one in documents:
            if one.id in measured:
                _check_chunks(one, measured[one.id])
        dropped = self._embed(measured, lambda _done: self._go_on())
        versions = {doc_id: files[doc_id].version for doc_id in measured}
        vectors = self._check_vectors(tenant, versions, measured)
        indexed = [
            Indexed(doc_id, versions[doc_id], len(chunks), _tokens(chunks), dropped[doc_id], vectors[doc_id])
            for doc_id, chunks in measured.items()
        ]
        prepared = {
            one.id: _Prepared(measured[one.id], _facts(one, measured[one.id]))
            for one in documents
            if one.id in measured
        }
        done = self._publish(tenant, indexed, prepared)
        replaced = [doc_id for doc_id in measured if files[doc_id].live_version is not None]
        for doc_id, version in self.catalog.live(tenant, replaced).items():
            self.remove_before(tenant, doc_id, version)
        self._remove_retired(tenant)
        return done

    # ------------------------------------------------------------ what the stages are made of

    def _read(self, job: Job, file: FileStatus) -> Content:
        """The content of a file, its images in the media store. Raises InputError with the reason."""
        folder = self._folder(job)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stop = Stop(self._stopping, lambda: self.catalog.current(job) is not None)
        try:
            original = self._media.path(file.tenant, file.content_hash)
            content = self._read_file(
                original, name=file.source, limits=self._limits, scratch=folder, stop=stop
            )
            problems = [page.problem for page in content.pages]
            if all(problems):
                raise UnreadableFile(
                    f"no page could be read: {problems[0]}" if problems else "it has no pages"
                )
            self._reached("after_read")
            self._keep(job, sorted(path for path in folder.iterdir() if path.is_file()))
        except Interrupted:
            if self._stopping.is_set():
                raise
            raise _Unwanted from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return replace(content, valid_from=stated_date(content))

    def _live_files(self, tenant: str) -> Iterator[FileStatus]:
        after: str | None = None
        while files := self.catalog.list_files(tenant, after=after, limit=RECORDS_AT_ONCE):
            yield from (file for file in files if file.live_version is not None)
            after = files[-1].id

    def _load(self, file: FileStatus, artefact: str) -> Document:
        data = self._media.get(file.tenant, artefact)
        with collection_paused():
            return _document(file, msgspec.msgpack.decode(data, type=Content))

    def _split(self, document: Document) -> list[Measured]:
        with collection_paused():
            return self._chunker.split(document)

    def _embed(self, documents: Batch, on_batch: Callable[[int], None]) -> Counter[str]:
        """Vectors into the store, made durable. Returns the tokens that were dropped, by document."""
        chunks = [one.chunk for measured in documents.values() for one in measured]
        dropped: Counter[str] = Counter()
        with self._embedding:
            for start in range(0, len(chunks), EMBED_AT_ONCE):
                self._go_on()
                batch = chunks[start : start + EMBED_AT_ONCE]
                before = self._embedder.tokens_dropped
                points = self._points(batch)
                if self._embedder.tokens_dropped != before:
                    dropped += self._over(batch)
                self._store.upsert(points)
                self._reached("after_upsert")
                on_batch(start + len(batch))
            self._store.flush()
        self._reached("after_flush")
        return dropped

    def _points(self, chunks: Sequence[Chunk]) -> list[Point]:
        spaces = [{"text": vector} for vector in self._embedder.chunks(chunks)]
        pictured = [index for index, chunk in enumerate(chunks) if chunk.image]
        if self._image_embedder and pictured:
            images = self._image_embedder.chunks([chunks[index] for index in pictured])
            for index, vector in zip(pictured, images, strict=True):
                spaces[index]["image"] = vector
        words = self._sparse.chunks(chunks)
        return [Point(*parts) for parts in zip(chunks, spaces, words, strict=True)]

    def _over(self, chunks: Sequence[Chunk]) -> Counter[str]:
        """What the encoder cannot read of these chunks, in tokens."""
        lengths = self._embedder.count_tokens([chunk.embedded_text for chunk in chunks])
        over: Counter[str] = Counter()
        for chunk, length in zip(chunks, lengths, strict=True):
            over[chunk.doc_id] += max(0, length - self._embedder.max_tokens)
        return over

    def _check_vectors(self, tenant: str, versions: Mapping[str, int], documents: Batch) -> dict[str, int]:
        """How many vectors the store has of each version: as many as there are chunks, or nothing goes on."""
        census = self._store.census(tenant, list(versions))
        vectors = {doc_id: census.get((doc_id, version), 0) for doc_id, version in versions.items()}
        for doc_id, found in vectors.items():
            if found != len(documents[doc_id]):
                raise BackendError(
                    f"the index holds {found} of the {len(documents[doc_id])} passages of {doc_id!r}"
                )
        return vectors

    def _publish(self, tenant: str, indexed: Sequence[Indexed], documents: Mapping[str, "_Prepared"]) -> int:
        """Graph rows, keys, facts and visibility in one transaction. Returns how many went live."""
        keys = {doc_id: self._key(tenant, doc_id, one.measured) for doc_id, one in documents.items()}
        indexed = [
            replace(one, facts=len(documents[one.doc_id].facts), keys=keys[one.doc_id].rows)
            for one in indexed
        ]
        with self.catalog.engine.begin() as connection:
            wanted = self.catalog.wanted(connection, tenant, indexed)
            if not wanted:
                return 0
            rows = [
                (one.doc_id, one.version, [passage.chunk for passage in documents[one.doc_id].measured])
                for one in wanted
            ]
            written = self._graph.write_many(connection, tenant, rows)
            self._keys.write_many(
                connection, tenant, [(one.doc_id, one.version, keys[one.doc_id]) for one in wanted]
            )
            self._facts.write_many(
                connection, tenant, [(one.doc_id, one.version, documents[one.doc_id].facts) for one in wanted]
            )
            self._reached("after_graph")
            counted = self._check_rows(connection, tenant, wanted, written)
            done = len(self.catalog.publish(connection, tenant, counted).live)
            self._reached("after_flip")
        self._reached("after_publish")
        return done

    def _check_rows(
        self,
        connection: Connection,
        tenant: str,
        indexed: Sequence[Indexed],
        written: Mapping[str, Counted],
    ) -> list[Indexed]:
        """With the rows that the graph has now: a passage for each chunk, and what was `written`.

        So with facts and keys. Or nothing goes live.
        """
        doc_ids = [one.doc_id for one in indexed]
        graph = self._graph.census(connection, tenant, doc_ids)
        facts = self._facts.census(connection, tenant, doc_ids)
        keys = self._keys.census(connection, tenant, doc_ids)
        counted = []
        for one in indexed:
            key = one.doc_id, one.version
            expected = written[one.doc_id]._replace(passages=one.chunks)
            there = graph.get(key, Counted())
            for what, found, wanted in zip(Counted._fields, there, expected, strict=True):
                if found != wanted:
                    raise BackendError(f"the graph holds {found} of the {wanted} {what} of {one.doc_id!r}")
            if (found := facts.get(key, 0)) != one.facts:
                raise BackendError(f"the database holds {found} of the {one.facts} facts of {one.doc_id!r}")
            if (found := keys.get(key, 0)) != one.keys:
                raise BackendError(f"the database holds {found} of the {one.keys} keys of {one.doc_id!r}")
            counted.append(replace(one, **there._asdict()))
        return counted

    def _key(self, tenant: str, doc_id: str, measured: Sequence[Measured]) -> DocumentKey:
        return self._key_of(tenant, doc_id, [one.chunk for one in measured])

    def _key_of(self, tenant: str, doc_id: str, chunks: Sequence[Chunk]) -> DocumentKey:
        if not may_have_key(chunks):
            return DocumentKey()
        return make_key(chunks[0].title, self.catalog.names(tenant, doc_id), chunks, self._glossary)

    def _keep(self, job: Job, blobs: Sequence[bytes | Path]) -> list[str]:
        """Puts blobs into the media store for this version. Returns their keys."""
        keys = [self._media.put(job.tenant, _bytes(blob)) for blob in blobs]
        self._reached("after_keep")
        if not self.catalog.refer(job, keys):
            with self.catalog.releasing_blobs(job, keys) as orphans:
                self._delete_media(job.tenant, orphans)
            raise _Unwanted
        for key, blob in zip(keys, blobs, strict=True):
            # A sweep may have deleted the blob just before the catalogue referred to it.
            if not self._media.exists(job.tenant, key):
                self._media.put(job.tenant, _bytes(blob))
        self._reached("after_refer")
        return keys

    def _remove_retired(self, tenant: str) -> dict[str, Receipt]:
        receipts = {}
        for job in self.catalog.retired(tenant):
            receipts[job.doc_id] = self.remove_before(tenant, job.doc_id, job.version + 1)
            self._reached("before_forget")
            self.catalog.forget(job)
        return receipts

    def remove_before(self, tenant: str, doc_id: str, version: int) -> Receipt:
        """Removes points, rows and blobs of the versions below `version`."""
        points = self._store.delete(tenant, doc_id, before_version=version)
        if points:
            self._store.flush()
        self._reached("after_delete_points")
        with self.catalog.engine.begin() as connection:
            passages, entities = self._graph.delete(connection, tenant, doc_id, before_version=version)
            self._keys.delete(connection, doc_id, before_version=version)
            self._facts.delete(connection, doc_id, before_version=version)
        self._reached("after_delete_graph")
        with self.catalog.releasing(tenant, doc_id, before_version=version) as keys:
            self._delete_media(tenant, keys)
            self._reached("after_delete_media")
            blobs = len(keys)
        return Receipt(points, passages, entities, blobs)

    def remove_attempt(self, job: Job, content_hash: str) -> int:
        """Removes what a version left that never went live; the bytes of the file stay for another attempt."""
        points = self._store.delete(job.tenant, job.doc_id, version=job.version)
        if points:
            self._store.flush()
        keys = self.catalog.references(job) - {content_hash}
        with self.catalog.releasing_blobs(job, sorted(keys)) as orphans:
            self._delete_media(job.tenant, orphans)
        return points

    def _folder(self, job: Job) -> Path:
        return self._scratch / f"{job.doc_id}-{job.version}"

    def _delete_media(self, tenant: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._media.delete(tenant, key)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise Interrupted


class Stop:
    """Whether reading should end: the process is stopping, or nobody wants this version any more.

    `is_wanted` is asked every `every` seconds of `clock` at most.
    """

    def __init__(
        self,
        stopping: Event,
        is_wanted: Callable[[], bool],
        *,
        every: float = 1.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._stopping = stopping
        self._is_wanted = is_wanted
        self._every = every
        self._clock = clock
        self._next = clock() + every

    def is_set(self) -> bool:
        if self._stopping.is_set():
            return True
        if self._clock() < self._next:
            return False
        self._next = self._clock() + self._every
        return not self._is_wanted()


class _Unwanted(Exception):
    """The document was deleted, cancelled, superseded or queued again meanwhile."""


class _Prepared(NamedTuple):
    """What `publish` writes of one version."""

    measured: Sequence[Measured]
    facts: Sequence[Fact]


def _facts(document: Document, measured: Sequence[Measured]) -> list[Fact]:
    with collection_paused():
        return facts_of(document, [one.chunk for one in measured])


def _document(file: FileStatus, content: Content) -> Document:
    title = " ".join(content.title.split()) or PurePath(file.source).stem
    return Document(file.id, file.tenant, file.source, file.version, title, file.access, content)


def _check_content(file: FileStatus, content: Content) -> None:
    """What was read must still be what the catalogue says was read."""
    found, expected = (len(content.pages), blocks_of(content)), (file.pages_total, file.blocks)
    if found != expected:
        raise BackendError(
            f"the artefact of {file.id!r} holds {found[0]} pages and {found[1]} blocks, "
            f"{expected[0]} and {expected[1]} were read"
        )


def _check_chunks(document: Document, measured: Sequence[Measured]) -> None:
    """Every block with words must stand in a chunk, or over one as its heading."""
    expected = sum(1 for page in document.content.pages for block in page.blocks if block.text.strip())
    found = sum(one.blocks for one in measured)
    if found != expected:
        raise BackendError(f"the passages of {document.id!r} hold {found} of {expected} blocks with words")


def _pages_done(pages: Sequence[int], measured: Sequence[Measured], done: int) -> int:
    """How many of these pages stand wholly in the first `done` chunks, which are not all."""
    following = next(iter(measured[done].chunk.places), None)
    return bisect_left(pages, following.page) if following and following.page else 0


def _tokens(measured: Sequence[Measured]) -> int:
    return sum(one.tokens for one in measured)


def _size(document: Document) -> int:
    return sum(len(block.text.encode()) for page in document.content.pages for block in page.blocks)


def _bytes(blob: bytes | Path) -> bytes:
    return blob if isinstance(blob, bytes) else blob.read_bytes()


def _batched(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    iterator = iter(documents)
    while group := list(islice(iterator, size)):
        yield group
