"""A CONVERSATION ABOUT NUMBERS -> the value of each turn, over one page or the evidence of a question.

A turn looks a value up, or computes with what was looked up before: "and in 2005?", "what is the
change?", "how much is that as a share of the latter?". The state is the list of earlier turns; nothing
else is remembered. Which program a turn asks for is weighed by `moves`; here it is run, exactly. What is not
covered: programs of more than two arguments in one turn, and comparisons that are answered with yes or no.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from core.quantity import Quantity
from core.types import Evidence
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Outcome
from rag.numbers.moves import Move, Operation, Weights, best
from rag.numbers.pool import Fit, Pool
from rag.numbers.said import Said, said
from rag.numbers.scene import scene_of
from rag.numbers.setting import FIXED, Argument, Page, Past, as_fraction

Step = Literal["look up", "difference", "ratio", "sum", "product", "relative change", "average"]
_STEPS: dict[Operation, Step] = {
    "look": "look up",
    "sub": "difference",
    "div": "ratio",
    "add": "sum",
    "mul": "product",
    "pct": "relative change",
    "avg": "average",
}


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


class Dialogue:
    """The turns so far, over the values of the evidence. Not to be shared between conversations."""

    def __init__(self, evidence: Sequence[Evidence], weights: Weights | None = None) -> None:
        """`weights`: those to choose programs by, instead of the shipped ones."""
        self._page = Page(Pool(evidence))
        self._weights = weights
        self._past: list[Past] = []
        self.turns: list[Turn] = []

    def ask(self, question: str) -> Turn:
        asked = said(question)
        carried = next((turn.phrase for turn in reversed(self._past) if turn.phrase), "")
        move, turn = self._answered(asked, asked.phrase or carried)
        self._past.append(
            Past(asked, turn.phrase, turn.periods, move.operation, move.arguments, turn.value)
            if move
            else Past(asked, turn.phrase, turn.periods, "look", (), None)
        )
        self.turns.append(turn)
        return turn

    def _answered(self, asked: Said, phrase: str) -> tuple[Move | None, Turn]:
        """The likeliest program that can be computed."""
        for move in best(scene_of(self._page, self._past, asked), self._weights):
            if all(argument.kind == FIXED for argument in move.arguments):
                continue  # plain numbers alone say nothing of the page
            operands = [self._operand(argument) for argument in move.arguments]
            outcome = _run(move.operation, operands)
            if isinstance(outcome, Derived):
                periods = asked.periods or tuple(operand.period for operand in operands if operand.period)[:1]
                fits = tuple(
                    dict.fromkeys(fit for each in move.arguments for fit in self._fits(each, asked, phrase))
                )
                derivation = outcome.derivation if move.operation != "look" else ""
                value = as_fraction(outcome.quantity)
                step = _STEPS[move.operation]
                return move, Turn(
                    asked.question, step, phrase, periods, value, tuple(operands), derivation, fits
                )
        return None, Turn(asked.question, "look up", phrase, asked.periods, None)

    def _operand(self, argument: Argument) -> Operand:
        """As a pure number, so that what a page prints without units can be set beside it."""
        if argument.at >= 0:
            operand = self._page.pool.candidates[argument.at].operand
            decimals = operand.quantity.decimals + (2 if operand.quantity.unit in ("%", "pp") else 0)
            return replace(operand, quantity=Quantity(argument.value, decimals=decimals))
        if argument.turn >= 0:
            past = self._past[argument.turn]
            period = past.periods[0] if past.periods else ""
            return Operand(Quantity(argument.value, decimals=2), row=past.phrase, period=period)
        return Operand(Quantity(argument.value))

    def _fits(self, argument: Argument, asked: Said, phrase: str) -> tuple[Fit, ...]:
        """The printed values under an argument, each as well as the words of its turn name it."""
        if argument.at >= 0:
            phrases = (phrase, *asked.sides, *(turn.phrase for turn in self._past))
            fits = [self._page.fits(words)[argument.at] for words in phrases if words.strip()]
            return (max(fits, key=lambda fit: fit.score),) if fits else ()
        return self.turns[argument.turn].fits if argument.turn >= 0 else ()


def _run(operation: Operation, operands: Sequence[Operand]) -> Outcome:
    match operation:
        case "look":
            return Derived(operands[0].quantity, "", tuple(operands))
        case "sub":
            return calc.subtract(operands[0], operands[1])
        case "div":
            return calc.divide(operands[0], operands[1])
        case "add":
            return calc.add(operands)
        case "mul":
            return calc.multiply(operands[0], operands[1])
        case "pct":
            return calc.percentage_change(operands[0], operands[1])
        case "avg":
            return calc.average(operands)
