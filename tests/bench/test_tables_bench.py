"""The scorer of tables: its relations by hand, its reading of blocks, and whole runs."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from bench.tables import Cell, cells_of, competition, filings, relations_of, true_rows
from core.types import Box
from ingest.tables.table import Cell as TableCell
from ingest.tables.table import Table, TableWord


def test_each_cell_relates_to_its_nearest_neighbours_over_empty_squares() -> None:
    cells = [
        Cell(0, 0, 0, 1, "Years Ended"),
        Cell(1, 1, 0, 0, "2021"),
        Cell(1, 1, 1, 1, "2020"),
        Cell(3, 3, 1, 1, "1 234"),
        Cell(2, 2, 1, 1, " "),
    ]
    assert relations_of(cells) == Counter(
        {
            ("YEARSENDED", "2021", "down"): 1,
            ("YEARSENDED", "2020", "down"): 1,
            ("2021", "2020", "right"): 1,
            ("2020", "1234", "down"): 1,
        }
    )


def test_a_cell_over_two_rows_relates_to_a_neighbour_once() -> None:
    cells = [Cell(0, 1, 0, 0, "Men"), Cell(0, 1, 1, 1, "12"), Cell(2, 2, 0, 0, "Women")]
    assert relations_of(cells) == Counter({("MEN", "12", "right"): 1, ("MEN", "WOMEN", "down"): 1})


def test_merged_cells_are_read_back_from_a_block() -> None:
    def word(text: str, number: int, page: int = 0) -> TableWord:
        return TableWord(text, Box(10.0 * number, 0, 10.0 * number + 8, 8), number, page)

    table = Table(
        cells=(
            TableCell(0, 1, (word("Sales", 0),), column_span=2),
            TableCell(1, 0, (word("Net", 1), word("total", 2))),
            TableCell(1, 1, (word("5", 3),)),
            TableCell(1, 2, (word("5", 4),)),
            TableCell(2, 1, (word("7", 5, page=1),)),
        ),
        height=3,
        width=3,
        header_rows=1,
        box=Box(0, 0, 100, 20),
        above=((word("(in", 6), word("millions)", 7)),),
    )
    assert cells_of(table.block(4)) == {
        4: [
            Cell(0, 0, 1, 2, "Sales"),
            Cell(1, 1, 0, 0, "Net total"),
            Cell(1, 1, 1, 1, "5"),
            Cell(1, 1, 2, 2, "5"),
        ],
        5: [Cell(2, 2, 1, 1, "7")],
    }


def test_the_truth_is_read_from_text_in_columns() -> None:
    layout = """
                                              2021          2020
    Net sales                           $ 365,817     $ 274,515
    Cost of sales                         (212,981 )     (169,559)
    Gross margin %                            41.8 %        38.2 %
    Some prose that has no numbers in columns behind it at all.
    """
    rows = list(true_rows(layout))
    assert [(row.label, row.values) for row in rows] == [
        ("Net sales", ("365,817", "274,515")),
        ("Cost of sales", ("(212,981 )", "(169,559)")),
        ("Gross margin %", ("41.8 %", "38.2 %")),
    ]
    assert rows[0].years == ("2021", "2020")


@pytest.fixture
def filing(tmp_path: Path) -> Path:
    """A folder with one page of a statement, printed by reportlab."""
    from reportlab.pdfgen.canvas import Canvas

    folder = tmp_path / "pdfs"
    folder.mkdir()
    canvas = Canvas(str(folder / "statement.pdf"), pagesize=(612, 792))
    canvas.setFont("Helvetica", 9)
    canvas.drawString(50, 740, "Consolidated Balance Sheets")
    canvas.drawString(50, 726, "(In millions)")
    for right, year in ((450, "2021"), (540, "2020")):
        canvas.drawRightString(right, 700, year)
    labels = "Cash,Receivables,Inventories,Prepaid items,Land,Buildings,Machines,Goodwill,Patents,Loans,Bonds,Other,Equity"
    for number, label in enumerate(labels.split(",")):
        canvas.drawString(50, 684 - 14 * number, label)
        canvas.drawRightString(450, 684 - 14 * number, f"{1234 + 57 * number:,}")
        canvas.drawRightString(540, 684 - 14 * number, f"({987 + 31 * number})")
    canvas.save()
    return folder


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils) for the truth")
def test_a_printed_statement_is_read_exactly(filing: Path) -> None:
    metrics = filings(filing, None)
    assert metrics["rows"] == 13
    assert metrics["rows_exact"] == 1.0
    assert metrics["year_right"] == 1.0


@pytest.mark.data
def test_tables_of_the_competition_are_found(data: Path) -> None:
    metrics = competition(data / "icdar2013-tables", 8)
    assert metrics["f1"] > 0.95
    assert metrics["pages_per_core_second"] > 0
