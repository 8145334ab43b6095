"""DXF drawings: texts by layer, dimensions with what they measure, block attributes, tables, and a picture.

Each layout that holds something is a page (the model first); one point is one pixel of its picture, and
the boxes of texts lie on it. Drawn is what `ingest.readers.dxf_picture` makes of the entities. DWG, the
same in another form, has no free reader.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Box, Content, Page, Reading, Span
from ingest.limits import Limits, exhausted
from ingest.readers.dxf_picture import Drawing, draw
from ingest.readers.tabletext import table_block

_DEEPEST = 4  # blocks inside blocks
_MOST_TEXTS = 20_000  # of one layout
_TITLE_TAGS = ("TITLE", "DRAWN", "DWG", "SCALE", "SHEET", "PROJECT", "REV", "APPROVED", "图号", "名称")
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, NotImplementedError)


class _Text(NamedTuple):
    text: str
    layer: str
    box: Box | None


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    """Raises UnreadableFile for a drawing that cannot be read or shows nothing."""
    document = _opened(path)
    unit = _unit(document)
    pages: list[Page] = []
    for layout in document.layouts:
        if len(layout) == 0 or exhausted(limits):
            continue
        page = _page(document, layout, unit, len(pages) + 1, sink)
        if page.blocks:
            pages.append(page)
    if not pages:
        raise UnreadableFile("the drawing holds no entity that can be shown")
    record = Block("record", "\n".join(_about(document, unit)), anchor="header")
    first = pages[0]
    pages[0] = Page(1, (record, *first.blocks), first.width, first.height, first.label, first.image)
    meta = {"dxf_version": str(document.dxfversion), "unit": unit}
    return Content(
        "image/vnd.dxf", tuple(pages), _title(document), {key: text for key, text in meta.items() if text}
    )


def _opened(path: Path) -> Any:
    from ezdxf import recover
    from ezdxf.lldxf.const import DXFError

    try:
        document, _ = recover.readfile(path)
    except (DXFError, *_BROKEN, OSError, EOFError) as error:
        raise UnreadableFile(
            f"the drawing is damaged or cut off: {' '.join(str(error).split())[:200]}"
        ) from error
    return document


def _unit(document: Any) -> str:
    from ezdxf import units

    number = int(document.header.get("$INSUNITS", 0) or 0)
    return str(units.unit_name(number)).lower() if number in range(1, 22) else ""


def _title(document: Any) -> str:
    for tag, value in document.header.custom_vars:
        if str(tag).lower() == "title" and value:
            return str(value)
    return ""


def _about(document: Any, unit: str) -> Iterator[str]:
    yield f"Drawing: DXF {document.dxfversion} ({document.acad_release}), unit {unit or 'not said'}"
    layers = [str(layer.dxf.name) for layer in document.layers]
    yield f"Layers: {', '.join(layers[:200])}"
    for tag, value in document.header.custom_vars:
        yield f"{tag}: {value}"


# ---------------------------------------------------------------- a layout


def _page(document: Any, layout: Any, unit: str, number: int, sink: ImageSink) -> Page:
    drawing = draw(document, layout)
    texts: list[_Text] = []
    attributes: list[Block] = []
    for entity in _entities(layout, 0):
        if len(texts) >= _MOST_TEXTS:
            break
        kind = entity.dxftype()
        if kind in {"TEXT", "MTEXT"}:
            texts += _text_of(entity, drawing)
        elif kind == "INSERT" and entity.attribs:
            attributes.append(_attributes(entity, drawing, number))
    dimensions = [entity for entity in layout if entity.dxftype() in {"DIMENSION", "ARC_DIMENSION"}]
    blocks = [
        *(block for block in attributes if block.text),
        *_texts(texts, number),
        *_dimensions(dimensions, unit, drawing, number),
        *_tables(layout),
    ]
    if drawing.picture:
        image = sink(drawing.picture)
        box = Box(0.0, 0.0, drawing.width, drawing.height)
        blocks.append(Block("figure", "", box, image=image))
        return Page(number, tuple(blocks), drawing.width, drawing.height, str(layout.name), image)
    return Page(number, tuple(blocks), label=str(layout.name))


def _entities(entities: Iterable[Any], depth: int) -> Iterator[Any]:
    """What stands in a layout, and in the blocks that are inserted there."""
    for entity in entities:
        yield entity
        if entity.dxftype() == "INSERT" and depth < _DEEPEST:
            try:
                inner = list(entity.virtual_entities())
            except _BROKEN:
                continue  # an insert whose block cannot be placed shows nothing
            yield from _entities(inner, depth + 1)


def _text_of(entity: Any, drawing: Drawing) -> Iterator[_Text]:
    try:
        text = entity.plain_text()
    except _BROKEN:
        return
    if text.strip():
        yield _Text(text.strip(), str(entity.dxf.get("layer", "0")), drawing.box_of(entity))


def _texts(texts: list[_Text], number: int) -> Iterator[Block]:
    """Layer by layer, in each from the top down."""
    for layer in dict.fromkeys(text.layer for text in texts):
        mine = [text for text in texts if text.layer == layer]
        mine.sort(key=lambda text: (round(text.box.y0 / 8), text.box.x0) if text.box else (0, 0.0))
        yield Block("heading", f"Layer {layer}", level=2)
        yield _lines([(text.text, text.box) for text in mine], number, f"layer {layer}")


def _lines(lines: list[tuple[str, Box | None]], number: int, anchor: str, kind: Any = "list") -> Block:
    """A block of lines, each with its box."""
    parts, spans, at = [], [], 0
    for given, box in lines:
        text = " ".join(given.split())
        if box:
            spans.append(Span(at, at + len(text), number, box))
        parts.append(text)
        at += len(text) + 1
    boxes = [box for _, box in lines if box]
    whole = boxes[0] if boxes else None
    for box in boxes[1:]:
        whole = whole.union(box) if whole else box
    return Block(kind, "\n".join(parts), whole, tuple(spans), anchor=anchor)


def _attributes(insert: Any, drawing: Drawing, number: int) -> Block:
    """A block's attributes as a record; the title block is called so."""
    name = str(insert.dxf.name)
    tags = [str(attribute.dxf.tag) for attribute in insert.attribs]
    is_title = "TITLE" in name.upper() or sum(key in tag.upper() for tag in tags for key in _TITLE_TAGS) >= 2
    head = f"{'Title block' if is_title else 'Block'} {name}"
    lines: list[tuple[str, Box | None]] = [(head, None)]
    for attribute in insert.attribs:
        value = " ".join(str(attribute.dxf.get("text", "")).split())
        if value:
            lines.append((f"{attribute.dxf.tag}: {value}", drawing.box_of(attribute)))
    return _lines(lines if len(lines) > 1 else [], number, f"block {name}", "record")


