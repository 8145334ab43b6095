"""What both vector stores share: identity, validation before any write, tie-breaking.

Knows points and spaces; the engines are `edge.py` (embedded) and `qdrant.py` (server). Scores
are cosine in dense spaces and BM25 in the space of words.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np

from core.errors import IndexMismatch, InputError
from core.ports import VectorStore
from core.types import Access, Point, Scored, Sparse, Vector

WORDS = "words"  # the sparse space


@dataclass(frozen=True, slots=True)
class Space:
    """A dense space: `name` says which weights made its vectors, `size` their dimensions."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Identity:
    """What an index was made with. Vectors of two identities must never be mixed."""

    spaces: Mapping[str, Space]
    words: str

    def to_json(self) -> str:
        spaces = {key: {"name": space.name, "size": space.size} for key, space in self.spaces.items()}
        return json.dumps({"spaces": spaces, WORDS: self.words}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Identity":
        read = json.loads(text)
        spaces = {key: Space(space["name"], space["size"]) for key, space in read["spaces"].items()}
        return cls(spaces, read[WORDS])

    def require(self, found: "Identity", where: str) -> None:
        """Raises IndexMismatch unless the index at `where` was made with this identity."""
        if found.to_json() != self.to_json():
            raise IndexMismatch(
                f"the index {where} was made with {found.describe()}, this process uses {self.describe()}; "
                "choose the embedder that made it, or another state directory and ingest again"
            )

    def describe(self) -> str:
        spaces = [f"{key}={space.name} ({space.size})" for key, space in sorted(self.spaces.items())]
        return ", ".join([*spaces, f"{WORDS}={self.words}"])


@dataclass(frozen=True, slots=True)
class Where:
    """Which points: always those of one tenant. None leaves a condition out.

    `labels`: only points that carry one of them.
    """

    tenant: str
    labels: frozenset[str] | None = None
    doc_ids: frozenset[str] | None = None
    chunk_ids: frozenset[str] | None = None
    version: int | None = None
    before_version: int | None = None

    def __post_init__(self) -> None:
        # A boolean would pass for 0 or 1 and match nothing, or everything under a "not".
        for value in (self.tenant, *(self.labels or ()), *(self.doc_ids or ()), *(self.chunk_ids or ())):
            if not isinstance(value, str):
                raise InputError(f"a filter holds {value!r}; tenant, labels and ids are strings")
        for number in (self.version, self.before_version):
            if number is not None and type(number) is not int:
                raise InputError(f"a filter holds version {number!r}; versions are integers")

    @property
    def nothing(self) -> bool:
        """True when no point can match: no label, or an empty choice of documents or chunks."""
        return frozenset() in (self.labels, self.doc_ids, self.chunk_ids)


def open_store(
    *,
    folder: Path | None,
    url: str,
    api_key: str,
    spaces: Mapping[str, Space],
    words: str,
) -> VectorStore:
    """The server's store when `url` is given, else the embedded one under `folder`.

    `words` is the name of the sparse encoder. Raises IndexMismatch when the index was made with
    other embedders, StateInUse when another process has `folder` open.
    """
    identity = Identity(spaces, words)
    if url:
        from rag.index.qdrant import connect

        return connect(url, api_key, identity)
    if folder is None:
        raise InputError("a vector store needs a folder or the URL of a Qdrant server")
    from rag.index.edge import EdgeStore

    return EdgeStore(folder, identity)


# ---------------------------------------------------------------- validation


def check_points(points: Sequence[Point], identity: Identity) -> None:
    """Raises InputError for the first point that must not be written.

    The engines find some of this themselves, but too late: an operation that they refuse can come
    back from their log after a crash, as an empty point.
    """
    for point in points:
        where = f"point {point.chunk.id!r}"
        _check_id(point.chunk.id)
        if not point.vectors and point.words is None:
            raise InputError(f"{where} has no vector")
        for name, vector in point.vectors.items():
            check_dense(name, vector, identity, where)
        if point.words is not None:
            check_sparse(point.words, where)


def check_query(space: str, query: Vector | Sparse, identity: Identity) -> None:
    where = f"query in space {space!r}"
    if isinstance(query, Sparse):
        if space != WORDS:
            raise InputError(f"{where}: a sparse vector can only be searched in {WORDS!r}")
        check_sparse(query, where)
    elif space == WORDS:
        raise InputError(f"{where} needs a sparse vector")
    else:
        check_dense(space, query, identity, where)


def check_dense(name: str, vector: Vector, identity: Identity, where: str) -> None:
    space = identity.spaces.get(name)
    if space is None:
        raise InputError(f"{where}: unknown space {name!r}; known: {sorted(identity.spaces)}")
    if vector.shape != (space.size,):
        raise InputError(f"{where}: shape {vector.shape} in space {name!r}, expected ({space.size},)")
    if not np.isfinite(vector).all():
        raise InputError(f"{where}: a vector in space {name!r} holds NaN or infinity")
    if not vector.any():
        raise InputError(f"{where}: a vector in space {name!r} is all zeros and has no direction")


def check_sparse(words: Sparse, where: str) -> None:
    indices, values = words.indices, words.values
    if indices.ndim != 1 or indices.shape != values.shape:
        raise InputError(f"{where}: {indices.shape} indices for {values.shape} values")
    if indices.dtype != np.uint32 or (indices[1:] <= indices[:-1]).any():
        raise InputError(f"{where}: indices must be uint32, ascending and unique")
    if not np.isfinite(values).all():
        raise InputError(f"{where}: a sparse vector holds NaN or infinity")


def _check_id(chunk_id: str) -> None:
    try:
        canonical = str(UUID(chunk_id)) == chunk_id
    except (ValueError, TypeError, AttributeError):
        canonical = False
    if not canonical:
        raise InputError(f"{chunk_id!r} is not a point id; a UUID in lower case with hyphens is")


# ---------------------------------------------------------------- reading


def visible(
    access: Access, doc_ids: frozenset[str] | None = None, chunk_ids: frozenset[str] | None = None
) -> Where:
    """The one filter of every read."""
    return Where(access.tenant, labels=access.labels, doc_ids=doc_ids, chunk_ids=chunk_ids)


def best(fetch: Callable[[int], Sequence[Scored]], limit: int) -> list[Scored]:
    """The `limit` best, equal scores by chunk id.

    Engines break ties as they like, also at the cut: fetches further until the last one fetched
    is worse than the last one returned. `fetch(n)` gives the n best in the engine's order.
    """
    wanted = limit + 8
    while True:
        found = sorted(fetch(wanted), key=lambda scored: (-scored.score, scored.chunk_id))
        if len(found) < wanted or found[-1].score < found[limit - 1].score:
            return found[:limit]
        wanted *= 2
