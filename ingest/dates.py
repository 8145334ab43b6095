"""CONTENT -> the day from which it speaks: stated by the document, else unknown.

A period end or a day counts only behind words that say what it is ("fiscal year ended", "date of
report", "dated"), on the first page, or in metadata in which an author states it. When a file was
made or printed says nothing about what it holds, so a PDF's creation date is no stated date.
"""

import re
from datetime import date

from core.period import find_periods
from core.types import Content

_STATED = ("published_time", "date", "sent", "effective", "issued")  # of `Content.meta`, surest first
_HEAD = 4_000  # characters of the first page: a cover, a letterhead
_REACH = 60  # characters from the words to the date
_PERIOD_ENDS = re.compile(
    r"\b(?:fiscal|financial)?\s*(?:year|quarter|quarterly period|period|months|weeks)\s+end(?:ed|ing)\b|截至|截止",
    re.IGNORECASE,
)
_DAY_IS = re.compile(
    r"\bdate of (?:this )?(?:report|letter|issue|publication|document)\b|\b(?:effective|publication|issue|release) date\b"
    r"|\bdated\b|^date\b|(?:报告|发布|签发|出具|编制|生效)日期?",
    re.IGNORECASE | re.MULTILINE,
)


def stated_date(content: Content) -> date | None:
    """What the reader found, else the metadata, else the first page."""
    return content.valid_from or _of_meta(content) or _of_first_page(content)


def _of_meta(content: Content) -> date | None:
    for name in _STATED:
        try:
            return date.fromisoformat(content.meta.get(name, "")[:10])
        except ValueError:
            continue
    return None


def _of_first_page(content: Content) -> date | None:
    """The latest end of a period, else the first day that is called the document's."""
    page = next((page for page in content.pages if page.blocks), None)
    if page is None:
        return None
    head = "\n".join(block.text for block in page.blocks)[:_HEAD]
    return max(_dates(head, _PERIOD_ENDS), default=None) or next(iter(_dates(head, _DAY_IS)), None)


def _dates(text: str, words: re.Pattern[str]) -> list[date]:
    """The first date behind each of the words, close enough to belong to them."""
    found = []
    for match in words.finditer(text):
        for period in find_periods(text[match.start() : match.end() + _REACH]):
            if period.period.ends:
                found.append(period.period.ends)
                break
    return found
