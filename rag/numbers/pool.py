"""EVIDENCE -> the values that words name, over all passages, tables and documents at once.

A value fits when its own words, its clause and the heading of its passage together say what the
question asks, and its label says little that the question does not. Knows nothing of operations.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from core.currency import YUAN_OR_YEN
from core.quantity import Quantity
from core.types import Evidence
from core.values import Value, values_of, with_currency
from rag.numbers.calc import Operand
from rag.numbers.glossary import matching_terms, units_of, units_of_tests, words_of
from rag.numbers.question import subject_words


@dataclass(frozen=True, slots=True)
class Candidate:
    """`own`: terms of label, section and heading; `around`: of clause and row; `over`: of the passage's
    heading and caption.
    """

    value: Value
    evidence: Evidence
    own: frozenset[str]
    around: frozenset[str]
    over: frozenset[str]

    @property
    def operand(self) -> Operand:
        value = self.value
        return Operand(value.quantity, value.raw, value.name, value.heading, value.period)

    @property
    def key(self) -> tuple[str, int]:
        return (self.evidence.chunk.id, self.value.start)


@dataclass(frozen=True, slots=True)
class Fit:
    """`covered`: the share of the question's weight that the value and its passage say; `precise`: the
    share of the label's words that the question says. Both from 0 to 1.
    """

    candidate: Candidate
    covered: float
    precise: float
    score: float

    @property
    def value(self) -> Value:
        return self.candidate.value


class Pool:
    """All values of the evidence, read once."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self._evidence = evidence

    @cached_property
    def candidates(self) -> list[Candidate]:
        found = [candidate for item in self._evidence for candidate in _candidates(item)]
        return [
            replace(one, value=with_currency(one.value, self._text_of(one.evidence.chunk.doc_id)))
            if one.value.quantity.currency == YUAN_OR_YEN
            else one
            for one in found
        ]

    def _text_of(self, doc_id: str) -> str:
        """All that is at hand of a document: other passages may say whose sign its "¥" is."""
        return "\n".join(item.chunk.indexed_text for item in self._evidence if item.chunk.doc_id == doc_id)

    @cached_property
    def _rarity(self) -> dict[str, float]:
        counts: dict[str, int] = {}
        for candidate in self.candidates:
            for term in candidate.own | candidate.around | candidate.over:
                counts[term] = counts.get(term, 0) + 1
        total = len(self.candidates)
        return {term: math.log(1 + (total + 1) / (count + 0.5)) for term, count in counts.items()}

    @property
    def periods(self) -> tuple[str, ...]:
        """Labels of the periods that the evidence prints values for, earliest first."""
        return tuple(sorted({each.value.period for each in self.candidates if each.value.period}))

    def ranked(
        self, words: str, period: str = "", *, percent: bool | None = None, moved: bool = False
    ) -> list[Fit]:
        """Best first, among the values of `period` where one is given.

        `percent`: whether a percentage is wanted; `moved`: whether a rise or fall is.
        """
        asked = _asked_terms(words)
        fits = [
            self._fit(candidate, asked)
            for candidate in self.candidates
            if not period or within(candidate.value.period, period)
        ]
        shaped = (_shaped(fit, percent=percent, moved=moved) for fit in fits)
        return sorted(shaped, key=lambda fit: (-fit.score, fit.candidate.key))

    def fits(self, words: str) -> list[Fit]:
        """How well the words name each candidate, in the order of `candidates`."""
        asked = _asked_terms(words)
        return [self._fit(candidate, asked) for candidate in self.candidates]

    def _fit(self, candidate: Candidate, asked: Collection[frozenset[str]]) -> Fit:
        rarest = max(self._rarity.values(), default=1.0)
        total = own = covered = 0.0
        for alternatives in asked:
            weight = max((self._rarity.get(term, 0.0) for term in alternatives), default=0.0) or rarest
            total += weight
            if not alternatives.isdisjoint(candidate.own):
                own += weight
                covered += weight
            elif not alternatives.isdisjoint(candidate.around):
                own += 0.5 * weight
                covered += weight
            elif not alternatives.isdisjoint(candidate.over):
                covered += weight
        said = frozenset().union(*asked) if asked else frozenset()
        label = {term for term in candidate.own if not term.startswith("=")}
        concepts = {
            word for term in candidate.own if term in said and term[0] == "=" for word in words_of(term[1:])
        }
        known = sum(1 for term in label if term in said or term in concepts)
        precise = known / len(label) if label else 0.0
        share = covered / total if total else 0.0
        score = share + 0.6 * (own / total if total else 0.0) + 0.5 * precise
        if _in_another_unit(candidate.value.quantity, said):
            score, precise = score - _OTHER_UNIT, 0.0
        return Fit(candidate, share, precise, score + 0.05 * candidate.evidence.score)


