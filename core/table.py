"""ROWS -> TYPED TABLE: cells that know their label, section, heading, period and quantity; series of cells.

Works on the text of rows alone. A series holds the cells that differ in period only, so that a
table with years in its columns, years in its rows, or quarters reads the same. What is not
covered: several tables in one grid, and labels in the last column.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from core.currency import YUAN_OR_YEN
from core.period import find_periods
from core.quantity import Quantity, find, parse
from core.scales import (
    Measure,
    is_only_unit,
    measure_of,
    scale_by_repetition,
    scale_of_label,
    scale_of_prose,
)
from core.text import normalize

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """`at`: row and column from 0. `period`: a label of `core.period` ("2019", "2019-Q3") or "".

    `heading` is the path of headings over the column, `label` and `section` say what the row is; all
    three without the period. `mark` is "%" or "$" where a sub-column prints the one or the other.
    """

    at: tuple[int, int]
    label: str
    section: str
    heading: str
    period: str
    raw: str
    quantity: Quantity
    mark: str = ""
    scale_known: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Cells that differ in period only, in the table's order. `is_total`: sums, nets, rows without label."""

    label: str
    section: str
    heading: str
    mark: str
    cells: Mapping[str, Cell]
    is_total: bool = False

    @property
    def row(self) -> int:
        return next(iter(self.cells.values())).at[0]

    @property
    def column(self) -> int:
        return next(iter(self.cells.values())).at[1]

    @property
    def is_percentage(self) -> bool:
        return any(cell.quantity.unit == "%" for cell in self.cells.values())


@dataclass(frozen=True, slots=True)
class TypedTable:
    """`periods` in the table's order; `scale` the power of ten that holds for plain amounts, if stated."""

    rows: Rows
    cells: tuple[Cell, ...]
    series: tuple[Series, ...]
    periods: tuple[str, ...]
    sections: tuple[str, ...]
    scale: int | None = None


def read_table(rows: Rows, around: Sequence[str] = ()) -> TypedTable:
    """`around`: paragraphs beside the table, which may state its unit."""
    rows = [[_clean(cell) for cell in row] for row in rows]
    width = max((len(row) for row in rows), default=1) or 1
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    first = _header_length(rows)
    heads = _heads(rows, first, width)
    scale = _table_scale(rows[:first], rows[first:], around)
    if scale is None:
        plain = [quantity for row in rows[first:] for cell in row[1:] if (quantity := cell_quantity(cell))]
        scale = scale_by_repetition(
            plain, [item.quantity for text in around for item in find(normalize(text))]
        )
    columns = [_column_scale(rows[:first], column) for column in range(width)]
    corner = _period_of(" ".join(row[0] for row in rows[:first] if row))[0]
    cells = tuple(_cells(rows, heads, corner, scale, columns))
    cells = _rolled_forward(cells, rows)
    cells = _without_remarks(_with_short_periods(cells))
    return TypedTable(
        rows=rows,
        cells=cells,
        series=_series(cells, rows),
        periods=tuple(dict.fromkeys(cell.period for cell in cells if cell.period)),
        sections=tuple(dict.fromkeys(cell.section for cell in cells if cell.section)),
        scale=scale,
    )


# ---------------------------------------------------------------- numbers and periods in cells

