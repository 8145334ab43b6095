"""How well a unit of evidence answers a question, by words, periods, pages and cues.

Knows nothing of vectors. Full coverage of the question's terms is worth 1; the worth of the other
signs was chosen on the development sets of CMRC 2018 and TAT-QA, where none of them moves the
share of right first units by more than 0.02.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from core.period import find_periods
from core.text import CJK, STOP_WORDS, normalize, tokens
from core.types import Evidence
from rag.causes import is_cause_of, states_cause
from rag.match import coverage, held, is_beginning, terms_of, weights
from rag.movement import MOVES, canonical
from rag.plan import Kind, Plan
from rag.units import Unit, years_of

_PHRASES = 0.2
_PERIOD = {1.0: 0.25, 0.75: 0.2, 0.5: 0.05, 0.0: 0.0, -1.0: -0.2}
_SEVERAL_PERIODS = 0.1
_PAGE = 0.4
_RANK = 0.1
_LABEL = 0.1
_RECORD_LABEL = 0.2
_MEANT = 0.58  # cosine from which a line means what is asked: "born" and "Birth date" .62, "take" and "Birth date" .49
_ASKED_OF = 0.5  # of the weight of what is asked of a person yes or no: what a line of the record has to hold
# Stems of words that judge or compare a value: the line that prints it does not say them.
_COMPARING = re.compile(
    r"[\d.,]+|abov|below|over|under|high|low|normal|abnorm\w*|elev|rais|exceed|more|less|than|least|[↑↓↕]|偏?[高低]|[高低]于|超过|正常"
)
_FEWEST = 3  # letters and digits of a picture that say anything
_AGAINST = 0.1
_ASKS_A_VALUE = ("look_up", "quantity", "count")
_SAYS_NOTHING = (
    1.0  # taken from a line of a record that only repeats the question, or that counts something else
)
_OPEN_END = 0.15  # taken from a sentence that only announces what follows, or asks
_BEFORE = 0.5  # what a term in the sentence before counts; more for a why ("The decline was due to ...")
_BEFORE_CAUSE = 0.8
_DOCUMENT = 0.5  # ... and one that only other passages of the document hold

_DEFINES = re.compile(
    r"\b(?:is|are) (?:an?|the|defined as)\b|\b(?:defined as|means?|represents?|refers? to|consists? of|comprises?|stands for"
    r"|known as|calculated as|includes?)\b|指|定义为|意为|又称|是",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|[一二三四五六七八九十百千万亿两]+(?=[个名人家次位座部种张条所件项集首场年月岁])"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\d{4}|\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b|[年月日]|世纪",
    re.IGNORECASE,
)
_MANNER = re.compile(
    r"\b(?:by|using|through|via|based on|means of|in accordance with)\b|通过|利用|采用|根据|按照",
    re.IGNORECASE,
)
_NUMBER_WORTH = {"count": 0.15, "quantity": 0.15, "look_up": 0.1}
_CAUSE_NOT_ASKED = 0.15
_CAUSE_ASKED = 0.25  # a why: for a cause, and as much again for one of what is asked, in the asked period
_OF_ANOTHER_PERIOD = 0.3  # taken from a cause of what is asked in another period
_WHAT_IS = re.compile(r"^what (?:is|are|was|were)\b", re.IGNORECASE)
_CUES: dict[Kind, tuple[re.Pattern[str], float]] = {
    "definition": (_DEFINES, 0.15),
    "when": (_TIME, 0.15),
    "how": (_MANNER, 0.05),
}
_COUNTED = re.compile(
    rf"\bhow many\s+(?:of\s+)?(?:the\s+)?(?P<thing>[\w-]+(?:\s+(?!are\b|is\b|were\b|was\b|do\b|does\b|did\b|has\b|have\b)[\w-]+)?)"
    rf"|(?:多少|几)[{CJK}]?(?P<zh>[{CJK}]{{1,4}})",
    re.IGNORECASE,
)
# Who is counted as "people" and what lasts so many years is mostly called otherwise where it stands.
_COUNTED_AS_ANYTHING = terms_of(
    "people persons individuals times things years months weeks days hours minutes seconds dollars 人 次 年 月 天"
)
_PART_OF_A_YEAR = re.compile(r"-[QH]\d$")
_CODE = re.compile(r"^([A-Za-z]{1,5})[-\s]?(\d+[A-Za-z]?)$")
_LATIN_WORD = re.compile(rf"[^\W_{CJK}]+")


@dataclass(frozen=True, slots=True)
class Scored:
    """`covered`: the share of the question's weight in the unit and what it rests on, 0 to 1."""

    unit: Unit
    score: float
    covered: float
    cosine: float | None = None


