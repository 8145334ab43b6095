"""When the evidence suffices, and what is missing when it does not."""

import pytest

from core.types import Chunk, Evidence
from rag.doubt import ENOUGH, Subjects, likelihood
from rag.plan import plan
from rag.relevance import Question, Scored
from rag.support import Missing, gaps_of, missing, not_found, reason_of
from rag.units import units_of
from tests.rag.conftest import make_passage

REPORT = make_passage("Gross margin of Flow Metering fell to 35.4 % in 2025.", title="Annual report 2025")
ORDERS = make_passage(
    "Flow Metering won orders of 12 water utilities.", ordinal=2, title="Annual report 2025"
)
PEOPLE = make_passage(
    "In Flow Metering 412 people work in two shifts.", ordinal=3, title="Annual report 2025"
)
OTHER = make_passage(
    "Revenue of Ocean Sensors rose to 214.6 million in 2025.", ordinal=1, title="Annual report 2025"
)


def judged(question: str, *chunks: Chunk, encoder: str = "words-256", cosine: float | None = None) -> float:
    asked, best = _best(question, *chunks)
    return likelihood(asked, Scored(best.unit, best.score, best.covered, cosine), encoder)


def why_not(question: str, *chunks: Chunk) -> Missing:
    asked, best = _best(question, *chunks)
    return missing(asked, best, "words-256")


def _best(question: str, *chunks: Chunk) -> tuple[Question, Scored]:
    evidence = [
        Evidence(f"S{n}", chunk, 1.0, frozenset({"dense"}))
        for n, chunk in enumerate(chunks or (REPORT, OTHER, ORDERS, PEOPLE), 1)
    ]
    asked = Question(plan(question), evidence)
    return asked, max(
        (asked.score(unit) for item in evidence for unit in units_of(item)), key=lambda item: item.score
    )


def test_a_passage_that_holds_the_question_is_enough() -> None:
    assert judged("What was the gross margin of Flow Metering in 2025?") > 0.9


@pytest.mark.parametrize(
    "question",
    [
        "What was the gross margin of Flow Metering in 2011?",
        "What was the dividend of Flow Metering in 2025?",
        "Who audits the pension fund of Northwind?",
        "违约金是多少？",
    ],
)
def test_a_passage_without_the_rare_words_or_the_period_is_not(question: str) -> None:
    assert judged(question) < ENOUGH


def test_another_model_is_no_answer() -> None:
    probe = make_passage("The DL-4 probe works down to 6,000 metres.", title="DL-4 probe")
    assert judged("How deep does the DL-4 probe work?", probe) > ENOUGH
    assert judged("How deep does the DL-5 probe work?", probe) < ENOUGH
    assert why_not("How deep does the DL-5 probe work?", probe).words == ("DL-5",)


def test_a_name_that_no_passage_holds_makes_an_answer_unlikely() -> None:
    known = "Who chairs the board of the Larkspur Marine Trust?"
    board = make_passage("The board of the Larkspur Marine Trust is chaired by Ada Quill.", title="Trusts")
    assert judged(known, board) > ENOUGH
    assert judged("Who chairs the board of the Pemberton Railway Trust?", board) < ENOUGH


def test_of_two_names_in_one_phrase_each_is_looked_for_by_itself() -> None:
    gold, both = make_passage("Marian Gold sings."), make_passage("Jung Eun-ji sings too.", ordinal=1)
    asked = "Are Marian Gold and Jung Eun-ji members of the same band?"
    assert Subjects(_best(asked, gold, both)[0]).unknown == []
    assert Subjects(_best(asked, gold)[0]).unknown == ["Jung Eun-ji"]


def test_similarity_alone_is_never_enough() -> None:
    question = "What was the gross margin of Flow Metering in 2011?"
    assert judged(question, encoder="all-MiniLM-L6-v2@1/bf16", cosine=0.8) < ENOUGH


def test_cosines_of_an_encoder_that_was_not_calibrated_do_not_count() -> None:
    question = "What was the gross margin of Flow Metering in 2025?"
    assert judged(question, encoder="other@1", cosine=0.1) == judged(question, encoder="other@1", cosine=0.9)
    low, high = (judged(question, encoder="all-MiniLM-L6-v2@1", cosine=cosine) for cosine in (0.1, 0.9))
    assert low < high


def test_missing_words_are_named_as_they_were_written() -> None:
    gap = why_not("What was the dividend of Flow Metering in 2025?")
    assert (gap.why, gap.subject, gap.words) == ("words", "dividend Flow Metering", ("dividend",))
    assert 0 <= gap.likely < ENOUGH
    assert why_not("合同的违约金是多少？").words == ("合同", "违约金")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What was the dividend of Flow Metering at the end of 2025?", ("dividend",)),
        ("Which lawsuits is Flow Metering facing?", ("lawsuits",)),
        ("Which lawsuits does Flow Metering face at year-end?", ("lawsuits",)),
    ],
)
def test_words_that_only_ask_are_not_named_as_missing(question: str, words: tuple[str, ...]) -> None:
    assert why_not(question).words == words


def test_a_missing_period_is_named() -> None:
    gap = why_not("What was the gross margin of Flow Metering in 2011?")
    assert (gap.why, gap.words) == ("period", ("2011",))
    assert reason_of([gap], "en") == "The documents speak of gross margin Flow Metering, but not for 2011."


def test_a_why_without_a_cause_is_told_apart() -> None:
    gap = why_not("Why did the gross margin of Flow Metering fall in 2025?")
    assert gap.why == "cause"
    assert "state no cause" in reason_of([gap], "en")


def test_reasons_are_given_once_in_the_language_of_the_question() -> None:
    gaps = [Missing("words", "x", ("违约金",)), Missing("words", "x", ("违约金",)), Missing("nothing", "")]
    reason = reason_of(gaps, "zh")
    assert reason == "找到的内容没有提到“违约金”。您可以查看的文档中没有相关内容。"
    assert not_found(reason, "zh").startswith("文档中没有答案。")
    assert gaps_of(gaps) == ("subject_not_found",)
