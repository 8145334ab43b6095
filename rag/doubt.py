"""QUESTION + EVIDENCE -> how likely the documents answer it: a log-linear model over a few signs.

The signs: how much of the question the best unit holds, and how much of it two passages hold that one name leads
from one to the other (a question over a bridge stands in no single sentence); whether what the question names
stands in the evidence, as written or in parts; how far the best passage stands apart from the eighth; whether
the asked period is there; for an encoder that was calibrated, meaning. Never similarity alone: a passage about
another firm or another year is similar. The weights are data (`doubt.json`; its card is `doubt.md`), fitted by
`bench/fit_doubt.py`. What is not covered: whether the answer that is found is the right one.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path

from core.text import CJK, normalize, normalize_name
from core.types import Language
from rag.causes import states_cause
from rag.match import coverage, held, is_beginning, terms_of
from rag.relevance import Question, Scored
from rag.row import Task

SIGNS = (
    "covered",
    "meaning",
    "joined",
    "named",
    "verbatim",
    "absent",
    "strange",
    "apart",
    "period_stated",
    "period_within",
    "period_around",
    "period_unknown",
    "period_other",
)
ENOUGH = 0.5  # the likelihood from which an answer is given
_PERIODS = {
    1.0: "period_stated",
    0.75: "period_within",
    0.5: "period_around",
    0.0: "period_unknown",
    -1.0: "period_other",
}
_IN_PARTS = 0.9  # what a name is worth whose words stand in a passage, but not as they are written
_BESIDE = 0.3  # of the question's weight: words that nothing mentions beside what is asked; beyond, they are what is asked
_RIVAL = 8  # the passage from which the best has to stand apart
_FOLLOWING = 200  # characters after a unit in which its cause may be stated
# Set by hand, on signs that the sets do not hold: a model, gene or record that is named by its code; a why whose
# unit, and what follows it, states no cause (Chinese often leaves the word out).
_NO_CODE = -4.0
_NO_CAUSE: Mapping[Language, float] = {"en": -1.5, "zh": 0.0}


def likelihood(question: Question, found: Scored, encoder: str) -> float:
    """How likely it is that the evidence, with `found` as its best unit, answers the question, from 0 to 1."""
    total = without_period(question, found, encoder) + _period(question, found, encoder)
    return 1 / (1 + math.exp(-total))


def without_period(question: Question, found: Scored, encoder: str) -> float:
    """The log odds that the evidence answers it for some period."""
    weights = _weights(question, found, encoder)
    total = weights.constant + sum(
        weights.of[name] * value
        for name, value in signs(question, found).items()
        if name in weights.of and name not in _PERIODS.values()
    )
    code = _NO_CODE if question.absent_codes() else 0.0
    return total + code + no_cause(question, found)


def no_cause(question: Question, found: Scored) -> float:
    """What is taken from a why whose unit states no cause."""
    unit = found.unit
    following = unit.evidence.chunk.text[unit.start : unit.end + _FOLLOWING]
    if question.plan.kind != "why" or states_cause(following):
        return 0.0
    return _NO_CAUSE[question.plan.language]


def _period(question: Question, found: Scored, encoder: str) -> float:
    sign = question.period_sign(found.unit)
    return 0.0 if sign is None else _weights(question, found, encoder).of[_PERIODS[sign]]


def signs(question: Question, found: Scored) -> dict[str, float]:
    """By the names of SIGNS; those of periods only where one is asked, "meaning" only where there is a cosine."""
    sign = question.period_sign(found.unit)
    subjects, absent = Subjects(question), _share(question)
    return {
        "covered": found.covered,
        **({"meaning": found.cosine} if found.cosine is not None else {}),
        "joined": _joined(question),
        "named": min((subjects.known(name) for name in subjects.names), default=1.0),
        "verbatim": float(all(subjects.known(name) == 1 for name in subjects.names)),
        "absent": absent,
        "strange": max(0.0, absent - _BESIDE),
        "apart": _apart(question),
        **({_PERIODS[sign]: 1.0} if sign is not None else {}),
    }


def _share(question: Question) -> float:
    """Of the question's weight, what no passage holds."""
    total = sum(question.weights.values())
    return sum(question.weights[term] for term in question.absent()) / total if total else 0.0


def _joined(question: Question) -> float:
    """The most of the question's weight that a passage holds together with one that the graph reached it from."""
    places = {item.chunk.id: number for number, item in enumerate(question.evidence)}
    alone = (coverage(question.weights, passage) for passage in question.passages)
    pairs = {
        (places[step.chunk_id], number)
        for number, item in enumerate(question.evidence)
        for step in item.path
        if step.chunk_id in places
    }
    both = (
        coverage(question.weights, question.passages[one] | question.passages[other]) for one, other in pairs
    )
    return max(chain(alone, both), default=0.0)


