"""The chart with its values, and the table block that is made of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.types import Block, Box, Reading, Span
from ingest.words import Word

ChartKind = Literal["bars", "horizontal bars", "stacked bars", "lines", "pie"]
Method = Literal["chart-vector", "chart-raster"]

SURE = 0.9  # a value of at least this confidence may be relied on


@dataclass(frozen=True, slots=True)
class Value:
    """`number` is exact decimal text; `box` is the bar, point or wedge that shows it. `printed`: the
    number stands beside it in the chart, and geometry agrees.
    """

    number: str
    box: Box
    confidence: float
    printed: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """`values` has one entry for each category; None where the chart shows none."""

    name: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` and `categories` are words of the chart, in reading order."""

    kind: ChartKind
    box: Box
    title: tuple[Word, ...]
    unit: str
    categories: tuple[tuple[Word, ...], ...]
    series: tuple[Series, ...]
    method: Method

    @property
    def title_text(self) -> str:
        return " ".join(word.text for word in self.title)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(" ".join(word.text for word in words) for words in self.categories)


def moved(chart: Chart, right: float, down: float) -> Chart:
    """The chart of a picture, where the picture stands on its page; in points."""

    def place(box: Box) -> Box:
        return Box(box.x0 + right, box.y0 + down, box.x1 + right, box.y1 + down)

    def placed(words: Sequence[Word]) -> tuple[Word, ...]:
        return tuple(word._replace(box=place(word.box)) for word in words)

    return replace(
        chart,
        box=place(chart.box),
        title=placed(chart.title),
        categories=tuple(placed(words) for words in chart.categories),
        series=tuple(
            replace(
                one,
                values=tuple(value and replace(value, box=place(value.box)) for value in one.values),
            )
            for one in chart.series
        ),
    )


def block_of(chart: Chart, page: int, image: str | None = None) -> Block:
    """A table of the values: its last lines are the rows, each cell's words lead to their place.

    A number that was measured leads to its bar or point.
    """
    pieces: list[str] = []
    spans: list[Span] = []

    def add(text: str, boxes: Sequence[tuple[str, Box]] = ()) -> None:
        start = sum(map(len, pieces))
        for word, box in boxes:
            at = text.index(word, max(0, spans[-1].end - start) if spans and spans[-1].end > start else 0)
            spans.append(Span(start + at, start + at + len(word), page, box))
        pieces.append(text)

    if chart.title:
        add(chart.title_text, [(word.text, word.box) for word in chart.title])
        add("\n")
    header = ("", *(series.name or "value" for series in chart.series))
    add(" | ".join(header))
    for at, (name, words) in enumerate(zip(chart.names, chart.categories, strict=True)):
        add("\n")
        add(name, [(word.text, word.box) for word in words])
        for series in chart.series:
            value = series.values[at]
            add(" | ")
            if value:
                add(value.number, [(value.number, value.box)])
    rows = (
        header,
        *(
            (
                name,
                *(value.number if value else "" for value in (series.values[at] for series in chart.series)),
            )
            for at, name in enumerate(chart.names)
        ),
    )
    return Block(
        "table", "".join(pieces), chart.box, tuple(spans), rows=rows, image=image,
        readings=tuple(_readings(chart)),
    )  # fmt: skip


def _readings(chart: Chart) -> Iterator[Reading]:
    title = chart.title_text
    for series in chart.series:
        for name, value in zip(chart.names, series.values, strict=True):
            if value:
                yield Reading(
                    attribute=series.name or title,
                    value=value.number,
                    text=value.number if value.printed else f"about {value.number}",
                    unit=chart.unit,
                    period=name if _is_period(name) else "",
                    subject="" if _is_period(name) else name,
                    method=chart.method,
                    confidence=value.confidence,
                    box=value.box,
                )


def _is_period(name: str) -> bool:
    from ingest.tables.numbers import is_period

    return is_period(name)
