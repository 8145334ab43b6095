"""A table passage read back."""

from hypothesis import given
from hypothesis import strategies as st

from rag.grid import read_grid

MARGINS = """\
Segment results, in millions
 | 2024 | 2025
Flow Metering |  |
Revenue | $ 410.2 | $ 398.0
Gross margin | 38.1 % | 35.4 %
Sensing |  |
Gross margin | 29.0 % | 30.2 %"""


def test_values_stand_under_their_headings() -> None:
    rows = read_grid(MARGINS).rows
    assert [(row.label, row.section) for row in rows] == [
        ("Revenue", "Flow Metering"),
        ("Gross margin", "Flow Metering"),
        ("Gross margin", "Sensing"),
    ]
    assert [(cell.column, cell.text) for cell in rows[1].cells] == [("2024", "38.1 %"), ("2025", "35.4 %")]


def test_the_scale_is_read_from_the_head() -> None:
    assert read_grid(MARGINS).scale == "in millions"


def test_rows_and_cells_know_where_they_stand() -> None:
    for row in read_grid(MARGINS).rows:
        assert MARGINS[row.start : row.end].startswith(row.label)
        for cell in row.cells:
            assert MARGINS[cell.start : cell.end] == cell.text


def test_a_heading_over_several_columns_reaches_all_of_them() -> None:
    text = " | Years ended March 31, | \n | 2019 | 2018\nSales | 5 | 4"
    (row,) = read_grid(text).rows
    assert [cell.column for cell in row.cells] == ["Years ended March 31, 2019", "Years ended March 31, 2018"]


def test_a_list_of_properties_has_no_heading() -> None:
    rows = read_grid("Model | DL-4\nDepth | 300 m\nWeight | 1.2 kg").rows
    assert [(row.label, row.cells[0].text, row.cells[0].column) for row in rows] == [
        ("Model", "DL-4", ""),
        ("Depth", "300 m", ""),
        ("Weight", "1.2 kg", ""),
    ]


def test_the_columns_of_a_laboratory_table_are_named() -> None:
    text = "Test | Result | Unit | Reference\nCreatinine | 1.8 | mg/dL | 0.6-1.2"
    (row,) = read_grid(text).rows
    assert [cell.column for cell in row.cells] == ["Result", "Unit", "Reference"]


def test_a_sign_printed_apart_goes_with_its_number() -> None:
    (row,) = read_grid("Revenue | $ | 5.2 | 12 | %").rows
    assert [cell.text for cell in row.cells] == ["$5.2", "12%"]


def test_a_note_below_the_rows_is_a_row_of_words() -> None:
    rows = read_grid("Sales | 5 | 4\n(1) Sales include the sale of spare parts.").rows
    assert rows[-1].label == "(1) Sales include the sale of spare parts."


@given(st.text(alphabet="ab1 |\n$%年.", max_size=120))
def test_every_cell_lies_in_the_text(text: str) -> None:
    for row in read_grid(text).rows:
        assert 0 <= row.start < row.end <= len(text)
        for cell in row.cells:
            assert row.start <= cell.start < cell.end <= row.end
