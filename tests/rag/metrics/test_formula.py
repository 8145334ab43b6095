"""Formulas in words and in the glossary: read wholly or not at all, evaluated exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.glossary import load_glossary
from rag.metrics.formula import Absent, DivisionByZero, dimension, evaluate, moved, read_formula, written

BOOK = {
    ("revenue", 2020): Decimal(200), ("revenue", 2019): Decimal(100), ("inventory", 2020): Decimal(30),
    ("inventory", 2019): Decimal(10), ("cost_of_goods_sold", 2020): Decimal(80), ("current_assets", 2020): Decimal(50),
    ("current_liabilities", 2020): Decimal(40), ("operating_cash_flow", 2020): Decimal(25), ("capital_expenditure", 2020): Decimal(5),
}  # fmt: skip


def look(line: str, year: int) -> Decimal | None:
    return BOOK.get((line, year))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("FY2020 revenue / (average inventory between FY2019 and FY2020)", "10"),
        ("365 * (average inventory between FY2019 and FY2020) / (FY2020 COGS + change in inventory between FY2019 and FY2020)", "73"),
        ("total current assets less total current liabilities", "10"),
        ("total current assets divided by total current liabilities", "1.25"),
        ("(cash from operations - capex)", "20"),
        ("cost_of_goods_sold / average(inventory)", "4"),
        ("(FY2020 total revenue - FY2019 total revenue) / FY2019 total revenue", "1"),
        ("1 - capital_expenditure / operating_cash_flow", "0.8"),
    ],
)  # fmt: skip
def test_a_formula_is_read_and_evaluated_exactly(text: str, value: str) -> None:
    formula = read_formula(text, load_glossary())
    assert formula is not None
    assert evaluate(formula, 2020, look) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "revenue of widgets",
        "revenue /",
        "(revenue",
        "average inventory between FY2019",
        "",
        "revenue revenue",
    ],
)
def test_what_is_not_understood_wholly_is_not_read(text: str) -> None:
    assert read_formula(text, load_glossary()) is None


def test_names_that_the_question_defines_stand_for_their_formula() -> None:
    formula = read_formula("DIO - 1", load_glossary(), {"dio": "365 * inventory / cost of sales"})
    assert formula is not None
    assert evaluate(formula, 2020, look) == Decimal(365) * 30 / 80 - 1


def test_missing_values_and_zero_divisors_are_named() -> None:
    formula = read_formula("revenue / change(inventory)", load_glossary())
    assert formula is not None
    with pytest.raises(Absent, match="revenue 2018"):
        evaluate(formula, 2018, look)
    with pytest.raises(DivisionByZero):
        evaluate(formula, 2020, lambda _line, _year: Decimal(1))


def test_all_formulas_of_the_glossary_are_read() -> None:
    glossary = load_glossary()
    texts = [ratio.formula for ratio in glossary.ratios.values()]
    texts += [line.otherwise for line in glossary.lines.values() if line.otherwise]
    assert [text for text in texts if read_formula(text, glossary) is None] == []
    read = {name: read_formula(ratio.formula, glossary) for name, ratio in glossary.ratios.items()}
    kinds = {name: dimension(formula) for name, formula in read.items() if formula is not None}
    assert kinds == {name: int(ratio.unit == "amount") for name, ratio in glossary.ratios.items()}


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_ratio_of_a_mean_is_exact(one: int, other: int, third: int, years: int) -> None:
    formula = read_formula("revenue / average(inventory)", load_glossary())
    assert formula is not None
    values = {("revenue", years): one, ("inventory", years): other, ("inventory", years - 1): third}
    found = evaluate(formula, years, lambda line, year: Decimal(values[line, year]))
    assert abs(found * (other + third) / 2 - one) < Decimal("1e-18") * one
    earlier = evaluate(moved(formula, -1), years + 1, lambda line, year: Decimal(values[line, year]))
    assert earlier == found
    assert (
        written(formula, years, lambda line, year: str(values[line, year]))
        == f"{one} / (({third} + {other}) / 2)"
    )
