"""Curves that pass over their categories -> the values of each, behind a gate.

Of pixels the strokes between two categories are measured, and their corner is the value: the middle of
a thick line's pixels lies inside it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from core.types import Box
from ingest.charts.axis import Scale, least_squares, snapped
from ingest.charts.chart import Chart, Series, Value
from ingest.charts.drawn import Curve, Drawn, hull_of, middle
from ingest.charts.labels import Category, categories_below, legend_names, legend_order
from ingest.charts.scaled import are_numbers, axis_beside, rounded, with_places, without_ticks

_MOST_CURVES = 12
_NARROWEST = 40.0  # points that curves run over
_LEAST_RISE = 0.03  # of the height of the axis
_BEYOND = 4.0  # points: how far a corner may lie outside the middle of its line's pixels


def lines(drawn: Drawn) -> Chart | None:
    curves = long_curves(drawn)
    if not curves:
        return None
    hull = hull_of([curve.box for curve in curves])
    plot = _plot_area(drawn, hull)
    scale = axis_beside(drawn.words, drawn, hull)
    if scale is None or not any(_rises(curve, scale, drawn) for curve in curves):
        return None
    categories = _line_categories(replace(drawn, words=without_ticks(drawn.words, scale)), curves, plot)
    if categories is None or len(categories) < 2 or are_numbers(categories):
        return None
    trust = 0.97 if drawn.precise else (0.9 if scale.ticks >= 4 and scale.residual < 0.7 else 0.7)
    if not drawn.precise:
        # Path objects come in the order in which they were drawn, colours of pixels in no order.
        curves = [curves[at] for at in legend_order([curve.colour for curve in curves], drawn, hull)]
    names = legend_names([curve.colour for curve in curves], drawn, hull) if len(curves) > 1 else ("",)
    centres = [category.centre for category in categories]
    if not drawn.precise:
        centres = _at_corners(centres, curves, drawn.error)
    series = tuple(
        Series(
            name,
            tuple(
                _curve_value(curve, around, scale, trust, drawn)
                for around in zip([None, *centres[:-1]], centres, [*centres[1:], None], strict=True)
            ),
        )
        for name, curve in zip(names, curves, strict=True)
    )
    return with_places("lines", drawn, plot, categories, series, scale)


def _rises(curve: Curve, scale: Scale, drawn: Drawn) -> bool:
    return curve.rise > (4 * drawn.error if drawn.precise else _LEAST_RISE * hull_of(scale.labels).height)


def long_curves(drawn: Drawn) -> list[Curve]:
    """The curves that run over most of the width that any does; none where they are short or many."""
    curves = [curve for curve in drawn.curves if len(curve.points) >= 2]
    reach = max((curve.width for curve in curves), default=0.0)
    curves = [curve for curve in curves if curve.width > 0.6 * reach]
    if not curves or len(curves) > _MOST_CURVES:
        return []
    return curves if hull_of([curve.box for curve in curves]).width >= _NARROWEST else []


def _plot_area(drawn: Drawn, hull: Box) -> Box:
    """From the lowest to the highest rule around the curves: categories are printed under it."""
    across = [rule for rule in drawn.rules if rule.width > 0.7 * hull.width]
    for rule in across:
        hull = Box(hull.x0, min(hull.y0, rule.y0), hull.x1, max(hull.y1, rule.y1))
    return hull


def _line_categories(drawn: Drawn, curves: Sequence[Curve], plot: Box) -> list[Category] | None:
    """Of path objects the corners are the categories; a line of pixels is read over its labels."""
    corners = [tuple(x for x, _ in curve.points) for curve in curves]
    even = len({len(xs) for xs in corners}) == 1 and all(
        abs(a - b) < 1.0 for xs in corners[1:] for a, b in zip(corners[0], xs, strict=True)
    )
    if drawn.precise and even and len(corners[0]) <= 60:
        return categories_below(drawn.words, [(x, x) for x in corners[0]], plot, drawn.error)
    upright = [middle(rule)[0] for rule in drawn.rules if rule.height > 2 * rule.width]
    found = categories_below(drawn.words, None, plot, drawn.error)
    if found is None:
        return None
    return [
        replace(category, centre=snapped(category.centre, upright, 4.0))
        for category in found
        if plot.x0 - 6 <= category.centre <= plot.x1 + 6
    ]


Around = tuple[float | None, float, float | None]  # the category before, this one and the next


def _curve_value(curve: Curve, around: Around, scale: Scale, trust: float, drawn: Drawn) -> Value | None:
    x = around[1]
    y = _height_at(curve, x, 3.0 if drawn.precise else 7.0)
    if y is None:
        return None
    corner = None if drawn.precise else _corner_at(curve, around, drawn.error)
    box = curve.box
    if corner is not None and box.y0 - _BEYOND <= corner <= box.y1 + _BEYOND:
        y = corner
    return Value(rounded(scale.at(y), scale, drawn.error), Box(x - 3, y - 3, x + 3, y + 3), trust)


def _corner_at(curve: Curve, around: Around, error: float) -> float | None:
    """The y in which the straight strokes to the left and to the right of a category meet; None for a bow.

    The middle of a thick line's pixels lies inside the corner, the farther the sharper it is.
    """
    before, x, after = around
    left = _stroke(curve, before, x, error) if before is not None else None
    right = _stroke(curve, x, after, error) if after is not None else None
    if (before is not None and left is None) or (after is not None and right is None):
        return None
    if left and right and (meet := _crossing(left, right, x, 0.05)) is not None:
        return left[0] * meet + left[1]
    heights = [slope * x + offset for stroke in (left, right) if stroke for slope, offset in [stroke]]
    return sum(heights) / len(heights) if heights and max(heights) - min(heights) <= 8 * error else None


def _at_corners(centres: Sequence[float], curves: Sequence[Curve], error: float) -> list[float]:
    """The centres of labels, moved to where the corners of the lines are.

    Where corners of several categories are known, and these stand evenly, the others follow from them.
    """
    corners = [
        (at, meet)
        for at, around in enumerate(zip(centres, centres[1:], centres[2:], strict=False), 1)
        for curve in curves
        if (meet := _meeting_at(curve, around, error)) is not None
    ]
    if not corners:
        return list(centres)
    pitches = [after - before for before, after in pairwise(centres)]
    if len({at for at, _ in corners}) > 1 and max(pitches) - min(pitches) < 0.2 * median(pitches):
        pitch, first = least_squares([(float(at), meet) for at, meet in corners])
        if all(abs(first + pitch * at - meet) <= 1.0 for at, meet in corners):
            return [first + pitch * at for at in range(len(centres))]
    beside = median(meet - centres[at] for at, meet in corners)
    return [x + beside for x in centres]


def _meeting_at(curve: Curve, around: tuple[float, float, float], error: float) -> float | None:
    """The x in which two strokes meet, where they do so at the category and at a sharp angle."""
    before, x, after = around
    left, right = _stroke(curve, before, x, error), _stroke(curve, x, after, error)
    return _crossing(left, right, x, 0.3) if left and right else None


Stroke = tuple[float, float]  # slope and offset


def _crossing(left: Stroke, right: Stroke, x: float, least: float) -> float | None:
    """The x in which they cross, if that is near `x` and their slopes differ by more than `least`."""
    if abs(left[0] - right[0]) <= least:
        return None
    meet = (right[1] - left[1]) / (left[0] - right[0])
    return meet if abs(meet - x) <= 4.0 else None


def _stroke(curve: Curve, begin: float, end: float, error: float) -> Stroke | None:
    """Of the straight line between two categories, without what stands at its ends."""
    margin = max(0.15 * (end - begin), 4.0)
    points = [(x, y) for x, y in curve.points if begin + margin <= x <= end - margin]
    if len(points) < 6 or points[-1][0] - points[0][0] < 0.4 * (end - begin):
        return None
    slope, offset = least_squares(points)
    worst = max(abs(slope * x + offset - y) for x, y in points)
    return (slope, offset) if worst <= 3 * error * math.hypot(1.0, slope) else None


def _height_at(curve: Curve, x: float, reach: float) -> float | None:
    """The curve's y at `x`; its ends may lie `reach` points away."""
    points = curve.points
    if not points[0][0] - reach <= x <= points[-1][0] + reach:
        return None
    x = min(max(x, points[0][0]), points[-1][0])
    for (left, low), (right, high) in pairwise(points):
        if left <= x <= right:
            return low if right == left else low + (high - low) * (x - left) / (right - left)
    return points[-1][1]
