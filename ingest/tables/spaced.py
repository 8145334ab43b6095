"""Tables without a grid: lines whose numbers stand under each other, with white space between.

What is refused: paragraphs, text in columns, lists, tables of contents. Tables of words alone
are found only where three columns or more line up.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.tables.lines import Line
from ingest.tables.numbers import Kind, dated, is_period

_YEAR = re.compile(r"(?:19|20)\d\d")
WIDE = 3.2  # ems of white space between two rows of one table
CLOSE = 1.0  # ems: lines this close are rows of one table if two numbers stand in its columns
MOST_BETWEEN = 12  # lines without a value between two lines of values
MOST_CROSSING = 2  # lines among them that run in over the values: wide labels, not paragraphs
LEAST_COLUMNS = 3  # of a table of words alone
LEAST_ROWS = 3
SHORT_TEXT = 48  # characters: longer pieces side by side are text in columns
ALIGNED = 0.6  # ems


@dataclass(slots=True)
class Region:
    """Lines [first, last] of the page that make one table, header not yet included."""

    first: int
    last: int
    valued: list[int] = field(default_factory=list)


def is_valued(line: Line) -> bool:
    """Does the line hold numbers in columns: one apart from a label, or several apart?"""
    pieces = line.pieces
    if len(pieces) < 2:
        return False
    numbers = sum(1 for piece in pieces if piece.kind)
    if pieces[0].kind and numbers == 1:
        return False
    # "Total | Level 1 | 2 | Level 3" names columns.
    return 3 * numbers >= len(pieces) - 1 and numbers > 0


def regions_of(lines: Sequence[Line]) -> list[Region]:
    """Runs of lines whose values share columns."""
    regions: list[Region] = []
    current: Region | None = None
    columns: list[list[float]] = []
    for number, line in enumerate(lines):
        if not is_valued(line) and not is_heading(line):
            continue
        if current is not None and _goes_on(lines, current, number, columns):
            current.last = number
            current.valued.append(number)
        else:
            current = Region(number, number, [number])
            regions.append(current)
            columns = []
        _learn(columns, line)
    return [region for region in regions if _holds_enough(lines, region)]


def _holds_enough(lines: Sequence[Line], region: Region) -> bool:
    """Two lines of values, or one under a line of years, or one of several numbers (a header must be found)."""
    values = [lines[number] for number in region.valued if _has_values(lines[number])]
    if len(region.valued) > 1:
        return bool(values)
    return bool(values) and sum(piece.kind is Kind.NUMBER for piece in values[0].pieces[1:]) > 1


def _has_values(line: Line) -> bool:
    numbers = [piece for piece in line.pieces if piece.kind is Kind.NUMBER]
    return is_valued(line) and not is_heading(line) and not all(is_period(piece.text) for piece in numbers)


def _learn(columns: list[list[float]], line: Line) -> None:
    for piece in line.pieces:
        if not piece.kind and not (piece is not line.pieces[0] and dated(piece.text)):
            continue
        hits = [c for c in columns if c[0] < piece.x1 and c[1] > piece.x0]
        if not hits:
            columns.append([piece.x0, piece.x1])
        elif len(hits) == 1:
            hits[0][0] = min(hits[0][0], piece.x0)
            hits[0][1] = max(hits[0][1], piece.x1)


def _goes_on(lines: Sequence[Line], region: Region, number: int, columns: list[list[float]]) -> bool:
    """Does line `number` belong to the table that ended at `region.last`?"""
    line, last = lines[number], lines[region.last]
    between = lines[region.last + 1 : number]
    if is_heading(line) and (between or _consecutive(line)):
        return False
    if any(is_heading(other) or _names(other, last) for other in between):
        return False
    if sum(other.x0 <= last.x0 + 2 * last.em for other in between) > MOST_BETWEEN:
        return False
    left = min((column[0] for column in columns), default=0.0)
    if sum(_runs_into(other, left) for other in between) > MOST_CROSSING:
        return False
    matched, strange = _fit(line, columns)
    widest = max(
        (below.y0 - above.y1) / max(above.em, below.em)
        for above, below in itertools.pairwise([last, *between, line])
    )
    if matched == 0 or widest > (WIDE if strange or matched < 3 else 1.5 * WIDE):
        return False
    return strange <= matched + 1 or (matched > 1 and not between and widest < CLOSE)


def _runs_into(line: Line, left: float) -> bool:
    """Does a line of one piece begin before the values and run in among them?"""
    return len(line.pieces) == 1 and line.x0 < left and line.x1 > left + 2 * line.em


def _fit(line: Line, columns: list[list[float]]) -> tuple[int, int]:
    """How many numbers of the line stand in one known column, and how many do not."""
    hits = [
        sum(column[0] < piece.x1 and column[1] > piece.x0 for column in columns)
        for piece in line.pieces
        if piece.kind
    ]
    matched = hits.count(1)
    return matched, len(hits) - matched


def worded_regions_of(lines: Sequence[Line], first: int, last: int) -> list[Region]:
    """Runs among lines [first, last) of words that begin at the same three or more places."""
    regions: list[Region] = []
    current: Region | None = None
    starts: list[float] = []
    for number in range(first, last):
        line = lines[number]
        several = len(line.pieces) >= LEAST_COLUMNS
        if current is None or not _keeps_to(line, lines[current.last], starts):
            current = None
            if several and all(len(piece.text) <= SHORT_TEXT for piece in line.pieces):
                current = Region(number, number)
                regions.append(current)
                starts = []
        if current is not None:
            current.last = number
            if several:
                current.valued.append(number)
                starts += [piece.x0 for piece in line.pieces if not _begins_at(piece.x0, starts, line.em)]
    return [region for region in regions if len(region.valued) >= LEAST_ROWS]


def _keeps_to(line: Line, last: Line, starts: Sequence[float]) -> bool:
    """Do the pieces begin where columns do: all of them, or most where there are several?"""
    if line.y0 - last.y1 >= WIDE * line.em:
        return False
    aligned = sum(_begins_at(piece.x0, starts, line.em) for piece in line.pieces)
    if len(line.pieces) >= LEAST_COLUMNS:
        return aligned >= 0.7 * len(line.pieces)
    return aligned == len(line.pieces) and (aligned > 1 or line.x0 > starts[0] + line.em)


def _begins_at(x: float, starts: Sequence[float], em: float) -> bool:
    return any(abs(x - start) < ALIGNED * em for start in starts)


def is_heading(line: Line) -> bool:
    """Does the line name columns: years or days, or words over several columns?"""
    if len(line.pieces) < 2:
        return False
    over = line.pieces[1:]
    periods = [piece for piece in line.pieces if is_period(piece.text) or dated(piece.text)]
    return len(periods) >= 2 and len(periods) >= len(over)


def _names(line: Line, last: Line) -> bool:
    """Several words side by side that do not go on where words stood before: a new header."""
    over = line.pieces[1:]
    words = [piece for piece in last.pieces[1:] if not piece.kind]
    return len(over) > 1 and not any(
        piece.kind
        or piece.text[0].isdigit()
        or any(piece.x0 < word.x1 and piece.x1 > word.x0 for word in words)
        for piece in over
    )


def _consecutive(line: Line) -> bool:
    """Years one after the other, up or down: they head columns and are no values of a row."""
    years = [int(match.group()) for piece in line.pieces if (match := _YEAR.search(piece.text))]
    steps = {after - before for before, after in itertools.pairwise(years)}
    return steps in ({1}, {-1})
