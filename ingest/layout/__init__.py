"""Words on a page -> blocks in reading order: headings, paragraphs, lists, tables, figures.

Works on words with boxes alone, so that a born-digital page and a page read by OCR are laid out by
the same rules. Knows nothing of PDF, and nothing of the insides of tables (`ingest.tables`).

The way of a document: running headers and footers are found over all pages and taken out
(`margins`); then, on each page, tables take their words, the rest becomes lines (`lines`), lines
become columns (`columns`), columns paragraphs (`paragraphs`); that is a draft (`drafts`). With the
body's type size known (`headings`), the paragraphs of the drafts become blocks (`blocks`).
"""

import re
from collections.abc import Sequence

from core.text import CJK
from core.types import Block, Page
from ingest.layout.blocks import page_of
from ingest.layout.drafts import drafts_of, merged
from ingest.layout.headings import Style
from ingest.layout.sheet import Back, Bookmark, Sheet

__all__ = ["Back", "Bookmark", "Sheet", "lay_out", "merged", "title_of"]


def lay_out(sheets: Sequence[Sheet], outline: Sequence[Bookmark] = ()) -> tuple[Page, ...]:
    """The pages of a document, blocks in reading order, boxes in the frame in which a page is seen."""
    drafts = drafts_of(sheets)
    style = Style(drafts, outline)
    backs = {sheet.number: sheet.back for sheet in sheets if sheet.back}
    return tuple(page_of(draft, style, backs) for draft in drafts)


def title_of(given: str, pages: Sequence[Page]) -> str:
    """The title that the file claims if it reads like one, else the largest heading of the first page."""
    if _is_title(given):
        return given
    headings = [block for block in pages[0].blocks if block.kind == "heading"] if pages else []
    best = min(headings, key=lambda block: (block.level, -_height(block)), default=None)
    return " ".join(best.text.split()) if best else ""


def _height(block: Block) -> float:
    """Of its first word, which is that of its type."""
    return block.spans[0].box.height if block.spans else 0.0


_FILE_NAME = re.compile(
    r"\.(?:docx?|pdf|pptx?|xlsx?|indd|qxd|tex|dvi|html?|rtf|txt|ps|fm|p65)\b|[\\/]{1}\w+[\\/]", re.IGNORECASE
)
_EMPTY_TITLE = re.compile(r"(?:untitled|unknown|document|title|none|null|slide)[\s\d]*$", re.IGNORECASE)


def _is_title(text: str) -> bool:
    letters = sum(1 for char in text if char.isalpha())
    return (
        letters >= 4
        and 2 * letters >= len(text.replace(" ", ""))
        and not _FILE_NAME.search(text)
        and not _EMPTY_TITLE.match(text)
        and not text.lower().startswith("microsoft ")
        and (" " in text or re.search(f"[{CJK}]", text) is not None)
    )
