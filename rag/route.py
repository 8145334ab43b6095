"""QUESTION -> DOCUMENTS: the right document first, by who, which form and which period the question names.

The names of documents (`rag/index/keys.py`) that stand in a question say whose documents are meant; period,
form and date say which of them. The choice is soft: what scores a little less stays, at a price. A
question that names no document is no concern of this module: there is no route then. Also cleans the
question (instructions, names and years find nothing inside the document) and adds the words that
statements use for what is asked (`core/glossary`).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from core.glossary import Glossary, Line, Named, Ratio
from core.period import Period, find_periods
from core.text import CJK, normalize
from core.types import Access
from rag.index.keys import Form, Keyed, KeyStore, NameKind
from rag.instructions import without_instructions

MOST = 3  # documents of one subject
WITHIN = 1.5  # what a document may lack of the best one's score
LONGEST = 8  # words of a name
LONGEST_CHINESE = 14  # characters of a name

_NAME, _YEAR, _NEXT_YEAR, _OTHER_YEAR, _QUARTER, _NO_QUARTER, _WHOLE_YEAR = (
    3.0,
    1.0,
    0.35,
    0.6,
    0.8,
    -0.3,
    0.4,
)
_EVENT = 0.6  # share of a year's worth for a report of one event in it
_DATE, _FORM, _PER_YEAR, _OUTLOOK = 1.2, 0.6, 0.25, 1.0


@dataclass(frozen=True, slots=True)
class Routed:
    """`gap`: what the document lacks of the best one's score."""

    document: Keyed
    gap: float


@dataclass(frozen=True, slots=True)
class Route:
    """`query`: what is looked for inside the documents; `bare` the question without names. `statements`: how much each is asked for, to 1.

    `certain`: the question says which of the subject's documents it means, by period, form or the
    kind of page; else a name alone speaks for them. `kin`: all documents of the subjects.
    """

    documents: tuple[Routed, ...]
    query: str
    bare: str = ""
    terms: tuple[Line | Ratio, ...] = ()
    lines: tuple[Line, ...] = ()
    statements: Mapping[str, float] = field(default_factory=dict)
    certain: bool = False
    kin: tuple[Keyed, ...] = ()

    def within(self, documents: Collection[str]) -> "Route":
        """The route as if there were no other documents."""
        return replace(
            self,
            documents=tuple(one for one in self.documents if one.document.doc_id in documents),
            kin=tuple(one for one in self.kin if one.doc_id in documents),
        )


class Router:
    def __init__(self, keys: KeyStore, glossary: Glossary) -> None:
        self._keys = keys
        self._glossary = glossary

    def route(self, question: str, *, access: Access) -> Route | None:
        """None where the question names no document that the caller may see."""
        text = normalize(question)
        spans = dict(_spans(text))
        if not spans:
            return None
        found = self._keys.find(_by_kind(text, spans), access)
        if not found:
            return None
        found, named = _longest(_as_one(found), spans)
        asked = _Asked.of(text)
        documents = _chosen(found, asked)
        unnamed = _unnamed(text, named)
        bare = without_instructions(unnamed)
        terms = self._glossary.named(bare)
        lines = _lines(self._glossary, terms)
        statements = _statements(self._glossary, text, terms, lines)
        return Route(
            documents=documents,
            query=_query(bare, lines),
            bare=unnamed,
            terms=tuple(item.term for item in terms),
            lines=lines,
            statements=statements,
            certain=bool(asked.periods or asked.forms or statements),
            kin=tuple(found),
        )


# ---------------------------------------------------------------- names in the question

_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
Spans = list[tuple[int, int]]


