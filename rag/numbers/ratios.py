"""RATIOS AND SHARES: one row over another, one row over itself at another period, or a ratio that has a name.

Knows which row is the part and which the whole, and which shares the table prints itself. Which lines a named ratio is made of
is `named.py`'s knowledge.
"""

import re
from collections.abc import Sequence

from core.table import Cell, Series
from rag.numbers import calc
from rag.numbers.calc import Refused
from rag.numbers.match import plain_words
from rag.numbers.named import named_ratio
from rag.numbers.question import subject_words
from rag.numbers.solver import Run, Solver, at, computed, copied, one_cell


def ratio(solver: Solver) -> Run | Refused | None:
    if by_name := computed_ratio(solver):
        return by_name
    part, part_score, part_margin = solver.best(solver.asked.parts[0])
    whole, whole_score, whole_margin = solver.best(solver.asked.parts[1])
    if part is whole and plain_words(whole.label) == plain_words(subject_words(solver.asked.parts[1])):
        part, part_score = _next_best(solver, solver.asked.parts[0])  # the whole's name stands in the part's
    if (
        re.fullmatch(
            r"\W*(?:the )?total\W*",
            re.sub(r"\b(?:in|of|for)?\s*(?:19|20)\d\d.*", "", solver.asked.parts[1]),
            re.IGNORECASE,
        )
        or part is whole
    ):
        totals = [
            series
            for series in solver.table.series
            if series.is_total and series.row > part.row and series.heading == part.heading
        ]
        whole = totals[0] if totals else whole
    whole = _beside(solver, part, whole)
    if not subject_words(solver.asked.parts[1]) and len(solver.periods) == 2:
        return _between_periods(solver, part, part_score, part_margin)
    if part is whole:
        return None
    periods = solver.periods or [""]
    pairs = [(at(solver, part, period), at(solver, whole, period)) for period in periods]
    complete = [(one, other) for one, other in pairs if one and other]
    if not complete:
        return solver.missing(part)
    if all(_is_share_of(one, other) for one, other in complete):
        return _printed_shares(
            solver, [one for one, _ in complete], min(part_score, whole_score), min(part_margin, whole_margin)
        )
    program = calc.share if solver.asked.as_percentage else calc.divide
    outcomes = [program(solver.operand(one), solver.operand(other)) for one, other in complete]
    return computed(outcomes[0], min(part_score, whole_score), min(part_margin, whole_margin))


def _next_best(solver: Solver, words: str) -> tuple[Series, float]:
    matches = solver.ranked(words)
    match = next((each for each in matches[1:] if each.series.row != matches[0].series.row), matches[0])
    return match.series, match.score


def _is_share_of(part: Cell, whole: Cell) -> bool:
    """Does the table print the share itself, in percent of a row that is 100 %?"""
    return part.quantity.unit == whole.quantity.unit == "%" and whole.quantity.value == 100


def _printed_shares(solver: Solver, cells: Sequence[Cell], score: float, margin: float) -> Run | Refused:
    if len(cells) > 1 and _AVERAGE.search(solver.asked.question):
        return computed(calc.average(solver.operands(cells)), score, margin)
    return copied(solver, cells, score, margin)


_AVERAGE = re.compile(r"\b(?:average|mean)\b|平均", re.IGNORECASE)


def _between_periods(solver: Solver, series: Series, score: float, margin: float) -> Run | Refused:
    """One row at two periods, in the order in which they are named: what is asked of 2019 to 2018."""
    cells = [solver.cell(series, period) for period in solver.periods]
    one, other = cells
    if one is None or other is None:
        return solver.missing(series)
    program = calc.share if solver.asked.as_percentage else calc.divide
    return computed(program(solver.operand(one), solver.operand(other)), score, margin)


def _beside(solver: Solver, part: Series, whole: Series) -> Series:
    """The other row's cells under the heading of the part: what is due within a year is a share of all that is."""
    if part.label == whole.label or part.heading == whole.heading:
        return whole
    named = (whole.label, whole.section, part.heading, part.is_percentage)
    alike = (
        series
        for series in solver.table.series
        if (series.label, series.section, series.heading, series.is_percentage) == named
    )
    return next(alike, whole)


_SURELY = 1.5  # the score of rows that the glossary names


def computed_ratio(solver: Solver) -> Run | None:
    """A ratio that has a name, computed from its two lines."""
    ratio = named_ratio(solver.asked.question, solver.table)
    if ratio is None or len(solver.periods) > 1:
        return None
    part, whole = one_cell(solver, ratio.part), one_cell(solver, ratio.whole)
    if not part or not whole:
        return None
    program = calc.share if ratio.as_percentage else calc.divide
    outcome = computed(program(solver.operand(part), solver.operand(whole)), _SURELY, 0.3)
    return outcome if isinstance(outcome, Run) else None
