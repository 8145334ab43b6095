"""Exact programs over operands."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quantity import Quantity
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Refused


def operand(value: str, unit: str = "", scale: int = 0, currency: str = "", row: str = "") -> Operand:
    decimals = len(value.partition(".")[2])
    return Operand(Quantity(Decimal(value), scale, unit, currency, decimals), raw=value, row=row)


def derived(outcome: calc.Outcome) -> Derived:
    assert isinstance(outcome, Derived), outcome
    return outcome


def test_two_percentages_differ_by_percentage_points() -> None:
    outcome = derived(calc.subtract(operand("15.4", "%"), operand("12.1", "%")))
    assert outcome.derivation == "(15.4% - 12.1%) = 3.3 percentage points"
    assert outcome.quantity.value == Decimal("3.3")
    assert [item.raw for item in outcome.operands] == ["15.4", "12.1"]


def test_scales_are_brought_together_before_adding() -> None:
    outcome = derived(calc.add([operand("1.5", scale=9), operand("500", scale=6)]))
    assert outcome.quantity.amount == Decimal(2000000000)
    assert outcome.quantity.scale == 9


def test_units_that_convert_are_converted() -> None:
    outcome = derived(calc.add([operand("1", "g/L"), operand("50", "mg/dL")]))
    assert outcome.quantity.amount == Decimal("1.5")
    assert outcome.quantity.unit == "g/L"


def test_units_that_do_not_convert_are_refused_with_both_named() -> None:
    outcome = calc.subtract(operand("5", "mg"), operand("5", "mL"))
    assert isinstance(outcome, Refused)
    assert outcome.why == "units"
    assert "mL" in outcome.reason()
    assert "mg" in outcome.reason("zh")


def test_currencies_are_not_mixed() -> None:
    open_ = calc.subtract(operand("5", currency="¥"), operand("5", currency="CNY"))
    assert isinstance(open_, Refused)
    assert "exchange rate (¥: CNY / JPY, CNY)" in open_.reason()
    outcome = calc.add([operand("5", currency="USD"), operand("5", currency="EUR")])
    assert outcome == Refused("currencies", "USD, EUR")


@pytest.mark.parametrize("program", [calc.divide, calc.share, calc.percentage_change])
def test_a_division_by_zero_is_refused_and_names_what_is_zero(program: calc.Program) -> None:
    outcome = program(operand("5"), operand("0", row="Goodwill"))
    assert isinstance(outcome, Refused)
    assert outcome.reason() == "This cannot be computed: Goodwill is zero and would be divided by."


def test_a_percentage_change_shows_its_operands() -> None:
    outcome = derived(calc.percentage_change(operand("44.1", scale=6), operand("56.7", scale=6)))
    assert calc.rounded(outcome.quantity.value, 2) == Decimal("-22.22")
    assert outcome.derivation == "(44.1 million - 56.7 million) / 56.7 million = -22.22%"


def test_a_negative_base_is_shown_in_brackets() -> None:
    outcome = derived(calc.percentage_change(operand("5"), operand("-10")))
    assert outcome.derivation == "(5 - (-10)) / (-10) = -150.00%"


def test_the_mean_keeps_the_unit() -> None:
    outcome = derived(calc.average([operand("1", scale=3), operand("2", scale=3)]))
    assert outcome.quantity == Quantity(Decimal("1.5"), 3, decimals=1)


def test_a_ratio_of_amounts_has_no_unit_and_a_share_is_in_percent() -> None:
    assert (
        derived(calc.divide(operand("1", currency="USD"), operand("4", currency="USD"))).quantity.unit == ""
    )
    assert derived(calc.share(operand("1"), operand("4"))).quantity == Quantity(
        Decimal(25), unit="%", decimals=2
    )


def test_a_share_of_an_amount_is_an_amount() -> None:
    outcome = derived(calc.multiply(operand("50", "%"), operand("8", currency="USD", scale=6)))
    assert outcome.quantity.amount == Decimal(4000000)
    assert outcome.quantity.currency == "USD"


def test_two_amounts_with_units_are_not_multiplied() -> None:
    assert isinstance(calc.multiply(operand("2", currency="USD"), operand("3", "mg")), Refused)


def test_the_compound_growth_rate_of_a_doubling_in_one_year_is_a_hundred_percent() -> None:
    assert derived(calc.growth_rate(operand("2"), operand("1"), 1)).quantity.value == Decimal(100)
    three = derived(calc.growth_rate(operand("133.1"), operand("100"), 3)).quantity.value
    assert calc.rounded(three, 10) == Decimal(10)


def test_a_growth_rate_without_a_span_or_below_zero_is_not_defined() -> None:
    assert isinstance(calc.growth_rate(operand("2"), operand("1"), 0), Refused)
    assert isinstance(calc.growth_rate(operand("2"), operand("-1"), 2), Refused)


def test_the_greater_is_told_across_scales() -> None:
    assert calc.greater(operand("1", scale=9), operand("999", scale=6)) is True
    assert isinstance(calc.greater(operand("1", "mg"), operand("1", "mL")), Refused)


def test_days_are_counted_over_a_leap_day() -> None:
    assert calc.days_between(date(2024, 2, 28), date(2024, 3, 1)) == 2
    assert calc.days_between(date(2024, 3, 1), date(2024, 2, 28)) == -2


def test_conversion_is_a_program_too() -> None:
    assert derived(calc.convert_to(operand("0.9", "mg/dL"), "mg/L")).quantity.amount == Decimal(9)
    assert isinstance(calc.convert_to(operand("1", "mg"), "mL"), Refused)


def test_nothing_to_add_is_refused() -> None:
    assert isinstance(calc.add([]), Refused)


decimals = st.decimals(min_value=-(10**9), max_value=10**9, places=3, allow_nan=False)


@given(decimals, decimals)
def test_a_difference_added_back_gives_the_minuend(one: Decimal, other: Decimal) -> None:
    difference = derived(calc.subtract(Operand(Quantity(one)), Operand(Quantity(other)))).quantity
    assert derived(calc.add([Operand(difference), Operand(Quantity(other))])).quantity.value == one


@given(st.lists(decimals, min_size=1, max_size=6))
def test_a_mean_lies_between_the_least_and_the_greatest(values: list[Decimal]) -> None:
    mean = derived(calc.average([Operand(Quantity(value)) for value in values])).quantity.value
    assert min(values) <= mean <= max(values)
