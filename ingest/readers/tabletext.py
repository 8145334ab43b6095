"""How a table without boxes becomes a block: the same form as `ingest.tables.Table.block`."""

from collections.abc import Sequence

from core.types import Block, Mark


def table_block(
    rows: Sequence[Sequence[str]], *, anchor: str, above: str = "", numbers: Sequence[int] = ()
) -> Block:
    """Rows of cells -> a block whose last `len(rows)` lines are the rows, cells joined by " | ".

    `numbers`: which rows of the file they are, so that each can be pointed at; 0 for one that cannot.
    """
    clean = tuple(tuple(" ".join(cell.split()) for cell in row) for row in rows)
    marks = []
    text = above
    for row, number in zip(clean, [*numbers, *[0] * (len(rows) - len(numbers))]):
        text += "\n" if text or row is not clean[0] else ""
        start = len(text)
        text += " | ".join(row)
        if number:
            marks.append(Mark(start, len(text), f"row {number}"))
    return Block("table", text, rows=clean, anchor=anchor, marks=tuple(marks))
