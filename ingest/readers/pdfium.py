"""The one home of pdfium: pages, words with boxes, drawings, pictures of pages.

Everything here is in page space: points, origin at the bottom left, the page not turned; `Frame`
maps it to what is seen. pdfium is not thread-safe: one process, one thread.

pdfium is called thousands of times for a page, so the frequent calls go through bare function
pointers without conversion of arguments (0.2 us each; 0.7 us through the typed ones).
"""

import ctypes
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from core.errors import LockedFile, UnreadableFile
from core.text import CJK
from core.types import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PASSWORD, _SECURITY = 4, 5  # FPDF_ERR_*
_Area = tuple[float, float, float, float]  # left, bottom, right, top in page space


# ---------------------------------------------------------------- the document


def open_document(path: Path) -> Any:
    """Raises LockedFile for a PDF with a password, UnreadableFile for a damaged one or one without pages."""
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == _PASSWORD:
            raise LockedFile("the PDF is locked: it needs a password to be opened") from error
        if code == _SECURITY:
            raise LockedFile("the PDF is locked by an encryption that cannot be read") from error
        raise UnreadableFile("the PDF is damaged or cut off: it cannot be opened") from error
    if len(document) == 0:
        raise UnreadableFile("the PDF has no pages")
    return document


@contextmanager
def open_page(document: Any, index: int) -> Iterator[Any]:
    """Raises UnreadableFile for a page that is damaged or has no area."""
    page = raw.FPDF_LoadPage(document.raw, index)
    if not page:
        raise UnreadableFile("the page is damaged: it cannot be opened")
    try:
        yield page
    finally:
        raw.FPDF_ClosePage(page)


def outline(document: Any) -> list[tuple[int, str, int]]:
    """(level from 1, title, page number) of each bookmark. A broken outline is worth nothing and harms nothing."""
    found = []
    try:
        for item in islice(document.get_toc(max_depth=8), 5000):
            target = item.get_dest()
            index = target.get_index() if target else None
            if index is not None:
                found.append((item.level + 1, " ".join(item.get_title().split()), index + 1))
    except pdfium.PdfiumError:
        pass
    return found


def metadata(document: Any) -> dict[str, str]:
    """The filled entries of the information dictionary, in one line each."""
    given = document.get_metadata_dict()
    return {
        key: clean for key, value in given.items() if (clean := " ".join(value.replace("\x00", "").split()))
    }


def page_label(document: Any, index: int) -> str:
    return str(document.get_page_label(index))


# ---------------------------------------------------------------- where things are


