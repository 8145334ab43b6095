"""Tables on pages that the tests lay out themselves: each word is put where a printer would put it."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Block, Box
from ingest.tables import Sum, Table, find_tables, stitch
from ingest.words import Word

WIDTH, HEIGHT = 612.0, 792.0
EM = 10.0
LETTER = 0.5 * EM


class Sheet:
    """A page under a test's pen. Lines are given by their baseline's y; letters are half an em wide."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.rulings: list[Box] = []

    def text(
        self,
        text: str,
        y: float,
        *,
        x: float = 50,
        right: float | None = None,
        middle: float | None = None,
        em: float = EM,
        bold: bool = False,
        jitter: float = 0.0,
    ) -> None:
        """Words from `x` on, or ending at `right`, or around `middle`. Chinese characters stand alone."""
        tokens = [part for word in text.split(" ") for part in _tokens(word)]
        spaces = [0.0 if not at_start else 0.3 * em for at_start in _word_starts(text)]
        widths = [_width(token, em) for token in tokens]
        whole = sum(widths) + sum(spaces[1:])
        if right is not None:
            x = right - whole
        if middle is not None:
            x = middle - whole / 2
        shift = random.Random(f"{text}{y}").uniform(-jitter, jitter)
        for number, (token, width) in enumerate(zip(tokens, widths, strict=True)):
            x += spaces[number] if number else 0.0
            box = Box(x, y - em + shift, x + width, y + 0.2 * em + shift)
            self.words.append(Word(token, box, 0.0 if jitter else em, bold))
            x += width

    def row(
        self,
        y: float,
        label: str,
        *values: str,
        rights: Sequence[float] = (380, 460, 540),
        x: float = 50,
        jitter: float = 0.0,
    ) -> None:
        if label:
            self.text(label, y, x=x, jitter=jitter)
        for value, right in zip(values, rights, strict=False):
            if value:
                self.text(value, y, right=right, jitter=jitter)

    def paragraph(self, y: float, lines: int, *, x: float = 50, width: float = 510, seed: int = 0) -> float:
        """Justified prose with numbers in it, down from `y`; the y behind its end."""
        chance = random.Random(seed)
        for _ in range(lines):
            end, at = x + width, x
            tokens = []
            while True:
                token = chance.choice(
                    [
                        "the",
                        "increase",
                        "of",
                        "revenue",
                        "in",
                        "2021",
                        "was",
                        "$1.2",
                        "billion",
                        "and",
                        "operations",
                    ]
                )
                if at + _width(token, EM) > end:
                    break
                tokens.append(token)
                at += _width(token, EM) + 0.3 * EM
            gap = (width - sum(_width(token, EM) for token in tokens)) / (len(tokens) - 1)
            at = x
            for token in tokens:
                self.words.append(Word(token, Box(at, y - EM, at + _width(token, EM), y + 2), EM))
                at += _width(token, EM) + gap
            y += 12
        return y

    def line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.rulings.append(
            Box(x0, y0 - 0.25, x1, y1 + 0.25) if y0 == y1 else Box(x0 - 0.25, y0, x1 + 0.25, y1)
        )

    def grid(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        for y in ys:
            self.line(xs[0], y, xs[-1], y)
        for x in xs:
            self.line(x, ys[0], x, ys[-1])

    def tables(self) -> list[Table]:
        return find_tables(self.words, self.rulings, WIDTH, HEIGHT)

    def table(self) -> Table:
        tables = self.tables()
        assert len(tables) == 1, [table.rows for table in tables]
        return tables[0]


def _is_chinese(char: str) -> bool:
    return "\u3000" <= char <= "\u9fff"


def _tokens(word: str) -> list[str]:
    tokens: list[str] = []
    for char in word:
        if tokens and not _is_chinese(char) and not _is_chinese(tokens[-1][-1]):
            tokens[-1] += char
        else:
            tokens.append(char)
    return tokens


def _word_starts(text: str) -> list[bool]:
    return [number == 0 for word in text.split(" ") for number in range(len(_tokens(word)))]


def _width(token: str, em: float) -> float:
    return sum(em if _is_chinese(char) else 0.5 * em for char in token)


@pytest.fixture
def sheet() -> Sheet:
    return Sheet()


def balance_sheet(sheet: Sheet, top: float = 100, *, jitter: float = 0.0) -> None:
    sheet.row(top, "", "2021", "2020", rights=(460, 540), jitter=jitter)
    for number, (label, *values) in enumerate(
        [
            ("Current assets:",),
            ("Cash and cash equivalents", "$ 34,940", "$ 38,016"),
            ("Marketable securities", "27,699", "52,927"),
            ("Inventories", "6,580", "4,061"),
            ("Total current assets", "69,219", "95,004"),
        ],
        1,
    ):
        sheet.row(top + 14 * number, label, *values, rights=(460, 540), jitter=jitter)


# ---------------------------------------------------------------- columns, signs, rows


def test_a_statement_without_rules_has_its_rows_and_columns(sheet: Sheet) -> None:
    balance_sheet(sheet)
    table = sheet.table()
    assert table.rows == (
        ("", "2021", "2020"),
        ("Current assets:", "", ""),
        ("Cash and cash equivalents", "$ 34,940", "$ 38,016"),
        ("Marketable securities", "27,699", "52,927"),
        ("Inventories", "6,580", "4,061"),
        ("Total current assets", "69,219", "95,004"),
    )
    assert table.header_rows == 1
    assert table.columns == ("", "2021", "2020")
    assert not table.ruled


def test_signs_printed_apart_belong_to_their_number(sheet: Sheet) -> None:
    for y, values in ((100, ("1,234", "5,678")), (114, ("987", "12"))):
        sheet.row(y, "Net sales", *values, rights=(380, 500))
        sheet.text("$", y, x=330)
        sheet.text("$", y, x=440)
    sheet.row(128, "Net loss", "(56", "(7", rights=(380, 500))
    sheet.text(")", 128, x=383)
    sheet.text(")", 128, x=503)
    sheet.row(142, "Tax rate", "12.3", "9.8", rights=(380, 500))
    sheet.text("%", 142, x=384)
    sheet.text("%", 142, x=504)
    assert sheet.table().rows == (
        ("Net sales", "$ 1,234", "$ 5,678"),
        ("Net sales", "$ 987", "$ 12"),
        ("Net loss", "(56)", "(7)"),
        ("Tax rate", "12.3 %", "9.8 %"),
    )


def test_dots_that_lead_to_a_value_are_taken_and_not_printed(sheet: Sheet) -> None:
    for y, label, value in ((100, "Wheat", "1,250"), (114, "Barley", "310"), (128, "Oats", "77")):
        sheet.row(y, label, value, rights=(380,))
        for dot in range(30):
            sheet.text(".", y, x=50 + len(label) * LETTER + 5 + 7 * dot)
    table = sheet.table()
    assert table.rows == (("Wheat", "1,250"), ("Barley", "310"), ("Oats", "77"))
    assert table.word_indexes == frozenset(range(len(sheet.words)))


def test_a_heading_inside_the_table_is_a_row_of_its_label_alone(sheet: Sheet) -> None:
    sheet.row(100, "", "2021", "2020")
    sheet.text("ASSETS:", 114, middle=200)
    sheet.row(128, "Cash", "10", "20")
    sheet.row(142, "Inventories", "30", "40")
    sheet.text("LIABILITIES:", 156, middle=200)
    sheet.row(170, "Accounts payable", "50", "60")
    rows = sheet.table().rows
    assert rows[1] == ("ASSETS:", "", "")
    assert rows[4] == ("LIABILITIES:", "", "")


def test_a_label_over_two_lines_is_one_row(sheet: Sheet) -> None:
    sheet.row(100, "", "2021", "2020")
    sheet.row(114, "Deferred income taxes and other assets", "10", "20")
    sheet.text("Cash generated by operating activities and", 128)
    sheet.row(140, "by the sale of securities", "30", "40")
    sheet.row(154, "Inventories", "50", "60")
    assert sheet.table().rows[2] == (
        "Cash generated by operating activities and by the sale of securities",
        "30",
        "40",
    )


def test_a_wide_label_does_not_cut_the_table_in_two(sheet: Sheet) -> None:
    sheet.row(100, "", "2021", "2020")
    sheet.row(114, "Retained earnings", "10", "20")
    sheet.text(
        "Common stock, $0.00001 par value: 50,400,000 shares authorized; 16,426,786 and 16,976,763", 128
    )
    sheet.row(140, "shares issued and outstanding, respectively", "30", "40")
    sheet.row(154, "Total equity", "40", "60")
    table = sheet.table()
    assert table.height == 4
    assert table.rows[2][1:] == ("30", "40")
    assert table.rows[2][0].endswith("16,976,763 shares issued and outstanding, respectively")


def test_a_mark_raised_above_the_line_stays_with_its_word(sheet: Sheet) -> None:
    for y, label, value in (
        (100, "Domestic", "1,026"),
        (114, "International", "212"),
        (128, "Total", "1,238"),
    ):
        sheet.row(y, label, value, value, rights=(400, 500))
    sheet.text("(9)", 94, x=50 + 8 * LETTER + 0.5, em=6)
    assert [row[0] for row in sheet.table().rows] == ["Domestic (9)", "International", "Total"]


# ---------------------------------------------------------------- headers


def test_header_lines_of_one_column_are_joined(sheet: Sheet) -> None:
    sheet.row(100, "", "September 25,", "September 26,", rights=(430, 540))
    sheet.row(112, "", "2021", "2020", rights=(430, 540))
    sheet.row(126, "Net sales", "365,817", "274,515", rights=(430, 540))
    sheet.row(140, "Cost of sales", "212,981", "169,559", rights=(430, 540))
    table = sheet.table()
    assert table.header_rows == 1
    assert table.columns == ("", "September 25, 2021", "September 26, 2020")


def test_a_header_over_several_columns_covers_them(sheet: Sheet) -> None:
    sheet.text("Years Ended December 31,", 100, middle=440)
    sheet.row(114, "", "2021", "2020", "2019")
    sheet.row(128, "Net sales", "365,817", "274,515", "260,174")
    sheet.row(142, "Net income", "94,680", "57,411", "55,256")
    table = sheet.table()
    assert table.header_rows == 2
    assert table.columns[1:] == tuple(f"Years Ended December 31, {year}" for year in (2021, 2020, 2019))
    assert table.cells[0].column_span == 3


def test_a_rule_tells_which_columns_a_header_covers(sheet: Sheet) -> None:
    rights = (300, 360, 480, 540)
    sheet.text("Assets", 100, x=265)
    sheet.text("Liabilities", 100, x=460)
    sheet.line(255, 102.5, 362, 102.5)
    sheet.line(440, 102.5, 542, 102.5)
    sheet.row(116, "", "2021", "2020", "2021", "2020", rights=rights)
    sheet.row(130, "Level 1", "10", "20", "30", "40", rights=rights)
    sheet.row(144, "Level 2", "50", "60", "70", "80", rights=rights)
    assert sheet.table().columns[1:] == ("Assets 2021", "Assets 2020", "Liabilities 2021", "Liabilities 2020")


def test_a_year_over_three_columns_each_covers_its_own_three(sheet: Sheet) -> None:
    rights = (240, 300, 360, 430, 490, 550)
    sheet.text("2021", 100, middle=290)
    sheet.text("2020", 100, middle=480)
    sheet.row(114, "", *["Low", "High", "Close"] * 2, rights=rights)
    sheet.row(128, "First quarter", "1.5", "2.5", "2.0", "3.5", "4.5", "4.0", rights=rights)
    sheet.row(142, "Second quarter", "1.6", "2.6", "2.1", "3.6", "4.6", "4.1", rights=rights)
    assert sheet.table().columns[1:] == (
        "2021 Low",
        "2021 High",
        "2021 Close",
        "2020 Low",
        "2020 High",
        "2020 Close",
    )


def test_units_and_captions_above_are_kept_with_the_table(sheet: Sheet) -> None:
    sheet.text("Table 3: Balance sheet of the group", 72)
    sheet.text("(In millions, except per share amounts)", 86)
    balance_sheet(sheet)
    table = sheet.table()
    block = table.block(7)
    assert [" ".join(word.text for word in line) for line in table.above] == [
        "Table 3: Balance sheet of the group",
        "(In millions, except per share amounts)",
    ]
    assert block.text.startswith(
        "Table 3: Balance sheet of the group\n(In millions, except per share amounts)\n"
    )
    assert table.word_indexes == frozenset(range(len(sheet.words)))


def test_the_end_of_a_paragraph_is_no_caption(sheet: Sheet) -> None:
    end = sheet.paragraph(40, 3)
    sheet.text("obligations were as follows (in millions):", end)
    balance_sheet(sheet, end + 16)
    assert sheet.table().above == ()


# ---------------------------------------------------------------- rules


def test_merged_cells_of_a_ruled_table_cover_their_squares(sheet: Sheet) -> None:
    xs, ys = (50, 150, 250, 350, 450), (100, 120, 140, 160, 180)
    for y in ys:
        sheet.line(150 if y in (120, 160) else 50, y, 450, y)
    for x in xs:
        sheet.line(x, 120 if x in (250, 350) else 100, x, 180)
    sheet.text("Threshold for releases", 114, middle=300)
    for number, text in enumerate(("air", "water", "land")):
        sheet.text(text, 134, middle=200 + 100 * number)
    sheet.text("Metals", 164, middle=100)
    for y, values in ((154, ("20", "5", "6")), (174, ("10", "1", "2"))):
        for number, value in enumerate(values):
            sheet.text(value, y, middle=200 + 100 * number)
    table = sheet.table()
    assert table.ruled
    assert table.rows == (
        ("", "Threshold for releases", "Threshold for releases", "Threshold for releases"),
        ("", "air", "water", "land"),
        ("Metals", "20", "5", "6"),
        ("Metals", "10", "1", "2"),
    )
    metals = next(cell for cell in table.cells if cell.text == "Metals")
    assert (metals.row, metals.row_span) == (2, 2)


def test_lines_of_one_ruled_cell_are_one_text(sheet: Sheet) -> None:
    sheet.grid((50, 250, 350), (100, 140, 180))
    sheet.text("Number of member", 114, x=55)
    sheet.text("states in the analysis", 128, x=55)
    sheet.text("21", 114, x=255)
    sheet.text("Number of states", 154, x=55)
    sheet.text("where firms applied it", 168, x=55)
    sheet.text("11", 154, x=255)
    assert sheet.table().rows == (
        ("Number of member states in the analysis", "21"),
        ("Number of states where firms applied it", "11"),
    )


def test_numbers_under_each_other_in_one_ruled_band_are_rows(sheet: Sheet) -> None:
    sheet.grid((50, 250, 350, 450), (100, 120, 180))
    for middle, text in ((150, "Country"), (300, "1996"), (400, "1993")):
        sheet.text(text, 114, middle=middle)
    for y, label, *values in (
        (134, "Austria", "59", "54"),
        (148, "Belgium", "62", "60"),
        (162, "Denmark", "59", "55"),
    ):
        sheet.text(label, y, x=55)
        for right, value in zip((340, 440), values, strict=True):
            sheet.text(value, y, right=right)
    assert sheet.table().rows == (
        ("Country", "1996", "1993"),
        ("Austria", "59", "54"),
        ("Belgium", "62", "60"),
        ("Denmark", "59", "55"),
    )


def test_columns_without_a_rule_between_them_are_told_by_white_space(sheet: Sheet) -> None:
    for y in (100, 120, 140, 160, 180):
        sheet.line(50, y, 550, y)
    for x in (50, 550):
        sheet.line(x, 100, x, 180)
    rows = (
        ("Country", "Domestic", "Imported"),
        ("Austria", "86.2", "13.8"),
        ("Cyprus", "81.0", "3.8"),
        ("Spain", "7.5", "92.5"),
    )
    for number, (label, *values) in enumerate(rows):
        sheet.text(label, 114 + 20 * number, x=55)
        for right, value in zip((350, 500), values, strict=True):
            sheet.text(value, 114 + 20 * number, right=right)
    assert sheet.table().rows == rows


def test_underlined_totals_do_not_frame_a_table_of_their_own(sheet: Sheet) -> None:
    balance_sheet(sheet)
    for x0, x1 in ((410, 462), (490, 542)):
        for y in (145, 159):
            sheet.line(x0, y, x1, y)
        for x in (x0, x1):
            sheet.line(x, 145, x, 159)
    table = sheet.table()
    assert table.height == 6
    assert not table.ruled


def test_a_box_around_a_paragraph_is_no_table(sheet: Sheet) -> None:
    sheet.paragraph(120, 6)
    sheet.grid((45, 565), (100, 200))
    assert sheet.tables() == []


# ---------------------------------------------------------------- what is no table


def test_paragraphs_are_no_tables(sheet: Sheet) -> None:
    sheet.paragraph(100, 40)
    assert sheet.tables() == []


def test_text_in_two_columns_is_no_table(sheet: Sheet) -> None:
    sheet.paragraph(100, 40, width=245, seed=1)
    sheet.paragraph(100, 40, x=315, width=245, seed=2)
    assert sheet.tables() == []


@pytest.mark.parametrize(
    "marks", [["•"] * 6, ["1.", "2.", "3.", "4.", "5.", "6."], ["(a)", "(b)", "(c)", "(d)", "(e)", "(f)"]]
)
def test_lists_are_no_tables(sheet: Sheet, marks: list[str]) -> None:
    for number, mark in enumerate(marks):
        sheet.text(mark, 100 + 14 * number)
        sheet.text("an item that says something in a few words", 100 + 14 * number, x=70)
    assert sheet.tables() == []


def test_a_contents_page_is_no_table(sheet: Sheet) -> None:
    entries = (
        ("Business", 4),
        ("Risk Factors", 7),
        ("Properties", 12),
        ("Legal Proceedings", 12),
        ("Executive Officers", 15),
    )
    for number, (title, page) in enumerate(entries):
        sheet.text(f"Item {number + 1}.", 100 + 14 * number)
        sheet.text(title, 100 + 14 * number, x=110)
        sheet.text(str(page), 100 + 14 * number, right=540)
    assert sheet.tables() == []


def test_the_axes_of_a_chart_are_no_table(sheet: Sheet) -> None:
    for number in range(8):
        sheet.text(str(350 - 50 * number), 100 + 30 * number, right=80)
        sheet.text(str(350 - 50 * number), 100 + 30 * number, right=330)
    assert sheet.tables() == []


def test_values_that_fall_in_even_steps_beside_labels_are_a_table(sheet: Sheet) -> None:
    for number, quarter in enumerate(("First", "Second", "Third", "Fourth", "Fifth")):
        sheet.row(100 + 14 * number, f"{quarter} payment", str(1000 - 200 * number), rights=(400,))
    assert sheet.table().height == 5


def test_a_page_without_words_has_no_tables() -> None:
    assert find_tables([], [], WIDTH, HEIGHT) == []
    assert find_tables([Word("alone", Box(10, 10, 40, 20), 10)], [], WIDTH, HEIGHT) == []


# ---------------------------------------------------------------- several tables


def test_prose_divides_two_tables(sheet: Sheet) -> None:
    balance_sheet(sheet)
    sheet.paragraph(210, 4)
    balance_sheet(sheet, 290)
    first, second = sheet.tables()
    assert first.rows == second.rows


def test_a_line_of_years_begins_a_new_table(sheet: Sheet) -> None:
    balance_sheet(sheet)
    sheet.text("Supplemental information", 198)
    sheet.row(212, "", "2021", "2020", rights=(460, 540))
    sheet.row(226, "Interest paid", "76", "77", rights=(460, 540))
    sheet.row(240, "Income taxes paid", "628", "550", rights=(460, 540))
    assert [table.height for table in sheet.tables()] == [6, 3]


def test_ruled_tables_side_by_side_are_two(sheet: Sheet) -> None:
    for left in (50, 300):
        sheet.grid((left, left + 120, left + 200), (100, 120, 140, 160))
        for number, (label, value) in enumerate((("Country", "Cases"), ("Spain", "268"), ("Italy", "92"))):
            sheet.text(label, 114 + 20 * number, x=left + 5)
            sheet.text(value, 114 + 20 * number, right=left + 195)
    first, second = sheet.tables()
    assert first.rows == second.rows == (("Country", "Cases"), ("Spain", "268"), ("Italy", "92"))


def test_a_table_beside_a_paragraph_is_read_alone(sheet: Sheet) -> None:
    sheet.paragraph(100, 30, width=240)
    for number, (label, value) in enumerate(
        (("Sales", "1,200"), ("Costs", "(800)"), ("Profit", "400"), ("Tax", "(90)"))
    ):
        sheet.text(label, 160 + 12 * number, x=330)
        sheet.text(value, 160 + 12 * number, right=520)
    assert sheet.table().rows == (("Sales", "1,200"), ("Costs", "(800)"), ("Profit", "400"), ("Tax", "(90)"))


def test_words_in_three_columns_are_a_table_with_a_bold_header(sheet: Sheet) -> None:
    rows = (
        ("Name", "Office", "Place"),
        ("Anna Berg", "Treasurer", "Oslo"),
        ("Li Wei", "Secretary", "Xiamen"),
        ("Tom Hale", "Chair", "Leeds"),
    )
    for number, row in enumerate(rows):
        for x, text in zip((50, 200, 350), row, strict=True):
            sheet.text(text, 100 + 14 * number, x=x, bold=number == 0)
    table = sheet.table()
    assert table.rows == rows
    assert table.header_rows == 1


# ---------------------------------------------------------------- Chinese, OCR, turned words


def test_a_chinese_statement_of_single_characters(sheet: Sheet) -> None:
    sheet.text("单位：人民币百万元", 86, right=540)
    sheet.row(100, "项目", "2021年", "2020年", rights=(430, 540))
    sheet.row(116, "营业收入", "３６５，８１７", "274,515", rights=(430, 540))
    sheet.row(132, "营业成本", "(212,981)", "(169,559)", rights=(430, 540))
    sheet.text("合", 148)
    sheet.text("计", 148, x=80)
    sheet.row(148, "", "152,836", "104,956", rights=(430, 540))
    table = sheet.table()
    assert table.rows == (
        ("项目", "2021年", "2020年"),
        ("营业收入", "３６５，８１７", "274,515"),
        ("营业成本", "(212,981)", "(169,559)"),
        ("合计", "152,836", "104,956"),
    )
    assert table.header_rows == 1
    assert table.block(1).text.startswith("单位：人民币百万元\n")
    assert Sum(3, 1, (1, 2)) in table.sums


def test_words_from_ocr_with_uneven_lines_and_no_sizes(sheet: Sheet) -> None:
    balance_sheet(sheet, jitter=1.2)
    assert sheet.table().rows[2] == ("Cash and cash equivalents", "$ 34,940", "$ 38,016")
    assert sheet.table().height == 6


def test_a_word_that_stands_upright_inside_the_table_is_not_lost(sheet: Sheet) -> None:
    balance_sheet(sheet)
    sheet.words.append(Word("Group", Box(300, 120, 309, 165), 10))
    assert len(sheet.words) - 1 in sheet.table().word_indexes


# ---------------------------------------------------------------- sums


def test_totals_that_add_up_are_recorded_and_raise_the_confidence(sheet: Sheet) -> None:
    balance_sheet(sheet)
    right = sheet.table()
    assert right.sums == (Sum(5, 1, (2, 3, 4)), Sum(5, 2, (2, 3, 4)))
    wrong = Sheet()
    balance_sheet(wrong)
    wrong.words = [word._replace(text="69,218") if word.text == "69,219" else word for word in wrong.words]
    assert wrong.table().sums == (Sum(5, 2, (2, 3, 4)),)
    assert wrong.table().confidence < right.confidence


def test_a_total_of_totals_counts_each_part_once(sheet: Sheet) -> None:
    for number, (label, value) in enumerate(
        (
            ("Cash", "10.10"),
            ("Stock", "20.20"),
            ("Current", "30.30"),
            ("Land", "(5.00)"),
            ("Plant", "7.50"),
            ("Total", "32.80"),
        )
    ):
        sheet.row(100 + 14 * number, label, value, rights=(400,))
    assert sheet.table().sums == (Sum(2, 1, (0, 1)), Sum(5, 1, (2, 3, 4)))


# ---------------------------------------------------------------- over page breaks


def pages_of_one_table(header_again: bool, shift: float = 0.0) -> list[list[Table]]:
    first = Sheet()
    first.row(640, "", "2021", "2020", rights=(460, 540))
    first.row(654, "Cash", "10", "20", rights=(460, 540))
    first.row(668, "Marketable securities", "30", "40", rights=(460, 540))
    first.text("12", 780, middle=306)
    second = Sheet()
    if header_again:
        second.row(80, "", "2021", "2020", rights=(460 + shift, 540 + shift))
    second.row(94, "Inventories", "50", "60", rights=(460 + shift, 540 + shift), x=50 + shift)
    second.row(108, "Other assets", "70", "80", rights=(460 + shift, 540 + shift), x=50 + shift)
    return [first.tables(), second.tables()]


@pytest.mark.parametrize("shift", [0.0, 18.0])
@pytest.mark.parametrize("header_again", [True, False])
def test_a_table_over_a_page_break_is_one(*, header_again: bool, shift: float) -> None:
    stitched = stitch(pages_of_one_table(header_again, shift))
    assert [len(tables) for tables in stitched] == [1, 0]
    (table,) = stitched[0]
    assert table.rows == (
        ("", "2021", "2020"),
        ("Cash", "10", "20"),
        ("Marketable securities", "30", "40"),
        ("Inventories", "50", "60"),
        ("Other assets", "70", "80"),
    )
    block = table.block(12)
    assert spans_are_right(table, block)
    assert {span.page for span in block.spans} == {12, 13}


def test_another_header_on_the_next_page_is_another_table() -> None:
    first, second = pages_of_one_table(header_again=True)
    other = Sheet()
    other.row(80, "", "2019", "2018", rights=(460, 540))
    other.row(94, "Inventories", "50", "60", rights=(460, 540))
    other.row(108, "Other assets", "70", "80", rights=(460, 540))
    assert [len(tables) for tables in stitch([first, other.tables()])] == [1, 1]
    assert [len(tables) for tables in stitch([first, second])] == [1, 0]


def test_prose_at_the_foot_or_head_of_a_page_ends_the_table() -> None:
    first, second = pages_of_one_table(header_again=False)
    below = Sheet()
    balance_sheet(below, 560)
    below.paragraph(660, 4)
    assert [len(tables) for tables in stitch([below.tables(), second])] == [1, 1]
    above = Sheet()
    above.paragraph(80, 4)
    balance_sheet(above, 150)
    assert [len(tables) for tables in stitch([first, above.tables()])] == [1, 1]


def test_a_table_over_three_pages_keeps_every_row() -> None:
    pages = []
    for page in range(3):
        sheet = Sheet()
        sheet.row(72, "Country", "2021", "2020", rights=(460, 540))
        for number in range(44):
            sheet.row(
                87 + 15 * number,
                f"Place {page} {number}",
                str(1000 * page + 7 * number),
                "1",
                rights=(460, 540),
            )
        pages.append(sheet.tables())
    stitched = stitch(pages)
    assert [len(tables) for tables in stitched] == [1, 0, 0]
    labels = [row[0] for row in stitched[0][0].rows]
    assert labels == ["Country", *(f"Place {page} {number}" for page in range(3) for number in range(44))]
    assert {word.page for word in stitched[0][0].words()} == {0, 1, 2}


# ---------------------------------------------------------------- promises for every page


def spans_are_right(table: Table, block: Block) -> bool:
    """Each span's characters are those of a word whose box it has."""
    printed: dict[tuple[int, Box], set[str]] = {}
    for word in table.words():
        printed.setdefault((word.page, word.box), set()).add(word.text)
    first = block.spans[0].page if block.spans else 0
    ends = [0, *(span.end for span in block.spans)]
    return all(
        block.text[span.start : span.end] in printed[span.page - first, span.box] and span.start >= before
        for span, before in zip(block.spans, ends, strict=False)
    )


def keeps_its_promises(words: Sequence[Word], rulings: Sequence[Box]) -> bool:
    tables = find_tables(words, rulings, WIDTH, HEIGHT)
    taken = [word.number for table in tables for word in table.words()]
    assert len(taken) == len(set(taken)), "a word is in two cells"
    for table in tables:
        for index, word in enumerate(words):
            x, y = (word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2
            if word.text and table.box.x0 < x < table.box.x1 and table.box.y0 < y < table.box.y1:
                assert index in taken, f"{word} is lost"
        assert len(table.rows) == table.height
        assert all(len(row) == table.width for row in table.rows)
        squares = [
            (row, column)
            for cell in table.cells
            for row in range(cell.row, cell.row + cell.row_span)
            for column in range(cell.column, cell.column + cell.column_span)
        ]
        assert len(squares) == len(set(squares)), "two cells in one square"
        assert 0 <= table.confidence <= 1
        block = table.block(3)
        assert block.text.split("\n")[-len(block.rows) :] == [" | ".join(row) for row in block.rows]
        assert spans_are_right(table, block)
    return True


numbers = st.integers(0, 10**7).map(lambda value: f"{value:,}")
labels = st.lists(
    st.sampled_from(["Net", "sales", "of", "goods", "Total", "loss", "资产", "(Note 5)", "2021"]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(labels, st.lists(st.one_of(numbers, st.just("—"), st.just("")), min_size=1, max_size=4)),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from([0.0, 1.0]),
    st.booleans(),
)
def test_no_word_of_a_table_is_lost_or_doubled(
    rows: list[tuple[list[str], list[str]]], jitter: float, ruled: bool
) -> None:
    sheet = Sheet()
    rights = (330, 400, 470, 540)
    for number, (label, values) in enumerate(rows):
        sheet.row(100 + 14 * number, " ".join(label), *values, rights=rights, jitter=jitter)
    if ruled:
        sheet.grid((45, 260, 335, 405, 475, 545), [87 + 14 * number for number in range(len(rows) + 1)])
    assert keeps_its_promises(sheet.words, sheet.rulings)


boxes = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    st.floats(0, 560),
    st.floats(0, 760),
    st.floats(1, 80),
    st.floats(2, 30),
)
lines = st.one_of(
    st.builds(
        lambda x, y, length: Box(x, y, x + length, y + 0.5),
        st.floats(0, 300),
        st.floats(0, 760),
        st.floats(5, 300),
    ),
    st.builds(
        lambda x, y, length: Box(x, y, x + 0.5, y + length),
        st.floats(0, 600),
        st.floats(0, 400),
        st.floats(5, 300),
    ),
)
anything = st.builds(
    Word,
    st.sampled_from(["a", "word", "12", "3.4", "$", ")", ".", "...", "—", "2021", "资", "%", "(1)", ""]),
    boxes,
    st.sampled_from([0.0, 8.0, 10.0]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=60), st.lists(lines, max_size=12))
def test_no_word_is_lost_or_doubled_on_any_page(words: list[Word], rulings: list[Box]) -> None:
    assert keeps_its_promises(words, rulings)


def test_the_order_of_the_words_does_not_matter(sheet: Sheet) -> None:
    sheet.text("(In millions)", 86)
    balance_sheet(sheet)
    expected = sheet.table()
    random.Random(5).shuffle(sheet.words)
    shuffled = sheet.table()
    assert shuffled.rows == expected.rows
    assert shuffled.box == expected.box
