"""Lexical vectors: BM25 weights of terms, hashed to uint32.

Knows terms (`core.text.tokens`) and their counts in one passage. Does not know how rare a term
is: the store multiplies by the inverse document frequency of the caller's tenant at query time,
so that no passage has to be written again when others come.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np

from core.text import tokens
from core.types import Chunk, Sparse

K1 = 1.5
B = 0.75
# A constant, because the true average moves with every passage that is added. Measured against
# it in tests/rag/index/test_sparse.py.
AVERAGE_LENGTH = 120.0


class LexicalEncoder:
    """BM25 after Robertson and Zaragoza 2009, term frequency part; IDF is the store's."""

    @property
    def name(self) -> str:
        """Changes whenever weights or term hashes change: an index is made with one name."""
        return f"bm25-k{K1}-b{B}-l{AVERAGE_LENGTH:.0f}-crc32"

    def chunks(self, chunks: Sequence[Chunk]) -> list[Sparse]:
        """Of title, section path and text. A passage without any term gives an empty vector."""
        return [_document(tokens(chunk.indexed_text)) for chunk in chunks]

    def query(self, text: str) -> Sparse:
        """Weight = how often the question says the term."""
        return _sparse((term, float(count)) for term, count in Counter(tokens(text)).items())


def _document(terms: Sequence[str]) -> Sparse:
    norm = K1 * (1 - B + B * len(terms) / AVERAGE_LENGTH)
    return _sparse((term, count * (K1 + 1) / (count + norm)) for term, count in Counter(terms).items())


def _sparse(weights: Iterable[tuple[str, float]]) -> Sparse:
    """Ascending by hash; terms that share a hash are summed."""
    hashed: dict[int, float] = {}
    for term, weight in weights:
        index = crc32(term.encode())
        hashed[index] = hashed.get(index, 0.0) + weight
    indices = sorted(hashed)
    return Sparse(
        np.array(indices, dtype=np.uint32),
        np.array([hashed[index] for index in indices], dtype=np.float32),
    )
