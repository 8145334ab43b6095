"""Pages in reading order, before it is known what their headings are: tables, figures, paragraphs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.layout.columns import Solid, columns_of
from ingest.layout.figures import figures_of
from ingest.layout.lines import Line, Run, lines_of, runs_of
from ingest.layout.margins import margins_of
from ingest.layout.paragraphs import SAME_SIZE, SAME_SIZE_READ, Paragraph, flowing, paragraphs_of
from ingest.layout.sheet import Sheet
from ingest.tables import Table, find_tables, stitch
from ingest.words import Word


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
    left = [
        [run for run in own if id(run) not in margin.taken] if margin.taken else own
        for own, margin in zip(runs, margins)
    ]
    # Where margins are all that a document says, they are its text.
    if any(left) or any(sheet.figures or sheet.charts or sheet.image for sheet in sheets):
        runs = left
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
    solids += [Solid(chart, chart.box) for chart in sheet.charts if chart.box]
    for figure in figures_of(sheet, words, taken, [table.box for table in tables]):
        solids.append(figure.solid)
        taken |= figure.words
    if taken:
        runs = runs_of(word for index, word in enumerate(words) if index not in taken)
    regions = []
    for region in columns_of([*runs, *solids], sheet.width) if runs or solids else []:
        items: list[Line | Solid] = [*lines_of(atom for atom in region if isinstance(atom, Run))]
        items += [atom for atom in region if isinstance(atom, Solid)]
        items.sort(key=lambda item: item.y0)
        regions.append(paragraphs_of(items, SAME_SIZE_READ if sheet.recognized else SAME_SIZE))
    return Draft(sheet, label, flowing(regions))
