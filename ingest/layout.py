"""Words on a page -> blocks in reading order: headings, paragraphs, lists, tables, figures.

Works on words with boxes alone, so that a born-digital page and a page read by OCR are laid out by
the same rules. Knows nothing of PDF, and nothing of the insides of tables (`ingest.tables`).

The way of a document: running headers and footers are found over all pages and taken out; then, on
each page, tables take their words, the rest becomes lines, lines become columns, columns paragraphs;
last, with the body's type size known, paragraphs become blocks.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from core.text import CJK
from core.types import Block, BlockKind, Box, Page, Span
from ingest.tables import find_tables
from ingest.words import Word


class Bookmark(NamedTuple):
    """An entry of a document's outline; `level` counts from 1."""

    level: int
    title: str
    page: int


class Back(NamedTuple):
    """x' = a x + b y + c, y' = d x + e y + f, onto a page of `width` x `height` points."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    width: float
    height: float

    def word(self, box: Box) -> Box:
        """The middle is mapped and the size kept: a turned word's hull would grow into its neighbours."""
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        across, down = abs(self.a) > abs(self.b), (box.width / 2, box.height / 2)
        half_x, half_y = down if across else down[::-1]
        x, y = self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f
        return self._cut(x - half_x, y - half_y, x + half_x, y + half_y)

    def area(self, box: Box) -> Box:
        corners = [(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
        xs = [self.a * x + self.b * y + self.c for x, y in corners]
        ys = [self.d * x + self.e * y + self.f for x, y in corners]
        return self._cut(min(xs), min(ys), max(xs), max(ys))

    def _cut(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """Inside the page, to a hundredth of a point."""
        x0, x1 = (min(max(x, 0.0), self.width) for x in (x0, x1))
        y0, y1 = (min(max(y, 0.0), self.height) for y in (y0, y1))
        return Box(round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))


@dataclass(slots=True)
class Sheet:
    """A page as a reader found it: words in the order of the file, nothing grouped.

    Boxes are in the frame in which the page is read, `width` x `height` points; `back` maps its
    points to the frame in which the page is seen, where that is another one (a table printed
    sideways, a skewed scan). `turned` are words that do not run to the right. `rulings` are the
    boxes of drawn paths, `figures` those of pictures.
    """

    number: int
    width: float = 0.0
    height: float = 0.0
    words: list[Word] = field(default_factory=list)
    turned: list[Word] = field(default_factory=list)
    rulings: list[Box] = field(default_factory=list)
    figures: list[Box] = field(default_factory=list)
    back: "Back | None" = None
    label: str = ""
    image: str | None = None
    recognized: bool = False
    problem: str = ""


def lay_out(sheets: Sequence[Sheet], outline: Sequence[Bookmark] = ()) -> tuple[Page, ...]:
    """The pages of a document, blocks in reading order, boxes in the frame in which a page is seen."""
    runs = [_runs(sheet.words) for sheet in sheets]
    margins = _margins(sheets, runs)
    drafts = [_draft(sheet, own, margin) for sheet, own, margin in zip(sheets, runs, margins)]
    style = _Style(drafts, outline)
    return tuple(_page(draft, style) for draft in drafts)


def title_of(given: str, pages: Sequence[Page]) -> str:
    """The title that the file claims if it reads like one, else the largest heading of the first page."""
    if _is_title(given):
        return given
    headings = [block for block in pages[0].blocks if block.kind == "heading"] if pages else []
    best = min(headings, key=lambda block: block.level, default=None)
    return " ".join(best.text.split()) if best else ""


_FILE_NAME = re.compile(
    r"\.(?:docx?|pdf|pptx?|xlsx?|indd|qxd|tex|dvi|html?|rtf|txt|ps|fm|p65)\b|[\\/]{1}\w+[\\/]", re.IGNORECASE
)
_EMPTY_TITLE = re.compile(r"(?:untitled|unknown|document|title|none|null|slide)[\s\d]*$", re.IGNORECASE)


def _is_title(text: str) -> bool:
    letters = sum(1 for char in text if char.isalpha())
    return (
        letters >= 4
        and 2 * letters >= len(text.replace(" ", ""))
        and not _FILE_NAME.search(text)
        and not _EMPTY_TITLE.match(text)
        and not text.lower().startswith("microsoft ")
        and (" " in text or re.search(f"[{CJK}]", text) is not None)
    )


# ---------------------------------------------------------------- runs and lines

_SPACE = 1.0  # of the type size: a wider gap parts two runs


class _Run:
    """Words side by side on one line without a wide space between them."""

    __slots__ = ("size", "words", "x0", "x1", "y0", "y1")

    def __init__(self, word: Word) -> None:
        self.words = [word]
        self.x0, self.y0, self.x1, self.y1 = word.box
        self.size = word.size or 0.8 * (self.y1 - self.y0)


def _runs(words: Iterable[Word]) -> list[_Run]:
    """Runs in the order of the file: whoever wrote it wrote the words of a line one after another."""
    runs: list[_Run] = []
    run: _Run | None = None
    x1 = y0 = y1 = height = 0.0
    for word in words:
        left, top, right, bottom = word.box
        own = bottom - top
        smaller = min(height, own)
        overlap = (min(y1, bottom)) - (max(y0, top))
        if run is None or overlap <= 0.5 * smaller or not -0.5 * smaller < left - x1 < _SPACE * run.size:
            run = _Run(word)
            runs.append(run)
            x1, y0, y1, height = right, top, bottom, own
            continue
        run.words.append(word)
        if right > x1:
            run.x1 = x1 = right
        if top < run.y0:
            run.y0 = top
        if bottom > run.y1:
            run.y1 = bottom
        if word.size > run.size:
            run.size = word.size
        # The line goes on where its tall words are: a superscript must not carry it upwards.
        if own >= 0.8 * height:
            y0, y1, height = top, bottom, own
    return runs


class _Line:
    """What is printed on one line of one column, left to right; `runs` stand apart."""

    __slots__ = ("bold", "runs", "size", "x0", "x1", "y0", "y1")

    def __init__(self, runs: list[_Run]) -> None:
        self.runs = runs
        self.x0, self.x1 = runs[0].x0, max(run.x1 for run in runs)
        self.y0, self.y1 = min(run.y0 for run in runs), max(run.y1 for run in runs)
        self.size = max(run.size for run in runs)
        self.bold = all(word.bold for run in runs for word in run.words if word.text[0].isalnum())

    @property
    def first(self) -> Word:
        return self.runs[0].words[0]

    @property
    def last(self) -> Word:
        return self.runs[-1].words[-1]

    @property
    def words(self) -> list[Word]:
        return (
            self.runs[0].words if len(self.runs) == 1 else [word for run in self.runs for word in run.words]
        )

    @property
    def text(self) -> str:
        return _plain(self.words)


def _lines(runs: Iterable[_Run]) -> list[_Line]:
    """Lines from top to bottom, each from left to right."""
    return [_Line(_joined(row)) for row in _rows(runs)]


def _rows(runs: Iterable[_Run]) -> list[list[_Run]]:
    rows: list[list[_Run]] = []
    middle = height = 0.0
    for run in sorted(runs, key=lambda run: run.y0 + run.y1):
        own = run.y1 - run.y0
        if not rows or (run.y0 + run.y1) / 2 - middle > 0.45 * min(own, height):
            rows.append([])
            height = 0.0
        rows[-1].append(run)
        if own > height:
            middle, height = (run.y0 + run.y1) / 2, own
    for row in rows:
        row.sort(key=lambda run: run.x0)
    return rows


def _joined(runs: list[_Run]) -> list[_Run]:
    """Neighbours without a wide space become one run: some files write a line in any order."""
    joined = runs[:1]
    for run in runs[1:]:
        if run.x0 - joined[-1].x1 < _SPACE * max(joined[-1].size, run.size):
            joined[-1:] = _runs([*joined[-1].words, *run.words])
        else:
            joined.append(run)
    return joined


_FIRST_WIDE = "\u2e80"  # from here on characters are set without spaces between words


def _apart(left: Word, right: Word) -> bool:
    """Does a space belong between two neighbours? Chinese has one only where it is printed wide."""
    if left.text[-1] < _FIRST_WIDE and right.text[0] < _FIRST_WIDE:
        return True
    size = max(left.size, right.size) or 0.8 * left.box.height
    return right.box.x0 - left.box.x1 > 0.3 * size


def _plain(words: Iterable[Word]) -> str:
    pieces: list[str] = []
    last: Word | None = None
    for word in words:
        if last is not None and _apart(last, word):
            pieces.append(" ")
        pieces.append(word.text)
        last = word
    return "".join(pieces)


# ---------------------------------------------------------------- running headers, footers, page labels

_EDGE_LINES = 4  # at the top and at the bottom of a page
_SAME_HEIGHT = 6.0  # points by which a running header may move
_NUMBER = re.compile(r"(?<![\w.,$])(?:([A-Z]{1,3})[-–])?(\d{1,4})(?![\w%]|[.,]\d)")
_ROMAN = re.compile(r"[ivxlc]{1,7}$", re.IGNORECASE)
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_ONLY_NUMBER = re.compile(
    r"\W*(?:page|p\.?|第)?\s*(?:[A-Z]{1,3}[-–])?(?:\d{1,4}|[ivxlc]{1,7})\s*页?\s*(?:(?:of|/|共)\s*\d{1,4}\s*页?)?\W*$",
    re.IGNORECASE,
)


class _Margin(NamedTuple):
    """`taken` are the ids of the runs that do not belong to the page's own text."""

    taken: frozenset[int]
    label: str


class _EdgeLine(NamedTuple):
    sheet: int
    key: tuple[bool, str]
    middle: float
    line: _Line
    text: str


class _Numbering(NamedTuple):
    """Pages are labelled alike where prefix, kind and distance from the true number agree."""

    prefix: str
    roman: bool
    offset: int


def _margins(sheets: Sequence[Sheet], runs: Sequence[list[_Run]]) -> list[_Margin]:
    edges = [_edge_lines(number, sheet, own) for number, (sheet, own) in enumerate(zip(sheets, runs))]
    repeated = _repeated([line for own in edges for line in own], len(sheets))
    votes = Counter(
        numbering for own in edges for numbering in {n for line in own for n, _ in _numbers(line, sheets)}
    )
    margins = []
    for sheet, own in zip(sheets, edges):
        label, label_line = _label(own, sheets, votes)
        taken = [line.line for line in own if id(line.line) in repeated or line.line is label_line]
        margins.append(
            _Margin(frozenset(id(run) for line in taken for run in line.runs), label or sheet.label)
        )
    return margins


def _edge_lines(number: int, sheet: Sheet, runs: list[_Run]) -> list[_EdgeLine]:
    """The first and the last lines of a page: what repeats among them over pages is not its own."""
    by_height = sorted(runs, key=lambda run: run.y0 + run.y1)
    found = []
    # A line may be made of several runs; four times as many reach far enough on real pages.
    for at_top, nearest in ((True, by_height[: 4 * _EDGE_LINES]), (False, by_height[-4 * _EDGE_LINES :])):
        rows = [row for row in _rows(nearest) if (row[0].y0 < sheet.height / 2) == at_top]
        for row in rows[:_EDGE_LINES] if at_top else rows[-_EDGE_LINES:]:
            line = _Line(row)
            text = line.text
            shape = "#" if _ROMAN.match(text) else re.sub(r"\d+", "#", text.lower())
            found.append(_EdgeLine(number, (at_top, shape), (line.y0 + line.y1) / 2, line, text))
    return found


def _repeated(lines: Sequence[_EdgeLine], pages: int) -> set[int]:
    """The ids of lines that stand at the same height of several pages, numbers aside."""
    alike: dict[tuple[bool, str], list[_EdgeLine]] = defaultdict(list)
    for line in lines:
        alike[line.key].append(line)
    found: set[int] = set()
    for group in alike.values():
        usual = median(line.middle for line in group)
        same = [line for line in group if abs(line.middle - usual) <= _SAME_HEIGHT]
        count = len({line.sheet for line in same})
        if count >= 3 or (count == 2 and pages <= 4):
            found.update(id(line.line) for line in same)
    return found


def _numbers(line: _EdgeLine, sheets: Sequence[Sheet]) -> Iterator[tuple[_Numbering, str]]:
    """What page label a line may hold, as printed and as a numbering of the document."""
    page = sheets[line.sheet].number
    if _ROMAN.match(line.text):
        yield _Numbering("", True, _roman(line.text) - page), line.text
    for match in _NUMBER.finditer(line.text):
        yield _Numbering(match[1] or "", False, int(match[2]) - page), match.group()


def _roman(text: str) -> int:
    digits = [_ROMAN_DIGITS[char] for char in text.lower()]
    return sum(-one if one < following else one for one, following in pairwise([*digits, 0]))


def _label(
    own: Sequence[_EdgeLine], sheets: Sequence[Sheet], votes: Counter[_Numbering]
) -> tuple[str, _Line | None]:
    """The label printed on a page, and the line that holds nothing else."""
    found = [
        (votes[numbering], numbering, text, line)
        for line in own
        for numbering, text in _numbers(line, sheets)
    ]
    # A single page cannot be outvoted, but a number that is its own page number needs no vote.
    sure = [
        (count, numbering.offset == 0, only, text, line)
        for count, numbering, text, line in found
        for only in [_ONLY_NUMBER.match(line.text) is not None]
        if count >= 3 or (only and (count == 2 or numbering.offset == 0))
    ]
    if not sure:
        return "", None
    _, _, only, text, line = max(sure, key=lambda candidate: candidate[:3])
    return text, line.line if only else None


# ---------------------------------------------------------------- reading order


class _Solid:
    """A table or a figure: read as one."""

    __slots__ = ("block", "x0", "x1", "y0", "y1")

    def __init__(self, block: Block, box: Box) -> None:
        self.block = block
        self.x0, self.y0, self.x1, self.y1 = box


_Atom = _Run | _Solid
_GUTTER = 0.8  # of the type size: narrower ones part no columns
_COLUMN_WIDTH = 0.15  # of the page's width
_COLUMN_LINES = 3
_COLUMN_WORDS = 3.0  # in the mean of its lines: fewer are the cells of a form
_COLUMN_EMS = 8.0
_DEEPEST = 3
_MOST_FLOATS = 0.4  # of the columns' lines; more is a column of its own


def _columns(atoms: Sequence[_Atom], page_width: float, depth: int = 0) -> Iterator[list[_Atom]]:
    """Regions in reading order, each one column wide.

    A page is cut at the gutter that most pairs of neighbours have between them. What lies across it
    parts the page into sections one below the other, unless text flows around it on both sides
    (a caption, a picture): then it floats, and is read after the columns.
    """
    cut = _gutter(atoms) if depth < _DEEPEST else None
    if cut is None:
        yield list(atoms)
        return
    across = [atom for atom in atoms if atom.x0 < cut < atom.x1]
    aside = [atom for atom in atoms if not atom.x0 < cut < atom.x1]
    floats = [atom for atom in across if _is_float(atom, aside, cut)]
    if len(floats) > _MOST_FLOATS * len(aside):
        floats = []
    floating = {id(atom) for atom in floats}
    wide: list[_Atom] = []
    for section, spanner in _sections(aside, [atom for atom in across if id(atom) not in floating]):
        left = [atom for atom in section if atom.x1 <= cut]
        right = [atom for atom in section if atom.x0 >= cut]
        if _are_columns(left, right, page_width):
            yield from _columns(wide, page_width, depth + 1) if wide else ()
            left, wide = _without_tail(left, right, at_end=spanner is None)
            yield from _columns(left, page_width, depth + 1)
            yield from _columns(right, page_width, depth + 1)
            beside = [atom for atom in floats if _overlap(atom, _hull(section)) > 0]
            if beside:
                yield beside
                floats = [atom for atom in floats if not any(atom is other for other in beside)]
        else:
            wide += section
        if spanner is not None:
            wide.append(spanner)
    wide += floats
    if len(wide) == len(atoms):
        yield wide
    elif wide:
        yield from _columns(wide, page_width, depth + 1)


def _gutter(atoms: Sequence[_Atom]) -> float | None:
    """The x that lies between most neighbours, weighted by how high they stand beside one another."""
    narrowest = _GUTTER * median([atom.size for atom in atoms if isinstance(atom, _Run)] or [10.0])
    ordered = sorted((atom for atom in atoms if _is_texty(atom)), key=lambda atom: atom.y0)
    edges: list[tuple[float, int, float]] = []
    pairs = 0
    for position, one in enumerate(ordered):
        for other in ordered[position + 1 :]:
            if other.y0 >= one.y1:
                break
            shared = _overlap(one, other)
            left, right = (one, other) if one.x0 <= other.x0 else (other, one)
            if right.x0 - left.x1 >= narrowest and shared > 0.5 * min(one.y1 - one.y0, other.y1 - other.y0):
                edges += [(left.x1, 0, shared), (right.x0, 1, shared)]
                pairs += _COLUMN_LINES if isinstance(one, _Solid) or isinstance(other, _Solid) else 1
    if pairs < _COLUMN_LINES:
        return None
    edges.sort()
    best = weight = 0.0
    cut = None
    for (x, closes, shared), (following, _, _) in pairwise(edges):
        weight += -shared if closes else shared
        if weight > best and following - x >= 0.5 * narrowest:
            best, cut = weight, (x + following) / 2
    return cut


def _is_texty(atom: _Atom) -> bool:
    return isinstance(atom, _Solid) or len(atom.words) >= _COLUMN_WORDS


def _overlap(one: _Atom, other: "_Atom | Box") -> float:
    return min(one.y1, other.y1) - max(one.y0, other.y0)


def _hull(atoms: Sequence[_Atom]) -> Box:
    return Box(
        min(atom.x0 for atom in atoms),
        min(atom.y0 for atom in atoms),
        max(atom.x1 for atom in atoms),
        max(atom.y1 for atom in atoms),
    )


def _is_float(atom: _Atom, others: Sequence[_Atom], cut: float) -> bool:
    beside = [other for other in others if _overlap(atom, other) > 0]
    return any(other.x1 <= cut and other.x1 <= atom.x0 for other in beside) and any(
        other.x0 >= cut and other.x0 >= atom.x1 for other in beside
    )


def _sections(
    aside: Sequence[_Atom], spanners: Sequence[_Atom]
) -> Iterator[tuple[list[_Atom], _Atom | None]]:
    """What stands above each spanner and below the one before it; last, what is below all of them."""
    rest = sorted(aside, key=lambda atom: atom.y0 + atom.y1)
    for spanner in sorted(spanners, key=lambda atom: atom.y0 + atom.y1):
        count = bisect_left(rest, spanner.y0 + spanner.y1, key=lambda atom: atom.y0 + atom.y1)
        yield rest[:count], spanner
        rest = rest[count:]
    yield rest, None


def _are_columns(left: Sequence[_Atom], right: Sequence[_Atom], page_width: float) -> bool:
    if not (left and right and _is_column(left, page_width) and _is_column(right, page_width)):
        return False
    one, other = _hull(left), _hull(right)
    return min(one.y1, other.y1) - max(one.y0, other.y0) >= 0.3 * min(one.height, other.height)


def _is_column(atoms: Sequence[_Atom], page_width: float) -> bool:
    """Wide enough, and of lines that are long enough, to be read downwards."""
    if _hull(atoms).width < _COLUMN_WIDTH * page_width:
        return False
    runs = [atom for atom in atoms if isinstance(atom, _Run)]
    if len(runs) < len(atoms):
        return True
    rows = _rows(runs)
    words = sum(len(run.words) for run in runs)
    ems = sum((run.x1 - run.x0) / run.size for run in runs)
    return (
        len(rows) >= _COLUMN_LINES and words >= _COLUMN_WORDS * len(rows) and ems >= _COLUMN_EMS * len(rows)
    )


def _without_tail(
    left: Sequence[_Atom], right: Sequence[_Atom], *, at_end: bool
) -> tuple[list[_Atom], list[_Atom]]:
    """The left column, and what stands under both columns apart from them: it belongs to what follows.

    At the end of a page only a last line does: else it is the longer column.
    """
    ordered = sorted(left, key=lambda atom: atom.y0)
    bottom = max(atom.y1 for atom in right)
    for position in range(1, len(ordered)):
        atom = ordered[position]
        above = max(before.y1 for before in ordered[:position])
        if atom.y0 > bottom and atom.y0 - above > 0.8 * (atom.y1 - atom.y0):
            if at_end and ordered[-1].y0 > atom.y1:
                continue
            return ordered[:position], ordered[position:]
    return ordered, []


# ---------------------------------------------------------------- paragraphs

_BULLET = re.compile(r"[•●○▪▫■□◦‣∙·➢✓–—*-]$|o$")
_ORDINAL = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,5})[.)]$|[①-⑳]$|\d{1,2}、$")
_MARK = re.compile(
    r"(?:(?:item|note|part|chapter|section|article|exhibit|appendix)\s)?\(?[\w.]{1,6}[.):]?$", re.IGNORECASE
)
_SENTENCE_END = tuple(".!?:;。！？：；")
_WORD_END = re.compile(r"[^\W\d_]{2,}[-\u00ad]$")


