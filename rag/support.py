"""Does the evidence support an answer, and if not, why not: in words, in the question's language.

Decides by how much of the question's rare terms the chosen unit and what it rests on hold, by whether
the asked period stands there, and, for an encoder that was calibrated, by meaning. Never by similarity
alone: a passage about another firm or another year is similar.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.period import find_periods
from core.text import CJK, tokens
from core.types import Gap, Language
from rag.match import canonical
from rag.plan import Plan
from rag.relevance import Question, Scored, states_cause

_FOLLOWING = 200  # characters after a unit in which its cause may be stated
ENOUGH = 0.5  # the likelihood from which an answer is given


@dataclass(frozen=True, slots=True)
class _Weights:
    """Of a logistic regression on the share of the question's weight in the unit and what it rests on,
    and on the cosine of unit and question.

    Fitted on half of the questions of 2Wiki, HotpotQA, SciFact, PubMedQA, TAT-QA (English) and CMRC 2018
    (Chinese), each asked with and without its gold passages, with the passages of other filings, and
    for years that they do not cover. On the other half .86 of the refusals are right and .88 of what
    has no answer is refused (English), .90 and .93 (Chinese).
    """

    constant: float
    covered: float
    cosine: float = 0.0


_BY_WORDS: Mapping[Language, _Weights] = {"en": _Weights(-3.07, 6.06), "zh": _Weights(-3.31, 7.25)}
# Cosines of different encoders do not compare. By the encoder's name before the "@".
_WITH_ENCODER: Mapping[tuple[str, Language], _Weights] = {
    ("all-MiniLM-L6-v2", "en"): _Weights(-5.83, 3.77, 6.99),
}
_PERIOD = {1.0: 0.25, 0.75: 0.25, 0.5: -1.35, 0.0: -3.3, -1.0: -5.8}
_NO_NAME = -1.5  # a name of the question stands in no passage
_NO_CODE = -4.0  # a model, gene or record that the question names by its code stands nowhere
# A why whose unit, and what follows it, states no cause. Chinese often leaves the word out.
_NO_CAUSE: Mapping[Language, float] = {"en": -1.5, "zh": 0.0}


def likelihood(question: Question, found: Scored, encoder: str) -> float:
    """How likely it is that the unit answers the question, from 0 to 1."""
    total = _evidence(question, found, encoder) + _period(question, found) + _cause(question, found)
    return 1 / (1 + math.exp(-(total + _unknown(question))))


def _unknown(question: Question) -> float:
    """For who or what the question is about and no passage names."""
    if question.absent_codes():
        return _NO_CODE
    return _NO_NAME if question.absent_names() else 0.0


def _evidence(question: Question, found: Scored, encoder: str) -> float:
    language = question.plan.language
    known = _WITH_ENCODER.get((encoder.partition("@")[0], language))
    weights = known if known and found.cosine is not None else _BY_WORDS[language]
    return weights.constant + weights.covered * found.covered + weights.cosine * (found.cosine or 0.0)


def _period(question: Question, found: Scored) -> float:
    sign = question.period_sign(found.unit)
    return 0.0 if sign is None else _PERIOD[sign]


def _cause(question: Question, found: Scored) -> float:
    unit = found.unit
    following = unit.evidence.chunk.text[unit.start : unit.end + _FOLLOWING]
    if question.plan.kind != "why" or states_cause(following):
        return 0.0
    return _NO_CAUSE[question.plan.language]


# ---------------------------------------------------------------- what is missing


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a part of the question has no answer: `why` and the words of the question it is about.

    `likely`: how likely the best unit would have been an answer nevertheless, 0 to 1.
    """

    why: Literal["nothing", "words", "period", "cause", "weak"]
    subject: str
    words: tuple[str, ...] = ()
    likely: float = 0.0


def missing(question: Question, found: Scored, encoder: str) -> Missing:
    """The reason for which `found`, the best unit, is no answer."""
    gap = _missing(question, found, encoder)
    return replace(gap, likely=likelihood(question, found, encoder))


