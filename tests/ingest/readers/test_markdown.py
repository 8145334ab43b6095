"""Markdown: its blocks, and the lines on which they stand."""

from pathlib import Path

import pytest

from core.errors import UnreadableFile
from core.types import Block, Content
from ingest.readers import markdown
from tests.ingest.readers.papers import nowhere


def read(folder: Path, text: str) -> Content:
    path = folder / "a.md"
    path.write_text(text)
    return markdown.read(path, nowhere)


def blocks(folder: Path, text: str) -> tuple[Block, ...]:
    return read(folder, text).pages[0].blocks


def test_headings_keep_their_levels_and_lines(tmp_path: Path) -> None:
    found = blocks(tmp_path, "# One\n\ntext *here* and `code`\n\n### Three\n\nTwo\n---\n")
    assert [(block.kind, block.level, block.text, block.anchor) for block in found] == [
        ("heading", 1, "One", "line 1"),
        ("text", 0, "text here and code", "line 3"),
        ("heading", 3, "Three", "line 5"),
        ("heading", 2, "Two", "line 7"),
    ]


def test_lists_keep_marks_numbers_and_depth(tmp_path: Path) -> None:
    (found,) = blocks(tmp_path, "3. first\n   - inner [link](http://x)\n4. second\n\n   more of it\n")
    assert found.kind == "list"
    assert found.text == "3. first\n  - inner link\n4. second\n  more of it"


def test_a_table_has_rows_and_cells(tmp_path: Path) -> None:
    (found,) = blocks(tmp_path, "| Year | **Sales** |\n|---|--:|\n| 2023 | 1,200 |\n")
    assert found.kind == "table"
    assert found.rows == (("Year", "Sales"), ("2023", "1,200"))
    assert found.text == "Year | Sales\n2023 | 1,200"


def test_code_quotations_and_html_are_read(tmp_path: Path) -> None:
    found = blocks(tmp_path, "```python\nx = 1\n```\n\n> quoted words\n\n<div>some <b>bold</b> text</div>\n")
    assert [(block.kind, block.text) for block in found] == [
        ("code", "x = 1"),
        ("text", "quoted words"),
        ("text", "some bold text"),
    ]


def test_front_matter_gives_title_and_meta_and_keeps_the_lines_right(tmp_path: Path) -> None:
    content = read(tmp_path, '---\ntitle: "The report"\nauthor: A. Writer\n---\n\n# Heading\n')
    assert content.title == "The report"
    assert content.meta == {"author": "A. Writer"}
    assert content.pages[0].blocks[0].anchor == "line 6"


def test_the_first_heading_is_the_title(tmp_path: Path) -> None:
    assert read(tmp_path, "text\n\n# The title\n").title == "The title"


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    assert [block.text for block in blocks(tmp_path, "---\n\nwords\n")] == ["words"]


def test_a_file_without_words_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no text"):
        read(tmp_path, "\n\n---\n")
