"""The vector store on a Qdrant server, through qdrant-client.

Knows one collection for all tenants, made with a tenant index, and its metadata, which say what
its vectors were made with. Search is approximate (HNSW for each tenant) where the server has
built its index, exact below its threshold. Writes wait until they are applied and, on the
server, logged: `flush` has nothing left to do.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.errors import BackendError, BackendTimeout, IndexMismatch
from core.types import Access, Chunk, Point, Scored, Sparse, Vector
from rag.index.payload import HIT_FIELDS, INDEXED_FIELDS, chunk_of, may_see, payload_of, readers
from rag.index.store import WORDS, Identity, Where, best, check_points, check_query, visible

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

COLLECTION = "sightline"
BATCH = 500  # points in one request
SCROLLED = 1_000  # points in one look at all of them
TIMEOUT = 30  # seconds for one request


def connect(url: str, api_key: str, identity: Identity) -> "QdrantStore":
    """The store on the server at `url`. Raises BackendError when it does not answer."""
    from qdrant_client import QdrantClient

    # The check of versions asks the server a question and only warns; opening the collection
    # asks as well and says more.
    client = QdrantClient(url=url, api_key=api_key or None, timeout=TIMEOUT, check_compatibility=False)
    return QdrantStore(client, identity)


class QdrantStore:
    """`VectorStore` on the collection that `client` reaches; makes it when it is not there."""

    def __init__(
        self,
        client: "QdrantClient",
        identity: Identity,
        *,
        collection: str = COLLECTION,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._identity = identity
        self._collection = collection
        self._clock = clock
        with _server_errors():
            if not client.collection_exists(collection):
                self._create()
            metadata = client.get_collection(collection).config.metadata or {}
        if "identity" not in metadata:
            raise IndexMismatch(
                f"the collection {collection!r} was not made by Sightline; use another server"
            )
        identity.require(Identity.from_json(metadata["identity"]), f"in collection {collection!r}")
        self._index_fields()

    def upsert(self, points: Sequence[Point]) -> None:
        check_points(points, self._identity)
        created = int(self._clock())
        # All of them before the first is written: a chunk that cannot be packed stops the whole.
        ready = [_point(point, created) for point in points]
        for start in range(0, len(ready), BATCH):
            batch = ready[start : start + BATCH]
            with _server_errors():
                self._client.upsert(self._collection, batch, wait=True)

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
        from qdrant_client import models

        check_query(space, query, self._identity)
        where = visible(access, doc_ids, chunk_ids)
        if where.nothing or limit < 1 or (isinstance(query, Sparse) and not query.indices.size):
            return []
        # See edge.py: a term's rarity is counted in the caller's tenant alone.
        corpus = models.IdfCorpusParams(corpus=_filter(Where(access.tenant)))
        params = models.SearchParams(idf=corpus) if space == WORDS else None

        def fetch(wanted: int) -> list[Scored]:
            with _server_errors():
                found = self._client.query_points(
                    self._collection,
                    query=_vector(query),
                    using=space,
                    query_filter=_filter(where),
                    search_params=params,
                    limit=wanted,
                    with_payload=list(HIT_FIELDS),
                ).points
            hits = [(point, point.payload or {}) for point in found]
            return [
                Scored(str(point.id), payload["doc_id"], payload["version"], point.score)
                for point, payload in hits
                if may_see(access, payload)
            ]

        return best(fetch, limit)

    def cosines(
        self, space: str, query: Vector, chunk_ids: frozenset[str], *, access: Access
    ) -> dict[str, float]:
        found = self.search(space, query, access=access, limit=len(chunk_ids), chunk_ids=chunk_ids)
        return {item.chunk_id: item.score for item in found}

    def get(self, chunk_ids: Sequence[str], *, access: Access) -> list[Chunk]:
        if not chunk_ids:
            return []
        with _server_errors():
            records = self._client.retrieve(
                self._collection, list(dict.fromkeys(chunk_ids)), with_payload=True
            )
        chunks = {}
        for record in records:
            if record.payload and may_see(access, record.payload):
                chunks[str(record.id)] = chunk_of(str(record.id), record.payload)
        return [chunks[chunk_id] for chunk_id in chunk_ids if chunk_id in chunks]

    def delete(
        self, tenant: str, doc_id: str, *, version: int | None = None, before_version: int | None = None
    ) -> int:
        from qdrant_client import models

        doc_ids = frozenset({doc_id})
        where = Where(tenant, doc_ids=doc_ids, version=version, before_version=before_version)
        doomed = self._count(where)
        if doomed:
            with _server_errors():
                self._client.delete(self._collection, models.FilterSelector(filter=_filter(where)), wait=True)
        return doomed

    def count(self, tenant: str, doc_id: str | None = None, version: int | None = None) -> int:
        doc_ids = None if doc_id is None else frozenset({doc_id})
        return self._count(Where(tenant, doc_ids=doc_ids, version=version))

    def census(self, tenant: str, doc_ids: Collection[str] | None = None) -> dict[tuple[str, int], int]:
        counts: Counter[tuple[str, int]] = Counter()
        wanted = Where(tenant, doc_ids=None if doc_ids is None else frozenset(doc_ids))
        if wanted.nothing:
            return {}
        where, following = _filter(wanted), None
        while True:
            with _server_errors():
                records, following = self._client.scroll(
                    self._collection,
                    scroll_filter=where,
                    limit=SCROLLED,
                    offset=following,
                    with_payload=["doc_id", "version"],
                )
            payloads = [record.payload or {} for record in records]
            counts.update((payload["doc_id"], payload["version"]) for payload in payloads)
            if following is None:
                return dict(counts)

    def compact(self) -> None:
        """The server's optimizer does it, when a fifth of a segment is deleted (`deleted_threshold`)."""

    def flush(self) -> None:
        """Every write has waited for the server already."""

    def close(self) -> None:
        self._client.close()

    def _count(self, where: Where) -> int:
        with _server_errors():
            return self._client.count(self._collection, count_filter=_filter(where), exact=True).count

    def _create(self) -> None:
        from qdrant_client import models

        self._client.create_collection(
            self._collection,
            vectors_config={
                name: models.VectorParams(size=space.size, distance=models.Distance.COSINE)
                for name, space in self._identity.spaces.items()
            },
            sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            # Every search names a tenant: one graph for each instead of one over all.
            hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
            metadata={"identity": self._identity.to_json()},
        )

    def _index_fields(self) -> None:
        """At every start: who made the collection may have died before its indexes were there."""
        for field, kind in INDEXED_FIELDS.items():
            with _server_errors():
                self._client.create_payload_index(self._collection, field, _index(kind), wait=True)


