"""ONE ARGUMENT IN ITS SETTING -> what speaks for it, by name.

How well the question names a value, how its period agrees, what earlier turns did with it.
"""

import re
from collections.abc import Iterator

from core.values import Value
from rag.numbers.glossary import matching_terms
from rag.numbers.match import plain_words
from rag.numbers.pool import within
from rag.numbers.said import Said
from rag.numbers.setting import KINDS, NUMBERS, Argument, Setting, alike

_ASKED_FOR = {  # by words that ask for a figure in another measure
    100: ("percentage", "percent", "%", "percentual"),
    1000: ("thousand", "thousands"),
    1000000: ("million", "millions", "in dollars"),
}
_LOSS = re.compile(
    r"\b(?:loss\w*|less|decreas\w*|expens\w*|cost\w*|paid|payments?|used|outflow\w*|deduct\w*|deficit)\b|亏|损"
)


# Operations by the words that call their result.
_MAKING = {
    "change": ("sub", "pct"),
    "relative": ("pct", "div"),
    "ratio": ("div", "pct"),
    "sum": ("add",),
    "mean": ("avg", "div"),
    "rest": ("sub",),
    "times": ("mul",),
}
# Which end of a period, or of a range, words ask for and labels name.
_ENDS = {
    "beginning": re.compile(r"\b(?:beginning|begin|start\w*|opening|initial|january 1)\b"),
    "end": re.compile(r"\b(?:ending|end|closing|final|december 31)\b"),
    "high": re.compile(r"\b(?:highest|high|maximum|max|peak)\b"),
    "low": re.compile(r"\b(?:lowest|low|minimum|min)\b"),
}


