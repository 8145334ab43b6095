"""Words with boxes -> blocks in reading order."""

import textwrap
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from core.types import Block, Box, Page
from ingest.layout import Back, Bookmark, Sheet, lay_out, merged, title_of
from ingest.words import Word
from tests.ingest.readers.papers import prose, spans_are_sound

WIDTH, HEIGHT = 600.0, 800.0


def line(text: str, x: float, y: float, *, size: float = 10, bold: bool = False) -> list[Word]:
    """Words in a face whose letters and spaces are half as wide as high; `y` is the top."""
    words = []
    for word in text.split():
        width = 0.5 * size * len(word)
        words.append(Word(word, Box(x, y, x + width, y + size), size, bold))
        x += width + 0.5 * size
    return words


def wrapped(text: str, width: float, size: float = 10) -> list[str]:
    return textwrap.wrap(text, int(width / (0.5 * size)), break_on_hyphens=False)


def chinese(text: str, x: float, y: float, size: float = 10) -> list[Word]:
    return [
        Word(char, Box(x + at * size, y, x + (at + 1) * size, y + size), size) for at, char in enumerate(text)
    ]


def column(lines: Iterable[str], x: float, y: float, **look: float) -> list[Word]:
    words = []
    for number, text in enumerate(lines):
        words += line(text, x, y + 12.5 * number, size=look.get("size", 10))
    return words


def page(words: Sequence[Word], number: int = 1, **more: object) -> Page:
    return lay_out([Sheet(number, WIDTH, HEIGHT, words=list(words), **more)])[0]  # type: ignore[arg-type]


def kinds(found: Page) -> list[str]:
    return [block.kind for block in found.blocks]


# ---------------------------------------------------------------- order


def test_columns_with_staggered_lines_are_read_downwards() -> None:
    left, right = f"{prose(60)} here.", f"{prose(60, 11)} there."
    found = page([*column(wrapped(left, 200), 50, 100), *column(wrapped(right, 200), 320, 105)])
    assert [block.text for block in found.blocks] == [left, right]


def test_a_headline_over_two_columns_comes_first_and_what_follows_them_last() -> None:
    head = line("A headline that reaches over both of the columns of this page", 50, 60, size=14)
    left, right, foot = f"{prose(50)} here.", f"{prose(50, 9)} there.", prose(40, 5)
    columns = [*column(wrapped(left, 200), 50, 100), *column(wrapped(right, 200), 320, 100)]
    found = page([*head, *columns, *column(wrapped(foot, 480), 50, 500)])
    assert [block.text for block in found.blocks][1:] == [left, right, foot]


def test_text_that_flows_around_a_caption_is_not_cut_by_it() -> None:
    left, right = wrapped(prose(200), 200), wrapped(prose(200, 9), 200)
    words = []
    for number in range(24):
        beside = 8 <= number < 12
        words += line(left[number][:28] if beside else left[number], 50, 100 + 12.5 * number)
        words += line(
            right[number][-26:].strip() if beside else right[number],
            388 if beside else 320,
            100 + 12.5 * number,
        )
    words += column(["Roofs of the old town", "as they look today"], 250, 206)
    texts = [block.text for block in page(words).blocks]
    assert "Roofs of the old town as they look today" in texts[-1]
    assert texts[0].startswith("the quarterly figures")
    assert "Roofs" not in texts[0]


def test_a_form_is_read_line_by_line() -> None:
    rows = [
        ("Name of the insured", "Jane Doe"),
        ("Policy", "4711"),
        ("Place of the damage", "Lisbon"),
        ("Date", "1 May"),
    ]
    words = [
        word
        for at, (a, b) in enumerate(rows)
        for word in [*line(a, 50, 100 + 30 * at), *line(b, 330, 100 + 30 * at)]
    ]
    text = "\n".join(block.text for block in page(words).blocks)
    positions = [text.index(part) for row in rows for part in row]
    assert positions == sorted(positions)


def test_the_order_of_the_file_does_not_matter_for_lines() -> None:
    words = column(wrapped(prose(60), 400), 50, 100)
    found = page([*words[::2], *words[1::2]])
    assert [block.text for block in found.blocks] == [prose(60)]


def test_a_paragraph_goes_on_in_the_next_column() -> None:
    lines = wrapped(prose(90), 200)
    half = len(lines) // 2
    (block,) = page([*column(lines[:half], 50, 100), *column(lines[half:], 320, 100)]).blocks
    assert block.text == prose(90)
    assert spans_are_sound(block.text, block.spans)


# ---------------------------------------------------------------- paragraphs, lists, headings


def test_paragraphs_end_at_gaps_indents_and_short_lines() -> None:
    first, second, third = (
        wrapped(f"{prose(40)} end.", 400),
        wrapped(f"{prose(40, 3)} end.", 390),
        wrapped(prose(40, 6), 400),
    )
    words = column(first, 50, 100)
    words += line(second[0], 62, 100 + 12.5 * len(first)) + column(second[1:], 50, 112.5 + 12.5 * len(first))
    words += column(third, 50, 130 + 12.5 * (len(first) + len(second)))
    assert [block.text for block in page(words).blocks] == [
        f"{prose(40)} end.",
        f"{prose(40, 3)} end.",
        prose(40, 6),
    ]


