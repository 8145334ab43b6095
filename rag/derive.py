"""A NUMBER OF AN ANSWER -> HOW IT FOLLOWS from amounts of the evidence: a change, a share, a mean ...

The sentence has to say what was computed, name the rows or things that it was computed of, and its
periods; then the calculator runs that one program over the amounts that are so named. Nothing is
searched for blindly: among a page of numbers almost any number is the quotient of two others. What is not
covered: chains of two programs, and operands in words.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

from core.period import Period, find_periods
from core.quantity import Quantity, agrees
from rag.amounts import Amount, RowKey, without_periods
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Outcome
from rag.numbers.glossary import matching_terms

_NAMED = 0.7  # the share of a row's words that the sentence holds where it names the row
AS_GOOD = 0.15  # rows that fit less well than the best by more than this are another thing
_MOST_ROWS = 6
_MOST_OPERANDS = 40  # amounts of prose among which a pair is looked for

_MOVED = re.compile(
    r"\b(?:chang|growth|differ|increas|decreas|varia)\w*|变动|变化|同比|环比|增速|增幅|降幅", re.IGNORECASE
)
_MEAN = re.compile(r"\baverage\b|\bmean\b|平均", re.IGNORECASE)
_SUM = re.compile(
    r"\b(?:sum|combined|together|in total|totall?ed|aggregate)\b|合计|共计|总计|之和", re.IGNORECASE
)
_COMPOUND = re.compile(r"\bCAGR\b|compound(?:ed)? annual|复合(?:年)?增长", re.IGNORECASE)
_EXCEEDS = re.compile(
    r"\b(?:exceed|more than|less than|higher than|lower than|above|below)\w*|高于|低于|超过|超出|比",
    re.IGNORECASE,
)
_OF = re.compile(
    r"\b(?:as an? )?(?:percentage|proportion|share|fraction|part|percent|%) of\b|\brelative to\b|\bdivided by\b|\bto\b|占",
    re.IGNORECASE,
)


def derivation(claimed: Amount, stated: Sequence[Amount]) -> str:
    """The calculation that gives the number, with its operands; "" where there is none."""
    for outcome in _outcomes(claimed, stated):
        if isinstance(outcome, Derived) and _is_result(claimed, outcome.quantity):
            return outcome.derivation
    return ""


def _is_result(claimed: Amount, result: Quantity) -> bool:
    """A fall of 5 is -5; what is neither rise nor fall has to have the result's own sign."""
    quantity = claimed.quantity
    if claimed.direction < 0 < quantity.value:
        quantity = quantity.negated()
    if _EXCEEDS.search(claimed.sentence) and not claimed.direction:
        result = replace(result, value=abs(result.value))
    return agrees(quantity, replace(result, decimals=max(result.decimals, 12)))


def _outcomes(claimed: Amount, stated: Sequence[Amount]) -> Iterator[Outcome]:
    said = claimed.sentence
    periods = tuple(dict.fromkeys(item.period for item in find_periods(said)))
    rows = _Rows([amount for amount in stated if amount.row])
    named = rows.named(said)
    asked = without_names(said, named)
    if _MEAN.search(asked):
        yield from _means(named, claimed, periods)
    if _SUM.search(asked):
        yield from _sums(rows, said, periods)
    if claimed.direction or _MOVED.search(asked):
        yield from _changes(named, claimed, periods)
    elif _is_ratio(claimed):
        yield from _shares(rows, claimed)
    elif _EXCEEDS.search(asked):
        yield from _gaps(rows, claimed)
    yield from _of_prose(claimed, asked, stated)


def without_names(said: str, named: Sequence["_Row"]) -> str:
    """The sentence without the labels of the rows that it names: "Weighted-average rate was 3 %" asks for
    no average, and "Percent change was 2 %" for no change.
    """
    for row in named:
        for name in (row.key[2], row.key[3]):
            if name:
                said = re.sub(re.escape(name), " ", said, flags=re.IGNORECASE)
    return said


# ---------------------------------------------------------------- rows that a sentence names


@dataclass(frozen=True, slots=True)
class _Row:
    fit: float
    key: RowKey
    cells: tuple[Amount, ...]


class _Rows:
    """Cells by row, and how well words name a row."""

    def __init__(self, cells: Sequence[Amount]) -> None:
        self._rows: dict[RowKey, list[Amount]] = {}
        for cell in cells:
            if cell.row:
                self._rows.setdefault(cell.row, []).append(cell)

    def named(self, words: str) -> list[_Row]:
        """The rows that the words name best, best first."""
        mine = timeless_terms(words)
        kept = best_rows(mine, [key for key in self._rows if _is_named(mine, key)])
        return self._sorted(mine, kept)

    def all_named(self, words: str) -> list[_Row]:
        """Every row whose label the words hold, best first: the parts of a sum."""
        mine = timeless_terms(words)
        return self._sorted(mine, [key for key in self._rows if _is_named(mine, key)])

    def _sorted(self, mine: frozenset[str], keys: Iterable[RowKey]) -> list[_Row]:
        rows = [_Row(fit_of(mine, key), key, tuple(self._rows[key])) for key in keys]
        return sorted(rows, key=lambda row: -row.fit)[:_MOST_ROWS]


