"""Word documents (.docx): one page, since where pages break is known to the printer alone.

Places are "paragraph 12", "table 2, row 3, cell 1", "footnote 3", "comment 1", "picture 2", "chart 1"; paragraphs are
counted where they hold text, outside of tables. Numbers of headings and lists are worked out as Word
does. Inserted text is read, deleted text is not. Headers and footers are kept in `meta`, for the record.
What is not read: words inside pictures, SmartArt, macros.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Mark, Page
from ingest.charts.office import chart_block
from ingest.limits import Limits
from ingest.readers.numbering import Numbering
from ingest.readers.package import open_markup
from ingest.readers.pictures import figure, keep_picture
from ingest.readers.relations import parse
from ingest.readers.tabletext import table_block

Element = Any  # lxml comes without types

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_V = "{urn:schemas-microsoft-com:vml}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Nothing inside of these is text of the paragraph itself.
_SKIPPED = frozenset(
    {_FALLBACK, f"{_W}del", f"{_W}moveFrom", f"{_W}txbxContent", f"{_W}pPr", f"{_W}rPr", f"{_W}instrText"}
)
_WIDEST = 100  # columns that one cell may claim to cover


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    """Raises UnreadableFile for a document without text and pictures."""
    import docx

    open_markup(path, limits).close()
    document = docx.Document(str(path))
    walk = _Walk(document.part, sink, limits)
    blocks = tuple(_lists_joined(walk.body(document.element.body)))
    if not blocks:
        raise UnreadableFile("the document holds no text")
    title = document.core_properties.title or walk.title
    return Content(DOCX, (Page(1, blocks),), title, _meta(document))


def _meta(document: Any) -> dict[str, str]:
    found = {"author": document.core_properties.author or ""}
    for name in ("header", "footer"):
        parts = (getattr(section, name) for section in document.sections)
        texts = (
            " ".join(p.text for p in part.paragraphs) for part in parts if not part.is_linked_to_previous
        )
        found[name] = " | ".join(dict.fromkeys(" ".join(text.split()) for text in texts if text.strip()))
    return {key: value for key, value in found.items() if value}


class _Walk:
    """Goes through the body once, counting what places are made of."""

    def __init__(self, part: Any, sink: ImageSink, limits: Limits) -> None:
        self._part = part
        self._sink = sink
        self._limits = limits
        self._counts: Counter[str] = Counter()
        self._numbering = Numbering(part)
        self._notes = {kind: _notes(part, kind) for kind in ("footnotes", "endnotes", "comments")}
        self._noted: list[tuple[str, str]] = []  # (kind, id) of the notes that the body refers to
        self.title = ""

    def body(self, body: Element) -> Iterator[Block]:
        yield from self._inside(body)
        yield from self._told_notes()

    def _inside(self, container: Element) -> Iterator[Block]:
        for child in container:
            if child.tag == f"{_W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                yield from self._table(child)
            elif child.tag in {f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"}:
                yield from self._inside(child)

    def _next(self, what: str) -> str:
        self._counts[what] += 1
        return f"{what} {self._counts[what]}"

    # ------------------------------------------------------------ paragraphs

    def _paragraph(self, paragraph: Element) -> Iterator[Block]:
        text = _text(paragraph)
        if text:
            yield self._told(paragraph, text, self._next("paragraph"))
        yield from self._beside(paragraph)

    def _told(self, paragraph: Element, text: str, anchor: str) -> Block:
        style = self._numbering.style_of(paragraph)
        mark = self._numbering.mark_of(paragraph)
        if style.heading:
            if style.heading == 1 and not self.title:
                self.title = text
            numbered = f"{mark} {text}" if mark not in {"", "-"} else text
            return Block("heading", numbered, level=style.heading, anchor=anchor)
        if mark:
            indent = "  " * self._numbering.depth_of(paragraph)
            return Block("list", f"{indent}{mark} {text}", anchor=anchor)
        return Block("text", text, anchor=anchor)

    def _beside(self, element: Element) -> Iterator[Block]:
        """What hangs at a paragraph: pictures, charts, text boxes, and notes to be told at the end."""
        for found in _shown(element):
            if found.tag == f"{_W}txbxContent":
                yield from self._text_box(found)
            elif found.tag in {f"{_A}blip", f"{_V}imagedata"}:
                yield from self._picture(found)
            elif found.tag == f"{_C}chart":
                yield from self._chart(found)
            elif found.tag in {f"{_W}footnoteReference", f"{_W}endnoteReference", f"{_W}commentReference"}:
                kind = found.tag.removeprefix(_W).removesuffix("Reference") + "s"
                self._noted.append((kind, found.get(f"{_W}id") or ""))

    def _text_box(self, content: Element) -> Iterator[Block]:
        anchor = self._next("text box")
        for block in self._inside(content):
            yield replace(block, anchor=f"{anchor}, {block.anchor}")

    def _picture(self, blip: Element) -> Iterator[Block]:
        number = blip.get(f"{_R}embed") or blip.get(f"{_R}id") or ""
        part = self._part.related_parts.get(number)
        key = keep_picture(part.blob, self._sink, self._limits) if part is not None else None
        found = figure(_alt(blip), key, self._next("picture"))
        if found:
            yield found

    def _chart(self, reference: Element) -> Iterator[Block]:
        part = self._part.related_parts.get(reference.get(f"{_R}id") or "")
        found = chart_block(part.blob, anchor=self._next("chart")) if part is not None else None
        if found:
            yield found

    # ------------------------------------------------------------ tables

    def _table(self, table: Element) -> Iterator[Block]:
        rows = _grid(table)
        cells = list(_cells(table))
        if len(cells) == 1:
            # A frame around text, not a table.
            yield from self._inside(cells[0])
            return
        if rows:
            anchor = self._next("table")
            yield table_block(list(rows.values()), anchor=anchor, numbers=list(rows))
        yield from self._beside(table)

    # ------------------------------------------------------------ notes

    def _told_notes(self) -> Iterator[Block]:
        for number, (kind, key) in enumerate(dict.fromkeys(self._noted)):
            text = self._notes[kind].get(key, "")
            if text:
                anchor = self._next(kind.removesuffix("s"))
                if number == 0:
                    yield Block("heading", "Notes", level=1, anchor=anchor)
                yield Block("text", f"{anchor.capitalize()}: {text}", anchor=anchor)


def _lists_joined(blocks: Iterator[Block]) -> Iterator[Block]:
    """Items that follow each other are one list; its place is the first to the last of them."""
    items: list[Block] = []
    for block in blocks:
        if items and (block.kind != "list" or len(items) == 20):
            yield _list(items)
            items = []
        if block.kind == "list":
            items.append(block)
        else:
            yield block
    if items:
        yield _list(items)


def _list(items: Sequence[Block]) -> Block:
    first, last = items[0].anchor, items[-1].anchor.rpartition(" ")[2]
    anchor = first if len(items) == 1 else f"{first.replace('paragraph', 'paragraphs')}-{last}"
    text = ""
    marks = []
    for item in items:
        text += "\n" if text else ""
        marks.append(Mark(len(text), len(text) + len(item.text), item.anchor if len(items) > 1 else ""))
        text += item.text
    return Block("list", text, anchor=anchor, marks=tuple(marks))


def _shown(element: Element) -> Iterator[Element]:
    """Everything under an element that is displayed; does not enter text boxes."""
    for child in element:
        if child.tag in {_FALLBACK, f"{_W}del", f"{_W}moveFrom"}:
            continue
        yield child
        if child.tag != f"{_W}txbxContent":
            yield from _shown(child)


def _text(element: Element) -> str:
    lines = "".join(_pieces(element)).split("\n")
    return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def _pieces(element: Element) -> Iterator[str]:
    for child in element:
        if child.tag in _SKIPPED:
            continue
        if child.tag in {f"{_W}t", f"{_M}t"}:
            yield child.text or ""
        elif child.tag == f"{_W}tab":
            yield "\t"
        elif child.tag in {f"{_W}br", f"{_W}cr"}:
            yield "\n"
        elif child.tag == f"{_W}noBreakHyphen":
            yield "-"
        elif child.tag == f"{_M}f":
            yield from _fraction(child)
        else:
            yield from _pieces(child)


def _fraction(element: Element) -> Iterator[str]:
    """a/b of an equation in one line."""
    over, under = element.find(f"{_M}num"), element.find(f"{_M}den")
    yield "("
    yield from _pieces(over if over is not None else ())
    yield ")/("
    yield from _pieces(under if under is not None else ())
    yield ")"


def _alt(blip: Element) -> str:
    frame = next(blip.iterancestors(f"{_WP}inline", f"{_WP}anchor"), None)
    told = frame.find(f"{_WP}docPr") if frame is not None else None
    if told is not None:
        return told.get("descr") or ""
    shape = next(blip.iterancestors(f"{_V}shape"), None)
    return (shape.get("alt") or "") if shape is not None else ""


def _notes(part: Any, kind: str) -> dict[str, str]:
    """The texts of the foot-, endnotes or comments, by their id."""
    found = next(
        (one for one in part.related_parts.values() if str(one.partname).endswith(f"/{kind}.xml")), None
    )
    if found is None:
        return {}
    notes = parse(found.blob).iterfind(f"{_W}{kind.removesuffix('s')}")
    return {note.get(f"{_W}id") or "": _note(note) for note in notes if note.get(f"{_W}type") is None}


def _note(note: Element) -> str:
    text = " ".join(text for paragraph in note.iter(f"{_W}p") if (text := _text(paragraph)))
    author = note.get(f"{_W}author")
    return f"{author}: {text}" if author and text else text


# ---------------------------------------------------------------- tables


def _rows(table: Element) -> Iterator[Element]:
    """Rows, those in content controls too."""
    for child in table:
        if child.tag == f"{_W}tr":
            yield child
        elif child.tag in {f"{_W}sdt", f"{_W}sdtContent"}:
            yield from _rows(child)


def _cells_of(row: Element) -> Iterator[Element]:
    for child in row:
        if child.tag == f"{_W}tc":
            yield child
        elif child.tag in {f"{_W}sdt", f"{_W}sdtContent"}:
            yield from _cells_of(child)


def _cells(table: Element) -> Iterator[Element]:
    for row in _rows(table):
        yield from _cells_of(row)


def _grid(table: Element) -> dict[int, list[str]]:
    """The texts of the cells by row, from 1, a merged cell repeated in every square that it covers.

    Rows and columns without any text are left out.
    """
    lines: list[list[str]] = []
    above: dict[int, str] = {}
    for row in _rows(table):
        line = [""] * _number(row, f"{_W}trPr/{_W}gridBefore", 0)
        for cell in _cells_of(row):
            merge = cell.find(f"{_W}tcPr/{_W}vMerge")
            goes_on = merge is not None and merge.get(f"{_W}val", "continue") == "continue"
            text = above.get(len(line), "") if goes_on else _cell_text(cell)
            for _ in range(_number(cell, f"{_W}tcPr/{_W}gridSpan", 1)):
                above[len(line)] = text
                line.append(text)
        lines.append(line)
    width = max(map(len, lines), default=0)
    full = [[*line, *[""] * (width - len(line))] for line in lines]
    used = [column for column in range(width) if any(line[column] for line in full)]
    return {number: [line[column] for column in used] for number, line in enumerate(full, 1) if any(line)}


def _number(element: Element, path: str, usual: int) -> int:
    found = element.find(path)
    given = found.get(f"{_W}val", "") if found is not None else ""
    return max(usual, min(int(given), _WIDEST)) if given.isascii() and given.isdigit() else usual


def _cell_text(cell: Element) -> str:
    """A cell in one line; a table inside of it row by row."""
    texts = []
    for child in cell:
        if child.tag == f"{_W}tbl":
            texts += ["; ".join(", ".join(filter(None, row)) for row in _grid(child).values())]
        elif child.tag in {f"{_W}p", f"{_W}sdt"}:
            texts.append(_text(child))
    return " ".join(" ".join(texts).split())
