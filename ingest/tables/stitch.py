"""Tables that go on over a page break become one: no row is lost, a repeated header is dropped.

Two tables are one when the first ends its page, the second begins the next page, their columns
stand under each other, and the second either repeats the header or has none. What is not covered:
a row that the page break cuts in two stays two rows.
"""

from collections.abc import Sequence
from dataclasses import replace

from ingest.tables.checks import confidence_of, is_total, sums_of
from ingest.tables.table import Cell, Table

SLACK = 4.0  # points by which a column may be set off on the next page, beside the margin


def stitch(pages: Sequence[Sequence[Table]]) -> list[list[Table]]:
    """For each page the tables that begin on it. `pages` are the tables of consecutive pages, each
    page's from top to bottom; a table that goes on is taken out of its later pages.
    """
    stitched: list[list[Table]] = []
    open_table: tuple[int, int] | None = None  # page and position of the table that may go on
    for number, tables in enumerate(pages):
        rest = list(tables)
        if open_table and rest and rest[0].at_top:
            page, position = open_table
            joined = _joined(stitched[page][position], rest[0], number - page)
            if joined:
                stitched[page][position] = joined
                stitched.append(rest[1:])
                if len(rest) > 1 or not rest[0].at_bottom:
                    open_table = (number, len(rest) - 2) if len(rest) > 1 and rest[-1].at_bottom else None
                continue
        stitched.append(rest)
        open_table = (number, len(rest) - 1) if rest and rest[-1].at_bottom else None
    return stitched


def _joined(first: Table, second: Table, distance: int) -> Table | None:
    """`second`, which stands `distance` pages behind the first page of `first`, added below it."""
    columns = _same_columns(first, second)
    if columns is None:
        return None
    header = _header(first)
    repeated = second.header_rows
    if repeated and _header(second) != header:
        return None
    if not repeated and (first.width != second.width or _is_total(first)):
        return None
    cells = list(first.cells)
    offset = first.height - repeated
    for cell in second.cells:
        if cell.row < repeated:
            continue
        left, right = columns[cell.column], columns[cell.column + cell.column_span - 1]
        words = tuple(word._replace(page=distance + word.page) for word in cell.words)
        cells.append(Cell(cell.row + offset, left, words, cell.row_span, right - left + 1))
    table = replace(
        first, cells=tuple(cells), height=first.height + second.height - repeated, at_bottom=second.at_bottom
    )
    texts = table.rows
    sums = sums_of(texts, table.header_rows)
    confidence = confidence_of(texts, table.header_rows, sums, ruled=table.ruled)
    return replace(table, sums=sums, confidence=confidence)


def _is_total(table: Table) -> bool:
    """Does the table end as tables end? What has no header behind it is more likely another table."""
    return is_total(table.rows[-1][0])


def _header(table: Table) -> tuple[tuple[str, ...], ...]:
    """The texts of the header, empty columns left out: what must be the same on the next page."""
    rows = table.rows[: table.header_rows]
    return tuple(tuple(text.casefold() for text in row if text) for row in rows)


def _same_columns(first: Table, second: Table) -> list[int] | None:
    """For each column of `second` the column of `first` that it continues; None if they do not fit.

    Left and right pages have different margins: the whole may be shifted.
    """
    shift = first.extents[0][0] - second.extents[0][0]
    found: list[int] = []
    for x0, x1 in second.extents:
        shares = [min(x1 + shift, b) - max(x0 + shift, a) for a, b in first.extents]
        best = max(range(len(shares)), key=shares.__getitem__)
        if shares[best] < -SLACK or best in found:
            return None
        found.append(best)
    if found != sorted(found) or len(found) < 2:
        return None
    return found
