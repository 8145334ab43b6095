"""SENTENCES + YES-NO QUESTION -> yes, no, or unclear: what a text says of what is asked.

By cues: sentences that deny, assert or hedge, weighed by how much of the question they hold and how late they
stand, and what the question itself doubts or hopes for; and by the words of the question and of the last
sentences. The cues are data (`stance.toml`), the weights too (`stance.json`; its card is `stance.md`), fitted by
`bench/fit_stance.py`. What is not covered: arithmetic on the results, and irony.
"""

import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from core.text import tokens
from core.types import Language

Verdict = Literal["yes", "no", "unclear"]

VERDICTS: tuple[Verdict, ...] = ("yes", "no", "unclear")
FEATURES = (
    "denied",
    "asserted",
    "hedged",
    "denied_late",
    "asserted_late",
    "denied_nearest",
    "asserted_nearest",
    "doubting",
    "hoping",
    "negated_question",
)
_LATE = 2  # the last sentences of a text are its results
LATE_WORDS = 3  # ... whose words count
_CUES = ("negative", "positive", "hedged", "doubting", "hoping")

_ASKS = re.compile(
    r"(?:^|[:.;,?—–-]\s*)(?:and |but |so )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may|might|it['’]s)(?:n['’]t)?\s"
    r"[^?]*\??\s*$|吗\s*[?？]?\s*$|是否|能否|可否|是不是|有没有",
    re.IGNORECASE,
)
# such as "Aripiprazole: a new risk factor for gambling?", "Rotator cuff tear--an occupational disease?"
_NAMED = re.compile(r"(?::\s|--\s?|[—–]\s?|,\s(?=an?\s))[^?:]{3,120}\?\s*$")
_ASKS_MORE = re.compile(
    r"(?:^|[:.;,?]\s*)(?:which|what|who|whose|when|where|why|how)\b|还是|什么|为何|如何", re.IGNORECASE
)


def asks_yes_or_no(question: str) -> bool:
    """True for "Is X safe?", "X: does it help?", "...吗？"; not for a "what" or "which"."""
    return bool(_ASKS.search(question) or _NAMED.search(question)) and not _ASKS_MORE.search(question)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and the share of the question's weight that it holds, 0 to 1."""

    text: str
    covered: float


def verdict(question: str, sentences: Sequence[Said]) -> tuple[Verdict, float]:
    """What the sentences, in their order, say of the question, and how sure that is (0 to 1)."""
    chances = likelihoods(question, sentences)
    best = max(chances, key=lambda each: chances[each])
    return best, chances[best]


def likelihoods(question: str, sentences: Sequence[Said]) -> Mapping[Verdict, float]:
    """A log-linear model: cues, the words of the question, and the words of the last sentences."""
    fitted = _fitted()
    totals = list(fitted.constant)
    for name, value in zip(FEATURES, features(question, sentences), strict=True):
        _add(totals, fitted.features[name], value)
    for words, text in ((fitted.question, question), (fitted.late, late_text(sentences))):
        for word, value in weighted(terms_of(text), words).items():
            _add(totals, words[word][1:], value)
    chances = [math.exp(total - max(totals)) for total in totals]
    return {name: chance / sum(chances) for name, chance in zip(VERDICTS, chances, strict=True)}


def _add(totals: list[float], weights: Sequence[float], value: float) -> None:
    for index, weight in enumerate(weights):
        totals[index] += weight * value


def late_text(sentences: Sequence[Said]) -> str:
    return " ".join(each.text for each in sentences[-LATE_WORDS:])


def terms_of(text: str) -> list[str]:
    return tokens(text, keep_stop_words=True)


def weighted(terms: Sequence[str], words: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The known terms by tf-idf, to unit length; the rarity of a word is the first of its numbers."""
    counts = Counter(term for term in terms if term in words)
    found = {term: (1 + math.log(count)) * words[term][0] for term, count in counts.items()}
    length = math.sqrt(sum(value * value for value in found.values())) or 1.0
    return {term: value / length for term, value in found.items()}


def features(question: str, sentences: Sequence[Said]) -> tuple[float, ...]:
    """In the order of FEATURES."""
    cues = _cues()
    weight = [0.15 + each.covered for each in sentences]
    whole = sum(weight) or 1.0

    def share(name: str, among: slice = slice(None)) -> float:
        pattern = cues.patterns[name]
        part = list(zip(sentences, weight))[among]
        return sum(w for said, w in part if pattern.search(said.text)) / (sum(w for _, w in part) or whole)

    late = slice(-_LATE, None)
    nearest = max(sentences, key=lambda each: each.covered, default=Said("", 0.0)).text
    return (
        share("negative"),
        share("positive"),
        share("hedged"),
        share("negative", late),
        share("positive", late),
        float(denies(nearest)),
        float(asserts(nearest)),
        float(bool(cues.patterns["doubting"].search(question))),
        float(bool(cues.patterns["hoping"].search(question))),
        float(bool(re.search(r"\bnot?\b|n['’]t\b|without|unnecessary|不", question, re.IGNORECASE))),
    )


def denies(text: str) -> bool:
    return bool(_cues().patterns["negative"].search(text))


def asserts(text: str) -> bool:
    return bool(_cues().patterns["positive"].search(text))


def hedges(text: str) -> bool:
    return bool(_cues().patterns["hedged"].search(text))


@dataclass(frozen=True, slots=True)
class _Cues:
    patterns: Mapping[str, re.Pattern[str]]


@cache
def _cues() -> _Cues:
    read = tomllib.loads(Path(__file__).with_name("stance.toml").read_text("utf-8"))
    return _Cues(
        {name: re.compile("|".join(rf"(?:{cue})" for cue in read[name]), re.IGNORECASE) for name in _CUES}
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """Of `stance.json`: weights in the order of VERDICTS; of a word its rarity, then its weights."""

    constant: tuple[float, ...]
    features: Mapping[str, tuple[float, ...]]
    question: Mapping[str, tuple[float, ...]]
    late: Mapping[str, tuple[float, ...]]
    fitted_on: frozenset[str]
    out_of_fold: float


@cache
def _fitted() -> Fitted:
    read = json.loads(Path(__file__).with_name("stance.json").read_text("utf-8"))
    return Fitted(
        tuple(read["constant"]), read["features"], read["question"], read["late"],
        frozenset(read["fitted"]["questions"]), read["fitted"]["accuracy_out_of_fold"],
    )  # fmt: skip


def fitted_on() -> frozenset[str]:
    """The marks of the questions that the weights were fitted on (`bench/fit_stance.py`)."""
    return _fitted().fitted_on


def out_of_fold() -> float:
    """The share that was right of these questions, each judged by weights that had not seen it."""
    return _fitted().out_of_fold


WORDS: Mapping[Language, Mapping[Verdict, str]] = {
    "en": {"yes": "Yes.", "no": "No.", "unclear": "It is unclear."},
    "zh": {"yes": "是。", "no": "否。", "unclear": "尚不明确。"},
}
