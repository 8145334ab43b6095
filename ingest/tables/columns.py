"""Columns from white space: where the pieces of many lines stand under each other.

Numbers come first: they are short, they are what a column is for, and they keep to their column
better than labels do. Words then fill what is left; a label that runs into a number column whose
square is empty on that line does not widen anything.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.tables.lines import Line, Piece
from ingest.tables.numbers import Kind


@dataclass(slots=True)
class Column:
    """`lines`: the numbers of the lines that have a piece here; `numbers`: how many are numbers.

    [`x0`, `x1`] holds the numbers themselves; their currency signs may stand to the left, from `left`.
    """

    x0: float
    x1: float
    lines: set[int]
    left: float
    numbers: int = 0

    def overlap(self, x0: float, x1: float) -> float:
        return min(self.x1, x1) - max(self.x0, x0)


def columns_of(lines: Sequence[Line]) -> list[Column]:
    """The columns of lines that belong to one table, from left to right."""
    columns: list[Column] = []
    em = _median([line.em for line in lines])
    _settle(columns, lines, [[p for p in line.pieces if p.kind] for line in lines])
    columns = _merged(columns, em)
    rest = [
        [piece for piece in line.pieces if not piece.kind and not _stands_in(piece, columns)]
        for line in lines
    ]
    inner = [
        [piece for piece in pieces if piece is not line.pieces[0]]
        for pieces, line in zip(rest, lines, strict=True)
    ]
    _settle(columns, lines, inner)
    leading = [
        (number, pieces[0])
        for number, (pieces, line) in enumerate(zip(rest, lines, strict=True))
        if pieces and pieces[0] is line.pieces[0]
    ]
    columns = [column for column in columns if not _crossed(column, leading)]
    _add_labels(columns, leading, em)
    columns.sort(key=lambda column: column.x0)
    return _merged(columns, em)


def _settle(columns: list[Column], lines: Sequence[Line], pieces: Sequence[Sequence[Piece]]) -> None:
    """Gives each piece a column, the fullest lines first: their pieces cannot be in one column."""
    order = sorted(range(len(lines)), key=lambda number: -len(pieces[number]))
    for number in order:
        for piece in pieces[number]:
            hits = [column for column in columns if column.overlap(piece.core, piece.x1) > 0]
            if len(hits) > 1:
                hits = _mostly(hits, piece)
                if not hits:
                    continue
            if hits:
                _widen(columns, hits[0], piece)
            else:
                columns.append(Column(piece.core, piece.x1, set(), piece.x0))
                hits = columns[-1:]
            hits[0].lines.add(number)
            hits[0].left = min(hits[0].left, piece.x0)
            hits[0].numbers += piece.kind is Kind.NUMBER


def _mostly(hits: list[Column], piece: Piece) -> list[Column]:
    """The one column in which most of the piece lies, if there is one."""
    width = piece.x1 - piece.core
    return [column for column in hits if column.overlap(piece.core, piece.x1) > 0.7 * width]


def _widen(columns: list[Column], column: Column, piece: Piece) -> None:
    x0, x1 = min(column.x0, piece.core), max(column.x1, piece.x1)
    for other in columns:
        if other is not column and other.overlap(x0, x1) > 0:
            return
    column.x0, column.x1 = x0, x1


def _stands_in(piece: Piece, columns: Iterable[Column]) -> bool:
    width = piece.x1 - piece.x0
    return any(column.overlap(piece.x0, piece.x1) > 0.3 * width for column in columns)


def _crossed(column: Column, leading: list[tuple[int, Piece]]) -> bool:
    """Do more labels run through a column than lines stand in it?"""
    return sum(piece.x0 < column.x0 and piece.x1 > column.x1 for _number, piece in leading) > len(
        column.lines
    )


def _add_labels(columns: list[Column], leading: list[tuple[int, Piece]], em: float) -> None:
    """The first words of lines: a column of labels, unless they stand in a column that is there."""
    free = []
    for number, piece in leading:
        home = next(
            (c for c in columns if c.x0 - em <= piece.x0 <= c.x1 and c.overlap(piece.x0, piece.x1) > 0), None
        )
        if home:
            home.lines.add(number)
        else:
            free.append((number, piece))
    if not free:
        return
    x0 = min(piece.x0 for _number, piece in free)
    limit = min((column.x0 for column in columns if column.x0 > x0), default=float("inf"))
    x1 = max(min(piece.x1, limit - 0.1 * em) for _number, piece in free)
    columns.append(Column(x0, x1, {number for number, _piece in free}, x0))


def _merged(columns: list[Column], em: float) -> list[Column]:
    """Joins neighbours that never stand on the same line and almost touch: one ragged column."""
    columns.sort(key=lambda column: column.x0)
    merged: list[Column] = []
    for column in columns:
        last = merged[-1] if merged else None
        if last and column.x0 - last.x1 < 0.8 * em and last.lines.isdisjoint(column.lines):
            last.x1 = max(last.x1, column.x1)
            last.left = min(last.left, column.left)
            last.lines |= column.lines
            last.numbers += column.numbers
        else:
            merged.append(column)
    return merged


def extents_of(columns: Sequence[Column]) -> list[tuple[float, float]]:
    """From where to where each column reaches, currency signs included."""
    starts = [columns[0].left] if columns else []
    starts += [max(column.left, before.x1) for before, column in itertools.pairwise(columns)]
    return [(start, column.x1) for start, column in zip(starts, columns)]


class Frame:
    """Columns made into strips: `cuts` are the x between neighbours."""

    def __init__(self, extents: Sequence[tuple[float, float]], cuts: Sequence[float] | None = None) -> None:
        self.extents = list(extents)
        if cuts is None:
            cuts = [(left[1] + right[0]) / 2 for left, right in itertools.pairwise(extents)]
        self.cuts = list(cuts)

    def __len__(self) -> int:
        return len(self.extents)

    def strip(self, x: float) -> int:
        return bisect_right(self.cuts, x)

    def reach(self, x0: float, x1: float, slack: float) -> tuple[int, int]:
        """First and last column that [x0, x1] stands in, by more than `slack`."""
        first, last = self.strip(x0 + slack), self.strip(x1 - slack)
        if first > last:
            first = last = self.strip((x0 + x1) / 2)
        while first < last and x0 > self.extents[first][1] - slack:
            first += 1
        while last > first and x1 < self.extents[last][0] + slack:
            last -= 1
        return first, last

    def under(self, x0: float, x1: float) -> tuple[int, int]:
        """First and last column whose middle lies under [x0, x1], else the one under its middle."""
        inside = [number for number, (a, b) in enumerate(self.extents) if x0 <= (a + b) / 2 <= x1]
        home = self.strip((x0 + x1) / 2)
        return (min(inside[0], home), max(inside[-1], home)) if inside else (home, home)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 10.0
