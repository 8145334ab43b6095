"""A chart as it is drawn -> its values, behind a gate.

Bars share a base line and a width; lines pass over their categories; wedges make up a circle. What
does not fit one of these, or has no scale that can be proved, gives None: a wrong value is worse than
none. Two readings confirm each other where a number is printed at a bar (2 % or 3 points); a number
that disagrees with the geometry is not used.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product
from operator import attrgetter, itemgetter
from statistics import median
from typing import NamedTuple

from core.types import Box
from ingest.charts.axis import Printed, Scale, fit, least_squares, printed, side_numbers, snapped
from ingest.charts.chart import Chart, ChartKind, Method, Series, Value
from ingest.charts.drawn import Bar, Colour, Curve, Drawn, Point, Wedge, middle, unlike
from ingest.charts.labels import Category, categories_below, legend_names, phrases, title_above
from ingest.words import Word

_YEAR = re.compile(r"(?:19|20)\d\d[AE]?|'?\d\d")
_SAME_COLOUR = 12
_LEAST_BARS = 2
_LEAST_LABELS = 3  # at the ends of bars, that give a scale
_LINES = 6  # that are tried as the base line
_MOST_BARS = 150
_MOST_CURVES = 12
_NARROWEST = 40.0  # points that curves run over
_EVEN = 0.03  # of the highest bar: less difference is none
_HIGHEST = 0.15  # of all that is drawn: the highest bar reaches at least so far
_AT_ZERO = 2.5  # points from the foot of the bars to the printed zero
_BEYOND = 4.0  # points: how far a corner may lie outside the middle of its line's pixels
_AGREE_SHARE, _AGREE_POINTS = 0.02, 3.0


def interpret(drawn: Drawn) -> Chart | None:
    """The chart that is drawn, or None where no kind of chart fits for sure."""
    return _pie(drawn) or _bars(drawn, drawn) or _turned(_bars(transposed(drawn), drawn)) or _lines(drawn)


def _method(drawn: Drawn) -> Method:
    return "chart-vector" if drawn.precise else "chart-raster"


# ---------------------------------------------------------------- bars


def _bars(drawn: Drawn, seen: Drawn) -> Chart | None:
    """Upright bars: simple, grouped or stacked. `seen`: in the frame in which the legend is read."""
    found = standing_of(drawn)
    if found is None or len(found.columns) < 2:
        return None
    bars, columns, hull, stacked = found.bars, found.columns, found.hull, found.stacked
    base = _base_line(bars, drawn)
    colours = _colours(bars)
    groups = _groups(columns, colours, stacked=stacked)
    scale = _axis(drawn.words, drawn, hull)
    words = _without_ticks(drawn.words, scale)
    spans = [_span_of(group) for group in groups]
    categories = categories_below(words, spans, hull, drawn.error)
    if categories is None and hull.y1 > base:
        # Bars hang below the line: the names may stand at it.
        categories = categories_below(words, spans, hull._replace(y1=base), drawn.error)
    if categories is None or _are_numbers(categories):
        return None
    labels = {} if stacked else _labels_at(bars, words, scale)
    scale = _standing_at_zero(scale, base) if scale and not drawn.precise else scale
    if scale is None:
        scale = _scale_of_labels(bars, labels, base, drawn)
        if scale is None:
            return None
    trust = _trust(scale, base, drawn, from_labels=not scale.labels)
    plot = hull if seen is drawn else _swap(hull)
    names = legend_names(colours, seen, plot) if len(colours) > 1 else ("",)
    series = tuple(
        Series(
            name,
            tuple(
                _bar_value(_of_colour(group, colour), base, scale, labels, trust, drawn, stacked=stacked)
                for group in groups
            ),
        )
        for name, colour in zip(names, colours, strict=True)
    )
    kind: ChartKind = "stacked bars" if stacked else "bars"
    return _chart(kind, drawn, hull, categories, series, scale)


class Standing(NamedTuple):
    """The bars of a chart; `columns` from left to right, in each of them the bars that stand upon one another."""

    bars: list[Bar]
    columns: list[list[Bar]]
    hull: Box

    @property
    def stacked(self) -> bool:
        return any(len(column) > 1 for column in self.columns)


def standing_of(drawn: Drawn) -> Standing | None:
    """The bars that stand on one line, if they could be a chart's."""
    bars = standing(drawn)
    if not _could_be_bars(bars, drawn):
        return None
    return Standing(bars, _columns(bars), _hull([bar.box for bar in bars]))


