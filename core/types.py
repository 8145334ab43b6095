"""The words of Sightline, as frozen values.

Knows nothing of files, databases, models or HTTP. Bytes never ride in these types: `image`
is a key into the media store (a content hash). Lengths on a page are points (1/72 inch) with
the origin at the top left; readers flip PDF's y. Pages count from 1, as a person counts them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]  # (n, size) for n chunks, (size,) for a query
else:
    # The process that reads a file has no vectors: importing numpy there costs as much as ten pages.
    Vector = Any

BlockKind = Literal["heading", "text", "list", "table", "figure", "code", "record"]
Language = Literal["en", "zh"]
Via = Literal["dense", "sparse", "image", "graph", "fact", "rerank"]
ClaimStatus = Literal["quoted", "derived", "supported", "unsupported"]
AnswerStatus = Literal["answered", "partial", "not_found", "refused"]
Gap = Literal["subject_not_found", "period_missing", "cause_missing", "evidence_too_weak", "sources_conflict"]

DEFAULT_TENANT = "default"
PUBLIC = frozenset({"public"})  # the access label that every reader of a tenant carries


# ---------------------------------------------------------------- where on a page


class Box(NamedTuple):
    """A rectangle in page points, origin top left; x0 <= x1 and y0 <= y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    def union(self, other: "Box") -> "Box":
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0


class Span(NamedTuple):
    """Characters [start, end) of the owning text lie in `box` on `page`; one for each word."""

    start: int
    end: int
    page: int
    box: Box


class Mark(NamedTuple):
    """Characters [start, end) of the owning text are a part of their own where there are no boxes of words:
    a row of a table, an item of a list, one of the blocks of a passage.

    `detail` names the part within its block ("row 3", "" for all of it). In a passage `place` is the index
    of the one of its places that the part stands in.
    """

    start: int
    end: int
    detail: str = ""
    place: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """The one thing that must survive every step: where in which document something stands.

    `page` and `box` for paged documents, `second` beside them for a frame of a video, `anchor` where
    there is no page: "line 12", "row 3", "Sheet1!B2". `image` is the page's picture, where one is kept.
    """

    doc_id: str
    page: int | None = None
    box: Box | None = None
    second: float | None = None
    anchor: str = ""
    image: str | None = None


# ---------------------------------------------------------------- what a file holds


