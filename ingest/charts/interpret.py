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
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product
from statistics import median
from typing import NamedTuple

from core.types import Box
from ingest.charts.axis import Printed, Scale, fit, printed, side_numbers, snapped
from ingest.charts.chart import Chart, ChartKind, Method, Series, Value
from ingest.charts.drawn import Bar, Colour, Curve, Drawn, Wedge, middle, unlike
from ingest.charts.labels import Category, categories_below, legend_names, title_above
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
_AGREE_SHARE, _AGREE_POINTS = 0.02, 3.0


def interpret(drawn: Drawn) -> Chart | None:
    """The chart that is drawn, or None where no kind of chart fits for sure."""
    return _pie(drawn) or _bars(drawn) or _turned(_bars(transposed(drawn))) or _lines(drawn)


def _method(drawn: Drawn) -> Method:
    return "chart-vector" if drawn.precise else "chart-raster"


# ---------------------------------------------------------------- bars


def _bars(drawn: Drawn) -> Chart | None:
    """Upright bars: simple, grouped or stacked."""
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
    if scale is None:
        scale = _scale_of_labels(bars, labels, base, drawn)
        if scale is None:
            return None
    trust = _trust(scale, base, drawn, from_labels=not scale.labels)
    names = legend_names(colours, drawn, hull) if len(colours) > 1 else ("",)
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


def _trust(scale: Scale, base: float, drawn: Drawn, *, from_labels: bool) -> float:
    """How sure a value is that was measured alone."""
    if drawn.precise:
        return 0.97
    at_zero = abs(scale.position(0.0) - base) <= 2.5
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
    series = tuple(
        Series(
            name, tuple(_curve_value(curve, category.centre, scale, trust, drawn) for category in categories)
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


def _curve_value(curve: Curve, x: float, scale: Scale, trust: float, drawn: Drawn) -> Value | None:
    y = _height_at(curve, x, 3.0 if drawn.precise else 7.0)
    if y is None:
        return None
    return Value(_rounded(scale.at(y), scale, drawn.error), Box(x - 3, y - 3, x + 3, y + 3), trust)


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
    named = [(wedge, *_wedge_words(wedge, drawn.words, radius)) for wedge in wedges]
    if not all(name for _, name, _ in named):
        colours = [wedge.colour for wedge in wedges]
        box = Box(centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        names = legend_names(colours, drawn, box)
        if any(name.startswith("series ") for name in names):
            return None
        texts = {word.text: word for word in drawn.words}
        named = [
            (wedge, [texts[part] for part in name.split() if part in texts], number)
            for (wedge, _, number), name in zip(named, names, strict=True)
        ]
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


def _wedge_words(wedge: Wedge, words: Sequence[Word], radius: float) -> tuple[list[Word], Printed | None]:
    """The name and the number at a wedge: near the end of its middle ray, or in it."""
    (x, y), (mx, my) = wedge.centre, wedge.middle
    length = math.dist(wedge.centre, wedge.middle) or 1.0
    direction = (mx - x) / length, (my - y) / length
    name: list[Word] = []
    number: Printed | None = None
    for word in words:
        wx, wy = middle(word.box)
        away = math.hypot(wx - x, wy - y)
        if not 0.2 * radius < away < 1.75 * radius:
            continue
        along = ((wx - x) * direction[0] + (wy - y) * direction[1]) / away
        near_end = math.acos(max(-1.0, min(1.0, along))) < max(0.12, math.pi * wedge.share * 0.8)
        if not near_end:
            continue
        found = printed(word)
        if found and found.unit == "%":
            number = number or found
        elif away > 0.9 * radius:
            name.append(word)
    return sorted(name, key=lambda word: (round(word.box.y0), word.box.x0)), number


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
        scale = fit(marks, 0.6 + 1.5 * drawn.error, even=True)
        if scale:
            found.append(scale)
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
    return Drawn(
        [word._replace(box=_swap(word.box)) for word in drawn.words],
        [Bar(_swap(bar.box), bar.colour) for bar in drawn.bars],
        rules=[_swap(rule) for rule in drawn.rules],
        error=drawn.error,
        precise=drawn.precise,
    )


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

    # In the mirror the first category is the last: people read from the top.
    return replace(
        chart,
        kind=kind,
        box=_swap(chart.box),
        title=words(chart.title),
        categories=tuple(words(category) for category in reversed(chart.categories)),
        series=tuple(
            replace(values(series), values=tuple(reversed(values(series).values))) for series in chart.series
        ),
    )
