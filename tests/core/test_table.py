"""Rows of text as typed tables."""

from decimal import Decimal

import pytest

from core.table import Series, TypedTable, cell_quantity, read_table

SALES = [
    ["", "", "Years Ended September 30,", ""],
    ["", "2019", "2018", "2017"],
    ["Fixed Price", "$  1,452.4", "$  1,146.2", "$  1,036.9"],
    ["Other", "44.1", "56.7", "70.8"],
    ["Total sales", "$1,496.5", "$1,202.9", "$1,107.7"],
]


def series(table: TypedTable, label: str, section: str = "") -> Series:
    return next(item for item in table.series if item.label == label and section in item.section)


@pytest.mark.parametrize(
    ("printed", "value", "unit"),
    [
        ("$  1,452.4", "1452.4", ""),
        ("(1,234)", "-1234", ""),
        ("$(31.5)", "-31.5", ""),
        ("(35,569 )", "-35569", ""),
        ("—", "0", ""),
        ("- - %", "0", "%"),
        ("4.00%", "4.00", "%"),
        ("(3.5)%", "-3.5", "%"),
        ("785 (2)", "785", ""),
        ("nil", "0", ""),
        ("12.5 mg/dL", "12.5", "mg/dL"),
    ],
)
def test_a_cell_is_read_as_printed(printed: str, value: str, unit: str) -> None:
    quantity = cell_quantity(printed)
    assert quantity is not None
    assert quantity.value == Decimal(value)
    assert quantity.unit == unit


@pytest.mark.parametrize("printed", ["", "N/A", "see note 4", "Total"])
def test_words_are_no_quantity(printed: str) -> None:
    assert cell_quantity(printed) is None


def test_a_heading_over_several_columns_gives_each_its_period() -> None:
    table = read_table(SALES)
    assert table.periods == ("2019", "2018", "2017")
    other = series(table, "Other")
    assert {period: cell.raw for period, cell in other.cells.items()} == {
        "2019": "44.1",
        "2018": "56.7",
        "2017": "70.8",
    }
    assert series(table, "Total sales").is_total


def test_the_unit_is_taken_from_a_paragraph_that_states_it() -> None:
    assert read_table(SALES, ["Total net sales by contract type (in millions):"]).scale == 6
    assert read_table(SALES, ["Sales rose (by $1.2 billion) in the year."]).scale is None


def test_the_unit_is_inferred_where_prose_repeats_a_cell_with_its_scale() -> None:
    assert read_table(SALES, ["Total sales of $1,496.5 million were a record."]).scale == 6
    assert read_table(SALES, ["Total sales of $1,496.5 million; $1,202.9 thousand."]).scale is None


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("$'000", 3), ("(in millions)", 6), ("£m", 6), ("RMB'000", 3), ("人民币百万元", 6), ("万元", 4)],
)
def test_a_row_of_units_is_a_heading(unit: str, scale: int) -> None:
    table = read_table([["", "2019", "2018"], ["", unit, unit], ["Revenue", "5,100", "4,900"]])
    assert series(table, "Revenue").cells["2019"].quantity.scale == scale


def test_values_per_share_and_percentages_have_no_scale() -> None:
    rows = [
        ["(in millions, except per share)", "2019"],
        ["Revenue", "5"],
        ["Earnings per share", "1.2"],
        ["Margin %", "44"],
    ]
    table = read_table(rows)
    assert series(table, "Revenue").cells["2019"].quantity.scale == 6
    assert series(table, "Earnings per share").cells["2019"].quantity.scale == 0
    assert series(table, "Margin %").cells["2019"].quantity.unit == "%"


def test_a_row_without_values_opens_a_section() -> None:
    rows = [
        ["", "2019", "2018"],
        ["Americas:", "", ""],
        ["Sales", "5", "4"],
        ["Asia:", "", ""],
        ["Sales", "3", "2"],
    ]
    table = read_table(rows)
    assert table.sections == ("Americas", "Asia")
    assert series(table, "Sales", "Asia").cells["2019"].quantity.value == 3


def test_periods_may_stand_in_rows() -> None:
    table = read_table([["Fiscal year", "Sales", "Costs"], ["2019", "5", "4"], ["2018", "3", "2"]])
    sales = next(item for item in table.series if item.heading == "Sales")
    assert {period: cell.raw for period, cell in sales.cells.items()} == {"2019": "5", "2018": "3"}


def test_quarters_stay_apart_and_dates_of_one_a_year_become_years() -> None:
    quarters = read_table([["", "Q4 2019", "Q3 2019"], ["Sales", "5", "4"]])
    assert quarters.periods == ("2019-Q4", "2019-Q3")
    dates = read_table([["", "December 31, 2019", "December 31, 2018"], ["Cash", "5", "4"]])
    assert dates.periods == ("2019", "2018")


def test_a_remark_over_one_year_does_not_split_a_series() -> None:
    table = read_table([["", "2019", "2018 (Restated)"], ["Sales", "5", "4"]])
    assert set(series(table, "Sales").cells) == {"2019", "2018"}


