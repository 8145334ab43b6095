"""PowerPoint files: slides as pages, notes, merged cells, charts, hidden slides."""

from pathlib import Path
from typing import Any

import pptx as library
import pytest
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Pt

from core.errors import UnreadableFile
from core.types import Box, Content
from ingest.limits import Limits
from ingest.readers import pptx
from tests.ingest.readers.papers import nowhere

# The library's own annotations are partial.
category_data: Any = CategoryChartData
point_data: Any = XyChartData
PLACE = (Pt(100), Pt(120), Pt(300), Pt(200))


def read(folder: Path, presentation: Any) -> Content:
    path = folder / "a.pptx"
    presentation.save(path)
    return pptx.read(path, nowhere, limits=Limits())


def slide(presentation: Any, title: str) -> Any:
    added = presentation.slides.add_slide(presentation.slide_layouts[5])
    added.shapes.title.text = title
    return added


def test_a_slide_is_a_page_with_boxes_notes_and_its_title_first(tmp_path: Path) -> None:
    presentation = library.Presentation()
    first = slide(presentation, "Results")
    first.shapes.add_textbox(*PLACE).text_frame.text = "Sales rose."
    first.notes_slide.notes_text_frame.text = "Say it slowly."
    hidden = slide(presentation, "Spare")
    hidden.element.set("show", "0")
    content = read(tmp_path, presentation)
    assert [(block.kind, block.text, block.anchor) for block in content.pages[0].blocks] == [
        ("heading", "Results", "slide 1"),
        ("text", "Sales rose.", "slide 1"),
        ("text", "Notes: Say it slowly.", "notes of slide 1"),
    ]
    assert content.pages[0].blocks[1].box == Box(100, 120, 400, 320)
    assert content.pages[0].width == 720
    assert content.pages[1].blocks[0].anchor == "slide 2 (hidden)"
    assert content.meta["hidden_slides"] == "2"


def test_merged_cells_stand_in_every_square(tmp_path: Path) -> None:
    presentation = library.Presentation()
    table = slide(presentation, "Table").shapes.add_table(2, 3, *PLACE).table
    for number, text in enumerate(["Region", "", "Sum", "North", "South", "9"]):
        table.cell(number // 3, number % 3).text = text
    table.cell(0, 0).merge(table.cell(0, 1))
    found = read(tmp_path, presentation).pages[0].blocks[1]
    assert found.rows == (("Region", "Region", "Sum"), ("North", "South", "9"))
    assert found.box == Box(100, 120, 400, 320)
    assert [mark.detail for mark in found.marks] == ["row 1", "row 2"]


def test_what_stands_in_a_group_has_its_own_box(tmp_path: Path) -> None:
    presentation = library.Presentation()
    group = slide(presentation, "Group").shapes.add_group_shape()
    for number, words in enumerate(["left", "right"]):
        group.shapes.add_textbox(Pt(100 + 200 * number), Pt(100), Pt(100), Pt(50)).text_frame.text = words
    # Moved and halved as a whole: its own lengths stay what they were.
    group.left, group.top, group.width, group.height = Pt(50), Pt(200), Pt(150), Pt(25)
    found = {block.text: block.box for block in read(tmp_path, presentation).pages[0].blocks[1:]}
    assert found == {"left": Box(50, 200, 100, 225), "right": Box(150, 200, 200, 225)}


def test_the_values_of_a_chart_are_read_with_series_category_and_unit(tmp_path: Path) -> None:
    data = category_data(number_format="0.0%")
    data.categories = ["2022", "2023"]
    data.add_series("Margin", (0.125, 0.2))
    data.add_series("Growth", (None, -0.05))
    presentation = library.Presentation()
    frame = slide(presentation, "Charts").shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data)
    frame.chart.has_title = True
    frame.chart.chart_title.text_frame.text = "Margin and growth"
    table = read(tmp_path, presentation).pages[0].blocks[1]
    assert table.text.startswith("Chart: Margin and growth (bar chart)\n")
    assert table.rows == (("", "Margin", "Growth"), ("2022", "12.5%", ""), ("2023", "20.0%", "-5.0%"))
    assert [(one.attribute, one.period, one.value, one.unit) for one in table.readings] == [
        ("Margin", "2022", "12.5", "%"),
        ("Margin", "2023", "20", "%"),
        ("Growth", "2023", "-5", "%"),
    ]
    assert {(one.method, one.confidence) for one in table.readings} == {("chart-xml", 1.0)}


def test_a_scatter_chart_keeps_both_numbers_of_a_point(tmp_path: Path) -> None:
    data = point_data()
    series = data.add_series("Trial")
    series.add_data_point(1.5, 20)
    series.add_data_point(2.5, 30)
    presentation = library.Presentation()
    slide(presentation, "Points").shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *PLACE, data)
    table = read(tmp_path, presentation).pages[0].blocks[1]
    assert table.rows[1:] == (("Trial", "1.5", "20"), ("Trial", "2.5", "30"))


def test_an_empty_presentation_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no text"):
        read(tmp_path, library.Presentation())
