"""SENTENCES + YES-NO QUESTION -> yes, no, or unclear: what a text says of what is asked.

By cues: sentences that deny, assert or hedge, weighed by how much of the question they hold and how late they
stand, and what the question itself doubts or hopes for. The cues are data (`stance.toml`). What is not
covered: arithmetic on the results, and irony.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from core.types import Language

Verdict = Literal["yes", "no", "unclear"]

FEATURES = (
    "constant",
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
_CUES = ("negative", "positive", "hedged", "doubting", "hoping")

_ASKS = re.compile(
    r"(?:^|[:.;,?—–-]\s*)(?:and |but |so )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)(?:n['’]t)?\s"
    r"[^?]*\??\s*$|吗\s*[?？]?\s*$|是否|能否|可否|是不是|有没有",
    re.IGNORECASE,
)
_NAMED = re.compile(r":\s[^?:]{3,120}\?\s*$")  # "Aripiprazole: a new risk factor for gambling?"
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
    chances = likelihoods(features(question, sentences))
    best = max(chances, key=lambda each: chances[each])
    return best, chances[best]


def likelihoods(found: Sequence[float]) -> Mapping[Verdict, float]:
    totals = {
        name: math.exp(sum(w * x for w, x in zip(weights, found)))
        for name, weights in _cues().weights.items()
    }
    whole = sum(totals.values())
    return {name: total / whole for name, total in totals.items()}


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
        1.0,
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
    weights: Mapping[Verdict, tuple[float, ...]]


@cache
def _cues() -> _Cues:
    read = tomllib.loads(Path(__file__).with_name("stance.toml").read_text("utf-8"))
    patterns = {
        name: re.compile("|".join(rf"(?:{cue})" for cue in read[name]), re.IGNORECASE) for name in _CUES
    }
    weights: dict[Verdict, tuple[float, ...]] = {}
    names: tuple[Verdict, ...] = ("yes", "no", "unclear")
    for name in names:
        weights[name] = tuple(float(read["weights"][name].get(feature, 0.0)) for feature in FEATURES)
    return _Cues(patterns, weights)


WORDS: Mapping[Language, Mapping[Verdict, str]] = {
    "en": {"yes": "Yes.", "no": "No.", "unclear": "It is unclear."},
    "zh": {"yes": "是。", "no": "否。", "unclear": "尚不明确。"},
}
