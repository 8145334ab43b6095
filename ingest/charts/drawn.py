"""A chart as it is drawn, in one frame: points with the origin at the top left. Knows no file format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.types import Box
from ingest.words import Word

_ENDS = 0.05  # of a line's points, to the left and to the right

Colour = tuple[int, int, int]  # red, green, blue
Point = tuple[float, float]


class Bar(NamedTuple):
    """A filled rectangle."""

    box: Box
    colour: Colour


class Curve(NamedTuple):
    """A stroked line through `points`, from left to right."""

    points: tuple[Point, ...]
    colour: Colour

    @property
    def width(self) -> float:
        return self.points[-1][0] - self.points[0][0]

    @property
    def rise(self) -> float:
        """How far it goes up and down between its ends: an axis has the foot of another one there."""
        end = round(_ENDS * len(self.points))
        ys = [y for _, y in self.points[end : len(self.points) - end]]
        return max(ys) - min(ys)

    @property
    def box(self) -> Box:
        return box_around(self.points)


class Wedge(NamedTuple):
    """A sector of a circle around `centre`: `share` of the whole turn, its middle at `middle`."""

    colour: Colour
    share: float
    centre: Point
    middle: Point


@dataclass(slots=True)
class Drawn:
    """`rules` are thin straight lines: axes, ticks, grid. `error`: how far an edge may lie from where
    it was drawn, in points (0.05 for path objects, about half a pixel for pictures). `precise`: drawn of
    path objects, not of pixels.
    """

    words: list[Word]
    bars: list[Bar] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    wedges: list[Wedge] = field(default_factory=list)
    rules: list[Box] = field(default_factory=list)
    error: float = 0.05
    precise: bool = True


def box_around(points: Sequence[Point]) -> Box:
    """The least box that holds all points."""
    xs, ys = zip(*points, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def hull_of(boxes: Sequence[Box]) -> Box:
    """The least box that holds all boxes."""
    return box_around([point for box in boxes for point in ((box.x0, box.y0), (box.x1, box.y1))])


def middle(box: Box) -> Point:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def unlike(one: Colour, other: Colour) -> int:
    """The largest difference of two colours in a channel."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