_SAME_SIZE = 0.12
_SAME_SIZE_READ = 0.3  # sizes read from pixels vary


class _Paragraph:
    """Lines that belong together. `forced[i]`: the line break after line i is the writer's own."""

    __slots__ = ("forced", "item", "lines", "rows")

    def __init__(self, line: _Line, *, item: bool, rows: bool) -> None:
        self.lines = [line]
        self.forced: list[bool] = []
        self.item = item
        self.rows = rows

    def add(self, line: _Line, *, forced: bool) -> None:
        self.lines.append(line)
        self.forced.append(forced)

    @property
    def size(self) -> float:
        return max(line.size for line in self.lines)

    @property
    def bold(self) -> bool:
        return all(line.bold for line in self.lines)

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)


class _Column:
    """The measures of a region: margins and the usual step from line to line.

    `right` is, for each line (by its id), the right margin there: text may flow around something.
    """

    __slots__ = ("leading", "right", "x0", "x1")

    def __init__(self, lines: Sequence[_Line]) -> None:
        self.x0 = min(line.x0 for line in lines)
        self.x1 = max(line.x1 for line in lines)
        steps = [after.y1 - before.y1 for before, after in pairwise(lines)]
        sizes = median(line.size for line in lines)
        self.leading = median([step for step in steps if 0 < step < 2.2 * sizes] or [1.25 * sizes])
        ends = [line.x1 for line in lines]
        self.right = {id(line): max(ends[max(0, at - 3) : at + 4]) for at, line in enumerate(lines)}


