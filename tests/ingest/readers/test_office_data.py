"""Every file of the office set is read with places, or refused with a reason."""

import hashlib
from pathlib import Path

import pytest

from core.types import Content
from ingest.limits import Limits
from ingest.readers import REGISTRY, detect
from ingest.sandbox import read_file

pytestmark = pytest.mark.data


def keep(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


def read(path: Path) -> Content:
    return REGISTRY[detect(path, path.name)].reader(Limits())(path, keep)


def office(data: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in (data / "office").iterdir() if path.suffix in suffixes)


def test_every_file_is_read_and_every_block_has_a_place(data: Path) -> None:
    files = office(data, ".docx", ".pptx", ".xlsx", ".epub", ".html", ".csv")
    assert len(files) >= 15
    for path in files:
        content = read(path)
        blocks = [block for page in content.pages for block in page.blocks]
        assert blocks, path.name
        assert [block for block in blocks if not block.anchor and block.box is None] == [], path.name
        assert [page.problem for page in content.pages if page.problem] == [], path.name


def test_a_file_comes_through_the_limited_child_with_its_readings(data: Path, tmp_path: Path) -> None:
    content = read_file(
        data / "office" / "xlsx_03_chartsheet.xlsx", name="ducks.xlsx", limits=Limits(), scratch=tmp_path
    )
    (chart,) = [block for block in content.pages[1].blocks if block.kind == "table"]
    reading = chart.readings[0]
    assert (reading.attribute, reading.value, reading.period) == ("Freshwater Ducks", "120", "2019")
    assert reading.method == "chart-xml"


def test_merged_cells_of_real_word_tables_stay_in_their_columns(data: Path) -> None:
    tables = [b for b in read(data / "office" / "word_tables.docx").pages[0].blocks if b.kind == "table"]
    vertical = tables[3].rows
    assert vertical[1] == ("Cell 1.0", "Merged Cell 1.1 2.1", "Cell 1.2")
    assert vertical[2] == ("Cell 2.0", "Merged Cell 1.1 2.1", "Cell 2.2")


def test_numbers_of_real_headings_are_worked_out(data: Path) -> None:
    blocks = read(data / "office" / "unit_test_headers_numbered.docx").pages[0].blocks
    headings = [block.text for block in blocks if block.kind == "heading"]
    assert headings[1:5] == ["1. Section 1", "1.1. Section 1.1", "1.2. Section 1.2", "1.2.1. Section 1.2.3"]


def test_slides_are_pages_with_notes_and_charts(data: Path) -> None:
    content = read(data / "office" / "powerpoint_sample.pptx")
    notes = [block for block in content.pages[1].blocks if block.anchor == "notes of slide 2"]
    assert [block.text for block in notes] == ["Notes: Some notes on the second slide."]
    (chart,) = [b for b in read(data / "office" / "pptx_chart.pptx").pages[0].blocks if b.kind == "table"]
    assert chart.rows[1] == ("2019", "120", "80")
    assert chart.box is not None


def test_a_real_book_is_read_chapter_by_chapter(data: Path) -> None:
    content = read(data / "office" / "purvis.epub")
    assert len(content.pages) == 5
    assert content.meta["author"]
    assert any(block.anchor.startswith("poetry.xhtml, line ") for block in content.pages[2].blocks)
