"""HTML: the main content of a page as blocks. No script runs and nothing is fetched.

Places are "line N" of the source. What is hidden by attribute or inline style is left out; what a
style sheet or a script would hide is not known here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, BlockKind, Content, Page
from ingest.readers.encoding import decode
from ingest.readers.tabletext import table_block

Element = Any  # lxml comes without types

_DROPPED = frozenset(
    re.split(
        r"\s+",
        "script style noscript template head title meta link svg math canvas iframe object embed audio video map "
        "button select option input textarea datalist dialog",
    )
)
_AROUND = frozenset(("nav", "footer", "aside"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu"))
_BLOCKS = _LISTS | frozenset(
    re.split(
        r"\s+",
        "html body div section article main header footer aside nav blockquote form fieldset details summary "
        "center address figure figcaption hgroup search dl dd dt tbody thead tfoot tr td th caption legend p li hr",
    )
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]{0,100}encoding=[\"']([\w-]+)", re.IGNORECASE
)
_MAIN = "//main | //*[@role='main'] | //article"
_WIDEST = 100  # columns, and rows, that one cell may claim to cover
_MANY_LINKS = 8
_LONGEST_CELL = 1500  # a table with more text in one cell is there for the page's layout


def read(path: Path, _sink: ImageSink) -> Content:
    return content_of(path.read_bytes())


def content_of(data: bytes, *, declared: bool = True) -> Content:
    """The content of a page. Without `declared` it is UTF-8, whatever it says of itself.

    Raises UnreadableFile where no text is visible.
    """
    root = _parse(_source(data) if declared else data.decode("utf-8", "replace"))
    body = root.find("body") if root.find("body") is not None else root
    blocks = _Blocks()
    blocks.enter(_main(body))
    found = blocks.finish()
    if not found:
        raise UnreadableFile("the page holds no visible text")
    heading = next((block.text for block in found if block.kind == "heading" and block.level == 1), "")
    title = " ".join((root.findtext(".//title") or "").split()) or heading
    return Content("text/html", (Page(1, found),), title, _meta(root))


def fragment_text(source: str) -> str:
    """The visible text of a piece of HTML, as it stands inside other formats."""
    try:
        root = _parse(source)
    except UnreadableFile:
        return ""
    return _inline(root)


def _source(data: bytes) -> str:
    declared = _DECLARED.search(data[:4096])
    if declared and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        # Browsers, too, read these two as their supersets.
        name = (declared[1] or declared[2]).decode().lower()
        name = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}.get(name, name)
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)


def _parse(source: str) -> Element:
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    # A zero ends the text for libxml2; lone surrogates cannot be encoded.
    data = source.replace("\x00", "").encode("utf-8", "replace")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(f"the HTML cannot be read: {error}") from error
    if root is None:
        raise UnreadableFile("the page holds no visible text")
    return root


def _meta(root: Element) -> dict[str, str]:
    found = {}
    for element in root.iterfind(".//meta"):
        name = (element.get("name") or element.get("property") or "").lower().rpartition(":")[2]
        if name in {"author", "description", "keywords", "published_time", "date"} and element.get("content"):
            found[name] = " ".join(element.get("content").split())
    if root.get("lang"):
        found["language"] = root.get("lang")
    return found


def _main(body: Element) -> Element:
    """The element that holds the content, if the page says which; else the whole body."""
    size = len(_inline(body))
    candidates = [element for element in body.xpath(_MAIN) if 4 * len(_inline(element)) >= size]
    return max(candidates, key=lambda element: len(_inline(element)), default=body)


def _hidden(element: Element) -> bool:
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or _HIDDEN_STYLE.search(element.get("style") or "") is not None
    )


def _inline(element: Element) -> str:
    """All visible text under an element in one line."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Element) -> Iterator[str]:
    if element.tag in _DROPPED or _hidden(element):
        return
    apart = element.tag in _BLOCKS or element.tag in _HEADINGS or element.tag in {"br", "table", "pre"}
    if apart:
        yield " "
    if element.tag == "img" and element.get("alt"):
        yield element.get("alt")
    yield element.text or ""
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""
    if apart:
        yield " "