def _paragraphs(items: Sequence[_Line | _Solid], same_size: float) -> list[_Paragraph | _Solid]:
    """`same_size`: by which share the type sizes of lines of one paragraph may differ."""
    found: list[_Paragraph | _Solid] = []
    lines = [item for item in items if isinstance(item, _Line)]
    column = _Column(lines) if lines else None
    before: _Line | None = None
    for item in items:
        last = found[-1] if found else None
        if isinstance(item, _Solid) or column is None:
            found.append(item)  # type: ignore[arg-type]
            before = None
            continue
        starts_item = _starts_item(item)
        rows = len(item.runs) > (2 if starts_item or _MARK.match(_plain(item.runs[0].words[:3])) else 1)
        if (
            before is None
            or not isinstance(last, _Paragraph)
            or _begins(before, item, last, column, same_size, rows=rows, starts_item=starts_item)
        ):
            found.append(_Paragraph(item, item=starts_item, rows=rows))
        else:
            last.add(item, forced=rows or _breaks_early(before, item, column))
        before = item
    return found


def _starts_item(line: _Line) -> bool:
    first = line.first.text
    several = len(line.runs) > 1 or len(line.runs[0].words) > 1
    return several and (_BULLET.match(first) is not None or _ORDINAL.match(first) is not None)


