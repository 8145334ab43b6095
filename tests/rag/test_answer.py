"""The query path from question to cited answer, over an index in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from core.errors import InputError
from core.types import Access, Answer, Cost, Evidence, Message
from rag.answer import Assistant
from rag.extractive import ExtractiveAnswerer
from rag.policy import always
from rag.row import LastWord, Solver, Task
from tests.rag.conftest import Index, make_passage


@pytest.fixture
def assistant(index: Index) -> Assistant:
    index.add(
        make_passage(
            "Gross margin of Flow Metering fell to 35.4 % in 2025. The decline was due to higher prices of rare earths.",
            page=5,
            title="Annual report 2025",
        ),
        make_passage(
            "Gross margin of Flow Metering was 38.1 % in 2024.",
            page=3,
            doc="last",
            title="Annual report 2024",
        ),
        make_passage("最大工作深度为300米。", doc="note", title="DL-4 探头"),
        make_passage("The salary of the chairman is 90,000.", doc="pay", access=frozenset({"board"})),
    )
    return Assistant(index.retriever, index.store, [ExtractiveAnswerer(index.embedder)], longest_question=200)


def test_a_question_gets_a_cited_answer(assistant: Assistant) -> None:
    answer = assistant.answer("Why did the gross margin of Flow Metering fall in 2025?", access=Access())
    assert answer.status == "answered"
    assert "rare earths. [S1]" in answer.text
    assert {place.page for citation in answer.citations for place in citation.places} == {5}
    assert answer.cost.path == "extractive"
    assert list(answer.cost.seconds) == ["plan", "retrieve", "context", "answer", "check"]


def test_a_follow_up_is_understood(assistant: Assistant) -> None:
    history = [Message("user", "What was the gross margin of Flow Metering in 2025?")]
    answer = assistant.answer("and in 2024?", access=Access(), history=history)
    assert "38.1 %" in answer.text


def test_what_may_not_be_seen_is_not_answered(assistant: Assistant) -> None:
    question = "What is the salary of the chairman?"
    assert assistant.answer(question, access=Access()).status == "not_found"
    board = Access(labels=frozenset({"board"}))
    assert "90,000" in assistant.answer(question, access=board).text


@pytest.mark.parametrize(("question", "complaint"), [(" \n", "empty"), ("why " * 60, "at most 200")])
def test_a_question_that_cannot_be_answered_names_the_field(
    assistant: Assistant, question: str, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        assistant.answer(question, access=Access())
    assert caught.value.param == "question"


def test_the_stream_ends_with_the_whole_answer(assistant: Assistant) -> None:
    async def pieces() -> list[str | Answer]:
        stream = assistant.stream("Why did the gross margin of Flow Metering fall?", access=Access())
        return [piece async for piece in stream]

    *texts, answer = asyncio.run(pieces())
    assert isinstance(answer, Answer)
    assert "".join(str(text) for text in texts) == answer.text


def test_an_empty_index_is_no_error(index: Index) -> None:
    assistant = Assistant(index.retriever, index.store, [ExtractiveAnswerer(index.embedder)])
    answer = assistant.answer("What was the gross margin?", access=Access())
    assert (answer.status, answer.evidence) == ("not_found", ())


class Saying:
    """A solver with one answer, or none; and a model that says it in words."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer

    def solve(self, task: Task) -> Answer | None:
        return self.answer

    async def stream(
        self, question: str, evidence: Sequence[Evidence], history: Sequence[Message]
    ) -> AsyncIterator[str | Answer]:
        assert self.answer
        for word in self.answer.text.split():
            yield word
        yield self.answer


FOUND = Answer("forty two", "answered", cost=Cost("second"))
NOTHING = Answer("no", "not_found", reason="no such thing")


def test_the_first_solver_that_can_answers(index: Index) -> None:
    row = [Saying(None), Saying(NOTHING), Saying(FOUND), Saying(Answer("later", "answered"))]
    answer = Assistant(index.retriever, index.store, row).answer("What is it?", access=Access())
    assert (answer.text, answer.cost.path) == ("forty two", "second")


def test_where_none_can_the_last_reason_stands(index: Index) -> None:
    row = [Saying(NOTHING), Saying(None)]
    answer = Assistant(index.retriever, index.store, row).answer("What is it?", access=Access())
    assert (answer.status, answer.reason) == ("not_found", "no such thing")


def test_where_none_can_the_model_speaks_and_is_checked(index: Index) -> None:
    assistant = Assistant(
        index.retriever,
        index.store,
        [Saying(NOTHING)],
        model=Saying(FOUND),
        check=lambda _task, answer: replace(answer, reason="checked"),
    )
    answer = assistant.answer("What is it?", access=Access())
    assert (answer.text, answer.reason) == ("forty two", "checked")


def test_a_model_that_finds_nothing_where_a_solver_did_has_its_cost_counted(index: Index) -> None:
    vain = replace(NOTHING, cost=Cost("model", model="a model", tokens_in=90, flops=700))
    assistant = Assistant(index.retriever, index.store, [Saying(FOUND)], model=Saying(vain), policy=always)
    answer = assistant.answer("What is it?", access=Access())
    assert (answer.text, answer.status) == ("forty two", "answered")
    assert (answer.cost.path, answer.cost.model, answer.cost.flops) == ("second", "a model", 700)


def test_after_a_last_word_nobody_guesses(index: Index) -> None:
    for said, text in ((NOTHING, "no"), (None, "forty two")):
        row: list[Solver] = [LastWord(Saying(said)), Saying(FOUND)]
        answer = Assistant(index.retriever, index.store, row).answer("What is it?", access=Access())
        assert answer.text == text
