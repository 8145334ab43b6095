"""What a passage is about: its title, its heading, its caption, the name that it opens with.

In an encyclopaedia the title says it; in a report the heading or the caption does; where there is
neither, the first words do ("Teutberga (died 875) was a queen of ..."). Knows one chunk at a time.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from core.text import CJK
from core.types import Chunk
from kg.definitions import OURSELVES, Definition
from kg.names import forms_of, name_of
from kg.spans import CONNECTORS, INNER, MONTHS_AND_DAYS, OPENERS, TOKEN

_MOST_WORDS = 12  # of a key: a longer heading is a sentence that nobody repeats


class Subject(NamedTuple):
    """The passage is about `name`. `role`: title, section, caption, lead, defined; a "term" it only
    defines. `whole`: the name is the whole key, not a part of it.
    """

    name: str
    role: str
    whole: bool
    surface: str


def subjects_of(chunk: Chunk, defined: Sequence[Definition] = ()) -> dict[str, Subject]:
    """What the chunk is about, by name, the surest key first."""
    keys: dict[str, Subject] = {}
    for role, surface in chain(_keys(chunk), ((term.role, term.long) for term in defined)):
        for name, whole in forms_of(surface):
            if name not in keys and name.count(" ") < _MOST_WORDS and len(name) > 1:
                own = whole and role not in ("defined", "term")
                keys[name] = Subject(name, role, own, surface.strip()[:200])
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
        names = list(lead_names(chunk.text))
        if names:
            yield "lead", names[0]
            for other in names[1:]:
                yield "defined", other


# ---------------------------------------------------------------- headings and captions

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

# ---------------------------------------------------------------- the opening of a text

_FIRST = 260  # characters that are looked at
_BREAK = re.compile(  # told by its first character that it is none, which is faster
    r"(?=[\s(（;:!?.])(?:(?P<bracket>\s?[(（])|\s+(?P<is>(?:is|was|are|were)\s+(?:an?|the|one|also|either|any|last|first)\b|(?:may|can)\s+(?:also\s+)?refer\b|refers\s+to\b)"
    r"|(?P<end>[;:!?\n](?=\s|$)|(?<![A-Z])(?<!\b(?:Mr|Dr|St|Jr|Sr|vs))(?<!\bMrs)\.(?=\s)))"
)
_QUOTED_LEAD = re.compile(r"\s*[\"“]\s?(?P<name>[^\"“”\n]{2,70}?)\s?[\"”]")
_ARTICLE = re.compile(r"(?:The|An?)\s+")
_NICKNAME = re.compile(r"(?=[\s\"“])\s*[\"“]\s?(?P<nick>[^\"“”]{1,24}?)\s?[\"”]\s*")
_EITHER = re.compile(r",?\s+or\s+")
_BORN = re.compile(r"\s*[(（][^()]{0,40}?(?:born|died|\b\d{3,4}\b)")
_CALLED = re.compile(
    r"\b(?=[kabnsfo])(?:known (?:professionally |better |also |commonly |simply |popularly |mostly )?(?:as|by)|aka|a\.k\.a\.|born|née|"
    r"stage name|nicknamed|formerly|(?:also|sometimes) (?:called|spelled|written|romanized as)|or simply)\s+"
    rf"(?:the\s+)?[\"“]?\s?(?P<name>{TOKEN}(?:\s+(?:{INNER}\s+){{0,2}}{TOKEN})*)"
)
# One of these is in all that it finds; most texts have none.
_CALLING = ("known", "born", "called", "aka", "a.k.a.", "née", "stage name", "nicknamed", "formerly", "spelled", "written",
            "romanized", "or simply")  # fmt: skip
_MOST_LEAD_WORDS = 10


def lead_names(text: str) -> Iterator[str]:
    """The name that the text opens with and is about, then the other names that it gives at once."""
    first = text[:_FIRST].lstrip()
    quoted = _QUOTED_LEAD.match(first)
    head = quoted["name"] if quoted else _head(first)
    if not head:
        if not text.isascii():
            yield from _lead_cjk(text)
        return
    yield from _forms_of_lead(head)
    at = len(head)
    words = _NICKNAME.sub(" ", head).split()
    is_person = bool(_BORN.match(first, at)) or _NICKNAME.search(head)
    if is_person and len(words) > 1 and "," not in head:
        yield from _short_forms(words)
    if not any(map(first.__contains__, _CALLING)):
        return
    for called in _CALLED.finditer(first, at):
        if name_of(called["name"]).split(" ")[0] not in MONTHS_AND_DAYS:
            yield called["name"]


def _head(first: str) -> str:
    """The subject of the first sentence, where it is a name."""
    broken = _BREAK.search(first, 2)
    if not broken or broken["end"] is not None or broken.start() > 90:
        return ""
    head = _without_apposition(first[: broken.start()].strip(), is_verb=broken["is"] is not None)
    article = _ARTICLE.match(head)
    words = head[article.end() if article else 0 :].split()
    if not words or len(words) > _MOST_LEAD_WORDS or name_of(" ".join(words)) in OURSELVES:
        return ""
    if not (words[0][0].isupper() or words[0][0].isdigit()):
        return ""
    large = [word for word in words if word.lower() not in CONNECTORS]
    capitals = sum(word.strip("\"“'")[:1].isupper() or word[0].isdigit() for word in large)
    printed_as_name = capitals >= 2 and 4 * capitals >= 3 * len(large)
    if words[0].lower() in OPENERS:
        return head if broken["is"] is not None and printed_as_name else ""
    is_definition = broken["is"] is not None and not broken["is"].startswith("w")
    return head if len(words) == 1 or printed_as_name or (is_definition and len(words) <= 6) else ""


def _without_apposition(head: str, *, is_verb: bool) -> str:
    """Without ", daughter of ..."; a rank stays: "Karl, Prince of Leiningen"."""
    name, comma, rest = head.partition(",")
    rest = rest.strip()
    if not comma:
        return head
    stays = rest[:1].isupper() and not (is_verb and rest.count(",")) and rest.count(" ") < 6
    return f"{name}, {rest.rstrip(',')}" if stays else name


def _forms_of_lead(head: str) -> Iterator[str]:
    """The head as it is printed, then without article and nickname, then what it joins."""
    nick = _NICKNAME.search(head)
    yield _NICKNAME.sub(" ", head) if nick else head
    article = _ARTICLE.match(head)
    if article and " " in head[article.end() :].strip():
        yield head[article.end() :]
    if nick and nick.start() > 0:
        yield f"{nick['nick']} {head.rsplit(maxsplit=1)[-1]}"
    if _EITHER.search(head):
        yield from (part for part in _EITHER.split(head) if len(part) > 3)


_NAME_CJK = rf"[{CJK}A-Za-z0-9·\-]{{2,20}}?"
_CALLED_CJK_WORDS = r"(?:又名|又称|亦称|也称|原名|本名|俗称|俗名|别名|旧称|简称|全称|全名|通称|艺名|笔名)"
_SHORT_FORMS = {
    long: short.split("/")
    for long, short in re.findall(
        r"(\w+):(\S+)",
        "alexander:alex/sandy albert:al/bert andrew:andy anthony:tony arthur:art benjamin:ben catherine:cathy/kate "
        "charles:charlie/chuck christopher:chris daniel:dan/danny david:dave donald:don dorothy:dot "
        "edward:ed/eddie/ted elizabeth:liz/betty/beth eugene:gene francis:frank frederick:fred/freddie "
        "gerald:gerry/jerry gregory:greg harold:harry/hal henry:harry/hank james:jim/jimmy/jamie jennifer:jen "
        "jeffrey:jeff john:jack/johnny jonathan:jon joseph:joe joshua:josh katherine:kate/kathy kenneth:ken "
        "lawrence:larry leonard:len/leo louis:lou margaret:maggie/peggy matthew:matt michael:mike/mick nicholas:nick "
        "patricia:pat/patty patrick:pat/paddy peter:pete philip:phil raymond:ray rebecca:becky richard:dick/rick/rich "
        "robert:bob/rob/bobby ronald:ron samuel:sam stephen:steve steven:steve susan:sue theodore:ted/theo "
        "thomas:tom/tommy timothy:tim victor:vic vincent:vince walter:walt william:bill/will/billy zachary:zach",
    )
}


_NUMERAL = re.compile(r"[IVX]+|[JS]r\.?")


def _short_forms(words: list[str]) -> Iterator[str]:
    """The shorter names of a person: Sven Olof Palme is Sven Palme, Olof Palme, S. O. Palme."""
    *given, last = words
    if _NUMERAL.fullmatch(last):
        return
    if any(word.lower() in CONNECTORS for word in given) or len(given) > 4:
        yield f"{words[0]} {last}"
        return
    if len(given) > 1:
        yield from (f"{name} {last}" for name in given)
        yield f"{given[0]} {given[1][0]} {last}"
        yield f"{' '.join(name[0] for name in given)} {last}"
    yield from (f"{short.capitalize()} {last}" for short in _SHORT_FORMS.get(given[0].lower(), ()))


_LEAD_CJK = re.compile(
    rf"\s*(?:《(?P<book>[^《》\n]{{2,30}})》|[「“]?(?P<name>{_NAME_CJK})[」”]?)"
    rf"(?:[（(、]|，?{_CALLED_CJK_WORDS}|，[^，。]{{0,24}}，?(?:是|为)|(?:是|为|指)(?:一|指|中|位|由|[^，。]{{1,20}}(?:的|之)))"
)
_CALLED_CJK = re.compile(
    rf"{_CALLED_CJK_WORDS}(?:为|作|叫)?[：:]?[《「“]?(?P<name>{_NAME_CJK})[》」”]?(?=[，。、；）)（(]|$)"
)
_NOT_A_NAME_CJK = re.compile(
    r"^(?:这|那|其|该|此|本|它|他|她|我|在|从|由|因|但|而|并|当|自|对|于|以|与|和|及|截至|根据|由于|因此|目前|同时|报告期|\d)|[的了]|本身"
)


def _lead_cjk(text: str) -> Iterator[str]:
    chinese = _LEAD_CJK.match(text)
    if not chinese:
        return
    name = chinese["book"] or chinese["name"]
    if chinese["book"] or not _NOT_A_NAME_CJK.search(name):
        yield name
        for called in _CALLED_CJK.finditer(text, chinese.end("book" if chinese["book"] else "name"), 160):
            yield called["name"]