# ---------------------------------------------------------------- our words in the server's


def _index(kind: str) -> Any:
    from qdrant_client import models

    kinds = {
        "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
        "keyword": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
        "integer": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=True),
        "time": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=False, range=True),
    }
    return kinds[kind]


def _point(point: Point, created: int) -> "models.PointStruct":
    from qdrant_client import models

    vectors = {name: _vector(vector) for name, vector in point.vectors.items()}
    if point.words is not None and point.words.indices.size:
        vectors[WORDS] = _vector(point.words)
    return models.PointStruct(
        id=point.chunk.id, vector=vectors, payload=payload_of(point.chunk, created=created)
    )


def _vector(vector: Vector | Sparse) -> Any:
    from qdrant_client import models

    if isinstance(vector, Sparse):
        return models.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())
    return vector.tolist()


def _filter(where: Where) -> "models.Filter":
    from qdrant_client.models import FieldCondition, Filter, HasIdCondition, MatchAny, MatchValue, Range

    must: list[Any]
    if where.labels is None:
        must = [FieldCondition(key="tenant", match=MatchValue(value=where.tenant))]
    else:
        must = [FieldCondition(key="readers", match=MatchAny(any=readers(where.tenant, where.labels)))]
    if where.doc_ids is not None:
        must.append(FieldCondition(key="doc_id", match=MatchAny(any=sorted(where.doc_ids))))
    if where.chunk_ids is not None:
        must.append(HasIdCondition(has_id=sorted(where.chunk_ids)))
    if where.version is not None:
        must.append(FieldCondition(key="version", match=MatchValue(value=where.version)))
    if where.before_version is not None:
        must.append(FieldCondition(key="version", range=Range(lt=where.before_version)))
    return Filter(must=must)


@contextmanager
def _server_errors() -> Iterator[None]:
    from httpx import TimeoutException
    from qdrant_client.http.exceptions import ApiException, ResponseHandlingException

    try:
        yield
    except ResponseHandlingException as error:
        if isinstance(error.source, TimeoutException):
            raise BackendTimeout(f"the Qdrant server did not answer within {TIMEOUT} s") from error
        raise BackendError(f"the Qdrant server cannot be reached: {error.source}") from error
    except ApiException as error:
        raise BackendError(f"the Qdrant server refused: {error}") from error
