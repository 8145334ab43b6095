"""Names that print shows: capitals and quotation marks in English; book marks, quotation marks and the
endings of organisations in Chinese.

Knows the sentences of one text, and nothing of documents. A name in lower case is not seen here.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

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
_LETTERS = rf"{_LETTER}*(?:(?:&|[-'’](?={_LETTER})){_LETTER}*)*"
TOKEN = rf"[{UPPER}](?:\.(?:(?:[{UPPER}]\.)+|(?=\s?[{UPPER}]))|{_LETTERS}(?:{_TITLES}\.(?=\s))?)"
# The first token begins with a class of characters, so that the search skips fast to the next capital.
SPAN = re.compile(
    rf"[{UPPER}](?<!\w[{UPPER}]){TOKEN[len(UPPER) + 2 :]}"
    rf"(?:(?<=\.)\s?{TOKEN}|\s+(?:{INNER}\s+){{0,2}}(?:{TOKEN}|\d{{1,3}}(?![\w.,%])))*"
    r"(?:,\s+(?:Inc|Incorporated|Corp|Ltd|LLC|LLP|PLC|plc|N\.[AV]|S\.A|Jr|Sr)\b)?"
)
_QUOTED = re.compile(r"[“\"]\s?([^“”\"\n]{2,60}?)\s?[”\"]")
_MOST_WORDS = 8  # a longer run of capitals is a heading in capitals
_IS_CJK = re.compile(f"[{CJK}]")
_MARK = re.compile(f"[“{CJK}]")
_QUOTED_CJK = re.compile(r"[《「『“]([^《》「」『』“”\n]{2,30})[》」』”]")

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
_HONORIFIC = re.compile(
    r"(?:Mr|Mrs|Ms|Dr|Prof|Professor|Sir|Dame|President|Chairman|Senator|Judge)\.?\s+(?=[^\W\d])"
)
_ORGANISATION_WORDS = frozenset(
    _WORD.findall(
        "inc incorporated corp corporation co company ltd limited llc llp plc gmbh ag nv holdings group bank university "
        "college institute association foundation ministry department agency authority commission committee council "
        "hospital clinic museum school laboratory laboratories partners fund trust union federation society bureau"
    )
)
_POSSESSIVE = re.compile(r"['’]s?$")
_JOINT = re.compile(r"\s+(?:and|&)\s+|['’]s\s+")


Found = tuple[int, int, str, str, str]
"""(start, stop, name, kind, context): characters [start, stop) name an entity. A plain tuple, because
there are a dozen in every passage.
"""


Places = Sequence[tuple[int, int]]
"""Of the sentences of a text, in order: characters [start, stop)."""


def names(text: str, places: Places) -> list[Found]:
    """The names that print shows in the sentences, in their order."""
    found: list[Found] = []
    for match in SPAN.finditer(_apart(text, places)):
        at = match.start()
        for left, right, name, kind in _in_span(match.group()):
            found.append((at + left, at + right, name, kind, ""))
    if '"' in text or (not text.isascii() and _MARK.search(text)):
        printed = len(found)
        for start, stop in places:
            _marked(text, start, stop, found)
        if len(found) > printed:
            return in_order(found, places)
    return found


def _apart(text: str, places: Places) -> str:
    """The text, no character moved, with something between its sentences that no name goes over."""
    gaps = [stop for (_, stop), (start, _) in pairwise(places) if stop < start]
    if not gaps:
        return text
    begins, ends = [0, *(gap + 1 for gap in gaps)], [*gaps, len(text)]
    return "\0".join([text[begin:end] for begin, end in zip(begins, ends)])


def in_order(found: list[Found], places: Places) -> list[Found]:
    """By their sentences; those of one sentence stay as they are."""
    starts = [start for start, _ in places]
    return sorted(found, key=lambda one: bisect_right(starts, one[0]))


_Part = tuple[int, int, str, str]
"""(start, stop, name, kind) in a span."""


@lru_cache(maxsize=100_000)
def _in_span(surface: str) -> tuple[_Part, ...]:
    """The names of one run of capitals; remembered, because half of the runs of a library were met before."""
    parts: list[_Part] = []
    if " " in surface or "\n" in surface:
        _joined(surface, 0, parts)
    else:
        _add(surface, 0, parts)
    return tuple(parts)


def _add(surface: str, start: int, parts: list[_Part], kind: str = "name") -> None:
    lower = surface.lower()
    if lower in OPENERS or lower in MONTHS_AND_DAYS:
        return
    if "'" in surface or "’" in surface:
        surface = _POSSESSIVE.sub("", surface)
        lower = surface.lower()
    name = lower if surface.isalpha() and surface.isascii() else name_of(surface)
    if len(name) >= 3 and not name.isdigit() and name.count(" ") < _MOST_WORDS:
        if kind == "name" and name[name.rfind(" ") + 1 :] in _ORGANISATION_WORDS and " " in name:
            kind = "organisation"
        parts.append((start, start + len(surface), name, kind))


def _joined(surface: str, at: int, parts: list[_Part]) -> None:
    """The span without leading and trailing small words, and the names that it joins."""
    start, end = trimmed(surface, 0, len(surface))
    if start >= end:
        return
    honorific = _HONORIFIC.match(surface, start, end)
    if honorific:
        start = honorific.end()
    surface, at = surface[start:end], at + start
    _add(surface, at, parts, "person" if honorific else "name")
    if "'" in surface or "’" in surface or "nd" in surface or "&" in surface:
        joint = _JOINT.search(surface)
        if joint:
            left, right = trimmed(surface, 0, joint.start())
            if left < right:
                _add(surface[left:right], at + left, parts)
            _joined(surface[joint.end() :], at + joint.end(), parts)


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


def _marked(text: str, start: int, stop: int, found: list[Found]) -> None:
    """Adds what quotation marks and Chinese writing show in one sentence."""
    _quoted(text, start, stop, _QUOTED, found)
    if _IS_CJK.search(text, start, stop):
        _quoted(text, start, stop, _QUOTED_CJK, found)
        _organisations_cjk(text, start, stop, found)


def _quoted(text: str, start: int, stop: int, pattern: re.Pattern[str], found: list[Found]) -> None:
    for match in pattern.finditer(text, start, stop):
        begin, end = match.span(1)
        name = name_of(match[1])
        long_enough = len(name) >= 3 or (len(name) == 2 and not name.isascii())
        if (
            long_enough
            and not name.isdigit()
            and name.count(" ") < _MOST_WORDS
            and all(one[:2] != (begin, end) for one in found)
        ):
            found.append((begin, end, name, "name", ""))


# ---------------------------------------------------------------- Chinese names

_ENDINGS_CJK = "有限责任公司|股份有限公司|有限公司|公司|集团|银行|大学|学院|研究院|研究所|医院|委员会|基金会|交易所|出版社|法院|协会|电视台|俱乐部"
_ORGANISATION_CJK = re.compile(rf"[{CJK}A-Za-z0-9（）()·]{{2,24}}?(?:{_ENDINGS_CJK})")
_ENDING_CJK = re.compile(rf"(?:控股)?(?:股份)?(?:{_ENDINGS_CJK})?$")
# What stands before a name in running text and is not a part of it.
_BOUNDARY_CJK = re.compile(
    r"[的了在是和与及于由从对被把向到将以等其该此并或而但也又就都还则若如至它他她]|收购|投资|成立|创办|创立|担任|毕业|就读|加入|"
    r"隶属|任职|位于|来自|根据|通过|包括|作为|称为|其中|以及|由于|关于|控股|参股|旗下|委托|起诉"
)


def name_start_cjk(text: str, start: int, stop: int) -> int:
    """Where the name that ends at `stop` begins: after the last word that leads up to a name, as long
    as something is left besides the legal form.
    """
    ending = _ENDING_CJK.search(text, start, stop)
    last = (ending.start() if ending else stop) - 2
    cuts = (match.end() for match in _BOUNDARY_CJK.finditer(text, start, stop))
    return max((cut for cut in cuts if cut <= last), default=start)


def _organisations_cjk(text: str, start: int, stop: int, found: list[Found]) -> None:
    for match in _ORGANISATION_CJK.finditer(text, start, stop):
        end = match.end()
        begin = name_start_cjk(text, match.start(), end)
        name = name_of(text[begin:end])
        if len(name) >= 4:
            found.append((begin, end, name, "organisation", ""))
    people = _PERSON_CJK.finditer(text, start, stop)
    found.extend((*one.span(1), one[1], "person", "") for one in people)


# The commonest family names, with a title behind: without one, two characters are too little to tell.
_FAMILY_CJK = (
    "欧阳|司马|诸葛|上官|"
    "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤]"
)
_PERSON_CJK = re.compile(
    rf"((?:{_FAMILY_CJK})[{CJK}]{{1,2}}?)(?:先生|女士|博士|教授|院士|医生|主任|董事长|总裁|总经理|首席|行长|主席)"
)