class Frame(NamedTuple):
    """How page space becomes what is seen: cut to the page's box and turned.

    `quarter` counts turns of 90 degrees clockwise.
    """

    left: float
    bottom: float
    right: float
    top: float
    quarter: int

    @property
    def size(self) -> tuple[float, float]:
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.quarter % 2 else (width, height)

    def placer(self) -> Callable[[float, float, float, float], Box]:
        """`box` as a function, for the thousands of words of a page."""
        if self.quarter:
            return self.box
        new, origin, top = tuple.__new__, self.left, self.top

        def place(left: float, low: float, right: float, high: float) -> Box:
            x0, y0, x1, y1 = left - origin, top - high, right - origin, top - low
            corners = (
                int(100 * x0 + 0.5) / 100,
                int(100 * y0 + 0.5) / 100,
                int(100 * x1 + 0.5) / 100,
                int(100 * y1 + 0.5) / 100,
            )
            return new(Box, corners)

        return place

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        match self.quarter:
            case 0:
                x0, y0, x1, y1 = left - self.left, self.top - top, right - self.left, self.top - bottom
            case 1:
                x0, y0, x1, y1 = bottom - self.bottom, left - self.left, top - self.bottom, right - self.left
            case 2:
                x0, y0, x1, y1 = (
                    self.right - right,
                    bottom - self.bottom,
                    self.right - left,
                    top - self.bottom,
                )
            case _:
                x0, y0, x1, y1 = self.top - top, self.right - right, self.top - bottom, self.right - left
        # A hundredth of a point is enough; `round` takes three times as long.
        return Box(
            int(100 * x0 + 0.5) / 100,
            int(100 * y0 + 0.5) / 100,
            int(100 * x1 + 0.5) / 100,
            int(100 * y1 + 0.5) / 100,
        )

    def points(self, points: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        left, bottom, right, top, quarter = self
        match quarter:
            case 0:
                seen = [(x - left, top - y) for x, y in points]
            case 1:
                seen = [(y - bottom, x - left) for x, y in points]
            case 2:
                seen = [(right - x, y - bottom) for x, y in points]
            case _:
                seen = [(top - y, right - x) for x, y in points]
        return tuple([(int(100 * across + 0.5) / 100, int(100 * down + 0.5) / 100) for across, down in seen])


def frame_of(page: Any) -> Frame:
    """Raises UnreadableFile for a page without area."""
    bounds = raw.FS_RECTF()
    if not raw.FPDF_GetPageBoundingBox(page, bounds):
        raise UnreadableFile("the page has no box")
    frame = Frame(bounds.left, bounds.bottom, bounds.right, bounds.top, raw.FPDFPage_GetRotation(page))
    if not all(0 < side < math.inf for side in frame.size):
        raise UnreadableFile("the page has no area")
    return frame


# ---------------------------------------------------------------- words


class Style(NamedTuple):
    """`direction`: 0 to the right, 1 up, 2 to the left, 3 down, None aslant. `size` in points."""

    size: float
    bold: bool
    direction: int | None


_WIDE = f"{CJK}\u3000-\u303f\uff00-\uffef"
# A Chinese character is a word of its own, so that a quotation points to its very characters.
# U+FFFE is pdfium's sign for a hyphen at a line end; it stands for the line end, too.
_WORD = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}\ufffe\x00]+\ufffe?|\ufffe")
_LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
_SYMBOLS = {0xF0B7: "•", 0xF0A7: "▪", 0xF0D8: "➢", 0xF0FC: "✓", 0xF06E: "■", 0xF0A8: "□"}
_REPLACED = {**_LIGATURES, **_SYMBOLS, 0xFFFE: "-"}
_TO_REPLACE = re.compile(f"[{''.join(map(chr, _REPLACED))}]")
_BOLD_NAME = re.compile(r"bold|black|heavy|demi|(?<![a-z])bd(?![a-z])", re.IGNORECASE)
_NAMELESS = re.compile(
    r"(?:[A-Z]{6}\+)?(?:CIDFont|Font)?[+_-]?[A-Z]{0,3}[_-]?\d*(?:_\d+)*"
)  # "CIDFont+F2", "TT1"
_LARGEST_FONT = 8 << 20
_FORCE_BOLD = 1 << 18  # a flag of the font descriptor: PDF 32000-1, table 123
_STROKED = 2  # a text render mode: filled and stroked, a poor man's bold


class _Pointer(ctypes.c_void_p):
    """A pointer that ctypes hands out as an object: one that can be given back without conversion."""