def _spans(text: str) -> Iterator[tuple[str, Spans]]:
    """Every run of words, as names are kept, with its places: "Best Buy" -> bestbuy."""
    tokens = [(match.group().lower(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    found: dict[str, Spans] = defaultdict(list)
    for first in range(len(tokens)):
        name, chinese = "", re.match(f"[{CJK}]", tokens[first][0]) is not None
        for word, _, end in tokens[first : first + (LONGEST_CHINESE if chinese else LONGEST)]:
            if word == "s" and text[end - 2 : end - 1] in "'’":  # a possessive is no part of a name
                break
            name += word
            if len(name) > 1:
                found[name].append((tokens[first][1], end))
    yield from found.items()


def _by_kind(text: str, spans: Mapping[str, Spans]) -> dict[NameKind, frozenset[str]]:
    """Which runs of words may be names of which kind; who writes no capitals at all may mean any."""
    small = text == text.lower()
    marked = [0, *accumulate(char.isupper() or char.isdigit() for char in text)]

    def written(counts: Callable[[int, int], bool]) -> frozenset[str]:
        return frozenset(name for name, at in spans.items() if any(counts(a, b) for a, b in at))

    return {
        "name": frozenset(spans),
        "proper": written(lambda start, _: small or not text[start].islower()),
        "symbol": written(lambda start, end: marked[end] - marked[start] >= 2),
    }


_SAME = 0.9  # weight from which a name that two subjects bear says that they are one


def _as_one(found: Sequence[Keyed]) -> list[Keyed]:
    """Spellings of one subject made alike: one begins with the other, or both surely bear a name of the question."""
    sure: dict[str, set[str]] = defaultdict(set)
    for item in found:
        sure[item.key.subject].update(name for name, weight in item.matched.items() if weight >= _SAME)
    spelling: dict[str, str] = {}
    for subject in sorted(sure, key=lambda one: (len(one), one)):
        alike = (
            other
            for other in spelling.values()
            if (len(other) > 3 and subject.startswith(other)) or sure[subject] & sure[other]
        )
        spelling[subject] = next(alike, subject)
    return [replace(item, key=replace(item.key, subject=spelling[item.key.subject])) for item in found]


def _longest(found: Sequence[Keyed], spans: Mapping[str, Spans]) -> tuple[list[Keyed], Spans]:
    """Without names that stand inside longer ones; a name that several subjects bear counts for each in part."""
    places = {(start, end) for item in found for name in item.matched for start, end in spans.get(name, ())}
    outer = {
        place
        for place in places
        if not any(o != place and o[0] <= place[0] and place[1] <= o[1] for o in places)
    }
    kept = {name for item in found for name in item.matched if outer.intersection(spans.get(name, ()))}
    bearers: dict[str, set[str]] = defaultdict(set)
    for item in found:
        for name in kept & item.matched.keys():
            bearers[name].add(item.key.subject)
    # A name of one document of a subject holds for all of them.
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    for item in found:
        for name, weight in item.matched.items():
            if name in kept:
                known = weights[item.key.subject]
                known[name] = max(known.get(name, 0.0), weight / len(bearers[name]))
    shared = [
        Keyed(item.doc_id, item.version, item.key, weights[item.key.subject])
        for item in found
        if item.key.subject in weights
    ]
    return shared, sorted(outer)


# ---------------------------------------------------------------- which of the documents

_FORMS: Sequence[tuple[Form, str]] = (
    ("annual report", r"\b10-?k\b|\bannual (?:report|filing)|年报|年度报告"),
    ("quarterly report", r"\b10-?q\b|\bquarterly (?:report|filing)|季报|季度报告|半年报"),
    ("current report", r"\b8-?k\b"),
    ("release", r"\b(?:press|earnings|news) release\b|\bearnings (?:call|report|results)\b|业绩公告"),
    ("guideline", r"\bguidelines?\b|指南"),
    ("manual", r"\bmanual\b|说明书|手册"),
)
_FUTURE = re.compile(
    r"\b(?:expect(?:s|ed)?|forecast(?:s|ed|ing)?|guid(?:e|es|ance|ing)|outlook|anticipat\w+|project(?:s|ed)|plan(?:s|ned)? to|will)\b|预计|展望",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"(20\d\d|19\d\d)\s*(?:-|–|—|to|through|until|至|到)\s*(?:FY|fiscal(?: year)?)?\s*(20\d\d|19\d\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Asked:
    periods: tuple[Period, ...]
    years: tuple[int, ...]
    quarters: frozenset[tuple[int, int]]
    forms: frozenset[Form]
    future: bool

    @classmethod
    def of(cls, text: str) -> "_Asked":
        periods = tuple(item.period for item in find_periods(text))
        years = {period.year for period in periods}
        for first, last in _RANGE.findall(text):
            if 0 < int(last) - int(first) < 12:
                years |= set(range(int(first), int(last) + 1))
        return cls(
            periods,
            tuple(sorted(years)),
            frozenset((period.year, period.part) for period in periods if period.kind == "quarter"),
            frozenset(form for form, pattern in _FORMS if re.search(pattern, text, re.IGNORECASE)),
            _FUTURE.search(text) is not None,
        )

    def score(self, document: Keyed, newest: int) -> float:
        key = document.key
        score = _NAME * max(document.matched.values())
        score += self._by_year(key.year, newest) * (_EVENT if key.form == "current report" else 1.0)
        if self.quarters:
            right = (key.year, key.quarter) in self.quarters
            score += _QUARTER if right else _NO_QUARTER if key.quarter is None else 0.0
        elif key.form == "annual report":
            score += _WHOLE_YEAR
        if any(period.kind == "date" and period.ends == key.ends for period in self.periods):
            score += _DATE
        if key.form in self.forms:
            score += _FORM
        if self.future and key.year is not None and key.year + 1 in self.years:
            score += _OUTLOOK
        return score

    def _by_year(self, year: int | None, newest: int) -> float:
        if year is None:
            return 0.0
        if not self.years:
            return -_PER_YEAR * (newest - year)
        if year == self.years[-1]:
            return _YEAR
        if year in self.years:
            return _OTHER_YEAR
        return _NEXT_YEAR if year - 1 == self.years[-1] else 0.0


def _chosen(found: Sequence[Keyed], asked: _Asked) -> tuple[Routed, ...]:
    """The best few documents of each subject, best first."""
    by_subject: dict[str, list[tuple[float, Keyed]]] = defaultdict(list)
    newest = max((item.key.year for item in found if item.key.year), default=0)
    for item in found:
        by_subject[item.key.subject].append((asked.score(item, newest), item))
    best_names = max(max(item.matched.values()) for item in found)
    chosen: list[Routed] = []
    for members in by_subject.values():
        members.sort(key=lambda member: (-member[0], member[1].doc_id))
        # A subject whose name is far weaker than another's (an initial beside a full name) is not meant.
        lack = _NAME * max(0.0, best_names - max(members[0][1].matched.values()))
        for score, item in members[:MOST]:
            gap = members[0][0] - score + lack
            if gap <= WITHIN:
                chosen.append(Routed(item, gap))
    return tuple(sorted(chosen, key=lambda routed: (routed.gap, routed.document.doc_id)))


# ---------------------------------------------------------------- what is looked for inside them

_YEARS = re.compile(
    r"\b(?:FY|fiscal(?: year)?|year[- ]end(?:ed)?)?\s?['’]?(?:19|20)\d\d\b|\bFY\s?\d\d\b|\bQ[1-4]\b",
    re.IGNORECASE,
)


def _unnamed(text: str, named: Spans) -> str:
    """Without the names that led to the documents."""
    for start, end in reversed(named):
        text = f"{text[:start]} {text[end:]}"
    return " ".join(re.sub(r"(?:^|\s)['’]s?(?=\s)", " ", text).split())


def _query(text: str, lines: Iterable[Line]) -> str:
    words = " ".join(dict.fromkeys(line.words for line in lines if line.words))
    return " ".join(f"{_YEARS.sub(' ', text)} {words}".split())


def _lines(glossary: Glossary, terms: Sequence[Named]) -> tuple[Line, ...]:
    """The lines that are asked for, directly or through a ratio."""
    found: dict[str, Line] = {}
    for item in terms:
        lines = glossary.lines_of(item.term) if isinstance(item.term, Ratio) else [item.term]
        found.update((line.name, line) for line in lines)
    return tuple(found.values())


_WHY = re.compile(r"\bwhy\b|\bwhat (?:drove|caused|led|explains?)\b|\breasons?\b|为什么|原因", re.IGNORECASE)
# Worth of a line for its statement, of a statement that is named, of all where no statement or ratio is named or a cause is asked for, which stands in prose.
_LINE, _SAID, _UNSURE = 0.5, 1.3, 0.4


def _statements(
    glossary: Glossary, text: str, terms: Sequence[Named], lines: Sequence[Line]
) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    for line in lines:
        weights[line.statement] += _LINE
    named = glossary.statements_named(text)
    for name in named:
        weights[name] = _SAID
    sure = bool(named) or (any(isinstance(item.term, Ratio) for item in terms) and not _WHY.search(text))
    return {
        name: min(_SAID if name in named else 1.0, weight) * (1.0 if sure else _UNSURE)
        for name, weight in weights.items()
    }
