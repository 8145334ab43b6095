"""What a file is, by what stands in it."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.errors import LockedFile, UnreadableFile, UnsupportedFormat
from ingest.limits import Limits
from ingest.readers import DOCX, PPTX, REGISTRY, XLSX, detect, readable, table


def put(folder: Path, data: bytes) -> Path:
    path = folder / "upload"
    path.write_bytes(data)
    return path


def image(kind: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(target, kind)
    return target.getvalue()


def archive(*members: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for member in members:
            file.writestr(member, "x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"%PDF-1.7\n...", "a.pdf", "application/pdf"),
        (b"\x00\x01 junk before\n%PDF-1.4\n...", "a.bin", "application/pdf"),
        (image("PNG"), "a.jpg", "image/png"),
        (image("JPEG"), "a", "image/jpeg"),
        (image("TIFF"), "a.tif", "image/tiff"),
        (image("WEBP"), "a.webp", "image/webp"),
        (b"<!DOCTYPE html><html><body>x</body></html>", "a.txt", "text/html"),
        (b"\xef\xbb\xbf  <!-- made by hand -->\n<HTML><p>x", "page", "text/html"),
        (b"a < b and <b>c</b>", "a.html", "text/html"),
        (b"# Title\n\ntext", "a.md", "text/markdown"),
        (b"# Title\n\ntext", "a.txt", "text/plain"),
        (b"a,b\n1,2\n", "a.CSV", "text/csv"),
        (b"a\tb\n1\t2\n", "a.tsv", "text/tab-separated-values"),
        (b"only words", "letter.pdf", "text/plain"),
        ("年报".encode("gb18030") * 30, "a.txt", "text/plain"),
        ("plain words".encode("utf-16"), "a.txt", "text/plain"),
        ("plain words".encode("utf-16-le"), "a.txt", "text/plain"),
        (b"BMW sells cars", "a.txt", "text/plain"),
        (archive("word/document.xml"), "a.zip", DOCX),
        (archive("xl/workbook.xml"), "a", XLSX),
        (archive("ppt/presentation.xml"), "a", PPTX),
        (archive("readme.txt"), "a.docx", "application/zip"),
        (b"PK\x03\x04 and then nothing of use", "a.docx", "application/zip"),
        (b'{"a": [1, 2]}', "a.txt", "application/json"),
        (b'{"a": 1}\n{"a": 2}\n', "a.jsonl", "application/json"),
        (b"{braces} in a letter", "a.txt", "text/plain"),
        (b"From: a@b.c\r\nTo: d@e.f\r\nSubject: x\r\n\r\nhello", "a.txt", "message/rfc822"),
        (b"From: the start\nTo: the end\n\na travel book", "a.txt", "text/plain"),
    ],
)
def test_content_decides_and_the_name_helps_only_among_text_formats(
    tmp_path: Path, data: bytes, name: str, expected: str
) -> None:
    assert detect(put(tmp_path, data), name) == expected


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (archive("xl/workbook.bin"), "a binary Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Office file"),
        (b"GIF89a" + bytes(40), "a GIF image"),
        (b"\x7fELF" + bytes(60), "a program"),
        (b"\x1f\x8b\x08" + bytes(40), "a gzip archive"),
        (bytes(range(256)) * 4, "binary data of an unknown kind"),
    ],
)
def test_what_cannot_be_read_is_named_together_with_what_can(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        detect(put(tmp_path, data), "upload.pdf")
    assert what in caught.value.message
    assert readable() in caught.value.message
    assert caught.value.status == 415


def test_an_empty_file_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="the file is empty"):
        detect(put(tmp_path, b""), "a.pdf")


def test_every_format_has_a_reader_a_name_and_endings() -> None:
    for media_type, form in REGISTRY.items():
        assert callable(form.reader(Limits())), media_type
        assert form.description in readable()
        assert all(suffix.startswith(".") for suffix in form.suffixes)
        assert form.reads, media_type
        assert form.places, media_type


FORMATS = Path(__file__).parents[3] / "docs" / "formats.md"


def test_the_table_of_formats_is_the_registrys() -> None:
    """To write it anew: python -c "from ingest.readers import table; print(table(), end='')" > docs/formats.md"""
    assert FORMATS.read_text("utf-8") == table(), test_the_table_of_formats_is_the_registrys.__doc__


def test_an_office_file_with_a_password_is_locked_not_broken(tmp_path: Path) -> None:
    import msoffcrypto.format.ooxml
    import openpyxl

    plain, locked = tmp_path / "plain.xlsx", tmp_path / "locked.xlsx"
    openpyxl.Workbook().save(plain)
    with plain.open("rb") as source, locked.open("wb") as target:
        msoffcrypto.format.ooxml.OOXMLFile(source).encrypt("secret", target)
    with pytest.raises(LockedFile, match="password"):
        detect(locked, "locked.xlsx")