def test_lines_that_were_broken_on_purpose_stay_broken() -> None:
    lines = ["Example Corporation", "12 Harbour Street", "Lisbon"]
    body = column(wrapped(prose(60), 400), 50, 200)
    (address, _) = page([*column(lines, 50, 100), *body]).blocks
    assert address.text.split("\n") == lines


def test_chinese_lines_join_without_spaces_and_numbers_broken_between_them_too() -> None:
    words = [*chinese("本公司的净利润为人民币九", 50, 100), Word("9", Box(170, 100, 175, 110), 10)]
    words += [Word("8,765.43", Box(50, 112, 90, 122), 10), *chinese("万元，同比下降。", 90, 112)]
    (block,) = page(words).blocks
    assert block.text == "本公司的净利润为人民币九98,765.43万元，同比下降。"
    assert [block.text[span.start : span.end] for span in block.spans[12:14]] == ["9", "8,765.43"]


def test_a_space_printed_between_chinese_words_is_kept() -> None:
    (block,) = page([*chinese("资产负债表", 50, 100), *chinese("合并", 106, 100)]).blocks
    assert block.text == "资产负债表 合并"


def test_bold_lines_are_headings_where_the_body_is_not_bold() -> None:
    words = line("Risk Factors", 50, 80, bold=True) + column(wrapped(prose(60), 400), 50, 100)
    found = page(words)
    assert kinds(found) == ["heading", "text"]


def test_numbers_give_headings_their_depth() -> None:
    words: list[Word] = []
    for at, text in enumerate(["1 Scope", "1.1 Terms", "1.1.1 Dates", "2 Rules"]):
        words += line(text, 50, 100 + 100 * at, bold=True) + column(
            wrapped(prose(40), 400), 50, 120 + 100 * at
        )
    assert [block.level for block in page(words).blocks if block.kind == "heading"] == [1, 2, 3, 1]


def test_an_outline_entry_makes_a_heading() -> None:
    words = line("Plain words", 50, 80) + column(wrapped(prose(60), 400), 50, 100)
    sheet = Sheet(1, WIDTH, HEIGHT, words=words)
    (found,) = lay_out([sheet], [Bookmark(2, "Plain Words", 1)])
    assert [(block.kind, block.level) for block in found.blocks] == [("heading", 2), ("text", 0)]


def test_a_table_over_a_page_break_has_spans_on_both_pages() -> None:
    def rows(first: int, count: int, y: float) -> list[Word]:
        words = []
        for at in range(count):
            words += line(f"Item number {first + at}", 50, y + 14 * at)
            words += line(f"{first + at},500", 350, y + 14 * at) + line(f"{first + at},200", 450, y + 14 * at)
        return words

    head = [*line("2023", 350, 586), *line("2022", 450, 586)]
    sheets = [
        Sheet(1, WIDTH, HEIGHT, words=[*column(wrapped(prose(250), 480), 50, 60), *head, *rows(1, 10, 600)]),
        Sheet(2, WIDTH, HEIGHT, words=[*rows(11, 8, 60), *column(wrapped(prose(150), 480), 50, 300)]),
    ]
    first, second = lay_out(sheets)
    (table,) = [block for block in first.blocks if block.kind == "table"]
    assert {span.page for span in table.spans} == {1, 2}
    assert table.rows[-1] == ("Item number 18", "18,500", "18,200")
    assert kinds(second) == ["text"]


# ---------------------------------------------------------------- margins


def numbered(number: int, label: str) -> Sheet:
    words = line("Example Corp 2023", 50, 20) + column(wrapped(prose(80, number), 400), 50, 100 + 3 * number)
    return Sheet(number, WIDTH, HEIGHT, words=[*words, *line(label, 290, 770)], label="")


def test_page_labels_are_those_that_are_printed() -> None:
    labels = ["iii", "iv", "v", "vi"]
    pages = lay_out([numbered(at, label) for at, label in enumerate(labels, 1)])
    assert [found.label for found in pages] == labels
    assert all(kinds(found) == ["text"] for found in pages)


def test_a_year_in_the_header_is_not_the_page_label() -> None:
    pages = lay_out([numbered(at, f"Page {at + 40} of 90") for at in range(1, 6)])
    assert [found.label for found in pages] == ["41", "42", "43", "44", "45"]


def test_a_line_that_stands_on_one_page_only_stays() -> None:
    pages = lay_out([numbered(at, ["Alpha", "Beta", "Gamma", "Delta"][at - 1]) for at in range(1, 5)])
    assert [found.blocks[-1].text.split()[-1] for found in pages] == ["Alpha", "Beta", "Gamma", "Delta"]


