"""BLOCKS -> CHUNKS: passages that are found and cited as one.

A chunk holds what one section says, never two, with the boxes of its words; paragraphs are joined up
to about `TARGET` tokens, and one may go on over a page break. A paragraph over `LONGEST` is cut at
sentences, a table between its rows, with the lines above it and its header repeated. No token is lost:
a chunk with its heading never exceeds `max_tokens`, if need be by cutting at clauses, words, characters.

Chunks do not overlap: neighbours are fetched by ordinal where more context is wanted. Knows nothing
of vectors, and of tokens only how many there are.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, pairwise
from math import ceil
from typing import NamedTuple

from core.ids import chunk_id
from core.text import CJK, sentences
from core.types import Block, BlockKind, Box, Chunk, Document, Mark, Page, Place, Span
from ingest.tables.numbers import Kind, is_period, is_unit, kind_of

TARGET = 200  # tokens of a chunk with its heading: a few paragraphs, and room in a 256-token encoder
LONGEST = 300  # tokens; up to here a paragraph or a table is one chunk
HEADING_SHARE = 3  # the heading takes at most this part of the encoder's room
LONGEST_HEADING = 200  # characters; what is longer is a paragraph that looks like a heading
LONGEST_LEAD = 300  # characters of a sentence that announces a table
HEADER_ROWS = 4  # no table has more rows of column names than this
CHECK_FROM = 0.6  # of max_tokens: from here on the sum of the words is checked against the whole
WORDS_KEPT = 200_000  # whose tokens are remembered, about 20 MB

Counter = Callable[[Sequence[str]], list[int]]

_JOINED: frozenset[BlockKind] = frozenset({"text", "list", "code", "heading"})
_BY_LINE: frozenset[BlockKind] = frozenset({"list", "code", "record", "figure"})
_SENTENCE_END = tuple(".!?:;。！？：；…\"'”’)）")
_CAPTION = re.compile(r"(?:table|exhibit|schedule)\s+[\dIVX]|表\s*[\d一二三四五六七八九十]", re.IGNORECASE)
_CJK_START = re.compile(f"[{CJK}]")


class _Placed(NamedTuple):
    """A block on its page; `page` is None where the format has no pages."""

    block: Block
    page: int | None


class _Unit(NamedTuple):
    """Characters [start, end) of a block: the smallest piece that a chunk is put together from."""

    owner: _Placed
    start: int
    end: int
    tokens: int = 0

    @property
    def text(self) -> str:
        return self.owner.block.text[self.start : self.end]


@dataclass(slots=True)
class _Run:
    """Units that may share a chunk, and what stands in each chunk of the run beside them.

    `path`: the headings over the run, outermost first. `above`: the sentence that announces a table,
    and where the table is cut, the lines over it and its header. Tokens that the units of a chunk have: `room` at most, `longest`
    where it can be helped, about `target` where they can be chosen.
    """

    path: tuple[_Placed, ...]
    units: list[_Unit]
    image: str | None = None
    above: list[_Unit] = field(default_factory=list)
    title: str = ""
    section: tuple[str, ...] = ()
    overhead: int = 0
    room: int = 0
    longest: int = 0
    target: int = 0


class Measured(NamedTuple):
    """A chunk, how many tokens the encoder reads of it, heading and special tokens included, and how many
    blocks stand in it, or over it as a heading, that no chunk before had.
    """

    chunk: Chunk
    tokens: int
    blocks: int = 0


def chunks_of(
    document: Document, *, count_tokens: Counter, max_tokens: int, wordless: bool = False
) -> list[Chunk]:
    """The chunks of one document in reading order; see `Chunker`."""
    chunker = Chunker(count_tokens=count_tokens, max_tokens=max_tokens, wordless=wordless)
    return [measured.chunk for measured in chunker.split(document)]


class Chunker:
    """Splits documents for one encoder.

    `count_tokens` gives the tokens of each text, special ones included. Words are counted one by one,
    and each only once: that is exact where a text's tokens are those of its words (WordPiece), and what
    comes near the limit is counted again as a whole. With `wordless`, a figure is a chunk even if no
    word stands in it.
    """

    def __init__(self, *, count_tokens: Counter, max_tokens: int, wordless: bool = False) -> None:
        self._count_tokens = count_tokens
        self._max_tokens = max_tokens
        self._wordless = wordless
        self._tokens: dict[str, int] = {}  # of words
        (self._special,) = count_tokens([""])

    def meet(self, documents: Iterable[Document]) -> None:
        """Counts the words of documents that are about to be split: all at once costs less than each by itself."""
        texts = (
            text
            for document in documents
            for text in (
                document.title,
                *(block.text for page in document.content.pages for block in page.blocks),
            )
        )
        self._with_tokens_of(word for text in texts for word in text.split())

    def split(self, document: Document) -> list[Measured]:
        """The chunks in reading order, numbered from 0."""
        limit = self._max_tokens
        while True:
            measured = list(self._split(document, limit))
            near = [one.chunk.indexed_text for one in measured if one.tokens > CHECK_FROM * self._max_tokens]
            excess = max(self._count_tokens(near) if near else [0]) - self._max_tokens
            if excess <= 0:
                return measured
            limit -= excess
            assert limit > 0, f"a single character has more than {self._max_tokens} tokens"

    def _split(self, document: Document, max_tokens: int) -> Iterator[Measured]:
        runs = list(_runs(document, wordless=self._wordless))
        _measure(runs, document.title, self._count, max_tokens, self._special)
        shown = {page.number: page for page in document.content.pages if page.image}
        ordinal = 0
        told: set[int] = set()
        for run in runs:
            for part, (units, tokens) in enumerate(_groups(run)):
                image = run.image if part == 0 else None
                here = {id(heading) for heading in run.path} | {id(unit.owner) for unit in units}
                chunk = _chunk(document, shown, ordinal, run, units, image)
                yield Measured(chunk, tokens, len(here - told))
                told |= here
                ordinal += 1

    def _count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without the special ones."""
        split = [text.split() for text in texts]
        known = self._with_tokens_of(chain.from_iterable(split))
        return [sum(map(known.__getitem__, words)) for words in split]

    def _with_tokens_of(self, words: Iterable[str]) -> Mapping[str, int]:
        """The tokens of words, of these among others."""
        if len(self._tokens) > WORDS_KEPT:
            self._tokens = {}
        known = self._tokens
        new = list(set(words).difference(known))
        if new:
            known.update(zip(new, (count - self._special for count in self._count_tokens(new))))
        return known


