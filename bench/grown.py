"""A corpus of any size, grown from a small real one: for measuring cost, never recall.

What is real: the sentences, their words and how often they come, what is named how often, and the vectors
that the encoder gave for the passages at hand. What is made: a passage has the first sentence of one
passage and others of two; in each turn through the passages (a "world") the words of proper names are
others, the same in all passages of that world, so that the links between passages stay and the number of
names grows with the corpus; a vector is a mix of those of the two passages with noise, so that the
encoder does not have to read hundreds of thousands of passages. Everything follows from the number
of the passage: two runs grow the same corpus.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval import document_of
from core.types import Chunk, Document, Vector
from rag.index.embed import TextEmbedder

OWN_SHARE = 0.7  # of the passage that gave the first sentence, in the vector
NOISE = 0.02  # for each dimension
COMMON = 0.01  # share of the titles that hold a word from which it is no proper name ("The", "River")

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
_CAPITAL = re.compile(r"\b[A-Z][^\W\d_]{2,}\b")
_SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
_REMEMBERED = 60_000  # passages whose origin is known until their vectors are asked for


class Grown:
    """`records` with `text` and perhaps `title`, and their vectors, float32 (records, size)."""

    def __init__(self, records: Sequence[Mapping[str, Any]], vectors: Vector) -> None:
        self._titles = [record.get("title", "") for record in records]
        self._sentences = [_SENTENCE.split(record["text"]) for record in records]
        self._vectors = vectors
        self._proper = proper_words(self._titles)
        self._origins: OrderedDict[str, int] = OrderedDict()

    def documents(self, first: int, stop: int) -> Iterator[Document]:
        """The passages with these numbers, each a document."""
        for number in range(first, stop):
            document = document_of(self.record(number))
            self._origins[document.id] = number
            while len(self._origins) > _REMEMBERED:
                self._origins.popitem(last=False)
            yield document

    def record(self, number: int) -> dict[str, str]:
        own, other, world = self._sources(number)
        mine, theirs = self._sentences[own], self._sentences[other]
        kept = (len(mine) + 1) // 2 if world else len(mine)
        sentences = mine if not world else [*mine[:kept], *theirs[1 : 1 + len(mine) - kept]]
        return {
            "_id": f"grown-{number}",
            "title": self.renamed(self._titles[own], world),
            "text": self.renamed(" ".join(sentences), world),
        }

    def vector(self, number: int) -> NDArray[np.float32]:
        """Unit length."""
        own, other, world = self._sources(number)
        if not world:
            return np.asarray(self._vectors[own], np.float32)
        noise = np.random.default_rng(number).standard_normal(self._vectors.shape[1]) * NOISE
        mixed = OWN_SHARE * self._vectors[own] + (1 - OWN_SHARE) * self._vectors[other] + noise
        return np.asarray(mixed / np.linalg.norm(mixed), np.float32)

    def origin(self, doc_id: str) -> int:
        """The number of a passage that was among the last of `documents`. Raises KeyError."""
        return self._origins[doc_id]

    def worlds(self, size: int) -> int:
        """How many turns a corpus of this size takes, the last one perhaps in part."""
        return -(-size // len(self._sentences))

    def renamed(self, text: str, world: int) -> str:
        """With the proper names of this world; those of world 0 are the real ones."""
        if not world:
            return text
        return _CAPITAL.sub(lambda match: self._name(match.group(), world), text)

    def _name(self, word: str, world: int) -> str:
        return made_up(word, world) if word.lower() in self._proper else word

    def _sources(self, number: int) -> tuple[int, int, int]:
        """(passage of the first sentence, other passage, world)."""
        world, own = divmod(number, len(self._sentences))
        return own, (own + 1 + 7_919 * world) % len(self._sentences), world


class GrownEmbedder:
    """`TextEmbedder` that takes the vectors of passages from a grown corpus and questions to the encoder."""

    def __init__(self, encoder: TextEmbedder, grown: Grown) -> None:
        self._encoder = encoder
        self._grown = grown
        self.tokens_seen = 0  # the encoder reads no passage
        self.tokens_dropped = 0

    @property
    def name(self) -> str:
        return f"grown:{self._encoder.name}"

    @property
    def size(self) -> int:
        return self._encoder.size

    @property
    def languages(self) -> frozenset[str]:
        return self._encoder.languages

    @property
    def max_tokens(self) -> int:
        return self._encoder.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._encoder.count_tokens(texts)

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        vectors = [self._grown.vector(self._grown.origin(chunk.doc_id)) for chunk in chunks]
        return np.array(vectors, np.float32).reshape(len(chunks), self.size)

    def query(self, text: str) -> Vector:
        return self._encoder.query(text)


def proper_words(titles: Sequence[str]) -> frozenset[str]:
    """The words of titles, in small letters, that stand in few of them."""
    counts = Counter(word.lower() for title in titles for word in set(_CAPITAL.findall(title)))
    most = max(2, COMMON * len(titles))
    return frozenset(word for word, count in counts.items() if count <= most)


@lru_cache(maxsize=200_000)
def made_up(word: str, world: int) -> str:
    """A word that is a name in this world and, nearly surely, nowhere else."""
    digest = blake2b(f"{world} {word.lower()}".encode(), digest_size=4).digest()
    return "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in digest).capitalize()