def best_rows(mine: frozenset[str], keys: Collection[RowKey]) -> list[RowKey]:
    """The rows that the words fit nearly as well as the best; of rows with one label those whose
    section and heading the words fit best.
    """
    fits = {key: fit_of(mine, key) for key in keys}
    enough = max(fits.values(), default=0.0) - AS_GOOD
    good = [key for key in keys if fits[key] >= enough]
    closest: dict[tuple[str, str], int] = {}
    beside = {
        key: len(mine & (timeless_terms(f"{key[1]} {key[3]}") - timeless_terms(key[2]))) for key in good
    }
    for key in good:
        closest[key[0], key[2]] = max(beside[key], closest.get((key[0], key[2]), 0))
    return [key for key in good if beside[key] == closest[key[0], key[2]]]


def _is_named(mine: frozenset[str], key: RowKey) -> bool:
    label = timeless_terms(key[2] or key[1])
    return bool(label) and len(mine & label) >= _NAMED * len(label)


def fit_of(mine: frozenset[str], key: RowKey) -> float:
    """How well words name a row: the share of the words that the row has, and half the share of the
    row's that the words have; the row with or without its section.
    """
    _, section, label, heading = key
    alone = timeless_terms(f"{label} {heading}")
    whole = alone | timeless_terms(section)
    return max((_fit(mine, row) for row in (alone, whole)), default=0.0)


@lru_cache(maxsize=16384)
def timeless_terms(text: str) -> frozenset[str]:
    return matching_terms(without_periods(text))


def _fit(mine: frozenset[str], row: frozenset[str]) -> float:
    shared = len(mine & row)
    return shared / len(mine) + 0.5 * shared / len(row) if row and mine else 0.0


# ---------------------------------------------------------------- programs


def _operand(amount: Amount) -> Operand:
    period = amount.period.label if amount.period else ""
    return Operand(amount.quantity, amount.printed, amount.words, period=period)


def _at(cells: Sequence[Amount], period: Period | None) -> list[Amount]:
    """The cells of that period; all where none was named."""
    if period is None:
        return list(cells)
    return [
        cell
        for cell in cells
        if cell.period
        and (cell.period.same(period) or (cell.period.covers(period) and cell.period.kind == "year"))
    ]


def _changes(rows: Sequence[_Row], claimed: Amount, periods: Sequence[Period]) -> Iterator[Outcome]:
    for row in rows:
        for later, earlier in _pairs(row.cells, claimed, periods):
            yield from _change(claimed, later, earlier)


def _change(claimed: Amount, later: Amount, earlier: Amount) -> Iterator[Outcome]:
    one, other = _operand(later), _operand(earlier)
    if _COMPOUND.search(claimed.sentence):
        if later.period and earlier.period:
            yield calc.growth_rate(one, other, later.period.year - earlier.period.year)
    elif claimed.quantity.unit == "%" and one.quantity.unit not in ("%", "pp"):
        yield calc.percentage_change(one, other)
    else:
        yield calc.subtract(one, other)


def _pairs(
    cells: Sequence[Amount], claimed: Amount, periods: Sequence[Period]
) -> Iterator[tuple[Amount, Amount]]:
    """Two cells of a row in the order of time, as the sentence names them: both periods, or the later one."""
    dated = sorted((cell for cell in cells if cell.period), key=_time, reverse=True)
    for index, later in enumerate(dated):
        for earlier in dated[index + 1 :]:
            if _time(later) == _time(earlier) or not later.period or not earlier.period:
                continue
            if later.period.kind != earlier.period.kind:
                continue
            if len(periods) > 1:
                fits = _one_fits(periods, later.period) and _one_fits(periods, earlier.period)
            else:
                fits = not periods or _fits(periods[0], later.period)
            if fits:
                yield later, earlier
                if len(periods) < 2:
                    break  # the period just before


def _time(cell: Amount) -> tuple[int, str]:
    return (cell.period.year, cell.period.label) if cell.period else (0, "")


def _one_fits(periods: Sequence[Period], period: Period) -> bool:
    return any(_fits(named, period) for named in periods)


def _fits(one: Period, other: Period) -> bool:
    return one.same(other) or one.covers(other) or other.covers(one)


def _means(rows: Sequence[_Row], claimed: Amount, periods: Sequence[Period]) -> Iterator[Outcome]:
    """Over the periods named; of one named period that and the one before; else of all."""
    for row in rows:
        if len(periods) > 1:
            chosen = [cells[0] for period in periods if (cells := _at(row.cells, period))]
            yield calc.average([_operand(cell) for cell in chosen])
            first, last = min(_year(p) for p in periods), max(_year(p) for p in periods)
            spanned = [cell for cell in row.cells if cell.period and first <= cell.period.year <= last]
            yield calc.average([_operand(cell) for cell in spanned])
        elif periods:
            for later, earlier in _pairs(row.cells, claimed, periods):
                yield calc.average([_operand(later), _operand(earlier)])
        else:
            yield calc.average([_operand(cell) for cell in row.cells if cell.period])


