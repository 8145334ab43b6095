"""Tables that rules draw: the areas of a grid are cells, merged cells included.

Rules rarely draw everything. A column that holds several columns of numbers is cut at the white
space, a band of rows with numbers under each other is cut at its lines: numbers do not wrap.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingest.tables.checks import mixed_cells
from ingest.tables.columns import Frame, columns_of, extents_of
from ingest.tables.lines import Line, lines_of
from ingest.tables.numbers import Kind
from ingest.tables.rows import Part, Row, joined, place
from ingest.tables.rulings import Grid
from ingest.words import Word

CROSSED = 0.2  # share of the words that lines may run through, before it is a drawing
FILLED = 0.3  # share of the areas that hold words


class Area(NamedTuple):
    """A rectangle of the grid with its printed lines; rows and columns inclusive."""

    top: int
    bottom: int
    left: int
    right: int
    lines: list[Line]


@dataclass(slots=True)
class Merged:
    """A cell over several rows: `part` stands in rows `top` to `bottom` of the table."""

    top: int
    bottom: int
    part: Part


def ruled_rows(words: Sequence[Word], grid: Grid) -> tuple[list[Row], list[Merged], Frame] | None:
    """The rows that a grid holds, or None where it is not a table."""
    filled = _fill(words, grid)
    if len(filled) < 3 or not _plausible(words, grid, filled):
        return None
    bands = _kept([(area[0], area[2]) for area in filled], len(grid.ys) - 1)
    strips = _kept([(area[1], area[3]) for area in filled], len(grid.xs) - 1)
    if not bands or not strips:
        return None
    areas = []
    for (row, column, height, width), indexes in sorted(filled.items()):
        top, bottom = _span(bands, row, height)
        left, right = _span(strips, column, width)
        areas.append(Area(top, bottom, left, right, lines_of(words, indexes, upright=False)))
    frame, offsets = _frame(areas, grid, strips)
    if len(frame) < 2 or any(_holds_rows(area) for area in areas):
        return None
    rows: list[Row] = []
    starts = []
    for band in range(len(bands)):
        starts.append(len(rows))
        inside = [area for area in areas if area.top == area.bottom == band]
        rows += _rows(words, inside, frame, offsets)
    starts.append(len(rows))
    merged = [
        Merged(starts[area.top], starts[area.bottom + 1] - 1, part)
        for area in areas
        if area.bottom > area.top
        for part in _stack(words, area, frame, offsets)
    ]
    if len(rows) < 2 or _leaves_columns(rows, merged):
        return None
    return rows, merged, frame


def _holds_rows(area: Area) -> bool:
    """Does a merged cell hold numbers under each other? Then rows run through it that rules do not show."""
    if area.top == area.bottom:
        return False
    return sum(line.pieces[-1].kind is Kind.NUMBER for line in area.lines) > 1


def _leaves_columns(rows: Sequence[Row], merged: Sequence[Merged]) -> bool:
    """Are there cells with a label and its number, or several numbers, apart on one line?

    Then the lines are ornaments (shading, underlined totals) and not what divides the table.
    """
    parts = [part for row in rows for part in row.parts] + [one.part for one in merged]
    return mixed_cells(parts) > len(rows) // 4


def _fill(words: Sequence[Word], grid: Grid) -> dict[tuple[int, int, int, int], list[int]]:
    """The words of each area, by their middles; areas without words are left out."""
    home = {}
    for area in grid.areas:
        row, column, height, width = area
        for below in range(row, row + height):
            for beside in range(column, column + width):
                home[below, beside] = area
    filled: dict[tuple[int, int, int, int], list[int]] = {}
    left, top, right, bottom = grid.box
    for index, (_text, (x0, y0, x1, y1), _size, _bold) in enumerate(words):
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if left < x < right and top < y < bottom:
            filled.setdefault(home[grid.row_of(y), grid.column_of(x)], []).append(index)
    return filled


def _plausible(words: Sequence[Word], grid: Grid, filled: dict[tuple[int, int, int, int], list[int]]) -> bool:
    """Charts and drawings have lines through their words, and mostly empty areas."""
    crossed = total = 0
    for (row, column, height, width), indexes in filled.items():
        x0, x1 = grid.xs[column], grid.xs[column + width]
        y0, y1 = grid.ys[row], grid.ys[row + height]
        for index in indexes:
            box = words[index].box
            total += 1
            over = max(x0 - box.x0, box.x1 - x1) > 0.25 * box.width and box.width > 6
            crossed += over or max(y0 - box.y0, box.y1 - y1) > 0.4 * box.height
    large = [
        a
        for a in grid.areas
        if grid.ys[a[0] + a[2]] - grid.ys[a[0]] > 6 and grid.xs[a[1] + a[3]] - grid.xs[a[1]] > 6
    ]
    return crossed <= CROSSED * total and len(filled) >= FILLED * len(large)


def _kept(spans: list[tuple[int, int]], count: int) -> list[int]:
    """The rows (columns) that stay: each has an area that stands in no other."""
    dropped: set[int] = set()
    for number in range(count):
        if not any(
            start <= number < start + length
            and all(other == number or other in dropped for other in range(start, start + length))
            for start, length in spans
        ):
            dropped.add(number)
    return [number for number in range(count) if number not in dropped]


def _span(kept: list[int], start: int, length: int) -> tuple[int, int]:
    inside = [position for position, number in enumerate(kept) if start <= number < start + length]
    return inside[0], inside[-1]


# ---------------------------------------------------------------- columns inside a ruled column


def _frame(areas: Sequence[Area], grid: Grid, strips: list[int]) -> tuple[Frame, list[int]]:
    """The columns of the table, and the first of them for each ruled column (and the end)."""
    extents: list[tuple[float, float]] = []
    cuts: list[float] = []
    offsets = []
    for position, strip in enumerate(strips):
        offsets.append(len(extents))
        edge = grid.xs[strips[position + 1]] if position + 1 < len(strips) else grid.xs[-1]
        start = grid.xs[strip]
        inner = _inner_columns(
            [area for area in areas if area.left == area.right == position], alone=len(strips) == 1
        )
        if inner:
            extents += inner
            cuts += [(one[1] + other[0]) / 2 for one, other in itertools.pairwise(inner)]
        else:
            extents.append((start, edge))
        cuts.append(edge)
    offsets.append(len(extents))
    return Frame(extents, cuts[:-1]), offsets


def _inner_columns(areas: Sequence[Area], *, alone: bool) -> list[tuple[float, float]]:
    """Columns that white space makes inside one ruled column; empty where it is one column."""
    lines = [line for area in areas for line in area.lines]
    several = [line for line in lines if len(line.pieces) > 1]
    numbered = [
        line for line in several if sum(piece.kind is Kind.NUMBER for piece in line.pieces) > (not alone)
    ]
    if len(numbered) >= 3 and len(numbered) >= 0.4 * len(lines):
        columns = columns_of(numbered)
    elif alone and len(several) >= 3 and len(several) >= 0.6 * len(lines):
        columns = columns_of(several)
    else:
        return []
    often = [column for column in columns if len(column.lines) >= 2]
    return extents_of(often) if len(often) > 1 else []


# ---------------------------------------------------------------- rows inside a ruled row


def _rows(words: Sequence[Word], areas: Sequence[Area], frame: Frame, offsets: list[int]) -> list[Row]:
    """The rows of one band: one, unless numbers stand under each other in it."""
    if not areas:
        return []
    printed = _printed(words, areas, frame, offsets)
    if len(printed) > 1 and _several(printed):
        return joined(printed, frame)
    parts = [part for area in areas for part in _stack(words, area, frame, offsets)]
    parts.sort(key=lambda part: part.first)
    lines = [line for area in areas for line in area.lines]
    return [
        Row(
            parts,
            min(line.y0 for line in lines),
            max(line.y1 for line in lines),
            lines[0].em,
            lines=len(printed),
        )
    ]


def _stack(words: Sequence[Word], area: Area, frame: Frame, offsets: list[int]) -> list[Part]:
    """The lines of an area one under the other, in each of its columns."""
    first, last = offsets[area.left], offsets[area.right + 1] - 1
    if first == last or _one_cell(area, frame, first):
        return (
            [Part(first, last, [piece for line in area.lines for piece in line.pieces])] if area.lines else []
        )
    stacks: dict[tuple[int, int], Part] = {}
    for line in area.lines:
        for part in place(words, line, frame, first, last).parts:
            home = stacks.setdefault((part.first, part.last), Part(part.first, part.last, []))
            home.pieces += part.pieces
    return _apart(list(stacks.values()))


def _one_cell(area: Area, frame: Frame, first: int) -> bool:
    """A merged cell, or a stretch of row whose columns no rule divides? White space tells."""
    if area.left == area.right:
        return False
    homes = [{frame.strip((piece.x0 + piece.x1) / 2) for piece in line.pieces} for line in area.lines]
    return all(len(home) < 2 for home in homes)


def _apart(parts: list[Part]) -> list[Part]:
    """Joins parts that share a column."""
    parts.sort(key=lambda part: (part.first, part.last))
    result: list[Part] = []
    for part in parts:
        if result and part.first <= result[-1].last:
            result[-1].pieces += part.pieces
            result[-1].last = max(result[-1].last, part.last)
            result[-1].pieces.sort(key=lambda piece: (piece.y0, piece.x0))
        else:
            result.append(part)
    return result


def _printed(words: Sequence[Word], areas: Sequence[Area], frame: Frame, offsets: list[int]) -> list[Row]:
    """The printed lines over all areas of a band, as rows."""
    placed = []
    for area in areas:
        first, last = offsets[area.left], offsets[area.right + 1] - 1
        for line in area.lines:
            if _one_cell(area, frame, first):
                placed.append(Row([Part(first, last, list(line.pieces))], line.y0, line.y1, line.em))
            else:
                placed.append(place(words, line, frame, first, last))
    placed.sort(key=lambda row: row.y0 + row.y1)
    rows: list[Row] = []
    for row in placed:
        last_row = rows[-1] if rows else None
        if (
            last_row
            and (row.y0 + row.y1) - (last_row.y0 + last_row.y1) < 0.8 * row.em
            and not any(
                last_row.at(column) for part in row.parts for column in range(part.first, part.last + 1)
            )
        ):
            last_row.parts = sorted(last_row.parts + row.parts, key=lambda part: part.first)
        else:
            rows.append(row)
    return rows


def _several(rows: Sequence[Row]) -> bool:
    """Do numbers stand under each other, each at a line of its own?"""
    counts: dict[int, int] = {}
    for row in rows:
        for part in row.parts:
            if part.first == part.last and part.pieces[0].kind is Kind.NUMBER:
                counts[part.first] = counts.get(part.first, 0) + 1
    stacked = [column for column, count in counts.items() if count > 1 and column > 0]
    valued = [row for row in rows if row.has_value()]
    labelled = sum(row.label is not None for row in valued)
    return len(stacked) > 1 or (len(stacked) == 1 and labelled == len(valued) and len(valued) > 1)