# ---------------------------------------------------------------- dimensions and tables

_DIMENSIONS = ("linear", "aligned", "angular", "diameter", "radius", "angular", "ordinate")


def _dimensions(entities: list[Any], unit: str, drawing: Drawing, number: int) -> Iterator[Block]:
    lines: list[tuple[str, Box | None]] = []
    readings: list[Reading] = []
    for entity in entities:
        found = _dimension(entity, unit)
        if found:
            reading, line = found
            box = drawing.box_of(entity)
            lines.append((line, box))
            readings.append(replace(reading, box=box))
    if lines:
        yield Block("heading", "Dimensions", level=2)
        block = _lines(lines, number, "dimensions")
        yield Block("list", block.text, block.box, block.spans, anchor=block.anchor, readings=tuple(readings))


def _dimension(entity: Any, unit: str) -> tuple[Reading, str] | None:
    """What it measures, and as it is written; None where it measures nothing."""
    try:
        measured = entity.get_measurement()
        if not isinstance(measured, int | float):
            measured = next(iter(measured))  # an ordinate's point: its first coordinate
        kind = _DIMENSIONS[int(entity.dimtype) & 7] if entity.dxftype() == "DIMENSION" else "arc length"
    except (*_BROKEN, StopIteration):
        return None
    value = f"{Decimal(str(round(float(measured), 4))).normalize():f}"
    of = "deg" if kind == "angular" else unit
    written = str(entity.dxf.get("text", "") or "").strip()
    shown = written.replace("<>", value) if written and written != "<>" else value
    line = f"{kind.capitalize()} dimension: {shown}"
    line += f", measured {value} {of}".rstrip() if shown != value else f" {of}".rstrip()
    line += f" (layer {entity.dxf.get('layer', '0')})"
    return Reading(f"{kind} dimension", value, shown, of, method="dxf"), line


def _tables(layout: Any) -> Iterator[Block]:
    from ezdxf.entities.acad_table import read_acad_table_content

    for entity in layout.query("ACAD_TABLE"):
        try:
            rows = read_acad_table_content(entity)
        except _BROKEN:
            continue  # its words stand in the block that draws it, and are read as texts
        if any(cell.strip() for row in rows for cell in row):
            cells = [[_plain(cell) for cell in row] for row in rows]
            numbers = range(1, len(cells) + 1)
            yield table_block(cells, anchor=f"table {entity.dxf.handle}", numbers=numbers)


def _plain(text: str) -> str:
    from ezdxf.tools.text import fast_plain_mtext

    return str(fast_plain_mtext(text))
