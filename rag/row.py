"""ANSWERERS IN A ROW: the cheapest path that can prove its answer answers.

Each solver either gives an answer with its citations, or says nothing, or says why there is none. The
first that answers, wholly or in part, ends the search; after it comes the check, whoever answered.
Where no solver could, the reason of the last one stands; a solver may have the last word. `Answer.cost.path` names the solver.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.types import Access, Answer, AnswerStatus, Evidence, Message
from rag.plan import Plan

SETTLED: frozenset[AnswerStatus] = frozenset({"answered", "partial"})


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked, by whom, and what may be read for it. `asked` stands alone, without `history`.

    `question` is the last message as it was written; `documents`: a solver that looks further than the evidence looks in no others; None: in all.
    """

    asked: Plan
    evidence: tuple[Evidence, ...]
    access: Access
    history: tuple[Message, ...] = ()
    documents: frozenset[str] | None = None
    question: str = ""


class Solver(Protocol):
    def solve(self, task: Task) -> Answer | None:
        """None: the question is not of this solver's kind, or it cannot prove an answer."""
        ...


@dataclass(frozen=True, slots=True)
class LastWord:
    """A solver whose reason why there is no answer ends the row: none after it may guess the figure."""

    solver: Solver

    def solve(self, task: Task) -> Answer | None:
        return self.solver.solve(task)


Check = Callable[[Task, Answer], Answer]
"""Judges an answer against its evidence: may mark or withhold, set claims, status and reason."""


def unchanged(_task: Task, answer: Answer) -> Answer:
    """The check that lets everything pass."""
    return answer


def solve(solvers: Sequence[Solver], task: Task) -> Answer | None:
    """The first answer that settles the task, else the last reason why there is none, else None."""
    outcome: Answer | None = None
    for solver in solvers:
        found = solver.solve(task)
        if found and (found.status in SETTLED or isinstance(solver, LastWord)):
            return found
        outcome = found or outcome
    return outcome
