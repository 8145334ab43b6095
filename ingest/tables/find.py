"""Finds the tables of a page: first the grids that rules draw, then what white space draws.

words -> lines with pieces -> grids of rules    -> rows -> tables
                           -> regions of values -> columns -> header, rows -> tables
"""

from collections.abc import Sequence
from dataclasses import replace

from core.types import Box
from ingest.tables.checks import confidence_of, plausible, plausible_words, sums_of
from ingest.tables.columns import Frame, columns_of, extents_of
from ingest.tables.context import in_context
from ingest.tables.header import header_height, header_top, level_headers
from ingest.tables.lanes import lanes_of
from ingest.tables.lines import Line, lines_of
from ingest.tables.numbers import kind_of
from ingest.tables.rows import Part, Row, joined, place
from ingest.tables.ruled import Merged, ruled_rows
from ingest.tables.rulings import Grid, Rule, grids_of, rules_of
from ingest.tables.spaced import LEAST_COLUMNS, Region, is_heading, is_valued, regions_of, worded_regions_of
from ingest.tables.table import Cell, Table, table_word
from ingest.words import Word


def find_tables(
    words: Sequence[Word], rulings: Sequence[Box], page_width: float, page_height: float
) -> list[Table]:
    """The tables of a page from top to bottom. Boxes in points, origin top left.

    `words` in any order, one for each white-space separated token (or Chinese character);
    `rulings` are the boxes of drawn lines and areas. Each word is in one table at most.
    """
    lines = lines_of(words)
    if len(lines) < 2:
        return []
    across, down = rules_of(rulings)
    tables = _ruled_tables(words, lines, grids_of(across, down))
    if tables:
        taken = frozenset().union(*(table.word_indexes for table in tables))
        lines = lines_of(words, [index for index in range(len(words)) if index not in taken])
    free: list[Line] = []
    for lane in lanes_of(lines, page_width):
        found, rest = _spaced_tables(words, lane, across)
        tables += found
        free += rest
    tables.sort(key=lambda table: (table.box.y0, table.box.x0))
    tables, swept = _completed(words, tables)
    if swept:
        free = [line for line in free if swept.isdisjoint(i for piece in line.pieces for i in piece.words)]
    return in_context(tables, words, free, page_height)


def _completed(words: Sequence[Word], tables: list[Table]) -> tuple[list[Table], set[int]]:
    """What stands inside the frame of a table is in it: upright words go to the nearest cell."""
    if not tables:
        return tables, set()
    taken = {word.number for table in tables for word in table.words()}
    taken.update(index for index, word in enumerate(words) if not word.text)
    swept: set[int] = set()
    for position, table in enumerate(tables):
        left, top, right, bottom = table.box
        loose = []
        for index, (_text, (x0, y0, x1, y1), _size, _bold) in enumerate(words):
            if index not in taken and left < (x0 + x1) / 2 < right and top < (y0 + y1) / 2 < bottom:
                loose.append(index)
        if loose:
            tables[position] = _with_words(words, table, loose)
            swept.update(loose)
            taken.update(loose)
    return tables, swept


def _with_words(words: Sequence[Word], table: Table, loose: Sequence[int]) -> Table:
    cells = list(table.cells)
    for index in loose:
        x, y = _middle(words[index].box)
        distances = [min(abs(x - a) + abs(y - b) for a, b in map(_middle, _boxes(cell))) for cell in cells]
        nearest = distances.index(min(distances))
        cell = cells[nearest]
        cells[nearest] = replace(cell, words=(*cell.words, table_word(words, index)))
    return replace(table, cells=tuple(cells))


def _boxes(cell: Cell) -> list[Box]:
    return [word.box for word in cell.words]


