"""Drafts -> pages of blocks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from core.types import Block, BlockKind, Box, Page, Span
from ingest.layout.columns import Solid
from ingest.layout.drafts import Draft
from ingest.layout.headings import Style
from ingest.layout.paragraphs import Paragraph
from ingest.layout.sheet import Back
from ingest.layout.text import JOINED, Text, assemble

_WORD_END = re.compile(r"[^\W\d_]{2,}[-\u00ad]$")


def page_of(draft: Draft, style: Style, backs: Mapping[int, Back]) -> Page:
    """`backs` are the maps of all pages that have one: a table may reach over the page."""
    sheet = draft.sheet
    blocks: list[Block] = []
    items: list[Paragraph] = []
    for region in draft.regions:
        for item in region:
            if isinstance(item, Paragraph) and item.item and not style.level(item, draft):
                items.append(item)
                continue
            blocks += _list(items, style, sheet.number)
            items = []
            if isinstance(item, Solid):
                blocks.append(item.block)
            else:
                blocks.append(_block(item, style.level(item, draft), style, sheet.number))
    blocks += _list(items, style, sheet.number)
    if sheet.turned:
        text = assemble([sheet.turned], [], sheet.number)
        blocks.append(Block("text", text.text, _around(text.spans), text.spans))
    width, height = sheet.width, sheet.height
    if sheet.back:
        width, height = sheet.back.width, sheet.back.height
    if backs:
        blocks = [_mapped(block, sheet.number, backs) for block in blocks]
    return Page(
        number=sheet.number,
        blocks=tuple(blocks),
        width=round(width, 2),
        height=round(height, 2),
        label=draft.label,
        image=sheet.image,
        recognized=sheet.recognized,
        problem=sheet.problem,
    )


def _block(paragraph: Paragraph, level: int, style: Style, page: int) -> Block:
    kind: BlockKind = "heading" if level else "text"
    forced = [False] * len(paragraph.forced) if level else paragraph.forced
    text = _paragraph_text(paragraph, forced, style, page)
    return Block(kind, text.text, _around(text.spans), text.spans, level=level)


def _list(items: Sequence[Paragraph], style: Style, page: int) -> list[Block]:
    """Items that follow one another as one block, one line for each."""
    if not items:
        return []
    pieces: list[str] = []
    spans: list[Span] = []
    at = 0
    for item in items:
        text = _paragraph_text(item, [False] * len(item.forced), style, page)
        spans += [Span(start + at, end + at, on, box) for start, end, on, box in text.spans]
        pieces.append(text.text)
        at += len(text.text) + 1
    return [Block("list", "\n".join(pieces), _around(spans), tuple(spans))]


def _paragraph_text(paragraph: Paragraph, forced: Sequence[bool], style: Style, page: int) -> Text:
    between = ["\n" if own else " " for own in forced]
    for number, (before, after) in enumerate(pairwise(paragraph.lines)):
        word = before.last.text
        if between[number] == " " and _WORD_END.search(word) and after.first.text[0].islower():
            between[number] = "" if style.keeps_hyphen(word, after.first.text) else JOINED
    return assemble([line.words for line in paragraph.lines], between, page)


def _around(spans: Sequence[Span]) -> Box | None:
    if not spans:
        return None
    x0s, y0s, x1s, y1s = zip(*[span.box for span in spans])
    return Box(min(x0s), min(y0s), max(x1s), max(y1s))


def _mapped(block: Block, page: int, backs: Mapping[int, Back]) -> Block:
    """A block in the frames in which its pages are seen."""
    spans = tuple(
        span._replace(box=backs[span.page].word(span.box)) if span.page in backs else span
        for span in block.spans
    )
    box = backs[page].area(block.box) if block.box and page in backs else block.box
    readings = tuple(
        replace(reading, box=backs[page].area(reading.box)) if reading.box and page in backs else reading
        for reading in block.readings
    )
    return replace(block, spans=spans, box=box, readings=readings)