def _year(period: Period) -> int:
    return period.year


def _sums(rows: _Rows, said: str, periods: Sequence[Period]) -> Iterator[Outcome]:
    """One row over the periods named, or the rows named in one period."""
    if len(periods) > 1:
        for row in rows.named(said):
            chosen = [cells[0] for period in periods if (cells := _at(row.cells, period))]
            yield calc.add([_operand(cell) for cell in chosen])
    period = periods[0] if periods else None
    cells = [found[0] for row in rows.all_named(said) if (found := _at(row.cells, period))]
    for count in (2, 3, 4):
        for several in combinations(cells, count):
            yield calc.add([_operand(cell) for cell in several])


def _is_ratio(claimed: Amount) -> bool:
    unit = claimed.quantity.unit
    return unit in ("%", "x") or bool(
        re.search(r"\bratio\b|\bdivided by\b|\bper\b|比率|比值", claimed.sentence, re.IGNORECASE)
    )


def _shares(rows: _Rows, claimed: Amount) -> Iterator[Outcome]:
    """The part is named before "of", the whole behind it."""
    for before, behind in _sides(claimed):
        parts, wholes = rows.named(before), rows.named(behind)
        for part in parts:
            for whole in wholes:
                if part.cells != whole.cells:
                    yield from _share(claimed, part, whole)


def _share(claimed: Amount, part: _Row, whole: _Row) -> Iterator[Outcome]:
    program = calc.share if claimed.quantity.unit == "%" else calc.divide
    for one in _at(part.cells, claimed.period):
        for other in _at(whole.cells, claimed.period):
            if one.period == other.period and one.quantity.unit == other.quantity.unit != "%":
                yield program(_operand(one), _operand(other))


def _sides(claimed: Amount) -> Iterator[tuple[str, str]]:
    """What stands before and behind the number, or "percentage of", "to", 占."""
    said = claimed.sentence
    end = claimed.at + len(claimed.printed)
    yield said[: claimed.at], said[end:]
    for match in _OF.finditer(said[: claimed.at]):
        yield said[: match.start()], said[match.end() : claimed.at]


def _gaps(rows: _Rows, claimed: Amount) -> Iterator[Outcome]:
    """One row less another: "A exceeded B by 5"."""
    for match in _EXCEEDS.finditer(claimed.sentence):
        said = claimed.sentence
        for one in rows.named(said[: match.start()]):
            for other in rows.named(said[match.end() :]):
                for first in _at(one.cells, claimed.period):
                    for second in _at(other.cells, claimed.period):
                        if first.period == second.period and first is not second:
                            yield calc.subtract(_operand(first), _operand(second))


# ---------------------------------------------------------------- operands in sentences


_PROGRAM_WORDS = (
    "change growth difference increase decrease rose fell grew average mean sum combined together total percent percentage "
    "share ratio compared year quarter million billion thousand was were amounted company reported from by of to in"
)


def _of_prose(claimed: Amount, asked: str, stated: Sequence[Amount]) -> Iterator[Outcome]:
    """A change, share or mean of two amounts that sentences state of the thing that the claim names."""
    mine = timeless_terms(claimed.words) - matching_terms(_PROGRAM_WORDS)
    mine = frozenset(term for term in mine if not re.fullmatch(r"[\d.,]+", term))
    about = [amount for amount in stated if _is_operand(amount, mine)][:_MOST_OPERANDS]
    for later in about:
        for earlier in about:
            if later is earlier or not _in_order(claimed, later, earlier):
                continue
            if later.quantity.unit != earlier.quantity.unit or later.quantity.scale != earlier.quantity.scale:
                continue
            if claimed.direction or _MOVED.search(asked):
                yield from _change(claimed, later, earlier)
            elif _MEAN.search(asked):
                yield calc.average([_operand(later), _operand(earlier)])
            elif _SUM.search(asked):
                yield calc.add([_operand(later), _operand(earlier)])
            elif re.search(r"\bof\b|占", asked) and _is_ratio(claimed) and later.quantity.unit != "%":
                yield (calc.share if claimed.quantity.unit == "%" else calc.divide)(
                    _operand(later), _operand(earlier)
                )


def _is_operand(amount: Amount, mine: frozenset[str]) -> bool:
    """An amount of a sentence that is about most of what the claim is about."""
    if amount.row or not amount.quantity.value:
        return False
    return bool(mine) and 2 * len(mine & timeless_terms(amount.sentence)) > len(mine)


def _in_order(claimed: Amount, later: Amount, earlier: Amount) -> bool:
    """Known periods go forward in time, and the later one is that of the claim."""
    if later.period and earlier.period and later.period != earlier.period:
        if (later.period.year, later.period.label) <= (earlier.period.year, earlier.period.label):
            return False
        named = {period.label for period in claimed.periods_near}
        if claimed.period and claimed.period.label not in (later.period.label, earlier.period.label):
            return later.period.year == claimed.period.year
        return len(named) < 2 or {later.period.label, earlier.period.label} <= named
    return not (claimed.direction and later.period and later.period == earlier.period)
