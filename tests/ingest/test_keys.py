"""What a document is, from its names and first pages: written in the words of covers, not of one company."""

from collections.abc import Sequence
from datetime import date

import pytest

from core.glossary import load_glossary
from core.types import Chunk
from ingest.keys import make_key
from ingest.statements import find_statements, rows_of
from rag.index.keys import DocumentKey
from tests.rag.conftest import make_passage

COVER = """FORM 10-K
ANNUAL REPORT PURSUANT TO SECTION 13 OR 15(d) OF THE SECURITIES EXCHANGE ACT OF 1934
For the fiscal year ended {ends}
{name}
(Exact name of registrant as specified in its charter)
Common Stock, par value $.01 per share {symbol} New York Stock Exchange"""

BALANCE = """(in millions) | 2021 | 2020
Cash and cash equivalents | $ 1,200 | $ 900
Receivables, net | 300 | 250
Inventories | 410 | 380
Total current assets | 1,910 | 1,530
Property and equipment, net | 800 | 760
Total assets | $ 2,710 | $ 2,290
Accounts payable | 500 | 470
Total current liabilities | 700 | 640
Long-term debt | 600 | 600
Retained earnings | 1,000 | 700
Total shareholders' equity | 1,410 | 1,050"""


def filing(cover: str, *more: str) -> list[Chunk]:
    texts = [cover, *more, *(f"Paragraph {number}." for number in range(8))]
    return [make_passage(text, ordinal=number, page=1 + number) for number, text in enumerate(texts)]


def key(title: str, source: str, chunks: Sequence[Chunk]) -> DocumentKey:
    return make_key(title, [source], chunks, load_glossary())


def test_a_filing_is_known_by_registrant_form_and_period() -> None:
    cover = COVER.format(name="ACME WIDGETS HOLDINGS, INC.", ends="June 30, 2021", symbol="ACMW")
    found = key("ACME WIDGETS HOLDINGS, INC., Form 10-K, June 30, 2021", "in/acme.pdf", filing(cover))
    assert (found.subject, found.form, found.year, found.ends) == (
        "acmewidgets",
        "annual report",
        2021,
        date(2021, 6, 30),
    )
    names = {(name.joined, name.kind) for name in found.names}
    assert {("acmewidgets", "name"), ("acme", "proper"), ("acmw", "symbol"), ("aw", "symbol")} <= names


def test_a_name_that_many_companies_begin_with_says_nothing_alone() -> None:
    cover = COVER.format(name="General Lumber Company", ends="December 31, 2020", symbol="GLUM")
    names = {name.joined for name in key("", "report.pdf", filing(cover)).names}
    assert "generallumber" in names
    assert "general" not in names


def test_a_company_of_one_common_word_is_a_name_that_needs_its_capital() -> None:
    cover = COVER.format(name="Block, Inc.", ends="December 31, 2020", symbol="SQ")
    assert ("block", "proper") in {
        (name.joined, name.kind) for name in key("", "report.pdf", filing(cover)).names
    }


@pytest.mark.parametrize(
    ("ends", "text", "year"),
    [
        ("January 1, 2023", "", 2022),
        ("January 30, 2021", "fiscal 2020 was long. In fiscal 2020 we grew.", 2020),
        ("January 30, 2021", "fiscal 2021 (fiscal year 2021 ended January 30, 2021)", 2021),
        ("September 25, 2021", "", 2021),
    ],
)
def test_the_fiscal_year_is_the_one_that_the_company_counts(ends: str, text: str, year: int) -> None:
    cover = COVER.format(name="Acme Widgets, Inc.", ends=ends, symbol="ACMW")
    assert key("", "acme.pdf", filing(cover, text)).year == year


def test_a_logo_instead_of_a_name_gives_way_to_the_name_that_the_pages_repeat() -> None:
    cover = "FORM 10-K\nFor the fiscal year ended December 31, 2017\n(Exact name of registrant)"
    text = "The Zephyr Company makes fans. Zephyr Company sells fans. The Zephyr Company was founded."
    assert key("", "ZEPHYR_2017_10K.pdf", filing(cover, text)).subject == "zephyr"


def test_a_release_is_known_by_its_quarter_and_symbol() -> None:
    cover = "FOR IMMEDIATE RELEASE\nOslo (July 20, 2023) - Acme Widgets (NYSE: ACMW) today announced results for second-quarter 2023."
    found = key("RESULTS", "acme_widgets_2023Q2.pdf", filing(cover))
    assert (found.form, found.year, found.quarter) == ("release", 2023, 2)
    assert "acmw" in {name.joined for name in found.names}


def test_a_release_that_names_no_suffix_is_known_by_how_the_text_spells_its_file() -> None:
    cover = "Foobar Resorts reports fourth quarter results\nFoobar Resorts grew. Foobar Resorts hired."
    assert (
        key("OVERALL RESULTS", "FOOBARRESORTS_2022Q4_EARNINGS.pdf", filing(cover)).subject == "foobarresorts"
    )
    assert key("OVERALL RESULTS", "ZAP_2022Q4_EARNINGS.pdf", filing(cover)).subject == "zap"


def test_a_chinese_annual_report_bears_its_names_and_its_code() -> None:
    cover = "证券代码：600123 公司简称：海风电力\n海风电力设备股份有限公司 2022 年年度报告"
    found = key("海风电力设备股份有限公司2022年年度报告", "report.pdf", filing(cover))
    assert (found.form, found.year) == ("annual report", 2022)
    assert {"海风电力", "海风电力设备", "600123"} <= {name.joined for name in found.names}


def test_a_manual_is_known_by_its_title_and_its_code() -> None:
    found = key("PX-200 Infusion Pump: User Manual", "px.pdf", filing("How to use the pump."))
    assert found.form == "manual"
    assert {"px200infusionpump", "px200"} <= {name.joined for name in found.names}


def test_a_balance_sheet_is_found_by_its_rows() -> None:
    pages = filing(
        "CONSOLIDATED BALANCE SHEETS", BALANCE, "Inventories | 410 | 380\nTotal | 1 | 2\nMore | 3 | 4"
    )
    found = find_statements(pages, load_glossary())
    assert [(page.statement, page.page, page.first, page.last) for page in found] == [("balance", 2, 1, 1)]


def test_rows_are_read_from_cells_and_from_printed_lines() -> None:
    text = "Net sales | $ 10 | $ 9\nCost of sales 7 6\nSee notes\nAssets | |"
    assert list(rows_of(text)) == [("net sales", 2), ("cost of sales", 2), ("see notes", 0), ("assets", 0)]