def _begins(
    before: _Line,
    line: _Line,
    paragraph: _Paragraph,
    column: _Column,
    same_size: float,
    *,
    rows: bool,
    starts_item: bool,
) -> bool:
    """Does `line` begin a new paragraph after `before`, the last line of `paragraph`?"""
    step = line.y1 - before.y1
    size = max(line.size, before.size)
    if step > 1.3 * column.leading and step > 1.35 * size:
        return True
    if abs(line.size - before.size) > same_size * size or rows != paragraph.rows:
        return True
    if rows:
        return False
    right = column.right[id(before)]
    full = before.x1 > right - 0.12 * (right - column.x0)
    ended = before.last.text.endswith(_SENTENCE_END)
    if line.bold != before.bold and not (full and not ended):
        return True
    if starts_item and (_BULLET.match(line.first.text) or not full or before.last.text[-1] in ".!?:。！？："):
        return True
    early = _breaks_early(before, line, column)
    if paragraph.item:
        # A line that hangs under the item's text belongs to it, one that steps back does not.
        back = line.x0 < paragraph.lines[0].x0 + 0.5 * size
        return back and early
    indented = line.x0 - before.x0 > 0.9 * size and before.x0 - column.x0 < 0.5 * size
    return ended and (early or indented)


def _breaks_early(before: _Line, line: _Line, column: _Column) -> bool:
    """The next line's first word had had room on the line before: the writer broke it on purpose."""
    box = line.first.box
    return before.x1 + 0.5 * line.size + (box.x1 - box.x0) < column.right[id(before)] - 0.3 * line.size


