"""PowerPoint files (.pptx): a page for each slide, with boxes in points where shapes lie.

Places are "slide 3" with the shape's box (and "row 2, cell 1" of its table), and "notes of slide 3". What stands on a slide is read from top
to bottom, its title first; hidden slides are read and named as hidden. What is not read: words inside
pictures, what masters and layouts repeat, animations, media, comments.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Box, Content, Page
from ingest.charts.office import chart_block
from ingest.limits import Limits, exhausted
from ingest.readers.package import open_markup
from ingest.readers.pictures import figure, keep_picture
from ingest.readers.relations import parse
from ingest.readers.tabletext import table_block

Shape = Any
Moved = Callable[[Box], Box]
Element = Any  # lxml comes without types

PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_POINT = 12700  # EMU
_LINE = 20.0  # points: shapes whose tops are nearer stand beside each other
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    """Raises UnreadableFile for a presentation on which nothing stands."""
    import pptx

    open_markup(path, limits).close()
    presentation = pptx.Presentation(str(path))
    size = (presentation.slide_width or 0) / _POINT, (presentation.slide_height or 0) / _POINT
    pages = tuple(
        _Slide(number, slide, sink, limits).page(*size) for number, slide in enumerate(presentation.slides, 1)
    )
    if not any(page.blocks or page.problem for page in pages):
        raise UnreadableFile("the presentation holds no text and no picture")
    properties = presentation.core_properties
    hidden = ", ".join(str(page.number) for page in pages if page.label)
    meta = {"author": properties.author or "", "hidden_slides": hidden}
    return Content(PPTX, pages, properties.title or "", {key: value for key, value in meta.items() if value})


class _Slide:
    def __init__(self, number: int, slide: Any, sink: ImageSink, limits: Limits) -> None:
        self._number = number
        self._slide = slide
        self._sink = sink
        self._limits = limits
        self._hidden = slide.element.get("show") in {"0", "false"}
        self._anchor = f"slide {number}{' (hidden)' if self._hidden else ''}"

    def page(self, width: float, height: float) -> Page:
        problem = exhausted(self._limits)
        blocks = () if problem else (*self._told(), *self._notes())
        label = "hidden" if self._hidden else ""
        return Page(self._number, blocks, width, height, label=label, problem=problem)

    def _told(self) -> Iterator[Block]:
        title = self._slide.shapes.title
        key = title.shape_id if title is not None else None
        shapes = sorted(_placed(self._slide.shapes), key=_order)
        for shape, box in sorted(shapes, key=lambda one: one[0].shape_id != key):
            yield from self._shape(shape, box, is_title=shape.shape_id == key)

    def _shape(self, shape: Shape, box: Box | None, *, is_title: bool) -> Iterator[Block]:
        if getattr(shape, "has_chart", False) and shape.has_chart:
            block = chart_block(shape.chart.part.blob, anchor=self._anchor, box=box)
            yield from [block] if block else []
        elif getattr(shape, "has_table", False) and shape.has_table:
            rows = _grid(shape.table)
            if rows:
                block = table_block(list(rows.values()), anchor=self._anchor, numbers=list(rows))
                yield replace(block, box=box)
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield self._text(shape, box, is_title=is_title)
        yield from self._picture(shape, box)
        yield from self._diagram(shape, box)

    def _text(self, shape: Shape, box: Box | None, *, is_title: bool) -> Block:
        lines = [(one.level, _line(one)) for one in shape.text_frame.paragraphs]
        lines = [(level, line) for level, line in lines if line]
        if is_title:
            return Block("heading", " ".join(line for _, line in lines), box, level=1, anchor=self._anchor)
        if shape.is_placeholder and len(lines) > 1:
            text = "\n".join(f"{'  ' * level}- {line}" for level, line in lines)
            return Block("list", text, box, anchor=self._anchor)
        return Block("text", "\n".join(line for _, line in lines), box, anchor=self._anchor)

    def _picture(self, shape: Shape, box: Box | None) -> Iterator[Block]:
        fill = next(shape._element.iter(f"{_A}blip"), None)
        part = self._related(shape, fill.get(f"{_R}embed") if fill is not None else None)
        if part is None:
            return
        told = next((one for one in shape._element.iter() if one.tag.endswith("}cNvPr")), None)
        alt = (told.get("descr") or "") if told is not None else ""
        found = figure(alt, keep_picture(part.blob, self._sink, self._limits), self._anchor, box)
        if found:
            yield found

    def _diagram(self, shape: Shape, box: Box | None) -> Iterator[Block]:
        """The words of SmartArt, as a list."""
        reference = next(shape._element.iter(f"{_DGM}relIds"), None)
        part = self._related(shape, reference.get(f"{_R}dm") if reference is not None else None)
        if part is None:
            return
        words = ("".join(t.text or "" for t in p.iter(f"{_A}t")) for p in parse(part.blob).iter(f"{_A}p"))
        lines = [f"- {' '.join(line.split())}" for line in words if line.strip()]
        if lines:
            yield Block("list", "\n".join(lines), box, anchor=self._anchor)

    def _related(self, shape: Shape, key: str | None) -> Any:
        relation = shape.part.rels.get(key) if key else None
        return relation.target_part if relation is not None and not relation.is_external else None

    def _notes(self) -> Iterator[Block]:
        frame = self._slide.notes_slide.notes_text_frame if self._slide.has_notes_slide else None
        text = "\n".join(filter(None, map(_line, frame.paragraphs))) if frame is not None else ""
        if text:
            yield Block("text", f"Notes: {text}", anchor=f"notes of {self._anchor}")


def _order(placed: tuple[Shape, Box | None]) -> tuple[int, float]:
    box = placed[1] or Box(0, 0, 0, 0)
    return round(box.y0 / _LINE), box.x0


def _placed(shapes: Any, moved: Moved = lambda box: box) -> Iterator[tuple[Shape, Box | None]]:
    """Every shape with its box on the slide. `moved`: from where the group says it is to the slide."""
    for shape in shapes:
        box = _box(shape)
        box = moved(box) if box else None
        if hasattr(shape, "shapes"):
            yield from _placed(shape.shapes, _out_of(shape, box) if box else moved)
        else:
            yield shape, box


def _out_of(group: Shape, box: Box) -> Moved:
    """From the group's own lengths, which its drawing names, to those of the slide."""
    form = next(group._element.iter(f"{_A}xfrm"), None)
    start = form.find(f"{_A}chOff") if form is not None else None
    size = form.find(f"{_A}chExt") if form is not None else None
    if start is None or size is None:
        return lambda _inner: box
    left, top = (int(start.get(name) or 0) / _POINT for name in ("x", "y"))
    wide, high = (int(size.get(name) or 0) / _POINT for name in ("cx", "cy"))
    across, down = (box.width / wide if wide else 0.0), (box.height / high if high else 0.0)

    def moved(inner: Box) -> Box:
        return Box(
            box.x0 + (inner.x0 - left) * across,
            box.y0 + (inner.y0 - top) * down,
            box.x0 + (inner.x1 - left) * across,
            box.y0 + (inner.y1 - top) * down,
        )

    return moved


def _box(shape: Shape) -> Box | None:
    edges = shape.left, shape.top, shape.width, shape.height
    if any(edge is None for edge in edges):
        return None
    left, top, width, height = (edge / _POINT for edge in edges)
    return Box(left, top, left + width, top + height)


def _line(paragraph: Any) -> str:
    return " ".join("".join(_words(paragraph._p)).split())


def _words(element: Element) -> Iterator[str]:
    for child in element:
        if child.tag in {f"{_A}br", f"{_A}tab"}:
            yield " "
        elif child.tag.endswith("}t"):
            yield child.text or ""
        else:
            yield from _words(child)


def _grid(table: Any) -> dict[int, list[str]]:
    """The texts of the cells by row, from 1, a merged cell repeated in every square that it covers.

    Rows without any text are left out.
    """
    rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in table.rows]
    for number, row in enumerate(table.rows):
        for column, cell in enumerate(row.cells):
            if cell.is_merge_origin:
                for down in range(number, min(number + cell.span_height, len(rows))):
                    for right in range(column, min(column + cell.span_width, len(rows[down]))):
                        rows[down][right] = rows[number][column]
    return {number: row for number, row in enumerate(rows, 1) if any(row)}
