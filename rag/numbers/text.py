"""PARAGRAPHS -> the sentence that answers, with what of it does. Copies; never rephrases.

Ranks sentences by words and cues alone; what is taken of the best one is the work of `spans` (words) and `printed` (amounts).
What is not covered: answers that stand in two sentences, and paraphrase.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.period import find_periods
from core.quantity import FoundQuantity, Quantity
from core.text import normalize, sentences
from rag.numbers.glossary import matching_terms
from rag.numbers.printed import amounts_in, is_plain, marked, printed, terms_before, wants_amount
from rag.numbers.question import Asked, is_definition, subject_words
from rag.numbers.spans import CAUSE_CUE, answer_in
from rag.numbers.told import change_told, told


@dataclass(frozen=True, slots=True)
class Found:
    """`texts` as printed; `score` says how well the sentence fits, `paragraph` counts from 0. `covered`: the share of
    the question's terms that the sentence says.
    """

    texts: tuple[str, ...]
    score: float
    sentence: str
    paragraph: int
    quantity: Quantity | None = None
    covered: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    paragraph: int
    terms: frozenset[str]
    years: frozenset[str]


@dataclass(frozen=True, slots=True)
class OverTime:
    """The amounts that one sentence tells for the asked years, in their order."""

    score: float
    sentence: str
    amounts: Sequence[FoundQuantity]


_MOST_READ = 8  # sentences, best first


class Reader:
    """The sentences of the paragraphs, with the rarity of their terms."""

    def __init__(self, paragraphs: Sequence[str]) -> None:
        self._sentences = [
            _Sentence(
                piece,
                number,
                matching_terms(piece),
                frozenset(str(item.period.year) for item in find_periods(piece)),
            )
            for number, paragraph in enumerate(paragraphs)
            for piece in _pieces(normalize(paragraph))
        ]
        counts: dict[str, int] = {}
        for sentence in self._sentences:
            for term in sentence.terms:
                counts[term] = counts.get(term, 0) + 1
        self._rarity = {
            term: math.log(1 + (len(self._sentences) + 1) / (count + 0.5)) for term, count in counts.items()
        }

    def best(self, asked: Asked) -> Found | None:
        """What answers in the best sentence, or nothing where there are no sentences."""
        ranked = self._ranked(asked)
        if not ranked:
            return None
        score, sentence = ranked[0]
        texts, quantity = answer_in(asked, sentence.text)
        terms = matching_terms(subject_words(asked.question))
        covered = len(terms & sentence.terms) / max(1, len(terms))
        return Found(texts, score, sentence.text, sentence.paragraph, quantity, covered)

    def over_time(self, asked: Asked, years: Sequence[str]) -> OverTime | None:
        """The sentence that fits best among those that tell an amount for each of the years."""
        terms = matching_terms(subject_words(asked.question))
        for score, sentence in self._ranked(asked)[:_MOST_READ]:
            of_all = [
                each
                for each in told(sentence.text, marked(sentence.text))
                if each.amounts.keys() >= set(years)
            ]
            if of_all:
                best = max(of_all, key=lambda each: len(terms & terms_before(sentence.text, each.start)))
                return OverTime(score, sentence.text, [best.amounts[year] for year in years])
        return None

    def moved(self, asked: Asked) -> Found | None:
        """The change that a sentence states of just what is asked ("Interest income increased $1.2 million")."""
        terms = matching_terms(subject_words(asked.question))
        for score, sentence in self._ranked(asked)[:_MOST_READ]:
            stated = change_told(sentence.text, amounts_in(sentence.text))
            if stated and terms <= matching_terms(stated[1]):
                item, _ = stated
                return Found(
                    (printed(sentence.text, item),), score, sentence.text, sentence.paragraph, item.quantity
                )
        return None

    def _ranked(self, asked: Asked) -> list[tuple[float, _Sentence]]:
        terms = matching_terms(subject_words(asked.question))
        years = {period[:4] for period in asked.periods}
        scores = [self._score(asked, sentence, terms, years) for sentence in self._sentences]
        if asked.operation == "cause":
            scores = self._with_sentence_before(scores)
        return sorted(zip(scores, self._sentences, strict=True), key=lambda item: -item[0])

    def _with_sentence_before(self, scores: Sequence[float]) -> list[float]:
        """A sentence that states a cause ("The increase was due to ...") leans on the one before it."""
        leaning = list(scores)
        for position, (before, sentence) in enumerate(pairwise(self._sentences), start=1):
            if before.paragraph == sentence.paragraph and CAUSE_CUE.search(sentence.text):
                leaning[position] = max(scores[position], 0.4 + 0.6 * scores[position - 1] - 0.05)
        return leaning

    def _score(self, asked: Asked, sentence: _Sentence, terms: frozenset[str], years: set[str]) -> float:
        weights = {term: self._rarity.get(term, 2.0) for term in terms}
        total = math.fsum(weights.values()) or 1.0
        score = math.fsum(weight for term, weight in weights.items() if term in sentence.terms) / total
        if years:
            score += 0.15 * len(years & sentence.years) / len(years)
        if sentence.text.rstrip().endswith(":") or not re.search(
            r"[.!?。！？;；][\"'”’)]*\s*$", sentence.text
        ):
            score -= 0.3  # an announcement or a heading
        if re.search(r"\btables?\b|表", asked.question) and _ABOUT_TABLE.search(sentence.text):
            score += 0.5
        if asked.operation == "cause" and CAUSE_CUE.search(sentence.text):
            score += 0.25
        if is_definition(asked.question) and _begins_with(sentence.text, terms):
            score += 0.3
        if wants_amount(asked) and any(not is_plain(item.quantity) for item in amounts_in(sentence.text)):
            score += 0.15
        return score


def _begins_with(sentence: str, terms: frozenset[str]) -> bool:
    """Is the sentence about the term: is it named before its verb?"""
    verb = re.search(r"\b(?:is|are|consists?|includes?|means?|refers?|represents?|comprises?)\b", sentence)
    return verb is not None and bool(terms) and terms <= matching_terms(sentence[: min(verb.start(), 80)])


_ABOUT_TABLE = re.compile(
    r"\b(?:tables?|following|as follows|below|summari[sz]ed?)\b|下表|以下", re.IGNORECASE
)


def _pieces(paragraph: str) -> list[str]:
    return [paragraph[start:end] for start, end in sentences(paragraph)]
