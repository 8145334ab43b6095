"""Reading born-digital PDF: where words stand, in which order, and what is not read."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pikepdf
import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from core.errors import LockedFile, UnreadableFile
from core.types import Box, Content
from ingest.limits import Limits
from ingest.readers import pdf
from tests.ingest.readers.papers import (
    HEIGHT,
    WIDTH,
    boxes_of,
    changed,
    nowhere,
    paper,
    picture,
    prose,
    spans_are_sound,
    texts,
    wrapped,
    write,
)

LIMITS = Limits()


def read(path: Path) -> Content:
    return pdf.read(path, nowhere, limits=LIMITS)


def at(text: str, x: float, y: float, size: float = 12, font: str = "Helvetica") -> partial[None]:
    return partial(_draw, text=text, x=x, y=y, size=size, font=font)


def _draw(canvas: Canvas, text: str, x: float, y: float, size: float, font: str) -> None:
    canvas.setFont(font, size)
    canvas.drawString(x, y, text)


def near(box: Box, expected: Box, slack: float = 1.0) -> bool:
    return all(abs(one - other) <= slack for one, other in zip(box, expected))


def drawn(text: str, before: str, x: float, y: float, size: float = 12) -> Box:
    """Where Helvetica's ascent (.931) and descent (.225) put `text`, drawn after `before` from (x, y)."""
    start = x + stringWidth(before, "Helvetica", size)
    return Box(
        start,
        HEIGHT - y - 0.94 * size,
        start + stringWidth(text, "Helvetica", size),
        HEIGHT - y + 0.23 * size,
    )


def test_a_word_box_stands_where_the_word_was_drawn(tmp_path: Path) -> None:
    content = read(paper(tmp_path / "a.pdf", at("Gross margin fell sharply", 72, 600)))
    assert texts(content) == ["Gross margin fell sharply"]
    assert near(boxes_of(content, "Gross")[0], drawn("Gross", "", 72, 600))
    assert near(boxes_of(content, "margin")[0], drawn("margin", "Gross ", 72, 600))
    assert near(boxes_of(content, "sharply")[0], drawn("sharply", "Gross margin fell ", 72, 600))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_boxes_of_a_turned_page_are_those_that_a_reader_sees(tmp_path: Path, quarters: int) -> None:
    """The text is written so that it stands upright once the viewer has turned the page."""

    def sideways(canvas: Canvas) -> None:
        across, up = {1: (WIDTH, 0), 2: (WIDTH, HEIGHT), 3: (0, HEIGHT)}[quarters]
        canvas.translate(across, up)
        canvas.rotate(90 * quarters)
        _draw(canvas, "Gross margin", 72, 500, 12, "Helvetica")

    def turn(document: pikepdf.Pdf) -> None:
        document.pages[0].Rotate = 90 * quarters

    content = read(changed(paper(tmp_path / "a.pdf", sideways), turn))
    page = content.pages[0]
    wide, high = (HEIGHT, WIDTH) if quarters % 2 else (WIDTH, HEIGHT)
    assert (page.width, page.height) == (wide, high)
    expected = drawn("margin", "Gross ", 72, 500)
    assert near(
        boxes_of(content, "margin")[0],
        expected._replace(y0=expected.y0 + high - HEIGHT, y1=expected.y1 + high - HEIGHT),
    )


def test_a_page_printed_sideways_is_read_along_its_lines(tmp_path: Path) -> None:
    """A table set across the page, the page itself not turned: its boxes are as seen, tall and narrow."""

    def sideways(canvas: Canvas) -> None:
        canvas.translate(WIDTH, 0)
        canvas.rotate(90)
        write(canvas, wrapped(prose(60), 500), 72, 400, size=12)

    content = read(paper(tmp_path / "a.pdf", sideways))
    assert " ".join(texts(content)).split() == prose(60).split()
    box = boxes_of(content, "quarterly")[0]
    assert box.height > 2 * box.width
    assert near(
        box,
        Box(400 - 0.23 * 12, 0, 400 + 0.94 * 12, 0)
        ._replace(y0=box.y0, y1=box.y1)
        ._replace(x0=WIDTH - 400 - 0.94 * 12, x1=WIDTH - 400 + 0.23 * 12),
    )