def _bare(function: Any, result: Any = None) -> Callable[..., Any]:
    """The same C function without argument types: pointers must be given as `c_void_p` or `byref`."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return ctypes.PYFUNCTYPE(result)(address)


def _pointer(typed: Any) -> _Pointer:
    return _Pointer(ctypes.cast(typed, ctypes.c_void_p).value)


_loose_box = _bare(raw.FPDFText_GetLooseCharBox)
_text_object = _bare(raw.FPDFText_GetTextObject, ctypes.c_void_p)
_matrix_of = _bare(raw.FPDFText_GetMatrix)
_font_size = _bare(raw.FPDFText_GetFontSize, ctypes.c_double)
_font_of = _bare(raw.FPDFTextObj_GetFont, ctypes.c_void_p)
_render_mode = _bare(raw.FPDFTextObj_GetTextRenderMode, ctypes.c_int)
_char_index = _bare(raw.FPDFText_GetCharIndexFromTextIndex, ctypes.c_int)

FoundWord = tuple[str, _Area, Style]


def words_of(page: Any, fonts: dict[bytes, bool]) -> list[FoundWord]:
    """The words in the order of the file.

    The box reaches from the first to the last character and from the font's descent to its ascent.
    `fonts` remembers, from page to page of a document, which nameless fonts are bold.
    """
    typed = raw.FPDFText_LoadPage(page)
    if not typed:
        return []
    try:
        return _words(typed, fonts)
    finally:
        raw.FPDFText_ClosePage(typed)


def _words(typed: Any, fonts: dict[bytes, bool]) -> list[FoundWord]:
    count = raw.FPDFText_CountChars(typed)
    if count <= 0:
        return []
    buffer = (ctypes.c_ushort * (2 * count + 2))()
    length = raw.FPDFText_GetText(typed, 0, count, buffer)
    text = bytes(buffer)[: 2 * max(length - 1, 0)].decode("utf-16-le", "replace")
    handle = _pointer(typed)
    same_index = len(text) == count
    replaced = _TO_REPLACE.search(text) is not None
    rectangle = raw.FS_RECTF()
    into = ctypes.byref(rectangle)
    styles: dict[int | None, Style] = {}
    style_of = _style_reader(handle, fonts)
    found: list[FoundWord] = []
    for match in _WORD.finditer(text):
        first, after = match.span()
        last = after - 1
        if not same_index:
            first, last = _char_index(handle, first), _char_index(handle, last)
        shape = _text_object(handle, first)
        style = styles.get(shape)
        if style is None:
            style = styles[shape] = style_of(first, shape)
        _loose_box(handle, first, into)
        left, bottom, right, top = rectangle.left, rectangle.bottom, rectangle.right, rectangle.top
        if last != first:
            _loose_box(handle, last, into)
            if style.direction == 0:
                right = rectangle.right
            else:
                left, right = min(left, rectangle.left), max(right, rectangle.right)
            bottom, top = min(bottom, rectangle.bottom), max(top, rectangle.top)
        word = match.group()
        found.append((word.translate(_REPLACED) if replaced else word, (left, bottom, right, top), style))
    return found


def _style_reader(handle: _Pointer, fonts: dict[bytes, bool]) -> Callable[[int, int | None], Style]:
    weights: dict[int | None, bool] = {None: False}
    matrix = raw.FS_MATRIX()
    into = ctypes.byref(matrix)

    def style(index: int, shape: int | None) -> Style:
        _matrix_of(handle, index, into)
        size = _font_size(handle, index) * math.hypot(matrix.c, matrix.d)
        bold = False
        if shape:
            pointer = _Pointer(shape)
            font = _font_of(pointer)
            if font not in weights:
                weights[font] = _is_bold(font, fonts)
            bold = weights[font] or _render_mode(pointer) == _STROKED
        return Style(int(10 * size + 0.5) / 10, bold, _direction(matrix.a, matrix.b))

    return style


def _is_bold(address: int, fonts: dict[bytes, bool]) -> bool:
    font = ctypes.cast(address, raw.FPDF_FONT)
    buffer = ctypes.create_string_buffer(256)
    raw.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    flags = raw.FPDFFont_GetFlags(font)
    if flags > 0 and flags & _FORCE_BOLD:
        return True
    name = buffer.value.decode("utf-8", "replace")
    if not _NAMELESS.fullmatch(name):
        return _BOLD_NAME.search(name) is not None
    if buffer.value not in fonts:
        fonts[buffer.value] = _says_bold(_font_file(font))
    return fonts[buffer.value]


def _font_file(font: Any) -> bytes:
    length = ctypes.c_size_t()
    if not raw.FPDFFont_GetFontData(font, None, 0, length) or length.value > _LARGEST_FONT:
        return b""
    data = (ctypes.c_uint8 * length.value)()
    raw.FPDFFont_GetFontData(font, data, length.value, length)
    return bytes(data)


def _says_bold(file: bytes) -> bool:
    """The bold bit of `macStyle` in a TrueType font's `head` table."""
    count = int.from_bytes(file[4:6], "big")
    for entry in range(12, 12 + 16 * min(count, 64), 16):
        if file[entry : entry + 4] == b"head":
            start = int.from_bytes(file[entry + 8 : entry + 12], "big")
            return bool(int.from_bytes(file[start + 44 : start + 46], "big") & 1)
    return False


def _direction(along: float, up: float) -> int | None:
    straight = 0.94 * math.hypot(along, up)  # within 20 degrees
    if along >= straight:
        return 0
    if up >= straight:
        return 1
    if along <= -straight:
        return 2
    return 3 if up <= -straight else None


# ---------------------------------------------------------------- drawings and pictures

_MOST_OBJECTS = 50_000  # of a page: drawings beyond this are not looked at, the text still is
_DEEPEST_FORM = 6

_count_objects = _bare(raw.FPDFPage_CountObjects, ctypes.c_int)
_get_object = _bare(raw.FPDFPage_GetObject, _Pointer)
_count_in_form = _bare(raw.FPDFFormObj_CountObjects, ctypes.c_int)
_get_in_form = _bare(raw.FPDFFormObj_GetObject, _Pointer)
_type_of = _bare(raw.FPDFPageObj_GetType, ctypes.c_int)
_bounds_of = _bare(raw.FPDFPageObj_GetBounds, ctypes.c_int)
_matrix_of_object = _bare(raw.FPDFPageObj_GetMatrix, ctypes.c_int)


