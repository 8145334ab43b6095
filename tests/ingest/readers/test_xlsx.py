"""Excel workbooks: tables as regions, merged cells, formats, hidden sheets, charts."""

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference

from core.errors import TooLarge, UnreadableFile
from core.types import Block, Content
from ingest.charts.office import chart_block
from ingest.limits import Limits
from ingest.readers import xlsx
from ingest.readers.cellformat import shown
from tests.ingest.readers.papers import nowhere


def read(folder: Path, workbook: Any, limits: Limits | None = None) -> Content:
    path = folder / "a.xlsx"
    workbook.save(path)
    return xlsx.read(path, nowhere, limits=limits or Limits())


def tables(content: Content, page: int = 0) -> list[Block]:
    return [block for block in content.pages[page].blocks if block.kind == "table"]


def sheet(*rows: list[Any]) -> Workbook:
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)
    return workbook


def test_a_table_has_its_range_its_title_and_exact_readings(tmp_path: Path) -> None:
    workbook = sheet(
        ["Revenue by region"], ["Region", 2022, 2023], ["North", 1200.5, 1300], ["Share", 0.4, 0.425]
    )
    for row in (3, 4):
        for column in ("B", "C"):
            workbook.active[f"{column}{row}"].number_format = "#,##0.00" if row == 3 else "0.0%"
    (table,) = tables(read(tmp_path, workbook))
    assert table.anchor == "Sheet!A1:C4"
    assert table.text.startswith("Revenue by region\nRegion | 2022 | 2023\n")
    assert table.rows[1:] == (("North", "1,200.50", "1,300.00"), ("Share", "40.0%", "42.5%"))
    found = [(one.attribute, one.period, one.value, one.unit, one.anchor) for one in table.readings]
    assert found == [
        ("North", "2022", "1200.5", "", "Sheet!B3"),
        ("North", "2023", "1300", "", "Sheet!C3"),
        ("Share", "2022", "40", "%", "Sheet!B4"),
        ("Share", "2023", "42.5", "%", "Sheet!C4"),
    ]


def test_merged_cells_stand_in_every_square_and_shift_nothing(tmp_path: Path) -> None:
    workbook = sheet(
        ["Item", "Sales", None], [None, "North", "South"], ["Tea", 5, 6], [None, 7, 8], ["Milk", 9, 10]
    )
    for cells in ("A1:A2", "B1:C1", "A3:A4"):
        workbook.active.merge_cells(cells)
    (table,) = tables(read(tmp_path, workbook))
    assert table.rows == (
        ("Item", "Sales", "Sales"),
        ("Item", "North", "South"),
        ("Tea", "5", "6"),
        ("Tea", "7", "8"),
        ("Milk", "9", "10"),
    )


def test_tables_side_by_side_and_below_each_other_are_told_apart(tmp_path: Path) -> None:
    workbook = sheet(
        ["Name", "Age", None, "City", "Size"], ["Ann", 30, None, "Rome", 3], ["Bob", 40, None, "Bonn", 1]
    )
    for row, cells in ((8, ("Tax", "Rate")), (9, ("low", 7)), (10, ("high", 19))):
        for column, value in enumerate(cells, 1):
            workbook.active.cell(row, column, value)
    assert [table.anchor for table in tables(read(tmp_path, workbook))] == [
        "Sheet!A1:B3",
        "Sheet!D1:E3",
        "Sheet!A8:B10",
    ]


def test_an_empty_column_or_row_inside_of_a_statement_does_not_part_it(tmp_path: Path) -> None:
    workbook = sheet(["Item", None, 2022, 2023], ["Sales", None, 5, 6], [None], ["Costs", None, 3, 4])
    (table,) = tables(read(tmp_path, workbook))
    assert table.rows == (("Item", "2022", "2023"), ("Sales", "5", "6"), ("Costs", "3", "4"))


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("[$¥-411]#,##0", "JPY"),
        ("[$￥-ja-JP]#,##0", "JPY"),
        ("[$¥-804]#,##0.00", "CNY"),
        ('"JP¥"#,##0', "JPY"),
        ('#,##0"円"', "JPY"),
        ("[$¥-409]#,##0", "¥"),  # the locale of no yen and no yuan
        ('"¥"#,##0', "¥"),
        ("[$$-409]#,##0", "USD"),
        ('"$"#,##0', "USD"),
        ("[$$-1009]#,##0", "CAD"),
        ("[$$-en-AU]#,##0", "AUD"),
        ("[$$-C04]#,##0", "HKD"),
        ("[$$-804]#,##0", "USD"),
        ("[$kr-41D] #,##0", "SEK"),
        ("#,##0 [$kr.-406]", "DKK"),
        ('#,##0 "kr"', "kr"),
        ('"Park "#,##0', ""),
    ],
)
def test_a_sign_that_currencies_share_is_told_apart_by_the_locale(code: str, unit: str) -> None:
    assert shown(1200, code).unit == unit


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("Revenue of Toyota, Japan", "JPY"),
        ("売上高（百万円）", "JPY"),
        ("Sales in 日元", "JPY"),
        ("营业收入 (万元)", "CNY"),
        ("Sales, RMB", "CNY"),
        ("Sales of China and Japan", ""),  # both: it settles nothing
        ("Sales, 公元 2024", ""),
        ("Sales", ""),
    ],
)
def test_else_by_the_words_of_the_sheet_or_not_at_all(tmp_path: Path, words: str, unit: str) -> None:
    workbook = sheet([words, 2023], ["North", 1200])
    workbook.active["B2"].number_format = '"¥"#,##0'
    (table,) = tables(read(tmp_path, workbook))
    assert table.rows[1] == ("North", "¥1,200")
    assert [reading.unit for reading in table.readings if reading.value == "1200"] == [unit]


