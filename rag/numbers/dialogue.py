"""A CONVERSATION ABOUT NUMBERS -> the value of each turn, over one page or the evidence of a question.

A turn looks a value up, or computes with what was looked up before: "and in 2005?", "what is the
change?", "how much is that as a share of the latter?". The state is the list of earlier turns; nothing
else is remembered. What is not covered: turns that take up a thread from several questions back, and
comparisons that are answered with yes or no.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from core.period import find_periods
from core.quantity import Quantity, find
from core.text import normalize
from core.types import Evidence
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Outcome
from rag.numbers.glossary import matching_terms
from rag.numbers.pool import Fit, Pool
from rag.numbers.question import read_question, subject_words

Step = Literal["look up", "difference", "relative change", "ratio", "sum", "average", "product", "constant"]

_CONSTANT = re.compile(
    r"\b(?P<op>times|multiplied by|divided by|less|minus|plus)\s+\$?\s?(?P<number>\d[\d,]*(?:\.\d+)?)\b(?!\s*(?:%|percent))",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:percent|percentage|percentual|rate|relative|%)\b.*\b(?:chang\w*|increas\w*|decreas\w*|grow\w*|declin\w*|variation|return)\b"
    r"|\b(?:growth rate|return on|roi|rate of return|percentage return)\b|\b(?:chang\w*|increas\w*|decreas\w*|grow\w*|declin\w*)\b.*\b(?:percent|percentage|percentual|%)"
    r"|增长率|百分比变化",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"\b(?:ratio|proportion|portion|fraction|share of|percentage|percent|how many times|how much (?:does|did|do) .* represent|in relation to|represent\w*|as a part|divided by|relative to)\b|\bover the\b(?! (?:years?|period|time))|占",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(?:chang\w*|difference|differ|increas\w*|decreas\w*|declin\w*|variation|grow\w*|rise|fluctuation|how much (?:more|less)|net of|minus|subtract\w*|less the)\b|变化|差",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"\b(?:sum|total (?:of|for|between)|combined|add(?:ed|ing)?|together|altogether|including|both)\b|合计|总和",
    re.IGNORECASE,
)
_AVERAGE = re.compile(r"\b(?:average|mean)\b|平均", re.IGNORECASE)
_BACK = re.compile(
    r"\b(?:that|this|these|those|it|same|such|former|latter|the two|both|the change|the difference|the total|the sum|the value|the figure|the amount|the number|years?)\b",
    re.IGNORECASE,
)
_ANAPHORA = re.compile(
    r"\b(?:and|so|then|now|also|what|about|how|much|that|this|these|those|it|its|same|such|former|latter|two|both|again|value|values|figure|figures|amount|number|numbers|year|years|period|time|times|over|previous|prior|following|next|subsequent|only|just|represent\w*|relation|respect|relative|terms?|be|does|did|do|was|were|is|are|percentual|percent\w*|divided|portion|part|fraction|ratio|proportion|rate|chang\w*|difference|increas\w*|decreas\w*|declin\w*|grow\w*|variation|sum|average|mean|combined|including|if|you|we|i|consider\w*|calculate|taking|account|would|will|should|when|one|between|among|from|to|since|until|with|without|equivalent|multiplied|result|total)\b",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\b(?:following|next|subsequent) year\b|\byear (?:after|later)\b", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:previous|prior|preceding) year\b|\byear (?:before|earlier)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one question came to. `value` is None where nothing fits; a percentage is a fraction.

    `operands` are the parts of a computed value in the order of its program; `fits` the printed values
    that they rest on.
    """

    question: str
    step: Step
    phrase: str
    periods: tuple[str, ...]
    value: Decimal | None
    operands: tuple[Operand, ...] = ()
    derivation: str = ""
    fits: tuple[Fit, ...] = ()

    @property
    def operand(self) -> Operand:
        period = self.periods[0] if self.periods else ""
        return Operand(Quantity(self.value or Decimal(0), decimals=2), row=self.phrase, period=period)