# ---------------------------------------------------------------- a page before its style is known


@dataclass(slots=True)
class _Draft:
    sheet: Sheet
    label: str
    regions: list[list[_Paragraph | _Solid]]


_SMALLEST_FIGURE = 0.03  # of the page; smaller pictures are logos and ornaments
_BACKGROUND = 0.6


def _draft(sheet: Sheet, runs: list[_Run], margin: _Margin) -> _Draft:
    if margin.taken:
        runs = [run for run in runs if id(run) not in margin.taken]
    words = [word for run in runs for word in run.words]
    solids, taken = _solids(sheet, words)
    if taken:
        runs = _runs(word for index, word in enumerate(words) if index not in taken)
    regions = []
    for region in _columns([*runs, *solids], sheet.width) if runs or solids else []:
        lines = _lines(atom for atom in region if isinstance(atom, _Run))
        items: list[_Line | _Solid] = [*lines, *(atom for atom in region if isinstance(atom, _Solid))]
        items.sort(key=lambda item: item.y0)
        regions.append(_paragraphs(items, _SAME_SIZE_READ if sheet.recognized else _SAME_SIZE))
    return _Draft(sheet, margin.label, _flowing(regions))


def _solids(sheet: Sheet, words: list[Word]) -> tuple[list[_Solid], set[int]]:
    """The tables and figures of a page, and the indexes of the words in them."""
    solids: list[_Solid] = []
    taken: set[int] = set()
    for table in find_tables(words, sheet.rulings, sheet.width, sheet.height):
        solids.append(_Solid(table.block(sheet.number), table.box))
        taken |= table.word_indexes
    area = sheet.width * sheet.height
    for box in merged(sheet.figures):
        share = box.width * box.height / area
        if not _SMALLEST_FIGURE <= share <= _BACKGROUND:
            continue
        inside = [index for index, word in enumerate(words) if index not in taken and _holds(box, word.box)]
        lines = _lines(_runs(words[index] for index in inside))
        text = _assemble([line.words for line in lines], ["\n"] * len(lines), sheet.number)
        solids.append(_Solid(Block("figure", text.text, box, text.spans), box))
        taken.update(inside)
    return solids, taken


