"""Ruling lines of a page: pieces of lines joined, and the grids that crossing lines make.

A boxed page frame, a chart's axes and a form's boxes are grids too; what is a table among them is
decided where the words are known.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.types import Box

THIN = 3.5  # points: a thicker rectangle is an area
TOUCH = 3.0  # points: lines that come this close meet
SAME = 3.0  # points: parallel lines this close are one (double rules)
COVERED = 0.6  # of a square's side that must be ruled for the side to divide


class Rule(NamedTuple):
    """A line at `at` (y of a horizontal, x of a vertical one) from `start` to `end`."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Squares between `xs` and `ys`; `areas` are the rectangles of squares that no line divides:
    (row, column, row span, column span).
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    areas: tuple[tuple[int, int, int, int], ...]

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    def row_of(self, y: float) -> int:
        return min(max(bisect_right(self.ys, y) - 1, 0), len(self.ys) - 2)

    def column_of(self, x: float) -> int:
        return min(max(bisect_right(self.xs, x) - 1, 0), len(self.xs) - 2)


def rules_of(boxes: Iterable[Box]) -> tuple[list[Rule], list[Rule]]:
    """Horizontal and vertical rules, collinear pieces joined.

    Areas are left out: their edges divide cells that are shaded line by line, and charts.
    """
    across: list[Rule] = []
    down: list[Rule] = []
    for x0, y0, x1, y1 in boxes:
        width, height = x1 - x0, y1 - y0
        if height <= THIN:
            if width > height:
                across.append(Rule((y0 + y1) / 2, x0, x1))
            elif width <= THIN and height > 1:
                down.append(Rule((x0 + x1) / 2, y0, y1))
        elif width <= THIN:
            down.append(Rule((x0 + x1) / 2, y0, y1))
    return _joined(across, shortest=8.0), _joined(down, shortest=5.0)


def _joined(rules: list[Rule], shortest: float) -> list[Rule]:
    rules.sort()
    joined: list[Rule] = []
    level: list[Rule] = []
    for rule in rules:
        if level and rule.at - level[0].at > 1.5:
            joined += _runs(level)
            level = []
        level.append(rule)
    joined += _runs(level)
    return [rule for rule in joined if rule.end - rule.start >= shortest]


def _runs(level: list[Rule]) -> list[Rule]:
    if len(level) < 2:
        return level
    level.sort(key=lambda rule: rule.start)
    at = sum(rule.at for rule in level) / len(level)
    runs = []
    _at, start, end = level[0]
    for rule in level[1:]:
        if rule.start > end + TOUCH:
            runs.append(Rule(at, start, end))
            start, end = rule.start, rule.end
        else:
            end = max(end, rule.end)
    runs.append(Rule(at, start, end))
    return runs


def grids_of(across: Sequence[Rule], down: Sequence[Rule]) -> list[Grid]:
    """One grid for each set of lines that meet, from top to bottom."""
    if len(across) < 2 or not down or len(across) * len(down) > 250_000:
        return []
    grids = []
    for rows, columns in _meeting(across, down):
        if len(rows) >= 2 and columns:
            grid = _grid(rows, columns)
            if grid:
                grids.append(grid)
    return sorted(grids, key=lambda grid: (grid.ys[0], grid.xs[0]))


def _meeting(across: Sequence[Rule], down: Sequence[Rule]) -> Iterable[tuple[list[Rule], list[Rule]]]:
    """Connected sets of horizontal and vertical rules."""
    parent = list(range(len(across) + len(down)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for right, (x, y0, y1) in enumerate(down, len(across)):
        for left, (y, x0, x1) in enumerate(across):
            if y0 - TOUCH <= y <= y1 + TOUCH and x0 - TOUCH <= x <= x1 + TOUCH:
                parent[root(left)] = root(right)
    sets: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for node, rule in enumerate([*across, *down]):
        sets.setdefault(root(node), ([], []))[node >= len(across)].append(rule)
    return sets.values()


def _grid(rows: list[Rule], columns: list[Rule]) -> Grid | None:
    # Lines may run on beyond the last one across them: a table without outer borders.
    xs = _levels([rule.at for rule in columns], [rule.start for rule in rows], [rule.end for rule in rows])
    ys = _levels([rule.at for rule in rows], [rule.start for rule in columns], [rule.end for rule in columns])
    if len(xs) < 2 or len(ys) < 2:
        return None
    below = [_covered(rows, y, xs) for y in ys]
    right = [_covered(columns, x, ys) for x in xs]
    return Grid(xs, ys, tuple(_areas(len(ys) - 1, len(xs) - 1, below, right)))


def _levels(levels: list[float], starts: list[float], ends: list[float]) -> tuple[float, ...]:
    found: list[list[float]] = []
    for level in sorted(levels):
        if found and level - found[-1][0] <= SAME:
            found[-1].append(level)
        else:
            found.append([level])
    edges = [sum(group) / len(group) for group in found]
    if min(starts) < edges[0] - 2 * SAME:
        edges.insert(0, min(starts))
    if max(ends) > edges[-1] + 2 * SAME:
        edges.append(max(ends))
    return tuple(edges)


def _covered(rules: list[Rule], at: float, marks: Sequence[float]) -> list[bool]:
    """For each step between marks: is the line at `at` drawn there?"""
    near = [rule for rule in rules if abs(rule.at - at) <= SAME]
    covered = []
    for start, end in itertools.pairwise(marks):
        drawn = sum(max(0.0, min(end, rule.end) - max(start, rule.start)) for rule in near)
        covered.append(drawn >= COVERED * (end - start))
    return covered


def _areas(
    height: int, width: int, across: list[list[bool]], down: list[list[bool]]
) -> Iterable[tuple[int, int, int, int]]:
    """Rectangles of squares without a line between them, greedily from the top left.

    `across[y][column]`: the line over row y is drawn there; `down[x][row]` likewise.
    """
    taken = [[False] * width for _ in range(height)]
    for row in range(height):
        for column in range(width):
            if taken[row][column]:
                continue
            right = column + 1
            while right < width and not down[right][row] and not taken[row][right]:
                right += 1
            bottom = row + 1
            while bottom < height and all(
                not across[bottom][x]
                and not taken[bottom][x]
                and (x + 1 == right) == (x + 1 == width or down[x + 1][bottom])
                and (x > column or x == 0 or down[x][bottom])
                for x in range(column, right)
            ):
                bottom += 1
            for y in range(row, bottom):
                taken[y][column:right] = [True] * (right - column)
            yield row, column, bottom - row, right - column
