"""QUESTION + TABLES + PARAGRAPHS -> ANSWER: cells looked up or computed with, or words of a paragraph.

The path: read the question, run its program over the series that it names, read the paragraphs, and
take the one that fits better. Every value keeps its operands; what cannot be computed says why.
Ambiguity lowers `confidence`; callers decide from which confidence on an answer is shown as one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import takewhile
from typing import Literal

from core.quantity import Quantity, show
from core.table import Cell, Rows, Series, TypedTable, read_table
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Refused, rounded
from rag.numbers.grain import grain_asked, in_grain
from rag.numbers.match import Match, Matcher, period_key, plain_words
from rag.numbers.named import named_ratio
from rag.numbers.prose import Reckoned, reckoned
from rag.numbers.question import Asked, Operation, expanded, read_question, subject_words
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


@dataclass(frozen=True, slots=True)
class _Run:
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


_Program = Callable[["_Solver"], "_Run | Refused | None"]


def answer_over(question: str, tables: Sequence[Rows], paragraphs: Sequence[str]) -> NumberAnswer:
    """The best answer that the tables and paragraphs give; empty, with the reason, where there is none."""
    asked = read_question(question)
    runs: list[_Run] = []
    refused: Refused | None = None
    for number, rows in enumerate(tables):
        outcome = _Solver(asked, read_table(rows, paragraphs), number).run()
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


_OF_ENDS: frozenset[Operation] = frozenset(["change", "percentage_change", "growth_rate", "average_change"])
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


def _says_more(asked: Asked, found: Found, run: _Run) -> bool:
    """Does the sentence give the amount, for each period, of what the row only names in part?"""
    quantity = found.quantity
    fits = quantity and (quantity.unit not in ("%", "pp") or bool(_RATE.search(asked.question)))
    of_each = len(found.texts) >= len(asked.periods)
    return bool(fits) and of_each and found.covered >= _WHOLE and run.named < _PART


def _prefers_table(asked: Asked, run: _Run, found: Found | None) -> bool:
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


class _Solver:
    def __init__(self, asked: Asked, table: TypedTable, source: int) -> None:
        self.asked, self.table, self.source = asked, table, source
        self.matcher = Matcher(table)
        self.periods = expanded(
            asked.periods, table.periods, span=asked.span and asked.operation not in _OF_ENDS
        )

    def run(self) -> _Run | Refused | None:
        if not self.table.series:
            return None
        program = _PROGRAMS.get(self.asked.operation)
        return program(self) if program else None

    # ---------------- finding

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
        return False if of_amounts and not _RATE.search(asked.question) else None

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


_RATE = re.compile(
    r"%|\b(?:per ?cent\w*|rates?|margins?|shares? of|yields?|roi|roe|roce|rofe|return|weight\w*|volatility|growth|proportion)\b|[率占]|百分",
    re.IGNORECASE,
)


def _look_up(solver: _Solver) -> _Run | None:
    asked = solver.asked
    if computed := _named_ratio(solver):
        return computed
    several = asked.respectively and len(solver.periods) < 2
    if several and (columns := _named_columns(solver)):
        return columns
    named = _named_items(solver) if several else []
    if len(named) > 1:
        cells = [cell for series, _ in named if (cell := _one_cell(solver, series))]
        score = min(score for _, score in named)
        return _copied(solver, cells, score, 0.3)
    series, score, margin = solver.best()
    cells = solver.cells(series, solver.periods) if len(solver.periods) > 1 else []
    if re.search(r"\b(?:each|every|all)\b.*\bquarters?\b|各季度", asked.question, re.IGNORECASE):
        cells = cells or solver.within(series)
    if not cells:
        one = _one_cell(solver, series)
        cells = [one] if one else []
    said = solver.matcher.named(series, asked.question)
    return replace(_copied(solver, cells, score, margin), named=said) if cells else None


_SURELY = 1.5  # the score of rows that the glossary names


def _named_ratio(solver: _Solver) -> _Run | None:
    """A ratio that has a name, computed from its two lines."""
    ratio = named_ratio(solver.asked.question, solver.table)
    if ratio is None or len(solver.periods) > 1:
        return None
    part, whole = _one_cell(solver, ratio.part), _one_cell(solver, ratio.whole)
    if not part or not whole:
        return None
    program = calc.share if ratio.as_percentage else calc.divide
    outcome = _computed(program(solver.operand(part), solver.operand(whole)), _SURELY, 0.3)
    return outcome if isinstance(outcome, _Run) else None


def _one_cell(solver: _Solver, series: Series) -> Cell | None:
    if solver.periods:
        return solver.cell(series, solver.periods[0])
    timed = solver.in_time(series)
    return timed[-1] if timed else next(iter(series.cells.values()))


def _named_columns(solver: _Solver) -> _Run | None:
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
    cells = [cell for series in named if (cell := _one_cell(solver, series))]
    return _copied(solver, cells, score, margin) if len({cell.heading for cell in cells}) > 1 else None


def _named_items(solver: _Solver) -> list[tuple[Series, float]]:
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


def _copied(solver: _Solver, cells: Sequence[Cell], score: float, margin: float) -> _Run:
    return _Run(
        tuple(cell.raw for cell in cells),
        score,
        margin,
        cells[0].quantity if cells else None,
        "",
        tuple(solver.operands(cells)),
    )


def _ends(solver: _Solver, series: Series) -> tuple[Cell, Cell] | None:
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


def _with_ends(solver: _Solver) -> tuple[Series, float, float, tuple[Cell, Cell]] | Refused:
    """The best series that holds both ends of the change."""
    matches = solver.ranked()
    for position, match in enumerate(matches[:4]):
        ends = _ends(solver, match.series)
        if ends and match.score > matches[0].score - 0.4:
            margin = match.score - matches[position + 1].score if position + 1 < len(matches) else 1.0
            return match.series, match.score, margin, ends
    return solver.missing(matches[0].series)


def _change(solver: _Solver) -> _Run | Refused | None:
    if solver.asked.parts:
        return _between_items(solver)
    found = _with_ends(solver)
    if isinstance(found, Refused):
        return _printed_change(solver) or found
    _, score, margin, (later, earlier) = found
    fell = _FALL.search(solver.asked.question) and later.quantity.amount < earlier.quantity.amount
    ends = (earlier, later) if fell else (later, earlier)  # "by how much did it fall?" "By 3."
    outcome = calc.subtract(*solver.operands(ends))
    return _computed(outcome, score, margin)


_FALL = re.compile(
    r"^(?!.*\b(?:increase|change|rise|grow)).*\b(?:decreased?|declined?|fall|fell|dropp?(?:ed)?) by\b",
    re.IGNORECASE,
)


def _between_items(solver: _Solver) -> _Run | Refused | None:
    first, score, margin = solver.best(solver.asked.parts[0])
    second, other_score, other_margin = solver.best(solver.asked.parts[1])
    if first is second:
        return None
    one, other = _one_cell(solver, first), _one_cell(solver, second)
    if not one or not other:
        return solver.missing(first)
    if solver.asked.operation == "percentage_change":
        outcome = calc.percentage_change(solver.operand(one), solver.operand(other))
        return _computed(outcome, min(score, other_score), min(margin, other_margin))
    outcome = calc.subtract(solver.operand(one), solver.operand(other))
    if isinstance(outcome, Derived) and outcome.quantity.value < 0 and not solver.asked.exact_sides:
        outcome = calc.subtract(solver.operand(other), solver.operand(one))
    return _computed(outcome, min(score, other_score), min(margin, other_margin))


def _printed_change(solver: _Solver) -> _Run | None:
    """The cell of a column that prints the change itself."""
    matches = solver.matcher.rank(solver.asked.question, change_column=True)
    for match in matches[:3]:
        if re.search(
            r"\b(?:change|variance|increase|decrease)\b|变动|增减", match.series.heading, re.IGNORECASE
        ):
            cell = next(iter(match.series.cells.values()))
            return _copied(solver, [cell], match.score, 0.1)
    return None


def _percentage_change(solver: _Solver) -> _Run | Refused | None:
    if solver.asked.parts:
        return _between_items(solver)
    found = _with_ends(solver)
    if isinstance(found, Refused):
        return _printed_change(solver) or found
    series, score, margin, (later, earlier) = found
    printed = _percentage_column(solver, series) if len(series.cells) == 2 else None
    if printed:
        return _copied(solver, [printed], score, margin)
    program = calc.subtract if later.quantity.unit == "%" else calc.percentage_change
    return _computed(program(solver.operand(later), solver.operand(earlier)), score, margin)


def _percentage_column(solver: _Solver, series: Series) -> Cell | None:
    """The cell that prints the percentage change of this row."""
    for other in solver.table.series:
        same_row = other.row == series.row and other.is_percentage and len(other.cells) == 1
        if same_row and re.search(
            r"change|variance|increase|decrease|vs|变动|增减|增长", other.heading, re.IGNORECASE
        ):
            return next(iter(other.cells.values()))
    return None


def _growth_rate(solver: _Solver) -> _Run | Refused | None:
    found = _with_ends(solver)
    if isinstance(found, Refused):
        return found
    series, score, margin, (later, earlier) = found
    if not solver.periods:
        earlier = solver.in_time(series)[0]
    years = int(later.period[:4]) - int(earlier.period[:4])
    return _computed(calc.growth_rate(solver.operand(later), solver.operand(earlier), years), score, margin)


def _average(solver: _Solver) -> _Run | Refused | None:
    series, score, _ = solver.best()
    of_one_row = "," in series.label and plain_words(series.label) in plain_words(solver.asked.question)
    if len(solver.periods) <= 1 and not of_one_row and (items := _summed_items(solver)):
        cells, score = items
    else:
        if _is_average_itself(solver, series):
            return _look_up(solver)
        cells = _averaged_cells(solver, series)
    _, _, margin = solver.best()
    if not cells:
        return solver.missing(solver.best()[0])
    outcome = calc.average(solver.operands(cells))
    return _computed(_magnitude(outcome, cells), score, margin)


def _is_average_itself(solver: _Solver, series: Series) -> bool:
    """True when the one average of the question is the row's own ("average selling price")."""
    asked = len(re.findall(r"\baverage\b|平均", solver.asked.question, re.IGNORECASE))
    return (
        bool(re.search(r"\baverage\b|平均", series.label, re.IGNORECASE))
        and asked == 1
        and len(solver.periods) <= 1
    )


