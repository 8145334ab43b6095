"""Drawings as shapes and words, without any file: what names what, and where a line's value is."""

import math

import pytest

from core.types import Box
from ingest.charts.axis import Scale
from ingest.charts.drawn import Bar, Curve, Drawn, Wedge
from ingest.charts.interpret import interpret
from ingest.words import Word

BLUE, RED = (40, 90, 170), (200, 60, 40)


def word(text: str, x: float, y: float, high: float = 10.0) -> Word:
    """Its middle at x, y."""
    wide = 0.6 * high * len(text)
    return Word(text, Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))


def upwards(text: str, x: float, y: float) -> Word:
    long = 6.0 * len(text)
    return Word(text, Box(x - 5, y - long / 2, x + 5, y + long / 2))


def lying(names: list[str], series: list[list[int]]) -> Drawn:
    """Bars of 2 points to the unit from x 100 on, categories from the top, the legend to the right."""
    words = [word(str(tick), 100 + 2 * tick, 40 + 60 * len(names)) for tick in (0, 25, 50, 75, 100)]
    bars = []
    for row, name in enumerate(names):
        top = 20 + 60 * row
        words.append(word(name, 70, top + 10 * len(series)))
        for at, (values, colour) in enumerate(zip(series, (BLUE, RED))):
            bars.append(Bar(Box(100, top + 20 * at, 100 + 2 * values[row], top + 20 * at + 20), colour))
    for at, (name, colour) in enumerate((("Retail", BLUE), ("Online", RED))[: len(series)]):
        bars.append(Bar(Box(320, 30 + 20 * at, 335, 38 + 20 * at), colour))
        words.append(word(name, 360, 34 + 20 * at))
    return Drawn(words, bars)


def test_the_title_of_an_axis_names_no_bar() -> None:
    drawn = lying(["North", "South", "East"], [[30, 80, 55]])
    drawn.words += [upwards("million", 45, 88), upwards("EUR", 45, 125)]
    chart = interpret(drawn)
    assert chart is not None
    assert [" ".join(one.text for one in name) for name in chart.categories] == ["North", "South", "East"]


def test_series_of_lying_bars_come_from_the_top_with_the_names_of_the_legend() -> None:
    chart = interpret(lying(["2014", "2015", "2016"], [[30, 80, 55], [60, 20, 90]]))
    assert chart is not None
    given = {one.name: [float(value.number) for value in one.values if value] for one in chart.series}
    assert list(given) == ["Retail", "Online"]
    assert given == {"Retail": [30, 80, 55], "Online": [60, 20, 90]}


def test_a_title_right_above_a_wedge_is_no_part_of_its_name() -> None:
    shares, names, radius, at = (0.3, 0.3, 0.4), ("2014", "2015", "2016"), 100.0, 0.1
    wedges, words = [], [word("Output", 160, 33, 12), word("by", 195, 33, 12), word("plant", 226, 33, 12)]
    for share, name in zip(shares, names, strict=True):
        turn = 2 * math.pi * (at + share / 2)
        at += share
        x, y = math.cos(turn), -math.sin(turn)
        wedges.append(Wedge(BLUE, share, (200, 160), (200 + x * radius / 2, 160 + y * radius / 2)))
        words.append(word(name, 200 + 1.12 * radius * x, 160 + 1.12 * radius * y))
    assert min(one.box.y0 for one in words[3:]) < 50  # the name of the first stands right under the title
    chart = interpret(Drawn(words, wedges=wedges))
    assert chart is not None
    assert [[one.text for one in name] for name in chart.categories] == [[name] for name in names]


@pytest.mark.parametrize("beside", [0.0, 2.0])
def test_the_value_of_a_line_of_pixels_is_the_corner_of_its_strokes(beside: float) -> None:
    """The middle of a thick line's pixels stays behind at a sharp corner; labels may stand a little beside."""
    values, step, thick = [10.0, 90.0, 15.0, 70.0, 40.0], 60.0, 3.0
    points = []
    for x in range(100, 100 + int(step) * 4 + 1):
        at, part = divmod((x - 100) / step, 1)
        start, end = values[int(at)], values[min(int(at) + 1, 4)]
        y = 300 - 2 * (start + (end - start) * part)
        near = min(part, 1 - part) * step
        inward = max(0.0, thick - near) * (1 if start + (end - start) * part > 50 else -1)
        points.append((float(x), y + inward))
    words = [word(name, 100 + step * at + beside, 330) for at, name in enumerate("ABCDE")]
    words += [word(str(tick), 60, 300 - 2 * tick) for tick in (0, 25, 50, 75, 100)]
    chart = interpret(Drawn(words, curves=[Curve(tuple(points), BLUE)], error=0.25, precise=False))
    assert chart is not None
    (series,) = chart.series
    assert [float(one.number) for one in series.values if one] == pytest.approx(values, abs=0.8)


def test_a_scale_tells_value_and_position() -> None:
    scale = Scale(-0.5, 150.0, "", 5, 0.0, ())
    assert scale.at(scale.position(42.0)) == pytest.approx(42.0)
