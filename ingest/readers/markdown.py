"""Markdown (CommonMark and tables). Places are "line N", counted from 1."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page
from ingest.readers.encoding import read_text
from ingest.readers.tabletext import table_block


def read(path: Path, _sink: ImageSink) -> Content:
    text = read_text(path)
    front, skipped = _front_matter(text)
    tokens = (
        MarkdownIt("commonmark").enable("table").parse("\n" * skipped + text.split("\n", skipped)[skipped])
    )
    blocks = tuple(block for block in _blocks(tokens) if block.text.strip())
    if not blocks:
        raise UnreadableFile("the file holds no text")
    first = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    title = front.pop("title", "") or first
    return Content("text/markdown", (Page(1, blocks),), title, front)


def _front_matter(text: str) -> tuple[dict[str, str], int]:
    """The plain "key: value" lines between a leading pair of "---", and how many lines they take."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return {}, 0
    end = next((number for number, line in enumerate(lines[1:200], 1) if line.rstrip() in {"---", "..."}), 0)
    pairs = (line.partition(":") for line in lines[1:end] if line[:1].isalpha())
    return {
        key.strip(): value.strip().strip("\"'") for key, colon, value in pairs if colon
    }, end + 1 if end else 0


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    position = 0
    while position < len(tokens):
        token = tokens[position]
        end = _closing(tokens, position)
        inside = tokens[position : end + 1]
        anchor = f"line {token.map[0] + 1}" if token.map else ""
        match token.type:
            case "heading_open":
                yield Block("heading", _text(inside[1]), level=int(token.tag[1]), anchor=anchor)
            case "paragraph_open":
                yield Block("text", _text(inside[1]), anchor=anchor)
            case "bullet_list_open" | "ordered_list_open":
                yield Block("list", "\n".join(_items(inside)), anchor=anchor)
            case "table_open":
                rows = _rows(inside)
                yield table_block(rows, anchor=anchor, numbers=range(1, len(rows) + 1))
            case "fence" | "code_block":
                yield Block("code", token.content.rstrip("\n"), anchor=anchor)
            case "html_block":
                yield from _html(token.content, anchor)
            case "blockquote_open":
                yield from _blocks(inside[1:-1])
        position = end + 1


def _closing(tokens: Sequence[Token], start: int) -> int:
    """The index of the token that closes the one at `start`."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    return len(tokens) - 1


def _text(inline: Token) -> str:
    """What a reader sees of an inline token: link texts, image descriptions, no marks."""
    pieces = []
    for child in inline.children or []:
        if child.type in {"softbreak", "hardbreak"}:
            pieces.append("\n")
        elif child.type != "html_inline":
            pieces.append(child.content)
    return "".join(pieces).strip()


def _items(tokens: Sequence[Token]) -> Iterator[str]:
    """One line for each item, indented by depth, with its bullet or number."""
    counters: list[int | None] = []
    mark = ""
    for token in tokens:
        match token.type:
            case "bullet_list_open":
                counters.append(None)
            case "ordered_list_open":
                counters.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                counters.pop()
            case "list_item_open":
                number = counters[-1]
                mark = "-" if number is None else f"{number}."
                counters[-1] = None if number is None else number + 1
            case "inline" | "fence" | "code_block":
                text = _text(token) if token.type == "inline" else token.content.rstrip("\n")
                indent = "  " * (len(counters) - 1)
                yield f"{indent}{mark} {text}" if mark else f"{indent}  {text}"
                mark = ""


def _rows(tokens: Sequence[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_text(token))
    return rows


def _html(source: str, anchor: str) -> Iterator[Block]:
    from ingest.readers.html import fragment_text

    text = fragment_text(source)
    if text:
        yield Block("text", text, anchor=anchor)
