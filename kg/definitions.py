"""Terms that a text defines for itself: "Acme Holdings Inc. (the "Company")", "magnetic resonance
imaging (MRI)", 贵州茅台酒股份有限公司（以下简称“公司”）.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from core.text import CJK
from kg.names import name_of
from kg.spans import CONNECTORS, SPAN, UPPER, name_start_cjk, trimmed


class Definition(NamedTuple):
    """`role`: defined, when the text speaks of itself ("the Company"); term for any other."""

    long: str
    short: str
    role: str


_BRACKET = re.compile(r"[(（](?P<inside>[^()（）]{2,160})[)）]")
_QUOTATION = re.compile("[\"“‘'「]")
_QUOTED = re.compile(r"[\"“‘'「](?:the\s+)?(?P<short>[^\"“”‘’'「」]{2,40}?)[\"”’'」]", re.IGNORECASE)
_RUN_CJK = re.compile(rf"[{CJK}A-Za-z0-9·]{{4,40}}$")
_ABBREVIATED = re.compile(rf"\((?P<short>[{UPPER}][{UPPER}\d&-]{{1,7}})s?\)")
_DEFINED_CJK = re.compile(  # without brackets; in brackets it is found as any other
    rf"(?P<long>[{CJK}A-Za-z0-9·]{{4,40}}?)[，,]\s*以?下(?:文|面)?(?:简称|称)(?:为|作)?[:：]?\s*[“「\"‘'《](?P<short>[^“”「」\"'‘’《》]{{2,20}})[”」\"’'》]"
)

OURSELVES = frozenset(
    re.split(
        r",\s*",
        "company, group, corporation, issuer, registrant, bank, trust, fund, partnership, firm, association, institute, "
        "公司, 本公司, 集团, 本集团, 本行, 发行人, 本基金, 基金, 本院, 我院, 我司, 本所",
    )
)


def definitions(text: str) -> Iterator[Definition]:
    """Every term that the text defines: 'Acme Holdings Inc. (the "Company")',
    'positron emission tomography (PET)', '贵州茅台酒股份有限公司（以下简称“公司”）'.
    """
    if "(" in text or "（" in text:
        for bracket in _BRACKET.finditer(text):
            inside = bracket["inside"]
            shorts = (
                [quoted["short"] for quoted in _QUOTED.finditer(inside)] if _QUOTATION.search(inside) else []
            )
            long = _name_before(text, _before_space(text, bracket.start())) if shorts else ""
            for short in shorts if long else ():
                yield _definition(long, short)
        for match in _ABBREVIATED.finditer(text):
            spelled = _spelled_out(text[max(0, match.start() - 120) : match.start()], match["short"])
            if spelled:
                yield Definition(spelled, match["short"], "term")
    if "称" in text:
        for match in _DEFINED_CJK.finditer(text):
            start = name_start_cjk(text, *match.span("long"))
            yield _definition(text[start : match.end("long")], match["short"])


def _before_space(text: str, at: int) -> int:
    return at - text[at - 1 : at].isspace()


def _definition(long: str, short: str) -> Definition:
    short = short.strip(" ,.")
    return Definition(long, short, "defined" if name_of(short) in OURSELVES else "term")


def _name_before(text: str, end: int) -> str:
    """The name that ends just there, or nothing."""
    begin = max(0, end - 100)
    for match in SPAN.finditer(text, begin, end):
        if match.end() >= end - 1:
            start, stop = trimmed(text, *match.span())
            return text[start:stop]
    run = _RUN_CJK.search(text, begin, end)
    return text[name_start_cjk(text, run.start(), end) : end] if run else ""


def _spelled_out(before: str, short: str) -> str | None:
    """The words just before whose first letters are those of the abbreviation."""
    letters = [char.lower() for char in short if char.isalpha()]
    words = re.findall(r"[\w'’]+", before)
    for skipped in range(3):  # small words carry no letter: "Bank of America (BA)"
        tail = words[-(len(letters) + skipped) :]
        initials = [word[0].lower() for word in tail if word.lower() not in CONNECTORS or not skipped]
        if len(tail) == len(letters) + skipped and initials == letters:
            return (
                before[before.rindex(tail[0], 0, _begin(before, len(tail))) :].strip()
                if len(tail) > 1
                else None
            )
    return None


def _begin(before: str, count: int) -> int:
    starts = [match.end() for match in re.finditer(r"[\w'’]+", before)]
    return starts[-count]