class Features:
    def __init__(self, setting: Setting) -> None:
        self._of = setting

    def of(self, argument: Argument) -> Iterator[tuple[str, float]]:
        yield KINDS[argument.kind], 1.0
        if argument.at >= 0:
            yield from self._of_form(argument)
            yield from self._of_value(argument.at)
            yield from self._of_use(argument.at)
        elif argument.turn >= 0:
            yield from self._of_result(argument.turn)
        else:
            given = argument.value in self._of.asked.numbers
            yield f"fixed {'given' if given else 'not given'}", 1.0
            for word in _ASKED_FOR.get(int(argument.value), ()):
                if word in self._of.asked.cues:
                    yield "fixed as asked", 1.0
            if argument.value in NUMBERS:
                yield f"fixed {argument.value}{' given' if given else ''}", 1.0

    def _of_form(self, argument: Argument) -> Iterator[tuple[str, float]]:
        value = self._of.page.values[argument.at]
        earlier = next(
            (each for turn in reversed(self._of.past) for each in turn.arguments if each.at >= 0), None
        )
        if value.quantity.value < 0:
            yield f"below zero {argument.form}", 1.0
            if _LOSS.search(self._of.asked.question) or _LOSS.search(self._of.carried):
                yield f"loss asked {argument.form}", 1.0
            if _LOSS.search(value.label):
                yield f"loss printed {argument.form}", 1.0
        if value.quantity.unit == "%":
            yield f"percentage {argument.form}", 1.0
        if earlier and earlier.form != argument.form:
            yield "another form than before", 1.0

    def _of_value(self, at: int) -> Iterator[tuple[str, float]]:
        value, own = self._of.page.values[at], self._of.own
        yield value.kind, 1.0
        for name, phrase in (
            (f"full{own}", self._of.asked.phrase),
            (f"carried{own}", self._of.carried),
            (f"both{own}", f"{self._of.carried} {self._of.asked.phrase}"),
            *zip(self._of.sides, self._of.asked.sides),
        ):
            if phrase.strip():
                yield from self._fit(name, phrase, at)
        yield from self._of_period(value)
        label = plain_words(value.label)
        if label.strip() and value.kind == "cell":
            yield "label said", float(label in plain_words(self._of.asked.question))
            yield (
                "label carried",
                float(bool(self._of.past) and label in plain_words(self._of.past[-1].said.question)),
            )
        if value.heading and value.kind == "cell":
            heading = matching_terms(value.heading)
            shared = heading & matching_terms(self._of.asked.question)
            yield "heading said", len(shared) / (len(heading) or 1)
        percent = value.quantity.unit in ("%", "pp")
        wants = bool(
            re.search(r"\b(?:percent\w*|rates?|margins?|volatility|yield)\b|%|率", self._of.asked.question)
        )
        yield f"percent {percent} {wants}", 1.0
        if value.kind != "cell" and not (
            value.quantity.currency or value.quantity.unit or value.quantity.scale
        ):
            yield "bare small" if abs(value.quantity.value) < 100 else "bare", 1.0
        yield from self._of_ends(value)
        if value.quantity.value == 100 and not value.quantity.unit:
            yield "base of an index", 1.0
        yield "total", float("total" in value.label.lower()[:8])
        yield "total asked", float("total" in value.label.lower()[:8] and "total" in self._of.asked.cues)

    def _fit(self, name: str, phrase: str, at: int) -> Iterator[tuple[str, float]]:
        fits = self._of.page.fits(phrase)
        fit, top = fits[at], max(each.score for each in fits)
        yield f"{name} covered", fit.covered
        yield f"{name} precise", fit.precise
        yield f"{name} behind", top - fit.score
        yield f"{name} top", float(fit.score > top - 0.02)

    def _of_ends(self, value: Value) -> Iterator[tuple[str, float]]:
        """Does the name say the end that is asked for, or the other one?"""
        name = value.name.lower()
        for one, other in (("beginning", "end"), ("end", "beginning"), ("high", "low"), ("low", "high")):
            if _ENDS[one].search(self._of.asked.question):
                yield "end as asked", float(bool(_ENDS[one].search(name)))
                yield "other end than asked", float(bool(_ENDS[other].search(name)))

    def _of_period(self, value: Value) -> Iterator[tuple[str, float]]:
        asked, printed = self._of.asked.periods, value.period
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
        elif self._of.before:
            same = within(printed, self._of.before[0])
            moved = " moved" if self._of.asked.moved else ""
            yield f"carried period {same if printed else 'undated'}{moved}", 1.0
            yield "carried any", float(any(within(printed, period) for period in self._of.before))
            yield "carried year in name", float(self._of.before[0][:4] in value.name)
        for name, periods in zip(self._of.sides, self._of.asked.side_periods):
            if periods and printed:
                yield f"{name} period {any(within(printed, period) for period in periods)}", 1.0

    def _of_use(self, at: int) -> Iterator[tuple[str, float]]:
        uses = self._of.used.get(at, [])
        count = len(self._of.past)
        for number, operation, place in uses:
            yield f"used {min(count - number, 4)} back", 1.0
            yield f"used in {operation} {place}", 1.0
        if uses:
            joined = [use for use in uses if use[1] != "look"]
            last_joined = next(
                (n for n in range(count - 1, -1, -1) if self._of.past[n].operation != "look"), -1
            )
            for number, operation, place in joined:
                if number == last_joined:
                    yield f"of the last {operation} {place}", 1.0
            if uses[-1][1] == "look" and uses[-1][0] > last_joined:
                yield f"looked up since, {min(count - uses[-1][0], 3)} back", 1.0
            yield from self._agrees("use", self._of.past[uses[-1][0]].said)
        last = self._of.past[-1] if self._of.past else None
        if last and last.arguments and last.arguments[0].at >= 0 and last.arguments[0].at != at:
            one, other = self._of.page.values[last.arguments[0].at], self._of.page.values[at]
            for name, shared in alike(one, other):
                if shared:
                    yield f"beside the last: {name}", 1.0
            yield (
                "beside the last: document",
                float(self._of.page.places[at] == self._of.page.places[last.arguments[0].at]),
            )

    def _of_result(self, number: int) -> Iterator[tuple[str, float]]:
        turn = self._of.past[number]
        back = len(self._of.past) - number
        yield f"made by {turn.operation}", 1.0
        yield f"made {min(back, 4)} back", 1.0
        made = [n for n, each in enumerate(self._of.past) if each.operation != "look"]
        yield f"result {min(len(made) - made.index(number), 3)} from last", 1.0
        alike = [n for n in made if self._of.past[n].operation == turn.operation]
        yield f"last {turn.operation}", float(alike[-1] == number)
        yield from self._agrees("made", turn.said)
        for name, asking in (("", self._of.asked.asking), *zip(self._of.sides, self._of.asked.side_asking)):
            called = _MAKING.keys() & asking
            if called:
                yield f"called{name} as made", float(any(turn.operation in _MAKING[each] for each in called))

    def _agrees(self, name: str, before: Said) -> Iterator[tuple[str, float]]:
        """How much of this question, and of its sides, the earlier question said."""
        words = frozenset(before.words)
        yield f"{name} said {self._of.own}", _share(frozenset(self._of.asked.words), words)
        for side, phrase, periods in zip(self._of.sides, self._of.asked.sides, self._of.asked.side_periods):
            yield f"{name} said {side}", _share(matching_terms(phrase), words)
            if periods and before.periods:
                yield f"{name} period {side} {bool(set(periods) & set(before.periods))}", 1.0
        if self._of.asked.periods and before.periods:
            yield f"{name} period {bool(set(self._of.asked.periods) & set(before.periods))}", 1.0


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part & whole) / len(part) if part else 0.0
