"""The embedded vector store: Qdrant Edge, the server's engine inside this process.

Knows one folder and owns it: a second process is told so. Exact search; documented up to
MAX_POINTS. `optimize()` is never called here: it holds the interpreter lock for minutes.

Folder: `lock` (who owns it) and `points/` with `identity.json` and the engine's `shard/`. The
folder `points` appears by one rename when all of it is there. On disk: about 3.5 KB for a passage
of 100 words, and a log of 32 to 64 MB. What is deleted is found no more, but keeps its room and its
bytes until `compact` copies what is left into a new folder.
"""

import fcntl
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from threading import RLock
from typing import IO, Any
from uuid import UUID

from core.errors import BackendError, InputError, StateInUse
from core.types import Access, Chunk, Point, Scored, Sparse, Vector
from rag.index.doors import Doors
from rag.index.heads import Head, Heads, Readers
from rag.index.payload import (
    ACCESS_FIELDS,
    HIT_FIELDS,
    INDEXED_FIELDS,
    chunk_of,
    may_see,
    payload_of,
    readers,
)
from rag.index.store import WORDS, Identity, Where, best, check_points, check_query, visible

MAX_POINTS = 310_000  # measured at 300,000 (docs/operations.md); documents changed there need room
BATCH = 500  # points in one operation of the engine's log
SCROLLED = 1_000  # points in one look at all of them