def _missing(question: Question, found: Scored, encoder: str) -> Missing:
    asked = question.plan
    absent = question.absent_codes() or _as_written(asked.question, question.absent())
    if absent:
        return Missing("words", asked.subject, tuple(absent))
    enough = math.log(ENOUGH / (1 - ENOUGH))
    if _evidence(question, found, encoder) > enough:
        if _cause(question, found):
            return Missing("cause", asked.subject)
        return Missing("period", asked.subject, tuple(_period_words(asked)))
    return Missing("weak", asked.subject)


def _period_words(asked: Plan) -> list[str]:
    labels = {period.label for period in asked.periods}
    found = [item for item in find_periods(asked.question) if item.period.label in labels]
    return [asked.question[item.start : item.end] for item in found] or sorted(labels)


def _as_written(question: str, terms: Collection[str]) -> tuple[str, ...]:
    """The words of the question that stand for `terms`; neighbouring characters of Chinese together."""
    found: list[str] = []
    for match in re.finditer(rf"[{CJK}]+|[^\W{CJK}]+(?:[-'’.]\w+)*", question):
        word = match.group()
        if not re.match(f"[{CJK}]", word):
            if any(canonical(term) in terms for term in tokens(word)):
                found.append(word)
            continue
        marked = [False] * len(word)
        for position in range(len(word) - 1):
            if canonical(word[position : position + 2]) in terms:
                marked[position] = marked[position + 1] = True
        found.extend("".join(word[at] for at in span) for span in _runs(marked))
    return tuple(dict.fromkeys(found))


def _runs(marked: Sequence[bool]) -> list[range]:
    runs: list[range] = []
    for position, is_marked in enumerate(marked):
        if is_marked and runs and runs[-1].stop == position:
            runs[-1] = range(runs[-1].start, position + 1)
        elif is_marked:
            runs.append(range(position, position + 1))
    return runs


_GAPS: Mapping[str, Gap] = {
    "nothing": "subject_not_found",
    "words": "subject_not_found",
    "period": "period_missing",
    "cause": "cause_missing",
    "weak": "evidence_too_weak",
}
_REASONS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "nothing": "No document that you may see speaks of it.",
        "words": "Nothing that was found mentions {words}.",
        "period": "The documents speak of {subject}, but not for {words}.",
        "cause": "The documents speak of {subject}, but state no cause.",
        "weak": "No passage about {subject} answers the question closely enough.",
    },
    "zh": {
        "nothing": "您可以查看的文档中没有相关内容。",
        "words": "找到的内容没有提到{words}。",
        "period": "文档提到了{subject}，但没有{words}的内容。",
        "cause": "文档提到了{subject}，但没有说明原因。",
        "weak": "关于{subject}的内容不足以回答这个问题。",
    },
}
_NOT_FOUND: Mapping[Language, str] = {"en": "Not in the documents. ", "zh": "文档中没有答案。"}


def reason_of(gaps: Sequence[Missing], language: Language) -> str:
    """One sentence for each thing that is missing."""
    return ("" if language == "zh" else " ").join(dict.fromkeys(_sentence(gap, language) for gap in gaps))


def gaps_of(gaps: Sequence[Missing]) -> tuple[Gap, ...]:
    """The same in the fixed vocabulary of `Answer.gaps`."""
    return tuple(dict.fromkeys(_GAPS[gap.why] for gap in gaps))


def not_found(reason: str, language: Language) -> str:
    """The whole text of an answer that says that there is none."""
    return f"{_NOT_FOUND[language]}{reason}"


def _sentence(gap: Missing, language: Language) -> str:
    if language == "zh":
        words = "、".join(word if gap.why == "period" else f"“{word}”" for word in gap.words[:4])
    else:
        words = " or ".join(word if gap.why == "period" else f"“{word}”" for word in gap.words[:4])
    subject = gap.subject or ("此问题" if language == "zh" else "this")
    return _REASONS[language][gap.why].format(words=words, subject=subject)
