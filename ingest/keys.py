"""PASSAGES + NAMES -> DOCUMENT KEY: who a document is about, which form it has, which period it covers.

Reads the title, the names under which the file is kept, and the words of the first pages: covers of
filings, press releases, annual reports (English and Chinese), guidelines and manuals. Where a cover
shows a logo instead of a name, the name that the pages repeat stands in. What nothing says stays empty.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import PurePath

from core.glossary import Glossary
from core.period import find_periods
from core.text import CJK, normalize
from core.types import Chunk
from ingest.statements import find_statements
from rag.index.keys import DocumentKey, Form, Name, NameKind, joined

MANY = 8  # passages from which a document is one to look into; of a shorter one its passages say all
COVER = 2  # pages that bear name, form and date
TEXT = 70  # pages on which a filing says which fiscal year it is

_FORMS: Sequence[tuple[Form, str]] = (
    ("annual report", r"\bform (?:10-?k|20-?f|40-?f)\b|\b10-k(?:/a)? \(|年度报告"),
    ("quarterly report", r"\bform (?:10-?q)\b|季度报告|半年度报告"),
    ("current report", r"\bform (?:8-?k|6-?k)\b"),
    ("annual report", r"\bannual report\b"),
    (
        "release",
        r"for immediate release|\b(?:press|earnings|news) release\b|(?:today )?(?:announce[sd]|reported|reports) .{0,40}(?:results|quarter)|quarter(?:ly)? .{0,20}results|业绩公告",
    ),
    ("guideline", r"\bguidelines?\b|\brecommendations for\b|指南|共识"),
    (
        "manual",
        r"\b(?:user|owner'?s|instruction|service|operating|reference) (?:manual|guide)\b|\bmanual\b|说明书|手册",
    ),
)


def may_have_key(chunks: Sequence[Chunk]) -> bool:
    return len(chunks) >= MANY


def make_key(title: str, sources: Iterable[str], chunks: Sequence[Chunk], glossary: Glossary) -> DocumentKey:
    """The key of one document. `sources` are the names that its owner keeps it under."""
    cover, text = _text(chunks, COVER), _text(chunks, TEXT)
    files = [PurePath(source).stem for source in sources]
    form = _form(title, cover)
    people = _names(title, files, cover, text)
    ends = _period_end(title, cover)
    year, quarter = _fiscal(form, ends, title, files, cover, text)
    return DocumentKey(
        subject=joined(people[0] if people else _subject(form, title, files)),
        names=_heaviest(_aliases(title, people, cover, files)),
        form=form,
        year=year,
        quarter=quarter,
        ends=ends,
        statements=tuple(find_statements(chunks, glossary)),
    )


def _subject(form: Form, title: str, files: Sequence[str]) -> str:
    """Of a report whose company nothing spells out, the words of its file's name: titles of reports are alike."""
    company = " ".join(_FORM_WORDS.sub(" ", files[0].replace("_", " ")).split()) if files else ""
    is_report = form not in ("", "guideline", "manual")
    return company if is_report and company else title


def _text(chunks: Sequence[Chunk], pages: int) -> str:
    """What stands on the first pages, headings included, in one form of spaces."""
    lines: list[str] = []
    for chunk in chunks:
        if chunk.places and (chunk.places[0].page or 1) > pages:
            break
        lines += [*chunk.section[-2:], chunk.text]
    return normalize("\n".join(dict.fromkeys(lines))).replace("’", "'")


# ---------------------------------------------------------------- form and period


def _form(title: str, cover: str) -> Form:
    for text in (title, cover[:6000]):
        for form, pattern in _FORMS:
            if re.search(pattern, text, re.IGNORECASE):
                return form
    return ""


_ENDED = re.compile(
    r"(?:fiscal year|quarterly period|transition period|(?:three|six|nine|twelve) months|year|quarter|period)\s+end(?:ed|ing):?\s+(?P<date>\w+\s+\d{1,2}\s?,?\s+\d{4})"
    r"|date of (?:report|earliest event)[^\d]{0,60}?(?P<reported>\w+\s+\d{1,2}\s?,?\s+\d{4})",
    re.IGNORECASE,
)


