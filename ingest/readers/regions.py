"""The tables of a sheet: where filled cells hang together, and which rows and columns belong to one.

A sheet may hold several tables beside and below each other, titles over them, and gaps inside of
them. An empty column is a gap inside of a table unless words begin behind it; a few empty rows are,
where no new column names follow. Knows cells as displayed, and nothing of files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from core.types import Block, Reading
from ingest.readers.cellformat import Shown
from ingest.readers.tabletext import table_block
from ingest.tables.numbers import Kind, is_period, kind_of

Cells = Mapping[int, Mapping[int, Shown]]  # by row and column, both from 1; filled cells only

_GAP = 2  # empty rows inside of a table
_ROWS = 50
_CHARACTERS = 1500
_MOST_READINGS = 20_000  # of a sheet; beyond, the values are in the text only
_HEADER_ROWS = 4
_NOTHING = Shown("")


class _Region(NamedTuple):
    """A table: rows in order, the columns [left, right], and how many of the rows name the columns."""

    rows: Sequence[int]
    left: int
    right: int
    header: int = 0


def blocks(sheet: str, cells: Cells) -> Iterator[Block]:
    """Tables cut into groups of rows, each with its column names; lone texts as text."""
    left = _MOST_READINGS
    for region in _regions(cells):
        for block in _blocks(sheet, cells, region, readings=left > 0):
            left -= len(block.readings)
            yield block


def _blocks(sheet: str, cells: Cells, region: _Region, *, readings: bool) -> Iterator[Block]:
    titles, body = _titles(cells, region)
    if titles and not body.rows:
        yield Block("text", "\n".join(titles), anchor=_anchor(sheet, region.rows, region.left, region.right))
        return
    header, data = body.rows[: body.header], body.rows[body.header :]
    for number, group in enumerate(_groups(cells, body, data)):
        rows = [_texts(cells, body, row) for row in (*header, *group)]
        # The first group is placed with the titles and the names over it.
        span = group if number else [region.rows[0], *header, *group]
        anchor = _anchor(sheet, span, body.left, body.right)
        block = table_block(rows, anchor=anchor, above="\n".join(titles), numbers=[*header, *group])
        found = tuple(_readings(sheet, cells, body, header, group)) if readings else ()
        yield replace(block, readings=found)


def _groups(cells: Cells, body: _Region, data: Sequence[int]) -> Iterator[list[int]]:
    """Rows of a table that are cited as one."""
    group: list[int] = []
    length = 0
    for row in data:
        size = sum(len(cell.text) + 3 for cell in cells[row].values())
        if group and (len(group) == _ROWS or length + size > _CHARACTERS):
            yield group
            group, length = [], 0
        group.append(row)
        length += size
    if group or not data:
        yield group


def _texts(cells: Cells, region: _Region, row: int) -> list[str]:
    found = cells[row]
    return [found.get(column, _NOTHING).text for column in _columns(cells, region)]


def _columns(cells: Cells, region: _Region) -> list[int]:
    """The columns that are not empty in the whole table."""
    filled = {column for row in region.rows for column in cells[row]}
    return [column for column in range(region.left, region.right + 1) if column in filled]


def _anchor(sheet: str, rows: Sequence[int], left: int, right: int) -> str:
    start, end = f"{letters(left)}{min(rows)}", f"{letters(right)}{max(rows)}"
    return reference(sheet, start if start == end else f"{start}:{end}")


def reference(sheet: str, cells: str) -> str:
    """As a formula would name them: quoted where the sheet's name is more than letters and digits."""
    plain = sheet.replace("_", "").isalnum() and not sheet[:1].isdigit()
    return f"{sheet}!{cells}" if plain else f"'{sheet.replace(chr(39), chr(39) * 2)}'!{cells}"


