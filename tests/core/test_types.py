"""What a chunk gives its readers."""

from core.types import BlockKind, Chunk


def _chunk(text: str, *, kind: BlockKind, title: str, section: tuple[str, ...] = ()) -> Chunk:
    return Chunk("c", "d", 1, 0, "default", frozenset({"public"}), kind, title, section, text, ())


def test_of_a_table_embedders_read_cells_and_no_bars() -> None:
    table = _chunk(" | 2023 | 2023\nNet sales | Net sales | $ 5\nTotal | 5 | 5", kind="table", title="A | B")
    assert table.embedded_text == "A B\n2023 2023\nNet sales $ 5\nTotal 5 5"


def test_of_other_passages_embedders_read_what_is_indexed() -> None:
    text = _chunk("either | or", kind="text", title="Report", section=("Risks",))
    assert text.embedded_text == text.indexed_text == "Report > Risks\neither | or"
