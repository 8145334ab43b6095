"""Plain text: paragraphs between empty lines. Places are "line N", counted from 1."""

import re
from collections.abc import Iterator
from pathlib import Path

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page
from ingest.readers.encoding import read_text

_LONGEST = 1500  # a paragraph of more characters is cut at a line end, so that "line N" stays near
_HEADING = re.compile(
    r"(?:chapter|part|section|article|appendix|item)\s+[\divxlc]+\b|第[一二三四五六七八九十百零〇\d]+[章节篇部条]|[一二三四五六七八九十]+、",
    re.IGNORECASE,
)
_SENTENCE_END = tuple(".!?;,:。！？；，：")


def read(path: Path, _sink: ImageSink) -> Content:
    blocks = tuple(blocks_of(read_text(path)))
    if not blocks:
        raise UnreadableFile("the file holds no text")
    title = blocks[0].text if blocks[0].kind == "heading" else ""
    return Content("text/plain", (Page(1, blocks),), title)


def blocks_of(text: str) -> Iterator[Block]:
    for number, lines in _paragraphs(text):
        joined = "\n".join(lines)
        if len(lines) == 1 and _is_heading(joined):
            yield Block("heading", joined, level=1, anchor=f"line {number}")
        else:
            yield Block("text", joined, anchor=f"line {number}")


def _paragraphs(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines without an empty one between them, each with the number of its first line."""
    kept: list[str] = []
    first = length = 0
    for number, given in enumerate(text.replace("\x0c", "\n").split("\n"), 1):
        line = given.rstrip().replace("\x00", "")
        if kept and (not line or length + len(line) > _LONGEST):
            yield first, kept
            kept = []
            length = 0
        if line:
            first = first if kept else number
            kept.append(line)
            length += len(line) + 1
    if kept:
        yield first, kept


def _is_heading(line: str) -> bool:
    """A short line alone, in capitals or numbered as a chapter."""
    bare = line.strip()
    if len(bare) > 80 or bare.endswith(_SENTENCE_END):
        return False
    letters = [char for char in bare if char.isalpha()]
    in_capitals = len(letters) >= 4 and all(char.isupper() for char in letters)
    return in_capitals or _HEADING.match(bare) is not None
