"""PDF: words from the text layer with their boxes, rulings, pictures; scanned pages go to OCR.

Everything that leaves this module is in page points with the origin at the top left, the page
turned as its owner sees it. Knows nothing of pdfium's calls (`ingest.readers.pdfium`), nor of
paragraphs, headings and tables (`ingest.layout`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Box, Content, Page
from ingest.charts.chart import block_of, moved
from ingest.charts.vector import charts_of, could_be_charts
from ingest.layout import Back, Bookmark, Sheet, lay_out, merged, title_of
from ingest.limits import Limits, exhausted
from ingest.readers import pdfium
from ingest.words import Word

_SCAN_SHARE = 0.6  # of the page that a picture covers
_SCAN_CHARACTERS = 20
_OCR_DPI = 200
_CHART_DPI = 150
_CHART_SHARE, _CHART_HEIGHT = 0.05, 72.0  # of the page's area, and points: smaller pictures show no axis
_MOST_CHARTS = 8  # of a page
_OUTLINED_TEXT = 20  # paths on a page without text: it may be text drawn as curves
_MEANINGLESS = re.compile("[\ufffd\ue000-\uf8ff\x00-\x1f]")  # what a font without a Unicode map leaves
_THINNEST = 0.5  # points; smaller type is there to be hidden
_DATE = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?")
_KEPT = {
    "Title": "title",
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
}
_DATED = {"CreationDate": "created", "ModDate": "modified"}


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    """Raises LockedFile for a PDF with a password, UnreadableFile for one that shows nothing.

    A page that cannot be read has a `problem`, and the others are read.
    """
    document = pdfium.open_document(path)
    fonts: dict[bytes, bool] = {}
    sheets = [_sheet(document, index, fonts, sink, limits) for index in range(len(document))]
    pages = lay_out(sheets, [Bookmark(*entry) for entry in pdfium.outline(document)])
    pages = tuple(_with_picture(page) if page.image else page for page in pages)
    if all(page.problem for page in pages):
        raise UnreadableFile(f"no page can be read: {pages[0].problem}")
    if not any(page.blocks for page in pages):
        raise UnreadableFile(f"there is no text and no picture on its {len(pages)} pages")
    meta = _meta(pdfium.metadata(document))
    title = title_of(meta.pop("title", ""), pages)
    return Content("application/pdf", pages, title, meta)


def _meta(given: dict[str, str]) -> dict[str, str]:
    found = {name: given[key] for key, name in _KEPT.items() if key in given}
    for key, name in _DATED.items():
        date = _DATE.match(given.get(key, ""))
        if date:
            year, month, day, *clock = (
                part or default for part, default in zip(date.groups(), ("", "01", "01", "00", "00", "00"))
            )
            found[name] = f"{year}-{month}-{day}T{':'.join(clock)}"
    return found


def _sheet(document: Any, index: int, fonts: dict[bytes, bool], sink: ImageSink, limits: Limits) -> Sheet:
    try:
        with pdfium.open_page(document, index) as page:
            sheet = _read_page(page, index + 1, fonts)
            if _is_scan(sheet):
                sheet = _recognized(page, sheet, sink, limits)
            else:
                _take_pictured_charts(page, sheet, sink, limits)
    except UnreadableFile as error:
        return Sheet(index + 1, problem=error.message)
    sheet.label = pdfium.page_label(document, index)
    return sheet


def _read_page(page: Any, number: int, fonts: dict[bytes, bool]) -> Sheet:
    frame = pdfium.frame_of(page)
    found = pdfium.words_of(page, fonts)
    seen = frame.quarter
    frame = frame._replace(quarter=_reading_direction(found, seen))
    width, height = frame.size
    sheet = Sheet(number, width, height, back=_back(frame, seen))
    place, reading = frame.placer(), frame.quarter
    for text, area, (size, bold, direction) in found:
        box = place(*area)
        x0, y0, x1, y1 = box
        if x1 > 0 and y1 > 0 and x0 < width and y0 < height and y1 - y0 >= _THINNEST:
            (sheet.words if direction == reading else sheet.turned).append(Word(text, box, size, bold))
    drawing = pdfium.drawing_of(page)
    sheet.rulings = list(_seen((frame.box(*area) for area in drawing.paths), width, height))
    sheet.figures = merged(list(_seen((frame.box(*area) for area in drawing.images), width, height)))
    if could_be_charts(sheet.rulings, width, height):
        _take_drawn_charts(page, frame, sheet)
    return sheet


def _take_drawn_charts(page: Any, frame: pdfium.Frame, sheet: Sheet) -> None:
    """Charts of path objects become blocks; their words and paths are then no text and no table."""
    shapes = pdfium.shapes_of(page, frame)
    for chart, words in charts_of(shapes, [*sheet.words, *sheet.turned], sheet.width, sheet.height):
        sheet.charts.append(block_of(chart, sheet.number))
        sheet.words = [word for word in sheet.words if id(word) not in words]
        sheet.turned = [word for word in sheet.turned if id(word) not in words]
        sheet.rulings = [box for box in sheet.rulings if not _within(box, chart.box)]


def _within(inner: Box, outer: Box) -> bool:
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return outer.x0 <= x <= outer.x1 and outer.y0 <= y <= outer.y1


def _reading_direction(found: list[pdfium.FoundWord], seen: int) -> int:
    """A table may be printed sideways: such a page is laid out as it is read, and turned back afterwards."""
    directions = Counter(style.direction for _, _, style in found)
    direction, count = directions.most_common(1)[0] if found else (None, 0)
    return direction if direction is not None and count > 0.6 * len(found) else seen


def _seen(boxes: Iterable[Box], width: float, height: float) -> Iterator[Box]:
    """What of the boxes lies on the page."""
    for x0, y0, x1, y1 in boxes:
        if x1 >= 0 and y1 >= 0 and x0 <= width and y0 <= height:
            yield Box(max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height))


def _is_scan(sheet: Sheet) -> bool:
    """Is the text of the page only in its pixels: in a picture, in curves, or in glyphs without a meaning?"""
    text = "".join([word.text for word in (*sheet.words, *sheet.turned)])
    characters = len(text) - len(_MEANINGLESS.findall(text))
    if 2 * characters < len(text):
        return True
    if characters >= _SCAN_CHARACTERS:
        return False
    covered = max((box.width * box.height for box in sheet.figures), default=0.0) / (
        sheet.width * sheet.height
    )
    return covered > _SCAN_SHARE or (
        characters == 0 and (covered > 0 or len(sheet.rulings) >= _OUTLINED_TEXT)
    )


def _back(frame: pdfium.Frame, seen: int) -> Back | None:
    """From the frame in which a page is read to the one in which it is seen, turned by quarters."""
    width, height = frame.size
    match (seen - frame.quarter) % 4:
        case 1:
            return Back(0, -1, height, 1, 0, 0, height, width)
        case 2:
            return Back(-1, 0, width, 0, -1, height, width, height)
        case 3:
            return Back(0, 1, 0, -1, 0, width, height, width)
        case _:
            return None


def _recognized(page: Any, found: Sheet, sink: ImageSink, limits: Limits) -> Sheet:
    """A page whose words are only in its pixels. With few words in it, the picture itself is kept."""
    from ingest import ocr

    problem = exhausted(limits)
    if problem:
        return Sheet(found.number, problem=problem)
    try:
        picture, scale = pdfium.draw(page, _OCR_DPI / 72, min(limits.max_pixels, ocr.MOST_PIXELS))
        sheet = ocr.sheet_of(picture, found.number, scale)
        if found.figures and len(sheet.words) < ocr.FEW_WORDS and not ocr.is_blank(picture):
            sheet.image = sink(ocr.png(picture))
    except MemoryError:
        return Sheet(found.number, problem=f"the scanned page needs more memory than {limits.memory_mb} MB")
    return sheet


def _take_pictured_charts(page: Any, sheet: Sheet, sink: ImageSink, limits: Limits) -> None:
    """Large pictures in flat colours may be charts: those are recognised, one at a time."""
    large = [
        box
        for box in sheet.figures
        if box.width * box.height / (sheet.width * sheet.height) > _CHART_SHARE and box.height > _CHART_HEIGHT
    ][:_MOST_CHARTS]
    if not large or exhausted(limits):
        return
    from ingest import ocr
    from ingest.charts import raster

    # A picture behind a page of text shows no chart of its own.
    large = [box for box in large if sum(_within(word.box, box) for word in sheet.words) < ocr.FEW_WORDS]
    if not large:
        return
    picture, scale = pdfium.draw(page, _CHART_DPI / 72, min(limits.max_pixels, ocr.MOST_PIXELS))
    for box in large:
        x0, y0, x1, y1 = (round(side * scale) for side in box)
        cut = picture[y0:y1, x0:x1]
        shapes = raster.shapes_of(cut, scale) if cut.size else None
        if shapes is None or not raster.has_scale(cut, shapes, scale):
            continue
        found = ocr.sheet_of(cut, sheet.number, scale, upright=True)
        chart = raster.chart_of(cut, found.words, scale, shapes)
        if chart:
            there = moved(chart, x0 / scale, y0 / scale)
            sheet.charts.append(block_of(there, sheet.number, sink(ocr.png(cut))))
            sheet.figures.remove(box)


def _with_picture(page: Page) -> Page:
    from ingest.readers.image import with_figure

    return with_figure(page)
