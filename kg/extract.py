"""What a document speaks of: sentences, names, typed entities, and what each passage is about.

No model: patterns of print (capitals, quotation marks, brackets, defined terms), English and Chinese.
Mentions of names that other documents introduced are found by `link`, with the names handed in.
Knows nothing of databases. What is not found: names in lower case that nothing introduces, and
pronouns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from core.text import CJK, STOP_WORDS, sentences
from core.types import Chunk
from kg.names import NameMatcher, forms_of, is_linkable, name_of
from kg.typed import hints, typed
from kg.words import Plain, numbers_of


class Found(NamedTuple):
    """Characters [start, stop) of the chunk's text name an entity."""

    start: int
    stop: int
    name: str
    kind: str
    context: str = ""


class Subject(NamedTuple):
    """The passage is about `name`. `role`: title, section, caption, lead, defined; a "term" it only
    defines. `whole`: the name is the whole key, not a part of it.
    """

    name: str
    role: str
    whole: bool
    surface: str


class Definition(NamedTuple):
    """`role`: defined, when the text speaks of itself ("the Company"); term for any other."""

    long: str
    short: str
    role: str


@dataclass(slots=True)
class Sentence:
    """Characters [start, stop) of the chunk's text."""

    start: int
    stop: int
    plain: Plain
    words: bytes  # uint32, without stop words
    found: list[Found]


@dataclass(slots=True)
class Passage:
    """One chunk as the graph sees it."""

    chunk_id: str
    ordinal: int
    text: str
    heading: bytes  # the words of title and section
    sentences: list[Sentence]
    subjects: dict[str, Subject]


def extract(chunks: Sequence[Chunk]) -> list[Passage]:
    """The passages of one document, names resolved within it."""
    defined = [list(definitions(chunk.text)) for chunk in chunks]
    passages = [_passage(chunk, terms) for chunk, terms in zip(chunks, defined)]
    resolve(passages, [term for terms in defined for term in terms])
    return passages


def _passage(chunk: Chunk, defined: Sequence[Definition]) -> Passage:
    cells = chunk.kind == "table"
    parts = lines(chunk.text) if chunk.kind in _BY_LINE else sentences(chunk.text)
    read = [_sentence(chunk.text, start, stop, cells=cells) for start, stop in parts]
    return Passage(
        chunk_id=chunk.id,
        ordinal=chunk.ordinal,
        text=chunk.text,
        heading=numbers_of(Plain.of(chunk.heading).words),
        sentences=read,
        subjects=subjects_of(chunk, defined),
    )


_BY_LINE = frozenset({"table", "list", "record", "code"})


def lines(text: str) -> list[tuple[int, int]]:
    """Positions of the lines that are not empty: the sentences of a table or a list."""
    return [match.span() for match in _LINE.finditer(text)]


_LINE = re.compile(r"\S[^\n]*")


def _sentence(text: str, start: int, stop: int, *, cells: bool) -> Sentence:
    printed = text[start:stop]
    plain = Plain.of(printed)
    found = [Found(start + a, start + b, name, "name") for a, b, name in names(printed)]
    kinds = hints(plain.words)
    if kinds:
        found += [
            Found(start + a, start + b, name, kind)
            for a, b, name, kind in typed(printed, plain, kinds, cells=cells)
        ]
    return Sentence(start, stop, plain, numbers_of(plain.words), found)


# ---------------------------------------------------------------- names by print


def _ranges(chars: Iterable[str]) -> str:
    runs: list[list[int]] = []
    for code in sorted(map(ord, chars)):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"{chr(a)}-{chr(b)}" if a < b else chr(a) for a, b in runs)


_UPPER = _ranges(chr(code) for code in range(0x41, 0x530) if chr(code).isupper())
_LETTER = rf"[^\W_{CJK}]"
_INNER = r"(?:of|the|de|von|van|der|den|du|del|della|di|da|al|bin|la|le|and|&|y)"
_TITLES = r"(?<=\bSt|\bMt|\bFt|\bDr|\bJr|\bSr|\bMr|\bMs|\bLt)"
_TOKEN = rf"[{_UPPER}](?:\.(?:(?:[{_UPPER}]\.)+|(?=\s?[{_UPPER}]))|(?:{_LETTER}|&|[-'’](?={_LETTER}))*(?:{_TITLES}\.(?=\s))?)"
# The first token begins with a class of characters, so that the search skips fast to the next capital.
_SPAN = re.compile(
    rf"[{_UPPER}](?<!\w[{_UPPER}]){_TOKEN[len(_UPPER) + 2 :]}"
    rf"(?:(?<=\.)\s?{_TOKEN}|\s+(?:{_INNER}\s+){{0,2}}(?:{_TOKEN}|\d{{1,3}}(?![\w.,%])))*"
    r"(?:,\s+(?:Inc|Incorporated|Corp|Ltd|LLC|LLP|PLC|plc|N\.V|S\.A|Jr|Sr)\b)?"
)
_QUOTED = re.compile(r"[“\"]\s?([^“”\"\n]{2,60}?)\s?[”\"]")
_QUOTED_CJK = re.compile(r"[《「『“]([^《》「」『』“”\n]{2,30})[》」』”]")
_LONGEST_SPAN = 8  # words: a longer run of capitals is a heading in capitals