def test_movements_between_two_dates_belong_to_the_second() -> None:
    rows = [
        ["", "Shares"],
        ["Nonvested at December 31, 2018", "100"],
        ["Granted", "30"],
        ["Nonvested at December 31, 2019", "130"],
    ]
    assert set(series(read_table(rows), "Granted").cells) == {"2019"}


def test_a_year_spaced_apart_and_a_short_year_are_years() -> None:
    assert read_table([["", "2 0 1 8", "F19"], ["Sales", "5", "4"]]).periods == ("2018", "2019")


@pytest.mark.parametrize("rows", [[], [[]], [[""]], [["a"]], [["", ""], ["x"]]])
def test_a_table_without_values_has_no_series(rows: list[list[str]]) -> None:
    assert read_table(rows).series == ()


def test_a_coupon_in_a_name_is_not_the_unit_of_its_row() -> None:
    table = read_table([["in millions", "2021", "2020"], ["2.300% Senior Notes", "500", "450"]])
    assert [cell.quantity.unit for cell in table.cells] == ["", ""]


def test_month_and_year_over_a_column_are_its_period() -> None:
    table = read_table([["", "12/09", "12/14"], ["S&P 500", "100.00", "205.14"]])
    assert [cell.period for cell in table.cells] == ["2009", "2014"]


def test_an_exception_over_a_column_is_not_its_unit() -> None:
    rows = [
        ["", "2019", "2018"],
        ["", "Amount", "Amount"],
        ["", "", "(In thousands, except percentages)"],
        ["Services", "243,053", "246,548"],
    ]
    cells = series(read_table(rows), "Services").cells
    assert [cell.quantity.unit for cell in cells.values()] == ["", ""]


def test_a_change_stands_beside_the_periods_and_a_footnote_is_no_heading() -> None:
    rows = [
        ["", "F19", "F18 (3)", "", "CHANGE"],
        ["$ MILLION", "53 WEEKS", "52 WEEKS", "CHANGE", "NORMALISED"],
        ["Sales", "8,657", "8,244", "5.0%", "3.2%"],
    ]
    found = series(read_table(rows), "Sales")
    assert {period: cell.raw for period, cell in found.cells.items()} == {"2019": "8,657", "2018": "8,244"}


def test_a_head_further_down_sets_the_period_for_the_rows_below_it() -> None:
    head = ["", "Amortized Cost", "Fair Value"]
    table = read_table(
        [
            ["", "As of December 31, 2019", ""], head, ["Bonds", "129", "126"], ["Total .", "229", "223"],
            ["", "As of December 31, 2018", ""], head, ["Bonds", "73", "87"], ["Total", "171", "179"],
        ]
    )  # fmt: skip
    read = {
        (item.label, item.heading): {key: cell.raw for key, cell in item.cells.items()}
        for item in table.series
    }
    assert read["Bonds", "Fair Value"] == {"2019": "126", "2018": "87"}
    assert read["Total", "Amortized Cost"] == {"2019": "229", "2018": "171"}


def test_a_row_of_years_further_down_is_no_row_of_values() -> None:
    table = read_table([["", "2019", "2018"], ["Sales", "1", "2"], ["", "2017", "2016"], ["Sales", "3", "4"]])
    assert {key: cell.raw for key, cell in table.series[0].cells.items()} == {
        "2019": "1",
        "2018": "2",
        "2017": "3",
        "2016": "4",
    }


def test_text_that_goes_on_in_the_next_row_is_no_head() -> None:
    table = read_table(
        [["", "2019", "2018"], ["Notional", "29", "77"], ["Maturity", "30/7/2021~", "28/6/2019~"], ["", "11/4/2024", "8/12/2023"],
         ["Rate", "2.10%", "1.60%"]]
    )  # fmt: skip
    assert set(series(table, "Rate").cells) == {"2019", "2018"}


def test_quarters_are_those_of_the_year_over_them() -> None:
    by_rows = read_table(
        [["", "High"], ["2019:", ""], ["Fourth Quarter", "11.44"], ["Third Quarter", "14.96"]]
    )
    assert set(by_rows.series[0].cells) == {"2019-Q4", "2019-Q3"}
    by_columns = read_table(
        [
            ["", "", "Fiscal 2019", ""],
            ["", "First", "Second", ""],
            ["", "Quarter", "Quarter", "Total"],
            ["Revenues", "94", "96", "363"],
        ]
    )
    assert by_columns.periods == ("2019-Q1", "2019-Q2", "2019")


def test_a_percent_sign_alone_over_a_column_is_its_unit() -> None:
    table = read_table([["", "2019", "2018"], ["", "%", "%"], ["Discount rate", "2.9", "3.8"]])
    assert {cell.quantity.unit for cell in table.cells} == {"%"}


def test_a_heading_does_not_reach_over_a_column_that_repeats_one_of_its_own() -> None:
    table = read_table(
        [
            ["", "", "Net additions", ""],
            ["", "August 31, 2019", "August 31, 2019", "August 31, 2018"],
            ["Customers", "446,137", "21,189", "21,417"],
        ]
    )
    read = {item.heading: {key: cell.raw for key, cell in item.cells.items()} for item in table.series}
    assert read == {"": {"2019": "446,137"}, "Net additions": {"2019": "21,189", "2018": "21,417"}}