class Drawing(NamedTuple):
    """The bounds of the paths and of the pictures of a page."""

    paths: list[_Area]
    images: list[_Area]


def drawing_of(page: Any) -> Drawing:
    drawing = Drawing([], [])
    _visit(_pointer(page), _count_objects, _get_object, None, 0, drawing)
    return drawing


def _visit(
    owner: _Pointer,
    count: Callable[..., int],
    get: Callable[..., _Pointer],
    place: "_Matrix | None",
    depth: int,
    drawing: Drawing,
) -> None:
    corners = [ctypes.c_float() for _ in range(4)]
    into = [ctypes.byref(corner) for corner in corners]
    text, path, image, form = (
        raw.FPDF_PAGEOBJ_TEXT,
        raw.FPDF_PAGEOBJ_PATH,
        raw.FPDF_PAGEOBJ_IMAGE,
        raw.FPDF_PAGEOBJ_FORM,
    )
    for number in range(min(count(owner), _MOST_OBJECTS)):
        shape = get(owner, number)
        kind = _type_of(shape)
        if kind == text or len(drawing.paths) > _MOST_OBJECTS:
            continue
        if kind == form:
            if depth < _DEEPEST_FORM:
                _visit(shape, _count_in_form, _get_in_form, _Matrix.of(shape, place), depth + 1, drawing)
        elif kind in {path, image} and _bounds_of(shape, *into):
            left, bottom, right, top = (corner.value for corner in corners)
            area = place.area(left, bottom, right, top) if place else (left, bottom, right, top)
            (drawing.paths if kind == path else drawing.images).append(area)


