"""Small real implementations of the ports, for tests of everything that stands on them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import log
from zlib import crc32

import numpy as np

from core.text import tokens
from core.types import PUBLIC, Access, Chunk, Point, Scored, Sparse, Vector
from rag.index.payload import payload_of
from rag.index.store import Identity, Space, check_points, check_query


class WordEmbedder:
    """`Embedder` that knows words by heart: a bag of hashed terms, unit length.

    Texts that share terms are near; equal texts are at cosine 1; a text without terms points its
    own way. No weights, microseconds for a text.
    """

    def __init__(
        self,
        *,
        size: int = 256,
        languages: frozenset[str] = frozenset({"en", "zh"}),
        max_tokens: int = 512,
    ) -> None:
        self._size = size
        self._languages = languages
        self._max_tokens = max_tokens
        self.tokens_seen = 0
        self.tokens_dropped = 0

    @property
    def name(self) -> str:
        return f"words-{self._size}"

    @property
    def size(self) -> int:
        return self._size

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(tokens(text, keep_stop_words=True)) for text in texts]

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        for count in self.count_tokens([chunk.embedded_text for chunk in chunks]):
            self.tokens_seen += min(count, self._max_tokens)
            self.tokens_dropped += max(count - self._max_tokens, 0)
        vectors = [self.query(chunk.embedded_text) for chunk in chunks]
        return np.array(vectors, dtype=np.float32).reshape(len(chunks), self._size)

    def query(self, text: str) -> Vector:
        vector = np.zeros(self._size, dtype=np.float32)
        for term in tokens(text) or [f"no terms: {text}"]:
            vector[crc32(term.encode()) % self._size] += 1.0
        unit: Vector = vector / np.float32(np.linalg.norm(vector))
        return unit


class MemoryStore:
    """`VectorStore` in a dictionary: exact, lost with the process."""

    def __init__(self, spaces: Mapping[str, Space], words: str = "bm25") -> None:
        self._identity = Identity(spaces, words)
        self._points: dict[str, Point] = {}

    def upsert(self, points: Sequence[Point]) -> None:
        check_points(points, self._identity)
        for point in points:
            payload_of(point.chunk, created=0)  # refuses what could not be stored
        self._points.update({point.chunk.id: point for point in points})

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
        check_query(space, query, self._identity)
        scores = (
            self._lexical(query, access.tenant) if isinstance(query, Sparse) else self._dense(space, query)
        )
        found = [
            Scored(chunk.id, chunk.doc_id, chunk.version, score)
            for chunk, score in scores
            if access.allows(chunk)
            and (doc_ids is None or chunk.doc_id in doc_ids)
            and (chunk_ids is None or chunk.id in chunk_ids)
        ]
        return sorted(found, key=lambda scored: (-scored.score, scored.chunk_id))[: max(limit, 0)]

    def cosines(
        self, space: str, query: Vector, chunk_ids: frozenset[str], *, access: Access
    ) -> dict[str, float]:
        found = self.search(space, query, access=access, limit=len(chunk_ids), chunk_ids=chunk_ids)
        return {item.chunk_id: item.score for item in found}

    def get(self, chunk_ids: Sequence[str], *, access: Access) -> list[Chunk]:
        found = [self._points[chunk_id].chunk for chunk_id in chunk_ids if chunk_id in self._points]
        return [chunk for chunk in found if access.allows(chunk)]

    def delete(
        self, tenant: str, doc_id: str, *, version: int | None = None, before_version: int | None = None
    ) -> int:
        doomed = [
            chunk.id
            for chunk in self._chunks(tenant)
            if chunk.doc_id == doc_id
            and version in (None, chunk.version)
            and (before_version is None or chunk.version < before_version)
        ]
        for chunk_id in doomed:
            del self._points[chunk_id]
        return len(doomed)

    def count(self, tenant: str, doc_id: str | None = None, version: int | None = None) -> int:
        return sum(
            1
            for chunk in self._chunks(tenant)
            if doc_id in (None, chunk.doc_id) and version in (None, chunk.version)
        )

    def census(self, tenant: str, doc_ids: Collection[str] | None = None) -> dict[tuple[str, int], int]:
        chunks = [chunk for chunk in self._chunks(tenant) if doc_ids is None or chunk.doc_id in doc_ids]
        return dict(Counter((chunk.doc_id, chunk.version) for chunk in chunks))

    def compact(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _chunks(self, tenant: str) -> list[Chunk]:
        return [point.chunk for point in self._points.values() if point.chunk.tenant == tenant]

    def _dense(self, space: str, query: Vector) -> list[tuple[Chunk, float]]:
        unit = query / np.linalg.norm(query)
        return [
            (point.chunk, float(np.float32(vector @ unit / np.linalg.norm(vector))))
            for point in self._points.values()
            if (vector := point.vectors.get(space)) is not None
        ]

    def _lexical(self, query: Sparse, tenant: str) -> list[tuple[Chunk, float]]:
        """Inverse document frequency as in Lucene, over the tenant's points that have words."""
        corpus = {
            point.chunk.id: dict(zip(point.words.indices.tolist(), point.words.values.tolist(), strict=True))
            for point in self._points.values()
            if point.words is not None and point.chunk.tenant == tenant
        }
        rarity = {}
        for index in query.indices.tolist():
            holding = sum(1 for words in corpus.values() if index in words)
            rarity[index] = log(1 + (len(corpus) - holding + 0.5) / (holding + 0.5))
        scored = []
        for chunk_id, words in corpus.items():
            shared = [
                (weight * words[index] * rarity[index])
                for index, weight in zip(query.indices.tolist(), query.values.tolist(), strict=True)
                if index in words
            ]
            if shared:
                scored.append((self._points[chunk_id].chunk, float(np.float32(sum(shared)))))
        return scored


def a_chunk(
    chunk_id: str,
    text: str,
    *,
    doc_id: str = "doc-1",
    version: int = 1,
    ordinal: int = 0,
    tenant: str = "default",
    access: frozenset[str] = PUBLIC,
) -> Chunk:
    """A passage made by hand, without places."""
    return Chunk(
        id=chunk_id,
        doc_id=doc_id,
        version=version,
        ordinal=ordinal,
        tenant=tenant,
        access=access,
        kind="text",
        title="",
        section=(),
        text=text,
        places=(),
    )
