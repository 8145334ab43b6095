"""What kinds of charts share: the axis beside them, the digits that a drawing can prove, the box that holds all."""

import math
import re
from collections.abc import Sequence
from operator import attrgetter

from core.types import Box
from ingest.charts.axis import Scale, fit, printed, side_numbers, snapped
from ingest.charts.chart import Chart, ChartKind, Method, Series
from ingest.charts.drawn import Drawn, middle
from ingest.charts.labels import Category, title_above
from ingest.words import Word

_YEAR = re.compile(r"(?:19|20)\d\d[AE]?|'?\d\d")
_AGREE_SHARE, _AGREE_POINTS = 0.02, 3.0


def method_of(drawn: Drawn) -> Method:
    return "chart-vector" if drawn.precise else "chart-raster"


def are_numbers(categories: Sequence[Category]) -> bool:
    """Amounts under the bars are a table; years and quarters are not amounts."""
    amounts = [
        category
        for category in categories
        if any(printed(word) for word in category.words)
        and not (len(category.words) == 1 and _YEAR.fullmatch(category.words[0].text))
        and not any(any(map(str.isalpha, word.text)) for word in category.words)
    ]
    return 2 * len(amounts) > len(categories)


def axis_beside(words: Sequence[Word], drawn: Drawn, hull: Box) -> Scale | None:
    """The scale of the numbers that stand in a column beside what is drawn."""
    level = sorted({middle(rule)[1] for rule in drawn.rules if rule.width > 2 * rule.height})
    found: list[Scale] = []
    beside = [word for word in words if word.box.x1 <= hull.x0 + 2 or word.box.x0 >= hull.x1 - 2]
    for group in side_numbers(beside, vertical=True):
        marks = [
            (snapped(position, level, 0.3 * number.box.height + 2 * drawn.error), number)
            for position, number in group
        ]
        scales = [
            fit(those, 0.6 + 1.5 * drawn.error, even=True)
            for those in ((marks,) if drawn.precise else (marks, group))
        ]
        # Pieces of a line beside a number look like ticks, too: where more fit without them, they are none.
        best = max((scale for scale in scales if scale), key=attrgetter("ticks"), default=None)
        found += [best] if best else []
    return max(found, key=lambda scale: (scale.ticks, -scale.residual), default=None)


def without_ticks(words: Sequence[Word], scale: Scale | None) -> list[Word]:
    ticks = set(scale.labels) if scale else set()
    return [word for word in words if word.box not in ticks]


def with_places(
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
        tuple(category.words for category in categories), series, method_of(drawn),
    )  # fmt: skip


def agree(label: float, measured: float, scale: Scale) -> bool:
    return abs(label - measured) <= max(_AGREE_SHARE * abs(label), _AGREE_POINTS * abs(scale.slope))


def rounded(value: float, scale: Scale, error: float) -> str:
    """To the digits that the drawing can prove."""
    resolution = abs(scale.slope) * max(error, 0.02)
    decade = math.log10(resolution)
    exponent = round(decade) if error < 0.1 else math.floor(decade)
    rounded = round(value, -exponent)
    return f"{rounded:.{max(0, -exponent)}f}" if exponent < 0 else f"{rounded:.0f}"


def plain(value: object) -> str:
    return f"{value:f}"
