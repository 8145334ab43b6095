"""Wedges that make up one whole circle -> their shares, each with the name that stands at it or in the legend."""

import math
from collections.abc import Callable, Sequence
from operator import itemgetter

from core.types import Box
from ingest.charts.axis import Printed, printed
from ingest.charts.chart import Chart, Series, Value
from ingest.charts.drawn import Drawn, Point, Wedge, hull_of, middle
from ingest.charts.labels import Category, legend_names, phrases, title_above
from ingest.charts.scaled import method_of, plain
from ingest.words import Word


def pie(drawn: Drawn) -> Chart | None:
    """Wedges that make up one whole circle, each with its name; a printed share confirms the angle."""
    wedges = drawn.wedges
    if len(wedges) < 2 or abs(sum(wedge.share for wedge in wedges) - 1) > 0.02:
        return None
    centre = wedges[0].centre
    radius = max(math.dist(centre, wedge.middle) for wedge in wedges) * 2
    disc = Box(centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    texts = phrases(drawn.words)
    named = [(wedge, *_wedge_words(wedge, texts, radius)) for wedge in wedges]
    if not all(name for _, name, _ in named):
        colours = [wedge.colour for wedge in wedges]
        names = legend_names(colours, drawn, disc)
        if any(name.startswith("series ") for name in names):
            return None
        by_text = {word.text: word for word in drawn.words}
        named = [
            (wedge, [by_text[part] for part in name.split() if part in by_text], number)
            for (wedge, _, number), name in zip(named, names, strict=True)
        ]
    if not drawn.precise:
        named.sort(key=_turn_of(wedges))
    values = []
    for wedge, _, number in named:
        share = 100 * wedge.share
        box = Box(wedge.middle[0] - 4, wedge.middle[1] - 4, wedge.middle[0] + 4, wedge.middle[1] + 4)
        if number and abs(float(number.value) - share) <= 1.0:
            values.append(Value(plain(number.value), number.box, 0.99, printed=True))
        else:
            sure = 0.95 if drawn.precise else 0.8
            values.append(Value(f"{share:.1f}", box, min(sure, 0.6) if number else sure))
    hull = disc
    for _, words, number in named:
        for word in words:
            hull = hull.union(word.box)
        if number:
            hull = hull.union(number.box)
    categories = [Category(wedge.middle[0], tuple(words)) for wedge, words, _ in named]
    return Chart(
        "pie", hull, title_above(drawn.words, hull, {id(w) for _, ws, _ in named for w in ws}), "%",
        tuple(category.words for category in categories), (Series("", tuple(values)),), method_of(drawn),
    )  # fmt: skip


def _turn_of(wedges: Sequence[Wedge]) -> Callable[[tuple[Wedge, object, object]], float]:
    """How far along the circle a named wedge lies, from where its drawing began.

    Clockwise from the top, as office programs draw; counterclockwise from the right, as programs for
    plots do, where an edge lies there and none at the top.
    """

    def turn(wedge: Wedge, begin: float, way: int) -> float:
        (x, y), (mx, my) = wedge.centre, wedge.middle
        return way * (math.atan2(y - my, mx - x) - begin) / (2 * math.pi) % 1

    def has_edge_at(begin: float) -> bool:
        away = [(turn(wedge, begin, 1) - wedge.share / 2) % 1 for wedge in wedges]
        return any(min(share, 1 - share) < 0.006 for share in away)

    top, right = math.pi / 2, 0.0
    begin, way = (right, 1) if has_edge_at(right) and not has_edge_at(top) else (top, -1)
    return lambda named: turn(named[0], begin, way)


def _wedge_words(
    wedge: Wedge, texts: Sequence[Sequence[Word]], radius: float
) -> tuple[list[Word], Printed | None]:
    """The name and the number at a wedge: in it, or the nearest text outside, near its middle ray.

    A name goes on where the next line of it stands right above or below; a title stands farther off.
    """
    inside: list[Word] = []
    outside: list[tuple[float, Sequence[Word]]] = []
    for text in texts:
        box = hull_of([word.box for word in text])
        if not _is_near_ray(wedge, box):
            continue
        gap = math.dist(wedge.centre, _nearest(box, wedge.centre)) - radius
        if math.dist(wedge.centre, middle(box)) < 0.9 * radius:
            inside += text
        elif gap < 0.75 * radius:
            outside.append((gap, text))
    outside.sort(key=itemgetter(0))
    name: list[Word] = []
    for _, text in outside:
        if not name or any(_goes_on(one.box, other.box) for one in name for other in text):
            name += text
    shares = [number for word in [*inside, *name] if (number := printed(word)) and number.unit == "%"]
    name = [word for word in name if not any(number.box is word.box for number in shares)]
    return sorted(name, key=lambda word: (round(word.box.y0), word.box.x0)), shares[0] if shares else None


def _is_near_ray(wedge: Wedge, box: Box) -> bool:
    (x, y), (mx, my) = wedge.centre, wedge.middle
    length = math.dist(wedge.centre, wedge.middle) or 1.0
    wide = max(0.12, math.pi * wedge.share * 0.8)
    for wx, wy in (middle(box), _nearest(box, wedge.centre)):
        away = math.hypot(wx - x, wy - y)
        along = ((wx - x) * (mx - x) + (wy - y) * (my - y)) / (length * away) if away else 1.0
        if math.acos(max(-1.0, min(1.0, along))) < wide:
            return True
    return False


def _nearest(box: Box, point: Point) -> Point:
    return min(max(point[0], box.x0), box.x1), min(max(point[1], box.y0), box.y1)


def _goes_on(one: Box, other: Box) -> bool:
    """Do two words stand in lines next to each other, one above the other?"""
    low, high = sorted((one.height, other.height))
    between = max(other.y0 - one.y1, one.y0 - other.y1)
    return high < 1.12 * low and between < 0.5 * low and min(one.x1, other.x1) > max(one.x0, other.x0)