def merged(boxes: Sequence[Box]) -> list[Box]:
    """Boxes that overlap or touch as one: many files cut a picture into strips."""
    found: list[Box] = []
    for box in sorted(boxes)[:500]:
        joined = box
        while True:
            touching = [other for other in found if _touch(joined, other)]
            if not touching:
                break
            found = [other for other in found if other not in touching]
            for other in touching:
                joined = joined.union(other)
        found.append(joined)
    return found


def _touch(one: Box, other: Box) -> bool:
    return (
        min(one.x1, other.x1) >= max(one.x0, other.x0) - 1
        and min(one.y1, other.y1) >= max(one.y0, other.y0) - 1
    )


def _holds(box: Box, inner: Box) -> bool:
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def _flowing(regions: list[list[_Paragraph | _Solid]]) -> list[list[_Paragraph | _Solid]]:
    """A paragraph that goes on at the top of the next column is one paragraph."""
    for before, after in pairwise(regions):
        last = before[-1] if before else None
        first = after[0] if after else None
        if (
            isinstance(last, _Paragraph)
            and isinstance(first, _Paragraph)
            and not (last.rows or first.rows or first.item)
            and not last.lines[-1].last.text.endswith(_SENTENCE_END)
            and first.lines[0].first.text[0].islower()
            and abs(first.size - last.size) < 0.12 * last.size
        ):
            for line, forced in zip(first.lines, [False, *first.forced]):
                last.add(line, forced=forced)
            after[:1] = [last]
            del before[-1]
    return regions


