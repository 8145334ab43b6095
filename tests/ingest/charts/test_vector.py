"""Charts as a drawing library makes them, read from the PDF by the reader that serves users."""

from pathlib import Path

import pytest
from reportlab.graphics import renderPDF
from reportlab.graphics.charts.barcharts import HorizontalBarChart, VerticalBarChart
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.charts.piecharts import Pie
from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib import colors

from core.types import Block
from ingest.limits import Limits
from ingest.readers import pdf

REGIONS = ["North", "South", "East", "West"]
SHADES = [colors.steelblue, colors.orange, colors.seagreen]


def charts(path: Path, *parts: object) -> list[Block]:
    drawing = Drawing(420, 300)
    for part in parts:
        drawing.add(part)
    renderPDF.drawToFile(drawing, str(path))
    content = pdf.read(path, lambda _: "image", limits=Limits())
    return [block for block in content.pages[0].blocks if block.readings]


def bars(
    kind: type, data: list[tuple[float, ...]], style: str = "parallel", least: float | None = 0
) -> object:
    chart = kind()
    chart.x, chart.y, chart.width, chart.height = 70, 50, 300, 170
    chart.data, chart.categoryAxis.categoryNames, chart.categoryAxis.style = data, REGIONS, style
    chart.valueAxis.valueMin = least
    for index in range(len(data)):
        chart.bars[index].fillColor = SHADES[index]
    return chart


def test_upright_bars_give_their_values_with_the_bar_as_their_place(tmp_path: Path) -> None:
    (chart,) = charts(tmp_path / "a.pdf", bars(VerticalBarChart, [(13, 25, 31, 7)]))
    assert [(row[0], float(row[1])) for row in chart.rows[1:]] == list(
        zip(REGIONS, [13, 25, 31, 7], strict=True)
    )
    north = chart.readings[0]
    assert (north.subject, north.method) == ("North", "chart-vector")
    assert north.confidence > 0.9
    assert north.box is not None
    # the axis ends at the largest value, 170 points high
    assert north.box.height == pytest.approx(13 / 31 * 170, abs=0.5)
    for span in chart.spans:
        assert chart.text[span.start : span.end].strip()


def test_lying_bars_are_read_from_the_top(tmp_path: Path) -> None:
    (chart,) = charts(tmp_path / "a.pdf", bars(HorizontalBarChart, [(13, 25, 31, 7)]))
    assert [row[0] for row in chart.rows[1:]] == REGIONS[::-1]
    assert [float(row[1]) for row in chart.rows[1:]] == [7, 31, 25, 13]


def test_bars_upon_bars_are_stacked(tmp_path: Path) -> None:
    data: list[tuple[float, ...]] = [(13, 25, 31, 7), (5, 10, 12, 20)]
    (chart,) = charts(tmp_path / "a.pdf", bars(VerticalBarChart, data, "stacked"))
    assert [tuple(map(float, column)) for column in list(zip(*chart.rows[1:], strict=True))[1:]] == data


def test_bars_side_by_side_take_their_names_from_the_legend(tmp_path: Path) -> None:
    data: list[tuple[float, ...]] = [(13, 25, 31, 7), (5, 10, 12, 20)]
    legend = [
        part
        for index, name in enumerate(("Revenue", "Cost"))
        for part in (
            Rect(300, 246 - 14 * index, 14, 8, fillColor=SHADES[index], strokeColor=None),
            String(320, 246 - 14 * index, name, fontSize=9),
        )
    ]
    (chart,) = charts(tmp_path / "a.pdf", bars(VerticalBarChart, data), *legend)
    assert chart.rows[0] == ("", "Revenue", "Cost")
    assert [reading.attribute for reading in chart.readings] == ["Revenue"] * 4 + ["Cost"] * 4
    assert [float(reading.value) for reading in chart.readings] == [13, 25, 31, 7, 5, 10, 12, 20]


def test_a_bar_that_hangs_is_negative(tmp_path: Path) -> None:
    (chart,) = charts(tmp_path / "a.pdf", bars(VerticalBarChart, [(13, -5, 31, 7)], least=None))
    assert [float(row[1]) for row in chart.rows[1:]] == [13, -5, 31, 7]


def test_two_lines_over_years(tmp_path: Path) -> None:
    lines = HorizontalLineChart()
    lines.x, lines.y, lines.width, lines.height = 70, 50, 300, 170
    lines.data = [(13, 25, 31, 7), (5, 10, 12, 20)]
    lines.categoryAxis.categoryNames = ["2019", "2020", "2021", "2022"]
    lines.lines[0].strokeColor, lines.lines[1].strokeColor = colors.red, colors.blue
    (chart,) = charts(tmp_path / "a.pdf", lines)
    assert [reading.period for reading in chart.readings[:4]] == ["2019", "2020", "2021", "2022"]
    assert [float(reading.value) for reading in chart.readings] == [13, 25, 31, 7, 5, 10, 12, 20]


def test_a_pie_gives_shares(tmp_path: Path) -> None:
    pie = Pie()
    pie.x, pie.y, pie.width, pie.height = 120, 40, 160, 160
    pie.data, pie.labels, pie.sideLabels = [40, 30, 20, 10], ["Cars", "Trucks", "Parts", "Other"], 0
    for index, shade in enumerate((colors.red, colors.blue, colors.green, colors.orange)):
        pie.slices[index].fillColor = shade
    (chart,) = charts(tmp_path / "a.pdf", pie)
    assert {row[0]: float(row[1]) for row in chart.rows[1:]} == {
        "Cars": 40,
        "Trucks": 30,
        "Parts": 20,
        "Other": 10,
    }
    assert {reading.unit for reading in chart.readings} == {"%"}


def test_bars_without_any_scale_give_no_value(tmp_path: Path) -> None:
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 70, 50, 300, 170
    chart.data, chart.categoryAxis.categoryNames = [(13, 25, 31, 7)], REGIONS
    chart.valueAxis.visible = False
    assert charts(tmp_path / "a.pdf", chart) == []


def test_a_table_with_shaded_rows_is_no_chart(tmp_path: Path) -> None:
    parts: list[object] = []
    for row in range(8):
        y = 220 - 20 * row
        if row % 2:
            parts.append(Rect(60, y - 5, 300, 18, fillColor=colors.lightblue, strokeColor=None))
        parts += [
            String(65, y, f"Item {row}"),
            String(250, y, str(100 + row)),
            String(320, y, str(200 - row)),
        ]
    assert charts(tmp_path / "a.pdf", *parts) == []