class Dialogue:
    """The turns so far, over the values of the evidence. Not to be shared between conversations."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self._pool = Pool(evidence)
        self.turns: list[Turn] = []
        self._used: list[Fit] = []  # by the turn that is being answered

    def ask(self, question: str) -> Turn:
        self._used = []
        turn = replace(self._answered(_cleaned(question)), fits=tuple(self._used))
        self.turns.append(turn)
        return turn

    # ---------------- what a turn asks

    def _answered(self, question: str) -> Turn:
        last = self._last()
        if last and (match := _CONSTANT.search(question)) and not _years(match["number"]):
            return _with_constant(question, last, match)
        periods = self._periods(question)
        phrase = self._phrase(question)
        own = bool(_metric(question))
        step = _step(question)
        if step == "look up":
            return self._looked_up(question, phrase, periods)
        outcome = self._of_parts(question, periods) if own and not _BACK.search(question) else None
        outcome = outcome or self._computed(step, question, phrase, periods, own=own)
        if isinstance(outcome, Derived):
            value = _fraction(outcome.quantity)
            return Turn(question, step, phrase, periods, value, outcome.operands, outcome.derivation)
        self._used = []
        return self._looked_up(question, phrase, periods)

    def _last(self) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.value is not None), None)

    def _phrase(self, question: str) -> str:
        """The words that name what is asked: its own, or those of the last turn that had some."""
        words = _metric(question)
        before = next((turn.phrase for turn in reversed(self.turns) if turn.phrase), "")
        if not words:
            return before
        if before and len(words) <= 2 and re.search(r"\b(?:that|this|same|it|its)\b", question):
            return f"{before} {' '.join(words)}"
        return subject_words(_ANAPHORA.sub(" ", question)) or before

    def _periods(self, question: str) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(item.period.label for item in find_periods(question)))
        if named:
            return named
        before = next((turn.periods for turn in reversed(self.turns) if turn.periods), ())
        year = int(before[0][:4]) if before else 0
        if year and _NEXT.search(question):
            return (str(year + 1),)
        if year and _BEFORE.search(question):
            return (str(year - 1),)
        return ()

    # ---------------- what it comes to

    def _looked_up(self, question: str, phrase: str, periods: tuple[str, ...]) -> Turn:
        before = next((turn.periods for turn in reversed(self.turns) if turn.periods), ())
        wanted = periods or before[:1]
        operand = self._find(phrase, wanted[0] if wanted else "") or self._find(phrase, "")
        value = _fraction(operand.quantity) if operand else None
        return Turn(question, "look up", phrase, wanted, value, (operand,) if operand else ())

    def _find(self, phrase: str, period: str) -> Operand | None:
        percent = bool(re.search(r"\b(?:percent\w*|rates?|margins?|volatility|yield)\b", phrase))
        ranked = sorted(self._pool.ranked(phrase, period, percent=percent), key=lambda fit: -_worth(fit))
        if not ranked or ranked[0].covered <= 0:
            return None
        self._used.append(ranked[0])
        return ranked[0].candidate.operand

    def _of_parts(self, question: str, periods: tuple[str, ...]) -> Outcome | None:
        """A ratio whose two sides the question names itself."""
        asked = read_question(question)
        if asked.operation != "ratio" or len(asked.parts) != 2:
            return None
        part, whole = (self._find(words, periods[0] if periods else "") for words in asked.parts)
        return calc.divide(_plain(part), _plain(whole)) if part and whole and part != whole else None

    def _taken(self, turn: Turn) -> Operand:
        """The value of an earlier turn, with what it rests on."""
        self._used.extend(fit for fit in turn.fits if fit not in self._used)
        return turn.operand

    def _computed(
        self, step: Step, question: str, phrase: str, periods: tuple[str, ...], *, own: bool
    ) -> Outcome | None:
        if step == "difference" and own and len(periods) == 1 and not self._looked():
            periods = (periods[0], str(int(periods[0][:4]) - 1))
        if len(periods) >= 2 and (own or not self._looked()):
            found = [self._find(phrase, period) for period in sorted(periods, reverse=True)]
            operands = [_plain(operand) for operand in found if operand]
            if len(operands) == len(periods):
                return _run(step, operands)
        if step == "relative change":
            return self._relative(phrase, periods, own=own)
        if step == "ratio":
            return self._ratio(question, phrase, periods, own=own)
        operands = self._recent(step)
        if own and (extra := self._find(phrase, periods[0] if periods else "")) and len(operands) < 2:
            operands = [*operands, _plain(extra)]
        return _run(step, operands) if len(operands) >= 2 else None

    def _looked(self) -> list[Turn]:
        return [turn for turn in self.turns if turn.step == "look up" and turn.value is not None]

    def _recent(self, step: Step) -> list[Operand]:
        """What was looked up since the last computed value, or the last two values."""
        since: list[Turn] = []
        for turn in reversed(self.turns):
            if turn.step != "look up" and since:
                break
            if turn.value is not None:
                since.insert(0, turn)
        if len(since) < 2:
            since = [turn for turn in self.turns if turn.value is not None][-2:]
        if step in ("sum", "average"):
            return [self._taken(turn) for turn in since]
        return [self._taken(turn) for turn in _by_time(since[-2:])]

    def _relative(self, phrase: str, periods: tuple[str, ...], *, own: bool) -> Outcome | None:
        """The last difference over what it started from; else the change between the last two values."""
        last = self._last()
        change = next((turn for turn in reversed(self.turns) if turn.step == "difference"), None)
        if change and change.value is not None and change.operands:
            base = change.operands[-1]
            if last and last.step == "look up" and last is not change:
                base = self._taken(last)
            return calc.divide(self._taken(change), base)
        if own and len(periods) == 1:
            earlier = self._find(phrase, str(int(periods[0][:4]) - 1))
            later = self._find(phrase, periods[0])
            if later and earlier:
                return calc.percentage_change(_plain(later), _plain(earlier))
        operands = self._recent("difference")
        return calc.percentage_change(*operands) if len(operands) == 2 else None

    def _ratio(self, question: str, phrase: str, periods: tuple[str, ...], *, own: bool) -> Outcome | None:
        values = [turn for turn in self.turns if turn.value is not None]
        last = values[-1] if values else None
        if last is None:
            return None
        if own and _BACK.search(question):
            new = self._find(phrase, periods[0] if periods else (last.periods[0] if last.periods else ""))
            if new and _fraction(new.quantity) != last.value:
                return calc.divide(self._taken(last), _plain(new))
        if last.step == "difference" and last.operands:
            return calc.divide(self._taken(last), last.operands[-1])
        if len(values) >= 2:
            change = next((turn for turn in reversed(values[:-1]) if turn.step == "difference"), None)
            one = (
                change
                if change and re.search(r"\bchang|\bdifference|\bincreas|\bdecreas", question)
                else values[-2]
            )
            return calc.divide(self._taken(one), self._taken(last))
        return None


def _worth(fit: Fit) -> float:
    """Cells first; a small number of a sentence without a unit is seldom what is asked for."""
    quantity = fit.value.quantity
    if fit.value.kind == "cell":
        return fit.score + 0.25
    bare = not (quantity.currency or quantity.unit or quantity.scale)
    return fit.score - (0.3 if bare and abs(quantity.value) < 100 else 0.0)


def _run(step: Step, operands: Sequence[Operand]) -> Outcome | None:
    match step:
        case "difference":
            return calc.subtract(operands[0], operands[1])
        case "relative change":
            return calc.percentage_change(operands[0], operands[1])
        case "ratio":
            return calc.divide(operands[0], operands[1])
        case "sum":
            return calc.add(operands)
        case "average":
            return calc.average(operands)
    return None


def _by_time(turns: Sequence[Turn]) -> list[Turn]:
    """The later value first; where time does not tell, the first that was asked for."""
    ordered = list(turns)
    if len(turns) == 2 and all(turn.periods for turn in turns):
        one, other = turns[0].periods[0], turns[1].periods[0]
        if one < other:
            ordered.reverse()
    return ordered


def _with_constant(question: str, last: Turn, match: re.Match[str]) -> Turn:
    number = Operand(Quantity(Decimal(match["number"].replace(",", ""))))
    outcome: Outcome
    match match["op"].lower():
        case "times" | "multiplied by":
            outcome = calc.multiply(last.operand, number)
        case "divided by":
            outcome = calc.divide(last.operand, number)
        case "plus":
            outcome = calc.add([last.operand, number])
        case _:
            outcome = calc.subtract(last.operand, number)
    value = _fraction(outcome.quantity) if isinstance(outcome, Derived) else None
    derivation = outcome.derivation if isinstance(outcome, Derived) else ""
    return replace(
        last,
        question=question,
        step="constant",
        value=value,
        operands=(last.operand, number),
        derivation=derivation,
    )


def _step(question: str) -> Step:
    if re.search(
        r"\bweighted[- ]average\b|\baverage (?:price|cost|rate|exercise|life|shares|fair|daily|assets)",
        question,
    ):
        question = _AVERAGE.sub(" ", question)
    if _RELATIVE.search(question):
        return "relative change"
    if _AVERAGE.search(question):
        return "average"
    if _RATIO.search(question):
        return "ratio"
    if _DIFFERENCE.search(question):
        return "difference"
    if _SUM.search(question):
        return "sum"
    return "look up"


def _metric(question: str) -> list[str]:
    """The words of the question that name something, beyond periods, pronouns and operations."""
    return [
        term
        for term in matching_terms(subject_words(_ANAPHORA.sub(" ", question)))
        if not term.startswith("=")
    ]


def _fraction(quantity: Quantity) -> Decimal:
    """The number as it is printed, and a percentage as a fraction: 11.4 % is 0.114."""
    return quantity.value / 100 if quantity.unit in ("%", "pp") else quantity.value


def _plain(operand: Operand) -> Operand:
    """The operand as a pure number, so that what a page prints without units can be set beside it."""
    quantity = operand.quantity
    return replace(operand, quantity=Quantity(_fraction(quantity), decimals=quantity.decimals))


def _years(number: str) -> bool:
    return any(item.quantity.value in range(1900, 2100) for item in find(number))


def _cleaned(question: str) -> str:
    return " ".join(normalize(question).lower().split())
