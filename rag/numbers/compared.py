"""WHICH, HOW MANY, WHAT ARE: the periods and items of a table, ordered by their values, held against a threshold, counted, listed.

Knows which cells stand beside each other as items. Computes nothing: the values are compared as printed, in one scale.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from core.quantity import Quantity, show
from core.table import Cell
from rag.numbers.calc import Refused
from rag.numbers.grain import grain_asked, in_grain
from rag.numbers.match import plain_words
from rag.numbers.solver import Run, Solver, at


def which_period(solver: Solver) -> Run | Refused | None:
    asked = solver.asked
    series, score, margin = solver.best(periods=())
    cells = solver.in_time(series)
    if len(solver.periods) > 1:
        cells = solver.cells(series, solver.periods) or cells
    if asked.threshold:
        kept = [cell for cell in cells if _passes(cell, asked.threshold, more=asked.largest)]
    else:
        ordered = sorted(
            cells,
            key=lambda cell: abs(cell.quantity.amount) if _all_negative(cells) else cell.quantity.amount,
            reverse=asked.largest,
        )
        kept = ordered[asked.rank : asked.rank + 1]
    if not kept:
        return None
    grain = grain_asked(asked.question)
    return Run(
        tuple(dict.fromkeys(in_grain(cell.period, grain) for cell in kept)),
        score,
        margin,
        None,
        _compared(cells),
        tuple(solver.operands(cells)),
    )


def _passes(cell: Cell, threshold: Quantity | None, *, more: bool) -> bool:
    if threshold is None:
        return True
    bound = threshold if threshold.scale or threshold.unit else threshold.scaled(cell.quantity.scale)
    if not threshold.scale and threshold.value >= 1000 * max(abs(cell.quantity.value), Decimal(1)):
        bound = threshold  # "exceed $50,000,000" over a table in thousands is written out
    return cell.quantity.amount > bound.amount if more else cell.quantity.amount < bound.amount


def _all_negative(cells: Sequence[Cell]) -> bool:
    return all(cell.quantity.value <= 0 for cell in cells)


def _compared(cells: Sequence[Cell]) -> str:
    ordered = sorted(cells, key=lambda cell: cell.quantity.amount, reverse=True)
    return " > ".join(show(cell.quantity) for cell in ordered)


def which_item(solver: Solver) -> Run | None:
    asked = solver.asked
    across = _across(solver)
    cells, score = across or _siblings(solver)
    if len(cells) < 2:
        return None
    ordered = sorted(
        cells,
        key=lambda cell: abs(cell.quantity.amount) if _all_negative(cells) else cell.quantity.amount,
        reverse=asked.largest,
    )
    if asked.rank >= len(ordered):
        return None
    chosen = ordered[asked.rank]
    name = chosen.heading if across else solver.table.rows[chosen.at[0]][0]
    return Run((name,), score, 0.3, None, _compared(cells), tuple(solver.operands(cells)))


_TOTALS = (plain_words("total"), plain_words("totals"))


def _across(solver: Solver) -> tuple[list[Cell], float] | None:
    """The cells of the row that the question names, where its columns are the items."""
    about, score, _ = solver.best()
    words = plain_words(solver.asked.question)
    named = about.label and about.heading and plain_words(about.label) in words
    if not named or plain_words(about.label) in _TOTALS:
        return None
    row = [
        series
        for series in solver.table.series
        if series.row == about.row and not re.search(r"total|合计|总计", series.heading, re.IGNORECASE)
    ]
    cells = [
        cell for series in row if (cell := at(solver, series, solver.periods[0] if solver.periods else ""))
    ]
    return (cells, score) if len({cell.heading for cell in cells}) > 1 else None


def _siblings(solver: Solver) -> tuple[list[Cell], float]:
    """One cell for each item of the section that the question is about, without totals."""
    asked, table = solver.asked, solver.table
    period = solver.periods[0] if solver.periods else ""
    about, score, _ = solver.best()
    sections = [section for section in table.sections if _names(section, asked.question)]
    section = sections[0] if sections else about.section if len(table.sections) > 1 else ""
    rows: dict[int, Cell] = {}
    for series in table.series:
        cell = at(solver, series, period)
        wrong_column = about.heading and series.heading != about.heading
        if cell is None or series.is_total or (section and series.section != section) or wrong_column:
            continue
        rows.setdefault(cell.at[0], cell)
    return list(rows.values()), score


def _names(section: str, question: str) -> bool:
    plain = " ".join(re.findall(r"[^\W_]+", section.lower()))
    return bool(plain) and plain in " ".join(re.findall(r"[^\W_]+", question.lower()))


def count(solver: Solver) -> Run | None:
    asked = solver.asked
    noun = asked.parts[0] if asked.parts else asked.question
    if re.search(r"\byears?\b|\bperiods?\b|\bquarters?\b|年", noun, re.IGNORECASE):
        if asked.threshold is None:
            return _counted(solver, _all_periods(solver), 1.0)
        series, score, margin = solver.best(periods=())
        cells = solver.in_time(series)
        kept = [cell.period for cell in cells if _passes(cell, asked.threshold, more=asked.largest)]
        return _counted(solver, kept, score, cells, margin)
    cells, score = _siblings(solver)
    kept = [cell.label for cell in cells if _passes(cell, asked.threshold, more=asked.largest)]
    # Of kinds of things each counts once, also where a later section has it again.
    return _counted(solver, kept if asked.threshold else list(dict.fromkeys(kept)), score, cells)


def _counted(
    solver: Solver, kept: Sequence[str], score: float, cells: Sequence[Cell] = (), margin: float = 0.2
) -> Run:
    return Run(
        (str(len(kept)),),
        score,
        margin,
        Quantity(Decimal(len(kept))),
        "、".join(kept) if solver.asked.language == "zh" else ", ".join(kept),
        tuple(solver.operands(cells)),
    )


def periods(solver: Solver) -> Run | None:
    if not solver.table.periods:
        return None
    return Run(tuple(_all_periods(solver)), 1.5, 0.5)


def _all_periods(solver: Solver) -> list[str]:
    """Those of the table, and "Thereafter" where a row or column holds what comes after them."""
    names = (name.strip() for series in solver.table.series for name in (series.label, series.heading))
    after = (name for name in names if re.fullmatch(r"thereafter|以后(?:年度|各年)?", name, re.IGNORECASE))
    return [*solver.table.periods, *list(dict.fromkeys(after))[:1]]


def listed(solver: Solver) -> Run | None:
    """The items of the section that the question names, else of the whole table."""
    cells, _ = _siblings(solver)
    named = any(_names(section, solver.asked.question) for section in solver.table.sections)
    corner = " ".join(row[0] for row in solver.table.rows[:2])
    overlap = len(
        set(re.findall(r"\w{4,}", corner.lower())) & set(re.findall(r"\w{4,}", solver.asked.question.lower()))
    )
    labels = tuple(dict.fromkeys(label for cell in cells if (label := solver.table.rows[cell.at[0]][0])))
    if len(labels) < 2:
        return None
    return Run(labels, 1.2 if named else 1.0 if overlap else 0.5, 0.2)