def test_a_crop_box_moves_the_origin_and_hides_what_is_outside(tmp_path: Path) -> None:
    def two(canvas: Canvas) -> None:
        _draw(canvas, "inside words here", 100, 500, 12, "Helvetica")
        _draw(canvas, "outside", 100, 790, 12, "Helvetica")

    def crop(document: pikepdf.Pdf) -> None:
        document.pages[0].CropBox = [50, 100, 550, 700]

    content = read(changed(paper(tmp_path / "a.pdf", two), crop))
    assert (content.pages[0].width, content.pages[0].height) == (500, 600)
    assert texts(content) == ["inside words here"]
    expected = drawn("inside", "", 100, 500)
    moved = Box(expected.x0 - 50, expected.y0 - 100, expected.x1 - 50, expected.y1 - 100)
    assert near(boxes_of(content, "inside")[0], moved)


def test_a_word_broken_over_a_line_end_is_one_word_with_two_boxes(tmp_path: Path) -> None:
    lines = [f"{prose(9)} gross mar-", f"gin of the company {prose(8, 5)}", "and nothing else"]
    content = read(paper(tmp_path / "a.pdf", partial(write, lines=lines, x=72, y=600)))
    (block,) = content.pages[0].blocks
    assert "gross margin of the company" in block.text
    start = block.text.index("margin")
    parts = [span for span in block.spans if start <= span.start < start + 6]
    assert [block.text[span.start : span.end] for span in parts] == ["mar", "gin"]
    assert parts[0].box.y1 < parts[1].box.y1
    assert parts[0].box.x0 > parts[1].box.x0


def test_a_compound_keeps_the_hyphen_that_the_document_writes_elsewhere(tmp_path: Path) -> None:
    lines = [
        "Our deposit-taking business grew, and of the deposit-",
        "taking units two stood out in every way.",
    ]
    content = read(paper(tmp_path / "a.pdf", partial(write, lines=lines, x=72, y=600)))
    assert "of the deposit-taking units" in texts(content)[0]


