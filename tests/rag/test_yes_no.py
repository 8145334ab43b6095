"""Yes-no questions: the verdict, the sentence that says so, and when the solver leaves a question to others."""

import pytest

from core.types import PUBLIC, Access, Chunk, Evidence
from rag.plan import plan
from rag.row import Task
from rag.stance import asks_yes_or_no
from rag.yes_no import YesNoAnswerer

DENIES = "There was no difference in asthma attacks between the groups. Vitamin D did not reduce asthma attacks in children (p = 0.45)."
ASSERTS = "We studied 120 children with asthma. Vitamin D significantly reduced asthma attacks in children (p < 0.01)."
QUESTION = "Does vitamin D reduce asthma attacks in children?"


def task(question: str, *texts: str) -> Task:
    found = tuple(
        Evidence(
            f"S{n}", Chunk(f"c{n}", f"d{n}", 1, 0, "t", PUBLIC, "text", "", (), text, ()), 1.0, frozenset()
        )
        for n, text in enumerate(texts, 1)
    )
    return Task(plan(question), found, Access())


def surely(_task: Task) -> float:
    return 0.9


@pytest.mark.parametrize(("text", "lead"), [(DENIES, "No. "), (ASSERTS, "Yes. ")])
def test_the_verdict_comes_with_the_sentence_that_says_so(text: str, lead: str) -> None:
    answer = YesNoAnswerer(surely).solve(task(QUESTION, text))
    assert answer is not None
    assert answer.text.startswith(lead)
    citation = answer.citations[0]
    assert "asthma attacks" in citation.quote
    assert answer.text[citation.start : citation.end] == citation.quote


def test_a_rise_is_no_to_the_question_for_a_fall() -> None:
    answer = YesNoAnswerer(surely).solve(
        task("Did asthma attacks decrease?", "Asthma attacks increased in winter.")
    )
    assert answer is not None
    assert answer.text.startswith("No. ")


def test_what_the_documents_do_not_speak_of_is_left_to_others() -> None:
    assert YesNoAnswerer(surely).solve(task("Does the lease allow subletting of the garage?", DENIES)) is None
    assert YesNoAnswerer(surely).solve(task(QUESTION)) is None


def test_a_verdict_is_no_surer_than_that_the_evidence_is_about_the_question() -> None:
    assert YesNoAnswerer(lambda _: 0.4).solve(task(QUESTION, DENIES)) is None
    answer = YesNoAnswerer(lambda _: 0.55).solve(task(QUESTION, DENIES))
    assert answer is not None
    assert answer.confidence == 0.55


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Is it safe?", True),
        ("Anticoagulation after trauma: is it safe?", True),
        ("Aripiprazole: a new risk factor for gambling?", True),
        ("该药安全吗？", True),
        ("Which drug is safe?", False),
        ("What does the study show?", False),
        ("Why did sales fall?", False),
        ("How many patients were there?", False),
    ],
)
def test_which_questions_ask_yes_or_no(question: str, asks: bool) -> None:
    assert asks_yes_or_no(question) is asks
