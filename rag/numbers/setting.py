"""EVIDENCE + TURNS SO FAR + QUESTION -> the setting of a turn: what a program may join, and the words of the question.

The arguments are the values of the page, the results of earlier turns and a few plain numbers. What speaks for
each of them is `features.py`, what for two together `pairs.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.quantity import Quantity
from core.values import Value
from rag.numbers.glossary import matching_terms
from rag.numbers.pool import Fit, Pool
from rag.numbers.said import Said

KINDS = ("new", "old", "made", "fixed")  # a page's value, one that was used before, a result, a plain number
NEW, OLD, MADE, FIXED = range(4)
NUMBERS = tuple(Decimal(number) for number in (100, 1000, 1000000, 1))
_MOST_VALUES = 64  # of a page that are weighed; pairs grow with the square


@dataclass(frozen=True, slots=True)
class Argument:
    """A value of the page (`at`: its index there), the result of turn number `turn`, or a plain number.

    `form`: "" as printed and a percentage as a fraction; "turned" without the sign of a deduction or loss;
    "points" a percentage as the number before its sign.
    """

    value: Decimal
    kind: int
    at: int = -1
    turn: int = -1
    form: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier turn: what it asked, and the program by which it was answered."""

    said: Said
    phrase: str
    periods: tuple[str, ...]
    operation: str
    arguments: tuple[Argument, ...]
    value: Decimal | None


class Page:
    """The values of the evidence, with how well words name them; phrases are weighed once."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.values = [candidate.value for candidate in pool.candidates]
        self.places = [candidate.evidence.chunk.id for candidate in pool.candidates]
        self.fractions = [as_fraction(value.quantity) for value in self.values]
        self._fits: dict[str, list[Fit]] = {}

    def fits(self, phrase: str) -> list[Fit]:
        """In the order of `values`."""
        if phrase not in self._fits:
            self._fits[phrase] = self.pool.fits(phrase)
        return self._fits[phrase]


def as_fraction(quantity: Quantity) -> Decimal:
    """The number as it is printed, and a percentage as a fraction: 11.4 % is 0.114."""
    return quantity.value / 100 if quantity.unit in ("%", "pp") else quantity.value


class Setting:
    """What is known when a turn is asked. `own`: how many words of its own the question has, 3 for more; `carried`:
    the last subject; `before`: the last periods; `used`: of each value of the page by which turn, in which operation
    and place it was used; `sides`: the names of the question's two sides; `changing`: a change is spoken of.
    """

    def __init__(self, page: Page, past: Sequence[Past], asked: Said) -> None:
        self.page, self.past, self.asked = page, past, asked
        self.own = min(len(asked.words), 3)
        self.carried = next((turn.phrase for turn in reversed(past) if turn.phrase), "")
        before = next((turn.periods for turn in reversed(past) if turn.periods), ())
        self.before = tuple(_moved(period, asked.moved) for period in before)
        self.used = self._uses()
        self.sides = (f"left {asked.divided}", f"right {asked.divided}")
        self.changing = not {"change", "increase", "decrease", "difference", "growth", "decline"}.isdisjoint(
            asked.cues
        )

    def arguments(self) -> list[Argument]:
        return [*self._of_page(), *self._made(), *self._fixed()]

    def _of_page(self) -> list[Argument]:
        values = list(range(len(self.page.values)))
        if len(values) > _MOST_VALUES:
            both = self.page.fits(f"{self.carried} {self.asked.phrase}")
            values = sorted(values, key=lambda at: (at not in self.used, -both[at].score))[:_MOST_VALUES]
        return [argument for at in values for argument in self._forms(at)]

    def _forms(self, at: int) -> Iterator[Argument]:
        value, kind = self.page.fractions[at], OLD if at in self.used else NEW
        yield Argument(value, kind, at=at)
        if value < 0:
            yield Argument(-value, kind, at=at, form="turned")
        if self.page.values[at].quantity.unit == "%":
            yield Argument(self.page.values[at].quantity.value, kind, at=at, form="points")

    def _made(self) -> list[Argument]:
        return [
            Argument(turn.value, MADE, turn=number)
            for number, turn in enumerate(self.past)
            if turn.value is not None and turn.operation != "look"
        ]

    def _fixed(self) -> list[Argument]:
        return [Argument(number, FIXED) for number in dict.fromkeys((*NUMBERS, *self.asked.numbers))]

    def _uses(self) -> dict[int, list[tuple[int, str, int]]]:
        """Of each value of the page: by which turn, in which operation and place it was used."""
        uses: dict[int, list[tuple[int, str, int]]] = {}
        for number, turn in enumerate(self.past):
            for place, argument in enumerate(turn.arguments):
                if argument.at >= 0:
                    uses.setdefault(argument.at, []).append((number, turn.operation, place))
        return uses

    def cues(self) -> Iterator[str]:
        yield "<always>"
        yield from self.asked.cues
        steps = [turn.operation for turn in self.past]
        last, before = (["", "", *steps])[-1], (["", "", *steps])[-2]
        yield f"<last {last}>"
        yield f"<last {before} {last}>"
        yield f"<turn {min(len(steps), 5)}>"
        yield f"<own {self.own}>"
        yield f"<periods {min(len(self.asked.periods), 3)}>"
        yield f"<own {self.own} periods {min(len(self.asked.periods), 3)}>"
        yield f"<own {self.own} last {last}>"
        if self.asked.numbers:
            yield "<numbers>"
        yield f"<divided {self.asked.divided}>"
        yield f"<divided {self.asked.divided} own {self.own}>"
        yield f"<divided {self.asked.divided} last {last}>"
        wanted = "+".join(self.asked.asking)
        for name in dict.fromkeys((*self.asked.asking, wanted)):
            yield f"<asks {name}>"
            yield f"<asks {name} own {self.own}>"
            yield f"<asks {name} last {last}>"
            yield f"<asks {name} divided {self.asked.divided}>"
        since = 0
        for step in reversed(steps):
            if step != "look":
                break
            since += 1
        yield f"<looked up {min(since, 4)}>"
        for cue in (
            "percentage",
            "percent",
            "change",
            "relation",
            "difference",
            "ratio",
            "total",
            "that",
            "this",
        ):
            if cue in self.asked.cues:
                yield f"<{cue} last {last}>"
                yield f"<{cue} own {self.own}>"
        if self.past:
            new = frozenset(self.asked.words) - matching_terms(self.carried)
            yield f"<new words {min(len(new), 2)}>"


def alike(one: Value, other: Value) -> Iterator[tuple[str, bool]]:
    """By name whether two values stand in one series, row or column."""
    cells = one.kind == "cell" and other.kind == "cell"
    row = cells and (one.label, one.section) == (other.label, other.section)
    column = cells and (one.heading, one.period) == (other.heading, other.period)
    yield (
        "series",
        cells and (one.label, one.section, one.heading) == (other.label, other.section, other.heading),
    )
    yield "row", row or (not cells and one.label == other.label and one.kind == other.kind)
    yield "column", column


def _moved(period: str, by: int) -> str:
    return f"{int(period[:4]) + by}{period[4:]}" if by and period[:4].isdigit() else period
