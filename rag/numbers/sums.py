"""SUMS AND AVERAGES: over the periods of one row or over several named rows, and the differences between averages.

Knows which cells go in, and that a "2019 average" is the mean of the year and the year before. A row that is an average itself
is looked up.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from core.table import Cell, Series
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Refused
from rag.numbers.look_up import look_up, named_items
from rag.numbers.match import plain_words
from rag.numbers.solver import Run, Solver, computed, one_cell


def summed(solver: Solver) -> Run | Refused | None:
    if len(solver.periods) <= 1:
        items = _summed_items(solver)
        if items:
            return computed(calc.add(solver.operands(items[0])), items[1], 0.3)
    series, score, margin = solver.best()
    cells = solver.cells(series, solver.periods) if solver.periods else solver.in_time(series)
    if len(cells) < 2:
        return look_up(solver)
    return computed(_magnitude(calc.add(solver.operands(cells)), cells), score, margin)


def _summed_items(solver: Solver) -> tuple[list[Cell], float] | None:
    named = named_items(solver)
    if len(named) < 2:
        return None
    cells = [cell for series, _ in named if (cell := one_cell(solver, series))]
    return cells, min(score for _, score in named)


def _magnitude(outcome: calc.Outcome, cells: Sequence[Cell]) -> calc.Outcome:
    """Costs printed below zero are spoken of without their sign."""
    costs = all(cell.quantity.value <= 0 for cell in cells) and any(
        re.search(
            r"expense|loss|allowance|cost|deficit|amortization|depreciation|payments?|费用|亏损|成本",
            f"{cell.label} {cell.section}",
            re.IGNORECASE,
        )
        for cell in cells
    )
    if isinstance(outcome, Derived) and costs:
        quantity = replace(outcome.quantity, value=abs(outcome.quantity.value))
        return replace(outcome, quantity=quantity)
    return outcome


def average(solver: Solver) -> Run | Refused | None:
    series, score, _ = solver.best()
    of_one_row = "," in series.label and plain_words(series.label) in plain_words(solver.asked.question)
    if len(solver.periods) <= 1 and not of_one_row and (items := _summed_items(solver)):
        cells, score = items
    else:
        if _is_average_itself(solver, series):
            return look_up(solver)
        cells = _averaged_cells(solver, series)
    _, _, margin = solver.best()
    if not cells:
        return solver.missing(solver.best()[0])
    outcome = calc.average(solver.operands(cells))
    return computed(_magnitude(outcome, cells), score, margin)


def _is_average_itself(solver: Solver, series: Series) -> bool:
    """True when the one average of the question is the row's own ("average selling price")."""
    asked = len(re.findall(r"\baverage\b|平均", solver.asked.question, re.IGNORECASE))
    return (
        bool(re.search(r"\baverage\b|平均", series.label, re.IGNORECASE))
        and asked == 1
        and len(solver.periods) <= 1
    )


def _averaged_cells(solver: Solver, series: Series) -> list[Cell]:
    """The cells of all asked periods; "2019 average X" is the mean of the year and the year before."""
    if not solver.periods:
        return solver.in_time(series) or list(series.cells.values())
    if inside := solver.within(series):
        return inside
    cells = solver.cells(series, solver.periods)
    if len(solver.periods) == 1 and cells:
        before = [cell for cell in solver.in_time(series) if cell.period < cells[0].period]
        return [cells[0], before[-1]] if before else cells
    return cells if len(cells) == len(solver.periods) else []


def average_change(solver: Solver) -> Run | Refused | None:
    """The difference between the means of two years, each with the year before it, or between those of two rows."""
    if solver.asked.parts:
        return _between_averages(solver)
    series, score, margin = solver.best(periods=())
    timed = solver.in_time(series)
    means: list[Operand] = []
    operands: list[Operand] = []
    for period in sorted(solver.periods, reverse=True)[:2]:
        cell = solver.cell(series, period)
        before = [other for other in timed if cell and other.period < cell.period]
        if cell is None or not before:
            return average(solver)
        operands += solver.operands([cell, before[-1]])
        mean = calc.average(solver.operands([cell, before[-1]]))
        if isinstance(mean, Refused):
            return mean
        means.append(Operand(mean.quantity, row=cell.label, period=period))
    if len(means) < 2:
        return average(solver)
    outcome = calc.percentage_change(*means) if solver.asked.as_percentage else calc.subtract(*means)
    if isinstance(outcome, Derived):
        outcome = replace(outcome, operands=tuple(operands))
    return computed(outcome, score, margin)


def _between_averages(solver: Solver) -> Run | Refused:
    means: list[Operand] = []
    operands: list[Operand] = []
    scores: list[tuple[float, float]] = []
    for part in solver.asked.parts:
        series, *score = solver.best(part)
        cells = _averaged_cells(solver, series)
        mean = calc.average(solver.operands(cells)) if cells else solver.missing(series)
        if isinstance(mean, Refused):
            return mean
        means.append(Operand(mean.quantity, row=series.label))
        operands += mean.operands
        scores.append((score[0], score[1]))
    outcome = calc.subtract(means[0], means[1])
    if isinstance(outcome, Derived):
        outcome = replace(outcome, operands=tuple(operands))
    return computed(outcome, *min(scores))
