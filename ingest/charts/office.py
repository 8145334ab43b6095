"""Office chart XML (DrawingML charts of Word, PowerPoint and Excel) as a table with typed readings.

The values are those that the file caches beside the drawing: exact, whatever is drawn. What is not
read: the newer chart kinds of the namespace chartex (waterfall, treemap), styles, and trend lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from lxml import etree

from core.currency import settled
from core.types import Block, Box, Reading
from ingest.readers.cellformat import currency_of, shown
from ingest.readers.relations import parse
from ingest.readers.tabletext import table_block
from ingest.tables.numbers import is_period

Element = Any  # lxml comes without types

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_POINTS = ("scatterChart", "bubbleChart")
_NAMES = {
    "barChart": "bar chart",
    "bar3DChart": "bar chart",
    "lineChart": "line chart",
    "line3DChart": "line chart",
    "pieChart": "pie chart",
    "pie3DChart": "pie chart",
    "ofPieChart": "pie chart",
    "doughnutChart": "doughnut chart",
    "areaChart": "area chart",
    "area3DChart": "area chart",
    "scatterChart": "scatter chart",
    "bubbleChart": "bubble chart",
    "radarChart": "radar chart",
    "stockChart": "stock chart",
    "surfaceChart": "surface chart",
    "surface3DChart": "surface chart",
}


class _Point(NamedTuple):
    value: str
    text: str
    unit: str


class _Series(NamedTuple):
    """`categories` and `points` by index; `across` are the x values of a scatter chart."""

    name: str
    categories: Mapping[int, str]
    points: Mapping[int, _Point]
    across: Mapping[int, _Point]


def chart_block(data: bytes, *, anchor: str, box: Box | None = None, beside: object = "") -> Block | None:
    """The chart as a table: a row for each category, a column for each series. None where it has no value.

    `beside`: words (its `str`) that may tell which currency a sign is, where the chart's own do not.
    """
    root = parse(data)
    area = root.find(f".//{_C}plotArea")
    if area is None:
        return None
    kinds = [child for child in area if etree.QName(child).localname in _NAMES]
    series = [
        _series(one, number)
        for number, one in enumerate((one for kind in kinds for one in kind.iterfind(f"{_C}ser")), 1)
    ]
    series = [one for one in series if one.points]
    if not series:
        return None
    title = _words(root.find(f"{_C}chart/{_C}title"))
    axes = _axes(area)
    scatter = any(etree.QName(kind).localname in _POINTS for kind in kinds)
    rows = list(_scatter_rows(series) if scatter else _category_rows(series, axes.get("category", "")))
    readings = (
        _scatter_readings(series, title) if scatter else _readings(series, title, axes.get("value", ""))
    )
    named = dict.fromkeys(_NAMES[etree.QName(kind).localname] for kind in kinds)
    above = [f"Chart: {title or 'without a title'} ({', '.join(named)})"]
    above += [f"{kind.capitalize()} axis: {name}" for kind, name in axes.items() if name]
    block = table_block(rows, anchor=anchor, above="\n".join(above))
    return Block(
        "table",
        block.text,
        box,
        rows=block.rows,
        anchor=anchor,
        readings=tuple(
            Reading(
                attribute,
                value,
                text,
                settled(unit, block.text, beside),
                period,
                subject,
                method="chart-xml",
                box=box,
                anchor=anchor,
            )
            for attribute, value, text, unit, period, subject in readings
        ),
    )


def _series(element: Element, number: int) -> _Series:
    name = _series_name(element.find(f"{_C}tx")) or f"Series {number}"
    values = element.find(f"{_C}val")
    across = element.find(f"{_C}xVal")
    return _Series(
        name,
        _labels(element.find(f"{_C}cat")),
        _points(values if values is not None else element.find(f"{_C}yVal")),
        _points(across),
    )


def _series_name(element: Element | None) -> str:
    if element is None:
        return ""
    cached = [value.text or "" for value in element.iter(f"{_C}v")]
    return " ".join(" ".join(cached).split())


def _labels(element: Element | None) -> dict[int, str]:
    """The category of each point; of several levels the outer ones stand before the inner ones."""
    if element is None:
        return {}
    levels = element.findall(f".//{_C}lvl")
    if not levels:
        return {at: point.text if point.value else text for at, text, point in _cached(element)}
    inner, *outer = [{at: text for at, text, _ in _cached(level)} for level in levels]
    labels = {}
    for at in sorted(inner):
        # An outer label is written once, at the first point that it covers.
        over = [
            level[max((key for key in level if key <= at), default=-1)]
            for level in outer
            if any(key <= at for key in level)
        ]
        labels[at] = " ".join([*reversed(over), inner[at]])
    return labels


def _points(element: Element | None) -> dict[int, _Point]:
    if element is None:
        return {}
    return {at: point for at, _, point in _cached(element) if point.value}


def _cached(element: Element) -> Iterator[tuple[int, str, _Point]]:
    """(index, text as cached, its number if it is one) of each cached point."""
    number_cache = element.find(f".//{_C}numCache")
    code = element.findtext(f".//{_C}formatCode") or "General"
    numeric = number_cache is not None or element.find(f"{_C}numLit") is not None
    for point in element.iter(f"{_C}pt"):
        text = " ".join((point.findtext(f"{_C}v") or "").split())
        yield (
            int(point.get("idx") or 0),
            text,
            _number(text, point.get("formatCode") or code, numeric=numeric),
        )


def _number(text: str, code: str, *, numeric: bool) -> _Point:
    if not numeric:
        return _Point("", text, "")
    try:
        value = Decimal(text)
    except InvalidOperation:
        return _Point("", text, "")
    if not value.is_finite():
        return _Point("", text, "")
    cell = shown(float(value), code, exact=value)
    return _Point(cell.value, cell.text, cell.unit) if cell.value else _Point("", cell.text, "")


def _words(element: Element | None) -> str:
    if element is None:
        return ""
    rich = "".join(text.text or "" for text in element.iter(f"{_A}t"))
    cached = " ".join(value.text or "" for value in element.iter(f"{_C}v"))
    return " ".join((rich or cached).split())


def _axes(area: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, tags in (("category", ("catAx", "dateAx")), ("value", ("valAx",))):
        titles = [_words(axis.find(f"{_C}title")) for tag in tags for axis in area.iterfind(f"{_C}{tag}")]
        names = [title for title in titles if title]
        if names:
            found[kind] = ", ".join(names)
    return found


def _category_rows(series: Sequence[_Series], heading: str) -> Iterator[list[str]]:
    yield [heading, *(one.name for one in series)]
    for at, label in _categories(series).items():
        yield [label, *(one.points[at].text if at in one.points else "" for one in series)]


def _categories(series: Sequence[_Series]) -> dict[int, str]:
    """The label of each index that any series has a label or a value at."""
    every = sorted({at for one in series for at in (*one.categories, *one.points)})
    return {
        at: next((one.categories[at] for one in series if at in one.categories), str(at + 1)) for at in every
    }


def _scatter_rows(series: Sequence[_Series]) -> Iterator[list[str]]:
    yield ["Series", "x", "y"]
    for one in series:
        for at, point in one.points.items():
            yield [one.name, one.across[at].text if at in one.across else str(at + 1), point.text]


_Read = tuple[str, str, str, str, str, str]  # the fields of a Reading up to its subject


def _readings(series: Sequence[_Series], title: str, axis: str) -> Iterator[_Read]:
    """Attribute is the series, or the title of a chart of one; a category is a period or a subject."""
    labels = _categories(series)
    for one in series:
        attribute = title if len(series) == 1 and one.name.startswith("Series ") and title else one.name
        for at, point in one.points.items():
            label = labels[at]
            period, subject = (label, "") if is_period(label) else ("", label)
            yield attribute, point.value, point.text, point.unit or _axis_unit(axis), period, subject


def _scatter_readings(series: Sequence[_Series], title: str) -> Iterator[_Read]:
    for one in series:
        for at, point in one.points.items():
            across = one.across[at].text if at in one.across else str(at + 1)
            yield one.name or title, point.value, point.text, point.unit, "", f"x = {across}"


def _axis_unit(axis: str) -> str:
    """The unit that the title of the value axis names: "Share (%)", "USD"."""
    return "%" if "%" in axis else currency_of(axis)
