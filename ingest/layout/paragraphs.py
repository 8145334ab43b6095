"""The lines of a region -> paragraphs, list items, and rows whose cells stand apart."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ingest.layout.columns import Solid
from ingest.layout.lines import Line, plain

_BULLET = re.compile(r"[•●○▪▫■□◦‣∙·➢✓–—*-]$|o$")
ORDINAL = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,5})[.)]$|[①-⑳]$|\d{1,2}、$")
_MARK = re.compile(
    r"(?:(?:item|note|part|chapter|section|article|exhibit|appendix)\s)?\(?[\w.]{1,6}[.):]?$", re.IGNORECASE
)
SENTENCE_END = tuple(".!?:;。！？：；")


SAME_SIZE = 0.12
SAME_SIZE_READ = 0.3  # sizes read from pixels vary


class Paragraph:
    """Lines that belong together. `forced[i]`: the line break after line i is the writer's own."""

    __slots__ = ("forced", "item", "lines", "rows")

    def __init__(self, line: Line, *, item: bool, rows: bool) -> None:
        self.lines = [line]
        self.forced: list[bool] = []
        self.item = item
        self.rows = rows

    def add(self, line: Line, *, forced: bool) -> None:
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

    def __init__(self, lines: Sequence[Line]) -> None:
        self.x0 = min(line.x0 for line in lines)
        self.x1 = max(line.x1 for line in lines)
        steps = [after.y1 - before.y1 for before, after in pairwise(lines)]
        sizes = median(line.size for line in lines)
        self.leading = median([step for step in steps if 0 < step < 2.2 * sizes] or [1.25 * sizes])
        ends = [line.x1 for line in lines]
        self.right = {id(line): max(ends[max(0, at - 3) : at + 4]) for at, line in enumerate(lines)}


def paragraphs_of(items: Sequence[Line | Solid], same_size: float) -> list[Paragraph | Solid]:
    """`same_size`: by which share the type sizes of lines of one paragraph may differ."""
    found: list[Paragraph | Solid] = []
    lines = [item for item in items if isinstance(item, Line)]
    column = _Column(lines) if lines else None
    before: Line | None = None
    for item in items:
        last = found[-1] if found else None
        if isinstance(item, Solid) or column is None:
            found.append(item)  # type: ignore[arg-type]
            before = None
            continue
        starts_item = _starts_item(item)
        rows = len(item.runs) > (2 if starts_item or _MARK.match(plain(item.runs[0].words[:3])) else 1)
        if (
            before is None
            or not isinstance(last, Paragraph)
            or _begins(before, item, last, column, same_size, rows=rows, starts_item=starts_item)
        ):
            found.append(Paragraph(item, item=starts_item, rows=rows))
        else:
            last.add(item, forced=rows or _breaks_early(before, item, column))
        before = item
    return found


def _starts_item(line: Line) -> bool:
    first = line.first.text
    several = len(line.runs) > 1 or len(line.runs[0].words) > 1
    return several and (_BULLET.match(first) is not None or ORDINAL.match(first) is not None)


def _begins(
    before: Line,
    line: Line,
    paragraph: Paragraph,
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
    ended = before.last.text.endswith(SENTENCE_END)
    if line.bold != before.bold and not (full and not ended):
        return True
    if starts_item and (
        _BULLET.match(line.first.text)
        or not full
        or before.last.text[-1] in ".!?:。！？："
        or (paragraph.item and abs(line.x0 - paragraph.lines[0].x0) < 0.5 * size)
    ):
        return True
    early = _breaks_early(before, line, column)
    if paragraph.item:
        # A line that hangs under the item's text belongs to it, one that steps back does not.
        back = line.x0 < paragraph.lines[0].x0 + 0.5 * size
        return back and early
    indented = line.x0 - before.x0 > 0.9 * size and before.x0 - column.x0 < 0.5 * size
    return ended and (early or indented)


def _breaks_early(before: Line, line: Line, column: _Column) -> bool:
    """The next line's first word had had room on the line before: the writer broke it on purpose."""
    box = line.first.box
    return before.x1 + 0.5 * line.size + (box.x1 - box.x0) < column.right[id(before)] - 0.3 * line.size


def flowing(regions: list[list[Paragraph | Solid]]) -> list[list[Paragraph | Solid]]:
    """A paragraph that goes on at the top of the next column is one paragraph."""
    for before, after in pairwise(regions):
        last = before[-1] if before else None
        first = after[0] if after else None
        if (
            isinstance(last, Paragraph)
            and isinstance(first, Paragraph)
            and not (last.rows or first.rows or first.item)
            and not last.lines[-1].last.text.endswith(SENTENCE_END)
            and first.lines[0].first.text[0].islower()
            and abs(first.size - last.size) < SAME_SIZE * last.size
        ):
            for line, forced in zip(first.lines, [False, *first.forced]):
                last.add(line, forced=forced)
            after[:1] = [last]
            del before[-1]
    return regions
