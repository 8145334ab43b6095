"""Words on a page -> blocks in reading order: headings, paragraphs, lists, tables, figures.

Works on words with boxes alone, so that a born-digital page and a page read by OCR are laid out by
the same rules. Knows nothing of PDF, and nothing of the insides of tables (`ingest.tables`).

The way of a document: running headers and footers are found over all pages and taken out
(`margins`); then, on each page, tables take their words, the rest becomes lines (`lines`), lines
become columns (`columns`), columns paragraphs (`paragraphs`); that is a draft (`drafts`). With the
body's type size known (`headings`), the paragraphs of the drafts become blocks (`blocks`).
"""

from collections.abc import Sequence

from core.types import Page
from ingest.layout.blocks import page_of
from ingest.layout.drafts import drafts_of
from ingest.layout.figures import merged
from ingest.layout.headings import Style
from ingest.layout.sheet import Back, Bookmark, Sheet
from ingest.layout.title import title_of

__all__ = ["Back", "Bookmark", "Sheet", "lay_out", "merged", "title_of"]


def lay_out(sheets: Sequence[Sheet], outline: Sequence[Bookmark] = ()) -> tuple[Page, ...]:
    """The pages of a document, blocks in reading order, boxes in the frame in which a page is seen."""
    drafts = drafts_of(sheets)
    style = Style(drafts, outline)
    backs = {sheet.number: sheet.back for sheet in sheets if sheet.back}
    return tuple(page_of(draft, style, backs) for draft in drafts)
