"""YES-NO QUESTION -> "Yes.", "No." or "It is unclear.", with the sentence that says so.

A `rag.row.Solver`: the passages of the document that speaks most of the question are read sentence by sentence
(`rag/stance.py`). Where they do not hold enough of the question, or are hardly about it, it says
nothing, and the solvers after it decide. Comparisons and questions of several parts it leaves to others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from core.types import Answer, Citation, Claim, Cost
from rag.cite import Quote, Statement, cite
from rag.doubt import ENOUGH
from rag.match import coverage
from rag.plan import sides_of
from rag.relevance import Question, Scored
from rag.row import Task
from rag.stance import WORDS, Said, Verdict, asks_yes_or_no, asserts, denies, hedges, verdict
from rag.units import Unit, units_of

T = TypeVar("T", Citation, Claim)

_HELD = 0.35  # of the question's weight that the document has to hold
SURE = 0.7  # from here on a verdict is shown: out of fold seven of ten such are right
_COST = Cost(path="yes-no")


@dataclass(frozen=True, slots=True)
class Ruling:
    """`sure`: how likely the verdict is, 0 to 1. `unit`: the sentence that is shown for it. `held`: the share of
    the question's weight that its document holds.
    """

    verdict: Verdict
    sure: float
    unit: Unit
    held: float


class YesNoAnswerer:
    """`likely`: how likely the evidence answers a question at all. Safe to share between threads."""

    def __init__(self, likely: Callable[[Task], float]) -> None:
        self._likely = likely

    def solve(self, task: Task) -> Answer | None:
        ruling = rule(task)
        if ruling is None or not is_shown(ruling):
            return None  # a verdict that is hardly better than chance is none: the sentences alone are shown
        likely = self._likely(task)
        if likely < ENOUGH:
            return None  # of another drug or another disease the documents may say anything
        language = task.asked.language
        unit = ruling.unit
        cited = cite(
            [Statement(unit.text, (Quote(unit.evidence.key, unit.start, unit.end),))],
            task.evidence,
        )
        lead = WORDS[language][ruling.verdict] + ("" if language == "zh" else " ")
        by = len(lead)
        return Answer(
            f"{lead}{cited.text}",
            "answered",
            citations=tuple(_moved(item, by) for item in cited.citations),
            claims=tuple(_moved(item, by) for item in cited.claims),
            evidence=task.evidence,
            cost=_COST,
            confidence=min(ruling.sure, likely),
        )


def is_shown(ruling: Ruling) -> bool:
    return ruling.sure >= SURE and ruling.held >= _HELD


def rule(task: Task) -> Ruling | None:
    """The verdict over the document that speaks most of the question; None where nothing can be asked of it."""
    heard = _heard(task)
    if heard is None:
        return None
    question, read = heard
    found, sure = verdict(task.asked.question, _said(question, read))
    unit = _shown(found, read).unit
    if found == "yes" and question.moves_against(unit):  # "Did sales fall?" "Sales rose by 5 %."
        found = "no"
    held = frozenset(term for item in read for term in item.unit.terms) | unit.heading
    return Ruling(found, sure, unit, coverage(question.weights, held))


def said_of(task: Task) -> list[Said] | None:
    """The sentences that a verdict rests on, as `rag.stance` takes them."""
    heard = _heard(task)
    return _said(*heard) if heard else None


def _heard(task: Task) -> tuple[Question, list[Scored]] | None:
    """The question and the sentences of the document that speaks most of it, in their order."""
    asked = task.asked
    if asked.parts or sides_of(asked) or not asks_yes_or_no(asked.question):
        return None
    question = Question(asked, task.evidence)
    scored = [question.score(unit) for item in task.evidence for unit in units_of(item) if unit.row is None]
    best = max(scored, key=lambda item: (item.score, item.unit.key), default=None)
    if best is None or question.absent_codes() or best.unit.evidence.chunk.kind == "record":
        return None  # a line of a record is shown as it is: "Effective: 2024-03-05" asserts nothing
    document = best.unit.evidence.chunk.doc_id
    read = sorted((item for item in scored if item.unit.evidence.chunk.doc_id == document), key=_position)
    return None if question.period_sign(best.unit) == -1 else (question, read)


def _said(question: Question, read: list[Scored]) -> list[Said]:
    return [Said(item.unit.text, question.own_coverage(item.unit)) for item in read]


def _position(item: Scored) -> tuple[int, int]:
    return item.unit.evidence.chunk.ordinal, item.unit.start


def _shown(found: Verdict, read: list[Scored]) -> Scored:
    """The sentence of that verdict that says most of what is asked; the later one where two say as much."""
    says = {"yes": asserts, "no": denies, "unclear": hedges}[found]
    fitting = [item for item in read if says(item.unit.text)] or read
    return max(fitting, key=lambda item: (item.covered, _position(item)))


def _moved(span: T, by: int) -> T:
    return replace(span, start=span.start + by, end=span.end + by)