def plots_of(drawn: Drawn) -> Iterator[tuple[Box, bool]]:
    """What bars and lines cover, and whether the numbers of its scale stand to its left or right.

    Those of bars that lie stand above or below.
    """
    for view, upright in ((drawn, True), (transposed(drawn), False)):
        found = standing_of(view)
        if found:
            yield found.hull if upright else _swap(found.hull), upright
    curves = long_curves(drawn)
    if curves:
        yield _hull([_box_of(curve) for curve in curves]), True


def could_have_scale(drawn: Drawn) -> bool:
    """Do the numbers beside what is drawn give it a scale, or could some at its bars, not read yet?"""
    for view in (drawn, transposed(drawn)):
        found = standing_of(view)
        few = found is not None and (found.stacked or len(found.bars) < _LEAST_LABELS)
        if found and (not few or _axis(view.words, view, found.hull)):
            return True
    curves = long_curves(drawn)
    return bool(curves) and _axis(drawn.words, drawn, _hull([_box_of(curve) for curve in curves])) is not None


def _could_be_bars(bars: Sequence[Bar], drawn: Drawn) -> bool:
    """Marks of a line and samples of a legend stand on one line, too, but are low; the shaded cells of a
    table are all of one height.
    """
    if len(bars) < _LEAST_BARS:
        return False
    whole = _hull([bar.box for bar in drawn.bars] + [_box_of(curve) for curve in drawn.curves] + drawn.rules)
    heights = [bar.box.height for bar in bars]
    differ = max(heights) - min(heights) > _EVEN * max(heights)
    return differ and max(heights) >= _HIGHEST * whole.height


def _are_numbers(categories: Sequence[Category]) -> bool:
    """Amounts under the bars are a table; years and quarters are not amounts."""
    amounts = [
        category
        for category in categories
        if any(printed(word) for word in category.words)
        and not (len(category.words) == 1 and _YEAR.fullmatch(category.words[0].text))
        and not any(any(map(str.isalpha, word.text)) for word in category.words)
    ]
    return 2 * len(amounts) > len(categories)


def standing(drawn: Drawn) -> list[Bar]:
    """The filled rectangles that stand on (or hang from) the line on which most of them do, of one width.

    Those that stand upon one another belong to them.
    """
    if not drawn.bars or (drawn.precise and len(drawn.bars) > _MOST_BARS):
        return []
    whole = _hull([bar.box for bar in drawn.bars])
    able = [
        bar
        for bar in drawn.bars
        if bar.box.width > 2
        and bar.box.height >= 0
        and bar.box.width * bar.box.height < 0.5 * whole.width * whole.height
    ]
    reach = 0.8 + 2 * drawn.error
    best: list[Bar] = []
    for line in _common_edges(able, reach):
        on_line = [bar for bar in able if abs(bar.box.y1 - line) <= reach or abs(bar.box.y0 - line) <= reach]
        wide = median(bar.box.width for bar in on_line)
        even = [bar for bar in on_line if abs(bar.box.width - wide) <= 0.12 * wide + 2 * drawn.error]
        if len(even) >= _LEAST_BARS and _area(even) > _area(best):
            best = even
    if len(best) < _LEAST_BARS:
        return []
    return [*best, *_upon(best, [bar for bar in able if bar not in best], reach)]