class EdgeStore:
    """`VectorStore` on a folder. Writes survive the death of the process when `upsert` returns,
    and power loss when `flush` returns.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        *,
        clock: Callable[[], float] = time.time,
        max_points: int = MAX_POINTS,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._max_points = max_points
        self._folder = folder
        self._heads: Heads[int] = Heads()
        self._doors = Doors()  # of the shard, which `compact` replaces
        self._writing = RLock()  # taken before the doors
        self._lock = _own(folder)
        try:
            self._shard = _open(folder, identity)
        except BaseException:
            self._lock.close()
            raise

    def upsert(self, points: Sequence[Point]) -> None:
        check_points(points, self._identity)
        self._refuse_beyond_limit(len(points))
        created = int(self._clock())
        # All of them before the first is written: a chunk that cannot be packed stops the whole.
        ready = [_point(point, created) for point in points]
        heads = [(_key(point.chunk.id), _head_of(point.chunk)) for point in points]
        with self._writing:
            for start in range(0, len(ready), BATCH):
                written = heads[start : start + BATCH]
                try:
                    self._update("upsert_points", ready[start : start + BATCH])
                finally:  # also what failed may be written in part
                    self._heads.forget(key for key, _ in written)
                self._heads.learn(written)

    def search(
        self,
        space: str,
        query: Vector | Sparse,
        *,
        access: Access,
        limit: int,
        doc_ids: frozenset[str] | None = None,
        chunk_ids: frozenset[str] | None = None,
    ) -> list[Scored]:
        from qdrant_edge import IdfParams, Query, QueryRequest, SearchParams

        check_query(space, query, self._identity)
        where = visible(access, doc_ids, chunk_ids)
        if where.nothing or limit < 1 or (isinstance(query, Sparse) and not query.indices.size):
            return []
        nearest = Query.Nearest(_vector(query), using=space)
        # A term's rarity is counted in the caller's tenant alone: the rarity among all would
        # tell of other tenants' words, and rank by them.
        params = SearchParams(
            exact=True, idf=IdfParams(corpus=_filter(Where(access.tenant))) if space == WORDS else None
        )
        condition = _filter(where)
        seen = _Seen(access)

        def fetch(wanted: int) -> list[Scored]:
            request = QueryRequest(wanted, query=nearest, filter=condition, params=params)
            with self._engine() as shard:
                scores = {point.id.int: point.score for point in shard.query(request)}
                heads = self._heads.of(scores, partial(_heads, shard))
            return [
                Scored(head.chunk_id, head.doc_id, head.version, scores[key])
                for key, head in heads.items()
                if seen[head.readers]
            ]

        return best(fetch, limit)

    def cosines(
        self, space: str, query: Vector, chunk_ids: frozenset[str], *, access: Access
    ) -> dict[str, float]:
        from qdrant_edge import Query, QueryRequest, SearchParams

        check_query(space, query, self._identity)
        where = visible(access, chunk_ids=chunk_ids)
        if where.nothing:
            return {}
        request = QueryRequest(
            len(chunk_ids),
            query=Query.Nearest(_vector(query), using=space),
            filter=_filter(where),
            params=SearchParams(exact=True),
        )
        with self._engine() as shard:
            scores = {point.id.int: point.score for point in shard.query(request)}
        asked = {_key(chunk_id): chunk_id for chunk_id in chunk_ids}
        return {asked[key]: score for key, score in scores.items()}

    def get(self, chunk_ids: Sequence[str], *, access: Access) -> list[Chunk]:
        if not chunk_ids:
            return []
        with self._engine() as shard:
            records = shard.retrieve(list(dict.fromkeys(chunk_ids)), True, False)
        chunks = {}
        for record in records:
            if may_see(access, record.payload):
                chunks[str(record.id)] = chunk_of(str(record.id), record.payload)
        return [chunks[chunk_id] for chunk_id in chunk_ids if chunk_id in chunks]

    def delete(
        self, tenant: str, doc_id: str, *, version: int | None = None, before_version: int | None = None
    ) -> int:
        doc_ids = frozenset({doc_id})
        where = Where(tenant, doc_ids=doc_ids, version=version, before_version=before_version)
        with self._writing:  # or the number would not be that of the points that went
            doomed = self._count(where)
            if doomed:
                self._update("delete_points_by_filter", _filter(where))
        return doomed

    def count(self, tenant: str, doc_id: str | None = None, version: int | None = None) -> int:
        doc_ids = None if doc_id is None else frozenset({doc_id})
        return self._count(Where(tenant, doc_ids=doc_ids, version=version))

    def census(self, tenant: str, doc_ids: Collection[str] | None = None) -> dict[tuple[str, int], int]:
        from qdrant_edge import PayloadSelector, ScrollRequest

        counts: Counter[tuple[str, int]] = Counter()
        wanted = Where(tenant, doc_ids=None if doc_ids is None else frozenset(doc_ids))
        if wanted.nothing:
            return {}
        where, following = _filter(wanted), None
        while True:
            request = ScrollRequest(
                following, SCROLLED, where, with_payload=PayloadSelector.Include(["doc_id", "version"])
            )
            with self._engine() as shard:
                records, following = shard.scroll(request)
            counts.update((record.payload["doc_id"], record.payload["version"]) for record in records)
            if following is None:
                return dict(counts)

    def compact(self) -> None:
        """Copies every point into a new shard and drops the old one: the engine's own optimizer would
        leave short segments and the log as they are. Who writes meanwhile waits to its end, who searches
        while the two change places.
        """
        points = self._folder / "points"
        with self._writing:
            with _engine_errors():
                fresh = _begin(_unfinished(points), self._identity)
                for records in self._everything():
                    _write(fresh, [_copied(record) for record in records])
                fresh.flush()
                fresh.close()
            with self._doors.alone(), _engine_errors():
                self._shard.close()
                _finish(points, self._identity)
                self._shard = _load(points)

    def _everything(self) -> Iterator[list[Any]]:
        from qdrant_edge import ScrollRequest

        following = None
        while True:
            request = ScrollRequest(following, BATCH, None, with_payload=True, with_vector=True)
            with self._engine() as shard:
                records, following = shard.scroll(request)
            yield records
            if following is None:
                return

    def flush(self) -> None:
        with self._engine() as shard:
            shard.flush()

    def close(self) -> None:
        """Flushes and gives the folder back; a second call does nothing."""
        if not self._lock.closed:
            with _engine_errors():
                self._shard.close()
            self._lock.close()

    def _count(self, where: Where) -> int:
        from qdrant_edge import CountRequest

        with self._engine() as shard:
            return int(shard.count(CountRequest(exact=True, filter=_filter(where))))

    def _update(self, operation: str, argument: Any) -> None:
        from qdrant_edge import UpdateOperation

        with self._writing, self._engine() as shard:
            shard.update(getattr(UpdateOperation, operation)(argument))

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """The shard, which stays in its place as long as the block lasts."""
        with self._doors.shared(), _engine_errors():
            yield self._shard

    def _refuse_beyond_limit(self, more: int) -> None:
        with self._engine() as shard:
            held = shard.info().points_count
        if held + more > self._max_points:
            raise InputError(
                f"the embedded index holds {held:,} of at most {self._max_points:,} passages, {more:,} more "
                "do not fit; use a Qdrant server (SIGHTLINE_QDRANT_URL)"
            )


# ---------------------------------------------------------------- the folder


def _own(folder: Path) -> IO[str]:
    """Holds the folder's lock until the file is closed or the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise StateInUse(
            f"the vector index {folder} is open in process {owner}; stop it, or ask through its server"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _open(folder: Path, identity: Identity) -> Any:
    points = folder / "points"
    if _former(points).exists():  # a process died while it replaced the folder
        if points.exists():
            shutil.rmtree(_former(points))
        else:
            _former(points).rename(points)
    if not points.exists():
        with _engine_errors():
            shard = _begin(_unfinished(points), identity)
            shard.flush()
            shard.close()
        _finish(points, identity)
    try:
        found = Identity.from_json((points / "identity.json").read_text("utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise BackendError(f"the vector index {folder} is damaged: identity.json: {error}") from error
    identity.require(found, f"in {folder}")
    with _engine_errors():
        return _load(points)


def _load(points: Path) -> Any:
    from qdrant_edge import EdgeShard

    return EdgeShard.load(str(points / "shard"))


def _begin(unfinished: Path, identity: Identity) -> Any:
    """An empty shard in a folder that does not count yet."""
    from qdrant_edge import EdgeShard, UpdateOperation

    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir()
    shard = EdgeShard.create(str(unfinished / "shard"), _config(identity))
    for field, kind in INDEXED_FIELDS.items():
        shard.update(UpdateOperation.create_field_index(field, _index(kind)))
    return shard


def _finish(points: Path, identity: Identity) -> None:
    """From now on the unfinished folder counts; one that was there before is gone."""
    unfinished, former = _unfinished(points), _former(points)
    (unfinished / "identity.json").write_text(identity.to_json(), "utf-8")
    for path in (unfinished / "identity.json", unfinished):
        _fsync(path)
    if points.exists():
        points.rename(former)
    unfinished.rename(points)
    _fsync(points.parent)
    if former.exists():
        shutil.rmtree(former)


def _unfinished(points: Path) -> Path:
    return points.with_name("points.unfinished")


def _former(points: Path) -> Path:
    return points.with_name("points.former")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- our words in the engine's


def _config(identity: Identity) -> Any:
    from qdrant_edge import Distance, EdgeConfig, EdgeSparseVectorParams, EdgeVectorParams, Modifier

    return EdgeConfig(
        vectors={
            name: EdgeVectorParams(size=space.size, distance=Distance.Cosine)
            for name, space in identity.spaces.items()
        },
        sparse_vectors={WORDS: EdgeSparseVectorParams(modifier=Modifier.Idf)},
        # Without the log a killed process loses everything since the last flush.
        wal_enabled=True,
    )


def _index(kind: str) -> Any:
    from qdrant_edge import IntegerIndexParams, KeywordIndexParams

    kinds = {
        "tenant": KeywordIndexParams(is_tenant=True),
        "keyword": KeywordIndexParams(),
        "integer": IntegerIndexParams(lookup=True, range=True),
        "time": IntegerIndexParams(lookup=False, range=True),
    }
    return kinds[kind]


def _point(point: Point, created: int) -> Any:
    from qdrant_edge import Point as EdgePoint

    vectors = {name: _vector(vector) for name, vector in point.vectors.items()}
    if point.words is not None and point.words.indices.size:
        vectors[WORDS] = _vector(point.words)
    return EdgePoint(point.chunk.id, vectors, payload_of(point.chunk, created=created))


def _heads(shard: Any, keys: list[int]) -> Iterator[tuple[int, Head]]:
    from qdrant_edge import PayloadSelector

    ids = [UUID(int=key) for key in keys]
    for record in shard.retrieve(ids, PayloadSelector.Include(list(HIT_FIELDS)), False):
        yield record.id.int, _head(record)


def _head(record: Any) -> Head:
    payload = record.payload
    readers_of = _readers(payload["tenant"], tuple(payload["access"]))
    return Head(str(record.id), payload["doc_id"], payload["version"], readers_of)


def _key(chunk_id: str) -> int:
    """The number of the engine's id: cheaper to read than the id is to write as the engine's own object does."""
    return int(chunk_id.replace("-", ""), 16)


def _head_of(chunk: Chunk) -> Head:
    """As `_head`, of the point of a chunk."""
    readers_of = _readers(chunk.tenant, tuple(sorted(chunk.access)))
    return Head(chunk.id, chunk.doc_id, chunk.version, readers_of)


@lru_cache(maxsize=10_000)
def _readers(tenant: str, labels: tuple[str, ...]) -> Readers:
    """One object for all points that the same people may see."""
    return Readers(tenant, labels)


class _Seen(dict[Readers, bool]):
    """Whether the caller may see a point; asked once of all points that the same people may see."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def __missing__(self, found: Readers) -> bool:
        payload = dict(zip(ACCESS_FIELDS, found))
        self[found] = seen = may_see(self._access, payload)
        return seen


def _copied(record: Any) -> Any:
    from qdrant_edge import Point as EdgePoint

    return EdgePoint(record.id, record.vector, record.payload)


def _write(shard: Any, points: list[Any]) -> None:
    from qdrant_edge import UpdateOperation

    if points:
        shard.update(UpdateOperation.upsert_points(points))


def _vector(vector: Vector | Sparse) -> Any:
    from qdrant_edge import SparseVector

    if isinstance(vector, Sparse):
        return SparseVector(vector.indices.tolist(), vector.values.tolist())
    return vector.tolist()


def _filter(where: Where) -> Any:
    from qdrant_edge import FieldCondition, Filter, HasIdCondition, MatchAny, MatchValue, RangeFloat

    must: list[Any]
    if where.labels is None:
        must = [FieldCondition("tenant", match=MatchValue(where.tenant))]
    else:
        names = readers(where.tenant, where.labels)
        # The engine takes 1.1 ms more at 25,000 points for a choice of one than for the one.
        match = MatchValue(names[0]) if len(names) == 1 else MatchAny(names)
        must = [FieldCondition("readers", match=match)]
    if where.doc_ids is not None:
        must.append(FieldCondition("doc_id", match=MatchAny(sorted(where.doc_ids))))
    if where.chunk_ids is not None:
        must.append(HasIdCondition(set(where.chunk_ids)))
    if where.version is not None:
        must.append(FieldCondition("version", match=MatchValue(where.version)))
    if where.before_version is not None:
        must.append(FieldCondition("version", range=RangeFloat(lt=where.before_version)))
    return Filter(must=must)


@contextmanager
def _engine_errors() -> Iterator[None]:
    """The engine raises bare `Exception`; outside this module it is a BackendError."""
    try:
        yield
    except Exception as error:
        raise BackendError(f"vector index: {error}") from error
