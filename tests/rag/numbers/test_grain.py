"""Which year, quarter, month or day a question asks for, and in which of them a date lies."""

import pytest

from rag.numbers.grain import are_daily, grain_asked, in_grain


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("In which year was the rate highest?", "2022"),
        ("In which quarter was the rate lowest?", "2022-Q2"),
        ("In what months did the rate exceed 3?", "2022-06"),
        ("On which date was the rate highest?", "2022-06-05"),
        ("哪一年的汇率最高？", "2022"),
        ("When was the rate highest?", "2022-06-05"),
    ],
)
def test_a_date_is_told_in_the_grain_that_is_asked(question: str, label: str) -> None:
    assert in_grain("2022-06-05", grain_asked(question)) == label


def test_a_year_is_no_finer_than_a_month() -> None:
    assert in_grain("2022", "month") == "2022"


def test_days_of_a_long_series_are_daily_and_ends_of_quarters_are_not() -> None:
    assert are_daily([f"2022-01-{day:02}" for day in range(1, 32)])
    assert not are_daily(["2022-03-31", "2022-06-30", "2022-09-30", "2022-12-31"])