def _period_end(title: str, cover: str) -> date | None:
    """The last day of the reported period, else the day of the report."""
    for match in _ENDED.finditer(cover):
        for found in find_periods(match["date"] or match["reported"]):
            if found.period.ends:
                return found.period.ends
    # A form's title ends with its date; a release dates itself in its first lines.
    for text in (title, cover[:2500]):
        for found in find_periods(text):
            if found.period.kind == "date" and found.period.ends:
                return found.period.ends
    return None


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_QUARTER = re.compile(
    r"\b(?P<ordinal>first|second|third|fourth)[- ]quarter(?:\s+(?:of\s+)?(?:fiscal\s+(?:year\s+)?)?(?P<year>20\d\d))?"
    r"|\bq(?P<number>[1-4])\s?(?:fy\s?|fiscal\s)?(?P<year2>20\d\d)|(?P<year3>20\d\d)\s+(?P<ordinal2>first|second|third|fourth)[- ]quarter",
    re.IGNORECASE,
)
_CHINESE_YEAR = re.compile(r"(20\d\d)\s*年(?:年度|第|半年度|一季|三季)")


def _fiscal(
    form: Form, ends: date | None, title: str, files: Sequence[str], cover: str, text: str
) -> tuple[int | None, int | None]:
    """Fiscal year and quarter as the company counts them (a year that ends on Jan 1, 2023 is 2022)."""
    named = _named_period(files)
    if form in ("quarterly report", "release"):
        return _quarter(ends, named, cover, text)
    if form == "annual report":
        chinese = _CHINESE_YEAR.search(f"{title}\n{cover[:2000]}")
        if chinese:
            return int(chinese[1]), None
        if ends:
            return _year_of(ends, text, named[0]), None
    if form == "current report" and ends:
        return ends.year, None
    if named[0]:
        return named
    years = [found.period.year for found in find_periods(title)]
    return (years[-1] if years else ends.year if ends else None), None


def _year_of(ends: date, text: str, named: int | None = None) -> int:
    """The fiscal year that ends then; early in a year it may be called by either year."""
    if ends.month == 1 and ends.day <= 12:
        return ends.year - 1
    if ends.month <= 2:
        day = f"{ends:%B} {ends.day},? {ends.year}"
        stated = re.search(
            rf"\bfiscal (?:year )?(20\d\d)\W[^.]{{0,60}}end(?:ed|s|ing) (?:on )?{day}|{day},? \(\W?fiscal (?:year )?(20\d\d)",
            text,
            re.IGNORECASE,
        )
        if stated:
            return int(stated[1] or stated[2])
        if named in (ends.year, ends.year - 1):
            return int(named or 0)
        said = Counter(
            int(year) for year in re.findall(r"\bfiscal(?: year)? (20\d\d)\b", text, re.IGNORECASE)
        )
        return ends.year if said[ends.year] > said[ends.year - 1] else ends.year - 1
    return ends.year


def _quarter(
    ends: date | None, named: tuple[int | None, int | None], cover: str, text: str
) -> tuple[int | None, int | None]:
    """The quarter of the newest year that the text speaks of most."""
    said: Counter[tuple[int, int]] = Counter()
    plain: Counter[int] = Counter()
    for weight, part in ((5, cover[:3000]), (1, text)):
        for match in _QUARTER.finditer(part):
            ordinal = match["ordinal"] or match["ordinal2"]
            number = _ORDINALS[ordinal.lower()] if ordinal else int(match["number"])
            year = match["year"] or match["year2"] or match["year3"]
            if year:
                said[int(year), number] += weight
            else:
                plain[number] += weight
    limit = (ends.year + 1) if ends else 2100
    years = [year for (year, _), count in said.items() if year <= limit and count > 1] or [
        year for year, _ in said if year <= limit
    ]
    if years:
        newest = max(years)
        quarter = max(range(1, 5), key=lambda number: (said[newest, number], plain[number]))
        return newest, quarter
    if named[0]:
        return named
    year = _year_of(ends, text) if ends else None
    return year, max(plain, key=plain.__getitem__) if plain else None


_FILE_PERIOD = re.compile(
    r"(?<![0-9])(?:FY)?(?P<year>(?:19|20)\d\d)(?:[_ -]?Q(?P<quarter>[1-4]))?(?![0-9])", re.IGNORECASE
)


