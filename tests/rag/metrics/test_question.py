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
        ("Compare revenue in fiscal 2023 with fiscal 2022.", "revenue", (2022, 2023), "comparison"),
        ("How does the gross margin in FY2023 compare with the previous year?", "gross margin", (2022, 2023), "comparison"),
        ("What was net income in 2022 vs 2021?", "net income", (2021, 2022), "comparison"),
        ("What is the difference between revenue in 2022 and 2021?", "revenue", (2021, 2022), "comparison"),
        ("How much higher was revenue in 2021 than in 2020?", "revenue", (2020, 2021), "comparison"),
        ("How did net sales change from 2020 to 2021?", "revenue", (2020, 2021), "change"),
        ("What was net income in 2021, 2022 and 2023?", "net income", (2021, 2022, 2023), "each"),
        ("Show operating income for 2020 to 2022.", "operating income", (2020, 2021, 2022), "each"),
        ("What were total assets at the end of 2022?", "total assets", (2022,), "year"),
        ("What is the ratio of current assets to current liabilities at the end of 2022?", "ratio of current assets to current liabilities", (2022,), "year"),
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
        "Compare revenue and net income in 2021 and 2022.",
        "Did membership fees increase in 2021?",
        "Did the cash margin increase in FY2021? Cash margin is defined as: operating cash flow / revenue.",
        "Which year had the highest headcount, 2020 or 2021?",
        "How did higher costs affect revenue in 2022?",
    ],
)
def test_other_questions_are_left_to_others(question: str) -> None:
    assert read(question) is None


@pytest.mark.parametrize(
    ("question", "claimed", "over", "years"),
    [
        ("Did revenue increase in fiscal 2023?", "up", "change", (2022, 2023)),
        ("Has net income declined from 2020 to 2022?", "down", "change", (2020, 2022)),
        ("Was it profitable in 2022?", "positive", "year", (2022,)),
        ("Which year had the highest revenue, 2020, 2021 or 2022?", "highest", "each", (2020, 2021, 2022)),
        ("In what fiscal year was gross margin lowest, 2021 or 2022?", "lowest", "each", (2021, 2022)),
    ],
)
def test_what_is_said_of_a_figure_is_told_apart_from_it(
    question: str, claimed: str, over: str, years: tuple[int, ...]
) -> None:
    measure = read(question)
    assert measure is not None
    assert (measure.claimed, measure.over, measure.years) == (claimed, over, years)


def test_scale_and_decimals_are_those_that_the_question_asks_for() -> None:
    measure = read(
        "How much in USD billions were total liabilities at the end of FY2014? Round to one decimal place."
    )
    assert measure is not None
    assert (measure.scale, measure.decimals, measure.percent) == (9, 1, False)
