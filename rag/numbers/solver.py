"""ONE TABLE + WHAT IS ASKED -> the rows and cells that the programs compute with, and how well they fit.

Knows how the words and periods of a question find cells, and what a finding is. Knows no program: those are in `look_up`,
`ratios`, `changes`, `sums` and `compared`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.quantity import Quantity
from core.table import Cell, Series, TypedTable
from rag.numbers import calc
from rag.numbers.calc import Operand, Refused, rounded
from rag.numbers.match import Match, Matcher, period_key
from rag.numbers.question import Asked, Operation, expanded


@dataclass(frozen=True, slots=True)
class Run:
    """What a program found in a table, and how well the table's words fit the question's; `named`: of a look-up, the share
    of the question's weight that the row says.
    """

    texts: tuple[str, ...]
    score: float
    margin: float
    quantity: Quantity | None = None
    derivation: str = ""
    operands: tuple[Operand, ...] = ()
    named: float = 1.0


_OF_ENDS: frozenset[Operation] = frozenset(["change", "percentage_change", "growth_rate", "average_change"])


class Solver:
    """One question over one table; `source` counts the tables from 0."""

    def __init__(self, asked: Asked, table: TypedTable, source: int) -> None:
        self.asked, self.table, self.source = asked, table, source
        self.matcher = Matcher(table)
        self.periods = expanded(
            asked.periods, table.periods, span=asked.span and asked.operation not in _OF_ENDS
        )

    def ranked(self, words: str = "", periods: Sequence[str] | None = None) -> list[Match]:
        asked = self.asked
        wants_change = asked.operation == "look_up" and bool(
            re.search(
                r"\b(?:change|variance|increase|decrease)\b|变动|变化|增", asked.question, re.IGNORECASE
            )
        )
        percentage = self._wants_percentage()
        return self.matcher.rank(
            words or asked.question, periods=self.periods if periods is None else periods,
            change_column=wants_change, percentage=percentage,
        )  # fmt: skip

    def _wants_percentage(self) -> bool | None:
        """A look-up of a percentage wants one; of what is called no rate an amount is asked, and amounts are computed with."""
        asked = self.asked
        if asked.operation == "look_up" and asked.as_percentage:
            return True
        of_amounts = asked.operation in ("look_up", "sum", "average", "change", "average_change", "ratio")
        return False if of_amounts and not RATE.search(asked.question) else None

    def best(self, words: str = "", periods: Sequence[str] | None = None) -> tuple[Series, float, float]:
        matches = self.ranked(words, periods)
        margin = matches[0].score - matches[1].score if len(matches) > 1 else 1.0
        return matches[0].series, matches[0].score, margin

    def cell(self, series: Series, period: str) -> Cell | None:
        key = period_key(series.cells, period)
        if key is None and set(series.cells) == {""}:
            return series.cells[""]
        return None if key is None else series.cells[key]

    def cells(self, series: Series, periods: Sequence[str]) -> list[Cell]:
        found = (self.cell(series, period) for period in periods)
        return [cell for cell in found if cell]

    def in_time(self, series: Series) -> list[Cell]:
        """The cells by period, earliest first."""
        return [series.cells[key] for key in sorted(key for key in series.cells if key)]

    def within(self, series: Series) -> list[Cell]:
        """The quarters or months of the one year that is asked for, earliest first; none where the year itself is printed."""
        year = self.periods[0] if len(self.periods) == 1 else ""
        inside = [cell for cell in self.in_time(series) if len(cell.period) > 4 and cell.period[:4] == year]
        return inside if len(inside) > 1 and year not in series.cells else []

    def operand(self, cell: Cell) -> Operand:
        row = cell.label or cell.section
        return Operand(cell.quantity, cell.raw, row, cell.heading, cell.period, cell.at, self.source)

    def operands(self, cells: Sequence[Cell]) -> list[Operand]:
        return [self.operand(cell) for cell in cells]

    def missing(self, series: Series) -> Refused:
        absent = [period for period in self.periods if self.cell(series, period) is None]
        return Refused("missing", f"{series.label} {', '.join(absent)}".strip())


RATE = re.compile(
    r"%|\b(?:per ?cent\w*|rates?|margins?|shares? of|yields?|roi|roe|roce|rofe|return|weight\w*|volatility|growth|proportion)\b|[率占]|百分",
    re.IGNORECASE,
)


def one_cell(solver: Solver, series: Series) -> Cell | None:
    """At the first period that is asked for, else the latest."""
    if solver.periods:
        return solver.cell(series, solver.periods[0])
    timed = solver.in_time(series)
    return timed[-1] if timed else next(iter(series.cells.values()))


def at(solver: Solver, series: Series, period: str) -> Cell | None:
    return solver.cell(series, period) if period else one_cell(solver, series)


def copied(solver: Solver, cells: Sequence[Cell], score: float, margin: float) -> Run:
    return Run(
        tuple(cell.raw for cell in cells),
        score,
        margin,
        cells[0].quantity if cells else None,
        "",
        tuple(solver.operands(cells)),
    )


def computed(outcome: calc.Outcome, score: float, margin: float) -> Run | Refused:
    if isinstance(outcome, Refused):
        return outcome
    quantity = outcome.quantity
    return Run(
        (f"{rounded(quantity.value, 2)}",), score, margin, quantity, outcome.derivation, outcome.operands
    )
