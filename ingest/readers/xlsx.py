"""Excel workbooks: a page for each sheet, its tables as regions of cells. Places are "Sheet1!B2:D9".

Values are the ones that Excel stored last: a formula that was never computed has none, and how many
there are is told. A merged cell stands in each square that it covers; hidden sheets are read and named
as hidden. What is not read: pictures, pivot definitions, cell comments, macros.
"""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from core.currency import settled
from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page
from ingest.charts.office import chart_block
from ingest.limits import Limits, exhausted
from ingest.readers import regions
from ingest.readers.cellformat import Shown, shown
from ingest.readers.package import open_markup, read_member
from ingest.readers.relations import parse, related

Element = Any  # lxml comes without types

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_MOST_COVERED = 100_000  # squares that all merged cells of a sheet may cover
_MEGABYTE = 1 << 20


class _Sheet(NamedTuple):
    name: str
    hidden: bool
    part: str
    is_chart: bool


class _Layout(NamedTuple):
    """What stands in a sheet beside its cells. Ranges are (first row, first column, last row, last column)."""

    merged: Sequence[tuple[int, int, int, int]]
    uncomputed: int


def read(path: Path, _sink: ImageSink, *, limits: Limits) -> Content:
    """Raises UnreadableFile for a workbook without a filled cell and without a chart."""
    from openpyxl import load_workbook

    with open_markup(path, limits) as package, path.open("rb") as file:
        most = limits.archive_mb * _MEGABYTE
        sheets = list(_sheets(package, most))
        workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        properties = workbook.properties
        words = _Words(package, properties.title or "", sheets)
        pages = tuple(
            _page(number, sheet, workbook, package, limits, words) for number, sheet in enumerate(sheets, 1)
        )
    if not any(page.blocks or page.problem for page in pages):
        raise UnreadableFile("no sheet of the workbook holds a value")
    return Content(XLSX, pages, properties.title or "", _meta(properties, sheets))


def _meta(properties: Any, sheets: Sequence[_Sheet]) -> dict[str, str]:
    hidden = ", ".join(sheet.name for sheet in sheets if sheet.hidden)
    found = {"author": properties.creator or "", "hidden_sheets": hidden}
    return {key: value for key, value in found.items() if value}


def _sheets(package: zipfile.ZipFile, most: int) -> Iterator[_Sheet]:
    """The sheets in the order of their tabs."""
    root = parse(read_member(package, "xl/workbook.xml", most))
    parts = related(package, "xl/workbook.xml", most)
    for sheet in root.iter(f"{_MAIN}sheet"):
        part = parts.get(sheet.get(f"{_R}id") or "")
        if part:
            hidden = sheet.get("state", "visible") != "visible"
            yield _Sheet(sheet.get("name") or "", hidden, part.target, part.kind == "chartsheet")


def _page(
    number: int, sheet: _Sheet, workbook: Any, package: zipfile.ZipFile, limits: Limits, words: "_Words"
) -> Page:
    problem = exhausted(limits)
    if problem:
        return Page(number, (), label=sheet.name, problem=problem)
    most = limits.archive_mb * _MEGABYTE
    charts = list(_charts(sheet, package, most, words))
    tables: list[Block] = []
    told = ""
    if not sheet.is_chart:
        layout = _layout(package, sheet)
        cells = _cells(workbook[sheet.name])
        _cover(cells, layout.merged)
        _settle(cells, sheet.name, words)
        tables = list(regions.blocks(sheet.name, cells))
        told = _told(layout.uncomputed)
    if not tables and not charts and not told:
        return Page(number, (), label=sheet.name)
    suffix = " (hidden sheet)" if sheet.hidden else ""
    heading = Block("heading", f"{sheet.name}{suffix}", level=1, anchor=sheet.name)
    notes = [Block("text", told, anchor=sheet.name)] if told else []
    return Page(number, (heading, *notes, *tables, *charts), label=sheet.name)


def _told(uncomputed: int) -> str:
    if not uncomputed:
        return ""
    return f"{uncomputed} formulas of this sheet have no stored value: the file was never computed"


def _cells(worksheet: Any) -> dict[int, dict[int, Shown]]:
    """Filled cells by row and column, both from 1."""
    worksheet.reset_dimensions()
    rows: dict[int, dict[int, Shown]] = {}
    for row in worksheet.iter_rows():
        for cell in row:
            told = shown(cell.value, cell.number_format or "General") if cell.value is not None else None
            if told and told.text.strip():
                rows.setdefault(cell.row, {})[cell.column] = told
    return rows


