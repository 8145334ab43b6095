"""The query path, from top to bottom: QUESTION -> ANSWER in which every sentence has its place.

    guard      an empty or over-long question is refused
    plan       language, kind, names, periods, pages; a follow-up becomes a question of its own
    retrieve   dense and sparse search under the caller's access, fused
    context    the passages that fit the budget, without repeats, as evidence S1, S2 ...
    answer     a row of solvers, the cheapest first; a model, where there is one and the policy asks it;
               each sentence with the words that it stands on, or "not in the documents" with the reason
    check      what was answered against the evidence, whoever answered

Knows nothing of backends: parts come in by the constructor.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import date
from time import perf_counter

from core.errors import BackendError, InputError
from core.ports import Answerer, VectorStore
from core.types import Access, Answer, Evidence, Message
from rag.context import build_context
from rag.plan import Plan, plan
from rag.policy import Policy, unproved
from rag.retrieve import Retriever
from rag.row import Check, Solver, Task, solve, unchanged

CANDIDATES = 40  # hits from which the evidence is chosen
_PIECES = re.compile(r".+?(?:\]\s*|$)", re.DOTALL)  # a sentence with its labels


class Assistant:
    """`solvers` in the order in which they are tried; `model` speaks where `policy` says so.

    `evidence_tokens`: about how many tokens of passages one answer may read.
    """

    def __init__(
        self,
        retriever: Retriever,
        store: VectorStore,
        solvers: Sequence[Solver],
        *,
        model: Answerer | None = None,
        policy: Policy = unproved,
        check: Check = unchanged,
        evidence_tokens: int = 3000,
        longest_question: int = 8000,
    ) -> None:
        self._retriever = retriever
        self._store = store
        self._solvers = solvers
        self._model = model
        self._policy = policy
        self._check = check
        self._evidence_tokens = evidence_tokens
        self._longest_question = longest_question

    def answer(
        self,
        question: str,
        *,
        access: Access,
        history: Sequence[Message] = (),
        as_of: date | None = None,
    ) -> Answer:
        """The whole answer. Raises InputError for an empty or over-long question.

        For callers without an event loop; others take the last piece of `stream`.
        """
        return asyncio.run(self._whole(question, access, history, as_of))

    async def stream(
        self,
        question: str,
        *,
        access: Access,
        history: Sequence[Message] = (),
        as_of: date | None = None,
    ) -> AsyncGenerator[str | Answer]:
        """Pieces of the text as they come, and last the whole `Answer`. `as_of`: from what was known
        on that day.
        """
        self._guard(question)
        clock = _Clock()
        asked = self._plan(question, history, clock)
        evidence = await asyncio.to_thread(self._evidence, asked, access, as_of, clock)
        documents = await asyncio.to_thread(self._retriever.known, access, as_of)
        task = Task(asked, tuple(evidence), access, tuple(history), documents, question)
        with clock.stage("answer"):
            answer = await asyncio.to_thread(solve, self._solvers, task)
        if self._model and self._policy(task, answer):
            answer = await self._spoken(self._model, question, task, answer, clock)
        if answer is None:
            raise BackendError("no solver gave an answer or a reason")
        with clock.stage("check"):
            answer = self._check(task, answer)
        for words in _PIECES.findall(answer.text):
            yield words
        yield _with_time(answer, clock)

    async def _spoken(
        self, model: Answerer, question: str, task: Task, proved: Answer | None, clock: "_Clock"
    ) -> Answer | None:
        """The model's answer. Where the model is down, or finds nothing where the solvers did, theirs; what
        the model cost stays in it.
        """
        with clock.stage("model"):
            try:
                async for piece in model.stream(question, task.evidence, task.history):
                    if isinstance(piece, Answer):
                        if proved is None or piece.status != "not_found" or unproved(task, proved):
                            return piece
                        return replace(proved, cost=replace(piece.cost, path=proved.cost.path))
            except BackendError as error:
                if proved is None:
                    raise
                reason = f"{proved.reason}; {error.message}" if proved.reason else error.message
                return replace(proved, reason=f"answered without the model: {reason}")
        raise BackendError("the model ended without an answer")

    async def _whole(
        self, question: str, access: Access, history: Sequence[Message], as_of: date | None
    ) -> Answer:
        async with aclosing(self.stream(question, access=access, history=history, as_of=as_of)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Answer):
                    return piece
        raise BackendError("the answerer ended without an answer")

    def _guard(self, question: str) -> None:
        if not question.strip():
            raise InputError("the question is empty", param="question")
        if len(question) > self._longest_question:
            message = (
                f"the question has {len(question):,} characters; at most {self._longest_question:,} are taken"
            )
            raise InputError(message, param="question")

    def _plan(self, question: str, history: Sequence[Message], clock: "_Clock") -> Plan:
        with clock.stage("plan"):
            return plan(question, history)

    def _evidence(self, asked: Plan, access: Access, as_of: date | None, clock: "_Clock") -> list[Evidence]:
        with clock.stage("retrieve"):
            hits = self._retriever.search(asked, access=access, limit=CANDIDATES, as_of=as_of)
        with clock.stage("context"):
            return build_context(hits, asked, store=self._store, access=access, budget=self._evidence_tokens)


class _Clock:
    """Wall seconds of each stage."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._began[name] = perf_counter()
        try:
            yield
        finally:
            self._ended[name] = perf_counter()

    @property
    def seconds(self) -> dict[str, float]:
        """Of a stage that still runs, until now."""
        now = perf_counter()
        return {name: self._ended.get(name, now) - began for name, began in self._began.items()}


def _with_time(answer: Answer, clock: _Clock) -> Answer:
    return replace(answer, cost=replace(answer.cost, seconds=clock.seconds))
