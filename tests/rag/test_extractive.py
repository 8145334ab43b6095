"""Sentences and rows that answer, and "not in the documents" where none does."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import Answer, Chunk, Evidence, Vector
from rag.extractive import ExtractiveAnswerer
from rag.plan import plan
from tests.fakes import WordEmbedder
from tests.rag.conftest import make_passage

MARGIN = make_passage(
    "Flow Metering sold 1,204 units in 2025. Gross margin of Flow Metering fell to 35.4 % in 2025. "
    "The decline was due to higher prices of rare earths.",
    page=5,
    ordinal=1,
    title="Annual report 2025",
)
TABLE = make_passage(
    " | 2024 | 2025\nRevenue | 410.2 | 398.0\nGross margin | 38.1 % | 35.4 %\nResearch and development expense | 21.5 | 24.9",
    page=3,
    ordinal=2,
    kind="table",
    title="Annual report 2025",
)
LETTER = make_passage(
    "The harbour office thanks Mr. Odell for the pilot's log of 3 May 1987.", doc="letter", page=1
)
NOTE = make_passage(
    "DL-4 探头用于测量水深。最大工作深度为300米。电池可以连续工作48小时。", doc="note", title="DL-4 产品说明"
)
ALL = (MARGIN, TABLE, LETTER, NOTE)


def ask(question: str, *chunks: Chunk) -> Answer:
    evidence = [
        Evidence(f"S{number}", chunk, 1 / number, frozenset({"dense"}))
        for number, chunk in enumerate(chunks or ALL, start=1)
    ]
    return ExtractiveAnswerer(WordEmbedder()).answer(plan(question), evidence)


def test_a_look_up_is_answered_by_a_row_of_a_table() -> None:
    answer = ask("What was the research and development expense in 2025?")
    assert answer.text == "Research and development expense (2025): 24.9 [S2]"
    assert answer.status == "answered"
    assert answer.citations[0].places[0].page == 3


def test_what_a_year_had_is_not_what_its_quarter_had() -> None:
    answer = ask("What was the revenue in the third quarter of 2025?", TABLE)
    assert answer.status == "not_found"
    assert "third quarter of 2025" in answer.reason
    quarters = make_passage(
        " | 2025 Q3 | 2025 Q2\nRevenue | 99.1 | 97.3", kind="table", title="Interim report"
    )
    assert "99.1" in ask("What was the revenue in the third quarter of 2025?", TABLE, quarters).text


def test_whose_level_it_is_says_less_than_of_what() -> None:
    told = make_passage("The patient was told to drink two litres a day.", title="Discharge note", page=2)
    labs = make_passage(
        "Test | 9 September 2025 | 16 September 2025\nPotassium | 5.7 mmol/L | 4.9 mmol/L",
        kind="table",
        title="Discharge note",
    )
    assert ask("What is the patient's potassium level?", told, labs).text.startswith("Potassium")


def test_a_number_of_something_else_is_no_count() -> None:
    revenues = make_passage(
        "(in millions) | 2025 | 2024\nFlow Metering | 19,338 | 17,611",
        kind="table",
        title="Northwind annual report",
    )
    staff = make_passage(
        "Northwind had 1,204 employees at the end of 2025.", page=2, title="Northwind annual report"
    )
    question = "How many employees did Northwind have in Flow Metering in 2025?"
    assert ask(question, revenues).status == "not_found"
    assert "1,204 employees" in ask(question, revenues, staff).text


def test_a_why_is_answered_by_the_cause_and_what_it_is_the_cause_of() -> None:
    answer = ask("Why did the gross margin of Flow Metering fall in 2025?")
    assert "due to higher prices of rare earths. [S1]" in answer.text
    assert "1,204" not in answer.text


def test_two_periods_in_one_row_are_one_statement() -> None:
    answer = ask("How did the gross margin change between 2024 and 2025?", TABLE)
    assert answer.text == "Gross margin: 38.1 % (2024), 35.4 % (2025) [S1]"


def test_a_comparison_over_pages_has_a_statement_for_each_page() -> None:
    answer = ask("Compare the gross margin on page 3 with the gross margin on page 5.")
    assert [citation.places[0].page for citation in answer.citations] == [3, 5]


def test_a_chinese_question_is_answered_in_chinese() -> None:
    assert ask("DL-4 探头的最大工作深度是多少？").text == "最大工作深度为300米。[S4]"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What did Northwind pay for Contoso?", "Northwind paid USD 26 million for Contoso."),
        ("Who bought Contoso?", "In spring Northwind decided to buy Contoso."),
        (
            "How much did Northwind return to shareholders?",
            "Northwind returned USD 3 million to its stockholders.",
        ),
        ("When did Northwind sell Contoso?", "Northwind sold Contoso in May 2021."),
    ],
)
def test_a_question_in_another_form_of_the_word_is_answered(question: str, text: str) -> None:
    answer = ask(question, make_passage(text, title="Report"), LETTER, NOTE)
    assert (answer.status, answer.text) == ("answered", f"{text} [S1]")


def test_what_nothing_mentions_is_named() -> None:
    answer = ask("What notice period does the contract of the chief executive provide for?")
    assert answer.status == "not_found"
    assert answer.text.startswith("Not in the documents.")
    assert "contract" in answer.reason
    assert not answer.citations


def test_a_period_that_is_not_covered_is_named() -> None:
    answer = ask("What was the research and development expense in 2011?")
    assert answer.status == "not_found"
    assert answer.reason == "The documents speak of research development expense, but not for 2011."


def test_a_refusal_speaks_the_language_of_the_question() -> None:
    answer = ask("合同的违约金是多少？")
    assert answer.status == "not_found"
    assert answer.text.startswith("文档中没有答案。")
    assert "违约金" in answer.reason


def test_half_an_answer_says_which_half_is_missing() -> None:
    answer = ask("What was the research and development expense in 2025? Who audits the pension fund?")
    assert answer.status == "partial"
    assert "24.9 [S2]" in answer.text
    assert "pension" in answer.reason
    assert answer.text.endswith(answer.reason)


def test_without_evidence_nothing_is_said() -> None:
    answer = ExtractiveAnswerer(WordEmbedder()).answer(plan("What was revenue?"), [])
    assert (answer.status, answer.citations) == ("not_found", ())


def test_an_announced_list_is_given_with_its_items() -> None:
    head = make_passage("The probe measures three values:", ordinal=0)
    items = make_passage("- flow\n- depth\n- temperature", kind="list", ordinal=1)
    answer = ask("What does the probe measure?", head, items)
    assert [line.split(" [")[0] for line in answer.text.split("\n")][1:] == ["flow", "depth", "temperature"]


@pytest.mark.parametrize(
    "question", ["Why did the gross margin fall?", "毛利率为什么下降？", "Compare 2024 and 2025."]
)
@given(text=st.text(alphabet="gross margin fell.毛利率下降了。 |\n2024 5%", max_size=200))
def test_every_sentence_of_an_answer_is_quoted(question: str, text: str) -> None:
    for kind in ("text", "table", "list"):
        chunk = make_passage(text, kind=kind)
        answer = ask(question, chunk)
        assert len(answer.claims) == len(answer.citations)
        for citation in answer.citations:
            assert citation.quote == text[citation.quote_start : citation.quote_end]
            assert 0 <= citation.start < citation.end <= len(answer.text)


def test_the_encoder_reads_only_what_could_still_win() -> None:
    class Reading(WordEmbedder):
        def chunks(self, chunks: Sequence[Chunk]) -> Vector:
            read.extend(chunk.text for chunk in chunks)
            return super().chunks(chunks)

    read: list[str] = []
    plain = make_passage(
        "Gross margin of Flow Metering fell to 35.4 % in 2025. Flow Metering sold 1,204 units. The harbour is closed. "
        "The weather was fair."
    )
    evidence = [Evidence("S1", plain, 1.0, frozenset({"dense"}))]
    answer = ExtractiveAnswerer(Reading()).answer(
        plan("What was the gross margin of Flow Metering in 2025?"), evidence
    )
    assert answer.text == "Gross margin of Flow Metering fell to 35.4 % in 2025. [S1]"
    assert "The weather was fair." not in read
