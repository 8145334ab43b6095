"""Word documents: numbers, lists, merged cells, notes, pictures, and what was deleted."""

import io
from pathlib import Path
from typing import Any

import docx as library
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from PIL import Image

from core.errors import UnreadableFile
from core.types import Block, Content
from ingest.limits import Limits
from ingest.readers import docx


def read(folder: Path, document: Any) -> Content:
    path = folder / "a.docx"
    document.save(path)
    return docx.read(path, lambda _image: "key", limits=Limits())


def blocks(folder: Path, document: Any) -> tuple[Block, ...]:
    return read(folder, document).pages[0].blocks


def test_headings_lists_and_paragraphs_have_places(tmp_path: Path) -> None:
    document = library.Document()
    document.add_heading("The report", 0)
    document.add_paragraph("")
    document.add_heading("Results", 2)
    document.add_paragraph("Sales rose.")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    document.add_paragraph("a point", style="List Bullet")
    content = read(tmp_path, document)
    assert content.title == "The report"
    assert [(block.kind, block.level, block.text, block.anchor) for block in content.pages[0].blocks] == [
        ("heading", 1, "The report", "paragraph 1"),
        ("heading", 2, "Results", "paragraph 2"),
        ("text", 0, "Sales rose.", "paragraph 3"),
        ("list", 0, "1. first\n2. second\n- a point", "paragraphs 4-6"),
    ]
    items = content.pages[0].blocks[-1]
    assert [(items.text[mark.start : mark.end], mark.detail) for mark in items.marks] == [
        ("1. first", "paragraph 4"), ("2. second", "paragraph 5"), ("- a point", "paragraph 6"),
    ]  # fmt: skip


def test_merged_cells_stand_in_every_square_and_shift_nothing(tmp_path: Path) -> None:
    document = library.Document()
    table = document.add_table(3, 3)
    for number, text in enumerate(["Year", "Region", "", "", "North", "South", "2023", "5", "6"]):
        table.cell(number // 3, number % 3).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    (found,) = blocks(tmp_path, document)
    assert found.rows == (("Year", "Region", "Region"), ("Year", "North", "South"), ("2023", "5", "6"))
    assert found.anchor == "table 1"
    assert [(found.text[mark.start : mark.end], mark.detail) for mark in found.marks] == [
        (" | ".join(row), f"row {number}") for number, row in enumerate(found.rows, 1)
    ]


def test_empty_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    document = library.Document()
    table = document.add_table(3, 2)
    for row, column, text in ((0, 0, "Item"), (0, 1, "Sum"), (2, 0, "Tea"), (2, 1, "5")):
        table.cell(row, column).text = text
    (found,) = blocks(tmp_path, document)
    assert [mark.detail for mark in found.marks] == ["row 1", "row 3"]


def test_comments_are_read_and_headers_kept_for_the_record(tmp_path: Path) -> None:
    document = library.Document()
    paragraph = document.add_paragraph("A claim.")
    document.add_comment(paragraph.runs, "Is it so?", author="Ann")
    document.sections[0].header.paragraphs[0].text = "Confidential"
    content = read(tmp_path, document)
    assert content.meta["header"] == "Confidential"
    assert [(block.text, block.anchor) for block in content.pages[0].blocks][-1] == (
        "Comment 1: Ann: Is it so?",
        "comment 1",
    )
    assert not any("Confidential" in block.text for block in content.pages[0].blocks)


def test_inserted_text_is_read_and_deleted_text_is_not(tmp_path: Path) -> None:
    document = library.Document()
    paragraph = document.add_paragraph("The price is ")
    for tag, word, text in (("ins", "t", "7"), ("del", "delText", "5")):
        paragraph._p.append(
            parse_xml(f"<w:{tag} {nsdecls('w')}><w:r><w:{word}>{text}</w:{word}></w:r></w:{tag}>")
        )
    assert [block.text for block in blocks(tmp_path, document)] == ["The price is 7"]


def test_a_picture_keeps_its_description(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "navy").save(picture, "PNG")
    document = library.Document()
    document.add_picture(picture)
    document.element.body.xpath(".//wp:docPr")[0].set("descr", "A blue square")
    (figure,) = blocks(tmp_path, document)
    assert (figure.kind, figure.text, figure.image, figure.anchor) == (
        "figure",
        "A blue square",
        "key",
        "picture 1",
    )


def test_an_empty_document_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no text"):
        read(tmp_path, library.Document())