_AMOUNT = re.compile(
    r"(?P<open>\()?\s?(?P<minus>[-−–—])?\s?(?P<currency>US\$|HK\$|RMB|[$€£¥])?\s?(?P<open2>\()?(?P<minus2>[-−–])?"
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)\s?(?P<percent>[%％])?\s?(?P<close>\))?\s?(?P<percent2>[%％])?"
)
_FOOTNOTE = re.compile(
    r"(?<=[\w)%])\s*(?:\((?:\d|[a-z]|[ivx]{1,4})\)\s*,?\s*)+$|(?<=\S)\s?[*†‡]+$", re.IGNORECASE
)
_NIL = re.compile(r"(?:US\$|[$€£¥])?\s*(?:[-−–—]\s*)+[%％]?|nil|无", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_SYMBOLS = {"$": "USD", "US$": "USD", "HK$": "HKD", "RMB": "CNY", "¥": YUAN_OR_YEN, "€": "EUR", "£": "GBP"}


@lru_cache(maxsize=8192)
def cell_quantity(raw: str) -> Quantity | None:
    """The quantity that a cell prints; "-" and "nil" are zero, "(1)" alone is a number below zero."""
    text = _FOOTNOTE.sub("", _clean(raw)).strip()
    if not text:
        return None
    if _NIL.fullmatch(text):
        return Quantity(Decimal(0), unit="%" if "%" in text else "")
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return parse(text) if _DIGIT.search(text) and len(text) < 40 else None
    number = match["number"]
    bracketed = bool((match["open"] or match["open2"]) and match["close"])
    negative = bracketed or bool(match["minus"] or match["minus2"])
    value = Decimal(number.replace(",", ""))
    return Quantity(
        value=-value if negative else value,
        unit="%" if match["percent"] or match["percent2"] else "",
        currency=_SYMBOLS.get(match["currency"] or "", ""),
        decimals=len(number.partition(".")[2]),
    )


_SPACED_YEAR = re.compile(r"\b([12])\s([09])\s(\d)\s(\d)\b")
_SHORT_YEAR = re.compile(r"\bF\s?['’]?(\d\d)\b")
_TWO_YEARS = re.compile(r"\b(?:19|20)\d\d\s?/\s?((?:19|20)\d\d)\b")
_SLASHED = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d\d)\b")
_MONTH_AND_YEAR = re.compile(r"(0?[1-9]|1[0-2])/(\d\d)")  # "12/07" over a column of a chart's values
_PERIOD_WORDS = re.compile(
    r"\b(?:for the|as (?:of|at)|fiscal|financial|years?|months?|quarters?|period|ended|ending|end|twelve|nine|six|three"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?|(?:截至|年度|年末|财年)",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def _period_of(text: str) -> tuple[str, str]:
    """The label of the period that a heading or label names, and what else it says."""
    text = _FOOTNOTE.sub("", _SPACED_YEAR.sub(r"\1\2\3\4", text))
    text = _SHORT_YEAR.sub(r"FY\1", text)
    text = _TWO_YEARS.sub(r"\1", text)
    text = _SLASHED.sub(lambda match: f"{match[1]}/{match[2]}/20{match[3]}", text)
    if short := _MONTH_AND_YEAR.fullmatch(text.strip()):
        return f"{'19' if int(short[2]) > 50 else '20'}{short[2]}-{int(short[1]):02}", ""
    found = find_periods(text)
    if len({item.period.label for item in found}) != 1:  # "2021-2022" and "2019 vs. 2018" are no period
        return "", text.strip()
    rest = text
    for item in reversed(found):
        rest = f"{rest[: item.start]} {rest[item.end :]}"
    rest = " ".join(_PERIOD_WORDS.sub(" ", rest).split()).strip(" ,.:;-–—()|")
    return found[0].period.label, rest


# A label that is a quarter of a year named elsewhere.
_QUARTER = re.compile(
    r"\b(?:(?P<ordinal>first|second|third|fourth|1st|2nd|3rd|4th)\s+quarter|Q(?P<number>[1-4]))\b",
    re.IGNORECASE,
)
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}


def _quarter(match: re.Match[str]) -> int:
    return int(match["number"] or _ORDINALS[match["ordinal"].lower()])


_TWO_DIGITS = re.compile(r"\d{2,}")


def _is_period(text: str) -> bool:
    label, rest = _period_of(text)
    return bool(label) and not _TWO_DIGITS.search(rest) and len(rest) < 30


def _clean(cell: str) -> str:
    return " ".join(normalize(cell).replace("\u00a0", " ").split())


# ---------------------------------------------------------------- the head


def _header_length(rows: Rows) -> int:
    """How many leading rows are headings."""
    said = False
    for position, row in enumerate(rows):
        others = [cell for cell in row[1:] if cell]
        if said and row[0] and not others and not is_only_unit(row[0]):
            return position
        if row[0] and not others and position and not said and _has_data(rows[position - 1]):
            return position
        if _has_data(row):
            return position
        said = said or bool(others)
    return min(1, len(rows))


def _has_data(row: Sequence[str]) -> bool:
    """True when a number stands in the row that is no year and no unit."""
    return any(
        cell and not _is_period(cell) and not is_only_unit(cell) and _is_amount(cell) for cell in row[1:]
    )


def _is_amount(cell: str) -> bool:
    """True for a number as tables print it, without the words that a heading may hold ("2-5 years")."""
    return bool(_NIL.fullmatch(cell) or _AMOUNT.fullmatch(_FOOTNOTE.sub("", cell).strip()))


def _headings(header: Rows, width: int) -> list[str]:
    """The path of headings over each column; a heading may span columns on both sides of it."""
    said = [
        [_FOOTNOTE.sub("", cell).strip() for cell in row]
        for row in header
        if any(cell and not is_only_unit(cell) for cell in row[1:])
    ]
    changes = {column for row in said for column, cell in enumerate(row) if _OF_CHANGE.fullmatch(cell)}
    paths: list[list[str]] = [[] for _ in range(width)]
    for position, row in enumerate(said):
        is_last = position == len(said) - 1
        for column in range(1, width):
            left = next((cell for cell in reversed(row[1:column]) if cell), "")
            right = next((cell for cell in row[column:] if cell), "")
            own = row[column]
            spanned = not (is_last or column in changes)  # a change stands beside the periods, not under one
            if not left and _would_repeat(row, said[position + 1 :], column):
                right = ""
            name = own or (left or right if spanned else "")
            if name and name not in paths[column]:
                paths[column].append(name)
    return [" ".join(path) for path in paths]