def _layout(package: zipfile.ZipFile, sheet: _Sheet) -> _Layout:
    """One pass over the sheet's XML for what openpyxl leaves out when it streams."""
    from openpyxl.utils import range_boundaries

    merged = []
    uncomputed = 0
    with package.open(sheet.part) as file:
        for _, element in _elements(file, f"{_MAIN}c", f"{_MAIN}mergeCell"):
            if element.tag == f"{_MAIN}mergeCell":
                left, top, right, bottom = range_boundaries(element.get("ref") or "A1")
                merged.append((top, left, bottom, right))
            elif element.find(f"{_MAIN}f") is not None and not element.findtext(f"{_MAIN}v"):
                uncomputed += 1
            element.clear()
    return _Layout(merged, uncomputed)


def _cover(cells: dict[int, dict[int, Shown]], merged: Sequence[tuple[int, int, int, int]]) -> None:
    """Repeats the value of a merged cell in each square that it covers."""
    left_over = _MOST_COVERED
    for top, left, bottom, right in merged:
        value = cells.get(top, {}).get(left)
        left_over -= (bottom - top + 1) * (right - left + 1)
        if value is None or left_over < 0:
            continue
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                cells.setdefault(row, {})[column] = value


class _Words:
    """All words of a workbook, unpacked when somebody asks."""

    def __init__(self, package: zipfile.ZipFile, title: str, sheets: Sequence[_Sheet]) -> None:
        self._package = package
        self._title = title
        self._sheets = sheets

    def __str__(self) -> str:
        return "\n".join([self._title, *(sheet.name for sheet in self._sheets), *self._strings()])

    def _strings(self) -> Iterator[str]:
        """Those that the sheets share, and those that stand in the sheets themselves."""
        parts = ["xl/sharedStrings.xml", *(sheet.part for sheet in self._sheets)]
        for part in sorted(set(parts) & set(self._package.namelist())):
            with self._package.open(part) as file:
                for _, element in _elements(file, f"{_MAIN}t"):
                    yield element.text or ""
                    element.clear()


def _elements(file: Any, *tags: str) -> Any:
    """(event, element) of each element with one of the tags, as they end."""
    return etree.iterparse(file, tag=tags, resolve_entities=False, no_network=True, load_dtd=False)


def _settle(cells: dict[int, dict[int, Shown]], name: str, workbook: _Words) -> None:
    """Which currency a sign is that several have: by the words of the sheet, else by the workbook's."""
    shared = {cell.unit for row in cells.values() for cell in row.values()} - {"", "%"}
    shared = {unit for unit in shared if settled(unit) != unit}
    if not shared:
        return
    sheet = "\n".join([name, *(cell.text for row in cells.values() for cell in row.values())])
    units = {unit: settled(unit, sheet, workbook) for unit in shared}
    for row in cells.values():
        for column, cell in row.items():
            if cell.unit in units:
                row[column] = cell._replace(unit=units[cell.unit])


# ---------------------------------------------------------------- charts


def _charts(sheet: _Sheet, package: zipfile.ZipFile, most: int, words: _Words) -> Iterator[Block]:
    for drawing in related(package, sheet.part, most).values():
        if drawing.kind != "drawing":
            continue
        parts = related(package, drawing.target, most)
        root = parse(read_member(package, drawing.target, most))
        for number, frame in enumerate(root.iter(f"{_C}chart"), 1):
            part = parts.get(frame.get(f"{_R}id") or "")
            if part is None:
                continue
            anchor = f"{sheet.name}, chart {number}{_corner(frame)}"
            block = chart_block(read_member(package, part.target, most), anchor=anchor, beside=words)
            if block:
                yield block


def _corner(frame: Element) -> str:
    """Where on the sheet a chart is placed: " at D2"."""
    from openpyxl.utils import get_column_letter

    start = next(frame.iterancestors(f"{_XDR}twoCellAnchor", f"{_XDR}oneCellAnchor"), None)
    corner = start.find(f"{_XDR}from") if start is not None else None
    if corner is None:
        return ""
    column, row = (int(corner.findtext(f"{_XDR}{name}") or 0) + 1 for name in ("col", "row"))
    return f" at {get_column_letter(column)}{row}"