def _averaged_cells(solver: _Solver, series: Series) -> list[Cell]:
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


def _average_change(solver: _Solver) -> _Run | Refused | None:
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
            return _average(solver)
        operands += solver.operands([cell, before[-1]])
        mean = calc.average(solver.operands([cell, before[-1]]))
        if isinstance(mean, Refused):
            return mean
        means.append(Operand(mean.quantity, row=cell.label, period=period))
    if len(means) < 2:
        return _average(solver)
    outcome = calc.percentage_change(*means) if solver.asked.as_percentage else calc.subtract(*means)
    if isinstance(outcome, Derived):
        outcome = replace(outcome, operands=tuple(operands))
    return _computed(outcome, score, margin)


def _between_averages(solver: _Solver) -> _Run | Refused:
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
    return _computed(outcome, *min(scores))


def _sum(solver: _Solver) -> _Run | Refused | None:
    if len(solver.periods) <= 1:
        items = _summed_items(solver)
        if items:
            return _computed(calc.add(solver.operands(items[0])), items[1], 0.3)
    series, score, margin = solver.best()
    cells = solver.cells(series, solver.periods) if solver.periods else solver.in_time(series)
    if len(cells) < 2:
        return _look_up(solver)
    return _computed(_magnitude(calc.add(solver.operands(cells)), cells), score, margin)


