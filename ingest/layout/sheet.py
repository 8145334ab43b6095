"""What a reader hands to layout: a page's words, drawings and pictures, nothing grouped."""

from dataclasses import dataclass, field
from typing import NamedTuple

from core.types import Block, Box
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
    boxes of drawn paths, `figures` those of pictures. `charts` were read already, and their words taken.
    """

    number: int
    width: float = 0.0
    height: float = 0.0
    words: list[Word] = field(default_factory=list)
    turned: list[Word] = field(default_factory=list)
    rulings: list[Box] = field(default_factory=list)
    figures: list[Box] = field(default_factory=list)
    charts: list[Block] = field(default_factory=list)
    back: Back | None = None
    label: str = ""
    image: str | None = None
    recognized: bool = False
    problem: str = ""