def test_the_head_and_rows_of_statements_that_repeat_over_pages_are_no_running_headers() -> None:
    def statement(number: int) -> Sheet:
        words = [*line("January 28, 2017", 300, 60), *line("January 30, 2016", 450, 60)]
        for row in range(12):
            for text, x in (
                (f"Row {number} {row}", 50),
                (f"{number},{100 + row}", 320),
                (f"{number},{200 + row}", 470),
            ):
                words += line(text, x, 80 + 14 * row)
        return Sheet(number, WIDTH, HEIGHT, words=words)

    pages = lay_out([statement(number) for number in range(1, 6)])
    text = "\n".join(block.text for found in pages for block in found.blocks)
    assert all(year in text for year in ("2017", "2016"))
    rows = [f"Row {number} {row}" for number in range(1, 6) for row in range(12)]
    assert [row for row in rows if f"{row} |" not in text] == []


# ---------------------------------------------------------------- frames and figures


def test_boxes_are_mapped_back_to_the_page_as_it_is_seen() -> None:
    """A frame turned by a quarter: what is read downwards stands from right to left."""
    back = Back(0, -1, HEIGHT, 1, 0, 0, HEIGHT, WIDTH)
    found = page(line("Gross margin", 100, 200), back=back)
    assert (found.width, found.height) == (HEIGHT, WIDTH)
    box = found.blocks[0].spans[0].box
    assert box == Box(HEIGHT - 210, 100, HEIGHT - 200, 125)


def test_a_small_turn_moves_words_and_keeps_their_size() -> None:
    back = Back(0.9998, 0.0175, 0, -0.0175, 0.9998, 10, WIDTH, HEIGHT)
    found = page(line("a rather long word here", 400, 200), back=back)
    for before, span in zip(line("a rather long word here", 400, 200), found.blocks[0].spans):
        assert abs(span.box.width - before.box.width) < 0.02
        assert abs(span.box.height - before.box.height) < 0.02


def test_pictures_in_strips_are_one_figure() -> None:
    strips = [Box(100, 100 + 20 * at, 400, 120 + 20 * at) for at in range(8)]
    assert merged(strips) == [Box(100, 100, 400, 260)]
    found = page(line("Under the picture", 100, 300), figures=strips)
    assert kinds(found) == ["figure", "text"]
    assert found.blocks[0].box == Box(100, 100, 400, 260)


def test_a_picture_behind_the_page_is_no_figure() -> None:
    found = page(column(wrapped(prose(60), 400), 50, 100), figures=[Box(0, 0, WIDTH, HEIGHT)])
    assert kinds(found) == ["text"]


def test_a_claimed_title_must_read_like_one() -> None:
    heading = Block("heading", "What it is about", level=1)
    pages = [Page(1, (heading,))]
    assert title_of("A report on things", pages) == "A report on things"
    assert title_of("年度报告", pages) == "年度报告"
    for claimed in ("", "untitled", "Microsoft Word - x.doc", "scan_0001.pdf", "12 34 56", "C:\\docs\\x y"):
        assert title_of(claimed, pages) == "What it is about"


def test_a_form_of_the_commission_is_called_by_company_form_and_period() -> None:
    cover = (
        "UNITED STATES SECURITIES AND EXCHANGE COMMISSION",
        "FORM 10-K",
        "For the fiscal year ended December 31, 2023",
        "Commission file number 1-234",
        "EXAMPLE HOLDINGS, INC. (Exact name of registrant as specified in its charter)",
    )
    blocks = tuple(Block("heading", text, level=1) for text in cover)
    expected = "EXAMPLE HOLDINGS, INC., Form 10-K, December 31, 2023"
    assert title_of("", [Page(1, blocks)]) == expected
    assert title_of("Proxy of some other year", [Page(1, blocks)]) == expected
    nameless = (*blocks[:-1], Block("text", "(Exact name of registrant as specified in its charter)"))
    assert title_of("", [Page(1, nameless)]) == ""


# ---------------------------------------------------------------- whatever is on the page

PLACES = st.tuples(
    st.integers(0, 560),
    st.integers(0, 780),
    st.integers(4, 30),
    st.text("abc.-中，", min_size=1, max_size=9),
)


@given(st.lists(PLACES, max_size=60))
def test_every_word_is_in_one_block_and_every_span_on_its_word(
    places: list[tuple[int, int, int, str]],
) -> None:
    words = [Word(text, Box(x, y, x + 0.5 * size * len(text), y + size), size) for x, y, size, text in places]
    found = page(words)
    texts = [
        text for block in found.blocks for text in [block.text[span.start : span.end] for span in block.spans]
    ]
    boxes = {span.box for block in found.blocks for span in block.spans}
    assert {word.box for word in words} == boxes
    for block in found.blocks:
        assert spans_are_sound(block.text, block.spans)
    letters = sorted("".join(texts).replace("-", ""))
    if not any(block.kind == "table" for block in found.blocks):
        assert letters == sorted("".join(word.text for word in words).replace("-", ""))


def test_margins_that_are_all_of_a_document_are_its_text() -> None:
    sheets = [
        Sheet(
            number,
            612,
            792,
            [Word("page", Box(280, 760, 302, 772), 10), Word(str(number), Box(305, 760, 311, 772), 10)],
        )
        for number in (1, 2)
    ]
    assert [[block.text for block in page.blocks] for page in lay_out(sheets)] == [["page 1"], ["page 2"]]