def _summed_items(solver: _Solver) -> tuple[list[Cell], float] | None:
    named = _named_items(solver)
    if len(named) < 2:
        return None
    cells = [cell for series, _ in named if (cell := _one_cell(solver, series))]
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


def _ratio(solver: _Solver) -> _Run | Refused | None:
    if computed := _named_ratio(solver):
        return computed
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
    pairs = [(_at(solver, part, period), _at(solver, whole, period)) for period in periods]
    complete = [(one, other) for one, other in pairs if one and other]
    if not complete:
        return solver.missing(part)
    if all(_is_share_of(one, other) for one, other in complete):
        return _printed_shares(
            solver, [one for one, _ in complete], min(part_score, whole_score), min(part_margin, whole_margin)
        )
    program = calc.share if solver.asked.as_percentage else calc.divide
    outcomes = [program(solver.operand(one), solver.operand(other)) for one, other in complete]
    return _computed(outcomes[0], min(part_score, whole_score), min(part_margin, whole_margin))


def _next_best(solver: _Solver, words: str) -> tuple[Series, float]:
    matches = solver.ranked(words)
    match = next((each for each in matches[1:] if each.series.row != matches[0].series.row), matches[0])
    return match.series, match.score


def _is_share_of(part: Cell, whole: Cell) -> bool:
    """Does the table print the share itself, in percent of a row that is 100 %?"""
    return part.quantity.unit == whole.quantity.unit == "%" and whole.quantity.value == 100


