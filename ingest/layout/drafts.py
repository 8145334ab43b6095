"""Pages in reading order, before it is known what their headings are: tables, figures, paragraphs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.types import Block, Box
from ingest.layout.columns import Solid, columns_of
from ingest.layout.lines import Line, Run, lines_of, runs_of
from ingest.layout.margins import margins_of
from ingest.layout.paragraphs import SAME_SIZE, SAME_SIZE_READ, Paragraph, flowing, paragraphs_of
from ingest.layout.sheet import Sheet
from ingest.layout.text import assemble
from ingest.tables import Table, find_tables, stitch
from ingest.words import Word

_SMALLEST_FIGURE = 0.03  # of the page; smaller pictures are logos and ornaments
_BACKGROUND = 0.6  # a larger one lies behind the page's text


@dataclass(slots=True)
class Draft:
    sheet: Sheet
    label: str
    regions: list[list[Paragraph | Solid]]

    def paragraphs(self) -> Iterator[Paragraph]:
        for region in self.regions:
            for item in region:
                if isinstance(item, Paragraph):
                    yield item


def drafts_of(sheets: Sequence[Sheet]) -> list[Draft]:
    runs = [runs_of(sheet.words) for sheet in sheets]
    margins = margins_of(sheets, runs)
    for own, margin in zip(runs, margins):
        if margin.taken:
            own[:] = [run for run in own if id(run) not in margin.taken]
    words = [[word for run in own for word in run.words] for own in runs]
    tables = [find_tables(own, sheet.rulings, sheet.width, sheet.height) for sheet, own in zip(sheets, words)]
    return [
        _draft(sheet, margin.label, own, left, found, whole)
        for sheet, margin, own, left, found, whole in zip(
            sheets, margins, runs, words, tables, stitch(tables)
        )
    ]


def _draft(
    sheet: Sheet,
    label: str,
    runs: list[Run],
    words: list[Word],
    tables: Sequence[Table],
    whole: Sequence[Table],
) -> Draft:
    """`tables` stand on the page; `whole` are those that begin on it, with what goes on behind it."""
    taken = {index for table in tables for index in table.word_indexes}
    solids = [Solid(table.block(sheet.number), table.box) for table in whole]
    solids += _figures(sheet, words, taken)
    if taken:
        runs = runs_of(word for index, word in enumerate(words) if index not in taken)
    regions = []
    for region in columns_of([*runs, *solids], sheet.width) if runs or solids else []:
        items: list[Line | Solid] = [*lines_of(atom for atom in region if isinstance(atom, Run))]
        items += [atom for atom in region if isinstance(atom, Solid)]
        items.sort(key=lambda item: item.y0)
        regions.append(paragraphs_of(items, SAME_SIZE_READ if sheet.recognized else SAME_SIZE))
    return Draft(sheet, label, flowing(regions))


def _figures(sheet: Sheet, words: list[Word], taken: set[int]) -> Iterator[Solid]:
    """The pictures of a page with the words in them, which are added to `taken`."""
    area = sheet.width * sheet.height
    for box in merged(sheet.figures):
        if not _SMALLEST_FIGURE <= box.width * box.height / area <= _BACKGROUND:
            continue
        inside = [index for index, word in enumerate(words) if index not in taken and _holds(box, word.box)]
        lines = lines_of(runs_of(words[index] for index in inside))
        text = assemble([line.words for line in lines], ["\n"] * len(lines), sheet.number)
        taken.update(inside)
        yield Solid(Block("figure", text.text, box, text.spans), box)


def merged(boxes: Sequence[Box]) -> list[Box]:
    """Boxes that overlap or touch as one: many files cut a picture into strips."""
    found: list[Box] = []
    for box in sorted(boxes)[:500]:
        joined = box
        while True:
            touching = [other for other in found if _touch(joined, other)]
            if not touching:
                break
            found = [other for other in found if other not in touching]
            for other in touching:
                joined = joined.union(other)
        found.append(joined)
    return found


def _touch(one: Box, other: Box) -> bool:
    return (
        min(one.x1, other.x1) >= max(one.x0, other.x0) - 1
        and min(one.y1, other.y1) >= max(one.y0, other.y0) - 1
    )


def _holds(box: Box, inner: Box) -> bool:
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1
