"""WHAT IS PRINTED: the cells that a question names, copied: of one row, of several rows, or of one row under several columns.

Knows no arithmetic: a ratio that has a name is asked of `ratios` first, because no row may print it.
"""

import re
from dataclasses import replace
from itertools import takewhile

from core.table import Series
from rag.numbers.ratios import computed_ratio
from rag.numbers.solver import Run, Solver, copied, one_cell


def look_up(solver: Solver) -> Run | None:
    asked = solver.asked
    if computed := computed_ratio(solver):
        return computed
    several = asked.respectively and len(solver.periods) < 2
    if several and (columns := _named_columns(solver)):
        return columns
    named = named_items(solver) if several else []
    if len(named) > 1:
        cells = [cell for series, _ in named if (cell := one_cell(solver, series))]
        score = min(score for _, score in named)
        return copied(solver, cells, score, 0.3)
    series, score, margin = solver.best()
    cells = solver.cells(series, solver.periods) if len(solver.periods) > 1 else []
    if re.search(r"\b(?:each|every|all)\b.*\bquarters?\b|各季度", asked.question, re.IGNORECASE):
        cells = cells or solver.within(series)
    if not cells:
        one = one_cell(solver, series)
        cells = [one] if one else []
    said = solver.matcher.named(series, asked.question)
    return replace(copied(solver, cells, score, margin), named=said) if cells else None


def _named_columns(solver: Solver) -> Run | None:
    """The cells of the best row under all columns that the question names ("less than one year and 2-5 years")."""
    about, score, margin = solver.best()
    row = [series for series in solver.table.series if series.row == about.row and series.heading]
    words = zip(*(series.heading.split() for series in row))
    shared = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, words))
    at = {
        series.heading: solver.matcher.named_at(series.heading.split()[shared:], solver.asked.question)
        for series in row
    }
    named = sorted((series for series in row if at[series.heading] >= 0), key=lambda each: at[each.heading])
    cells = [cell for series in named if (cell := one_cell(solver, series))]
    return copied(solver, cells, score, margin) if len({cell.heading for cell in cells}) > 1 else None


def named_items(solver: Solver) -> list[tuple[Series, float]]:
    """The series whose labels the question enumerates ("A, B and C, respectively")."""
    pieces = re.split(
        r",\s*(?:and\s+)?|\s+and\s+|、|和|与",
        re.sub(r"\b(?:respectively|in (?:fiscal )?(?:19|20)\d\d)\b", " ", solver.asked.question),
    )
    found: list[tuple[Series, float]] = []
    for piece in pieces:
        if not re.search(r"\w", piece):
            continue
        series, score, _ = solver.best(piece)
        if score > 0.9 and all(series is not other for other, _ in found):
            found.append((series, score))
    return found
