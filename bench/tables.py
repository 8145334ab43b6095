"""Tables: how many cells and rows of printed tables come out of the PDF reader as they are printed.

Two kinds of folders are understood:

* PDFs with `NAME-str.xml` beside them, the ICDAR-2013 table competition (Goebel, Hassan, Oro, Orsi: ICDAR
  2013, pages 1449-1453). Detection and structure in one: each cell gives one relation to its nearest
  neighbour to the right and one to the nearest below, empty cells skipped; found and true relations of a
  page are compared as texts without white space. `precision`, `recall` and `f1` over all relations;
  `precision_of_documents`, `recall_of_documents`, `f1_of_documents` from the means over documents.
* A folder `pdfs` of filings. The truth is made with poppler's `pdftotext -layout`, another engine: lines of
  a label and two to eight numbers on the pages of financial statements. `rows_exact`: the same label and
  each number alone in a cell, in order (a label that is printed over two lines may be longer than the
  truth's). `year_right`: the year over a number's column is the one that the layout shows, where as many
  years as numbers are printed. That truth is rough: read it as a comparison.

Everything is measured on what the reader hands on (`core.types.Block`); `pages_per_core_second` is the
whole reader in this process, a moment after its libraries were loaded.
"""

import argparse
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from bench.report import Report, mean
from core.types import Block, Box, Content
from ingest.limits import Limits
from ingest.readers import PDF, REGISTRY


