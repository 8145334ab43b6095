"""Documents inside documents: archives and e-mails, their places, their limits, and what fails alone."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from core.errors import LockedFile, TooLarge, UnreadableFile
from core.types import Content
from ingest.limits import Limits
from ingest.readers import archive, mail
from ingest.readers.parts import shown_name
from tests.ingest.readers.papers import nowhere, paper, write


def packed(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return target.getvalue()


def unpack(folder: Path, data: bytes, limits: Limits | None = None) -> Content:
    path = folder / "a.zip"
    path.write_bytes(data)
    return archive.read(path, nowhere, limits=limits or Limits())


def told(content: Content) -> list[tuple[int, str, str, str]]:
    return [(page.number, b.kind, b.text, b.anchor) for page in content.pages for b in page.blocks]


def test_members_are_read_as_what_they_are_and_places_say_which(tmp_path: Path) -> None:
    inner = packed({"deep.txt": b"deep words"})
    data = packed(
        {"a/note.txt": b"# no heading", "__MACOSX/._x": b"x", "../b.md": b"# Title\n\ntext", "c.zip": inner}
    )
    assert told(unpack(tmp_path, data)) == [
        (1, "heading", "a/note.txt", "part 1: a/note.txt"),
        (1, "text", "# no heading", "part 1: a/note.txt, line 1"),
        (2, "heading", "b.md: Title", "part 2: b.md"),
        (2, "heading", "Title", "part 2: b.md, line 1"),
        (2, "text", "text", "part 2: b.md, line 3"),
        (3, "heading", "c.zip", "part 3: c.zip"),
        (3, "heading", "deep.txt", "part 3: c.zip, part 1: deep.txt"),
        (3, "text", "deep words", "part 3: c.zip, part 1: deep.txt, line 1"),
    ]


def test_pages_of_a_pdf_are_counted_on_with_their_boxes(tmp_path: Path) -> None:
    lines = "Gross margin rose in the north.", "Costs fell because two factories closed."
    path = paper(
        tmp_path / "p.pdf", *(lambda canvas, line=line: write(canvas, [line], 72, 600) for line in lines)
    )
    content = unpack(tmp_path, packed({"a.txt": b"words", "p.pdf": path.read_bytes()}))
    assert [(page.number, page.label) for page in content.pages] == [
        (1, "part 1: a.txt"),
        (2, "part 2: p.pdf, page 1"),
        (3, "part 2: p.pdf, page 2"),
    ]
    (last,) = content.pages[2].blocks
    assert last.spans[0].page == 3
    assert last.box is not None


def test_a_member_that_fails_is_a_page_with_the_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    content = unpack(tmp_path, packed({"a.exe": b"\x7fELF" + bytes(99), "e.txt": b"", "b.txt": b"words"}))
    assert [bool(page.problem) for page in content.pages] == [True, True, False]
    assert content.pages[0].problem.startswith("part 1: a.exe: 'a.exe' is a program")
    assert content.pages[1].problem == "part 2: e.txt: the file is empty"


def nested(depth: int) -> bytes:
    data = packed({"a.txt": b"words"})
    for _ in range(depth):
        data = packed({"inner.zip": data})
    return data


def test_nesting_ends_where_the_limit_is(tmp_path: Path) -> None:
    limits = Limits(archive_depth=2)
    assert not unpack(tmp_path, nested(2), limits).pages[0].problem
    assert "nested more than 2 levels deep" in unpack(tmp_path, nested(3), limits).pages[0].problem


def test_all_that_is_nested_counts_together(tmp_path: Path) -> None:
    half = b"line\n" * 140_000  # 0.7 MB
    data = packed({"one.zip": packed({"a.txt": half}), "two.zip": packed({"b.txt": half})})
    problems = [page.problem for page in unpack(tmp_path, data, Limits(archive_mb=1)).pages]
    assert problems[0] == ""
    assert "more than" in problems[-1]
    many = packed({"one.zip": packed({f"{n}.txt": b"x" for n in range(6)})})
    assert "more than 6 members" in unpack(tmp_path, many, Limits(archive_entries=6)).pages[-1].problem


def test_bombs_locked_damaged_and_empty_archives_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="times its size"):
        unpack(tmp_path, packed({"zeros": bytes(30_000_000)}))
    with pytest.raises(UnreadableFile, match="empty"):
        unpack(tmp_path, packed({}))
    with pytest.raises(UnreadableFile, match="damaged or cut off"):
        unpack(tmp_path, packed({"a.txt": b"words"})[:40])
    locked = bytearray(packed({"a.txt": b"words"}))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(LockedFile, match="password"):
        unpack(tmp_path, bytes(locked))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\a\\b.txt", "C:/a/b.txt"),
        ("a\x00\x1bb", "ab"),
        ("/", "without a name"),
    ],
)
def test_names_from_inside_are_only_text(name: str, shown: str) -> None:
    assert shown_name(name) == shown


# ---------------------------------------------------------------- e-mail


def letter(text: str = "The price is 7.\n\nAnn", markup: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@example.org>", "bob@example.org"
    message["Subject"], message["Date"] = "Prices für Mai", "Mon, 04 Mar 2024 10:00:00 +0100"
    message.set_content(text)
    if markup:
        message.add_alternative(markup, subtype="html")
    return message


def open_mail(folder: Path, message: EmailMessage) -> Content:
    path = folder / "a.eml"
    path.write_bytes(message.as_bytes())
    return mail.read(path, nowhere, limits=Limits())


def test_headers_body_and_attachments_have_places(tmp_path: Path) -> None:
    message = letter()
    message.add_attachment("item,price\ntea,7\n", subtype="csv", filename="prices.csv")
    message.add_attachment(b"\x7fELF" + bytes(99), maintype="application", subtype="x", filename="a.exe")
    message.add_attachment(letter("Older words."))
    content = open_mail(tmp_path, message)
    assert content.title == "Prices für Mai"
    assert str(content.valid_from) == "2024-03-04"
    record, first, last = content.pages[0].blocks
    assert record.kind == "record"
    assert "Subject: Prices für Mai" in record.text
    assert (first.text, first.anchor) == ("The price is 7.", "line 1 of the body")
    assert last.anchor == "line 3 of the body"
    assert content.pages[1].blocks[1].rows == (("item", "price"), ("tea", "7"))
    assert content.pages[1].blocks[1].anchor == "part 1: prices.csv, row 2"
    assert "is a program" in content.pages[2].problem
    assert content.pages[3].blocks[-1].anchor == "part 3: message.eml, line 1 of the body"


def test_the_body_with_a_table_is_preferred(tmp_path: Path) -> None:
    table = "<table><tr><th>a<th>b<tr><td>1<td>2</table>"
    blocks = open_mail(tmp_path, letter("a b 1 2", table)).pages[0].blocks
    assert blocks[1].rows == (("a", "b"), ("1", "2"))
    assert open_mail(tmp_path, letter("plain", "<p>marked</p>")).pages[0].blocks[1].text == "plain"
