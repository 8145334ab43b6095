"""The values that a passage prints: cells by their headings, amounts of sentences by their clause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.values import Value, values_of


def told(text: str, *, is_table: bool = False, heading: str = "") -> list[tuple[str, str, str, str]]:
    return [
        (each.raw, each.name, each.period, each.kind)
        for each in values_of(text, is_table=is_table, heading=heading)
    ]


def test_a_rise_and_the_level_that_it_leads_to() -> None:
    assert told("Revenue rose 12 % to $5.2 billion in 2025 from $4.6 billion in 2024.") == [
        ("12 %", "Revenue", "2025", "change"),
        ("$5.2 billion", "Revenue", "2025", "amount"),
        ("$4.6 billion", "Revenue", "2024", "amount"),
    ]


def test_chinese_clauses() -> None:
    found = told("2025年营业收入为52亿元，同比增长12%。")
    assert found == [("52亿元", "营业收入", "2025", "amount"), ("12%", "营业收入", "2025", "change")]


def test_amounts_align_with_the_years_in_order() -> None:
    found = told("Expense was $5 million and $4 million in 2019 and 2018, respectively.")
    assert [(raw, period) for raw, _, period, _ in found] == [("$5 million", "2019"), ("$4 million", "2018")]


def test_cells_take_unit_and_period_from_what_stands_over_them() -> None:
    (value,) = values_of("Table 3, 2024\nin millions | Revenue\nOcean | 186.2", is_table=True)
    assert (value.name, value.period, value.quantity.scale) == ("Ocean, Revenue", "2024", 6)


@pytest.mark.parametrize(
    ("heading", "period"),
    [("Report 2025 > Where we started: 2024", "2024"), ("Report 2025 > 2023 and 2024", "")],
)
def test_the_innermost_heading_with_a_period_counts(heading: str, period: str) -> None:
    assert [each[2] for each in told("The margin was 38%.", heading=heading)] == [period]


def test_numbers_of_notes_and_pages_are_no_values() -> None:
    assert told("See note 12 on page 7 of section 3, years ended December 31.") == []


@given(st.text(alphabet="Revenue was $5.2% (12) 2024年增长|\n,.", max_size=120), st.booleans())
def test_every_value_stands_where_it_says(text: str, is_table: bool) -> None:
    for value in values_of(text, is_table=is_table):
        assert isinstance(value, Value)
        assert 0 <= value.unit_start <= value.start < value.end <= value.unit_end <= len(text)


def test_times_of_the_day_and_codes_of_tests_are_no_amounts() -> None:
    text = "Bilirubin (58941-6) was 9.7 mg/dL on 2016-01-04T20:18:00+02:00, and 8 mg/dL at 7:30 that evening."
    assert [raw for raw, _, _, _ in told(text)] == ["9.7 mg/dL", "8 mg/dL"]
    assert [raw for raw, _, _, _ in told("A ratio of 3:1 and a range of (1-5) points.")] == [
        "3",
        "1",
        "(1",
        "5)",
    ]