# ---------------------------------------------------------------- what belongs together


def _runs(document: Document, *, wordless: bool) -> Iterator[_Run]:
    """Sections in reading order. A table and a figure stand alone; so does a series of records."""
    placed = list(_placed(document))
    path: tuple[_Placed, ...] = ()
    run: _Run | None = None
    last: BlockKind | None = None
    for position, owner in enumerate(placed):
        block = owner.block
        if _is_heading(block):
            path = tuple(above for above in path if above.block.level < block.level)
            if not _is_bare(placed, position, wordless=wordless):
                path = (*path, owner)
                continue
        unit = _trimmed(owner)
        if unit is None and not (wordless and block.image):
            continue
        units = [unit] if unit else []
        if run and run.path == path and _may_share(last, block.kind):
            run.units += units
        else:
            lead = _lead(run) if run and run.path == path and block.kind == "table" else []
            if run and (run.units or run.image):
                yield run
            run = _Run(path, units, image=block.image, above=lead)
        last = block.kind
    if run:
        yield run


def _lead(run: _Run) -> list[_Unit]:
    """The sentence before a table that says what it shows or in which unit, if it is there.

    It goes into the table's chunks; where it is a paragraph of its own, into these alone.
    """
    if not run.units or run.units[-1].owner.block.kind not in _JOINED:
        return []
    paragraph = run.units[-1]
    start, end = sentences(paragraph.text)[-1]
    lead = paragraph._replace(start=paragraph.start + start, end=paragraph.start + end)
    announces = lead.text.endswith((":", "：")) or _CAPTION.match(lead.text) or is_unit(lead.text)
    if end - start > LONGEST_LEAD or not announces:
        return []
    if start == 0:
        run.units.pop()
    return [lead]