def _named_period(files: Sequence[str]) -> tuple[int | None, int | None]:
    for file in files:
        if match := _FILE_PERIOD.search(file):
            return int(match["year"]), int(match["quarter"]) if match["quarter"] else None
    return None, None


# ---------------------------------------------------------------- names

_SUFFIX = re.compile(
    r"(?:,?\s+(?:inc|incorporated|corp|corporation|co|company|companies|ltd|limited|plc|llc|l\.?p|lp|n\.?v|s\.?a|ag|se|holdings?|group|trust|bancorp|the|de|"
    r"\(?the\)?|/\w{2,3}/?|& co|and company)\b\.?|\s*(?:股份有限公司|有限责任公司|有限公司|集团))+\s*\.?$",
    re.IGNORECASE,
)
_COMPANY = re.compile(
    r"\b((?:The )?[A-Z0-9][\w&'.-]*(?:\s(?:[A-Z0-9][\w&'.-]*|&|and|of)){0,4},?\s(?:Inc|Incorporated|Company|Corporation|Corp|Co|plc|PLC|Ltd|Limited|N\.V|LLC|L\.P))\b"
)
_REGISTRANT = re.compile(
    r"(?:^|\n)([^\n(|]{2,80}?)\s*(?:\|\s*)?\n?\s*\(\s*exact name of (?:the )?(?:registrant|company)",
    re.IGNORECASE,
)
_AND_SUBSIDIARIES = re.compile(r"\s+and (?:consolidated )?(?:subsidiaries|affiliates).*$", re.IGNORECASE)
_NO_COMPANY = re.compile(
    r"fiscal year|period ended|quarter ended|months ended|transition|mark one|file n|securities|commission|exchange|form \d|united states|act of|trust company|deloitte|ernst|kpmg|pricewaterhouse|this company|section|registrant|"
    r"depositary|\bbank of new york|transfer",
    re.IGNORECASE,
)
_CHINESE_COMPANY = re.compile(rf"([{CJK}（）()]{{2,20}}?(?:股份有限公司|有限责任公司|集团公司|有限公司))")
_SHORT = re.compile(rf"(?:公司简称|股票简称|证券简称|简称)[:：\s|]*([{CJK}A-Za-z]{{2,12}})")
_CODE = re.compile(r"(?:证券代码|股票代码|公司代码)[:：\s|]*(\d{4,6})")
_FORMER = re.compile(
    r"\b(?:formerly(?: known as)?|f/k/a|previously known as|former name:?)\s+[\"“']?([A-Z][\w&'.-]*(?:\s[A-Z&][\w&'.-]*){0,4})"
)
_KNOWN_AS = re.compile(
    r"\((?:the )?[\"“]([A-Z0-9][\w&'. -]{1,30}?),?[\"”]\)|\b(?:also known as|d/b/a|doing business as)\s+[\"“]?([A-Z][\w&'-]*(?:\s[A-Z][\w&'-]*){0,2})"
)
_GENERIC = frozenset(
    [
        "company",
        "corporation",
        "registrant",
        "we",
        "us",
        "our",
        "issuer",
        "parent",
        "group",
        "board",
        "act",
        "code",
        "plan",
        "notes",
        "trust",
        "bank",
        "fund",
        "agreement",
        "exchange",
    ]
)
_TICKER = re.compile(
    r"\((?:[^()]{0,20}?)(?:NYSE|NASDAQ|Nasdaq|AMEX|LSE|TSX|OTC|HKEX|SSE|SZSE)(?:\s?(?:GS|GM|Arca|American))?\s?:\s?([A-Z]{1,5}(?:\.[A-Z])?)\)"
)
_TRADED = re.compile(
    r"(?:common|class|ordinary|capital)\b[^\n]{0,90}?[\s|]([A-Z]{1,5}(?:\.[A-Z])?)[\s|]+(?:The )?(?:New York|NYSE|NASDAQ|Nasdaq|Chicago|Cboe)",
    re.IGNORECASE,
)
# A first word of these says nothing alone: too many companies begin with it, or every text holds it.
_EVERYBODYS = frozenset(
    [
        "general",
        "american",
        "best",
        "first",
        "national",
        "united",
        "international",
        "new",
        "global",
        "the",
        "advanced",
        "applied",
        "standard",
        "public",
        "southern",
        "northern",
        "eastern",
        "western",
        "pacific",
        "atlantic",
        "central",
        "consolidated",
        "universal",
        "us",
        "u.s",
        "north",
        "south",
        "west",
        "east",
        "great",
        "royal",
        "old",
        "world",
        "union",
        "federal",
        "bank",
        "capital",
        "energy",
        "health",
        "home",
        "life",
        "digital",
        "data",
        "bio",
        "smart",
        "super",
        "pro",
        "next",
        "open",
        "one",
        "green",
        "blue",
        "red",
        "black",
        "white",
        "gold",
        "silver",
        "star",
        "sun",
        "city",
        "state",
        "direct",
        "service",
        "services",
        "financial",
        "industrial",
        "technology",
        "technologies",
        "systems",
        "media",
        "software",
        "international",
        "annual",
        "quarterly",
        "report",
        "form",
        "overall",
        "results",
        "key",
        "user",
        "owner",
        "clinical",
        "guideline",
        "guidelines",
        "manual",
        "practice",
        "management",
        "introduction",
        "summary",
        "part",
        "section",
        "table",
        "figure",
        "document",
        "draft",
        "final",
        "overview",
        "product",
        "products",
        "instruction",
        "instructions",
        "information",
        "policy",
        "procedure",
        "standard",
        "press",
        "release",
        "earnings",
        "consolidated",
        "condensed",
        "full",
        "target",
        "block",
        "gap",
        "square",
        "match",
        "box",
        "zoom",
        "match",
        "progress",
        "discover",
        "visa",
        "chase",
        "key",
        "dollar",
        "edison",
        "waters",
        "ball",
    ]
)
_FORM_WORDS = re.compile(
    r"(?:19|20)\d\d(?:[_ -]?Q[1-4])?|(?<![a-z0-9])(?:FY\d*|Q[1-4]|\d+-?[KQF]|EARNINGS|ANNUAL|REPORT|RELEASE|FORM|DATED|FINAL|DRAFT|V\d+)(?![a-z0-9])|\d{2,}",
    re.IGNORECASE,
)