def _middle(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


# ---------------------------------------------------------------- drawn by rules


def _ruled_tables(words: Sequence[Word], lines: Sequence[Line], grids: Sequence[Grid]) -> list[Table]:
    tables: list[Table] = []
    for grid in grids:
        found = ruled_rows(words, grid)
        if found is None:
            continue
        rows, merged, frame = found
        table = _assembled(words, rows, frame, header_height(rows), merged=merged, ruled=True)
        if not any(_over(table.box, other.box) for other in tables) and not _partial(table, lines, grids):
            tables.append(table)
    return tables


def _over(one: Box, other: Box) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1


def _partial(table: Table, lines: Sequence[Line], grids: Sequence[Grid]) -> bool:
    """Do the rules frame only a part: values go on above or below, or labels stand outside at the left?"""
    box = table.box
    numbers = [
        (min(word.box.x0 for word in cell.words), max(word.box.x1 for word in cell.words))
        for cell in table.cells
        if cell.column and kind_of(cell.text)
    ]
    labels = 0
    for line in lines:
        gap = max(box.y0 - line.y1, line.y0 - box.y1)
        if gap <= -0.5 * line.em:
            outside = [piece for piece in line.pieces if piece.x1 < box.x0]
            labels += bool(outside) and not _in_grid(outside[-1].x1, line.middle, grids)
        elif gap < 2.2 * line.em and is_valued(line) and not _in_grid(line.x0, line.middle, grids):
            pieces = [piece for piece in line.pieces if piece.kind]
            if all(any(x0 < piece.x1 and x1 > piece.x0 for x0, x1 in numbers) for piece in pieces):
                return True
    return labels > 0.6 * table.height


def _in_grid(x: float, y: float, grids: Sequence[Grid]) -> bool:
    return any(grid.xs[0] < x < grid.xs[-1] and grid.ys[0] < y < grid.ys[-1] for grid in grids)


# ---------------------------------------------------------------- drawn by white space


def _spaced_tables(
    words: Sequence[Word], lines: Sequence[Line], across: Sequence[Rule]
) -> tuple[list[Table], list[Line]]:
    """The tables among lines, those of numbers first, and the lines that are in none."""
    tables: list[Table] = []
    gaps: list[tuple[int, int]] = []
    used = 0
    for region in regions_of(lines):
        found = _spaced_table(words, lines, region, used, across)
        if found:
            tables.append(found[0])
            gaps.append((used, found[1]))
            used = region.last + 1
    gaps.append((used, len(lines)))
    free: list[Line] = []
    for first, last in gaps:
        used = first
        for region in worded_regions_of(lines, first, last):
            table = _worded_table(words, lines, region)
            if table:
                tables.append(table)
                free += lines[used : region.first]
                used = region.last + 1
        free += lines[used:last]
    return tables, free


def _worded_table(words: Sequence[Word], lines: Sequence[Line], region: Region) -> Table | None:
    columns = columns_of([lines[number] for number in region.valued])
    if len(columns) < LEAST_COLUMNS:
        return None
    frame = Frame(extents_of(columns))
    printed = [place(words, lines[number], frame) for number in range(region.first, region.last + 1)]
    rows = [printed[0], *joined(printed[1:], frame)]
    if not plausible_words(rows, len(frame)):
        return None
    rows[0].header = _is_bold(words, rows[0]) and not _is_bold(words, rows[1])
    return _assembled(words, rows, frame, int(rows[0].header))


def _is_bold(words: Sequence[Word], row: Row) -> bool:
    return all(words[index].bold for part in row.parts for piece in part.pieces for index in piece.words)


def _spaced_table(
    words: Sequence[Word], lines: Sequence[Line], region: Region, used: int, across: Sequence[Rule]
) -> tuple[Table, int] | None:
    """A region's table, and the number of its first line."""
    columns = columns_of([lines[number] for number in region.valued if not is_heading(lines[number])])
    if len(columns) < 2:
        return None
    frame = Frame(extents_of(columns))
    top = header_top(lines, region, used, frame, across)
    frame = _widened(frame, lines[top : region.first])
    values = next(number for number in region.valued if not is_heading(lines[number]))
    printed = [
        place(words, lines[number], frame, heading=number < values) for number in range(top, region.last + 1)
    ]
    named = header_height(printed)
    header = level_headers(printed[:named], frame, across)
    rows = [*header, *joined(printed[named:], frame)]
    if not plausible(rows, len(frame)):
        return None
    return _assembled(words, rows, frame, len(header)), top


def _widened(frame: Frame, header: Sequence[Line]) -> Frame:
    """Columns that are named and empty all the way down: a header line with more names than columns."""
    extents = list(frame.extents)
    for line in header:
        over = [piece for piece in line.pieces if piece.x1 > frame.cuts[0]]
        if len(over) < len(frame):
            continue
        for piece in over:
            if not any(x0 - 0.3 * line.em < piece.x1 and x1 + 0.3 * line.em > piece.x0 for x0, x1 in extents):
                extents.append((piece.x0, piece.x1))
    return Frame(sorted(extents))


# ---------------------------------------------------------------- rows into a table


def _assembled(
    words: Sequence[Word],
    rows: Sequence[Row],
    frame: Frame,
    header: int,
    *,
    merged: Sequence[Merged] = (),
    ruled: bool = False,
) -> Table:
    cells = [_cell(words, part, number, number) for number, row in enumerate(rows) for part in row.parts]
    cells += [_cell(words, one.part, one.top, one.bottom) for one in merged]
    cells.sort(key=lambda cell: (cell.row, cell.column))
    box = cells[0].words[0].box
    for cell in cells:
        for word in cell.words:
            box = box.union(word.box)
    table = Table(tuple(cells), len(rows), len(frame), header, box, extents=tuple(frame.extents), ruled=ruled)
    texts = table.rows
    sums = sums_of(texts, header)
    return replace(table, sums=sums, confidence=confidence_of(texts, header, sums, ruled=ruled))


def _cell(words: Sequence[Word], part: Part, top: int, bottom: int) -> Cell:
    taken = tuple(table_word(words, index) for piece in part.pieces for index in piece.words)
    return Cell(top, part.first, taken, bottom - top + 1, part.last - part.first + 1)
