"""CSV and TSV: tables of up to some fifty rows, each with the header. Places are "row N", the header being row 1."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page
from ingest.readers.encoding import read_text
from ingest.readers.tabletext import table_block

_DELIMITERS = ",;\t|"
_ROWS = 50
_CHARACTERS = 1500
_SAMPLE = 50
_NUMBER = re.compile(r"[^\w]*[-+(]?[$€£¥]?\d[\d,.\s]*[%)]?$")


def read(path: Path, _sink: ImageSink) -> Content:
    """Raises UnreadableFile for a file without a filled cell or with a cell over 1 MB."""
    text = read_text(path).replace("\x00", "")
    delimiter = _delimiter(text)
    csv.field_size_limit(1 << 20)
    try:
        rows = [row for row in _rows(text, delimiter) if any(cell.strip() for cell in row[1])]
    except csv.Error as error:
        raise UnreadableFile(f"the table cannot be read: {error}") from error
    if not rows:
        raise UnreadableFile("the file holds no table row")
    header = rows[0][1] if _has_header([cells for _, cells in rows[:_SAMPLE]]) else []
    data = rows[1:] if header and len(rows) > 1 else rows
    header = header if data is not rows else []
    media_type = "text/tab-separated-values" if delimiter == "\t" else "text/csv"
    return Content(media_type, (Page(1, tuple(_blocks(header, data))),))


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.split("\n"), delimiter=delimiter)
    yield from enumerate(reader, 1)


def _delimiter(text: str) -> str:
    """The one that cuts the most rows of the sample into the same number, more than one, of cells."""
    lines = [line for line in islice(text.split("\n"), 4 * _SAMPLE) if line.strip()][:_SAMPLE]

    def regularity(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        common = max(set(widths), key=widths.count, default=1)
        return (widths.count(common) / len(widths) if common > 1 else 0.0), common

    return max(_DELIMITERS, key=regularity)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """The first row names the columns: all cells filled, none a number, no name twice."""
    first = [cell.strip() for cell in rows[0]]
    named = [cell for cell in first if cell]
    return (
        len(named) >= max(1, len(first) - 1)
        and len(set(named)) == len(named)
        and not any(_NUMBER.match(cell) for cell in named)
    )


def _blocks(header: list[str], rows: Sequence[tuple[int, list[str]]]) -> Iterator[Block]:
    width = max(len(header), *(len(cells) for _, cells in rows))
    group: list[tuple[int, list[str]]] = []
    length = 0
    for number, cells in rows:
        size = sum(map(len, cells)) + 3 * len(cells)
        if group and (len(group) == _ROWS or length + size > _CHARACTERS):
            yield _block(header, group, width)
            group = []
            length = 0
        group.append((number, cells))
        length += size
    if group:
        yield _block(header, group, width)


def _block(header: list[str], group: list[tuple[int, list[str]]], width: int) -> Block:
    numbered = [(0, header), *group] if header else group
    rows = [[*row, *[""] * (width - len(row))] for _, row in numbered]
    first, last = group[0][0], group[-1][0]
    anchor = f"row {first}" if first == last else f"rows {first}-{last}"
    return table_block(rows, anchor=anchor, numbers=[number for number, _ in numbered])
