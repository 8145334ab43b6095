"""What a table is: cells on a grid, each made of printed words.

Knows nothing of how tables are found. A word of the page belongs to exactly one cell, or to one
of the lines above the table that say what it shows and in which unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.types import Block, Box, Span
from ingest.tables.numbers import is_leader, is_wide
from ingest.words import Word


class TableWord(NamedTuple):
    """A word of a page in a table. `number` is its position in the page's words; `page` counts from
    the page on which the table begins (0), for tables that go on over a page break.
    """

    text: str
    box: Box
    number: int
    page: int = 0


def table_word(words: Sequence[Word], index: int) -> TableWord:
    """Word `index` of a page."""
    word = words[index]
    return TableWord(word.text, word.box, index)


@dataclass(frozen=True, slots=True)
class Cell:
    """`words` in reading order. A cell may cover several rows and columns of the grid."""

    row: int
    column: int
    words: tuple[TableWord, ...]
    row_span: int = 1
    column_span: int = 1

    @property
    def text(self) -> str:
        return "".join(piece for piece, _word in _spaced(self.words))


class Sum(NamedTuple):
    """The number in (`row`, `column`) equals the sum of the numbers in `parts` (rows) above it."""

    row: int
    column: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A grid of `height` rows and `width` columns; grid squares without a cell are empty.

    `above` are printed lines over the table: its caption and its units ("In millions, except per
    share amounts"). The first `header_rows` rows name the columns. `extents` are the left and right
    edges of the columns on the first page, in points. `confidence` runs from 0 to 1.
    `at_top`, `at_bottom`: nothing but running headers or footers stands between the table and that
    edge of its page, so that it may go on over the page break.
    """

    cells: tuple[Cell, ...]
    height: int
    width: int
    header_rows: int
    box: Box
    above: tuple[tuple[TableWord, ...], ...] = ()
    extents: tuple[tuple[float, float], ...] = ()
    ruled: bool = False
    confidence: float = 0.5
    sums: tuple[Sum, ...] = ()
    at_top: bool = False
    at_bottom: bool = False

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The texts of the grid. A merged cell is repeated in every square that it covers."""
        return tuple(tuple(cell.text if cell else "" for cell in line) for line in self.grid())

    @property
    def columns(self) -> tuple[str, ...]:
        """The header path of each column: "Years Ended September 25, 2021"."""
        header = self.rows[: self.header_rows]
        paths = []
        for column in range(self.width):
            parts = dict.fromkeys(row[column] for row in header if row[column])
            paths.append(" ".join(parts))
        return tuple(paths)

    @property
    def word_indexes(self) -> frozenset[int]:
        """The words of the table's first page that the table took, lines above included."""
        return frozenset(word.number for word in self.words() if word.page == 0)

    def words(self) -> Iterator[TableWord]:
        """Every word once: the lines above, then cell by cell."""
        for line in self.above:
            yield from line
        for cell in self.cells:
            yield from cell.words

    def grid(self) -> list[list[Cell | None]]:
        squares: list[list[Cell | None]] = [[None] * self.width for _ in range(self.height)]
        for cell in self.cells:
            for row in range(cell.row, cell.row + cell.row_span):
                for column in range(cell.column, cell.column + cell.column_span):
                    squares[row][column] = cell
        return squares

    def block(self, page_number: int) -> Block:
        """The table as a block of page `page_number` (from 1), the page on which it begins.

        The text is the lines above, then one line for each row, cells joined by " | ": its last
        `len(rows)` lines are the rows. A span for each word; a merged cell that is repeated has
        its spans repeated.
        """
        text = _Text(page_number)
        for line in self.above:
            text.words(line)
            text.add("\n")
        for number, row in enumerate(self.grid()):
            if number:
                text.add("\n")
            for column, cell in enumerate(row):
                if column:
                    text.add(" | ")
                if cell:
                    text.words(cell.words)
        return Block("table", text.text, self.box, text.spans, rows=self.rows)


class _Text:
    """A growing text that remembers where its words stand."""

    def __init__(self, page_number: int) -> None:
        self._page_number = page_number
        self._pieces: list[str] = []
        self._spans: list[Span] = []
        self._length = 0

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(self._spans)

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)

    def words(self, words: Sequence[TableWord]) -> None:
        for piece, word in _spaced(words):
            start = self._length
            self.add(piece)
            if word:
                self._spans.append(Span(start, self._length, self._page_number + word.page, word.box))


def _spaced(words: Sequence[TableWord]) -> Iterator[tuple[str, TableWord | None]]:
    """The texts of words with the spaces between them; the dots that lead to a value are left out."""
    shown = words if len(words) < 2 else [word for word in words if not is_leader(word.text)] or words
    for number, word in enumerate(shown):
        if number and _apart(shown[number - 1], word):
            yield " ", None
        yield word.text, word


def _apart(one: TableWord, other: TableWord) -> bool:
    """Is a space due between two words? Not inside brackets, nor between Chinese characters."""
    if one.text in {"(", "（"} or other.text.startswith((")", "）", "]")):
        return False
    wide = is_wide(one.text[-1]), is_wide(other.text[0])
    if not any(wide):
        return True
    same_line = min(one.box.y1, other.box.y1) > max(one.box.y0, other.box.y0)
    return not all(wide) and (not same_line or other.box.x0 - one.box.x1 > 0.15 * one.box.height)
