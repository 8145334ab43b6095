"""QUESTION + PARAGRAPHS -> what one sentence answers where a table does not: a program over the amounts that it tells for
several years, or the change that it states.

A sentence is taken only where it speaks of all that is asked and the rows of the table do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.quantity import Quantity
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Outcome
from rag.numbers.question import Asked, Operation
from rag.numbers.text import OverTime, Reader

_SPEAKS_OF_IT = 0.9  # the score of a sentence that holds nearly all that is asked
_NAMED = 2.0  # the score of a row that bears the name of what is asked, with half its lead over the next
_FITS = 1.0  # ... that hold some of it


@dataclass(frozen=True, slots=True)
class Reckoned:
    """`derivation` is empty for a change that the sentence states itself."""

    texts: tuple[str, ...]
    quantity: Quantity
    score: float
    sentence: str
    derivation: str = ""
    operands: tuple[Operand, ...] = ()


def reckoned(asked: Asked, reader: Reader, table: float, lead: float) -> Reckoned | None:
    """`table`: how well the best row fits, 0 where none does; `lead`: how much better than the next."""
    if asked.operation == "change" and not asked.parts and (len(asked.periods) < 2 or table < _FITS):
        stated = reader.moved(asked)
        if stated and stated.quantity and stated.score >= _SPEAKS_OF_IT:
            return Reckoned(stated.texts, stated.quantity, stated.score, stated.sentence)
    program, years = _PROGRAMS.get(asked.operation), _years(asked)
    if program is None or len(years) < 2 or table + lead / 2 >= _NAMED:
        return None
    over_time = reader.over_time(asked, years)
    if over_time is None or over_time.score < _SPEAKS_OF_IT:
        return None
    outcome = program(_operands(over_time, years))
    if not isinstance(outcome, Derived):
        return None
    value = calc.rounded(outcome.quantity.value, 2)
    return Reckoned(
        (f"{value}",),
        outcome.quantity,
        over_time.score,
        over_time.sentence,
        outcome.derivation,
        outcome.operands,
    )


def _years(asked: Asked) -> list[str]:
    """The asked years, those inside a range among them; none where a part of a year is asked."""
    if any(len(period) != 4 for period in asked.periods):
        return []
    if asked.span and asked.operation in ("sum", "average"):
        first, last = sorted(map(int, asked.periods))
        return [str(year) for year in range(first, last + 1)]
    return list(asked.periods)


def _operands(over_time: OverTime, years: Sequence[str]) -> list[Operand]:
    """Earliest first."""
    found = [
        Operand(item.quantity, over_time.sentence[item.start : item.end], period=year)
        for item, year in zip(over_time.amounts, years, strict=True)
    ]
    return sorted(found, key=lambda operand: operand.period)


def _between_ends(program: calc.Program) -> Callable[[Sequence[Operand]], Outcome]:
    return lambda operands: program(operands[-1], operands[0])


def _relative(later: Operand, earlier: Operand) -> Outcome:
    """Of percentages the change is in points."""
    program = calc.subtract if later.quantity.unit == "%" else calc.percentage_change
    return program(later, earlier)


_PROGRAMS: dict[Operation, Callable[[Sequence[Operand]], Outcome]] = {
    "sum": calc.add,
    "average": calc.average,
    "change": _between_ends(calc.subtract),
    "percentage_change": _between_ends(_relative),
}
