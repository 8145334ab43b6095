"""Periods are read from English and Chinese text, and compared."""

from datetime import date

import pytest

from core.period import Period, find_periods, parse_period


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("FY2018", "2018"),
        ("FY18", "2018"),
        ("fiscal year 2021", "2021"),
        ("2024E", "2024"),
        ("2018", "2018"),
        ("Q3 2023", "2023-Q3"),
        ("Q3'22", "2022-Q3"),
        ("Q22023", "2023-Q2"),
        ("4Q19", "2019-Q4"),
        ("2021 Q2", "2021-Q2"),
        ("third quarter of 2023", "2023-Q3"),
        ("first quarter of fiscal 2024", "2024-Q1"),
        ("first quarter in the fiscal year 2024", "2024-Q1"),
        ("fiscal 2019 third quarter", "2019-Q3"),
        ("H1 2020", "2020-H1"),
        ("three months ended September 30, 2023", "2023-Q3"),
        ("quarter ended July 1, 2023", "2023-Q2"),
        ("nine months ended Sept 30, 2021", "2021-9M"),
        ("twelve months ended June 30, 2021", "2021"),
        ("year ended December 31, 2018", "2018"),
        ("fiscal year ended January 1, 2023", "2022"),
        ("March 2020", "2020-03"),
        ("March 5, 2020", "2020-03-05"),
        ("5 March 2020", "2020-03-05"),
        ("12/31/2006", "2006-12-31"),
        ("2022年", "2022"),
        ("2022年度", "2022"),
        ("ſep 30, 2024", "2024-09-30"),
        ("fıscal 2024", "2024"),
        ("二〇二二年第三季度", "2022-Q3"),
        ("2022年三季度", "2022-Q3"),
        ("2022年上半年", "2022-H1"),
        ("2022年前三个月", "2022-3M"),
        ("2022年12月31日", "2022-12-31"),
        ("2023年5月", "2023-05"),
    ],
)
def test_a_wording_is_read_as_its_period(text: str, label: str) -> None:
    period = parse_period(text)
    assert period is not None
    assert period.label == label


@pytest.mark.parametrize(
    "text", ["$2,018", "1,999.5", "2018%", "page 12", "12018", "20 18", "February 31, 2020"]
)
def test_numbers_that_only_look_like_years_are_no_periods(text: str) -> None:
    assert parse_period(text) is None


def test_overlapping_readings_give_the_longest() -> None:
    text = "in 2019, 2018 and the three months ended March 31, 2017"
    assert [item.period.label for item in find_periods(text)] == ["2019", "2018", "2017-Q1"]


def test_an_estimate_is_marked() -> None:
    assert parse_period("2024E") == Period("year", 2024, estimate=True)


def test_comparable_periods_go_back_a_year_or_a_quarter() -> None:
    quarter = Period("quarter", 2023, 1)
    assert quarter.before().label == "2022-Q1"
    assert quarter.preceding().label == "2022-Q4"
    leap = Period("date", 2024, ends=date(2024, 2, 29))
    assert leap.before().label == "2023-02-28"


def test_a_year_covers_its_quarters_and_the_wording_does_not_matter() -> None:
    year = Period("year", 2018)
    assert year.covers(Period("quarter", 2018, 3))
    assert not year.covers(Period("quarter", 2019, 3))
    ended = parse_period("year ended December 31, 2018")
    assert ended is not None
    assert year.same(ended)