class Question:
    """A plan with the weights that its terms have among the evidence at hand."""

    def __init__(self, asked: Plan, evidence: Sequence[Evidence]) -> None:
        self.plan = asked
        self.evidence = evidence
        self.passages = [terms_of(item.chunk.indexed_text) for item in evidence]
        self.weights = weights(asked.terms, self.passages, asked.question)
        self._text = "\n".join(normalize(item.chunk.indexed_text) for item in evidence)
        self._documents: dict[str, frozenset[str]] = {}
        for item, terms in zip(evidence, self.passages):
            document = item.chunk.doc_id
            self._documents[document] = self._documents.get(document, frozenset()) | terms
        words = _LATIN_WORD.findall(asked.question.lower())
        self._pairs = [
            f"{one} {two}" for one, two in pairwise(words) if not STOP_WORDS.intersection((one, two))
        ]
        self._periods = frozenset(period.label for period in asked.periods)
        self._years = years_of(self._periods)

    def score(self, unit: Unit) -> Scored:
        around = (unit.heading, 1.0), (unit.before, self._before), (self._document(unit), _DOCUMENT)
        covered = coverage(self.weights, unit.terms, *around)
        score = (
            covered
            + _PHRASES * self._phrases(unit)
            + self._period_worth(unit)
            + self._page_worth(unit)
            + self._cue_worth(unit)
            + self._label_worth(unit)
            - (_AGAINST if self.moves_against(unit) else 0.0)
            - (_SAYS_NOTHING if self.tells_nothing(unit) or self.is_of_another(unit) else 0.0)
            + _RANK * unit.evidence.score
        )
        return Scored(unit, score, covered)

    def own_coverage(self, unit: Unit) -> float:
        """The share in the unit itself and its heading."""
        return coverage(self.weights, unit.terms, (unit.heading, 1.0))

    def owed_to_before(self, unit: Unit) -> float:
        """What the sentence before adds to the unit's own share."""
        both = coverage(self.weights, unit.terms, (unit.heading, 1.0), (unit.before, self._before))
        return both - self.own_coverage(unit)

    def heading_coverage(self, unit: Unit) -> float:
        """The share of the question's weight in title and section path alone."""
        return coverage(self.weights, unit.heading)

    def period_sign(self, unit: Unit) -> float | None:
        """1 where an asked period stands in the unit or in what it rests on, 0.75 where a part of an
        asked year does, 0.5 where only the year of an asked part does, 0 where no period is known, -1
        where only others stand; None when none was asked.
        """
        if not self._periods:
            return None
        stated = unit.periods or unit.periods_around
        if self._periods & stated:
            return 1.0
        if self._periods & years_of(stated):
            return 0.75
        if self._years & years_of(unit.periods | unit.periods_around):
            return 0.5
        return -1.0 if stated else 0.0

    def is_of_the_whole_year(self, unit: Unit) -> bool:
        """Is it a row of years where a quarter or a half is asked for? What a year sums up is not what its part had."""
        stated = unit.periods or unit.periods_around
        return (
            unit.evidence.chunk.kind == "table"
            and bool(self._periods and stated)
            and all(_PART_OF_A_YEAR.search(label) for label in self._periods)
            and all(label.isdecimal() for label in stated)
        )

    def all_periods(self, unit: Unit) -> bool:
        return self._periods <= unit.periods | years_of(unit.periods)

    def absent_codes(self) -> list[str]:
        """The names of models, genes or records ("DL-5") that stand in no passage."""
        return [
            name
            for name in self.plan.names
            if (code := _CODE.match(name))
            and not re.search(rf"(?<![a-z0-9]){code[1]}[-\s]?{code[2]}(?!\d)", self._text, re.IGNORECASE)
        ]

    def absent(self) -> set[str]:
        """The terms that no passage holds."""
        return {term for term in self.weights if not any(held(term, passage) for passage in self.passages)}

    def _document(self, unit: Unit) -> frozenset[str]:
        return self._documents[unit.evidence.chunk.doc_id]

    @property
    def _before(self) -> float:
        return _BEFORE_CAUSE if self.plan.kind == "why" else _BEFORE

    def _phrases(self, unit: Unit) -> float:
        """The share of the question's neighbouring words that are neighbours in the unit too."""
        if not self._pairs:
            return 0.0
        text = " ".join(_LATIN_WORD.findall(unit.text.lower()))
        return sum(1 for pair in self._pairs if pair in text) / len(self._pairs)

    def _period_worth(self, unit: Unit) -> float:
        sign = self.period_sign(unit)
        if sign is None:
            return 0.0
        return _PERIOD[sign] + _SEVERAL_PERIODS * max(0, len(self._periods & unit.periods) - 1)

    def _page_worth(self, unit: Unit) -> float:
        asked = self.plan.pages
        return _PAGE if asked and not unit.pages.isdisjoint(asked) else 0.0

    def moves_against(self, unit: Unit) -> bool:
        """True when the unit speaks of a rise alone and the question of a fall, or the other way round."""
        return any(
            asked in self.weights and said in unit.terms and asked not in unit.terms
            for asked, said in (("↓", "↑"), ("↑", "↓"))
        )

    def tells_nothing(self, unit: Unit) -> bool:
        """Does it count something else than is asked? And for a line "label: value" that a reader made of a record, and for letters in a
        picture: do they only repeat the question, or say where they stand? "Name: Anna Berg" does not tell what Anna Berg has, "Video: 0:40" of no bottles.
        """
        chunk = unit.evidence.chunk
        if chunk.kind not in ("record", "figure") or self.plan.kind == "yes_no":
            return self._counts_something_else(unit)
        if self.plan.kind == "count" and not any(held(term, unit.terms) for term in self._counted):
            return True
        if chunk.kind == "figure":
            return sum(map(str.isalnum, unit.text)) < _FEWEST
        _, _, value = _labelled(unit.text)
        stands = any(value == place.anchor for place in chunk.places)
        return stands or terms_of(value) <= self._said

    def is_of_another(self, unit: Unit) -> bool:
        """Is it a record's line of somebody else than the question names? Only of names that some passage holds."""
        chunk = unit.evidence.chunk
        if chunk.kind != "record":
            return False
        whole = terms_of(chunk.indexed_text)
        return any(not _holds(whole, name) for name in self._known_names)

    @cached_property
    def _known_names(self) -> list[frozenset[str]]:
        names = [
            frozenset(term for term in terms_of(name) if not is_beginning(term)) for name in self.plan.names
        ]
        return [name for name in names if any(_holds(passage, name) for passage in self.passages)]

    def speaks_past(self, found: Scored) -> bool:
        """Is a record's line of whom the question names, but neither by its words nor clearly by its meaning of what is asked?"""
        unit, asked = found.unit, self._attribute
        if self.is_of_another(unit):
            return True
        if unit.evidence.chunk.kind != "record" or not (self.plan.names and asked):
            return False
        own = unit.terms | terms_of(" ".join(unit.evidence.chunk.section[-1:]))
        if self.plan.kind == "yes_no":
            of_it = {term: self.weights[term] for term in asked if not _COMPARING.fullmatch(term)}
            return bool(of_it) and coverage(of_it, own) < _ASKED_OF
        return not ((found.cosine or 0.0) >= _MEANT or any(held(term, own) for term in asked))

    @cached_property
    def _said(self) -> frozenset[str]:
        return terms_of(self.plan.question)

    def _counts_something_else(self, unit: Unit) -> bool:
        """Is there nothing in the passage of what is counted? A number of dollars is none of employees."""
        if self.plan.kind != "count" or not self._counted or self._counted & _COUNTED_AS_ANYTHING:
            return False
        passage = terms_of(unit.evidence.chunk.indexed_text)
        return not any(held(term, passage) for term in self._counted)

    @cached_property
    def _counted(self) -> frozenset[str]:
        """The terms of the thing that is counted."""
        counted = _COUNTED.search(self.plan.question)
        return terms_of(counted["thing"] or counted["zh"]) if counted else frozenset()

    def _label_worth(self, unit: Unit) -> float:
        """For a row: how nearly its label is what the question asks the value of."""
        if unit.evidence.chunk.kind == "record":
            return self._record_worth(unit)
        if unit.row is None or self.plan.kind not in _ASKS_A_VALUE or not self.weights:
            return 0.0
        label = [term for term in terms_of(unit.row.label) if not is_beginning(term)]
        asked = coverage(self.weights, label)
        said = sum(held(term, self.weights) for term in label) / max(1, len(label))
        return _LABEL * asked * said

    def _record_worth(self, unit: Unit) -> float:
        """How nearly the label of a record's line is what is asked of whom the question names."""
        if self.plan.kind == "yes_no":  # the line that says it itself, not what stands under its heading
            return _RECORD_LABEL * coverage(
                {term: self.weights[term] for term in self._attribute}, unit.terms
            )
        label, colon, _ = _labelled(unit.text)
        own = [term for term in terms_of(label) if not is_beginning(term)] if colon else []
        of_it = {term: self.weights[term] for term in self._attribute}
        said = sum(held(term, of_it) for term in own) / max(1, len(own))
        return _RECORD_LABEL * coverage(of_it, terms_of(label)) * said if own else 0.0

    def _cue_worth(self, unit: Unit) -> float:
        text = unit.text.rstrip()
        open_ends = ("?", "？") if self.plan.kind == "list" else (":", "：", "?", "？")
        worth = self._why_worth(unit) if self.plan.kind == "why" else self._kind_worth(text)
        return worth - (_OPEN_END if text.endswith(open_ends) else 0.0)

    def _why_worth(self, unit: Unit) -> float:
        if not states_cause(unit.text):
            return 0.0
        if (unit.periods or unit.periods_around) and not self._is_of_the_time(unit):
            return _CAUSE_ASKED - _OF_ANOTHER_PERIOD
        return 2 * _CAUSE_ASKED if self.is_cause(unit) else _CAUSE_ASKED

    def is_cause(self, unit: Unit, *, alone: bool = False) -> bool:
        """Does the unit state a cause of what is asked, for the asked period where one is? `alone`: by its own words."""
        asked_of = self._attribute - unit.heading
        before = frozenset[str]() if alone else unit.before
        about = is_cause_of(unit.text, asked_of or self._attribute, before)
        return bool(self._attribute) and about and self._is_of_the_time(unit) and not self.moves_against(unit)

    def _is_of_the_time(self, unit: Unit) -> bool:
        """True where no period is asked, and where the unit's own periods, else those around it, lie in the asked years."""
        return not self._periods or not self._years.isdisjoint(years_of(unit.periods or unit.periods_around))

    @cached_property
    def _attribute(self) -> frozenset[str]:
        """What the question asks the cause of: its terms without names and without the words of movement."""
        names = {canonical(term) for name in self.plan.names for term in tokens(name)}
        return frozenset(term for term in self.weights if term not in names | MOVES.keys())

    def _kind_worth(self, text: str) -> float:
        if self.plan.kind in _NUMBER_WORTH:
            asked = self.plan.kind != "look_up" or _WHAT_IS.search(self.plan.question)
            return _NUMBER_WORTH[self.plan.kind] if asked and _has_number(text) else 0.0
        if self.plan.kind == "comparison":
            # What a side of it is worth stands in a statement; why it moved was not asked.
            return -_CAUSE_NOT_ASKED if states_cause(text) else 0.0
        pattern, worth = _CUES.get(self.plan.kind, (None, 0.0))
        return worth if pattern and pattern.search(text) else 0.0


def _holds(passage: frozenset[str], name: frozenset[str]) -> bool:
    return all(held(term, passage) for term in name)


def _labelled(line: str) -> tuple[str, str, str]:
    """Label, colon and value; the whole line is the value where it has no label."""
    label, colon, value = line.partition(":")
    return (label, colon, value.strip()) if colon else ("", "", line)


def _has_number(text: str) -> bool:
    """A number that is not merely a period."""
    for found in reversed(find_periods(text)):
        text = text[: found.start] + text[found.end :]
    return bool(_NUMBER.search(text))