def test_then_by_the_words_of_the_whole_workbook(tmp_path: Path) -> None:
    workbook = sheet(["Item", 2023], ["North", 1200])
    workbook.active["B2"].number_format = '#,##0 "kr"'
    workbook.create_sheet("About").append(["Figures of Volvo, Sweden"])
    (table,) = tables(read(tmp_path, workbook))
    assert [reading.unit for reading in table.readings] == ["SEK"]


CHART = """<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart><c:plotArea>
<c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx="0"><c:v>NAME</c:v></c:pt></c:strCache></c:strRef></c:tx>
<c:val><c:numRef><c:numCache><c:formatCode>"¥"#,##0</c:formatCode><c:pt idx="0"><c:v>1200</c:v></c:pt></c:numCache>
</c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"""


@pytest.mark.parametrize(
    ("name", "beside", "unit"),
    [("Sales (JPY)", "China", "JPY"), ("Sales", "China", "CNY"), ("Sales", "", "")],
)
def test_a_chart_tells_its_currency_or_what_stands_beside_it_does(name: str, beside: str, unit: str) -> None:
    block = chart_block(CHART.replace("NAME", name).encode(), anchor="chart 1", beside=beside)
    assert block is not None
    assert [(one.text, one.unit) for one in block.readings] == [("¥1,200", unit)]


def test_hidden_sheets_are_read_and_said_so(tmp_path: Path) -> None:
    workbook = sheet(["a", "b"], [1, 2])
    secret = workbook.create_sheet("My notes")
    secret.append(["kept", 3])
    secret.sheet_state = "veryHidden"
    content = read(tmp_path, workbook)
    assert content.meta["hidden_sheets"] == "My notes"
    heading, table = content.pages[1].blocks
    assert heading.text == "My notes (hidden sheet)"
    assert table.anchor == "'My notes'!A1:B1"


def test_dates_are_iso_and_formulas_without_a_result_are_told(tmp_path: Path) -> None:
    workbook = sheet(["Day", "Sum"], [date(2024, 3, 4), "=1+1"])
    content = read(tmp_path, workbook)
    assert "1 formulas of this sheet have no stored value" in content.pages[0].blocks[1].text
    assert tables(content)[0].rows[1][0] == "2024-03-04"


def test_a_large_sheet_is_cut_into_ranges_that_keep_the_names(tmp_path: Path) -> None:
    workbook = sheet(["name", "value"], *([f"item {number}", number] for number in range(2, 402)))
    found = tables(read(tmp_path, workbook))
    assert len(found) > 4
    assert {table.rows[0] for table in found} == {("name", "value")}
    seen = [row for table in found for row in table.rows[1:]]
    assert seen == [(f"item {number}", str(number)) for number in range(2, 402)]
    assert found[1].rows[1][0] == f"item {found[1].anchor.split('!A')[1].split(':')[0]}"


def test_of_a_chart_without_stored_values_nothing_is_made_up(tmp_path: Path) -> None:
    workbook = sheet(["Year", "Ducks"], ["2022", 7], ["2023", 9])
    chart = BarChart()
    chart.title = "Ducks seen"
    chart.add_data(Reference(workbook.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    chart.set_categories(Reference(workbook.active, min_col=1, min_row=2, max_row=3))
    workbook.active.add_chart(chart, "D2")
    # What openpyxl writes has no cached values: there is nothing to read, and nothing is made up.
    assert [table.anchor for table in tables(read(tmp_path, workbook))] == ["Sheet!A1:B3"]


@pytest.mark.parametrize(
    ("value", "code", "text", "exact", "unit"),
    [
        (0.125, "0.0%", "12.5%", "12.5", "%"),
        (-1234, "#,##0_);(#,##0)", "(1,234)", "-1234", ""),
        (1234567, '#,##0,"k"', "1,235k", "1234567", ""),
        (12.5, '"$"#,##0.00', "$12.50", "12.5", "USD"),
        (-3, "[$€-407] #,##0.00", "-€ 3.00", "-3", "EUR"),
        (0.1 + 0.2, "General", "0.3", "0.3", ""),
        (2.5, "#.##", "2.5", "2.5", ""),
        (-0.001, "0.0", "0.0", "-0.001", ""),
        (1e6, "0.00E+00", "1.00E+6", "1000000", ""),
        (True, "General", "TRUE", "", ""),
    ],
)
def test_a_value_is_shown_as_its_format_says(
    value: object, code: str, text: str, exact: str, unit: str
) -> None:
    assert shown(value, code) == (text, exact, unit)


def test_bombs_and_entities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    sheet(["a", 1]).save(path)
    assert load_workbook(path).sheetnames == ["Sheet"]
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/media/zeros.bin", bytes(20_000_000))
    with pytest.raises(TooLarge, match="times its size"):
        xlsx.read(path, nowhere, limits=Limits())
    with pytest.raises(TooLarge, match="at most 10 MB"):
        xlsx.read(path, nowhere, limits=Limits(archive_mb=10, archive_ratio=9_999))
    with pytest.raises(TooLarge, match="at most 3 are read"):
        xlsx.read(path, nowhere, limits=Limits(archive_entries=3))
    declared = tmp_path / "declared.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(declared, "w") as new:
        for name in old.namelist()[:-1]:
            data = old.read(name)
            bomb = b'<!DOCTYPE x [<!ENTITY a "ha">]>' if name == "xl/workbook.xml" else b""
            new.writestr(name, bomb + data)
    with pytest.raises(UnreadableFile, match="declares a document type"):
        xlsx.read(declared, nowhere, limits=Limits())


def test_a_workbook_without_a_value_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no sheet"):
        read(tmp_path, Workbook())