def _names(title: str, files: Sequence[str], cover: str, text: str) -> list[str]:
    """Who the document is about, the surest name first."""
    found: list[str] = []
    registrant = _REGISTRANT.search(cover)
    for candidate in (
        registrant[1] if registrant else "",
        title.split(", Form ", maxsplit=1)[0] if ", Form " in title else "",
        *(match[1] for match in list(_CHINESE_COMPANY.finditer(f"{title}\n{cover}"))[:1]),
    ):
        name = _core(candidate)
        if name and not _NO_COMPANY.search(candidate):
            found.append(name)
    if not found:
        found += _repeated(text, files)
    return list(dict.fromkeys(found))


def _core(name: str) -> str:
    """A company's name without article, suffix and what follows."""
    name = _AND_SUBSIDIARIES.sub("", " ".join(re.sub(r"_{2,}|[-–—]{3,}|\|", " ", name).split()))
    name = re.sub(r"^(?:the|\(mark one\))\s+", "", name.strip(" ,.;:"), flags=re.IGNORECASE)
    shorter = _SUFFIX.sub("", name).strip(" ,.&")
    return shorter if len(joined(shorter)) > 1 else name


def _repeated(text: str, files: Sequence[str]) -> list[str]:
    """The company that the pages name most, where it is one that the file's name or many lines support."""
    counted: Counter[str] = Counter()
    for match in _COMPANY.finditer(text):
        name = _core(match[1])
        if name and not _NO_COMPANY.search(match[1]):
            counted[name] += 1
    stems = [joined(part) for file in files for part in [_FORM_WORDS.sub(" ", file.replace("_", " "))]]
    for name, _ in counted.most_common(12):
        if any(stem and (joined(name).startswith(stem) or stem.startswith(joined(name))) for stem in stems):
            return [name]
    for stem in stems:
        if spelled := _spelled(stem, text):
            return [spelled]
    return [name for name, count in counted.most_common(1) if count > 4]


