"""QUESTION + TABLES + PARAGRAPHS -> ANSWER: cells looked up or computed with, or words of a paragraph.

The path: read the question, run its program over the series that it names, read the paragraphs, and
take the one that fits better. Every value keeps its operands; what cannot be computed says why.
The programs themselves are in `look_up`, `ratios`, `changes`, `sums` and `compared`.
Ambiguity lowers `confidence`; callers decide from which confidence on an answer is shown as one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.quantity import Quantity
from core.table import Rows, read_table
from rag.numbers.calc import Operand, Refused
from rag.numbers.changes import change, growth_rate, percentage_change
from rag.numbers.compared import count, listed, periods, which_item, which_period
from rag.numbers.look_up import look_up
from rag.numbers.prose import Reckoned, reckoned
from rag.numbers.question import Asked, Operation, read_question
from rag.numbers.ratios import ratio
from rag.numbers.solver import RATE, Run, Solver
from rag.numbers.sums import average, average_change, summed
from rag.numbers.sure import Signs, likely_right
from rag.numbers.text import Found, Reader

Origin = Literal["table", "text", "nothing"]


@dataclass(frozen=True, slots=True)
class NumberAnswer:
    """`texts` are the parts of the answer as printed or computed; `quantity` the first value, exact.

    `scale` is the power of ten that holds for `texts`. `derivation` is empty for what is copied.
    `reason` says why there is no answer; `texts` is empty then. `confidence` is from 0 to 1; for what a table answers it
    comes of `signs`.
    """

    texts: tuple[str, ...]
    origin: Origin
    operation: Operation
    quantity: Quantity | None = None
    derivation: str = ""
    operands: tuple[Operand, ...] = ()
    confidence: float = 0.0
    reason: str = ""
    sentence: str = ""
    signs: Signs | None = None

    @property
    def scale(self) -> int:
        """Words of a paragraph carry their scale themselves."""
        return self.quantity.scale if self.quantity and self._is_bare else 0

    @property
    def unit(self) -> str:
        return self.quantity.unit if self.quantity and self._is_bare else ""

    @property
    def _is_bare(self) -> bool:
        """Are `texts` numbers without their scale and unit?"""
        return self.origin == "table" or bool(self.derivation)


def answer_over(question: str, tables: Sequence[Rows], paragraphs: Sequence[str]) -> NumberAnswer:
    """The best answer that the tables and paragraphs give; empty, with the reason, where there is none."""
    asked = read_question(question)
    runs: list[Run] = []
    refused: Refused | None = None
    for number, rows in enumerate(tables):
        outcome = _run(Solver(asked, read_table(rows, paragraphs), number))
        if isinstance(outcome, Refused):
            refused = refused or outcome
        elif outcome:
            runs.append(outcome)
    run = max(runs, key=lambda each: each.score, default=None)
    reader = Reader(paragraphs)
    found = reader.best(asked)
    if told := reckoned(asked, reader, run.score if run else 0.0, min(run.margin, 1.0) if run else 0.0):
        return _reckoned(asked, told)
    if run and _prefers_table(asked, run, found):
        signs = Signs(asked.operation, run.score, min(run.margin, 1.0), run.named)
        return NumberAnswer(
            run.texts,
            "table",
            asked.operation,
            run.quantity,
            run.derivation,
            run.operands,
            likely_right(signs),
            signs=signs,
        )
    if refused and not runs and asked.operation in _COMPUTED:
        return NumberAnswer((), "nothing", asked.operation, reason=refused.reason(asked.language))
    if found is None or found.score <= 0:
        missing = Refused("missing", asked.question.rstrip("?？ "))
        return NumberAnswer((), "nothing", asked.operation, reason=missing.reason(asked.language))
    return _from_text(asked, found)


_COMPUTED: frozenset[Operation] = frozenset(
    ["ratio", "average", "average_change", "percentage_change", "change", "growth_rate", "sum"]
)


def _reckoned(asked: Asked, told: Reckoned) -> NumberAnswer:
    return NumberAnswer(
        told.texts, "text", asked.operation, told.quantity, told.derivation, told.operands,
        confidence=_TOLD, sentence=told.sentence,
    )  # fmt: skip


def _from_text(asked: Asked, found: Found) -> NumberAnswer:
    return NumberAnswer(
        found.texts, "text", asked.operation, found.quantity,
        confidence=_of_text(found), sentence=found.sentence,
    )  # fmt: skip


# ---------------------------------------------------------------- table or text


_WHOLE, _PART = 0.9, 0.7  # a sentence says (nearly) all that is asked, a row but a part of it


def _says_more(asked: Asked, found: Found, run: Run) -> bool:
    """Does the sentence give the amount, for each period, of what the row only names in part?"""
    quantity = found.quantity
    fits = quantity and (quantity.unit not in ("%", "pp") or bool(RATE.search(asked.question)))
    of_each = len(found.texts) >= len(asked.periods)
    return bool(fits) and of_each and found.covered >= _WHOLE and run.named < _PART


def _prefers_table(asked: Asked, run: Run, found: Found | None) -> bool:
    text = found.score if found else 0.0
    if asked.operation in ("cause", "text"):
        return False
    if asked.operation in _COMPUTED or asked.operation in ("which_period", "periods", "which_item"):
        return True
    if asked.operation == "count":
        return True
    if asked.operation == "list":
        return run.score > 0.9
    if not _asks_number(asked) or (found and _says_more(asked, found, run)):
        return False
    return run.score > 1.2 and run.score - 0.6 * text > 0.5


def _asks_number(asked: Asked) -> bool:
    return bool(
        asked.periods
        or re.search(
            r"\bhow (?:much|many)\b|\b(?:amounts?|total|value|rates?|price|number|percentage|costs?|expenses?|revenues?|income|balance|profit|loss|sales|cash|margin|assets|liabilities|shares|interest|tax|equity|values?|prices|net)\b|多少|金额|比例|合计",
            asked.question, re.IGNORECASE,
        )
    )  # fmt: skip


# ---------------------------------------------------------------- programs over one table


_Program = Callable[[Solver], Run | Refused | None]


def _run(solver: Solver) -> Run | Refused | None:
    if not solver.table.series:
        return None
    program = _PROGRAMS.get(solver.asked.operation)
    return program(solver) if program else None


_PROGRAMS: dict[Operation, _Program] = {
    "look_up": look_up,
    "change": change,
    "percentage_change": percentage_change,
    "growth_rate": growth_rate,
    "average": average,
    "average_change": average_change,
    "sum": summed,
    "ratio": ratio,
    "which_period": which_period,
    "which_item": which_item,
    "count": count,
    "periods": periods,
    "list": listed,
}


# ---------------------------------------------------------------- how sure


_TOLD = 0.88  # the share that was right of what one sentence answers by itself


def _of_text(found: Found) -> float:
    """A quarter of what is copied from paragraphs was right, a third of what fits best."""
    return 0.1 + 0.25 * min(found.score, 1.0)
