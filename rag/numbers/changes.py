"""CHANGES: by how much, by what share or at what yearly rate a row moved between two periods, or one row differs from another.

Knows which two cells are the ends, and the column that prints the change itself. Knows nothing of means: the change of an
average is in `sums`.
"""

import re

from core.table import Cell, Series
from rag.numbers import calc
from rag.numbers.calc import Derived, Refused
from rag.numbers.solver import Run, Solver, computed, copied, one_cell


def change(solver: Solver) -> Run | Refused | None:
    if solver.asked.parts:
        return _between_items(solver)
    found = _with_ends(solver)
    if isinstance(found, Refused):
        return _printed_change(solver) or found
    _, score, margin, (later, earlier) = found
    fell = _FALL.search(solver.asked.question) and later.quantity.amount < earlier.quantity.amount
    ends = (earlier, later) if fell else (later, earlier)  # "by how much did it fall?" "By 3."
    outcome = calc.subtract(*solver.operands(ends))
    return computed(outcome, score, margin)


_FALL = re.compile(
    r"^(?!.*\b(?:increase|change|rise|grow)).*\b(?:decreased?|declined?|fall|fell|dropp?(?:ed)?) by\b",
    re.IGNORECASE,
)


def percentage_change(solver: Solver) -> Run | Refused | None:
    if solver.asked.parts:
        return _between_items(solver)
    found = _with_ends(solver)
    if isinstance(found, Refused):
        return _printed_change(solver) or found
    series, score, margin, (later, earlier) = found
    printed = _percentage_column(solver, series) if len(series.cells) == 2 else None
    if printed:
        return copied(solver, [printed], score, margin)
    program = calc.subtract if later.quantity.unit == "%" else calc.percentage_change
    return computed(program(solver.operand(later), solver.operand(earlier)), score, margin)


def _percentage_column(solver: Solver, series: Series) -> Cell | None:
    """The cell that prints the percentage change of this row."""
    for other in solver.table.series:
        same_row = other.row == series.row and other.is_percentage and len(other.cells) == 1
        if same_row and re.search(
            r"change|variance|increase|decrease|vs|变动|增减|增长", other.heading, re.IGNORECASE
        ):
            return next(iter(other.cells.values()))
    return None


def growth_rate(solver: Solver) -> Run | Refused | None:
    found = _with_ends(solver)
    if isinstance(found, Refused):
        return found
    series, score, margin, (later, earlier) = found
    if not solver.periods:
        earlier = solver.in_time(series)[0]
    years = int(later.period[:4]) - int(earlier.period[:4])
    return computed(calc.growth_rate(solver.operand(later), solver.operand(earlier), years), score, margin)


def _ends(solver: Solver, series: Series) -> tuple[Cell, Cell] | None:
    """The later and the earlier cell of a change."""
    timed = solver.in_time(series)
    if len(solver.periods) >= 2:
        cells = sorted(solver.cells(series, solver.periods), key=lambda cell: cell.period)
        return (cells[-1], cells[0]) if len(cells) >= 2 and cells[0] is not cells[-1] else None
    if len(solver.periods) == 1:
        cell = solver.cell(series, solver.periods[0])
        before = [
            other
            for other in timed
            if cell and other.period < cell.period and len(other.period) == len(cell.period)
        ]
        return (cell, before[-1]) if cell and before else None
    return (timed[-1], timed[-2]) if len(timed) > 1 else None


def _with_ends(solver: Solver) -> tuple[Series, float, float, tuple[Cell, Cell]] | Refused:
    """The best series that holds both ends of the change."""
    matches = solver.ranked()
    for position, match in enumerate(matches[:4]):
        ends = _ends(solver, match.series)
        if ends and match.score > matches[0].score - 0.4:
            margin = match.score - matches[position + 1].score if position + 1 < len(matches) else 1.0
            return match.series, match.score, margin, ends
    return solver.missing(matches[0].series)


def _between_items(solver: Solver) -> Run | Refused | None:
    first, score, margin = solver.best(solver.asked.parts[0])
    second, other_score, other_margin = solver.best(solver.asked.parts[1])
    if first is second:
        return None
    one, other = one_cell(solver, first), one_cell(solver, second)
    if not one or not other:
        return solver.missing(first)
    if solver.asked.operation == "percentage_change":
        outcome = calc.percentage_change(solver.operand(one), solver.operand(other))
        return computed(outcome, min(score, other_score), min(margin, other_margin))
    outcome = calc.subtract(solver.operand(one), solver.operand(other))
    if isinstance(outcome, Derived) and outcome.quantity.value < 0 and not solver.asked.exact_sides:
        outcome = calc.subtract(solver.operand(other), solver.operand(one))
    return computed(outcome, min(score, other_score), min(margin, other_margin))


def _printed_change(solver: Solver) -> Run | None:
    """The cell of a column that prints the change itself."""
    matches = solver.matcher.rank(solver.asked.question, change_column=True)
    for match in matches[:3]:
        if re.search(
            r"\b(?:change|variance|increase|decrease)\b|变动|增减", match.series.heading, re.IGNORECASE
        ):
            cell = next(iter(match.series.cells.values()))
            return copied(solver, [cell], match.score, 0.1)
    return None