def _placed(document: Document) -> Iterator[_Placed]:
    for page in document.content.pages:
        for block in page.blocks:
            paged = page.width > 0 or block.box is not None or block.spans
            yield _Placed(block, page.number if paged else None)


def _is_heading(block: Block) -> bool:
    return block.kind == "heading" and 0 < len(block.text.strip()) <= LONGEST_HEADING


def _is_bare(placed: Sequence[_Placed], position: int, *, wordless: bool) -> bool:
    """Nothing stands under this heading: it is indexed as text of the section around it."""
    below = (one.block for one in placed[position + 1 :])
    following = next((one for one in below if one.text.strip() or (wordless and one.image)), None)
    if following is None:
        return True
    return _is_heading(following) and following.level <= placed[position].block.level


def _may_share(last: BlockKind | None, kind: BlockKind) -> bool:
    return (last in _JOINED and kind in _JOINED) or (last == kind == "record")


def _trimmed(owner: _Placed) -> _Unit | None:
    text = owner.block.text
    if not text.strip():
        return None
    # The blank before the first bar of a table's row is an empty cell.
    blank = "\n" if owner.block.kind == "table" else None
    start = len(text) - len(text.lstrip(blank))
    return _Unit(owner, start, len(text.rstrip(blank)))


# ---------------------------------------------------------------- how long things are


