"""NO ANSWER -> WHY NOT: in words, in the question's language, and in the fixed vocabulary of `Answer.gaps`.

Whether the evidence is enough is decided by `rag/doubt.py`; here is what speaks most against it: a name that stands
nowhere, a period that is not covered, a why without a cause, words that nothing mentions, or weak evidence.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.period import find_periods
from core.text import CJK, tokens
from core.types import Gap, Language
from rag.doubt import ENOUGH, Subjects, likelihood, no_cause, without_period
from rag.movement import canonical, moves_of
from rag.plan import Plan
from rag.relevance import Question, Scored

# Words that ask and compare: that no passage holds them says nothing of what is missing.
_ASKING = re.compile(
    r"[\d.,%]+|more|most|less|least|fewer|fewest|higher|highest|lower|lowest|larger|largest|smaller|smallest|greatest|biggest"
    r"|totals?|together|combined|average|mean|sum|number|amount|percent|percentage|difference|thousand|million|billion"
    r"|(?:(?:year|quarter|period)-)?end|beginning|ends|ended|ending|face[sd]?|facing",
    re.IGNORECASE,
)
_OTHER_PERIOD = (0.5, 0.0, -1.0)  # `Question.period_sign` where the asked period is not there
_MOST_ABSENT = (
    0.2  # of the question's weight: words that nothing mentions speak against an answer from here on
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a part of the question has no answer: `why` and the words of the question it is about.

    `likely`: how likely the best unit would have been an answer nevertheless, 0 to 1. `meant`: the name in the
    documents that differs from the question's by one character.
    """

    why: Literal["nothing", "words", "period", "cause", "weak"]
    subject: str
    words: tuple[str, ...] = ()
    likely: float = 0.0
    meant: str = ""


def missing(question: Question, found: Scored, encoder: str) -> Missing:
    """The reason for which `found`, the best unit, is no answer."""
    gap = _missing(question, found, encoder)
    return replace(gap, likely=likelihood(question, found, encoder))


def _missing(question: Question, found: Scored, encoder: str) -> Missing:
    asked, subjects = question.plan, Subjects(question)
    absent = question.absent()
    words = [
        word for word in _as_written(asked.question, absent, question.weights) if not _ASKING.fullmatch(word)
    ]
    if strange := question.absent_codes() or subjects.unknown:
        meant = next(filter(None, map(subjects.mistaken_for, strange)), "")
        others = words if asked.language == "zh" else ()  # where a Chinese name ends is not sure
        told = [*strange, *(word for word in others if not any(word in name for name in strange))]
        return Missing("words", asked.subject, tuple(told), meant=meant)
    enough = math.log(ENOUGH / (1 - ENOUGH))
    for_some_period = without_period(question, found, encoder)
    elsewhen = question.period_sign(found.unit) in _OTHER_PERIOD
    if elsewhen and (for_some_period > enough or not words):
        return Missing("period", asked.subject, tuple(_period_words(asked)))
    if (taken := no_cause(question, found)) and for_some_period - taken > enough:
        return Missing("cause", asked.subject)
    if words:
        weight = sum(question.weights[term] for term in absent)
        if weight >= _MOST_ABSENT * sum(question.weights.values()):
            return Missing("words", asked.subject, tuple(words))
    return Missing("weak", asked.subject)


def _period_words(asked: Plan) -> list[str]:
    labels = {period.label for period in asked.periods}
    found = [item for item in find_periods(asked.question) if item.period.label in labels]
    return [asked.question[item.start : item.end] for item in found] or sorted(labels)


def _as_written(question: str, terms: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """The words of the question that stand for `terms`; of Chinese the characters all of whose pairs do, neighbours
    together. `known`: all terms of the question.
    """
    found: list[str] = []
    moves = moves_of(question, tokens(question))
    for match in re.finditer(rf"[{CJK}]+|[^\W{CJK}]+(?:[-'’.]\w+)*", question):
        word = match.group()
        if not re.match(f"[{CJK}]", word):
            if any(canonical(term, moves) in terms for term in tokens(word)):
                found.append(word)
            continue
        pairs = [canonical(word[at : at + 2]) for at in range(len(word) - 1)]
        asked = [
            [pair for pair in pairs[max(0, at - 1) : at + 1] if pair in known] for at in range(len(word))
        ]
        marked = [bool(mine) and all(pair in terms for pair in mine) for mine in asked]
        found.extend("".join(word[at] for at in span) for span in _runs(marked) if len(span) > 1)
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
_MEANT: Mapping[Language, str] = {"en": " They speak of “{meant}”.", "zh": "文档中有“{meant}”。"}
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
    sentence = _REASONS[language][gap.why].format(words=words, subject=subject)
    return f"{sentence}{_MEANT[language].format(meant=gap.meant)}" if gap.meant else sentence