_WORD = re.compile(r"\w+")
_MONTHS_AND_DAYS = frozenset(
    _WORD.findall(
        "january february march april may june july august september october november december jan feb mar apr jun jul aug "
        "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday"
    )
)
# Words that stand with a capital at the beginning of a sentence without being names.
_OPENERS = STOP_WORDS | frozenset(
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
_CONNECTORS = frozenset(_INNER.strip("(?:)").split("|"))
_POSSESSIVE = re.compile(r"['’]s?$")
_JOINT = re.compile(r"\s+(?:and|&)\s+|['’]s\s+")


def names(text: str) -> list[tuple[int, int, str]]:
    """(start, end, normalised name) of the names that print shows in one sentence."""
    found: list[tuple[int, int, str]] = []
    for match in _SPAN.finditer(text):
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
    if lower in _OPENERS or lower in _MONTHS_AND_DAYS:
        return
    if "'" in surface or "’" in surface:
        surface = _POSSESSIVE.sub("", surface)
        lower = surface.lower()
    name = lower if surface.isalpha() and surface.isascii() else name_of(surface)
    if len(name) >= 3 and not name.isdigit() and name.count(" ") < _LONGEST_SPAN:
        found.append((start, start + len(surface), name))


def _joined(text: str, start: int, end: int, found: list[tuple[int, int, str]]) -> None:
    """The span without leading and trailing small words, and the names that it joins."""
    start, end = _trim(text, start, end)
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
        left, right = _trim(text, start, start + joint.start())
        if left < right:
            _add(text[left:right], left, found)
        _joined(text, start + joint.end(), end, found)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the small words at its ends."""
    words = text[start:end].split()
    first, last = 0, len(words)
    while first < last and (words[first].lower() in _OPENERS or words[first] in _CONNECTORS):
        first += 1
    while last > first and words[last - 1].lower() in _OPENERS:
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
            and name.count(" ") < _LONGEST_SPAN
        ):
            found.append((match.start(1), match.end(1), name))


# ---------------------------------------------------------------- Chinese names

_ORGANISATION_CJK = re.compile(
    rf"[{CJK}A-Za-z0-9（）()·]{{2,24}}?(?:有限责任公司|股份有限公司|有限公司|公司|集团|银行|大学|学院|研究院|研究所|医院|委员会|基金会|"
    rf"交易所|出版社|法院|协会|电视台|俱乐部)"
)
# What stands before a name in running text and is not a part of it.
_BEFORE_NAME_CJK = re.compile(
    r".*(?:[的了在是和与及于由从对为被把向到将以等其该此本并或而但也又就都还则若如至][^的了在是和与及于由从对为被把向到将以等其该此本并或而但也又就都还则若如至]{0,0}"
    r"|收购|投资|成立|创办|创立|担任|毕业|就读|加入|隶属|任职|位于|来自|根据|通过|包括|作为|称为|其中|以及|由于|关于|控股|参股|旗下|委托|起诉|向)"
)


def _organisations_cjk(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _ORGANISATION_CJK.finditer(text):
        start, end = match.span()
        before = _BEFORE_NAME_CJK.match(text, start, end - 2)
        start = before.end() if before else start
        name = name_of(text[start:end])
        if len(name) >= 4:
            yield start, end, name


# ---------------------------------------------------------------- what a passage is about

_NUMBERING = re.compile(
    r"^(?:(?:item|part|chapter|section|note|article|appendix|annex)\s+)?(?:[\dIVXLC]+[A-Z]?(?:\.\d+)*|[A-Z])[.):、:\s—–-]+\s*"
    r"|^第\s*[\d一二三四五六七八九十百]+\s*[章节条部分篇]+\s*|^[一二三四五六七八九十]+[、.]\s*|^[(（][\d一二三四五六七八九十]+[)）]\s*",
    re.IGNORECASE,
)
_GENERIC_HEADINGS = frozenset(
    re.split(
        r",\s*",
        "introduction, summary, overview, background, abstract, conclusion, conclusions, discussion, results, methods, "
        "method, references, bibliography, contents, table of contents, appendix, notes, general, other, definitions, "
        "scope, purpose, acknowledgements, materials, highlights, outlook, description, details, information, data, "
        "examples, example, preface, foreword, index, executive summary, external links, see also, related work, "
        "further reading, materials and methods, 摘要, 简介, 概述, 引言, 前言, 目录, 结论, 总结, 参考文献, 背景, 附录, 说明, 其他",
    )
)
_CAPTION = re.compile(
    r"^\s*(?:Table|Figure|Fig\.|Exhibit|Chart|表|图|图表)\s*[\dIVX]*(?:[.\-–]\d+)*\s*[.:：、\s]\s*([^\n|]{3,100})"
)
_MOST_WORDS = 12  # of a key: a longer heading is a sentence that nobody repeats


def subjects_of(chunk: Chunk, defined: Sequence[Definition]) -> dict[str, Subject]:
    """What the chunk is about, by name: from title, heading, caption, lead and defined terms."""
    keys: dict[str, Subject] = {}
    for role, surface in chain(_keys(chunk), ((term.role, term.long) for term in defined)):
        for name, whole in forms_of(surface):
            if name not in keys and name.count(" ") < _MOST_WORDS and len(name) > 1:
                keys[name] = Subject(
                    name, role, whole and role not in ("defined", "term"), surface.strip()[:200]
                )
    return keys


def _keys(chunk: Chunk) -> Iterator[tuple[str, str]]:
    if chunk.title:
        yield "title", chunk.title
    if chunk.section:
        leaf = _NUMBERING.sub("", chunk.section[-1]).strip()
        if name_of(leaf) not in _GENERIC_HEADINGS:
            yield "section", leaf
    caption = _CAPTION.match(chunk.text) if chunk.kind in ("table", "figure") else None
    if caption:
        yield "caption", caption[1]
    if chunk.kind in ("text", "record"):
        yield from _lead(chunk.text)


_LEAD = re.compile(
    rf"\s*(?:The\s+|An?\s+)?(?P<quote>[\"“]\s?)?(?P<name>[{_UPPER}\d](?:[^.,;:!?()\n\"“”]|\.(?=\s?[{_UPPER}]\b)|,\s(?=Inc|Ltd|Jr|Sr)){{2,70}}?)\s?(?P<close>[\"”])?"
    rf"(?:(?P<bracket>\s?\()|(?P<comma>,)|(?P<is>\s+(?:is|are|was|were|refers to)\s+(?:an?|the|one|also|known|any)\b))"
)
_LEAD_CJK = re.compile(
    rf"\s*[《「“]?(?P<name>[{CJK}A-Za-z0-9·\-]{{2,20}}?)[》」”]?(?:[（(]|，[^，。]{{0,24}}，?(?:是|为)|(?:是|为|指)(?:一|指|中|位|由|[^，。]{{1,20}}(?:的|之)))"
)
_CALLED = re.compile(
    rf"\b(?:known (?:professionally |better |also |commonly |simply |popularly )?(?:as|by)|also known as|better known as|a\.k\.a\.|born|née|stage name|nicknamed|formerly|also called|or simply)\s+"
    rf"(?:the\s+)?[\"“]?(?P<name>{_TOKEN}(?:\s+(?:{_INNER}\s+){{0,2}}{_TOKEN})*)"
)
_BORN = re.compile(r"\s?\(\s?(?:born|b\.|née|died|\d{1,2}\s|c\.|[A-Z][a-z]+ \d|\d{3,4})")


def _lead(text: str) -> Iterator[tuple[str, str]]:
    """The name that the first sentence opens with, and the other names that it gives at once."""
    lead = _LEAD.match(text)
    if lead and _opens_with_name(lead):
        name = lead["name"].strip()
        yield "lead", name
        words = name.split()
        if len(words) > 2 and lead["bracket"] and _BORN.match(text, lead.start("bracket")):
            yield "defined", f"{words[0]} {words[-1]}"
        for called in _CALLED.finditer(text, lead.end("name"), min(len(text), lead.end("name") + 240)):
            if not _is_month(called["name"]):
                yield "defined", called["name"]
        return
    chinese = None if text.isascii() else _LEAD_CJK.match(text)
    if chinese:
        yield "lead", chinese["name"]


def _opens_with_name(lead: re.Match[str]) -> bool:
    words = lead["name"].split()
    if not words or words[0].lower() in _OPENERS or len(words) > 8:
        return False
    capitals = sum(word[0].isupper() or word[0].isdigit() for word in words)
    if lead["quote"]:
        return True
    if lead["is"] and capitals >= 1:
        return len(words) > 1 or " a" in lead["is"] or " the" in lead["is"]
    return capitals >= max(
        1, len(words) - words.count("of") - words.count("the") - words.count("and")
    ) and not (lead["comma"] and len(words) == 1)


def _is_month(name: str) -> bool:
    return name.split(maxsplit=1)[0].lower() in _MONTHS_AND_DAYS


_SHORT = re.compile(
    r"\s?[(（]\s*(?:[^()（）\"“”]{0,40}\s)?(?:the\s+)?[\"“'‘](?P<short>[^\"“”'’()]{2,40})[\"”'’]"
)
_ABBREVIATED = re.compile(rf"\((?P<short>[{_UPPER}][{_UPPER}\d&-]{{1,7}})s?\)")
_DEFINED_CJK = re.compile(
    rf"(?P<long>[{CJK}A-Za-z0-9·（）()]{{4,40}}?)\s*[（(，,]?\s*(?:以下|下)?(?:简称|称)(?:为|作)?[:：]?\s*[“「\"‘'《](?P<short>[^“”「」\"'‘’《》]{{2,20}})[”」\"’'》]"
)


_OURSELVES = frozenset(
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
        if '"' in text or "“" in text or "‘" in text:
            for match in _SHORT.finditer(text):
                long = _span_before(text, match.start())
                if long:
                    yield _definition(long, match["short"])
        for match in _ABBREVIATED.finditer(text):
            spelled = _spelled_out(text[max(0, match.start() - 120) : match.start()], match["short"])
            if spelled:
                yield Definition(spelled, match["short"], "term")
    if "称" in text:
        for match in _DEFINED_CJK.finditer(text):
            before = _BEFORE_NAME_CJK.match(match["long"], 0, len(match["long"]) - 3)
            yield _definition(match["long"][before.end() if before else 0 :].strip("（()） "), match["short"])


def _definition(long: str, short: str) -> Definition:
    short = short.strip(" ,.")
    return Definition(long, short, "defined" if name_of(short) in _OURSELVES else "term")


def _span_before(text: str, end: int) -> str:
    """The name that ends just there, or nothing."""
    begin = max(0, end - 100)
    for match in _SPAN.finditer(text, begin, end):
        if match.end() >= end - 1:
            start, stop = _trim(text, *match.span())
            return text[start:stop]
    return ""


def _spelled_out(before: str, short: str) -> str | None:
    """The words just before whose first letters are those of the abbreviation."""
    letters = [char.lower() for char in short if char.isalpha()]
    words = re.findall(r"[\w'’]+", before)
    for skipped in range(3):  # small words carry no letter: "Bank of America (BA)"
        tail = words[-(len(letters) + skipped) :]
        initials = [word[0].lower() for word in tail if word.lower() not in _CONNECTORS or not skipped]
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


# ---------------------------------------------------------------- names within one document


def resolve(passages: Sequence[Passage], terms: Iterable[Definition]) -> None:
    """Adds to every mention of a defined term the mention of what it stands for."""
    defined: dict[str, str] = {}
    for term in terms:
        if name_of(term.short):
            defined.setdefault(name_of(term.short), name_of(term.long))
    if defined:
        _expand(passages, defined)


def _expand(passages: Sequence[Passage], defined: Mapping[str, str]) -> None:
    matcher = NameMatcher(defined)
    for passage in passages:
        for sentence in passage.sentences:
            known = {(found.start, found.name) for found in sentence.found}
            for start, stop, name in matcher.find(sentence.plain):
                at = sentence.start + start
                capital = passage.text[at]
                if (capital.isupper() or not capital.isascii()) and (at, defined[name]) not in known:
                    sentence.found.append(Found(at, sentence.start + stop, defined[name], "name"))


# ---------------------------------------------------------------- names of other documents


def link(passages: Iterable[Passage], known: NameMatcher) -> None:
    """Adds the mentions of known names to the sentences that do not have them yet."""
    for passage in passages:
        for sentence in passage.sentences:
            found = linked(passage.text, sentence.start, sentence.plain, known)
            if found:
                present = {(other.start, other.name) for other in sentence.found}
                sentence.found += [one for one in found if (one.start, one.name) not in present]


def linked(text: str, at: int, sentence: Plain, known: NameMatcher) -> list[Found]:
    """The known names in the sentence that begins at character `at`: of several words, or printed
    with a capital.
    """
    return [
        Found(at + start, at + stop, name, "name")
        for start, stop, name in known.find(sentence)
        if " " in name or not text[at + start].islower()
    ]


def linkable(passages: Iterable[Passage]) -> Iterator[str]:
    """The names that other passages may mention: everything that some passage is about."""
    for passage in passages:
        for name in passage.subjects:
            if is_linkable(name):
                yield name