def _would_repeat(row: Sequence[str], below: Rows, column: int) -> bool:
    """Does what stands below the column stand once more under the next heading? Then that does not reach over it."""
    begins = next((at for at in range(column, len(row)) if row[at]), len(row))
    ends = next((at for at in range(begins + 1, len(row)) if row[at]), len(row))
    own = [each[column] for each in below]
    return (
        begins > column
        and any(own)
        and any([each[at] for each in below] == own for at in range(begins, ends))
    )


@dataclass(frozen=True, slots=True)
class _Head:
    """Rows [begins, first): `headings` and the words that may say a unit, by column, for the rows from `first` on."""

    begins: int
    first: int
    headings: Sequence[str]
    units: Sequence[str]


def _heads(rows: Rows, first: int, width: int) -> list[_Head]:
    """The head of the table, and those that stand further down ("As of December 31, 2018" over the same columns)."""
    heads = [_Head(0, first, _headings(rows[:first], width), _words_over(rows[:first], width))]
    position = first
    while position < len(rows):
        end = position
        while end < len(rows) and _is_heading(rows[end]):
            end += 1
        wraps = any(rows[position - 1][1:]) and not _has_data(rows[position - 1])  # text that goes on below
        if position < end < len(rows) and not wraps and any(map(_names_a_period, rows[position:end])):
            heads.append(_below(heads[-1], rows[position:end], position, width))
        position = max(end, position + 1)
    return heads


def _is_heading(row: Sequence[str]) -> bool:
    """A row without label and amounts, in which more than a unit stands."""
    return not row[0] and not _has_data(row) and any(cell and not is_only_unit(cell) for cell in row[1:])


def _names_a_period(row: Sequence[str]) -> bool:
    return any(_is_period(cell) for cell in row[1:] if cell)


def _below(above: _Head, rows: Rows, begins: int, width: int) -> _Head:
    """The head of these rows; what it does not say of a column but its period, the head above says."""
    said = [cell for row in rows for cell in row if cell]
    new = [said[0]] * width if len(said) == 1 else _headings(rows, width)
    headings = []
    for old, own in zip(above.headings, new, strict=True):
        period, words = _period_of(own)
        headings.append(own if words or not period else f"{own} {_period_of(old)[1]}".strip())
    return _Head(begins, begins + len(rows), headings, above.units)


def _words_over(header: Rows, width: int) -> list[str]:
    return [" ".join(row[column] for row in header) for column in range(width)]


_OF_CHANGE = re.compile(
    r"(?:[%％$]\s?)?(?:change|variance|var|movement|增减|变动)\.?(?:\s?\(?[%％$]\)?)?", re.IGNORECASE
)


def _table_scale(header: Rows, body: Rows, around: Sequence[str]) -> int | None:
    """From headings, else the first labels, else the paragraphs; those that speak of a table first."""
    for row in header:
        for cell in row:
            if (scale := scale_of_label(cell)) is not None:
                return scale
    for row in body[:3]:
        if row and not any(row[1:]) and (scale := scale_of_label(row[0])) is not None:
            return scale
    stated = [text for text in around if scale_of_prose(text) is not None]
    stated.sort(key=lambda text: not re.search(r"\b(?:tables?|following|below|summar|以下|下表)", text))
    return scale_of_prose(stated[0]) if stated else None


def _column_scale(header: Rows, column: int) -> int | None:
    if column == 0:
        return None
    return next((scale for row in header if (scale := scale_of_label(row[column])) is not None), None)


# ---------------------------------------------------------------- the body

_TOTAL = re.compile(
    r"^(?:sub-?\s?)?totals?\b|^(?:net|gross)\b|\btotal$|^balance\b|^(?:合计|总计|小计|总额)|(?:合计|总计)$",
    re.IGNORECASE,
)

_LONE_STOP = re.compile(r"\s\.$")


