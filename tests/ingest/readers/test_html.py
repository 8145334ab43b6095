"""HTML: the main content, tables with merged cells, and what is not read."""

from pathlib import Path

import pytest

from core.errors import UnreadableFile
from core.types import Content
from ingest.readers import html
from tests.ingest.readers.papers import nowhere, texts


def read(folder: Path, source: str | bytes) -> Content:
    path = folder / "a.html"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return html.read(path, nowhere)


def test_blocks_have_kinds_levels_and_lines(tmp_path: Path) -> None:
    content = read(
        tmp_path,
        "<html><head><title> The\n title </title></head>\n<body><h1>One</h1>\n<p>words <a href=x>in a link</a>,\n"
        "<b>bold</b></p>\n<h3>Three</h3><pre>a\n  b</pre>loose words<ol start=4><li>four<ul><li>deep</ul><li>five</ol>",
    )
    assert content.title == "The title"
    assert [(block.kind, block.level, block.text) for block in content.pages[0].blocks] == [
        ("heading", 1, "One"),
        ("text", 0, "words in a link, bold"),
        ("heading", 3, "Three"),
        ("code", 0, "a\n  b"),
        ("text", 0, "loose words"),
        ("list", 0, "4. four\n  - deep\n5. five"),
    ]
    assert content.pages[0].blocks[0].anchor == "line 3"


def test_a_merged_cell_is_repeated_in_every_square_that_it_covers(tmp_path: Path) -> None:
    content = read(
        tmp_path,
        "<table><caption>Sales</caption><tr><th rowspan=2>Year<th colspan=2>Region<tr><td>North<td>South"
        "<tr><td>2023<td>5<td>6</table>",
    )
    (table,) = content.pages[0].blocks
    assert table.rows == (
        ("Year", "Region", "Region"),
        ("Year", "North", "South"),
        ("2023", "5", "6"),
    )
    assert table.text == "Sales\nYear | Region | Region\nYear | North | South\n2023 | 5 | 6"


def test_a_cell_that_claims_to_cover_everything_does_no_harm(tmp_path: Path) -> None:
    content = read(tmp_path, "<table><tr><td rowspan=99999 colspan=99999>a<td>b<tr><td>c</table>")
    (table,) = content.pages[0].blocks
    assert len(table.rows) == 2
    assert len(table.rows[0]) <= 101


def test_a_table_that_only_arranges_the_page_is_read_as_text(tmp_path: Path) -> None:
    content = read(tmp_path, "<table><tr><td>menu<td><h2>Title</h2><p>words</p></table>")
    assert [(block.kind, block.text) for block in content.pages[0].blocks] == [
        ("text", "menu"),
        ("heading", "Title"),
        ("text", "words"),
    ]


def test_what_is_hidden_and_what_is_around_the_content_is_left_out(tmp_path: Path) -> None:
    content = read(
        tmp_path,
        "<body><nav>home</nav><script>alert(1)</script><style>p{}</style><p hidden>no</p>"
        "<p style='color:red; display : none'>no</p><div aria-hidden=true>no</div><p>yes <span style="
        "'visibility:hidden'>no</span>indeed</p><!-- no --><footer>no</footer><template>no</template>",
    )
    assert texts(content) == ["yes indeed"]


def test_the_main_element_is_the_content(tmp_path: Path) -> None:
    content = read(
        tmp_path, "<body><div>a banner</div><main><p>the content of the page</p></main><div>more</div>"
    )
    assert texts(content) == ["the content of the page"]


def test_a_list_of_links_is_navigation(tmp_path: Path) -> None:
    links = "".join(f"<li><a href=/{number}>Topic {number}</a>" for number in range(12))
    assert texts(read(tmp_path, f"<body><ul>{links}</ul><p>content</p>")) == ["content"]


def test_entities_of_a_document_type_are_not_expanded(tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};&e{n - 1};">' for n in range(1, 40))
    content = read(tmp_path, f'<!DOCTYPE html [<!ENTITY e0 "ha">{bomb}]><html><body><p>words &e39; end</p>')
    assert len("".join(texts(content))) < 10_000


@pytest.mark.parametrize(
    ("declared", "encoding"), [("gb2312", "gb18030"), ("shift_jis", "shift_jis"), ("iso-8859-1", "cp1252")]
)
def test_the_declared_encoding_is_believed(tmp_path: Path, declared: str, encoding: str) -> None:
    words = {"gb18030": "营业收入", "shift_jis": "売上高は", "cp1252": "café “quoted”"}[encoding]
    source = f"<html><head><meta charset={declared}></head><body><p>{words}</p>"
    assert texts(read(tmp_path, source.encode(encoding))) == [words]


@pytest.mark.parametrize(
    "source", ["<html></html>", "<p hidden>x</p>", "<script>x</script>", "<!-- only -->"]
)
def test_a_page_without_visible_words_is_an_error(tmp_path: Path, source: str) -> None:
    with pytest.raises(UnreadableFile, match="no visible text"):
        read(tmp_path, source)


def test_real_pages_give_their_content(data: Path) -> None:
    content = html.read(data / "office" / "wiki_duck.html", nowhere)
    assert content.title == "Duck - Wikipedia"
    headings = [block.text for block in content.pages[0].blocks if block.kind == "heading"]
    assert headings[0] == "Duck"
    assert "Etymology" in headings
    assert not any("Deutsch" in text and "Français" in text for text in texts(content))