def _measure(runs: Sequence[_Run], title: str, count: Counter, max_tokens: int, special: int) -> None:
    """Settles heading and room of each run, and cuts what does not fit."""
    for run in runs:
        if run.units and run.units[0].owner.block.kind == "table":
            run.units = list(_matches(run.units[0], _ROW))
    names = list(dict.fromkeys([title, *(_name(heading) for run in runs for heading in run.path)]))
    units = [unit for run in runs for unit in (*run.above, *run.units)]
    separator, *counts = count([">", *names, *(unit.text for unit in units)])
    tokens_of = dict(zip(names, counts))
    counted = iter(counts[len(names) :])
    told: set[int] = set()
    for run in runs:
        run.above = [unit._replace(tokens=next(counted)) for unit in run.above]
        run.units = [unit._replace(tokens=next(counted)) for unit in run.units]
        dropped = _fit_heading(run, title, tokens_of, separator, max_tokens // HEADING_SHARE)
        # A heading that has no room in the section path is read as text, once.
        untold = [heading for heading in dropped if id(heading) not in told]
        told.update(map(id, untold))
        lost = [unit._replace(tokens=tokens_of[_name(unit.owner)]) for unit in map(_trimmed, untold) if unit]
        run.units[:0] = lost
        run.overhead += special + sum(unit.tokens for unit in run.above)
        _keep_header(run, max_tokens)
        run.room = max(1, max_tokens - run.overhead)
        run.longest = min(run.room, max(LONGEST, 2 * run.overhead) - run.overhead)
        run.target = min(run.longest, max(TARGET, 2 * run.overhead) - run.overhead)
    _cut(runs, count)


def _name(heading: _Placed) -> str:
    return " ".join(heading.block.text.split())


def _fit_heading(
    run: _Run, title: str, tokens_of: dict[str, int], separator: int, budget: int
) -> tuple[_Placed, ...]:
    """Sets title and section of the run, innermost headings first. Returns the headings left out."""
    fits = tokens_of[title] <= budget
    run.title = title if fits else ""
    run.overhead = tokens_of[title] if fits else 0
    seen = {run.title}
    kept: list[str] = []
    for heading in reversed(run.path):
        name = _name(heading)
        if name not in seen:
            cost = tokens_of[name] + (separator if run.overhead else 0)
            if run.overhead + cost > budget:
                break
            run.overhead += cost
            seen.add(name)
        kept.append(name)
    run.section = tuple(reversed(kept))
    return run.path[: len(run.path) - len(kept)]


def _keep_header(run: _Run, max_tokens: int) -> None:
    """Where a table is cut, what stands above its first row of data comes back in each chunk."""
    table = next((unit.owner.block for unit in run.units if unit.owner.block.kind == "table"), None)
    if table is None or run.overhead + sum(unit.tokens for unit in run.units) <= min(LONGEST, max_tokens):
        return
    above = max(0, len(run.units) - len(table.rows)) + _header_rows(table.rows) if table.rows else 1
    size = sum(unit.tokens for unit in run.units[:above])
    if size <= min(TARGET, max_tokens) // 2 and above < len(run.units):
        run.above, run.units = [*run.above, *run.units[:above]], run.units[above:]
        run.overhead += size


def _header_rows(rows: Sequence[Sequence[str]]) -> int:
    """The rows before the first one that holds a value; a year or a day names a column."""
    for number, row in enumerate(rows[:HEADER_ROWS]):
        if any(kind_of(cell) != Kind.WORDS and not is_period(cell) for cell in row[1:]):
            return number
    return 1


# ---------------------------------------------------------------- cutting


def _cut(runs: Sequence[_Run], count: Counter) -> None:
    """Cuts the units that are too long, each time into smaller pieces."""
    for split in (_lines, _sentences, _clauses, _words, _characters):
        gently = split in (_lines, _sentences)
        cut = [
            (run, position, list(split(unit)))
            for run in runs
            for position, unit in enumerate(run.units)
            if unit.tokens > (run.longest if gently and unit.owner.block.kind != "table" else run.room)
        ]
        if cut:
            counted = iter(count([piece.text for _, _, pieces in cut for piece in pieces]))
            done = [[piece._replace(tokens=next(counted)) for piece in pieces] for _, _, pieces in cut]
            # From the end, so that the positions before it stay right.
            for (run, position, _), pieces in zip(reversed(cut), reversed(done)):
                run.units[position : position + 1] = pieces


def _lines(unit: _Unit) -> Iterator[_Unit]:
    if unit.owner.block.kind in _BY_LINE:
        yield from _matches(unit, _LINE)
    else:
        yield unit


def _sentences(unit: _Unit) -> Iterator[_Unit]:
    for start, end in sentences(unit.text):
        yield unit._replace(start=unit.start + start, end=unit.start + end)


def _clauses(unit: _Unit) -> Iterator[_Unit]:
    yield from _matches(unit, _CLAUSE)


def _words(unit: _Unit) -> Iterator[_Unit]:
    yield from _matches(unit, _WORD)


def _characters(unit: _Unit) -> Iterator[_Unit]:
    yield from _matches(unit, _CHARACTER)


_LINE = re.compile(r"\S(?:[^\n]*\S)?")
_ROW = re.compile(r"[^\n]*\S[^\n]*")
_CLAUSE = re.compile(r"\S[^,;，；：、]*[,;，；：、]*")
_WORD = re.compile(r"\S+")
_CHARACTER = re.compile(r"\S")


def _matches(unit: _Unit, pattern: re.Pattern[str]) -> Iterator[_Unit]:
    for match in pattern.finditer(unit.owner.block.text, unit.start, unit.end):
        yield unit._replace(start=match.start(), end=match.end())


# ---------------------------------------------------------------- putting together


def _groups(run: _Run) -> Iterator[tuple[list[_Unit], int]]:
    """Units of one chunk each, about equally long, with the tokens of the chunk."""
    if not run.units:
        yield [], run.overhead
        return
    start = 0
    remaining = sum(unit.tokens for unit in run.units)
    while start < len(run.units):
        parts = max(1, ceil(remaining / run.room), ceil(remaining / run.target - 0.5))
        aim = remaining / parts
        size = run.units[start].tokens
        end = start + 1
        while end < len(run.units) and size + run.units[end].tokens <= run.room:
            longer = size + run.units[end].tokens
            if longer - aim > aim - size:
                break
            size = longer
            end += 1
        yield [*run.above, *run.units[start:end]], run.overhead + size
        remaining -= size
        start = end


def _chunk(
    document: Document,
    shown: Mapping[int, Page],
    ordinal: int,
    run: _Run,
    units: Sequence[_Unit],
    image: str | None,
) -> Chunk:
    pieces: list[str] = []
    spans: list[Span] = []
    places: dict[Place, int] = {}
    marks: list[Mark] = []
    length = 0
    slices = list(_slices(units))
    for before, piece in pairwise([None, *slices]):
        assert piece is not None
        gap = _gap(before, piece) if before else ""
        length += len(gap)
        moved = _spans_within(piece, length)
        for place in _places(document.id, piece, moved):
            at = places.setdefault(_seen(place, shown), len(places))
            if not moved:
                marks += _marks(piece, length, at)
        spans += moved
        pieces += (gap, piece.text)
        length += len(piece.text)
    kinds = {unit.owner.block.kind for unit in units[len(run.above) :]}
    kind: BlockKind = kinds.pop() if len(kinds) == 1 else "text" if kinds else "figure"
    return Chunk(
        id=chunk_id(document.tenant, document.id, document.version, ordinal),
        doc_id=document.id,
        version=document.version,
        ordinal=ordinal,
        tenant=document.tenant,
        access=document.access,
        kind=kind,
        title=run.title,
        section=run.section,
        text="".join(pieces),
        places=tuple(places),
        spans=tuple(spans),
        image=image,
        marks=tuple(marks) if len(places) > 1 or any(mark.detail for mark in marks) else (),
    )


def _seen(place: Place, shown: Mapping[int, Page]) -> Place:
    """With the picture and the moment of its page, where the page has them."""
    page = shown.get(place.page or 0)
    return place if page is None else replace(place, second=page.second, image=page.image)


def _slices(units: Sequence[_Unit]) -> Iterator[_Unit]:
    """Units that follow each other in a block become one again, with what stands between them."""
    joined: _Unit | None = None
    for unit in units:
        if (
            joined
            and unit.owner is joined.owner
            and not unit.owner.block.text[joined.end : unit.start].strip()
        ):
            joined = joined._replace(end=unit.end)
        else:
            if joined:
                yield joined
            joined = unit
    if joined:
        yield joined


def _gap(before: _Unit, unit: _Unit) -> str:
    """An empty line ends a sentence; a paragraph that goes on over a break must not be ended."""
    first, second = before.owner, unit.owner
    if first is second or second.block.kind == "table":
        return "\n"
    if first.block.kind == second.block.kind == "text" and not before.text.endswith(_SENTENCE_END):
        text = unit.text
        if text[0].islower() or (first.page != second.page and _CJK_START.match(text)):
            return "\n"
    return "\n\n"


def _spans_within(piece: _Unit, position: int) -> list[Span]:
    """The word boxes of a piece, counted as if the piece began at `position`."""
    spans = piece.owner.block.spans
    start, end = piece.start, piece.end
    shift = position - start
    if not spans:
        return []
    if spans[0].start >= start and spans[-1].end <= end:
        if shift == 0:
            return list(spans)
        return [Span(first + shift, last + shift, page, box) for first, last, page, box in spans]
    first_touched = bisect_right(spans, start, key=_end)
    return [
        Span(max(span.start, start) + shift, min(span.end, end) + shift, span.page, span.box)
        for span in spans[first_touched : bisect_right(spans, end - 1, key=_start)]
    ]


def _marks(piece: _Unit, position: int, place: int) -> Iterator[Mark]:
    """The parts of a piece without boxes, counted as if the piece began at `position`."""
    own = [mark for mark in piece.owner.block.marks if mark.start < piece.end and piece.start < mark.end]
    shift = position - piece.start
    for start, end, detail, _ in own or [Mark(piece.start, piece.end)]:
        yield Mark(max(start, piece.start) + shift, min(end, piece.end) + shift, detail, place)


def _start(span: Span) -> int:
    return span.start


def _end(span: Span) -> int:
    return span.end


def _page(span: Span) -> int:
    return span.page


def _places(doc_id: str, piece: _Unit, spans: Sequence[Span]) -> Iterator[Place]:
    """Where a piece stands: its block, or of a part of a block the box around its words."""
    block, page = piece.owner
    whole = len(spans) == len(block.spans) and (not spans or spans[-1].page == page)
    if not spans or (whole and block.box):
        yield Place(doc_id, page, block.box, anchor=block.anchor)
        return
    for number, words in groupby(spans, key=_page):
        x0, y0, x1, y1 = zip(*(word.box for word in words))
        yield Place(doc_id, number, Box(min(x0), min(y0), max(x1), max(y1)), anchor=block.anchor)
