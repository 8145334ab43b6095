"""The plug points. A port exists because two implementations exist; each is small.

`tests/contracts/` holds one suite of promises for each port and runs it against every
implementation, the fakes in `tests/fakes.py` among them.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from core.types import (
    Access,
    Answer,
    Chunk,
    Content,
    Evidence,
    Message,
    Point,
    Scored,
    Sparse,
    Vector,
)

ImageSink = Callable[[bytes], str]
"""Takes an encoded image (PNG, JPEG) and returns its key: the sha256 of the bytes, in hex."""

Reader = Callable[[Path, ImageSink], Content]
"""Reads one file. Raises `UnreadableFile` with a reason that a person can act on."""


class Embedder(Protocol):
    """Dense vectors, unit length. `name` identifies weights and precision class: vectors of
    different names must never share a space.
    """

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def languages(self) -> frozenset[str]:
        """The languages that the encoder was trained for; fusion trusts it only there."""
        ...

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        """float32 (n, size), in the order given."""
        ...

    def query(self, text: str) -> Vector:
        """float32 (size,)."""
        ...


class SparseEncoder(Protocol):
    """Lexical vectors: weights of terms, hashed to uint32."""

    @property
    def name(self) -> str: ...
    def chunks(self, chunks: Sequence[Chunk]) -> list[Sparse]: ...
    def query(self, text: str) -> Sparse: ...


class VectorStore(Protocol):
    """Points by id. Every read takes `access`; forgetting it is a type error, not a leak."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Writes whole points; the same id replaces. Durable only after `flush`."""
        ...

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
        """Best first; equal scores by chunk id. Exact up to the store's documented size.

        Only among `doc_ids` and among `chunk_ids` where they are given.
        """
        ...

    def cosines(
        self, space: str, query: Vector, chunk_ids: frozenset[str], *, access: Access
    ) -> dict[str, float]:
        """By chunk id; ids that have no vector there or may not be seen are left out. As a search among
        them, for who needs neither their order nor their documents.
        """
        ...

    def get(self, chunk_ids: Sequence[str], *, access: Access) -> list[Chunk]:
        """In the order asked; ids that do not exist or may not be seen are left out."""
        ...

    def delete(
        self, tenant: str, doc_id: str, *, version: int | None = None, before_version: int | None = None
    ) -> int:
        """Removes a document's points: of all versions, of `version`, or of those below `before_version`."""
        ...

    def count(self, tenant: str, doc_id: str | None = None, version: int | None = None) -> int: ...
    def census(self, tenant: str, doc_ids: Collection[str] | None = None) -> dict[tuple[str, int], int]:
        """How many points each version of each document has, of all where none is named:
        (doc_id, version) -> points.
        """
        ...

    def compact(self) -> None:
        """After it returns, its files hold nothing of what was deleted before the call."""
        ...

    def flush(self) -> None:
        """After it returns, everything written survives power loss."""
        ...

    def close(self) -> None: ...


class Reranker(Protocol):
    def rank(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        """One score for each chunk, in the order given; higher is better."""
        ...


class Answerer(Protocol):
    def stream(
        self,
        question: str,
        evidence: Sequence[Evidence],
        history: Sequence[Message],
    ) -> AsyncIterator[str | Answer]:
        """Pieces of the text as they come, and last the whole `Answer`."""
        ...
