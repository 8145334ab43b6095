"""What a document is called: by its own words, else by the largest type on its first page.

The forms of the United States' Securities and Exchange Commission all bear the same large words; they
are called by company, form and period.
"""

import re
from collections.abc import Iterator, Sequence
from statistics import median

from core.text import CJK
from core.types import Block, Page

_FILE_NAME = re.compile(
    r"\.(?:docx?|pdf|pptx?|xlsx?|indd|qxd|tex|dvi|html?|rtf|txt|ps|fm|p65)\b|[\\/]\w+[\\/]", re.IGNORECASE
)
_EMPTY = re.compile(r"(?:untitled|unknown|document|title|none|null|slide)[\s\d]*$", re.IGNORECASE)
# What stands largest on many covers and names none of the documents behind them.
_EVERYBODYS = re.compile(
    r"united states\b|commission file|for the (?:fiscal|quarterly|transition)|(?:u\.\s?s\.\s)?securities and exchange|form\s+\w{1,3}-\w|documents incorporated|"
    r"(?:table of )?contents$|index$|part [ivx]+$|目\s*录$",
    re.IGNORECASE,
)
_LARGE = 1.2  # times the height of the first page's usual type

_FORM = re.compile(r"\bform\s+((?:10|20|8|6|11|40)-[KQF](?:/A)?)", re.IGNORECASE)
_PERIOD = re.compile(
    r"(?:fiscal year|quarterly period|transition period|year|quarter)\s+ended:?\s+(\w+\s+\d{1,2},?\s+\d{4})",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"date of (?:report|earliest event)[^)]*\)?:?\s+(\w+\s+\d{1,2},?\s+\d{4})", re.IGNORECASE
)
_REGISTRANT = re.compile(
    r"^([^\n(]{3,80}?)\s*\(exact name of (?:the )?registrant", re.IGNORECASE | re.MULTILINE
)
_NO_NAME = re.compile(r"commission file|transition period|act of 1934", re.IGNORECASE)


def title_of(given: str, pages: Sequence[Page]) -> str:
    """What a form's cover says, else what the file claims if it reads like a title, else the largest heading.

    "" where nothing says it.
    """
    first = pages[0].blocks if pages else ()
    return _form_title(first) or (given if _is_title(given) else _largest(first))


def _is_title(text: str) -> bool:
    letters = sum(1 for char in text if char.isalpha())
    return (
        letters >= 4
        and 2 * letters >= len(text.replace(" ", ""))
        and not any(pattern.match(text) for pattern in (_EMPTY, _EVERYBODYS))
        and not _FILE_NAME.search(text)
        and not text.lower().startswith("microsoft ")
        and (" " in text or re.search(f"[{CJK}]", text) is not None)
    )


def _form_title(blocks: Sequence[Block]) -> str:
    """For a cover page of the Commission: "AMAZON.COM, INC., Form 10-K, December 31, 2019"."""
    text = "\n".join(_lines(blocks))
    form = _FORM.search(text)
    if not form or "securities and exchange" not in text.lower():
        return ""
    named = _REGISTRANT.search(text)
    company = _without_rules(named[1]) if named and not _NO_NAME.search(named[1]) else _largest(blocks)
    period = _PERIOD.search(text) or _REPORTED.search(text)
    parts = [company, f"Form {form[1].upper()}", period[1] if period else ""]
    return ", ".join(part for part in parts if part) if company else ""


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        if block.rows:
            yield from (" ".join(dict.fromkeys(cell for cell in row if cell)) for row in block.rows)
        else:
            yield block.text


def _without_rules(text: str) -> str:
    return " ".join(re.sub(r"_{2,}|[-–—]{3,}", " ", text).split()).strip("| ")


def _largest(blocks: Sequence[Block]) -> str:
    heights = [span.box.height for block in blocks for span in block.spans]
    usual = median(heights) if heights else 0.0
    headings = [
        block
        for block in blocks
        if block.kind == "heading"
        and not (_EMPTY.match(block.text) or _EVERYBODYS.match(block.text))
        and (_height(block) >= _LARGE * usual or block.level == 1 or len(blocks) < 3)
    ]
    best = max(headings, key=_height, default=None)
    return " ".join(best.text.split()) if best else ""


def _height(block: Block) -> float:
    """Of its first word, which is that of its type."""
    return block.spans[0].box.height if block.spans else 0.0