def _printed_shares(solver: _Solver, cells: Sequence[Cell], score: float, margin: float) -> _Run | Refused:
    if len(cells) > 1 and _AVERAGE.search(solver.asked.question):
        return _computed(calc.average(solver.operands(cells)), score, margin)
    return _copied(solver, cells, score, margin)


_AVERAGE = re.compile(r"\b(?:average|mean)\b|平均", re.IGNORECASE)


def _between_periods(solver: _Solver, series: Series, score: float, margin: float) -> _Run | Refused:
    """One row at two periods, in the order in which they are named: what is asked of 2019 to 2018."""
    cells = [solver.cell(series, period) for period in solver.periods]
    one, other = cells
    if one is None or other is None:
        return solver.missing(series)
    program = calc.share if solver.asked.as_percentage else calc.divide
    return _computed(program(solver.operand(one), solver.operand(other)), score, margin)


def _beside(solver: _Solver, part: Series, whole: Series) -> Series:
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


def _at(solver: _Solver, series: Series, period: str) -> Cell | None:
    return solver.cell(series, period) if period else _one_cell(solver, series)


def _computed(outcome: calc.Outcome, score: float, margin: float) -> _Run | Refused:
    if isinstance(outcome, Refused):
        return outcome
    quantity = outcome.quantity
    return _Run(
        (f"{rounded(quantity.value, 2)}",), score, margin, quantity, outcome.derivation, outcome.operands
    )


# ---------------------------------------------------------------- comparing


def _passes(cell: Cell, threshold: Quantity | None, *, more: bool) -> bool:
    if threshold is None:
        return True
    bound = threshold if threshold.scale or threshold.unit else threshold.scaled(cell.quantity.scale)
    if not threshold.scale and threshold.value >= 1000 * max(abs(cell.quantity.value), Decimal(1)):
        bound = threshold  # "exceed $50,000,000" over a table in thousands is written out
    return cell.quantity.amount > bound.amount if more else cell.quantity.amount < bound.amount


