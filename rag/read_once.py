"""TEXTS -> VECTORS, each text read once: several solvers ask for the same sentences, the sides of a comparison for the same question.

Knows nothing of what is compared. Forgets what was read longest ago.
"""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from core.ports import Embedder
from core.types import Chunk, Vector

_MOST = 512  # vectors that are kept: those of some twenty questions


class ReadOnce:
    """Over one embedder. Safe to share between threads."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self._turn = Lock()

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def languages(self) -> frozenset[str]:
        return self._embedder.languages

    def chunks(self, chunks: Sequence[Chunk]) -> list[Vector]:
        """In the order given, each (size,)."""
        texts = [("passage", chunk.embedded_text) for chunk in chunks]
        found = self._recalled(texts)
        new = {text: chunk for text, chunk in zip(texts, chunks) if text not in found}
        if new:
            read = dict(zip(new, self._embedder.chunks(list(new.values()))))
            self._keep(read)
            found |= read
        return [found[text] for text in texts]

    def query(self, text: str) -> Vector:
        """(size,)."""
        asked = ("question", text)
        found = self._recalled([asked])
        if asked not in found:
            found = {asked: self._embedder.query(text)}
            self._keep(found)
        return found[asked]

    def _recalled(self, texts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Vector]:
        with self._turn:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
            return found

    def _keep(self, read: dict[tuple[str, str], Vector]) -> None:
        with self._turn:
            self._known |= read
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
