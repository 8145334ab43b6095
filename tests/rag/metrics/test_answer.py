"""A company's figures from its statement pages: value, derivation, cited rows; or why there is none."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from core.database import migrate, open_engine
from core.glossary import load_glossary
from core.types import Access, Answer
from rag.index.keys import DocumentKey, Name, StatementPage
from rag.metrics.answer import MetricsAnswerer
from rag.metrics.sheet import read_sheet
from rag.plan import plan
from tests.rag.conftest import Index, make_passage
from tests.rag.test_route import Shelf

INCOME = """(in millions) | 2020 | 2019 | 2018
Net sales | $ 200 | $ 160 | $ 100
Cost of sales | (120) | (90) | (60)
Net income | $ 30 | $ 20 | $ —"""
BALANCE = """ | December 31, 2020 | December 31, 2019
Inventories | 40 | 20
Total assets | $ 400 | $ 350"""
OLDER = "(in millions) | 2017 | 2016\nNet sales | $ 80 | $ 50"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    engine = open_engine("sqlite://")
    migrate(engine)
    yield Shelf(engine)
    engine.dispose()


@pytest.fixture
def answerer(shelf: Shelf, index: Index) -> MetricsAnswerer:
    names = (Name("acmewidgets", 1.0),)
    income, balance = StatementPage("income", 1, 1.5, 0, 0), StatementPage("balance", 2, 1.5, 1, 1)
    for doc, year, pages in (("k20", 2020, (income, balance)), ("k17", 2017, (income,))):
        shelf.put(
            doc, DocumentKey("acmewidgets", names, "annual report", year, None, date(year, 12, 31), pages)
        )
    index.add(
        make_passage(INCOME, doc="k20", ordinal=0, page=1, kind="table"),
        make_passage(BALANCE, doc="k20", ordinal=1, page=2, kind="table"),
        make_passage(OLDER, doc="k17", ordinal=0, page=1, kind="table"),
    )
    return MetricsAnswerer(shelf.router, index.store, load_glossary())


def ask(answerer: MetricsAnswerer, question: str) -> Answer | None:
    return answerer.answer(plan(question), Access())


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What was the COGS of Acme Widgets in FY2020? Answer in USD millions.", "FY2020 cost of goods sold: USD 120 million [S1]"),
        ("What was Acme Widgets' net income in FY2020 in USD thousands?", "FY2020 net income: USD 30,000 thousand [S1]"),
        ("What is the inventory turnover ratio of Acme Widgets for FY2020?", "FY2020 inventory turnover: 4.00 = 120 / ((20 + 40) / 2) [S1][S2]"),
        ("What is the FY2018 to FY2020 average net profit margin of Acme Widgets?", "FY2018-FY2020 average net profit margin: 9.2 % = (0 / 100 + 20 / 160 + 30 / 200) / 3 [S1]"),
        ("What is the 3 year revenue CAGR of Acme Widgets from FY2017 to FY2020? Round to one decimal place.", "FY2017-FY2020 compound annual growth of revenue: 35.7 % = (200 / 80) ^ (1 / 3) - 1 [S1][S2]"),
        ("What was the gross profit of Acme Widgets in FY2019?", "FY2019 gross profit: USD 70 million = (160 - 90) [S1]"),
        ("What were the net sales of Acme Widgets in FY2019 and FY2020?", "FY2019 net sales: USD 160 million [S1]\nFY2020 net sales: USD 200 million [S1]"),
        ("Compare the revenue of Acme Widgets in FY2019 and FY2020.", "FY2019 revenue: USD 160 million [S1]\nFY2020 revenue: USD 200 million [S1]\nFY2019-FY2020 change of revenue: USD 40 million = 200 - 160 [S1]\nFY2019-FY2020 change of revenue: 25.0 % = (200 - 160) / 160 [S1]"),
        ("Compare the net income of Acme Widgets in FY2018 and FY2019.", "FY2018 net income: USD 0 million [S1]\nFY2019 net income: USD 20 million [S1]\nFY2018-FY2019 change of net income: USD 20 million = 20 - 0 [S1]"),
        ("Did the revenue of Acme Widgets fall from FY2019 to FY2020?", "No. FY2019-FY2020 change of revenue: USD 40 million = 200 - 160 [S1]"),
        ("Was Acme Widgets profitable in FY2020?", "Yes. FY2020 net income: USD 30 million [S1]"),
        ("Which year had Acme Widgets' lowest revenue, 2018, 2019 or 2020?", "Lowest: FY2018 revenue: USD 100 million [S1]\nFY2019 revenue: USD 160 million [S1]\nFY2020 revenue: USD 200 million [S1]"),
    ],
)  # fmt: skip
def test_a_figure_comes_with_its_derivation_and_its_rows(
    answerer: MetricsAnswerer, question: str, text: str
) -> None:
    answer = ask(answerer, question)
    assert answer is not None
    assert answer.text == text
    assert answer.status == "answered"
    for citation in answer.citations:
        chunk = next(item.chunk for item in answer.evidence if item.key == citation.key)
        assert chunk.text[citation.quote_start : citation.quote_end] == citation.quote
        assert any(char.isdigit() for char in citation.quote)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (
            "What was the operating margin of Acme Widgets in FY2020?",
            "No row for operating income in 2020",
        ),
        ("What was the net profit margin of Acme Widgets in FY2012?", "No row for net income in 2012"),
        (
            "What is the growth rate in net income of Acme Widgets from FY2018 to FY2019?",
            "would be divided by zero",
        ),
    ],
)
def test_what_is_missing_is_said(answerer: MetricsAnswerer, question: str, reason: str) -> None:
    answer = ask(answerer, question)
    assert answer is not None
    assert answer.status == "not_found"
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What were the net sales of Club in FY2021?", "FY2021 net sales: USD 192 million [S1]"),
        ("What was the revenue of Club in FY2021?", "FY2021 revenue: USD 196 million [S1]"),
        ("What were the diluted earnings per share of Club in FY2021?", "FY2021 earnings per share: USD 9.68 [S1]"),
    ],
)  # fmt: skip
def test_a_row_of_the_asked_name_goes_first_and_what_is_per_share_is_not_in_millions(
    shelf: Shelf, index: Index, question: str, text: str
) -> None:
    income = StatementPage("income", 1, 1.5, 0, 0)
    key = DocumentKey("club", (Name("club", 1.0),), "annual report", 2021, None, date(2021, 8, 29), (income,))
    shelf.put("c21", key)
    rows = (
        "(in millions) | 2021 | 2020\nNet sales | $ 192 | $ 163\nMembership fees | 4 | 3\n"
        "Total revenue | 196 | 166\nDiluted | $ 9.68 | $ 9.65"
    )
    index.add(make_passage(rows, doc="c21", ordinal=0, page=1, kind="table"))
    answer = ask(MetricsAnswerer(shelf.router, index.store, load_glossary()), question)
    assert answer is not None
    assert answer.text == text


def test_questions_of_another_kind_or_company_are_left_to_others(answerer: MetricsAnswerer) -> None:
    assert ask(answerer, "What was the revenue of Borealis in FY2020?") is None
    assert ask(answerer, "What was the R&D expense of Acme Widgets in FY2020?") is None
    assert ask(answerer, "Why did the revenue of Acme Widgets fall in FY2020?") is None


def test_the_newest_year_of_a_heading_is_the_fiscal_year_of_the_document() -> None:
    text = "(in thousands) | January 30, 2021 | February 1, 2020\nTotal assets | 9 | 8\nGoodwill (Note 4) | 5 | 4 | 3"
    sheet = read_sheet([make_passage(text, kind="table")], 2020)
    assert [
        (row.label, {year: value.amount for year, value in row.values.items()}) for row in sheet.rows
    ] == [("total assets", {2020: Decimal(9000), 2019: Decimal(8000)})]
    assert read_sheet([make_passage(text, kind="table")], 2015).rows == ()


def test_a_filing_that_was_not_known_then_is_not_opened(answerer: MetricsAnswerer) -> None:
    asked = plan("What was Acme Widgets' net income in FY2020 in USD thousands?")
    everything = answerer.answer(asked, Access(), frozenset({"k17", "k20"}))
    assert everything is not None
    assert "30,000" in everything.text
    older = answerer.answer(asked, Access(), frozenset({"k17"}))
    assert older is None or older.status == "not_found"
    assert answerer.answer(asked, Access(), frozenset()) is None