def test_headings_have_levels_by_their_type(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        y = write(canvas, ["Annual Report"], 72, 740, font="Helvetica-Bold", size=22)
        for number in (1, 2):
            y = write(canvas, [f"{number} Chapter of things"], 72, y - 20, font="Helvetica-Bold", size=16)
            y = write(canvas, ["Details"], 72, y - 14, font="Helvetica-Bold", size=10)
            y = write(canvas, wrapped(prose(50), 450), 72, y - 10)

    content = read(paper(tmp_path / "a.pdf", page))
    found = [(block.level, block.text) for block in content.pages[0].blocks if block.kind == "heading"]
    assert found == [
        (1, "Annual Report"),
        (2, "1 Chapter of things"),
        (3, "Details"),
        (2, "2 Chapter of things"),
        (3, "Details"),
    ]
    assert content.title == "Annual Report"


def test_the_outline_of_the_file_decides_the_levels_it_knows(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        for level, title in enumerate(("Plain words", "Scope")):
            canvas.bookmarkPage(title)
            canvas.addOutlineEntry(title, title, level=level)
        y = write(canvas, ["Plain words"], 72, 740)
        y = write(canvas, ["Scope"], 72, y - 14)
        write(canvas, wrapped(prose(60), 450), 72, y - 14)

    content = read(paper(tmp_path / "a.pdf", page))
    assert [(block.kind, block.level, block.text) for block in content.pages[0].blocks[:2]] == [
        ("heading", 1, "Plain words"),
        ("heading", 2, "Scope"),
    ]


def test_running_headers_and_footers_go_and_leave_their_page_labels(tmp_path: Path) -> None:
    def page(canvas: Canvas, number: int) -> None:
        write(canvas, ["Example Corp annual report"], 72, 770, size=8)
        write(canvas, wrapped(prose(120, 7 * number), 450), 72, 700)
        write(canvas, [f"F-{number + 11}"], 290, 30, size=8)

    content = read(paper(tmp_path / "a.pdf", *(partial(page, number=number) for number in range(1, 5))))
    assert [page.label for page in content.pages] == ["F-12", "F-13", "F-14", "F-15"]
    assert [page.number for page in content.pages] == [1, 2, 3, 4]
    assert not any("Example Corp" in text or "F-1" in text for text in texts(content))


@pytest.mark.parametrize("columns", [2, 3])
def test_columns_are_read_one_after_the_other(tmp_path: Path, columns: int) -> None:
    width = (WIDTH - 100 - 20 * (columns - 1)) / columns
    words = [f"w{number}{'abcdefgh'[number % 8] * (number % 5 + 2)}" for number in range(120 * columns)]

    def page(canvas: Canvas) -> None:
        write(canvas, ["A headline over the whole width of the paper, as papers have"], 80, 740, size=16)
        left = words
        for column in range(columns):
            lines = wrapped(" ".join(left), width)[:30]
            left = left[sum(len(line.split()) for line in lines) :]
            write(canvas, lines, 50 + column * (width + 20), 690 - 3 * column)
        del words[len(words) - len(left) :]

    content = read(paper(tmp_path / "a.pdf", page))
    assert " ".join(texts(content)[1:]).split() == words


def test_lists_keep_one_item_on_a_line(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        y = write(canvas, wrapped(prose(40), 450), 72, 700)
        for item in ("first of the items", "second of the items"):
            write(canvas, ["•"], 80, y - 6)
            y = write(canvas, wrapped(f"{item} {prose(25)}", 400), 94, y - 6)
        write(canvas, wrapped(prose(40, 9), 450), 72, y - 20)

    content = read(paper(tmp_path / "a.pdf", page))
    assert [block.kind for block in content.pages[0].blocks] == ["text", "list", "text"]
    items = content.pages[0].blocks[1].text.split("\n")
    assert [item[:7] for item in items] == ["• first", "• secon"]


def test_a_table_keeps_its_rows_and_cells(tmp_path: Path) -> None:
    rows = [
        ("Net sales", "1,200", "1,100"),
        ("Cost of sales", "(700)", "(650)"),
        ("Gross profit", "500", "450"),
    ]

    def page(canvas: Canvas) -> None:
        y = write(canvas, wrapped(prose(40), 450), 72, 700) - 10
        canvas.drawRightString(400, y, "2023")
        canvas.drawRightString(480, y, "2022")
        for label, this, last in rows:
            y -= 15
            canvas.drawString(72, y, label)
            canvas.drawRightString(400, y, this)
            canvas.drawRightString(480, y, last)
        write(canvas, wrapped(prose(40, 9), 450), 72, y - 40)

    content = read(paper(tmp_path / "a.pdf", page))
    (table,) = [block for block in content.pages[0].blocks if block.kind == "table"]
    assert table.rows[-3:] == tuple(rows)
    assert table.text.endswith("Gross profit | 500 | 450")
    number = table.text.index("(650)")
    box = next(span.box for span in table.spans if span.start == number)
    assert abs(box.x1 - 480) < 1


def test_hidden_text_is_left_out(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        write(canvas, ["what everybody can see"], 72, 600)
        write(canvas, ["off the page"], 72, -200)
        write(canvas, ["far to the right"], 5000, 600)
        write(canvas, ["tiny"], 72, 500, size=0.3)

    assert texts(read(paper(tmp_path / "a.pdf", page))) == ["what everybody can see"]


def test_a_picture_is_a_figure_with_the_words_on_it(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        write(canvas, wrapped(prose(60), 450), 72, 740)
        canvas.drawImage(picture(60, 40), 100, 400, 300, 200)
        write(canvas, ["North 42 percent"], 150, 500)
        write(canvas, wrapped(prose(60, 9), 450), 72, 300)

    content = read(paper(tmp_path / "a.pdf", page))
    assert [block.kind for block in content.pages[0].blocks] == ["text", "figure", "text"]
    figure = content.pages[0].blocks[1]
    assert figure.box is not None
    assert near(figure.box, Box(100, 200, 400, 400))
    assert figure.text == "North 42 percent"


def chart_page(*, numbered: bool) -> Callable[[Canvas], None]:
    def page(canvas: Canvas) -> None:
        write(canvas, wrapped(prose(60), 450), 72, 740)
        for tick in range(6):
            canvas.line(120, 400 + 40 * tick, 420, 400 + 40 * tick)
            write(canvas, [str(20 * tick) if numbered else "abcdef"[tick]], 98, 397 + 40 * tick)
        for bar, height in enumerate((60, 120, 180)):
            canvas.rect(150 + 90 * bar, 400, 40, height, fill=1)
            write(canvas, [str(2021 + bar)], 158 + 90 * bar, 385)
        write(canvas, wrapped(prose(60, 9), 450), 72, 340)

    return page


def test_a_drawn_chart_is_a_table_of_its_values(tmp_path: Path) -> None:
    content = read(paper(tmp_path / "a.pdf", chart_page(numbered=True)))
    assert [block.kind for block in content.pages[0].blocks] == ["text", "table", "text"]
    chart = content.pages[0].blocks[1]
    assert [(row[0], float(row[1])) for row in chart.rows[1:]] == [("2021", 30), ("2022", 60), ("2023", 90)]
    assert chart.box is not None
    assert chart.box.x0 < 100
    assert chart.box.y1 > HEIGHT - 388


def test_a_drawn_chart_that_has_no_scale_is_a_figure_with_its_labels(tmp_path: Path) -> None:
    content = read(paper(tmp_path / "a.pdf", chart_page(numbered=False)))
    assert [block.kind for block in content.pages[0].blocks] == ["text", "figure", "text"]
    figure = content.pages[0].blocks[1]
    assert figure.text.split() == [*"fedcba", "2021", "2022", "2023"]
    assert not figure.readings


def test_a_frame_around_text_makes_no_figure_of_it(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        for inset in range(4):
            canvas.rect(60 + inset, 500 + inset, 480 - 2 * inset, 220 - 2 * inset)
            canvas.line(60, 500 + inset, 60, 720)
        write(canvas, wrapped(prose(120), 440), 80, 700)

    assert texts(read(paper(tmp_path / "a.pdf", page))) == [prose(120)]


def test_words_set_upwards_beside_the_text_are_a_block_of_their_own(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        write(canvas, wrapped(prose(80), 450), 72, 700)
        canvas.saveState()
        canvas.translate(30, 300)
        canvas.rotate(90)
        write(canvas, ["printed in the margin"], 0, 0)
        canvas.restoreState()

    content = read(paper(tmp_path / "a.pdf", page))
    assert texts(content) == [prose(80), "printed in the margin"]
    assert all(box.height > box.width for box in boxes_of(content, "printed"))


def test_what_the_file_says_about_itself_is_kept(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        canvas.setTitle("Results of the year")
        canvas.setAuthor("A. Writer")
        write(canvas, ["Some words"], 72, 600)

    content = read(paper(tmp_path / "a.pdf", page))
    assert content.title == "Results of the year"
    assert content.meta["author"] == "A. Writer"
    assert content.meta["created"].startswith("2000-01-01T")  # the date of an invariant reportlab file


@pytest.mark.parametrize(
    "claimed", ["untitled", "Microsoft Word - draft3.docx", "0001018724-20-000004", "report.pdf"]
)
def test_a_title_that_is_none_gives_way_to_the_largest_heading(tmp_path: Path, claimed: str) -> None:
    def page(canvas: Canvas) -> None:
        canvas.setTitle(claimed)
        write(canvas, ["The true title"], 72, 740, size=24)
        write(canvas, wrapped(prose(60), 450), 72, 680)

    assert read(paper(tmp_path / "a.pdf", page)).title == "The true title"


def test_a_locked_file_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    locked = paper(tmp_path / "locked.pdf", at("secret", 72, 600))
    changed(locked, lambda _: None, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    with pytest.raises(LockedFile, match="password"):
        read(locked)
    damaged = paper(tmp_path / "damaged.pdf", at("words", 72, 600))
    damaged.write_bytes(damaged.read_bytes()[:300])
    with pytest.raises(UnreadableFile, match="damaged"):
        read(damaged)


def test_a_file_that_only_its_owner_may_change_is_read(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", at("readable to all", 72, 600))
    changed(path, lambda _: None, encryption=pikepdf.Encryption(owner="owner", user=""))
    assert texts(read(path)) == ["readable to all"]


def test_a_damaged_page_has_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    path = paper(
        tmp_path / "a.pdf", at("first page", 72, 600), at("second", 72, 600), at("third page", 72, 600)
    )

    def no_area(document: pikepdf.Pdf) -> None:
        document.pages[1].CropBox = [1000, 1000, 1200, 1200]

    content = read(changed(path, no_area))
    assert [page.problem != "" for page in content.pages] == [False, True, False]
    assert texts(content) == ["first page", "third page"]


def test_a_file_without_words_and_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no text and no picture on its 2 pages"):
        read(paper(tmp_path / "a.pdf", lambda _: None, lambda _: None))


def test_a_file_without_pages_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pikepdf.new().save(path)
    with pytest.raises(UnreadableFile):
        read(path)


def test_spans_are_sound_on_a_real_filing(data: Path) -> None:
    content = read(data / "financebench" / "pdfs" / "JOHNSON_JOHNSON_2023_8K_dated-2023-08-30.pdf")
    assert len(content.pages) > 3
    for page in content.pages:
        for block in page.blocks:
            here = [span for span in block.spans if span.page == page.number]
            assert spans_are_sound(block.text, block.spans) or block.kind == "table"
            assert all(0 <= span.box.x0 <= span.box.x1 <= page.width for span in here)
            assert all(0 <= span.box.y0 <= span.box.y1 <= page.height for span in here)
