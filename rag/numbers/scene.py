"""EVIDENCE + TURNS SO FAR + QUESTION -> what a program may join, and what speaks for each of it.

The arguments are the values of the page, the results of earlier turns and a few plain numbers. Their
features say how well the question names them, how their periods agree with it, and what earlier turns did
with them. Knows nothing of weights.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from core.quantity import Quantity
from core.values import Value
from rag.numbers.glossary import matching_terms
from rag.numbers.match import plain_words
from rag.numbers.pool import Fit, Pool, within
from rag.numbers.said import Said

KINDS = ("new", "old", "made", "fixed")  # a page's value, one that was used before, a result, a plain number
NEW, OLD, MADE, FIXED = range(4)
_FIXED = tuple(Decimal(number) for number in (100, 1000, 1000000, 1))
_ASKED_FOR = {  # by words that ask for a figure in another measure
    100: ("percentage", "percent", "%", "percentual"),
    1000: ("thousand", "thousands"),
    1000000: ("million", "millions", "in dollars"),
}
_MOST_VALUES = 64  # of a page that are weighed; pairs grow with the square
PAIRS = (
    "later", "earlier", "same period", "no period", "same series", "same row", "same column", "same place", "same kind",
    "base", "top", "asked in order", "asked in reverse", "used in order", "used in reverse", "printed in order",
    "one year apart", "sides in order", "sides in reverse", "larger", "both made", "ends asked", "unlike units",
    "itself", "unlike forms",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Scene:
    """`pairs` (arguments, arguments, len(PAIRS)); `features` by argument; `cues` of the question and state."""

    arguments: tuple[Argument, ...]
    features: tuple[dict[str, float], ...]
    pairs: NDArray[np.float64]
    cues: frozenset[str]


_LOSS = re.compile(
    r"\b(?:loss\w*|less|decreas\w*|expens\w*|cost\w*|paid|payments?|used|outflow\w*|deduct\w*|deficit)\b|亏|损"
)


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


def scene_of(page: Page, past: Sequence[Past], asked: Said) -> Scene:
    return _Setting(page, past, asked).scene()


class _Setting:
    def __init__(self, page: Page, past: Sequence[Past], asked: Said) -> None:
        self.page, self.past, self.asked = page, past, asked
        self.own = min(len(asked.words), 3)
        self.carried = next((turn.phrase for turn in reversed(past) if turn.phrase), "")
        before = next((turn.periods for turn in reversed(past) if turn.periods), ())
        self.before = tuple(_moved(period, asked.moved) for period in before)
        self.used = self._uses()

    def scene(self) -> Scene:
        arguments = [*self._of_page(), *self._made(), *self._fixed()]
        features = tuple(dict(self._features(argument)) for argument in arguments)
        return Scene(tuple(arguments), features, self._pairs(arguments), frozenset(self._cues()))

    # ---------------- arguments

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
        return [Argument(number, FIXED) for number in dict.fromkeys((*_FIXED, *self.asked.numbers))]

    def _uses(self) -> dict[int, list[tuple[int, str, int]]]:
        """Of each value of the page: by which turn, in which operation and place it was used."""
        uses: dict[int, list[tuple[int, str, int]]] = {}
        for number, turn in enumerate(self.past):
            for place, argument in enumerate(turn.arguments):
                if argument.at >= 0:
                    uses.setdefault(argument.at, []).append((number, turn.operation, place))
        return uses

    # ---------------- features

    def _features(self, argument: Argument) -> Iterator[tuple[str, float]]:
        yield KINDS[argument.kind], 1.0
        if argument.at >= 0:
            yield from self._of_form(argument)
            yield from self._of_value(argument.at)
            yield from self._of_use(argument.at)
        elif argument.turn >= 0:
            yield from self._of_result(argument.turn)
        else:
            given = argument.value in self.asked.numbers
            yield f"fixed {'given' if given else 'not given'}", 1.0
            for word in _ASKED_FOR.get(int(argument.value), ()):
                if word in self.asked.cues:
                    yield "fixed as asked", 1.0
            if argument.value in _FIXED:
                yield f"fixed {argument.value}{' given' if given else ''}", 1.0

    def _of_form(self, argument: Argument) -> Iterator[tuple[str, float]]:
        value = self.page.values[argument.at]
        earlier = next(
            (each for turn in reversed(self.past) for each in turn.arguments if each.at >= 0), None
        )
        if value.quantity.value < 0:
            yield f"below zero {argument.form}", 1.0
            if _LOSS.search(self.asked.question) or _LOSS.search(self.carried):
                yield f"loss asked {argument.form}", 1.0
            if _LOSS.search(value.label):
                yield f"loss printed {argument.form}", 1.0
        if value.quantity.unit == "%":
            yield f"percentage {argument.form}", 1.0
        if earlier and earlier.form != argument.form:
            yield "another form than before", 1.0

    def _of_value(self, at: int) -> Iterator[tuple[str, float]]:
        value, own = self.page.values[at], self.own
        yield value.kind, 1.0
        for name, phrase in (
            (f"full{own}", self.asked.phrase),
            (f"carried{own}", self.carried),
            (f"both{own}", f"{self.carried} {self.asked.phrase}"),
            *zip(("left", "right"), self.asked.sides),
        ):
            if phrase.strip():
                yield from self._fit(name, phrase, at)
        yield from self._of_period(value)
        label = plain_words(value.label)
        if label.strip() and value.kind == "cell":
            yield "label said", float(label in plain_words(self.asked.question))
            yield (
                "label carried",
                float(bool(self.past) and label in plain_words(self.past[-1].said.question)),
            )
        if value.heading and value.kind == "cell":
            heading = matching_terms(value.heading)
            shared = heading & matching_terms(self.asked.question)
            yield "heading said", len(shared) / (len(heading) or 1)
        percent = value.quantity.unit in ("%", "pp")
        wants = bool(
            re.search(r"\b(?:percent\w*|rates?|margins?|volatility|yield)\b|%|率", self.asked.question)
        )
        yield f"percent {percent} {wants}", 1.0
        if value.kind != "cell" and not (
            value.quantity.currency or value.quantity.unit or value.quantity.scale
        ):
            yield "bare small" if abs(value.quantity.value) < 100 else "bare", 1.0
        yield "total", float("total" in value.label.lower()[:8])
        yield "total asked", float("total" in value.label.lower()[:8] and "total" in self.asked.cues)

    def _fit(self, name: str, phrase: str, at: int) -> Iterator[tuple[str, float]]:
        fits = self.page.fits(phrase)
        fit, top = fits[at], max(each.score for each in fits)
        yield f"{name} covered", fit.covered
        yield f"{name} precise", fit.precise
        yield f"{name} behind", top - fit.score
        yield f"{name} top", float(fit.score > top - 0.02)

    def _of_period(self, value: Value) -> Iterator[tuple[str, float]]:
        asked, printed = self.asked.periods, value.period
        if asked:
            number = min(len(asked), 3)
            held = [index for index, period in enumerate(asked) if within(printed, period)]
            if not printed:
                yield f"undated, {number} asked", 1.0
            elif not held:
                yield f"other period, {number} asked", 1.0
            for index in held[:1]:
                yield f"period {min(index, 2)} of {number}", 1.0
                yield "latest asked", float(asked[index] == max(asked))
                yield "earliest asked", float(asked[index] == min(asked))
            yield "year in name", float(any(period[:4] in value.name for period in asked))
        elif self.before:
            same = within(printed, self.before[0])
            moved = " moved" if self.asked.moved else ""
            yield f"carried period {same if printed else 'undated'}{moved}", 1.0
            yield "carried any", float(any(within(printed, period) for period in self.before))
            yield "carried year in name", float(self.before[0][:4] in value.name)
        for name, periods in zip(("left", "right"), self.asked.side_periods):
            if periods and printed:
                yield f"{name} period {any(within(printed, period) for period in periods)}", 1.0

    def _of_use(self, at: int) -> Iterator[tuple[str, float]]:
        uses = self.used.get(at, [])
        count = len(self.past)
        for number, operation, place in uses:
            yield f"used {min(count - number, 4)} back", 1.0
            yield f"used in {operation} {place}", 1.0
        if uses:
            joined = [use for use in uses if use[1] != "look"]
            last_joined = next((n for n in range(count - 1, -1, -1) if self.past[n].operation != "look"), -1)
            for number, operation, place in joined:
                if number == last_joined:
                    yield f"of the last {operation} {place}", 1.0
            if uses[-1][1] == "look" and uses[-1][0] > last_joined:
                yield f"looked up since, {min(count - uses[-1][0], 3)} back", 1.0
            yield from self._agrees("use", self.past[uses[-1][0]].said)
        last = self.past[-1] if self.past else None
        if last and last.arguments and last.arguments[0].at >= 0 and last.arguments[0].at != at:
            one, other = self.page.values[last.arguments[0].at], self.page.values[at]
            for name, alike in _alike(one, other):
                if alike:
                    yield f"beside the last: {name}", 1.0
            yield (
                "beside the last: document",
                float(self.page.places[at] == self.page.places[last.arguments[0].at]),
            )

    def _of_result(self, number: int) -> Iterator[tuple[str, float]]:
        turn = self.past[number]
        back = len(self.past) - number
        yield f"made by {turn.operation}", 1.0
        yield f"made {min(back, 4)} back", 1.0
        made = [n for n, each in enumerate(self.past) if each.operation != "look"]
        yield f"result {min(len(made) - made.index(number), 3)} from last", 1.0
        alike = [n for n in made if self.past[n].operation == turn.operation]
        yield f"last {turn.operation}", float(alike[-1] == number)
        yield from self._agrees("made", turn.said)

    def _agrees(self, name: str, before: Said) -> Iterator[tuple[str, float]]:
        """How much of this question, and of its sides, the earlier question said."""
        words = frozenset(before.words)
        yield f"{name} said {self.own}", _share(frozenset(self.asked.words), words)
        for side, phrase, periods in zip(("left", "right"), self.asked.sides, self.asked.side_periods):
            yield f"{name} said {side}", _share(matching_terms(phrase), words)
            if periods and before.periods:
                yield f"{name} period {side} {bool(set(periods) & set(before.periods))}", 1.0
        if self.asked.periods and before.periods:
            yield f"{name} period {bool(set(self.asked.periods) & set(before.periods))}", 1.0

    # ---------------- pairs

    def _pairs(self, arguments: Sequence[Argument]) -> NDArray[np.float64]:
        found = np.zeros((len(arguments), len(arguments), len(PAIRS)))
        periods = [self._period(argument) for argument in arguments]
        order = [self._order(argument) for argument in arguments]
        names = {name: index for index, name in enumerate(PAIRS)}
        for i, one in enumerate(arguments):
            for j, other in enumerate(arguments):
                if i != j:
                    for name in self._between(one, other, periods[i], periods[j], order[i], order[j]):
                        found[i, j, names[name]] = 1.0
        return found

    def _between(self, one: Argument, other: Argument, p: str, q: str, a: int, b: int) -> Iterator[str]:
        if p and q:
            yield "later" if p > q else "earlier" if p < q else "same period"
            if p[:4].isdigit() and q[:4].isdigit() and abs(int(p[:4]) - int(q[:4])) == 1:
                yield "one year apart"
        else:
            yield "no period"
        asked = self.asked.periods
        if len(asked) > 1 and p and q and p != q:
            if within(p, asked[0]) and within(q, asked[1]):
                yield "asked in order"
            if within(q, asked[0]) and within(p, asked[1]):
                yield "asked in reverse"
            if {p[:4], q[:4]} == {min(asked)[:4], max(asked)[:4]}:
                yield "ends asked"
        if len(self.asked.side_periods) == 2 and p and q and p != q:
            left, right = self.asked.side_periods
            if left and right and left != right:
                if any(within(p, each) for each in left) and any(within(q, each) for each in right):
                    yield "sides in order"
                if any(within(q, each) for each in left) and any(within(p, each) for each in right):
                    yield "sides in reverse"
        if a >= 0 and b >= 0 and a != b:
            yield "used in order" if a < b else "used in reverse"
        if one.turn >= 0 and other.turn >= 0:
            yield "both made"
        if one.turn >= 0:
            places = self.past[one.turn].arguments
            if len(places) == 2:
                if (places[1].at, places[1].turn, places[1].value) == (other.at, other.turn, other.value):
                    yield "base"
                if (places[0].at, places[0].turn, places[0].value) == (other.at, other.turn, other.value):
                    yield "top"
        if one.at >= 0 and other.at >= 0 and one.at != other.at:
            yield from self._of_two_values(one.at, other.at)
        elif one.at >= 0 and one.at == other.at:
            yield "itself"
        if one.form != other.form:
            yield "unlike forms"
        if abs(one.value) > abs(other.value):
            yield "larger"

    def _of_two_values(self, one: int, other: int) -> Iterator[str]:
        first, second = self.page.values[one], self.page.values[other]
        for name, alike in _alike(first, second):
            if alike:
                yield f"same {name}"
        if self.page.places[one] == self.page.places[other]:
            yield "same place"
            if first.start < second.start:
                yield "printed in order"
        if first.kind == second.kind:
            yield "same kind"
        if (first.quantity.unit == "%") != (second.quantity.unit == "%"):
            yield "unlike units"

    def _period(self, argument: Argument) -> str:
        if argument.at >= 0:
            return self.page.values[argument.at].period
        if argument.turn >= 0 and len(self.past[argument.turn].said.periods) == 1:
            return self.past[argument.turn].said.periods[0]
        return ""

    def _order(self, argument: Argument) -> int:
        """The turn that last used or made the argument, -1 for none."""
        if argument.at >= 0:
            return self.used.get(argument.at, [(-1, "", 0)])[-1][0]
        return argument.turn

    # ---------------- cues

    def _cues(self) -> Iterator[str]:
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


def _alike(one: Value, other: Value) -> Iterator[tuple[str, bool]]:
    cells = one.kind == "cell" and other.kind == "cell"
    row = cells and (one.label, one.section) == (other.label, other.section)
    column = cells and (one.heading, one.period) == (other.heading, other.period)
    yield (
        "series",
        cells and (one.label, one.section, one.heading) == (other.label, other.section, other.heading),
    )
    yield "row", row or (not cells and one.label == other.label and one.kind == other.kind)
    yield "column", column


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part & whole) / len(part) if part else 0.0


def _moved(period: str, by: int) -> str:
    return f"{int(period[:4]) + by}{period[4:]}" if by and period[:4].isdigit() else period
