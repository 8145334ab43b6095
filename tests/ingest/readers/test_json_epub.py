"""JSON with pointers, and books with chapters."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import LockedFile, UnreadableFile
from core.types import Content
from ingest.limits import Limits
from ingest.readers import epub, jsontree
from tests.ingest.readers.papers import nowhere


def read(folder: Path, text: str) -> Content:
    path = folder / "a.json"
    path.write_text(text)
    return jsontree.read(path, nowhere)


def test_small_json_is_one_record_with_numbers_as_written(tmp_path: Path) -> None:
    (block,) = (
        read(tmp_path, '{"name": "Ann", "size": {"height": 1.50, "tags": ["a", "b"]}, "none": null}')
        .pages[0]
        .blocks
    )
    assert block.text == "name: Ann\nsize.height: 1.50\nsize.tags: a, b"
    assert (block.kind, block.anchor) == ("record", "/")


def test_large_json_is_divided_along_its_structure(tmp_path: Path) -> None:
    value = {
        "meta": {"source": "x"},
        "rows": [{"id": n, "text": "words " * 5} for n in range(90)],
        "a/b": "y" * 1600,
    }
    blocks = read(tmp_path, json.dumps(value)).pages[0].blocks
    tables = [block for block in blocks if block.kind == "table"]
    assert (blocks[0].anchor, blocks[0].text) == ("/meta", "meta.source: x")
    assert tables[0].anchor.startswith("/rows/0 to /rows/")
    assert [row[0] for table in tables for row in table.rows[1:]] == [str(n) for n in range(90)]
    assert blocks[-1].anchor == "/a~1b"


def test_json_by_lines_and_broken_json(tmp_path: Path) -> None:
    (table,) = read(tmp_path, '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n').pages[0].blocks
    assert table.rows == (("a", "b"), ("1", "2"), ("3", "4"))
    with pytest.raises(UnreadableFile, match=r"broken: .*line 1"):
        read(tmp_path, '{"a": 1')
    with pytest.raises(UnreadableFile, match="no value"):
        read(tmp_path, "{}")


LEAVES = st.builds(
    lambda word, times: word * times, st.sampled_from(["tea", "年", "a/b", "x~"]), st.integers(1, 300)
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LEAVES, inner, max_size=4)
)


@settings(max_examples=40, deadline=None)
@given(TREES)
def test_no_leaf_is_lost(tmp_path_factory: pytest.TempPathFactory, tree: Any) -> None:
    leaves = _leaves(tree)
    assume(leaves)
    blocks = read(tmp_path_factory.mktemp("json"), json.dumps(tree)).pages[0].blocks
    text = "\n".join(block.text for block in blocks)
    assert [leaf for leaf in leaves if leaf not in text] == []


def _leaves(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    return [leaf for one in (tree.values() if isinstance(tree, dict) else tree) for leaf in _leaves(one)]


# ---------------------------------------------------------------- books

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
    "<dc:title>The Book</dc:title><dc:creator>Ann</dc:creator></metadata><manifest>"
    '<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>'
    '<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/></spine></package>'
)


def book(folder: Path, **more: str) -> Path:
    path = folder / "a.epub"
    chapter = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>\n<h1>{}</h1><p>words</p></body></html>'
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/epub+zip")
        file.writestr("META-INF/container.xml", CONTAINER)
        file.writestr("OEBPS/book.opf", OPF)
        for name in ("one", "two", "nav"):
            file.writestr(f"OEBPS/{name}.xhtml", chapter.format(name))
        for name, text in more.items():
            file.writestr(f"META-INF/{name}.xml", text)
    return path


def test_chapters_are_pages_in_the_order_of_the_spine(tmp_path: Path) -> None:
    content = epub.read(book(tmp_path), nowhere, limits=Limits())
    assert (content.title, content.meta["author"]) == ("The Book", "Ann")
    assert [[(b.text, b.anchor) for b in page.blocks] for page in content.pages] == [
        [("one", "one.xhtml, line 2"), ("words", "one.xhtml, line 2")],
        [("two", "two.xhtml, line 2"), ("words", "two.xhtml, line 2")],
    ]


def test_a_book_under_drm_is_locked(tmp_path: Path) -> None:
    cipher = '<e xmlns:c="http://www.w3.org/2001/04/xmlenc#"><c:CipherReference URI="OEBPS/{}"/></e>'
    assert epub.read(book(tmp_path, encryption=cipher.format("a.otf")), nowhere, limits=Limits()).pages
    with pytest.raises(LockedFile, match="DRM"):
        epub.read(book(tmp_path, encryption=cipher.format("one.xhtml")), nowhere, limits=Limits())
