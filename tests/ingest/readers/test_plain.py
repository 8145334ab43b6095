"""Plain text and its encodings."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UnreadableFile
from ingest.readers import plain
from ingest.readers.encoding import decode
from tests.ingest.readers.papers import nowhere

ENGLISH = "Gross margin fell to 42.1 % — the café's lease was the cause."
CHINESE = "本公司二〇二三年的营业收入为1,234万元，同比增长12.5%，主要是因为产品销售增加。"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_english_comes_through_every_encoding(encoding: str) -> None:
    assert decode((ENGLISH * 3).encode(encoding)) == ENGLISH * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk", "gb2312"])
def test_chinese_comes_through_every_encoding(encoding: str) -> None:
    text = CHINESE.replace("〇", "零")
    assert decode(text.encode(encoding)) == text


def test_a_long_text_in_big5_is_recognised() -> None:
    text = "本公司董事會及全體董事保證本公告內容不存在任何虛假記載、誤導性陳述或者重大遺漏。" * 8
    assert decode(text.encode("big5")) == text


@given(st.text())
def test_what_is_utf8_is_never_taken_for_anything_else(text: str) -> None:
    if "\x00" not in text and not text.startswith("\ufeff"):
        assert decode(text.encode()) == text


@given(st.binary(max_size=400))
def test_no_bytes_make_the_decoder_fail_without_a_reason(data: bytes) -> None:
    try:
        text = decode(data)
    except UnreadableFile as error:
        text = error.message
    assert isinstance(text, str)


def test_paragraphs_are_blocks_with_the_line_where_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("CHAPTER ONE\n\nThe first\nparagraph.\n\n\n  second one\n\n第二章 风险\n\n内容。\n")
    content = plain.read(path, nowhere)
    assert [(block.kind, block.text, block.anchor) for block in content.pages[0].blocks] == [
        ("heading", "CHAPTER ONE", "line 1"),
        ("text", "The first\nparagraph.", "line 3"),
        ("text", "  second one", "line 7"),
        ("heading", "第二章 风险", "line 9"),
        ("text", "内容。", "line 11"),
    ]
    assert content.title == "CHAPTER ONE"


def test_a_text_without_empty_lines_is_cut_so_that_places_stay_near(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"entry {number}: nothing happened here today\n" for number in range(200)))
    blocks = plain.read(path, nowhere).pages[0].blocks
    assert len(blocks) > 3
    for block in blocks:
        line = int(block.anchor.removeprefix("line "))
        assert block.text.startswith(f"entry {line - 1}:")
        assert len(block.text) <= 1500


@pytest.mark.parametrize("data", [b"   \n\n\t \n", codecs.BOM_UTF8, b"\r\n\r\n"])
def test_a_file_of_white_space_is_an_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(UnreadableFile, match="no text"):
        plain.read(path, nowhere)
