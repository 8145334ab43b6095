"""Which questions ask for a figure of statements, and which figure."""

import pytest

from core.glossary import load_glossary
from rag.metrics.question import Measure, read_measure


def read(question: str) -> Measure | None:
    return read_measure(question, question, load_glossary())


@pytest.mark.parametrize(
    ("question", "name", "years", "over"),
    [
        ("What was the capital expenditure in FY2018 (in USD millions)?", "capital expenditure", (2018,), "year"),
        ("What is the FY2017 - FY2019 3 year average of capex as a % of revenue?", "capital expenditure as a percentage of revenue", (2017, 2018, 2019), "mean"),
        ("What is the three year average of the net profit margin for FY2020?", "net profit margin", (2018, 2019, 2020), "mean"),
        ("What is the 2 year total revenue CAGR from FY2020 to FY2022?", "revenue", (2020, 2022), "growth rate"),
        ("What is the year-over-year change in revenue from FY2016 to FY2017?", "revenue", (2016, 2017), "percentage change"),
        ("How much has the effective tax rate changed between FY2021 and FY2022?", "effective tax rate", (2021, 2022), "change"),
        ("How much free cash flow was there in 2020?", "free cash flow", (2020,), "year"),
        ("公司2022年的毛利率是多少？", "gross margin", (2022,), "year"),
    ],
)  # fmt: skip
def test_a_figure_its_years_and_how_they_are_put_together(
    question: str, name: str, years: tuple[int, ...], over: str
) -> None:
    measure = read(question)
    assert measure is not None
    assert (measure.name, measure.years, measure.over) == (name, years, over)


@pytest.mark.parametrize(
    "question",
    [
        "What drove the operating margin in FY2022?",
        "Is it a capital-intensive business in FY2022?",
        "What was the iPhone revenue in FY2022?",
        "What was the adjusted EBITDA in FY2022?",
        "What was net income in the second quarter of 2021?",
        "What was net income?",
        "Which segment had the highest revenue in 2020?",
        "What is the FY2020 turnover ratio? Turnover ratio is defined as: FY2020 revenue / FY2020 headcount.",
        "Who audits the accounts of 2020?",
    ],
)
def test_other_questions_are_left_to_others(question: str) -> None:
    assert read(question) is None


def test_scale_and_decimals_are_those_that_the_question_asks_for() -> None:
    measure = read(
        "How much in USD billions were total liabilities at the end of FY2014? Round to one decimal place."
    )
    assert measure is not None
    assert (measure.scale, measure.decimals, measure.percent) == (9, 1, False)
