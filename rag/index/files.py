"""What the catalogue says of files, as values: how far one is, what it counts, what came and what went live.

Knows no database. The life of a file, and who may change it: `catalog.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from core.errors import InputError
from core.types import Content

FileState = Literal["queued", "reading", "indexing", "ready", "failed", "cancelled"]
FINISHED: frozenset[FileState] = frozenset({"ready", "failed", "cancelled"})

MAX_SOURCE = 600
"""Longest name, in characters: as UTF-8 it must fit an index row of Postgres (2,704 bytes)."""


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file of a tenant. `version` is the one last attempted, `live_version` the one that is seen.

    `blocks` were read, `chunks` made of them, `vectors` are in the vector store; `passages`, `sentences`,
    `mentions` (of names in sentences) and `subjects` (names that passages are about) in the graph; `keys`: rows of its key (`keys.py`).
    `pages_done` counts the pages whose passages are in the index; when the file is ready,
    pages_done + pages_failed = pages_total. Times are UTC.
    """

    id: str
    tenant: str
    source: str
    title: str
    media_type: str
    status: FileState
    reason: str
    version: int
    live_version: int | None
    content_hash: str
    bytes: int
    pages_total: int
    pages_done: int
    pages_failed: int
    blocks: int
    chunks: int
    vectors: int
    passages: int
    sentences: int
    mentions: int
    subjects: int
    tokens: int
    tokens_dropped: int
    facts: int
    keys: int
    access: frozenset[str]
    meta: Mapping[str, str]
    valid_from: date | None
    created_at: datetime
    updated_at: datetime
    ready_at: datetime | None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    def is_over(self, version: int) -> bool:
        """Whether nobody sees this version, and nobody will."""
        return version != self.live_version and (self.finished or version < self.version)


@dataclass(frozen=True, slots=True)
class PageStatus:
    """`status` is "ingested" or "failed"; `problem` says why. Width and height in points."""

    number: int
    label: str
    width: float
    height: float
    status: Literal["ingested", "failed"]
    problem: str


class Job(NamedTuple):
    """One version of one document: the unit of work."""

    tenant: str
    doc_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A content that is being accepted. `content_hash` is empty for a record without a file."""

    doc_id: str
    source: str
    content_hash: str
    size: int
    access: frozenset[str]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`is_new`: there is work to do. `retired`: documents that lost their last name to this one."""

    file: FileStatus
    is_new: bool
    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index holds of one version of a document."""

    doc_id: str
    version: int
    chunks: int
    tokens: int
    tokens_dropped: int = 0
    vectors: int = 0
    passages: int = 0
    sentences: int = 0
    mentions: int = 0
    subjects: int = 0
    facts: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """`live`: the documents that are seen now; the others of the call were outdated."""

    live: frozenset[str]
    retired: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a tenant has: files by status, and the sums over the live ones."""

    files: Mapping[FileState, int] = field(default_factory=dict)
    pages: int = 0
    chunks: int = 0
    tokens: int = 0
    bytes: int = 0


def check_arrival(source: str, access: Collection[str]) -> None:
    """Raises InputError for a name or labels that no document can have."""
    if not 0 < len(source) <= MAX_SOURCE:
        raise InputError(f"a name has 1 to {MAX_SOURCE} characters, this one {len(source)}", param="source")
    if storable(source) != source:
        raise InputError(f"the name {source!r} holds characters that are no text", param="source")
    if not access:
        raise InputError(f"{source!r} needs at least one access label", param="access")


def storable(text: str) -> str:
    """Without what no database takes as text: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def blocks_of(content: Content) -> int:
    return sum(len(page.blocks) for page in content.pages)