def _spelled(stem: str, text: str) -> str:
    """How the text writes a name that a file's name writes without spaces: "MGMRESORTS" is "MGM Resorts"."""
    if not 4 <= len(stem) <= 40 or not stem.isascii():
        return ""
    spread = r"[^0-9A-Za-z\n]{0,3}".join(stem)
    found = re.findall(rf"\b{spread}\b", text, re.IGNORECASE)
    return found[0] if len(found) > 2 else ""


def _heaviest(names: Iterable[Name]) -> tuple[Name, ...]:
    """Each name once."""
    ordered = sorted(names, key=lambda name: name.weight)
    return tuple({(name.joined, name.kind): name for name in ordered}.values())


def _aliases(title: str, people: Sequence[str], cover: str, files: Sequence[str]) -> Iterator[Name]:
    for person in people:
        yield from _forms_of(person)
    for match in _SHORT.finditer(cover):
        yield from _name(match[1], 1.0)
    for match in _CODE.finditer(cover):
        yield from _name(match[1], 1.0)
    for pattern in (_TICKER, _TRADED):
        for match in pattern.finditer(cover[:12000]):
            if match[1].isupper():
                yield from _name(match[1].split(".")[0], 0.9, "symbol")
    for match in _FORMER.finditer(cover):
        yield from _name(_core(match[1]), 0.8)
    for match in _KNOWN_AS.finditer(cover[:12000]):
        short = match[1] or match[2]
        if people and short.lower() not in _GENERIC and joined(people[0]).startswith(joined(short)[:3]):
            yield from _name(short, 0.8)
    for file in files:
        stem = " ".join(_FORM_WORDS.sub(" ", file.replace("_", " ")).split())
        yield from _forms_of(stem, 0.9)
    if not people:
        yield from _titled(title)


def _forms_of(name: str, most: float = 1.0) -> Iterator[Name]:
    """The name as people shorten it: without its last words, its first word, its initials."""
    name = _core(name)
    words = [word for word in re.split(r"[\s,/]+", re.sub(r"\.com\b", "", name, flags=re.IGNORECASE)) if word]
    yield from _name(name, most)
    yield from _name(" ".join(words), most)
    said = [word for word in words if joined(word) and word.lower() not in ("and", "of", "the", "&")]
    if re.search(f"[{CJK}]", name):
        return
    if len(said) > 2:
        yield from _name(" ".join(words[: words.index(said[1]) + 1]), 0.9 * most)
    if said and said[0].lower().rstrip(".") not in _EVERYBODYS and len(joined(said[0])) > 2:
        first = re.split(r"[-.]", said[0])[0]
        yield from _name(said[0], 0.7 * most)
        if first.lower() not in _EVERYBODYS and len(first) > 3:
            yield from _name(first, 0.6 * most)
    if len(said) > 1:
        initials = "".join(word[0] for word in said)
        yield from _name(initials, 0.6 * most, "symbol")
        if "&" in words or "and" in [word.lower() for word in words] or len(said) == 2:
            yield from _name("n".join(word[0] for word in said), 0.6 * most, "symbol")
            yield from _name(said[0][:2] + said[1][:2], 0.6 * most, "symbol")


def _titled(title: str) -> Iterator[Name]:
    """Of a guideline or manual: the whole title, its part before a colon, and codes ("PX-200", "KDIGO")."""
    yield from _name(title, 1.0)
    head = re.split(r"\s[-–—|]\s|[:：]", title)[0]
    if len(head.split()) > 1 or re.search(f"[{CJK}]{{4}}", head):
        yield from _name(head, 0.9)
    for printed in title.split():
        word = printed.strip("()[],.:;\"'“”")
        if re.fullmatch(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+|[A-Z]{1,6}\d{2,}[A-Z0-9]*|[A-Z]{4,8}", word):
            yield from _name(word, 0.7, "symbol")


def _name(text: str, weight: float, kind: NameKind = "name") -> Iterator[Name]:
    name = joined(text)
    if kind == "name" and text.isalpha() and text.isascii():
        kind = "proper"
    if len(name) > 1 and not (name.isdigit() and len(name) < 4) and not re.fullmatch(r"(?:19|20)\d\d", name):
        yield Name(name, weight, kind)