def _apart(question: Question) -> float:
    """How far the score of the best passage is from the eighth's; what is usual where there are fewer."""
    scores = sorted((item.score for item in question.evidence), reverse=True)
    return scores[0] - scores[_RIVAL - 1] if len(scores) >= _RIVAL else _fitted().usual_apart


# ---------------------------------------------------------------- who or what the question is about

_JOINT = re.compile(r"\s+(?:and|or|&)\s+|[和与及、]")
_IS_NAME = re.compile(r"[^\W\d_]{2}")
_LEADING = re.compile(r"^[要会能可把对从向将曾有为让使该其这那每各]+")
_CHINESE = re.compile(f"[{CJK}]+")
_SHORTEST_TITLE = 3  # characters of a title that one wrong character makes another name


def names_strangers(task: Task) -> bool:
    """Does the question name somebody or something that the evidence does not know?"""
    return bool(Subjects(Question(task.asked, task.evidence)).unknown)


class Subjects:
    """What the question names, and how well the evidence knows it."""

    def __init__(self, question: Question) -> None:
        self._question = question

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of "X and Y" each by itself; of a Chinese question also the subject that it begins with, where nobody
        speaks of it.
        """
        pieces = [piece for names in self._question.plan.names for piece in _JOINT.split(names)]
        named = [piece for piece in pieces if _IS_NAME.search(piece) and terms_of(piece)]
        return tuple(dict.fromkeys([*named, *self._strangers()]))

    @property
    def unknown(self) -> list[str]:
        """The names of which no passage holds all words."""
        return [name for name in self.names if self.known(name) < _IN_PARTS]

    def known(self, name: str) -> float:
        """1 where it stands in a passage as written, but for accents and small letters; else the most of its words
        that one passage holds, a little less.
        """
        if self._is_written(name):
            return 1.0
        terms = [term for term in terms_of(_folded(name)) if not is_beginning(term)]
        held_by = (sum(held(term, passage) for term in terms) for passage in self._passages)
        return _IN_PARTS * max(held_by, default=0.0) / max(1, len(terms))

    def mistaken_for(self, name: str) -> str:
        """The title of a passage that differs from the name by one character, or ""."""
        return next(
            (title for title in self._titles if len(title) == len(name) and _differ(title, name) == 1), ""
        )

    def _is_written(self, name: str) -> bool:
        plain = _folded(normalize_name(name))
        return plain in self._text if _CHINESE.search(plain) else f" {plain} " in f" {self._text} "

    def _strangers(self) -> Iterator[str]:
        """Chinese: a title with one character changed, and a first word of which no two characters stand anywhere."""
        plan = self._question.plan
        if plan.language != "zh" or not _CHINESE.search(self._text):
            return  # an English document may well speak of it
        asked = normalize(plan.question)
        for title in self._titles:
            windows = (asked[at : at + len(title)] for at in range(len(asked) - len(title) + 1))
            if title not in asked:
                yield from (
                    part for part in windows if _differ(part, title) == 1 and not self._is_written(part)
                )
        first = _CHINESE.search(plan.subject)
        run = _LEADING.sub("", first[0]) if first else ""
        if first and plan.subject.startswith(first[0]) and len(run) > 1 and not self._is_written(run[:2]):
            yield run

    @cached_property
    def _titles(self) -> list[str]:
        """Chinese ones of a few characters, without what stands behind in brackets."""
        titles = (re.sub(r"\s*[(（].*", "", item.chunk.title) for item in self._question.evidence)
        return [
            title
            for title in dict.fromkeys(map(normalize, titles))
            if _SHORTEST_TITLE <= len(title) <= 12 and _CHINESE.fullmatch(title)
        ]

    @cached_property
    def _text(self) -> str:
        return _folded(normalize_name("\n".join(item.chunk.indexed_text for item in self._question.evidence)))

    @cached_property
    def _passages(self) -> list[frozenset[str]]:
        return [terms_of(_folded(item.chunk.indexed_text)) for item in self._question.evidence]


def _differ(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _folded(text: str) -> str:
    """Without accents: "Akinoshū" is typed "Akinoshu"."""
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


# ---------------------------------------------------------------- the weights


@dataclass(frozen=True, slots=True)
class Weights:
    constant: float
    of: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Of `doubt.json`: `by`: weights by what is known of a question, its language and for English perhaps the name of
    the encoder of its cosine; `usual_apart`: the mean of that sign, for few passages.
    """

    by: Mapping[str, Weights]
    usual_apart: float


def _weights(question: Question, found: Scored, encoder: str) -> Weights:
    """Cosines of different encoders do not compare: only those of one that was calibrated count."""
    by, language = _fitted().by, question.plan.language
    known = by.get(f"{language} {encoder.partition('@')[0]}")
    return known if known and found.cosine is not None else by[language]


@cache
def _fitted() -> Fitted:
    read = json.loads(Path(__file__).with_name("doubt.json").read_text("utf-8"))
    return Fitted(
        {name: Weights(each["constant"], each["of"]) for name, each in read["weights"].items()},
        read["usual_apart"],
    )
