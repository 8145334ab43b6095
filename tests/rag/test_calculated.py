"""Questions whose answer is computed: operands from several pages, each cited."""

import pytest

from core.types import Access, Answer, Chunk, Evidence, Message
from rag.calculated import CalculatedAnswerer
from rag.plan import plan
from rag.row import Task
from tests.rag.conftest import make_passage

THIS_YEAR = make_passage(
    "Gross margin of Flow Metering fell to 35.4 % in 2025. The decline was due to higher prices.",
    page=5,
    title="Annual report 2025",
)
LAST_YEAR = make_passage(
    "Table 1. Segment results 2024\n$ million | Revenue | Cost of sales | Gross margin\nOcean Sensors | 186.2 | 105.6 | 43.3%\n"
    "Flow Metering | 158.0 | 95.4 | 38.1%",
    page=3,
    kind="table",
    ordinal=3,
    title="Annual report 2025",
)
INCOME = make_passage(
    "in millions of dollars | 2025 | 2024 | 2023\nRevenue | 474.8 | 436.5 | 411.3\nResearch and development | (52.4) | (47.9) | (44.1)\n"
    "Grants | 3.0 | - | 1.0",
    page=7,
    kind="table",
    ordinal=7,
    title="Annual report 2025",
)
ALL = (THIS_YEAR, LAST_YEAR, INCOME)


def ask(question: str, *chunks: Chunk) -> Answer | None:
    evidence = tuple(
        Evidence(f"S{number}", chunk, 1 / number, frozenset({"dense"}))
        for number, chunk in enumerate(chunks or ALL, start=1)
    )
    return CalculatedAnswerer().solve(Task(plan(question), evidence, Access()))


def answered(question: str, *chunks: Chunk) -> Answer:
    answer = ask(question, *chunks)
    assert answer is not None
    return answer


def test_a_comparison_reads_two_pages_and_cites_both_operands() -> None:
    answer = answered("How did the gross margin of Flow Metering in 2025 compare with 2024?")
    assert "(35.4% - 38.1%) = -2.7 percentage points [S1][S2]" in answer.text
    assert {place.page for citation in answer.citations for place in citation.places} == {3, 5}
    assert all(place.box for citation in answer.citations for place in citation.places)
    assert answer.claims[-1].status == "derived"
    assert answer.cost.path == "calculated"


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("What was the percentage change in revenue from 2024 to 2025?", "= 8.77%"),
        ("By how much did revenue change between 2023 and 2025?", "= 63.5 million"),
        ("What was the total revenue for 2023, 2024 and 2025 combined?", "1,322.6 million"),
        ("What was the average revenue over 2023, 2024 and 2025?", "440.87 million"),
        ("What percentage of revenue was research and development in 2025?", "-11.04%"),
        ("What was the compound annual growth rate of revenue from 2023 to 2025?", "= 7.44%"),
        ("In which year was revenue the lowest?", "2023: 411.3 million"),
        ("Did revenue increase from 2024 to 2025?", "Yes: "),
        ("Was revenue lower in 2025 than in 2024?", "No: "),
        ("2025年收入比2024年增长了多少？", "= 38.3百万"),
    ],
)
def test_programs_over_cells(question: str, result: str) -> None:
    assert result in answered(question, INCOME).text


def test_what_would_divide_by_zero_is_said() -> None:
    answer = answered("What was the percentage change in grants from 2024 to 2025?")
    assert "is zero and would be divided by" in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "What was the percentage change in revenue of Acme from 2024 to 2025?",
        "What was the percentage change in revenue from 2019 to 2020?",
        "Why did the gross margin of Flow Metering fall in 2025?",
        "Who is the chairman?",
    ],
)
def test_what_the_evidence_does_not_hold_is_left_to_others(question: str) -> None:
    assert ask(question) is None


def test_two_values_that_fit_are_both_shown() -> None:
    restated = make_passage(
        "in millions of dollars | 2025 | 2024\nRevenue | 474.8 | 430.0",
        kind="table",
        doc="other",
        title="Annual report, restated",
    )
    answer = answered("What was the percentage change in revenue from 2024 to 2025?", INCOME, restated)
    assert "430" in answer.text
    assert "Another value fits as well" in answer.text


def test_a_part_that_is_larger_than_its_whole_is_of_something_else() -> None:
    regions = make_passage(
        "in millions of dollars | 2025\nRevenue, domestic | 427.9\nRevenue | 35.0",
        kind="table",
        title="Annual report 2025",
    )
    assert ask("What percentage of revenue came from domestic operations in 2025?", regions) is None
    assert ask("What percentage of revenue was domestic revenue in 2025?", regions) is None


def test_a_turn_computes_with_the_values_of_the_turns_before() -> None:
    history = tuple(Message("user", text) for text in ("What was revenue in 2025?", "and in 2024?"))
    question = "so what was the difference between the two years?"
    evidence = (Evidence("S1", INCOME, 1.0, frozenset({"dense"})),)
    task = Task(plan(question, history), evidence, Access(), history, question=question)
    answer = CalculatedAnswerer().solve(task)
    assert answer is not None
    assert "38.3" in answer.text
    assert {citation.quote for citation in answer.citations} == {"Revenue | 474.8 | 436.5 | 411.3"}


YEN = "Item | 2025 | 2024\nSales | ¥1,200 | ¥1,000"
SHARED = make_passage(YEN, kind="table", title="Report")


def test_whose_sign_an_amount_has_is_said_where_nothing_tells() -> None:
    question = "By how much did sales change from 2024 to 2025?"
    answer = answered(question, SHARED)
    assert "(¥1,200 - ¥1,000) = ¥200" in answer.text
    assert "“¥” is the yuan (CNY) or the yen (JPY): the documents do not say which." in answer.text
    assert "文档没有说明" in answered("2025年sales比2024年增长了多少？", SHARED).text


def test_another_passage_of_the_document_tells_whose_sign_it_is() -> None:
    note = make_passage("Amounts are stated in Japanese yen.", ordinal=1, title="Report")
    answer = answered("By how much did sales change from 2024 to 2025?", SHARED, note)
    assert "= JP¥200" in answer.text
    assert "yuan" not in answer.text