def within(printed: str, asked: str) -> bool:
    """True for the same period, and for a date or month that closes the year asked."""
    if printed == asked:
        return True
    if not printed:
        return False
    closing = len(printed) > 7 and printed[4:5] == "-" and printed[5:7].isdigit()
    if len(asked) == 4 and closing:
        return printed[:4] == asked
    return closing and len(asked) > 7 and printed[:7] == asked[:7]


def _candidates(item: Evidence) -> list[Candidate]:
    chunk = item.chunk
    heading = matching_terms(chunk.heading)
    is_table = chunk.kind == "table"
    caption = (
        matching_terms("\n".join(line for line in chunk.text.split("\n") if "|" not in line))
        if is_table
        else frozenset()
    )
    found = values_of(chunk.text, is_table=is_table, heading=chunk.heading)
    return [
        Candidate(
            value, item, matching_terms(value.name),
            matching_terms(chunk.text[value.unit_start : value.unit_end]) if value.kind != "cell" else frozenset(),
            heading | caption,
        )
        for value in found
    ]  # fmt: skip


_OTHER_UNIT = 0.6  # taken from a value whose unit the glossary does not know for what is asked

# Words that say what to do with the values, not which values they are.
_COMPUTING = re.compile(
    r"\b(?:compar\w*|versus|vs|lower|higher|larger|smaller|greater|less|more|than|better|worse|total|overall|together|altogether|cumulative"
    r"|(?:compound(?:ed)? |annual )*growth(?: rate)?|cagr|rate of growth|grow|grew|grown|rise|rose|risen|fall|fell|fallen|drop\w*|declin\w*|improv\w*|deteriorat\w*"
    r"|develop\w*|move\w*|been|be|has|have|had|across|during|period|out|make|made|up|represent\w*|account\w*|expressed|please|calculate|compute|find|tell|me|show)\b"
    r"|复合|增长率|年均|增长|增加|上升|提高|下降|减少|降低|下滑|同比|环比|相比|比较|对比|比|多少|合计|总共|平均|变化|变动|是否|吗|请问|百分点|百分之|几|为|了|的",
    re.IGNORECASE,
)


def _asked_terms(words: str) -> list[frozenset[str]]:
    """The question's terms, each with what may stand for it: a name of the glossary has its other names."""
    terms = matching_terms(_COMPUTING.sub(" ", subject_words(words)))
    concepts = {term for term in terms if term.startswith("=")}
    inside = {word for concept in concepts for word in words_of(concept[1:])}
    plain = [frozenset({term}) for term in sorted(terms - concepts) if term not in inside]
    return [*plain, *(frozenset({concept}) for concept in sorted(concepts))]


def _in_another_unit(quantity: Quantity, asked: Collection[str]) -> bool:
    """13.5 g/dL is no haemoglobin A1c, which the glossary knows in % and mmol/mol; "5 t of potassium" may be sold."""
    units = [units for term in asked if term[0] == "=" and (units := units_of(term[1:]))]
    known = quantity.unit in units_of_tests()
    return bool(units) and known and not any(quantity.unit in each for each in units)


def _shaped(fit: Fit, *, percent: bool | None, moved: bool) -> Fit:
    """Less for a rise where a level is asked, and for a percentage where an amount is."""
    value, score = fit.value, fit.score
    if (value.kind == "change") != moved and value.kind != "cell":
        score -= 0.4
    if percent is not None and (value.quantity.unit in ("%", "pp")) != percent:
        score -= 0.5
    return replace(fit, score=score)
