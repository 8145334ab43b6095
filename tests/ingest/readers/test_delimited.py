"""CSV and TSV: dialects, headers, and tables of a size that can be cited."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UnreadableFile
from core.types import Content
from ingest.readers import delimited
from tests.ingest.readers.papers import nowhere


def read(folder: Path, data: str | bytes) -> Content:
    path = folder / "a.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return delimited.read(path, nowhere)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [["Region", "Sales, net", "Note"], ["North", "1,200", "a; b"], ["South", "900", 'said "no"']]
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter).writerows(rows)
    content = read(tmp_path, target.getvalue())
    (table,) = content.pages[0].blocks
    assert table.rows == tuple(map(tuple, rows))
    assert table.anchor == "rows 2-3"
    assert [mark.detail for mark in table.marks] == ["row 2", "row 3"]
    assert content.media_type == ("text/tab-separated-values" if delimiter == "\t" else "text/csv")


def test_a_long_table_is_cut_into_groups_that_keep_the_header(tmp_path: Path) -> None:
    lines = ["name,value", *(f"item {number},{number * 7}" for number in range(2, 302))]
    blocks = read(tmp_path, "\n".join(lines)).pages[0].blocks
    assert len(blocks) > 5
    seen = []
    for block in blocks:
        assert block.rows[0] == ("name", "value")
        assert block.text.startswith("name | value\n")
        first = int(block.anchor.removeprefix("rows ").partition("-")[0])
        assert block.rows[1][0] == f"item {first}"
        seen += [row[0] for row in block.rows[1:]]
    assert seen == [f"item {number}" for number in range(2, 302)]


def test_a_table_of_numbers_has_no_header(tmp_path: Path) -> None:
    (table,) = read(tmp_path, "1,2\n3,4\n").pages[0].blocks
    assert table.rows == (("1", "2"), ("3", "4"))
    assert table.anchor == "rows 1-2"


def test_rows_of_different_length_are_filled_up(tmp_path: Path) -> None:
    (table,) = read(tmp_path, "a,b,c\n1\n2,3,4,5\n").pages[0].blocks
    assert table.rows == (("a", "b", "c", ""), ("1", "", "", ""), ("2", "3", "4", "5"))


def test_chinese_and_other_encodings_are_read(tmp_path: Path, data: Path) -> None:
    (table,) = read(tmp_path, "产品,营业收入\n中国的公司,1234\n".encode("gb18030")).pages[0].blocks
    assert table.rows[1] == ("中国的公司", "1234")
    (table,) = delimited.read(data / "office" / "test_mskanji.csv", nowhere).pages[0].blocks
    assert table.rows[0] == ("名前", "年齢", "住所")


@pytest.mark.parametrize("source", [",,\n,,\n", "\n\n"])
def test_a_table_without_a_filled_cell_is_an_error(tmp_path: Path, source: str) -> None:
    with pytest.raises(UnreadableFile, match="no table row"):
        read(tmp_path, source)


CELLS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=80))
def test_no_row_is_lost(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    blocks = read(tmp_path_factory.mktemp("csv"), target.getvalue()).pages[0].blocks
    found = [list(row) for block in blocks for row in block.rows]
    assert [row for row in rows if row not in found] == []
    assert len(found) >= len(rows)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gb18030", ("公司名称", "营业收入", "中国的公司", "报告")),
        ("cp932", ("会社名", "売上高は", "日本の会社です", "これはテスト")),
        ("utf-16", ("Größe", "Preis", "Käse", "für alle")),
        ("latin-1", ("Größe", "Preis", "Käse aus Österreich", "für alle Märkte")),
        ("utf-8-sig", ("Größe", "Preis", "Käse", "für alle")),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, words: tuple[str, str, str, str]) -> None:
    one, two, three, four = words
    (table,) = read(tmp_path, f"{one},{two}\n{three},{four}\n".encode(encoding)).pages[0].blocks
    assert table.rows == ((one, two), (three, four))
