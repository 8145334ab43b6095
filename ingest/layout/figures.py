"""Figures of a page: its pictures, and its drawings (charts) with the short words in and around them.

What a drawing shows is not known here; taken together, its axis labels are at least no text.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from core.types import Block, Box
from ingest.layout.columns import Solid
from ingest.layout.lines import Run, lines_of, runs_of
from ingest.layout.sheet import Sheet
from ingest.layout.text import assemble
from ingest.words import Word

_SMALLEST = 0.03  # of the page; smaller pictures are logos and ornaments
_BACKGROUND = 0.6  # a larger one lies behind the page's text
_LEAST_PATHS, _MOST_PATHS = 6, 400
_CHART = (100.0, 60.0)  # points; the least width and height of a drawing
_APART = 30.0  # points between the lines of a drawing
_AROUND = 30.0  # points around a drawing in which its labels stand
_LABEL_WORDS = 4
_DENSEST = 0.1  # of a drawing's area is covered by words; more is a table or a frame with text
_PROSE_WORDS = 7  # a run of so many words is text in a frame, not a label


class Figure(NamedTuple):
    """`words` are the indexes of the words that belong to it."""

    solid: Solid
    words: set[int]


def figures_of(
    sheet: Sheet, words: Sequence[Word], taken: Collection[int], tables: Sequence[Box]
) -> Iterator[Figure]:
    """`taken` are the indexes of words that belong to `tables`."""
    area = sheet.width * sheet.height
    free = {index for index in range(len(words)) if index not in taken}
    pictures = [
        box for box in merged(sheet.figures) if _SMALLEST <= box.width * box.height / area <= _BACKGROUND
    ]
    for box in pictures:
        inside = {index for index in free if _holds(box, words[index].box)}
        free -= inside
        yield _figure(box, inside, words, sheet.number)
    drawings = _drawings(sheet, [*tables, *pictures])
    if not drawings:
        return
    index_of = {id(words[index]): index for index in free}
    runs = runs_of(words[index] for index in sorted(free))
    for box, densest in drawings:
        near = Box(box.x0 - _AROUND, box.y0 - _AROUND / 2, box.x1 + _AROUND, box.y1 + _AROUND)
        inside_runs = [run for run in runs if _holds(box, _box(run))]
        printed = sum((run.x1 - run.x0) * (run.y1 - run.y0) for run in inside_runs)
        if printed > densest * box.width * box.height or any(
            len(run.words) >= _PROSE_WORDS for run in inside_runs
        ):
            continue
        labels = [run for run in runs if len(run.words) <= _LABEL_WORDS and _holds(near, _box(run))]
        found = {index_of[id(word)] for run in [*inside_runs, *labels] for word in run.words}
        if not found:
            continue
        whole = box
        for index in found:
            whole = whole.union(words[index].box)
        runs = [run for run in runs if index_of[id(run.words[0])] not in found]
        yield _figure(whole, found, words, sheet.number)


def _figure(box: Box, inside: set[int], words: Sequence[Word], page: int) -> Figure:
    lines = lines_of(runs_of(words[index] for index in sorted(inside)))
    text = assemble([line.words for line in lines], ["\n"] * len(lines), page)
    return Figure(Solid(Block("figure", text.text, box, text.spans), box), inside)


def _drawings(sheet: Sheet, others: Sequence[Box]) -> list[tuple[Box, float]]:
    """Places where many paths stand together that are no tables, and the share that words may cover there.

    The rules and shades of a table that was not recognised look alike but for their bars.
    """
    if len(sheet.rulings) < _LEAST_PATHS:
        return []
    area = sheet.width * sheet.height
    paths = [
        path
        for path in sheet.rulings
        if path.width * path.height < _BACKGROUND * area and not any(_holds(other, path) for other in others)
    ]
    if not _LEAST_PATHS <= len(paths) <= _MOST_PATHS:
        return []
    found = []
    for box in merged(paths, _APART):
        large = box.width >= _CHART[0] and box.height >= _CHART[1]
        if sum(_shared(box, other) for other in others) > 0.2 * box.width * box.height:
            continue
        if large and box.width * box.height >= _SMALLEST * area:
            inside = [path for path in paths if _holds(box, path)]
            if len(inside) >= _LEAST_PATHS and any(path.height > 8 for path in inside):
                bars = any(
                    path.width > 4 and path.height > 25 and path.width < 0.6 * box.width for path in inside
                )
                found.append((box, _DENSEST if bars else _DENSEST / 2))
    return found


def merged(boxes: Sequence[Box], reach: float = 1.0) -> list[Box]:
    """Boxes that come within `reach` points of one another as one: many files cut a picture into strips."""
    found: list[Box] = []
    for box in sorted(boxes)[:500]:
        joined = box
        while True:
            touching = _touching(joined, found, reach)
            if not touching:
                break
            found = [other for other in found if other not in touching]
            for other in touching:
                joined = joined.union(other)
        found.append(joined)
    return found


def _touching(one: Box, others: Sequence[Box], reach: float) -> list[Box]:
    left, above, right, below = one
    least_x, least_y = left - reach, above - reach
    return [
        other
        for other in others
        if other.x1 >= least_x and right >= other.x0 - reach
        and other.y1 >= least_y and below >= other.y0 - reach
    ]  # fmt: skip


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes have in common."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)


def _box(run: Run) -> Box:
    return Box(run.x0, run.y0, run.x1, run.y1)


def _holds(box: Box, inner: Box) -> bool:
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1