def _which_period(solver: _Solver) -> _Run | Refused | None:
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
    return _Run(
        tuple(dict.fromkeys(in_grain(cell.period, grain) for cell in kept)),
        score,
        margin,
        None,
        _compared(cells),
        tuple(solver.operands(cells)),
    )


def _all_negative(cells: Sequence[Cell]) -> bool:
    return all(cell.quantity.value <= 0 for cell in cells)


def _compared(cells: Sequence[Cell]) -> str:
    ordered = sorted(cells, key=lambda cell: cell.quantity.amount, reverse=True)
    return " > ".join(show(cell.quantity) for cell in ordered)


def _siblings(solver: _Solver) -> tuple[list[Cell], float]:
    """One cell for each item of the section that the question is about, without totals."""
    asked, table = solver.asked, solver.table
    period = solver.periods[0] if solver.periods else ""
    about, score, _ = solver.best()
    sections = [section for section in table.sections if _names(section, asked.question)]
    section = sections[0] if sections else about.section if len(table.sections) > 1 else ""
    rows: dict[int, Cell] = {}
    for series in table.series:
        cell = _at(solver, series, period)
        wrong_column = about.heading and series.heading != about.heading
        if cell is None or series.is_total or (section and series.section != section) or wrong_column:
            continue
        rows.setdefault(cell.at[0], cell)
    return list(rows.values()), score


def _names(section: str, question: str) -> bool:
    plain = " ".join(re.findall(r"[^\W_]+", section.lower()))
    return bool(plain) and plain in " ".join(re.findall(r"[^\W_]+", question.lower()))


def _which_item(solver: _Solver) -> _Run | None:
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
    return _Run((name,), score, 0.3, None, _compared(cells), tuple(solver.operands(cells)))


_TOTALS = (plain_words("total"), plain_words("totals"))


def _across(solver: _Solver) -> tuple[list[Cell], float] | None:
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
        cell for series in row if (cell := _at(solver, series, solver.periods[0] if solver.periods else ""))
    ]
    return (cells, score) if len({cell.heading for cell in cells}) > 1 else None


def _count(solver: _Solver) -> _Run | None:
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
    solver: _Solver, kept: Sequence[str], score: float, cells: Sequence[Cell] = (), margin: float = 0.2
) -> _Run:
    return _Run(
        (str(len(kept)),),
        score,
        margin,
        Quantity(Decimal(len(kept))),
        "、".join(kept) if solver.asked.language == "zh" else ", ".join(kept),
        tuple(solver.operands(cells)),
    )


def _periods(solver: _Solver) -> _Run | None:
    if not solver.table.periods:
        return None
    return _Run(tuple(_all_periods(solver)), 1.5, 0.5)


def _all_periods(solver: _Solver) -> list[str]:
    """Those of the table, and "Thereafter" where a row or column holds what comes after them."""
    names = (name.strip() for series in solver.table.series for name in (series.label, series.heading))
    after = (name for name in names if re.fullmatch(r"thereafter|以后(?:年度|各年)?", name, re.IGNORECASE))
    return [*solver.table.periods, *list(dict.fromkeys(after))[:1]]


def _list(solver: _Solver) -> _Run | None:
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
    return _Run(labels, 1.2 if named else 1.0 if overlap else 0.5, 0.2)


_PROGRAMS: dict[Operation, _Program] = {
    "look_up": _look_up,
    "change": _change,
    "percentage_change": _percentage_change,
    "growth_rate": _growth_rate,
    "average": _average,
    "average_change": _average_change,
    "sum": _sum,
    "ratio": _ratio,
    "which_period": _which_period,
    "which_item": _which_item,
    "count": _count,
    "periods": _periods,
    "list": _list,
}


# ---------------------------------------------------------------- how sure


_TOLD = 0.88  # the share that was right of what one sentence answers by itself


def _of_text(found: Found) -> float:
    """A quarter of what is copied from paragraphs was right, a third of what fits best."""
    return 0.1 + 0.25 * min(found.score, 1.0)
