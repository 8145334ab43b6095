"""A page's path objects -> charts as they are drawn. Exact to a hundredth of a point.

The paths of a page that come near one another are one drawing, with the words in and around it.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from core.types import Box
from ingest.charts.chart import Chart
from ingest.charts.drawn import Bar, Colour, Curve, Drawn, Point, Wedge, box_around
from ingest.charts.interpret import interpret
from ingest.layout.figures import merged
from ingest.words import Word

_APART = 30.0  # points between the paths of one chart
_AROUND = 45.0  # points around them in which its labels stand
_SMALLEST = (60.0, 40.0)  # points, of a chart's paths
_SAMPLE = 20.0  # points; a legend's samples are no higher
_BACKGROUND = 0.95  # of the page: lies behind everything
_THIN = 2.5  # points; thinner is a rule
_WHITE = 248
_ROUND = 0.02  # how far, as a share of the radius, a sector's rim may be off the circle


class Painted(Protocol):
    """A path with points in the frame of the page as it is read: as `ingest.readers.pdfium.Shape`."""

    @property
    def points(self) -> tuple[Point, ...]: ...
    @property
    def curved(self) -> bool: ...
    @property
    def fill(self) -> Colour | None: ...
    @property
    def stroke(self) -> Colour | None: ...


class Found(NamedTuple):
    """A chart, and the words that belong to it, by id()."""

    chart: Chart
    words: frozenset[int]


def could_be_charts(rulings: Sequence[Box], width: float, height: float) -> bool:
    """A cheap look at the boxes of paths: are there bars, or a line that goes up and down?"""
    shapes = [
        box
        for box in rulings
        if box.width > 4 and box.height > 4 and box.width * box.height < _BACKGROUND * width * height
    ]
    tall = sum(box.height > 14 for box in shapes)
    return tall >= 2 or (tall >= 1 and len(rulings) >= 6)


def charts_of(
    shapes: Sequence[Painted], words: Sequence[Word], width: float, height: float
) -> Iterator[Found]:
    """The charts of a page of `width` x `height` points."""
    boxed = [(shape, box_around(shape.points)) for shape in shapes]
    inside = [
        (shape, box)
        for shape, box in boxed
        if box.width * box.height < _BACKGROUND * width * height
        and box.x1 >= 0 and box.y1 >= 0 and box.x0 <= width and box.y0 <= height
    ]  # fmt: skip
    for region in merged([box for _, box in inside], _APART):
        if region.width < _SMALLEST[0] or region.height < _SMALLEST[1]:
            continue
        near = Box(region.x0 - _AROUND, region.y0 - _AROUND, region.x1 + _AROUND, region.y1 + _AROUND)
        around = [word for word in words if _holds(near, word.box)]
        drawn = Drawn(around)
        for shape, box in inside:
            # A legend may stand a little apart.
            if _holds(region, box) or (box.height < _SAMPLE and _holds(near, box)):
                _sort_in(shape, box, region, drawn)
        chart = interpret(drawn)
        if chart:
            yield Found(chart, _words_of(chart, around))


def _words_of(chart: Chart, around: Sequence[Word]) -> frozenset[int]:
    """The chart's own words, and all that stand inside it: its ticks, numbers and legend."""
    title = {id(word) for word in chart.title}
    return frozenset(id(word) for word in around if id(word) in title or _holds(chart.box, word.box))


def _sort_in(shape: Painted, box: Box, region: Box, drawn: Drawn) -> None:
    if box.width <= _THIN or box.height <= _THIN:
        if max(box.width, box.height) > _THIN or (
            shape.fill and not shape.curved and min(box.width, box.height) > 0
        ):
            drawn.rules.append(box)
        return
    if shape.fill and not _is_white(shape.fill):
        wedge = _wedge(shape) if shape.curved else None
        if wedge:
            drawn.wedges.append(wedge)
        elif not shape.curved and _is_rectangle(shape.points, box):
            drawn.bars.append(Bar(box, shape.fill))
        return
    if shape.stroke and not shape.fill and not shape.curved and _runs_right(shape.points):
        drawn.curves.append(Curve(tuple(shape.points), shape.stroke))


def _is_rectangle(points: Sequence[Point], box: Box) -> bool:
    if not 4 <= len(set(points)) <= 5 and len(points) not in {4, 5}:
        return False
    x0, y0, x1, y1 = box
    return all(
        (abs(x - x0) < 0.05 or abs(x - x1) < 0.05) and (abs(y - y0) < 0.05 or abs(y - y1) < 0.05)
        for x, y in points
    )


def _runs_right(points: Sequence[Point]) -> bool:
    return len(points) >= 2 and all(before[0] < after[0] for before, after in pairwise(points))


def _wedge(shape: Painted) -> Wedge | None:
    """A sector: one corner, the centre, from which all points of the rim are equally far."""
    points = list(dict.fromkeys(shape.points))
    if len(points) < 5 or shape.fill is None:
        return None
    for centre in (points[0], points[-1]):
        away = [math.dist(point, centre) for point in points]
        radius = max(away)
        if radius < 8 or any(1e-6 < one < (1 - _ROUND) * radius for one in away):
            continue
        rim = [point for point, one in zip(points, away, strict=True) if one > 1e-6]
        angles = [math.atan2(y - centre[1], x - centre[0]) for x, y in rim]
        turns = [(after - before + math.pi) % (2 * math.pi) - math.pi for before, after in pairwise(angles)]
        sweep = sum(turns)
        half = angles[0] + sweep / 2
        at = (centre[0] + radius / 2 * math.cos(half), centre[1] + radius / 2 * math.sin(half))
        return Wedge(shape.fill, abs(sweep) / (2 * math.pi), centre, at)
    return None


def _is_white(colour: Colour) -> bool:
    return min(colour) >= _WHITE


def _holds(box: Box, inner: Box) -> bool:
    x0, y0, x1, y1 = inner
    left, above, right, below = box
    return left <= (x0 + x1) / 2 <= right and above <= (y0 + y1) / 2 <= below
