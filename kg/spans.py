"""Names that print shows: capitals and quotation marks in English; book marks, quotation marks and the
endings of organisations in Chinese.

Knows one sentence at a time, and nothing of documents. A name in lower case is not seen here.
"""

import re
from collections.abc import Iterable, Iterator

from core.text import CJK, STOP_WORDS
from kg.names import name_of


def _ranges(chars: Iterable[str]) -> str:
    runs: list[list[int]] = []
    for code in sorted(map(ord, chars)):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"{chr(a)}-{chr(b)}" if a < b else chr(a) for a, b in runs)


UPPER = _ranges(chr(code) for code in range(0x41, 0x530) if chr(code).isupper())
_LETTER = rf"[^\W_{CJK}]"
INNER = r"(?:of|the|de|von|van|der|den|du|del|della|di|da|al|bin|la|le|and|&|y)"
_TITLES = r"(?<=\bSt|\bMt|\bFt|\bDr|\bJr|\bSr|\bMr|\bMs|\bLt)"
TOKEN = rf"[{UPPER}](?:\.(?:(?:[{UPPER}]\.)+|(?=\s?[{UPPER}]))|(?:{_LETTER}|&|[-'’](?={_LETTER}))*(?:{_TITLES}\.(?=\s))?)"
# The first token begins with a class of characters, so that the search skips fast to the next capital.
SPAN = re.compile(
    rf"[{UPPER}](?<!\w[{UPPER}]){TOKEN[len(UPPER) + 2 :]}"
    rf"(?:(?<=\.)\s?{TOKEN}|\s+(?:{INNER}\s+){{0,2}}(?:{TOKEN}|\d{{1,3}}(?![\w.,%])))*"
    r"(?:,\s+(?:Inc|Incorporated|Corp|Ltd|LLC|LLP|PLC|plc|N\.V|S\.A|Jr|Sr)\b)?"
)
_QUOTED = re.compile(r"[“\"]\s?([^“”\"\n]{2,60}?)\s?[”\"]")
_QUOTED_CJK = re.compile(r"[《「『“]([^《》「」『』“”\n]{2,30})[》」』”]")
_LONGESTSPAN = 8  # words: a longer run of capitals is a heading in capitals

_WORD = re.compile(r"\w+")
MONTHS_AND_DAYS = frozenset(
    _WORD.findall(
        "january february march april may june july august september october november december jan feb mar apr jun jul aug "
        "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday"
    )
)
# Words that stand with a capital at the beginning of a sentence without being names.
OPENERS = STOP_WORDS | frozenset(
    _WORD.findall(
        "after although among an another around because before being besides between beyond both during each either "
        "every except few following former formerly furthermore given hence here however including indeed initially "
        "instead just last later less like many meanwhile more moreover most much my nearly neither never nevertheless "
        "new next no none nor not nothing now nowadays often once one only originally other others otherwise out over "
        "overall part perhaps previously rather recently same second several similarly since some sometimes soon still "
        "subsequently ten three through throughout thus today together too two under unless unlike until up upon using "
        "usually very via well while whether within without yes yet currently first four five six seven eight nine "
        "according additionally approximately based born despite due finally generally first together though them me him "
        "your table figure note notes item section page see total"
    )
)
CONNECTORS = frozenset(INNER.strip("(?:)").split("|"))
_POSSESSIVE = re.compile(r"['’]s?$")
_JOINT = re.compile(r"\s+(?:and|&)\s+|['’]s\s+")


def names(text: str) -> list[tuple[int, int, str]]:
    """(start, end, normalised name) of the names that print shows in one sentence."""
    found: list[tuple[int, int, str]] = []
    for match in SPAN.finditer(text):
        surface = match.group()
        if " " in surface or "\n" in surface:
            _joined(text, *match.span(), found)
        else:
            _add(surface, match.start(), found)
    if '"' in text or "“" in text:
        _quoted(text, _QUOTED, found)
    if not text.isascii():
        _quoted(text, _QUOTED_CJK, found)
        found += _organisations_cjk(text)
    return found


def _add(surface: str, start: int, found: list[tuple[int, int, str]]) -> None:
    lower = surface.lower()
    if lower in OPENERS or lower in MONTHS_AND_DAYS:
        return
    if "'" in surface or "’" in surface:
        surface = _POSSESSIVE.sub("", surface)
        lower = surface.lower()
    name = lower if surface.isalpha() and surface.isascii() else name_of(surface)
    if len(name) >= 3 and not name.isdigit() and name.count(" ") < _LONGESTSPAN:
        found.append((start, start + len(surface), name))


def _joined(text: str, start: int, end: int, found: list[tuple[int, int, str]]) -> None:
    """The span without leading and trailing small words, and the names that it joins."""
    start, end = trimmed(text, start, end)
    if start >= end:
        return
    surface = text[start:end]
    _add(surface, start, found)
    joint = (
        _JOINT.search(surface)
        if "'" in surface or "’" in surface or "nd" in surface or "&" in surface
        else None
    )
    if joint:
        left, right = trimmed(text, start, start + joint.start())
        if left < right:
            _add(text[left:right], left, found)
        _joined(text, start + joint.end(), end, found)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the small words at its ends."""
    words = text[start:end].split()
    first, last = 0, len(words)
    while first < last and (words[first].lower() in OPENERS or words[first] in CONNECTORS):
        first += 1
    while last > first and words[last - 1].lower() in OPENERS:
        last -= 1
    if first == last:
        return start, start
    for word in words[:first]:
        start = text.index(word, start) + len(word)
    for word in reversed(words[last:]):
        end = text.rindex(word, start, end)
    if first:
        start = text.index(words[first], start)
    if last < len(words):
        end = text.rindex(words[last - 1], start, end) + len(words[last - 1])
    return start, end


def _quoted(text: str, pattern: re.Pattern[str], found: list[tuple[int, int, str]]) -> None:
    known = {(start, end) for start, end, _ in found}
    for match in pattern.finditer(text):
        name = name_of(match[1])
        long_enough = len(name) >= 3 or (len(name) == 2 and not name.isascii())
        if (
            match.span(1) not in known
            and long_enough
            and not name.isdigit()
            and name.count(" ") < _LONGESTSPAN
        ):
            found.append((match.start(1), match.end(1), name))


# ---------------------------------------------------------------- Chinese names

_ORGANISATION_CJK = re.compile(
    rf"[{CJK}A-Za-z0-9（）()·]{{2,24}}?(?:有限责任公司|股份有限公司|有限公司|公司|集团|银行|大学|学院|研究院|研究所|医院|委员会|基金会|"
    rf"交易所|出版社|法院|协会|电视台|俱乐部)"
)
# What stands before a name in running text and is not a part of it.
BEFORE_NAME_CJK = re.compile(
    r".*(?:[的了在是和与及于由从对为被把向到将以等其该此本并或而但也又就都还则若如至][^的了在是和与及于由从对为被把向到将以等其该此本并或而但也又就都还则若如至]{0,0}"
    r"|收购|投资|成立|创办|创立|担任|毕业|就读|加入|隶属|任职|位于|来自|根据|通过|包括|作为|称为|其中|以及|由于|关于|控股|参股|旗下|委托|起诉|向)"
)


def _organisations_cjk(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _ORGANISATION_CJK.finditer(text):
        start, end = match.span()
        before = BEFORE_NAME_CJK.match(text, start, end - 2)
        start = before.end() if before else start
        name = name_of(text[start:end])
        if len(name) >= 4:
            yield start, end, name