def letters(column: int) -> str:
    """1 -> A, 27 -> AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


# ---------------------------------------------------------------- what a table is


def _regions(cells: Cells) -> list[_Region]:
    found: list[_Region] = []
    for band in _bands(sorted(cells)):
        for left, right in _spans(cells, band):
            rows = [row for row in band if any(left <= column <= right for column in cells[row])]
            region = _Region(rows, left, right)
            before = next((one for one in reversed(found) if _goes_on(cells, one, region)), None)
            if before:
                found[found.index(before)] = before._replace(rows=[*before.rows, *rows])
            else:
                found.append(region)
    return found


def _bands(rows: Sequence[int]) -> Iterator[list[int]]:
    """Runs of rows without an empty one between them."""
    band: list[int] = []
    for row in rows:
        if band and row > band[-1] + 1:
            yield band
            band = []
        band.append(row)
    if band:
        yield band


def _spans(cells: Cells, band: Sequence[int]) -> list[tuple[int, int]]:
    """The tables that stand side by side in a band, as ranges of columns."""
    filled = sorted({column for row in band for column in cells[row]})
    starts = [filled[0]]
    starts += [right for left, right in pairwise(filled) if right > left + 1 and _begins(cells, band, right)]
    ends = [max(column for column in filled if column < start) for start in starts[1:]]
    return list(zip(starts, [*ends, filled[-1]]))


def _begins(cells: Cells, band: Sequence[int], column: int) -> bool:
    """Whether a table begins with this column: its first column is words, not numbers."""
    below = [cells[row][column] for row in band if column in cells[row]]
    data = below[1:] or below
    numbers = sum(1 for cell in data if _is_value(cell))
    return 2 * numbers < len(data)


def _goes_on(cells: Cells, before: _Region, region: _Region) -> bool:
    """Whether `region` is the same table after a gap: under its columns, without column names of its own."""
    if region.rows[0] - before.rows[-1] - 1 > _GAP or before.right == before.left:
        return False
    inside = before.left <= region.left and region.right <= before.right
    first = cells[region.rows[0]]
    values = [first[column] for column in first if region.left < column <= region.right]
    return inside and bool(values) and all(_is_value(cell) and not is_period(cell.text) for cell in values)


def _titles(cells: Cells, region: _Region) -> tuple[list[str], _Region]:
    """The lines over a table, and the table with its header counted. A lone column of words is all lines."""
    rows = list(region.rows)
    titles = []
    wide = region.right > region.left
    while rows:
        texts = {cells[rows[0]][column] for column in cells[rows[0]] if region.left <= column <= region.right}
        alone = len(texts) == 1 and not any(map(_is_value, texts))
        if not alone or (wide and len(rows) > 1 and _labels_only(cells, rows[0], region)):
            break
        titles.append(texts.pop().text)
        rows.pop(0)
    body = region._replace(rows=rows)
    return titles, body._replace(header=_header(cells, body) if rows else 0)


def _labels_only(cells: Cells, row: int, region: _Region) -> bool:
    """The only filled cell stands over the values, not at the left: it names a column."""
    filled = [column for column in cells[row] if region.left <= column <= region.right]
    return len(filled) == 1 and filled[0] > region.left


def _header(cells: Cells, region: _Region) -> int:
    """How many rows stand before the first one that holds a value; a year names a column."""
    for number, row in enumerate(region.rows[: _HEADER_ROWS + 1]):
        beside = [cells[row][column] for column in cells[row] if region.left < column <= region.right]
        if any(_is_value(cell) and not is_period(cell.text) for cell in beside):
            return number
    return 1 if len(region.rows) > 1 else 0


def _is_value(cell: Shown) -> bool:
    return bool(cell.value) or kind_of(cell.text) != Kind.WORDS


# ---------------------------------------------------------------- typed values


def _readings(
    sheet: str, cells: Cells, region: _Region, header: Sequence[int], rows: Sequence[int]
) -> Iterator[Reading]:
    """A reading for each number: its row's words name it; the words over it name it further, or its period."""
    over = {column: _over(cells, header, column) for column in _columns(cells, region)}
    for row in rows:
        label, labelled = _label(cells[row], region)
        named = label if is_period(label) else ""
        for column, cell in cells[row].items():
            if cell.value and column not in labelled and region.left <= column <= region.right:
                names, period = over.get(column, ("", ""))
                attribute = ", ".join(part for part in ("" if named else label, names) if part)
                period = period or named
                where = reference(sheet, f"{letters(column)}{row}")
                yield Reading(
                    attribute, cell.value, cell.text, cell.unit, period, method="cell", anchor=where
                )


def _over(cells: Cells, header: Sequence[int], column: int) -> tuple[str, str]:
    """(words, period) of the names over a column."""
    texts = list(dict.fromkeys(cells[row][column].text for row in header if column in cells[row]))
    periods = [text for text in texts if is_period(text)]
    return " ".join(text for text in texts if text not in periods), " ".join(periods)


def _label(row: Mapping[int, Shown], region: _Region) -> tuple[str, set[int]]:
    """The words at the left of a row, or the year there, and the columns that they stand in."""
    texts: list[str] = []
    columns: set[int] = set()
    for column in sorted(row):
        if region.left <= column <= region.right:
            is_year = column == region.left and is_period(row[column].text)
            if row[column].value and not is_year:
                break
            texts.append(row[column].text)
            columns.add(column)
    return " ".join(dict.fromkeys(texts)), columns
