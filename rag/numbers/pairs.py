"""TWO ARGUMENTS IN THEIR SETTING -> what speaks for one program of both, in this order."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.numbers.pool import within
from rag.numbers.setting import Argument, Setting, alike

PAIRS = (
    "later", "earlier", "same period", "no period", "same series", "same row", "same column", "same place", "same kind",
    "base", "top", "asked in order", "asked in reverse", "used in order", "used in reverse", "printed in order",
    "one year apart", "sides in order by a word", "sides in reverse by a word", "sides in order loosely", "sides in reverse loosely", "larger", "both made", "ends asked", "unlike units",
    "itself", "unlike forms", "base of a change", "named together", "named by both",
)  # fmt: skip


class Pairs:
    def __init__(self, setting: Setting) -> None:
        self._of = setting

    def of(self, arguments: Sequence[Argument]) -> NDArray[np.float64]:
        found = np.zeros((len(arguments), len(arguments), len(PAIRS)))
        periods = [self._period(argument) for argument in arguments]
        order = [self._order(argument) for argument in arguments]
        names = {name: index for index, name in enumerate(PAIRS)}
        for i, one in enumerate(arguments):
            for j, other in enumerate(arguments):
                if i != j:
                    for name in self._between(one, other, periods[i], periods[j], order[i], order[j]):
                        found[i, j, names[name]] = 1.0
        found[:, :, names["named together"]], found[:, :, names["named by both"]] = self._named(arguments)
        return found

    def _named(self, arguments: Sequence[Argument]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The share of the question's words that the names of two values say between them, and how much more of
        them than the better one alone: (arguments, arguments) each.
        """
        page, words = self._of.page, sorted(self._of.asked.words)
        said = np.zeros((len(arguments), len(words)))
        for row, argument in enumerate(arguments):
            if argument.at >= 0:
                own = page.pool.candidates[argument.at].own
                said[row] = [word in own for word in words]
        if not words:
            return np.zeros((len(arguments),) * 2), np.zeros((len(arguments),) * 2)
        alone = said.mean(axis=1)
        together = alone[:, None] + alone[None, :] - said @ said.T / len(words)
        return together, together - np.maximum(alone[:, None], alone[None, :])

    def _between(self, one: Argument, other: Argument, p: str, q: str, a: int, b: int) -> Iterator[str]:
        if p and q:
            yield "later" if p > q else "earlier" if p < q else "same period"
            if p[:4].isdigit() and q[:4].isdigit() and abs(int(p[:4]) - int(q[:4])) == 1:
                yield "one year apart"
        else:
            yield "no period"
        asked = self._of.asked.periods
        if len(asked) > 1 and p and q and p != q:
            if within(p, asked[0]) and within(q, asked[1]):
                yield "asked in order"
            if within(q, asked[0]) and within(p, asked[1]):
                yield "asked in reverse"
            if {p[:4], q[:4]} == {min(asked)[:4], max(asked)[:4]}:
                yield "ends asked"
        if len(self._of.asked.side_periods) == 2 and p and q and p != q:
            left, right = self._of.asked.side_periods
            if left and right and left != right:
                if any(within(p, each) for each in left) and any(within(q, each) for each in right):
                    yield f"sides in order {self._of.asked.divided}"
                if any(within(q, each) for each in left) and any(within(p, each) for each in right):
                    yield f"sides in reverse {self._of.asked.divided}"
        if a >= 0 and b >= 0 and a != b:
            yield "used in order" if a < b else "used in reverse"
        if one.turn >= 0 and other.turn >= 0:
            yield "both made"
        if one.turn >= 0:
            places = self._of.past[one.turn].arguments
            if len(places) == 2:
                if (places[1].at, places[1].turn, places[1].value) == (other.at, other.turn, other.value):
                    yield "base"
                    if self._of.changing:
                        yield "base of a change"
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
        first, second = self._of.page.values[one], self._of.page.values[other]
        for name, shared in alike(first, second):
            if shared:
                yield f"same {name}"
        if self._of.page.places[one] == self._of.page.places[other]:
            yield "same place"
            if first.start < second.start:
                yield "printed in order"
        if first.kind == second.kind:
            yield "same kind"
        if (first.quantity.unit == "%") != (second.quantity.unit == "%"):
            yield "unlike units"

    def _period(self, argument: Argument) -> str:
        if argument.at >= 0:
            return self._of.page.values[argument.at].period
        if argument.turn >= 0 and len(self._of.past[argument.turn].said.periods) == 1:
            return self._of.past[argument.turn].said.periods[0]
        return ""

    def _order(self, argument: Argument) -> int:
        """The turn that last used or made the argument, -1 for none."""
        if argument.at >= 0:
            return self._of.used.get(argument.at, [(-1, "", 0)])[-1][0]
        return argument.turn
