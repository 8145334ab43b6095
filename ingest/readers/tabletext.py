"""How a table without boxes becomes a block: the same form as `ingest.tables.Table.block`."""

from collections.abc import Sequence

from core.types import Block


def table_block(rows: Sequence[Sequence[str]], *, anchor: str, above: str = "") -> Block:
    """Rows of cells -> a block whose last `len(rows)` lines are the rows, cells joined by " | "."""
    clean = tuple(tuple(" ".join(cell.split()) for cell in row) for row in rows)
    lines = [*([above] if above else []), *(" | ".join(row) for row in clean)]
    return Block("table", "\n".join(lines), rows=clean, anchor=anchor)
