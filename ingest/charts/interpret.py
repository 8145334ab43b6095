"""A chart as it is drawn -> its values, behind a gate.

Bars share a base line and a width; lines pass over their categories (`lines`); wedges make up a circle
(`pies`). What does not fit one of these, or has no scale that can be proved, gives None: a wrong value is
worse than none. Two readings confirm each other where a number is printed at a bar (2 % or 3 points); a
number that disagrees with the geometry is not used.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product
from statistics import median
from typing import NamedTuple

from core.types import Box
from ingest.charts.axis import Printed, Scale, fit, printed
from ingest.charts.chart import Chart, ChartKind, Series, Value
from ingest.charts.drawn import Bar, Colour, Drawn, hull_of, middle, unlike
from ingest.charts.labels import categories_below, legend_names
from ingest.charts.lines import lines, long_curves
from ingest.charts.numerals import in_one_style
from ingest.charts.pies import pie
from ingest.charts.scaled import (
    agree,
    are_numbers,
    axis_beside,
    plain,
    rounded,
    with_places,
    without_ticks,
)
from ingest.words import Word

_SAME_COLOUR = 12
_LEAST_BARS = 2
_LEAST_LABELS = 3  # at the ends of bars, that give a scale
_LINES = 6  # that are tried as the base line
_MOST_BARS = 150
_EVEN = 0.03  # of the highest bar: less difference is none
_HIGHEST = 0.15  # of all that is drawn: the highest bar reaches at least so far
_AT_ZERO = 2.5  # points from the foot of the bars to the printed zero


def interpret(drawn: Drawn) -> Chart | None:
    """The chart that is drawn, or None where no kind of chart fits for sure."""
    drawn = replace(drawn, words=in_one_style(drawn.words))
    return pie(drawn) or _bars(drawn, drawn) or _turned(_bars(transposed(drawn), drawn)) or lines(drawn)


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
    scale = axis_beside(drawn.words, drawn, hull)
    words = without_ticks(drawn.words, scale)
    spans = [_span_of(group) for group in groups]
    categories = categories_below(words, spans, hull, drawn.error)
    if categories is None and hull.y1 > base:
        # Bars hang below the line: the names may stand at it.
        categories = categories_below(words, spans, hull._replace(y1=base), drawn.error)
    if categories is None or are_numbers(categories):
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
    return with_places(kind, drawn, hull, categories, series, scale)


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
    return Standing(bars, _columns(bars), hull_of([bar.box for bar in bars]))


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
        yield hull_of([curve.box for curve in curves]), True


def could_have_scale(drawn: Drawn) -> bool:
    """Do the numbers beside what is drawn give it a scale, or could some at its bars, not read yet?"""
    drawn = replace(drawn, words=in_one_style(drawn.words))
    for view in (drawn, transposed(drawn)):
        found = standing_of(view)
        few = found is not None and (found.stacked or len(found.bars) < _LEAST_LABELS)
        if found and (not few or axis_beside(view.words, view, found.hull)):
            return True
    curves = long_curves(drawn)
    return (
        bool(curves) and axis_beside(drawn.words, drawn, hull_of([curve.box for curve in curves])) is not None
    )


def _could_be_bars(bars: Sequence[Bar], drawn: Drawn) -> bool:
    """Marks of a line and samples of a legend stand on one line, too, but are low; the shaded cells of a
    table are all of one height.
    """
    if len(bars) < _LEAST_BARS:
        return False
    whole = hull_of([bar.box for bar in drawn.bars] + [curve.box for curve in drawn.curves] + drawn.rules)
    heights = [bar.box.height for bar in bars]
    differ = max(heights) - min(heights) > _EVEN * max(heights)
    return differ and max(heights) >= _HIGHEST * whole.height


def standing(drawn: Drawn) -> list[Bar]:
    """The filled rectangles that stand on (or hang from) the line on which most of them do, of one width.

    Those that stand upon one another belong to them.
    """
    if not drawn.bars or (drawn.precise and len(drawn.bars) > _MOST_BARS):
        return []
    whole = hull_of([bar.box for bar in drawn.bars])
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
    if label and agree(float(label.value), measured, scale):
        return Value(plain(label.value), bar.box, 0.99, printed=True)
    # Where a printed number disagrees, one of the two readings is wrong, and which is not known.
    confidence = min(trust, 0.6) if label else trust
    if bar.box.height < 6 * drawn.error:
        confidence = min(confidence, 0.6)
    return Value(rounded(measured, scale, drawn.error), bar.box, confidence)


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