def add_options(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(options: argparse.Namespace) -> Report:
    """Raises ValueError for a folder of neither kind, or when `pdftotext` is needed and missing."""
    folder: Path = options.data
    if any(folder.glob("*-str.xml")):
        metrics = competition(folder, options.limit)
    elif (folder / "pdfs").is_dir():
        metrics = filings(folder / "pdfs", options.limit)
    else:
        raise ValueError(f"{folder} has neither NAME-str.xml files nor a folder `pdfs`")
    return Report("tables", folder.resolve().name, metrics, {"limit": options.limit or 0})


class Reading:
    """Reads PDFs as the write path does, and counts pages and CPU seconds."""

    def __init__(self) -> None:
        self._read = REGISTRY[PDF].reader(Limits())
        self.pages = 0
        self.seconds = 0.0

    def read(self, path: Path) -> Content:
        began = time.process_time()
        content = self._read(path, lambda image: sha256(image).hexdigest())
        self.seconds += time.process_time() - began
        self.pages += len(content.pages)
        return content

    @property
    def speed(self) -> float:
        return self.pages / self.seconds


# ---------------------------------------------------------------- cells of a block


class Square(NamedTuple):
    """A square of a table's grid. Squares of one merged cell have the same boxes."""

    text: str
    page: int
    boxes: tuple[Box, ...]


def squares_of(block: Block) -> list[list[Square]]:
    """The grid of a table block, each square with the boxes of its words."""
    spans = iter(block.spans)
    span = next(spans, None)
    start = len(block.text) - sum(len(" | ".join(row)) + 1 for row in block.rows) + 1
    grid = []
    for row in block.rows:
        line = []
        for text in row:
            inside = []
            while span and span.start < start + len(text):
                if span.start >= start:
                    inside.append(span)
                span = next(spans, None)
            page = inside[0].page if inside else 0
            line.append(Square(text, page, tuple(one.box for one in inside)))
            start += len(text) + len(" | ")
        start += len("\n") - len(" | ")
        grid.append(line)
    return grid


class Cell(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right`, inclusive."""

    top: int
    bottom: int
    left: int
    right: int
    text: str


def cells_of(block: Block) -> dict[int, list[Cell]]:
    """The cells with words of a table block, by page: merged squares as one cell."""
    merged: dict[tuple[int, tuple[Box, ...]], Cell] = {}
    for row, line in enumerate(squares_of(block)):
        for column, square in enumerate(line):
            if not square.boxes:
                continue
            key = square.page, square.boxes
            known = merged.get(key, Cell(row, row, column, column, square.text))
            merged[key] = known._replace(bottom=row, right=max(known.right, column))
    pages: dict[int, list[Cell]] = {}
    for (page, _boxes), cell in merged.items():
        pages.setdefault(page, []).append(cell)
    return pages


# ---------------------------------------------------------------- the competition's relations

Relation = tuple[str, str, str]


def relations_of(cells: Iterable[Cell]) -> Counter[Relation]:
    """Each cell with its nearest neighbours to the right and below; empty cells do not count."""
    filled = [cell._replace(text=plain) for cell in cells if (plain := _plain(cell.text))]
    grid = {
        (row, column): number
        for number, cell in reversed(list(enumerate(filled)))
        for row in range(cell.top, cell.bottom + 1)
        for column in range(cell.left, cell.right + 1)
    }
    rows: dict[int, list[int]] = {}
    columns: dict[int, list[int]] = {}
    for row, column in sorted(grid):
        rows.setdefault(row, []).append(grid[row, column])
    for row, column in sorted(grid, key=lambda square: (square[1], square[0])):
        columns.setdefault(column, []).append(grid[row, column])
    pairs = {(one, other, "right") for line in rows.values() for one, other in pairwise(line) if one != other}
    pairs |= {
        (one, other, "down") for line in columns.values() for one, other in pairwise(line) if one != other
    }
    return Counter((filled[one].text, filled[other].text, way) for one, other, way in pairs)


def _plain(text: str) -> str:
    return re.sub(r"\W", "_", re.sub(r"\s+", "", text)).upper()


def truth_of(xml: Path) -> dict[int, list[list[Cell]]]:
    """The tables of a ground-truth file, by page: regions of cells."""
    from lxml import etree

    root = etree.parse(xml, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    pages: dict[int, list[list[Cell]]] = {}
    for region in root.iterfind("table/region"):
        pages.setdefault(int(region.get("page")), []).append(
            [_true_cell(cell) for cell in region.iterfind("cell")]
        )
    return pages


def _true_cell(cell: Any) -> Cell:
    top, left = int(cell.get("start-row", "0")), int(cell.get("start-col", "0"))
    bottom, right = int(cell.get("end-row", top)), int(cell.get("end-col", left))
    return Cell(top, bottom, left, right, cell.findtext("content") or "")


@dataclass(slots=True)
class Score:
    right: int = 0
    found: int = 0
    true: int = 0

    def add(self, found: Counter[Relation], true: Counter[Relation]) -> None:
        self.right += (found & true).total()
        self.found += found.total()
        self.true += true.total()

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0


def competition(folder: Path, limit: int | None) -> dict[str, float]:
    reading = Reading()
    whole = Score()
    documents = []
    truths = [path for path in sorted(folder.glob("*-str.xml")) if _pdf_of(path).exists()]
    for path in truths[:limit]:
        document = Score()
        content = reading.read(_pdf_of(path))
        found = _relations_by_page(
            (page, cells)
            for printed in content.pages
            for block in printed.blocks
            if block.kind == "table"
            for page, cells in cells_of(block).items()
        )
        true = _relations_by_page(
            (page, cells) for page, tables in truth_of(path).items() for cells in tables
        )
        for page in found.keys() | true.keys():
            for score in (document, whole):
                score.add(found.get(page, Counter()), true.get(page, Counter()))
        documents.append(document)
    if not documents:
        raise ValueError(f"{folder} has no PDF beside its NAME-str.xml files")
    precision = mean([document.precision for document in documents])
    recall = mean([document.recall for document in documents])
    return {
        "precision": whole.precision,
        "recall": whole.recall,
        "f1": _f1(whole.precision, whole.recall),
        "precision_of_documents": precision,
        "recall_of_documents": recall,
        "f1_of_documents": _f1(precision, recall),
        "pages_per_core_second": reading.speed,
        "documents": len(documents),
        "pages": reading.pages,
    }


def _pdf_of(truth: Path) -> Path:
    return truth.with_name(truth.name.removesuffix("-str.xml") + ".pdf")


def _relations_by_page(tables: Iterable[tuple[int, list[Cell]]]) -> dict[int, Counter[Relation]]:
    pages: dict[int, Counter[Relation]] = {}
    for page, cells in tables:
        pages[page] = pages.get(page, Counter()) + relations_of(cells)
    return pages


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


# ---------------------------------------------------------------- statements in filings

LEAST_ROWS = 12  # of label and numbers on a page of a statement
HEAD_LINES = 8
_STATEMENT = re.compile(
    r"(?:consolidated|condensed|statements?\s+of)[^.]{0,60}"
    r"(?:balance sheets?|income|operations|earnings|cash flows?|financial position|comprehensive|equity)"
    r"|balance sheets?",
    re.IGNORECASE,
)
_OTHER_PAGE = re.compile(r"index|notes to", re.IGNORECASE)
_VALUE = re.compile(r"[($€£¥-]*\s*[(-]?\s*\$?\s*(?:\d[\d,]*\.?\d*|\.\d+|[—–-]{1,3})\s*\)?\s*%?\s*\)?")
_YEAR = re.compile(r"(?<![\d,.])(?:19|20)\d\d(?![\d,.]\d|\d)")
_THOUSANDS = re.compile(r"\d,\d\d\d")


class TrueRow(NamedTuple):
    label: str
    values: tuple[str, ...]
    years: tuple[str, ...]


def filings(folder: Path, limit: int | None) -> dict[str, float]:
    if shutil.which("pdftotext") is None:
        raise ValueError(
            "skipped: the truth is made with `pdftotext` (Debian package poppler-utils), which is missing"
        )
    reading = Reading()
    rows = exact = years = right = statements = 0
    for path in sorted(folder.glob("*.pdf"))[:limit]:
        true = statements_of(path)
        found = rows_of(reading.read(path))
        for page, expected in true.items():
            here = list(found.get(page, ()))
            for row in expected:
                rows += 1
                years += len(row.years)
                match = next((one for one in here if _agrees(one, row)), None)
                if match:
                    here.remove(match)
                    exact += 1
                    right += sum(year in over for year, over in zip(row.years, match.over))
        statements += len(true)
    if not rows:
        raise ValueError(f"no financial statement was found in the PDFs of {folder}")
    return {
        "rows_exact": exact / rows,
        "year_right": right / years if years else 0.0,
        "pages_per_core_second": reading.speed,
        "rows": rows,
        "years": years,
        "statement_pages": statements,
        "pages": reading.pages,
    }


def statements_of(path: Path) -> dict[int, list[TrueRow]]:
    """The rows on the pages of financial statements, by page number."""
    printed = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True)
    pages = {}
    for number, text in enumerate(printed.stdout.decode("utf-8", "replace").split("\f"), 1):
        head = "\n".join([line for line in text.splitlines() if line.strip()][:HEAD_LINES])
        if not _STATEMENT.search(head) or _OTHER_PAGE.search(head):
            continue
        rows = list(true_rows(text))
        if len(rows) >= LEAST_ROWS:
            pages[number] = rows
    return pages


def true_rows(text: str) -> Iterator[TrueRow]:
    """Lines of a label and two to eight numbers, from text laid out in columns by spaces."""
    years: tuple[str, ...] = ()
    for line in text.splitlines():
        chunks = [chunk for chunk in re.split(r"\s{2,}", line.strip()) if chunk]
        found = _YEAR.findall(line)
        if len(found) >= 2 and not _THOUSANDS.search(line) and len(_YEAR.sub("", line).split()) <= 12:
            years = tuple(found)
            continue
        if not chunks:
            continue
        label = re.sub(r"\s+\$$", "", chunks[0])
        values = _values(chunks[1:])
        if not 2 <= len(values) <= 8 or not re.search(r"[A-Za-z]{2}", label):
            continue
        if all(_VALUE.fullmatch(value) for value in values) and any(map(str.isdigit, "".join(values))):
            yield TrueRow(label, tuple(values), years if len(years) == len(values) else ())


def _values(chunks: Sequence[str]) -> list[str]:
    """Numbers with their signs: what stands apart in the layout is joined, `$` separates."""
    values: list[str] = []
    for chunk in chunks:
        if chunk in {")", "%", ")%", "%)"} and values:
            values[-1] += chunk
        else:
            values += [part for part in re.split(r"\s*\$\s*", chunk) if part]
    return values


class FoundRow(NamedTuple):
    """`over`: for each value the nearest text with a year above it in its column."""

    label: str
    values: tuple[str, ...]
    over: tuple[str, ...]


def rows_of(content: Content) -> dict[int, list[FoundRow]]:
    """The rows of all tables, by page."""
    pages: dict[int, list[FoundRow]] = {}
    for printed in content.pages:
        for block in printed.blocks:
            if block.kind == "table":
                for page, row in _found_rows(block):
                    pages.setdefault(page, []).append(row)
    return pages


def _found_rows(block: Block) -> Iterator[tuple[int, FoundRow]]:
    grid = squares_of(block)
    over = [""] * len(grid[0])
    for line in grid:
        label, *values = [square.text for square in line]
        filled = [number for number, value in enumerate(values, 1) if value]
        page = next((square.page for square in line if square.boxes), 0)
        yield page, FoundRow(label, tuple(values[n - 1] for n in filled), tuple(over[n] for n in filled))
        for number, square in enumerate(line):
            if _YEAR.search(square.text) and not _THOUSANDS.search(square.text):
                over[number] = square.text


def _agrees(found: FoundRow, true: TrueRow) -> bool:
    if [_bare(value) for value in found.values] != [_bare(value) for value in true.values]:
        return False
    ours, label = _letters(found.label), _letters(true.label)
    return ours == label or ours.endswith(label) or (len(label) > 5 and ours.startswith(label))


def _bare(value: str) -> str:
    return re.sub(r"[—–−-]+", "-", re.sub(r"[\s$]", "", value))


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\.{2,}", "", text).lower())
