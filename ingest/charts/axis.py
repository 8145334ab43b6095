"""Numbers printed along a line -> the scale of that line, found by agreement (RANSAC over all pairs).

Linear axes only: a logarithmic one finds no agreement and gives no scale.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import combinations, pairwise
from typing import NamedTuple

from core.types import Box
from ingest.charts.drawn import middle
from ingest.words import Word

_LEAST_TICKS = 3
_MOST_LEFT_OUT = 4  # steps between two labels that are read
_TEXT = re.compile(
    r"^[(]?(?P<sign>[-−–+]?)\s*(?P<currency>[$€£¥￥]?)\s*(?P<sign2>[-−–]?)(?P<number>\d[\d,' ]*(?:\.\d+)?|\.\d+)"
    r"\s*(?P<scale>[kKmMbB]|bn|tn|万|亿)?\s*(?P<percent>%?)[)]?$"
)
_SCALES = {"k": 3, "m": 6, "b": 9, "bn": 9, "tn": 12, "万": 4, "亿": 8}


class Printed(NamedTuple):
    """A number on the page: its exact value and its unit ("%", a currency sign or "")."""

    value: Decimal
    unit: str
    box: Box


def printed(word: Word) -> Printed | None:
    """What a word says as one number; None for any other text."""
    text = word.text.strip().rstrip(".;:")
    match = _TEXT.match(text.replace("，", ","))
    if not match:
        return None
    try:
        value = Decimal(re.sub(r"[,' ]", "", match["number"]))
    except InvalidOperation:
        return None
    if match["scale"]:
        value = value.scaleb(_SCALES[match["scale"].lower()])
    if match["sign"] in {"-", "−", "–"} or match["sign2"] or (text.startswith("(") and text.endswith(")")):
        value = -value
    return Printed(value, match["percent"] or match["currency"], word.box)


class Scale(NamedTuple):
    """value = slope * position + offset; `ticks` labels agree, `residual` is their mean distance in points."""

    slope: float
    offset: float
    unit: str
    ticks: int
    residual: float
    labels: tuple[Box, ...]

    def at(self, position: float) -> float:
        return self.slope * position + self.offset

    def position(self, value: float) -> float:
        return (value - self.offset) / self.slope


def fit(numbers: Sequence[tuple[float, Printed]], tolerance: float, *, even: bool) -> Scale | None:
    """The linear scale on which most of the numbers lie within `tolerance` points of their position.

    At least three must, and at least 70 % of all. `even`: an axis counts in equal steps; the numbers of
    a table's column do not.
    """
    best: list[tuple[float, Printed]] = []
    for (one, first), (other, second) in combinations(numbers, 2):
        if abs(one - other) < 4 * tolerance or first.value == second.value:
            continue
        slope = float(second.value - first.value) / (other - one)
        offset = float(first.value) - slope * one
        agreeing = [
            (position, number)
            for position, number in numbers
            if abs((float(number.value) - offset) / slope - position) <= tolerance
        ]
        if len(agreeing) > len(best):
            best = agreeing
    if len(best) < _LEAST_TICKS or len(best) < 0.7 * len(numbers):
        return None
    if even and not _in_even_steps([number.value for _, number in best]):
        return None
    slope, offset = least_squares([(position, float(number.value)) for position, number in best])
    residual = sum(abs((float(number.value) - offset) / slope - position) for position, number in best) / len(
        best
    )
    units = {number.unit for _, number in best} - {""}
    unit = units.pop() if len(units) == 1 else ""
    return Scale(slope, offset, unit, len(best), residual, tuple(number.box for _, number in best))


def _in_even_steps(values: Sequence[Decimal]) -> bool:
    """Is every step between neighbours a small multiple of the smallest one?"""
    ordered = sorted(set(values))
    steps = [after - before for before, after in pairwise(ordered)]
    if len(ordered) < _LEAST_TICKS:
        return False
    least = min(steps)
    return all(step % least == 0 and step <= _MOST_LEFT_OUT * least for step in steps)


def least_squares(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset of the line through the points."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return slope, mean_y - slope * mean_x


def snapped(position: float, marks: Sequence[float], reach: float) -> float:
    """The tick or grid line next to a label's middle, if one is within `reach`: it stands exactly."""
    near = min(marks, key=lambda mark: abs(mark - position), default=position)
    return near if abs(near - position) <= reach else position


def side_numbers(words: Sequence[Word], *, vertical: bool) -> list[list[tuple[float, Printed]]]:
    """Groups of numbers that stand in one column (`vertical`) or row, as (position, number).

    In a column they are flush on one side; in a row they stand on one line.
    """
    numbers = [number for word in words if (number := printed(word))]
    groups: list[list[tuple[float, Printed]]] = []
    used: set[tuple[int, ...]] = set()
    for anchor in numbers:
        aligned = [number for number in numbers if _aligned(anchor.box, number.box, vertical=vertical)]
        key = tuple(sorted(id(number) for number in aligned))
        if len(aligned) >= _LEAST_TICKS and key not in used:
            used.add(key)
            groups.append([(middle(number.box)[1 if vertical else 0], number) for number in aligned])
    return groups


def in_line(boxes: Sequence[Box], *, vertical: bool) -> list[Box]:
    """Those of the boxes that could hold such numbers: enough of about one height stand in a column or row."""
    return [
        one
        for one in boxes
        if sum(_of_one_height(one, other) and _aligned(one, other, vertical=vertical) for other in boxes)
        >= _LEAST_TICKS
    ]


def _of_one_height(one: Box, other: Box) -> bool:
    """A currency sign or a bracket rises above the digits."""
    return max(one.height, other.height) <= 1.35 * min(one.height, other.height)


def _aligned(one: Box, other: Box, *, vertical: bool) -> bool:
    if not vertical:
        return abs(middle(one)[1] - middle(other)[1]) <= 0.3 * max(one.height, 4.0)
    near = 0.35 * max(one.height, 4.0)
    return min(abs(one.x1 - other.x1), abs(one.x0 - other.x0), abs(middle(one)[0] - middle(other)[0])) <= near
