"""A table passage read back into rows: label, section and values under their column headings.

Works on the text of a chunk of kind "table" (a line for each row, cells between " | "), so that each
cell keeps its position for citing. Knows nothing of pages; how tables are found is `ingest/tables`.
"""

import re
from dataclasses import dataclass

from core.period import find_periods

_VALUE = re.compile(
    r"^[\s(<>≤≥≈~±+\-−–]*(?:[A-Z]{2,3}\s?)?[$€£¥￥]?\s*[(\-−]?\d|^[\-—–]+$|^n/?a$|^nil$", re.IGNORECASE
)
_SCALE = re.compile(
    r"\(?(?:\b(?:in|expressed in)\s+)?(?:(?:US|RMB|USD|EUR|GBP|CNY)?\s?[$€£¥]?\s?(?:'?000s?\b|thousands?\b|millions?\b|billions?\b)[^|)\n]{0,40})\)?"
    r"|[(（]?(?:单位[:：]\s*)(?:人民币)?[^|)）\n]{1,8}[)）]?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """`column` is the heading over the cell, its rows joined by spaces; it may be empty."""

    text: str
    column: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """Characters [start, end) of the table's text. `section` is the label-only row above, if any."""

    start: int
    end: int
    label: str
    section: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """`head` is the text of the heading rows; `scale` what it says of the numbers ("in millions")."""

    rows: tuple[Row, ...]
    head: str
    scale: str


_SIGNS_BEFORE = frozenset("$€£¥￥")
_SIGNS_AFTER = frozenset(["%", ")", ")%", "％"])

Line = list[tuple[str, int, int]]  # cells of a printed row: text, start, end


def read_grid(text: str) -> Grid:
    """The rows below the heading rows. A text without " | " gives rows of a label alone."""
    lines = _lines(text)
    first = _first_row(lines)
    headings = _headings(lines[:first])
    rows: list[Row] = []
    section = ""
    for line in lines[first:]:
        filled = [cell for cell in line if cell[0]]
        if not filled:
            continue
        label = line[0][0]
        if label and len(filled) == 1 and len(line) > 1:
            section = label.rstrip(":：")
            continue
        rows.append(Row(filled[0][1], filled[-1][2], label, section, _cells(line, headings)))
    head = text[: lines[first - 1][-1][2]] if first else ""
    scale = _SCALE.search(head)
    return Grid(tuple(rows), head, scale.group().strip(" \n()（）") if scale else "")


def _cells(line: Line, headings: list[str]) -> tuple[Cell, ...]:
    """The values of a row. A sign that was printed apart ("$ | 5 | %") goes with its number."""
    cells: list[Cell] = []
    sign: tuple[str, int] | None = None
    for column, (text, start, end) in enumerate(line):
        if not text or not column:
            continue
        if text in _SIGNS_BEFORE:
            sign = (text, start)
            continue
        if text in _SIGNS_AFTER and cells:
            last = cells.pop()
            cells.append(Cell(f"{last.text}{text}", last.column, last.start, end))
            continue
        name = headings[column] if column < len(headings) else ""
        cells.append(Cell(f"{sign[0]}{text}", name, sign[1], end) if sign else Cell(text, name, start, end))
        sign = None
    return tuple(cells)


def _lines(text: str) -> list[Line]:
    lines: list[Line] = []
    position = 0
    for line in text.split("\n"):
        cells: Line = []
        for cell in re.split(r"(?<=\|)|(?=\|)", line) if "|" in line else [line]:
            if cell != "|":
                begin = position + len(cell) - len(cell.lstrip())
                cells.append((cell.strip(), begin, begin + len(cell.strip())))
            position += len(cell)
        position += 1
        if any(cell[0] for cell in cells):
            lines.append(cells)
    return lines


def _first_row(lines: list[Line]) -> int:
    """The first line with a label and a value, or the section above it. Lines before are headings.

    Years are no values. Where no line has a number, the first line heads a table of words.
    """
    named = False  # a column of values has its heading
    for number, line in enumerate(lines):
        label, values = line[0][0], [cell for cell, _, _ in line[1:] if cell]
        if label and any(_VALUE.match(cell) and not _is_period(cell) for cell in values):
            return number if number == 0 or _may_head(lines[:number]) else 0
        if named and label and len(line) > 1 and not values and not _SCALE.search(label):
            return number
        named = named or bool(values)
    return 1 if len(lines) > 1 and len(lines[0]) > 2 else 0


def _may_head(lines: list[Line]) -> bool:
    """In a table of two columns a line such as "Model | X-100" is a row, not a heading."""
    if max(len(line) for line in lines) > 2:
        return True
    return all(_is_period(cell) or not re.search(r"\d", cell) for line in lines for cell, _, _ in line[1:])


def _is_period(cell: str) -> bool:
    rest = cell
    for found in reversed(find_periods(cell)):
        rest = rest[: found.start] + rest[found.end :]
    return rest != cell and not re.search(r"\d{2,}", rest)


def _headings(lines: list[Line]) -> list[str]:
    """The path of headings over each column; an empty cell takes its neighbour's on the left, else
    on the right (a heading that is centred over several columns).
    """
    lines = [line for line in lines if len(line) > 1]
    width = max((len(line) for line in lines), default=0)
    paths: list[list[str]] = [[] for _ in range(width)]
    for line in lines:
        cells = [cell for cell, _, _ in line] + [""] * (width - len(line))
        for column in range(1, width):
            left = next((cell for cell in reversed(cells[1 : column + 1]) if cell), "")
            right = next((cell for cell in cells[column:] if cell), "")
            name = cells[column] or left or right
            if name and name not in paths[column]:
                paths[column].append(name)
    return [_joined(path) for path in paths]


def _joined(path: list[str]) -> str:
    """One name: "Year ended March 31," and "2019" give a date, "2019" and "%" stay apart."""
    name = ""
    for part in path:
        name += f"{' ' if name.endswith(',') else ', ' if name else ''}{part}"
    return name
