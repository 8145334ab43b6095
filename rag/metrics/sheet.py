"""STATEMENT PAGES -> ROWS: every value with its fiscal year, its scale and its words in the passage.

A row is a label and one value for each year of the heading above it. The newest year of a heading is the
fiscal year of the document, whatever day it ends on. A row with other than one value a year is not read:
which value is whose would be a guess.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.glossary import Line, plain
from core.period import find_periods
from core.quantity import Quantity
from core.scales import scale_of_label, scale_of_prose
from core.table import cell_quantity
from core.types import Chunk

_NOTE = re.compile(
    r"\((?:see )?notes? [^)]*\)|,? notes? \d+[a-z]?\b|\(\d\)|\[\d+\]|of \$ ?[\d,.]+ and \$ ?[\d,.]+",
    re.IGNORECASE,
)
_VALUES = re.compile(r"(?:\s(?:[$€£¥]\s?)?\(?(?:\d[\d,]*(?:\.\d+)?|[–—-])\)?){1,6}\s*$")
_VALUE = re.compile(r"\(?[$€£¥]?\s?\(?(?:\d[\d,]*(?:\.\d+)?|[–—-])\)?")
_PER_SHARE = re.compile(r"\bper (?:common |ordinary )?share\b|\bshares\b|每股")


@dataclass(frozen=True, slots=True)
class Row:
    """Characters [start, end) of the text of `chunk`. `values`: by fiscal year."""

    chunk: Chunk
    start: int
    end: int
    label: str
    values: Mapping[int, Quantity]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one page, in order. `scale` is the power of ten that the page states, if it does."""

    page: int | None
    rows: tuple[Row, ...]
    scale: int | None

    @property
    def currency(self) -> str:
        """The one that the page prints first."""
        return next((one.currency for row in self.rows for one in row.values.values() if one.currency), "")

    def find(self, line: Line, year: int, said: str = "") -> Row | None:
        """The row that the line's surest pattern fits and that has a value for the year; before it one that is
        called what the question `said`: net sales are not always the total revenue.
        """
        ranked = [
            (row.label != said, rank, at)
            for at, row in enumerate(self.rows)
            if year in row.values and (rank := line.rank(row.label)) is not None
        ]
        return self.rows[min(ranked)[-1]] if ranked else None


def read_sheet(chunks: Sequence[Chunk], newest: int, usual: int | None = None) -> Sheet:
    """The page that these passages make up. `newest`: the fiscal year of the document; `usual`: the power
    of ten that holds where the page states none.
    """
    scale = scale_of(chunks)
    scale = usual if scale is None else scale
    headings = [heading for chunk in chunks for heading in _headings(chunk.text)]
    rows: list[Row] = []
    last: tuple[int, ...] = headings[0] if headings else ()
    for chunk in chunks:
        for line in _lines(chunk.text):
            if years := _years(line.cells):
                last = years
            elif line.values:
                values = _by_year(line.values, last, headings, newest)
                if values:
                    scaled = {year: _scaled(value, scale, line.label) for year, value in values.items()}
                    rows.append(Row(chunk, line.start, line.end, line.label, scaled))
    return Sheet(chunks[0].places[0].page if chunks and chunks[0].places else None, tuple(rows), scale)


def _scaled(value: Quantity, scale: int | None, label: str) -> Quantity:
    return value if scale is None or _PER_SHARE.search(label) else value.scaled(scale)


def scale_of(chunks: Sequence[Chunk]) -> int | None:
    """What the page's heads say: "(in millions)", "(Dollars in thousands, except per share)"."""
    for chunk in chunks:
        for text in (*chunk.section[::-1], *chunk.text.split("\n")[:12]):
            if len(text) < 400 and re.search(
                r"million|thousand|billion|百万|千元|万元|亿元|'000|000s", plain(text)
            ):
                for found in (scale_of_prose(text), scale_of_label(text)):
                    if found is not None:
                        return found
    return None


# ---------------------------------------------------------------- lines of a passage


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    label: str
    cells: tuple[str, ...]
    values: tuple[Quantity, ...] = field(default=())


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    held = ""  # a label whose values stand in the next line
    for line in text.split("\n"):
        start, position = position, position + len(line) + 1
        if not line.strip():
            continue
        cells = tuple(cell.strip() for cell in line.split(" | "))
        label, values = (cells[0], _values(cells[1:])) if len(cells) > 1 else _split(line)
        name = plain(_NOTE.sub(" ", label)).strip(" :.$")
        if not name and values and held:
            name = held
        yield _Line(start, start + len(line), name, cells, values if name else ())
        held = "" if values else name


def _split(line: str) -> tuple[str, tuple[Quantity, ...]]:
    """A printed line without cells: label and the run of numbers at its end."""
    match = _VALUES.search(line) if len(line) < 240 else None
    if match is None:
        return line, ()
    return line[: match.start()], _values(tuple(found.group() for found in _VALUE.finditer(match.group())))


def _values(cells: Sequence[str]) -> tuple[Quantity, ...]:
    """The numbers in the cells; a currency sign of its own is none, a word among them makes the row no row."""
    found: list[Quantity] = []
    for cell in cells:
        if not cell or cell in "$€£¥":
            continue
        quantity = cell_quantity(cell)
        if quantity is None:
            return ()
        found.append(quantity)
    return tuple(found)


# ---------------------------------------------------------------- which value is which year's


def _headings(text: str) -> Iterator[tuple[int, ...]]:
    for line in _lines(text):
        if years := _years(line.cells):
            yield years


def _years(cells: Sequence[str]) -> tuple[int, ...]:
    """The years of a heading, in order: at least two, each once, and no other number beside dates."""
    found: list[int] = []
    for cell in cells:
        periods = find_periods(cell)
        rest = cell
        for item in reversed(periods):
            rest = f"{rest[: item.start]} {rest[item.end :]}"
        if re.search(r"\d{3,}|\d[.,]\d", rest):
            return ()
        found += [item.period.year for item in periods]
    if len(found) < 2 or len(set(found)) < len(found) or max(found) - min(found) >= 2 * len(found):
        return ()
    return tuple(found)


def _by_year(
    values: Sequence[Quantity], last: tuple[int, ...], headings: Sequence[tuple[int, ...]], newest: int
) -> dict[int, Quantity]:
    years = (
        last if len(last) == len(values) else next((one for one in headings if len(one) == len(values)), ())
    )
    if not years:
        return {}
    moved = max(years) - newest
    if moved not in (
        0,
        1,
    ):  # a year may end early in the next calendar year; anything else is not this document's
        return {}
    return {year - moved: value for year, value in zip(years, values)}


def absolute(value: Quantity) -> Quantity:
    """Of an amount that is printed with either sign."""
    return (
        value
        if value.value >= 0
        else Quantity(abs(value.value), value.scale, value.unit, value.currency, value.decimals)
    )