class _Blocks:
    """Walks a tree once and collects its blocks; text outside of paragraphs becomes paragraphs too."""

    def __init__(self) -> None:
        self._found: list[Block] = []
        self._run: list[str] = []
        self._line = 0

    def finish(self) -> tuple[Block, ...]:
        self._flush()
        return tuple(self._found)

    def enter(self, element: Element) -> None:
        tag = element.tag
        if tag in _DROPPED or tag in _AROUND or _hidden(element):
            return
        if tag in _HEADINGS:
            self._add("heading", _inline(element), element, level=_HEADINGS[tag])
        elif tag in _LISTS and _is_navigation(element):
            return
        elif tag in _LISTS:
            self._add("list", "\n".join(_items(element, 0)), element)
        elif tag == "pre":
            self._add("code", "".join(element.itertext()).strip("\n"), element)
        elif tag == "table" and _is_data(element):
            self._add_table(element)
        else:
            self._pass_through(element)

    def _pass_through(self, element: Element) -> None:
        apart = element.tag in _BLOCKS or element.tag == "table"
        if apart:
            self._flush()
        self._say(element.text, element)
        if element.tag == "br":
            self._say("\n", element)
        elif element.tag == "img":
            self._say(element.get("alt"), element)
        for child in element:
            self.enter(child)
            self._say(child.tail, child)
        if apart:
            self._flush()

    def _say(self, text: str | None, element: Element) -> None:
        if not text:
            return
        if not self._run and text.strip():
            self._line = element.sourceline or 0
        if self._run or text.strip():
            self._run.append(text if text == "\n" else re.sub(r"\s+", " ", text))

    def _flush(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self._run).split("\n")]
        text = "\n".join(line for line in lines if line)
        if text:
            self._found.append(Block("text", text, anchor=f"line {self._line}"))
        self._run = []

    def _add(self, kind: BlockKind, text: str, element: Element, *, level: int = 0) -> None:
        self._flush()
        if text.strip():
            self._found.append(Block(kind, text, level=level, anchor=f"line {element.sourceline}"))

    def _add_table(self, element: Element) -> None:
        self._flush()
        caption = element.find("caption")
        above = _inline(caption) if caption is not None else ""
        rows = _grid(element)
        anchor = f"line {element.sourceline}"
        self._found.append(table_block(list(rows.values()), anchor=anchor, above=above, numbers=list(rows)))


def _is_navigation(element: Element) -> bool:
    """Many short items of nothing but links: they lead elsewhere and say nothing."""
    text = len(_inline(element))
    links = sum(len(_inline(link)) for link in element.iter("a"))
    count = sum(1 for _ in element.iter("li"))
    return count >= _MANY_LINKS and links >= 0.9 * text - 2 * count and text <= 40 * count


def _items(element: Element, depth: int) -> Iterator[str]:
    number = int(element.get("start") or 1) if (element.get("start") or "1").isdigit() else 1
    for item in element:
        if item.tag in _LISTS:
            yield from _items(item, depth + 1)
        if item.tag != "li" or _hidden(item):
            continue
        own = [item.text or ""]
        nested = []
        for child in item:
            if child.tag in _LISTS:
                nested.append(child)
            else:
                own.extend(_pieces(child))
            own.append(child.tail or "")
        text = " ".join("".join(own).split())
        mark = f"{number}." if element.tag == "ol" else "-"
        if text:
            yield f"{'  ' * depth}{mark} {text}"
            number += 1
        for child in nested:
            yield from _items(child, depth + 1)


# ---------------------------------------------------------------- tables


def _rows(table: Element) -> list[Element]:
    """The rows of the table itself, not those of tables in its cells."""
    rows = []
    for child in table:
        if child.tag == "tr":
            rows.append(child)
        elif child.tag in {"thead", "tbody", "tfoot"}:
            rows.extend(row for row in child if row.tag == "tr")
    return [row for row in rows if not _hidden(row)]


def _cells(row: Element) -> list[Element]:
    return [cell for cell in row if cell.tag in {"td", "th"} and not _hidden(cell)]


def _is_data(table: Element) -> bool:
    """False for a table that only arranges the page: one column, or cells that hold whole sections."""
    rows = _rows(table)
    if (
        table.get("role") in {"presentation", "none"}
        or max((len(_cells(row)) for row in rows), default=0) < 2
    ):
        return False
    headings = sum(len(list(table.iter(tag))) for tag in ("h1", "h2", "h3"))
    return not headings and all(len(_inline(cell)) <= _LONGEST_CELL for row in rows for cell in _cells(row))


def _grid(table: Element) -> dict[int, list[str]]:
    """The texts of the cells by row, from 1, a merged cell repeated in every square that it covers.

    Rows and columns without any text are left out.
    """
    rows = _rows(table)
    squares: dict[tuple[int, int], str] = {}
    for number, row in enumerate(rows):
        column = 0
        for cell in _cells(row):
            while (number, column) in squares:
                column += 1
            text = _inline(cell)
            for down in range(min(_covers(cell, "rowspan"), len(rows) - number)):
                for right in range(_covers(cell, "colspan")):
                    squares[number + down, column + right] = text
            column += _covers(cell, "colspan")
    width = 1 + max((column for _, column in squares), default=0)
    lines = [[squares.get((number, column), "") for column in range(width)] for number in range(len(rows))]
    used = [column for column in range(width) if any(line[column] for line in lines)]
    return {number: [line[column] for column in used] for number, line in enumerate(lines, 1) if any(line)}


def _covers(cell: Element, direction: str) -> int:
    given = cell.get(direction) or "1"
    return max(1, min(int(given), _WIDEST)) if given.isascii() and given.isdigit() else 1