# ---------------------------------------------------------------- headings

_LONGEST_HEADING = 200
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S")
_NAMED = (
    re.compile(r"part\s+(?:[ivx]+|\d+)\b|第[一二三四五六七八九十\d]+[部编篇]", re.IGNORECASE),
    re.compile(
        r"(?:chapter|item|appendix|annex|schedule)\s+[\divx]+[a-z]?\b|第[一二三四五六七八九十\d]+章",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:section|article|note)\s+[\divx]+\b|第[一二三四五六七八九十\d]+[节条]|[一二三四五六七八九十]{1,3}、",
        re.IGNORECASE,
    ),
)
_UNNAMED = len(_NAMED)
_PROSE_END = tuple(".,;。，；、")


class _Look(NamedTuple):
    """How a heading looks; smaller sorts as more important."""

    size: float
    name: int
    light: bool
    small_letters: bool


class _Style:
    """What all pages of a document share: the body's type size, the ranks of its headings, its words."""

    def __init__(self, drafts: Sequence[_Draft], outline: Sequence[Bookmark]) -> None:
        self._outline = {(mark.page, _key(mark.title)): mark.level for mark in outline}
        sizes: Counter[float] = Counter()
        bold = total = 0
        for paragraph in _all_paragraphs(drafts):
            for line in paragraph.lines:
                letters = sum(len(run.words) for run in line.runs)
                sizes[round(2 * line.size) / 2] += letters
                total += letters
                bold += letters if line.bold else 0
        self.body = sizes.most_common(1)[0][0] if sizes else 10.0
        self._bold_body = bold > 0.5 * total
        self._drafts = drafts
        looks = {
            (self._look(paragraph, draft), draft.sheet.number)
            for draft in drafts
            for paragraph in _paragraphs_of(draft)
            if self._stands_out(paragraph, draft)
        }
        # What looks so on one page only (a cover) must not use up the few levels there are.
        pages = Counter(look for look, _ in looks)
        self._ranks = sorted(look for look, count in pages.items() if count > 1 or len(drafts) <= 3)
        self._known_words: set[str] | None = None

    def level(self, paragraph: _Paragraph, draft: _Draft) -> int:
        """The depth of a heading, 0 for a paragraph that is none."""
        if len(paragraph.lines) <= 4:
            marked = self._outline.get((draft.sheet.number, _key(paragraph.text))) if self._outline else None
            if marked:
                return min(marked, 6)
        if not self._stands_out(paragraph, draft):
            return 0
        return min(1 + bisect_left(self._ranks, self._look(paragraph, draft)), 6)

    def _stands_out(self, paragraph: _Paragraph, draft: _Draft) -> bool:
        if len(paragraph.lines) > 3 or paragraph.rows:
            return False
        larger = paragraph.size >= (1.35 if draft.sheet.recognized else 1.12) * self.body
        bolder = paragraph.bold and not self._bold_body
        first = paragraph.lines[0]
        if not (
            larger
            or bolder
            or first.first.text[0].isdigit()
            or any(name.match(first.text[:20]) for name in _NAMED)
        ):
            return False
        text = paragraph.text
        letters = sum(1 for char in text if char.isalpha())
        if letters < 2 or 2 * letters < len(text.replace(" ", "")) or len(text) > _LONGEST_HEADING:
            return False
        if text.startswith("(") and text.endswith(")"):
            return False
        named = (
            _name(text) < _UNNAMED or re.match(r"\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+[^\W\d_]", text) is not None
        )
        if larger or bolder:
            return not paragraph.item or named or _ORDINAL.match(first.first.text) is not None
        return named and len(paragraph.lines) == 1 and len(text) <= 80 and not text.endswith(_PROSE_END)

    def _look(self, paragraph: _Paragraph, draft: _Draft) -> _Look:
        text = paragraph.text
        # Sizes read from pixels vary by a tenth: only clear steps count.
        size = round(2 * paragraph.size / self.body) if draft.sheet.recognized else round(paragraph.size)
        numbered = _NUMBERED.match(text)
        name = _name(text)
        if name == _UNNAMED and numbered:
            name += numbered[1].count(".")
        return _Look(-size, name, not paragraph.bold, not text.isupper())

    def keeps_hyphen(self, before: str, after: str) -> bool:
        """Was the hyphen at a line end there before the line was broken? The document itself is the witness."""
        if self._known_words is None:
            self._known_words = {
                word.text.strip(".,;:()\"'“”‘’").lower()
                for draft in self._drafts
                for word in draft.sheet.words
            }
        before, after = before.rstrip("-\u00ad").lower(), after.strip(".,;:()\"'“”‘’").lower()
        if f"{before}{after}" in self._known_words:
            return False
        return f"{before}-{after}" in self._known_words