class _Matrix(NamedTuple):
    """An affine map as PDF writes it: x' = a x + c y + e, y' = b x + d y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @classmethod
    def of(cls, form: _Pointer, outer: "_Matrix | None") -> "_Matrix | None":
        """The map of a form's space to the page's."""
        own = raw.FS_MATRIX()
        if not _matrix_of_object(form, ctypes.byref(own)):
            return outer
        if outer is None:
            return cls(own.a, own.b, own.c, own.d, own.e, own.f)
        return cls(
            outer.a * own.a + outer.c * own.b,
            outer.b * own.a + outer.d * own.b,
            outer.a * own.c + outer.c * own.d,
            outer.b * own.c + outer.d * own.d,
            outer.a * own.e + outer.c * own.f + outer.e,
            outer.b * own.e + outer.d * own.f + outer.f,
        )

    def points(self, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        a, b, c, d, e, f = self
        return [(a * x + c * y + e, b * x + d * y + f) for x, y in points]

    def area(self, left: float, bottom: float, right: float, top: float) -> _Area:
        xs = [self.a * x + self.c * y + self.e for x in (left, right) for y in (bottom, top)]
        ys = [self.b * x + self.d * y + self.f for x in (left, right) for y in (bottom, top)]
        return min(xs), min(ys), max(xs), max(ys)


# ---------------------------------------------------------------- paths in full

_MOST_SHAPES = 3000
_MOST_SEGMENTS = 2000
_BEZIER_STEPS = 8
_BEZIER_WEIGHTS = tuple(
    ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    for t in (step / _BEZIER_STEPS for step in range(1, _BEZIER_STEPS + 1))
)

_count_segments = _bare(raw.FPDFPath_CountSegments, ctypes.c_int)
_get_segment = _bare(raw.FPDFPath_GetPathSegment, _Pointer)
_point_of = _bare(raw.FPDFPathSegment_GetPoint)
_segment_type = _bare(raw.FPDFPathSegment_GetType, ctypes.c_int)
_draw_mode_of = _bare(raw.FPDFPath_GetDrawMode, ctypes.c_int)
_fill_of = _bare(raw.FPDFPageObj_GetFillColor, ctypes.c_int)
_stroke_of = _bare(raw.FPDFPageObj_GetStrokeColor, ctypes.c_int)


class Shape(NamedTuple):
    """A path: its points as they are seen, curves as short straight lines; colours as red, green, blue."""

    points: tuple[tuple[float, float], ...]
    curved: bool
    fill: tuple[int, int, int] | None
    stroke: tuple[int, int, int] | None


def shapes_of(page: Any, frame: Frame) -> list[Shape]:
    """The paths of a page with their points and colours, in the order in which they are painted."""
    found: list[Shape] = []
    _shapes(_pointer(page), _count_objects, _get_object, None, 0, _shape_reader(frame), found)
    return found


def _shapes(
    owner: _Pointer,
    count: Callable[..., int],
    get: Callable[..., _Pointer],
    place: "_Matrix | None",
    depth: int,
    shape_of: "_ShapeOf",
    found: list[Shape],
) -> None:
    path, form = raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM
    for number in range(min(count(owner), _MOST_OBJECTS)):
        if len(found) >= _MOST_SHAPES:
            return
        item = get(owner, number)
        kind = _type_of(item)
        if kind == form and depth < _DEEPEST_FORM:
            inner = _Matrix.of(item, place)
            _shapes(item, _count_in_form, _get_in_form, inner, depth + 1, shape_of, found)
        elif kind == path:
            shape = shape_of(item, place)
            if shape:
                found.append(shape)


_ShapeOf = Callable[[_Pointer, "_Matrix | None"], Shape | None]


def _shape_reader(frame: Frame) -> _ShapeOf:
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    modes = ctypes.byref(mode), ctypes.byref(stroked)
    red, green, blue, alpha = channels = [ctypes.c_uint() for _ in range(4)]
    colours = [ctypes.byref(channel) for channel in channels]

    def colour(get: Callable[..., int], path: _Pointer) -> tuple[int, int, int] | None:
        """None where it is not known, or cannot be seen."""
        if not get(path, *colours) or alpha.value == 0:
            return None
        return red.value, green.value, blue.value

    def shape(path: _Pointer, outer: "_Matrix | None") -> Shape | None:
        if not _draw_mode_of(path, *modes):
            return None
        fill = colour(_fill_of, path) if mode.value else None
        stroke = colour(_stroke_of, path) if stroked.value else None
        if fill is None and stroke is None:
            return None
        points, curved = _points_of(path)
        place = _Matrix.of(path, outer)
        if place:
            points = place.points(points)
        return Shape(frame.points(points), curved, fill, stroke) if points else None

    return shape


def _points_of(path: _Pointer) -> tuple[list[tuple[float, float]], bool]:
    points: list[tuple[float, float]] = []
    controls: list[tuple[float, float]] = []
    curved = False
    x, y = ctypes.c_float(), ctypes.c_float()
    into_x, into_y, curve = ctypes.byref(x), ctypes.byref(y), raw.FPDF_SEGMENT_BEZIERTO
    for number in range(min(_count_segments(path), _MOST_SEGMENTS)):
        segment = _get_segment(path, number)
        _point_of(segment, into_x, into_y)
        at = (x.value, y.value)
        if _segment_type(segment) != curve:
            points.append(at)
            continue
        curved = True
        controls.append(at)
        if len(controls) == 3:
            points += _bezier(points[-1] if points else controls[0], *controls)
            controls = []
    return points, curved


def _bezier(
    start: tuple[float, float],
    first: tuple[float, float],
    second: tuple[float, float],
    end: tuple[float, float],
) -> list[tuple[float, float]]:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = start, first, second, end
    return [
        (a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3)
        for a, b, c, d in _BEZIER_WEIGHTS
    ]


# ---------------------------------------------------------------- a page as a picture


def draw(page: Any, scale: float, max_pixels: int) -> "tuple[NDArray[np.uint8], float]":
    """The page as it is seen, BGR (height, width, 3), and the pixels for each point.

    The scale is cut where the picture would have more than `max_pixels`: a page may claim to be
    200 inches wide in 300 bytes.
    """
    import cv2
    import numpy as np

    width, height = frame_of(page).size
    scale = min(scale, math.sqrt(max_pixels / (width * height)))
    across, down = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
    bitmap = raw.FPDFBitmap_Create(across, down, 0)
    if not bitmap:
        raise MemoryError
    try:
        raw.FPDFBitmap_FillRect(bitmap, 0, 0, across, down, 0xFFFFFFFF)
        raw.FPDF_RenderPageBitmap(bitmap, page, 0, 0, across, down, 0, raw.FPDF_ANNOT)
        stride = raw.FPDFBitmap_GetStride(bitmap)
        start = ctypes.cast(
            raw.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_ubyte * (stride * down))
        )
        pixels = np.frombuffer(start.contents, np.uint8).reshape(down, stride)[:, : 4 * across]
        return np.asarray(cv2.cvtColor(pixels.reshape(down, across, 4), cv2.COLOR_BGRA2BGR)), scale
    finally:
        raw.FPDFBitmap_Destroy(bitmap)