def _cells(
    rows: Rows,
    heads: Sequence[_Head],
    corner: str,
    scale: int | None,
    columns: Sequence[int | None],
) -> list[Cell]:
    cells: list[Cell] = []
    section, section_period, section_scale = "", "", None
    head = heads[0]
    for position in range(head.first, len(rows)):
        row = rows[position]
        head = next(each for each in reversed(heads) if each.begins <= position)
        if position < head.first:
            continue
        if not any(row[1:]):
            if row[0]:
                section_period, section = _period_of(row[0])
                section = section.rstrip(":")
                section_scale = scale_of_label(row[0])
            continue
        row_period, label = _period_of(row[0])
        quarter = _QUARTER.fullmatch(label) if not row_period else None
        label = "" if quarter else label
        label = _LONE_STOP.sub("", _FOOTNOTE.sub("", label)).strip(" :")
        row_scale = scale_of_label(row[0])
        for column in range(1, len(row)):
            quantity = cell_quantity(row[column])
            if quantity is None:
                continue
            column_period, heading = _period_of(head.headings[column])
            said = (row_scale, section_scale, columns[column], scale)
            stated = next((power for power in said if power is not None), None)
            unit_words = head.units[column]
            measure = _measure(row[0], section, unit_words or head.headings[column], quantity)
            cells.append(
                Cell(
                    at=(position, column),
                    label=label,
                    section=section,
                    heading=heading,
                    period=_in_quarter(column_period or row_period or section_period or corner, quarter),
                    raw=row[column],
                    quantity=_with_measure(quantity, measure, stated),
                    mark=_mark(unit_words, row[column]),
                    scale_known=stated is not None or measure != "",
                )
            )
    return cells


def _in_quarter(period: str, quarter: re.Match[str] | None) -> str:
    """A row "Fourth Quarter" under a year is that year's fourth quarter."""
    return f"{period}-Q{_quarter(quarter)}" if quarter and len(period) == 4 else period


def _measure(label: str, section: str, heading: str, quantity: Quantity) -> Measure:
    if quantity.unit == "%" or quantity.currency:
        by_words = measure_of(label) or measure_of(heading)
        return "%" if quantity.unit == "%" else "plain" if by_words == "plain" else ""
    return (
        measure_of(heading)
        or ("%" if _LONE_PERCENT.search(heading) else "")
        or measure_of(label)
        or ("%" if measure_of(section) == "%" else measure_of(section))
    )


def _with_measure(quantity: Quantity, measure: Measure, scale: int | None) -> Quantity:
    if measure == "%":
        return replace(quantity, unit="%") if not quantity.unit else quantity
    if measure == "plain" or scale is None:
        return quantity
    return quantity.scaled(scale)


_LONE_PERCENT = re.compile(r"(?:^|\s)\(?[%％]\)?(?:\s|$)")


def _mark(heading: str, raw: str) -> str:
    if _LONE_PERCENT.search(heading) or (raw.endswith("%") and not heading):
        return "%"
    return ""


def _with_short_periods(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Dates and months become years where each year has but one of them."""
    labels = {cell.period for cell in cells if cell.period}
    years = [label[:4] for label in labels]
    if len(set(years)) < len(years):
        return cells
    return tuple(replace(cell, period=cell.period[:4]) if len(cell.period) > 4 else cell for cell in cells)


def _rolled_forward(cells: tuple[Cell, ...], rows: Rows) -> tuple[Cell, ...]:
    """Rows between "at 1 January" and "at 31 December" belong to the period that the second closes."""
    dated = {cell.at[0]: cell.period for cell in cells if cell.period and _period_of(rows[cell.at[0]][0])[0]}
    if len(dated) < 2:
        return cells
    opening = min(dated)
    closing = {
        row: next((dated[other] for other in sorted(dated) if other > row), "")
        for row in {cell.at[0] for cell in cells}
    }
    return tuple(
        cell if cell.period or cell.at[0] < opening else replace(cell, period=closing[cell.at[0]])
        for cell in cells
    )


def _without_remarks(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Where each period has but one column, what else stands over it ("restated") sets no series apart."""
    columns = {(cell.at[1], cell.period, cell.heading) for cell in cells if cell.period}
    by_column = {column for column, _, _ in columns}
    periods = {period for _, period, _ in columns}
    if len(by_column) < 2 or not len(by_column) == len(periods) == len(columns):
        return cells
    return tuple(replace(cell, heading="") if cell.period else cell for cell in cells)


def _series(cells: Sequence[Cell], rows: Rows) -> tuple[Series, ...]:
    """By label, section, heading and mark. A row without a name under others is their total."""
    grouped: dict[tuple[str, str, str, str, int], dict[str, Cell]] = {}
    for cell in cells:
        turn = 0
        while True:
            key = (cell.label.lower(), cell.section.lower(), cell.heading.lower(), cell.mark, turn)
            holder = grouped.setdefault(key, {})
            if cell.period not in holder:
                holder[cell.period] = cell
                break
            turn += 1
    series = []
    for members in grouped.values():
        cell = next(iter(members.values()))
        unnamed = not cell.label and not rows[cell.at[0]][0]
        total = unnamed or (not cell.label and not cell.period) or bool(_TOTAL.search(cell.label))
        series.append(Series(cell.label, cell.section, cell.heading, cell.mark, members, total))
    return tuple(series)
