"""The demo's documents say what their makers promise, page by page."""

import re
from pathlib import Path

import pypdfium2
import pytest

from core.text import language_of, sentences
from demo.books import TANTALUM_NEW, Y2024, Y2025, check_books
from demo.corpus import FILES, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


def page_texts(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


@pytest.fixture(scope="module")
def report(corpus: Path) -> list[str]:
    return page_texts(corpus / "tarnbeck-annual-report-2025.pdf")


def row(text: str, label: str) -> list[float]:
    """The numbers of the table row that begins with `label`; (12.3) is negative."""
    line = re.search(rf"^{re.escape(label)}((?: \(?[\d,.]+\)?)+)\s*$", text, re.MULTILINE)
    assert line, f"no row {label!r}"
    return [-float(cell.strip("()")) if "(" in cell else float(cell) for cell in line[1].split()]


def test_the_books_agree_with_themselves() -> None:
    check_books()


def test_writing_the_corpus_twice_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    again = write_corpus(tmp_path)
    assert [path.name for path in again] == list(FILES)
    assert all(path.read_bytes() == (corpus / path.name).read_bytes() for path in again)


def test_the_report_has_eight_numbered_pages(report: list[str]) -> None:
    assert len(report) == 8
    assert all(f"Page {number} of 8" in text for number, text in enumerate(report[1:], 2))


def test_margins_of_both_years_stand_on_two_pages_and_never_in_one_sentence(report: list[str]) -> None:
    for now, before in zip(Y2025.segments, Y2024.segments):
        old, new = f"{before.margin}%", f"{now.margin}%"
        assert f"{before.gross_profit} {old}" in report[2]
        assert f"{now.gross_profit} {new}" in report[4]
        assert f"{now.gross_profit} {new}" not in report[2]
        assert f"{before.gross_profit} {old}" not in report[4]
        every = [text[start:end] for text in report for start, end in sentences(text)]
        assert not any(old in sentence and new in sentence for sentence in every)


def test_the_cause_is_stated_once_and_names_what_the_letter_is_about(report: list[str]) -> None:
    stating = [number for number, text in enumerate(report, 1) if "rose by 38%" in text]
    assert stating == [6]
    assert f"${TANTALUM_NEW} per kilogram" in " ".join(report[3].split())


def test_the_printed_income_statement_adds_up(report: list[str]) -> None:
    text = report[6]
    for column in (0, 1):
        costs = sum(
            row(text, label)[column]
            for label in ("Research and development", "Selling and distribution", "Administration")
        )
        gross = row(text, "Revenue")[column] + row(text, "Cost of sales")[column]
        assert gross == pytest.approx(row(text, "Gross profit")[column])
        assert gross + costs == pytest.approx(row(text, "Operating profit")[column])


def test_both_reports_print_the_same_past(corpus: Path, report: list[str]) -> None:
    older = page_texts(corpus / "tarnbeck-annual-report-2024.pdf")
    assert len(older) == 4
    for label in ("Revenue", "Gross profit", "Operating profit", "Profit for the year", "Equity"):
        assert row(report[6], label)[1] == row(older[3], label)[0]


def test_the_letter_is_an_image_without_a_text_layer(corpus: Path) -> None:
    path = corpus / "corvane-letter-scan.pdf"
    assert page_texts(path) == [""]
    with pypdfium2.PdfDocument(path) as document:
        shades = document[0].render(scale=1, grayscale=True).to_numpy()
    assert shades.min() < 80 < 200 < shades.mean()


def test_the_chart_of_page_five_is_a_picture(corpus: Path) -> None:
    with pypdfium2.PdfDocument(corpus / "tarnbeck-annual-report-2025.pdf") as document:
        pictures = [
            number
            for number, page in enumerate(document, 1)
            if any(page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))
        ]
    assert pictures == [5]


def test_the_product_note_is_chinese_and_the_clinical_note_has_its_table(corpus: Path) -> None:
    assert language_of((corpus / "dl-4-产品说明.md").read_text("utf-8")) == "zh"
    note = (corpus / "discharge-note-marbach.html").read_text("utf-8")
    assert note.count("<tr>") == 8
