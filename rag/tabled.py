"""EVIDENCE -> WHAT A TABLE SAYS AS A WHOLE: how many periods or items pass a bound, which period does, which are there.

A `rag.row.Solver` over `rag.numbers.answer` for questions whose answer is no single cell and no calculation. Each table
of the evidence is read with the sentences of its own document beside it; the surest answer counts, if it is sure
enough, and every value that was compared is shown and cited. Look-ups, changes and ratios it leaves to others.
"""

from collections.abc import Sequence

from core.text import normalize
from core.types import Answer, Cost, Evidence
from core.values import printed_rows
from rag.cite import Quote, Statement, cite
from rag.doubt import names_strangers
from rag.numbers.answer import NumberAnswer, answer_over
from rag.numbers.grain import are_daily
from rag.numbers.question import Operation, read_question
from rag.row import Task

_HANDLED: frozenset[Operation] = frozenset(["count", "which_period"])
_SURE = 0.75  # on TAT-QA's development set nineteen of twenty such answers were right
_COST = Cost(path="tabled")


class TabledAnswerer:
    """Stateless; safe to share between threads."""

    def solve(self, task: Task) -> Answer | None:
        plan = task.asked
        if plan.parts or read_question(plan.question).operation not in _HANDLED or names_strangers(task):
            return None
        tables = [item for item in task.evidence if item.chunk.kind == "table"]
        read = [(item, _answered(plan.question, item, task.evidence)) for item in tables]
        sure = [(item, found) for item, found in read if found.confidence >= _SURE and found.operands]
        if any(are_daily([operand.period for operand in found.operands]) for _, found in sure):
            return None  # of which one passage holds a part
        if not sure:
            return None
        item, found = max(sure, key=lambda each: each[1].confidence)
        quotes = _cells(item, found)
        if len(quotes) < len(found.operands):
            return None
        between = "、" if plan.language == "zh" else ", "
        lead = Statement(between.join(found.texts), tuple(quotes.values()), "derived", found.derivation)
        text = cite([lead, *_table(found, quotes)], task.evidence, between="\n")
        return Answer(
            text.text,
            "answered",
            text.citations,
            text.claims,
            evidence=task.evidence,
            cost=_COST,
            confidence=found.confidence,
        )


def _answered(question: str, item: Evidence, evidence: Sequence[Evidence]) -> NumberAnswer:
    """What the table says, with the sentences of its document beside it, which may state its unit."""
    rows = [[cell.text for cell in row] for row in printed_rows(normalize(item.chunk.text))]
    lines = [line for line in item.chunk.text.split("\n") if line.strip() and "|" not in line]
    beside = [
        other.chunk.text
        for other in evidence
        if other.chunk.doc_id == item.chunk.doc_id and other.chunk.kind == "text"
    ]
    return answer_over(question, [rows], [*lines, *beside])


def _cells(item: Evidence, found: NumberAnswer) -> dict[tuple[int, int], Quote]:
    """The place of each operand in the passage."""
    lines = printed_rows(item.chunk.text)
    return {
        operand.at: Quote(item.key, (cell := lines[operand.at[0]][operand.at[1]]).start, cell.end)
        for operand in found.operands
        if operand.at
    }


def _table(found: NumberAnswer, quotes: dict[tuple[int, int], Quote]) -> list[Statement]:
    """The values that were compared."""
    rows = [
        Statement(f"| {operand.period or operand.row} | {operand.raw} |", (quotes[operand.at],))
        for operand in found.operands
        if operand.at
    ]
    return [Statement(f"| {found.operands[0].row} | |", ()), Statement("|---|---|", ()), *rows]