def _upon(lowest: Sequence[Bar], others: Sequence[Bar], reach: float) -> list[Bar]:
    """The others that stand upon the lowest, or upon one that does; lowest first."""
    corners: dict[tuple[int, int, int], list[int]] = {}  # of `reach` each: the left, right and lower edge
    for at, (box, _) in enumerate(others):
        key = (int(box.x0 // reach), int(box.x1 // reach), int(box.y1 // reach))
        corners.setdefault(key, []).append(at)
    found: list[Bar] = []
    taken: set[int] = set()
    last: Sequence[Bar] = lowest
    while last:
        upon = {
            at
            for under, _ in last
            for left, right, lower in product(
                *(_beside(edge, reach) for edge in (under.x0, under.x1, under.y0))
            )
            for at in corners.get((left, right, lower), ())
            if _stands_on(others[at].box, under, reach)
        } - taken
        taken |= upon
        last = [others[at] for at in sorted(upon)]
        found += last
    return found


def _beside(edge: float, reach: float) -> tuple[int, int, int]:
    at = int(edge // reach)
    return at - 1, at, at + 1


def _area(bars: Sequence[Bar]) -> float:
    return sum(bar.box.width * bar.box.height for bar in bars)


def _common_edges(bars: Sequence[Bar], reach: float) -> list[float]:
    """The heights at which the bars with most area begin or end; letters have little."""
    areas: Counter[int] = Counter()
    for bar in bars:
        for edge in (bar.box.y0, bar.box.y1):
            areas[round(edge / reach)] += round(bar.box.width * bar.box.height) + 1
    return [key * reach for key, _ in areas.most_common(_LINES)]


def _stands_on(upper: Box, lower: Box, reach: float) -> bool:
    same_column = abs(upper.x0 - lower.x0) <= reach and abs(upper.x1 - lower.x1) <= reach
    return same_column and abs(upper.y1 - lower.y0) <= reach


def _base_line(bars: Sequence[Bar], drawn: Drawn) -> float:
    """The y that most bars have as an edge."""
    edges = [edge for bar in bars for edge in (bar.box.y0, bar.box.y1)]
    reach = 0.8 + 2 * drawn.error
    ordered = sorted(edges)
    near = max(
        edges, key=lambda edge: bisect_right(ordered, edge + reach) - bisect_left(ordered, edge - reach)
    )
    return median([edge for edge in edges if abs(edge - near) <= reach])


def _columns(bars: Sequence[Bar]) -> list[list[Bar]]:
    """Bars that stand upon one another, lowest first, columns from left to right."""
    columns: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: (bar.box.x0, -bar.box.y1)):
        for column in columns:
            box = column[0].box
            if min(box.x1, bar.box.x1) - max(box.x0, bar.box.x0) > 0.6 * box.width:
                column.append(bar)
                break
        else:
            columns.append([bar])
    return columns


def _colours(bars: Sequence[Bar]) -> list[Colour]:
    """The different colours, in the order in which they come from left to right and bottom to top."""
    found: list[Colour] = []
    for bar in sorted(bars, key=lambda bar: (bar.box.x0, -bar.box.y1)):
        if all(unlike(bar.colour, colour) > _SAME_COLOUR for colour in found):
            found.append(bar.colour)
    # A colour for each bar is decoration: one series.
    return found if len(found) <= max(1, len(bars) // 2) else found[:1]


def _groups(columns: Sequence[Sequence[Bar]], colours: Sequence[Colour], *, stacked: bool) -> list[list[Bar]]:
    """The bars of each category: a column, or columns of different colours that stand side by side."""
    if stacked or len(colours) < 2:
        return [list(column) for column in columns]
    gaps = [after[0].box.x0 - before[0].box.x1 for before, after in pairwise(columns)]
    wide = median(column[0].box.width for column in columns)
    if not gaps or max(gaps) - min(gaps) < 0.15 * wide:
        return [list(column) for column in columns]
    cut = (max(gaps) + min(gaps)) / 2
    groups = [list(columns[0])]
    for gap, column in zip(gaps, columns[1:], strict=True):
        if gap > cut:
            groups.append([])
        groups[-1] += column
    return groups


def _of_colour(group: Sequence[Bar], colour: Colour) -> Bar | None:
    if len(group) == 1:
        return group[0] if unlike(group[0].colour, colour) <= _SAME_COLOUR or len(group) == 1 else None
    return min(
        (bar for bar in group if unlike(bar.colour, colour) <= _SAME_COLOUR),
        key=lambda bar: unlike(bar.colour, colour),
        default=None,
    )


def _span_of(group: Sequence[Bar]) -> tuple[float, float]:
    return min(bar.box.x0 for bar in group), max(bar.box.x1 for bar in group)


def _bar_value(
    bar: Bar | None,
    base: float,
    scale: Scale,
    labels: dict[int, Printed],
    trust: float,
    drawn: Drawn,
    *,
    stacked: bool,
) -> Value | None:
    if bar is None:
        return None
    end = bar.box.y0 if abs(bar.box.y1 - base) <= abs(bar.box.y0 - base) else bar.box.y1
    measured = abs(scale.slope) * bar.box.height if stacked else scale.at(end)
    label = labels.get(id(bar))
    if label and _agree(float(label.value), measured, scale):
        return Value(_plain(label.value), bar.box, 0.99, printed=True)
    # Where a printed number disagrees, one of the two readings is wrong, and which is not known.
    confidence = min(trust, 0.6) if label else trust
    if bar.box.height < 6 * drawn.error:
        confidence = min(confidence, 0.6)
    return Value(_rounded(measured, scale, drawn.error), bar.box, confidence)


def _labels_at(bars: Sequence[Bar], words: Sequence[Word], scale: Scale | None) -> dict[int, Printed]:
    """The number printed at the end of each bar, by the bar's id()."""
    on_axis = set(scale.labels) if scale else set()
    numbers = [number for word in words if (number := printed(word)) and number.box not in on_axis]
    found: dict[int, Printed] = {}
    for bar in bars:
        near = [
            number
            for number in numbers
            if abs(middle(number.box)[0] - middle(bar.box)[0]) < 0.5 * max(bar.box.width, number.box.width)
            and bar.box.y0 - 2.2 * number.box.height
            <= middle(number.box)[1]
            <= bar.box.y0 + 2.2 * number.box.height
        ]
        if near:
            found[id(bar)] = min(near, key=lambda number: abs(middle(number.box)[1] - bar.box.y0))
    return found


def _scale_of_labels(
    bars: Sequence[Bar], labels: dict[int, Printed], base: float, drawn: Drawn
) -> Scale | None:
    """Where no axis is printed: the scale on which the bars' own numbers agree with their heights."""
    ends = [(bar.box.y0, labels[id(bar)]) for bar in bars if id(bar) in labels]
    if len(ends) < max(_LEAST_LABELS, 0.6 * len(bars)):
        return None
    zero = Printed(ends[0][1].value * 0, "", Box(0, 0, 0, 0))
    scale = fit([*ends, (base, zero)], 1.5 + 2 * drawn.error, even=False)
    return scale._replace(labels=()) if scale else None


def _standing_at_zero(scale: Scale, base: float) -> Scale:
    """Bars begin at zero; where the printed zero is said to be right beside their foot, it is at it."""
    beside = base - scale.position(0.0)
    return scale._replace(offset=-scale.slope * base) if abs(beside) <= _AT_ZERO else scale


def _trust(scale: Scale, base: float, drawn: Drawn, *, from_labels: bool) -> float:
    """How sure a value is that was measured alone."""
    if drawn.precise:
        return 0.97
    at_zero = abs(scale.position(0.0) - base) <= _AT_ZERO
    if from_labels:
        return 0.85
    return 0.92 if scale.ticks >= 4 and at_zero and scale.residual < 0.7 else 0.75


# ---------------------------------------------------------------- lines


def _lines(drawn: Drawn) -> Chart | None:
    curves = long_curves(drawn)
    if not curves:
        return None
    hull = _hull([_box_of(curve) for curve in curves])
    plot = _plot_area(drawn, hull)
    scale = _axis(drawn.words, drawn, hull)
    if scale is None:
        return None
    categories = _line_categories(replace(drawn, words=_without_ticks(drawn.words, scale)), curves, plot)
    if categories is None or len(categories) < 2 or _are_numbers(categories):
        return None
    trust = 0.97 if drawn.precise else (0.9 if scale.ticks >= 4 and scale.residual < 0.7 else 0.7)
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
    return _chart("lines", drawn, plot, categories, series, scale)


def long_curves(drawn: Drawn) -> list[Curve]:
    """The curves that run over most of the width that any does; none where they are short or many."""
    curves = [curve for curve in drawn.curves if len(curve.points) >= 2]
    reach = max((curve.width for curve in curves), default=0.0)
    curves = [curve for curve in curves if curve.width > 0.6 * reach]
    if not curves or len(curves) > _MOST_CURVES:
        return []
    return curves if _hull([_box_of(curve) for curve in curves]).width >= _NARROWEST else []


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
    box = _box_of(curve)
    if corner is not None and box.y0 - _BEYOND <= corner <= box.y1 + _BEYOND:
        y = corner
    return Value(_rounded(scale.at(y), scale, drawn.error), Box(x - 3, y - 3, x + 3, y + 3), trust)


def _corner_at(curve: Curve, around: Around, error: float) -> float | None:
    """The y in which the straight strokes to the left and to the right of a category meet; None for a bow.

    The middle of a thick line's pixels lies inside the corner, the farther the sharper it is.
    """
    before, x, after = around
    left = _stroke(curve, before, x, error) if before is not None else None
    right = _stroke(curve, x, after, error) if after is not None else None
    if (before is not None and left is None) or (after is not None and right is None):
        return None
    heights = [slope * x + offset for stroke in (left, right) if stroke for slope, offset in [stroke]]
    if left and right and abs(left[0] - right[0]) > 0.05:
        meet = (right[1] - left[1]) / (left[0] - right[0])
        if abs(meet - x) <= 4.0:
            return left[0] * meet + left[1]
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
    if left is None or right is None or abs(left[0] - right[0]) <= 0.3:
        return None
    meet = (right[1] - left[1]) / (left[0] - right[0])
    return meet if abs(meet - x) <= 4.0 else None


def _stroke(curve: Curve, begin: float, end: float, error: float) -> tuple[float, float] | None:
    """Slope and offset of the straight line between two categories, without what stands at its ends."""
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


def _box_of(curve: Curve) -> Box:
    xs, ys = zip(*curve.points, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


# ---------------------------------------------------------------- pies


def _pie(drawn: Drawn) -> Chart | None:
    """Wedges that make up one whole circle, each with its name; a printed share confirms the angle."""
    wedges = drawn.wedges
    if len(wedges) < 2 or abs(sum(wedge.share for wedge in wedges) - 1) > 0.02:
        return None
    centre = wedges[0].centre
    radius = max(math.dist(centre, wedge.middle) for wedge in wedges) * 2
    texts = phrases(drawn.words)
    named = [(wedge, *_wedge_words(wedge, texts, radius)) for wedge in wedges]
    if not all(name for _, name, _ in named):
        colours = [wedge.colour for wedge in wedges]
        box = Box(centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        names = legend_names(colours, drawn, box)
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
        if number and number.unit == "%" and abs(float(number.value) - share) <= 1.0:
            values.append(Value(_plain(number.value), number.box, 0.99, printed=True))
        else:
            digits = 1 if drawn.precise else 0
            sure = 0.95 if drawn.precise else 0.8
            values.append(
                Value(f"{share:.{digits}f}", box, min(sure, 0.6) if number and number.unit == "%" else sure)
            )
    hull = Box(centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    for _, words, number in named:
        for word in words:
            hull = hull.union(word.box)
        if number:
            hull = hull.union(number.box)
    categories = [Category(wedge.middle[0], tuple(words)) for wedge, words, _ in named]
    return Chart(
        "pie", hull, title_above(drawn.words, hull, {id(w) for _, ws, _ in named for w in ws}), "%",
        tuple(category.words for category in categories), (Series("", tuple(values)),), _method(drawn),
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
        box = _hull([word.box for word in text])
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


# ---------------------------------------------------------------- what all share


def _axis(words: Sequence[Word], drawn: Drawn, hull: Box) -> Scale | None:
    """The scale of the numbers that stand in a column beside what is drawn."""
    level = sorted({middle(rule)[1] for rule in drawn.rules if rule.width > 2 * rule.height})
    found: list[Scale] = []
    beside = [word for word in words if word.box.x1 <= hull.x0 + 2 or word.box.x0 >= hull.x1 - 2]
    for group in side_numbers(beside, vertical=True):
        marks = [
            (snapped(position, level, 0.3 * number.box.height + 2 * drawn.error), number)
            for position, number in group
        ]
        scales = [fit(those, 0.6 + 1.5 * drawn.error, even=True) for those in (marks, group)]
        # Pieces of a line beside a number look like ticks, too: where more fit without them, they are none.
        best = max((scale for scale in scales if scale), key=attrgetter("ticks"), default=None)
        found += [best] if best else []
    return max(found, key=lambda scale: (scale.ticks, -scale.residual), default=None)


def _without_ticks(words: Sequence[Word], scale: Scale | None) -> list[Word]:
    ticks = set(scale.labels) if scale else set()
    return [word for word in words if word.box not in ticks]


def _chart(
    kind: ChartKind,
    drawn: Drawn,
    hull: Box,
    categories: Sequence[Category],
    series: tuple[Series, ...],
    scale: Scale,
) -> Chart:
    taken = {id(word) for category in categories for word in category.words}
    for label in scale.labels:
        hull = hull.union(label)
    for category in categories:
        for word in category.words:
            hull = hull.union(word.box)
    return Chart(
        kind, hull, title_above(drawn.words, hull, taken), scale.unit,
        tuple(category.words for category in categories), series, _method(drawn),
    )  # fmt: skip


def _agree(label: float, measured: float, scale: Scale) -> bool:
    return abs(label - measured) <= max(_AGREE_SHARE * abs(label), _AGREE_POINTS * abs(scale.slope))


def _rounded(value: float, scale: Scale, error: float) -> str:
    """To the digits that the drawing can prove."""
    resolution = abs(scale.slope) * max(error, 0.02)
    decade = math.log10(resolution)
    exponent = round(decade) if error < 0.1 else math.floor(decade)
    rounded = round(value, -exponent)
    return f"{rounded:.{max(0, -exponent)}f}" if exponent < 0 else f"{rounded:.0f}"


def _plain(value: object) -> str:
    return f"{value:f}"


def _hull(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


# ---------------------------------------------------------------- bars that lie


def _swap(box: Box) -> Box:
    """Mirrored at the rising diagonal: what lies to the left is below, as categories of upright bars are."""
    return Box(-box.y1, -box.x1, -box.y0, -box.x0)


def transposed(drawn: Drawn) -> Drawn:
    """Words that run upwards stay behind: beside bars that lie they are the title of an axis."""
    return Drawn(
        [word._replace(box=_swap(word.box)) for word in _that_run_level(drawn.words)],
        [Bar(_swap(bar.box), bar.colour) for bar in drawn.bars],
        rules=[_swap(rule) for rule in drawn.rules],
        error=drawn.error,
        precise=drawn.precise,
    )


def _that_run_level(words: Sequence[Word]) -> list[Word]:
    """All but the words of lines that run upwards; a short one is told by the longer one that it follows."""
    upwards = [word for word in words if len(word.text) > 2 and word.box.height > 1.5 * word.box.width]

    def follows(word: Word) -> bool:
        return any(
            abs(middle(word.box)[0] - middle(other.box)[0]) <= 0.2 * other.box.width
            and word.box.width <= 1.2 * other.box.width
            and max(word.box.y0 - other.box.y1, other.box.y0 - word.box.y1) <= 0.6 * other.box.width
            for other in upwards
        )

    return [word for word in words if word not in upwards and not follows(word)]


def _turned(chart: Chart | None) -> Chart | None:
    """A chart of the transposed drawing in the frame of the page."""
    if chart is None or chart.kind == "stacked bars":
        return None if chart is None else _back(chart, "stacked bars")
    return _back(chart, "horizontal bars")


def _back(chart: Chart, kind: ChartKind) -> Chart:
    def words(given: Sequence[Word]) -> tuple[Word, ...]:
        found = (word._replace(box=_swap(word.box)) for word in given)
        return tuple(sorted(found, key=lambda word: (round(word.box.y0 / 4), word.box.x0)))

    def values(series: Series) -> Series:
        return replace(
            series,
            values=tuple(replace(value, box=_swap(value.box)) if value else None for value in series.values),
        )

    # In the mirror the first category is the last, and so are series side by side: people read from the top.
    in_order = chart.series if kind == "stacked bars" else tuple(reversed(chart.series))
    return replace(
        chart,
        kind=kind,
        box=_swap(chart.box),
        title=words(chart.title),
        categories=tuple(words(category) for category in reversed(chart.categories)),
        series=tuple(
            replace(values(series), values=tuple(reversed(values(series).values))) for series in in_order
        ),
    )
