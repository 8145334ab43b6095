"""What stands around a table: its caption, the lines of units, and the edges of the page."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from core.types import Box
from ingest.tables.lines import Line, Piece
from ingest.tables.numbers import is_unit
from ingest.tables.table import Table, table_word
from ingest.words import Word

_CAPTION = re.compile(
    r"(?i:Table|Exhibit|Schedule|Appendix|Tabelle|Tableau)\s+(?:[A-Z]{0,3}[.-]?\d|[IVX]+\b)"
    r"|附?表\s*[\d一二三四五六七八九十]"
)
MARGIN = 0.09  # of the page's height: what stands alone there is a running header or footer
CAPTION_LINES = 4
CAPTION_GAP = 2.2  # ems
UNIT_WORDS = 25


def is_caption(line: Line) -> bool:
    """Does the line begin like "Table 3: Employment by sector"?"""
    return bool(_CAPTION.match(line.text))


def in_context(
    tables: Sequence[Table], words: Sequence[Word], free: list[Line], page_height: float
) -> list[Table]:
    """The tables with the lines above that belong to them, and whether they end at the page's edges.

    `free` are the lines outside of tables.
    """
    free.sort(key=lambda line: line.y0)
    given: set[int] = set()
    found = []
    for table in tables:
        over = [pieces for pieces in _above(free, table.box) if given.isdisjoint(map(id, pieces))]
        given.update(id(piece) for pieces in over for piece in pieces)
        kept = tuple(
            tuple(table_word(words, index) for piece in pieces for index in piece.words) for pieces in over
        )
        found.append(replace(table, above=kept))
    others = [line for line in free if not all(id(piece) in given for piece in line.pieces)]
    return [_at_edges(table, found, others, page_height) for table in found]


def _at_edges(table: Table, tables: Sequence[Table], free: Sequence[Line], page_height: float) -> Table:
    boxes = [other.box for other in tables if other is not table]
    starts = [*(line.y0 for line in free), *(box.y0 for box in boxes)]
    ends = [*(line.y1 for line in free), *(box.y1 for box in boxes)]
    top, bottom = MARGIN * page_height, (1 - MARGIN) * page_height
    return replace(
        table,
        at_top=not any(top < y < table.box.y0 + 2 for y in ends),
        at_bottom=not any(table.box.y1 - 2 < y < bottom for y in starts),
    )


def _above(lines: Sequence[Line], box: Box) -> list[list[Piece]]:
    """The caption and the lines of units right over a table, from top to bottom.

    A title without "Table 3" is left to the page: it is a heading. So is the end of a paragraph.
    """
    near = [line for line in lines if line.middle < box.y0 and line.x0 < box.x1 and line.x1 > box.x0]
    kept: list[list[Piece]] = []
    skipped: list[list[Piece]] = []
    edge = box.y0
    for position in range(len(near) - 1, max(len(near) - 1 - CAPTION_LINES, -1), -1):
        line = near[position]
        if edge - line.y1 > CAPTION_GAP * line.em:
            break
        edge = line.y0
        pieces = [piece for piece in line.pieces if piece.x0 < box.x1 and piece.x1 > box.x0]
        if is_caption(line):
            kept += [*skipped, pieces]
            break
        if (
            is_unit(line.text)
            and len(line.text.split()) <= UNIT_WORDS
            and not _in_paragraph(near, position, box)
        ):
            kept.append(pieces)
        else:
            skipped.append(pieces)
    return sorted(kept, key=lambda pieces: pieces[0].y0)


def _in_paragraph(lines: Sequence[Line], position: int, box: Box) -> bool:
    """Does a long line stand closely over this one, or this long one over another?"""
    over = lines[max(position - 1, 0) : position + 2]
    return any(
        below.y0 - line.y1 <= 0.5 * line.em and line.x1 > box.x0 + 0.7 * box.width
        for line, below in pairwise(over)
    )