def _all_paragraphs(drafts: Sequence[_Draft]) -> Iterator[_Paragraph]:
    for draft in drafts:
        yield from _paragraphs_of(draft)


def _paragraphs_of(draft: _Draft) -> Iterator[_Paragraph]:
    for region in draft.regions:
        for item in region:
            if isinstance(item, _Paragraph):
                yield item


def _key(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _name(text: str) -> int:
    return next((rank for rank, pattern in enumerate(_NAMED) if pattern.match(text)), _UNNAMED)


# ---------------------------------------------------------------- blocks


class _Text(NamedTuple):
    text: str
    spans: tuple[Span, ...]


def _page(draft: _Draft, style: _Style) -> Page:
    sheet = draft.sheet
    blocks: list[Block] = []
    items: list[_Paragraph] = []
    for region in draft.regions:
        for item in region:
            if isinstance(item, _Paragraph) and item.item and not style.level(item, draft):
                items.append(item)
                continue
            blocks += _list(items, style, sheet.number)
            items = []
            if isinstance(item, _Solid):
                blocks.append(item.block)
            else:
                blocks.append(_block(item, style.level(item, draft), style, sheet.number))
    blocks += _list(items, style, sheet.number)
    if sheet.turned:
        text = _assemble([sheet.turned], [], sheet.number)
        blocks.append(Block("text", text.text, _around(text.spans), text.spans))
    width, height = sheet.width, sheet.height
    if sheet.back:
        width, height = sheet.back.width, sheet.back.height
        blocks = [_mapped(block, sheet.back) for block in blocks]
    return Page(
        number=sheet.number,
        blocks=tuple(blocks),
        width=round(width, 2),
        height=round(height, 2),
        label=draft.label,
        image=sheet.image,
        recognized=sheet.recognized,
        problem=sheet.problem,
    )


def _block(paragraph: _Paragraph, level: int, style: _Style, page: int) -> Block:
    kind: BlockKind = "heading" if level else "text"
    forced = [False] * len(paragraph.forced) if level else paragraph.forced
    text = _paragraph_text(paragraph, forced, style, page)
    return Block(kind, text.text, _around(text.spans), text.spans, level=level)


def _list(items: Sequence[_Paragraph], style: _Style, page: int) -> list[Block]:
    """Items that follow one another as one block, one line for each."""
    if not items:
        return []
    pieces: list[str] = []
    spans: list[Span] = []
    at = 0
    for item in items:
        text = _paragraph_text(item, [False] * len(item.forced), style, page)
        spans += [Span(start + at, end + at, on, box) for start, end, on, box in text.spans]
        pieces.append(text.text)
        at += len(text.text) + 1
    return [Block("list", "\n".join(pieces), _around(spans), tuple(spans))]


def _paragraph_text(paragraph: _Paragraph, forced: Sequence[bool], style: _Style, page: int) -> _Text:
    between = ["\n" if own else " " for own in forced]
    for number, (before, after) in enumerate(pairwise(paragraph.lines)):
        word = before.last.text
        if between[number] == " " and _WORD_END.search(word) and after.first.text[0].islower():
            between[number] = "" if style.keeps_hyphen(word, after.first.text) else _JOINED
    return _assemble([line.words for line in paragraph.lines], between, page)


_JOINED = "-"  # between two lines: the hyphen at the line end goes, the word is one


def _assemble(lines: Sequence[Sequence[Word]], between: Sequence[str], page: int) -> _Text:
    """The text of lines with a span for each word. `between[i]` stands after line i."""
    pieces: list[str] = []
    spans: list[Span] = []
    at = 0
    for number, line in enumerate(lines):
        last: Word | None = None
        if number:
            gap = between[number - 1]
            if gap == _JOINED:
                pieces[-1] = pieces[-1][:-1]
                start, end, _, box = spans[-1]
                spans[-1] = Span(start, end - 1, page, box)
                at -= 1
            elif gap == " " and not _apart(lines[number - 1][-1], line[0]):
                gap = ""
            if gap and gap != _JOINED:
                pieces.append(gap)
                at += len(gap)
        for word in line:
            text = word.text
            if last is not None and (
                (text[0] < _FIRST_WIDE and last.text[-1] < _FIRST_WIDE) or _apart(last, word)
            ):
                pieces.append(" ")
                at += 1
            pieces.append(text)
            end = at + len(text)
            spans.append(Span(at, end, page, word.box))
            at = end
            last = word
    return _Text("".join(pieces), tuple(spans))


def _around(spans: Sequence[Span]) -> Box | None:
    if not spans:
        return None
    x0s, y0s, x1s, y1s = zip(*[span.box for span in spans])
    return Box(min(x0s), min(y0s), max(x1s), max(y1s))


def _mapped(block: Block, back: Back) -> Block:
    """A block in the frame in which its page is seen."""
    spans = tuple(span._replace(box=back.word(span.box)) for span in block.spans)
    return replace(block, spans=spans, box=back.area(block.box) if block.box else None)
