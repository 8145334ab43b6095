"""ANSWER -> CHECKED ANSWER: a claim for each of its numbers, dates and quotations; what nothing supports
is marked in the text, or withheld.

Comes after every solver and every model. A statement that a solver computed or copied keeps its own claim: the
calculator's operands and the copied words are its proof. Knows nothing of how an answer was made, only
whether a model wrote it.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from core.text import language_of, normalize
from core.types import Answer, Claim, Language
from rag.cite import LABEL
from rag.row import Check, Task
from rag.verify import texts_of, verify

Unsupported = Literal["mark", "withhold"]

_MARK: Mapping[Language, str] = {"en": " [unverified]", "zh": "［未核实］"}
_WITHHELD: Mapping[Language, str] = {"en": "[withheld: unverified]", "zh": "［未核实，不予显示］"}
_REASON: Mapping[Unsupported, Mapping[Language, tuple[str, str]]] = {
    "mark": {
        "en": ("{count} figure of the answer is not borne out by the documents.", "{count} figures of the answer are not borne out by the documents."),
        "zh": ("答案中有{count}处内容未能在文档中核实。",) * 2,
    },
    "withhold": {
        "en": ("{count} figure was withheld: the documents do not bear it out.", "{count} figures were withheld: the documents do not bear them out."),
        "zh": ("有{count}处内容未能在文档中核实，已略去。",) * 2,
    },
}  # fmt: skip


def checker(unsupported: Unsupported) -> Check:
    """The check of answers: what nothing supports gets a mark, or is taken out of the text."""

    def check(task: Task, answer: Answer) -> Answer:
        return checked(answer, unsupported, task.asked.language)

    return check


def checked(answer: Answer, unsupported: Unsupported, language: Language | None = None) -> Answer:
    """The answer with `claims` for its figures beside those of its statements, in the order of the text.

    An answer that has unsupported figures is "partial", and its reason says how many.
    """
    if answer.status not in ("answered", "partial") or not answer.text:
        return answer
    claims = claims_of(answer)
    faults = [claim for claim in claims if claim.status == "unsupported"]
    answer = replace(answer, claims=tuple(claims))
    if not faults:
        return answer
    language = language or language_of(answer.text)
    one, several = _REASON[unsupported][language]
    reason = (one if len(faults) == 1 else several).format(count=len(faults))
    words = _WITHHELD if unsupported == "withhold" else _MARK
    marked = _written(answer, faults, words[language], instead=unsupported == "withhold")
    return replace(
        marked, status="partial", reason=" ".join(part for part in (answer.reason, reason) if part)
    )


# ---------------------------------------------------------------- claims


def claims_of(answer: Answer) -> list[Claim]:
    """Those of the answerer's statements, and one for each figure that no computed statement covers."""
    readable, back = _readable(answer)
    found = [
        replace(claim, start=back(claim.start), end=back(claim.end))
        for claim in verify(readable, texts_of(answer.evidence))
    ]
    figures = [_settled(claim, answer) for claim in found]
    return sorted([*answer.claims, *figures], key=lambda claim: (claim.start, -claim.end))


def _inside(claim: Claim, whole: Claim) -> bool:
    return whole.start <= claim.start and claim.end <= whole.end


def _settled(claim: Claim, answer: Answer) -> Claim:
    """A figure inside of what a solver copied or computed has that statement's word for it, however the
    passage reads to us; a model's word is none.
    """
    if claim.status != "unsupported" or answer.cost.model:
        return claim
    own = next((whole for whole in answer.claims if _inside(claim, whole)), None)
    return replace(claim, status=own.status) if own else claim


def _readable(answer: Answer) -> tuple[str, Callable[[int], int]]:
    """The text in NFKC without labels and without the reason, and where its characters stand in the answer."""
    text = LABEL.sub(lambda match: " " * len(match.group()), answer.text)
    if answer.reason:
        text = text.replace(answer.reason, " " * len(answer.reason))
    pieces = [normalize(char) or " " for char in text]
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece))
    return "".join(pieces), lambda position: max(0, bisect_right(starts, position) - 1)


# ---------------------------------------------------------------- marks in the text


def _written(answer: Answer, faults: Sequence[Claim], words: str, *, instead: bool) -> Answer:
    """The text with `words` behind each fault, or in its place; citations and claims move along."""
    pieces: list[str] = []
    moved: list[tuple[int, int]] = []  # (position in the old text, shift from there on)
    position = shift = 0
    for fault in faults:
        if fault.start < position:
            continue
        cut = fault.start if instead else fault.end
        pieces += [answer.text[position:cut], words]
        position = fault.end
        shift += len(words) - (fault.end - fault.start if instead else 0)
        moved.append((position, shift))
    text = "".join([*pieces, answer.text[position:]])

    def to(old: int) -> int:
        return old + next((by for end, by in reversed(moved) if end <= old), 0)

    def until(old: int, start: int) -> int:
        """The end of a span; a mark behind a figure lies outside of the figure's own claim."""
        return max(
            to(start),
            old + next((by for end, by in reversed(moved) if end < old or (instead and end == old)), 0),
        )

    return replace(
        answer,
        text=text,
        citations=tuple(
            replace(item, start=to(item.start), end=until(item.end, item.start)) for item in answer.citations
        ),
        claims=tuple(
            replace(item, start=to(item.start), end=until(item.end, item.start)) for item in answer.claims
        ),
    )