@dataclass(frozen=True, slots=True)
class Reading:
    """A typed value that a reader knows without interpreting text: a chart's bar, a cell, an observation.

    `value` is exact (a decimal in text form), `text` the words as printed. `confidence` from 0 to 1;
    `method` says how it was read ("chart-xml", "chart-vector", "chart-raster", "cell", "fhir").
    """

    attribute: str
    value: str
    text: str
    unit: str = ""
    period: str = ""
    subject: str = ""
    method: str = ""
    confidence: float = 1.0
    box: Box | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One heading, paragraph, list, table, figure ... of a page.

    `text` is what is read and searched; a table's text is its rows, cells joined by " | ".
    `spans` are ascending, do not overlap, and may point to a later page (a stitched table); `marks` are
    ascending and do not overlap.
    `level` is a heading's depth from 1; `rows` are a table's cells; `readings` are values that the
    reader typed itself (`ingest.facts` types those of tables and text).
    """

    kind: BlockKind
    text: str
    box: Box | None = None
    spans: tuple[Span, ...] = ()
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    image: str | None = None
    anchor: str = ""
    readings: tuple[Reading, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """`number` counts from 1; `label` is what is printed on the page ("iv", "F-12").

    `problem` says why a page could not be read; such a page has no blocks.
    `recognized` is true when the words come from OCR. Width and height in points. `second` is the
    moment of a video that the page shows. `image` is its picture; where the file itself cannot be
    drawn, with one pixel to the point.
    """

    number: int
    blocks: tuple[Block, ...]
    width: float = 0.0
    height: float = 0.0
    label: str = ""
    image: str | None = None
    recognized: bool = False
    problem: str = ""
    second: float | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What a reader found in one file. It does not know who owns the file or what it is called."""

    media_type: str
    pages: tuple[Page, ...]
    title: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file of a tenant: identity, who may read it, and its content.

    `id` is made from tenant and content hash; `source` is the name under which the tenant
    keeps it (a path, an upload's name): a new content under the same source replaces the old.
    """

    id: str
    tenant: str
    source: str
    version: int
    title: str
    access: frozenset[str]
    content: Content


# ---------------------------------------------------------------- what is indexed


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage that is found and cited as one.

    `text` is the passage alone; `title` and `section` travel beside it into the index
    (`indexed_text`). `ordinal` counts the chunks of a document from 0.
    """

    id: str
    doc_id: str
    version: int
    ordinal: int
    tenant: str
    access: frozenset[str]
    kind: BlockKind
    title: str
    section: tuple[str, ...]
    text: str
    places: tuple[Place, ...]
    spans: Sequence[Span] = ()
    image: str | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def heading(self) -> str:
        """Title and section path in one line, without repetition."""
        parts = dict.fromkeys(part for part in (self.title, *self.section) if part)
        return " > ".join(parts)

    @property
    def indexed_text(self) -> str:
        """What the lexical index and whoever checks an answer read."""
        heading = self.heading
        return f"{heading}\n{self.text}" if heading else self.text

    @property
    def embedded_text(self) -> str:
        """What every text embedder reads: `indexed_text`, of a table without the bars between its cells, which
        say nothing and are a fifth of its tokens, and with a name over several columns once.
        """
        if self.kind != "table":
            return self.indexed_text
        return "\n".join(" ".join(_cells(line)) for line in self.indexed_text.split("\n"))

    def places_of(self, start: int, end: int) -> tuple[Place, ...]:
        """Where characters [start, end) of `text` stand: a box for each printed line, or the blocks and rows."""
        touched: list[Span] = []
        for index in range(bisect_right(self.spans, start, key=_end), len(self.spans)):
            if self.spans[index].start >= end:
                break
            touched.append(self.spans[index])
        pages = {place.page: place for place in self.places}
        boxed = [
            Place(self.doc_id, page, box, pages[page].second, image=pages[page].image)
            if page in pages
            else Place(self.doc_id, page, box)
            for page, box in (_lines(touched) if touched else ())
        ]
        return (*boxed, *self._marked(start, end)) or self.places

    def _marked(self, start: int, end: int) -> Iterable[Place]:
        """The parts without boxes that characters [start, end) touch, or their block where they are many."""
        by_place: dict[int, list[Mark]] = {}
        for mark in self.marks:
            if mark.start < end and start < mark.end:
                by_place.setdefault(mark.place, []).append(mark)
        for number, marks in by_place.items():
            whole = self.places[number]
            for mark in marks if len(marks) <= _FEW else [Mark(start, end)]:
                details = (whole.anchor, mark.detail, self._cell(mark, start, end))
                yield replace(whole, anchor=", ".join(filter(None, details)))

    def _cell(self, mark: Mark, start: int, end: int) -> str:
        """The cell of a row that holds all of the characters, counted from the left."""
        inside = mark.start <= start and end <= mark.end
        row = self.text[mark.start : mark.end]
        if (
            self.kind != "table"
            or not mark.detail
            or not inside
            or CELL_BAR in self.text[start:end]
            or CELL_BAR not in row
        ):
            return ""
        return f"cell {self.text.count(CELL_BAR, mark.start, start) + 1}"


_FEW = 3  # parts of one block that are named one by one
CELL_BAR = " | "  # between the cells of a table's row


def _cells(line: str) -> Iterator[str]:
    """Those with words in them, without one that repeats the name on its left."""
    before = ""
    for cell in line.split(CELL_BAR):
        if cell.strip() and not (cell == before and not any(map(str.isdigit, cell))):
            yield cell
        before = cell


def _end(span: Span) -> int:
    return span.end


def _lines(spans: Sequence[Span]) -> Iterable[tuple[int, Box]]:
    """Joins the word boxes that stand on one printed line."""
    page, box = spans[0].page, spans[0].box
    for span in spans[1:]:
        overlap = min(box.y1, span.box.y1) - max(box.y0, span.box.y0)
        same_line = overlap > 0.5 * min(box.height, span.box.height)
        if span.page == page and same_line and span.box.x0 >= box.x0:
            box = box.union(span.box)
        else:
            yield page, box
            page, box = span.page, span.box
    yield page, box


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: weights of hashed terms. `indices` uint32, ascending, unique."""

    indices: "NDArray[np.uint32]"
    values: "NDArray[np.float32]"


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk with its vectors by space ("text", "image"; "words" is the sparse one)."""

    chunk: Chunk
    vectors: Mapping[str, Vector]
    words: Sparse | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A typed value with its provenance. `value` is exact (a decimal in text form), in units of
    10 ** `scale`; `text` is what is printed. `confidence` from 0 to 1.
    """

    subject: str
    attribute: str
    value: str
    unit: str
    scale: int
    currency: str
    period: str
    place: Place
    chunk_id: str
    method: str
    text: str = ""
    confidence: float = 1.0


# ---------------------------------------------------------------- the graph


@dataclass(frozen=True, slots=True)
class Entity:
    """`name` is normalised (see `core.text.normalize_name`); `kind` is "alias" for the names that
    a passage is *about* (title, heading, defined term), else "name", "quoted", "period", ...
    """

    name: str
    kind: str
    surface: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """Entity `name` stands in sentence `sentence` of chunk `chunk_id` at [start, end)."""

    name: str
    kind: str
    chunk_id: str
    sentence: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    head: str
    name: str
    tail: str
    chunk_id: str
    place: Place


# ---------------------------------------------------------------- who asks, what is found


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may see: one tenant, and in it the documents that carry one of `labels`."""

    tenant: str = DEFAULT_TENANT
    labels: frozenset[str] = PUBLIC

    def allows(self, chunk: Chunk) -> bool:
        return chunk.tenant == self.tenant and not self.labels.isdisjoint(chunk.access)


class Scored(NamedTuple):
    """A search result before its chunk is fetched. Scores of different spaces do not compare."""

    chunk_id: str
    doc_id: str
    version: int
    score: float


class Step(NamedTuple):
    """How the graph goes on: characters [start, end) of a passage name `entity`, which leads to the
    next passage. `chunk_id` is empty where the words stand in the question.
    """

    chunk_id: str
    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class Hit:
    """`score` is the fused one, from 0 to 1; `legs` the raw score of each leg that found it.

    `path`: how the graph reached it, from the question or from a passage that the words found.
    """

    chunk: Chunk
    score: float
    legs: Mapping[Via, float]
    path: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A hit that was given to the answerer under `key` ("S1"). `path`: how the graph reached it."""

    key: str
    chunk: Chunk
    score: float
    via: frozenset[Via]
    path: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Characters [start, end) of `Answer.text` come from `places`; `quote` are the words there.

    [quote_start, quote_end) is the quote's position in the text of the chunk `chunk_id`.
    """

    key: str
    start: int
    end: int
    chunk_id: str
    quote: str
    quote_start: int
    quote_end: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    start: int
    end: int
    status: ClaimStatus
    derivation: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer cost: the path that gave it, the model if any, seconds of each stage.

    `flops`: the language model's, of all tokens (2 for each active parameter); `joules`: the model's seconds
    times the watts that were stated. Both are estimates, 0 where not known.
    """

    path: str
    model: str = ""
    active_parameters: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    flops: int = 0
    joules: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason` says why nothing, or not all, was found, in words and, in `gaps`, in a fixed vocabulary;
    both are empty when all was answered and no other document states it otherwise. `confidence`: how likely the documents answer the question, and
    with this, 0 to 1; 1 where the path proves its answer and does not judge it.
    """

    text: str
    status: AnswerStatus
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    cost: Cost = Cost(path="")
    reason: str = ""
    gaps: tuple[Gap, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[str, ...] = ()
