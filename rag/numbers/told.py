"""SENTENCE -> WHAT IT TELLS OF TIME: an amount for each of several years, and by how much something moved.

An amount belongs to a year only where the words say so: it stands before it ("$290.2 million in 2019"), or as many
amounts as years are listed. Works on one sentence; which sentence is asked about is `text.py`'s finding.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

from core.period import FoundPeriod, find_periods
from core.quantity import FoundQuantity, Quantity

T = TypeVar("T", FoundQuantity, FoundPeriod)


@dataclass(frozen=True, slots=True)
class Told:
    """Amounts by year ("2019"); `start`: where the first of them stands."""

    start: int
    amounts: Mapping[str, FoundQuantity]


def told(sentence: str, amounts: Sequence[FoundQuantity]) -> list[Told]:
    """All that the sentence says of two years or more."""
    years = find_periods(sentence)
    return [*_listed(sentence, amounts, years), *_each_with_its_year(sentence, amounts, years)]


_JOINS = re.compile(
    r"[\s,]*(?:\b(?:and|or|to|compared (?:to|with)|versus)\b)?\s*(?:\b(?:approximately|about|positive|negative)\s+)?",
    re.IGNORECASE,
)
_BETWEEN_YEARS = re.compile(
    r"[\s,]*(?:\band\b)?\s*(?:(?:fiscal|financial|calendar|years?|ended|the|in|for)\s+)*", re.IGNORECASE
)


def _listed(sentence: str, amounts: Sequence[FoundQuantity], years: Sequence[FoundPeriod]) -> Iterator[Told]:
    """Lists of one length, the nearest list of years for each ("$2.9 million and $2.5 million ... in 2019 and 2018")."""
    dated = [run for run in _runs(sentence, years, _BETWEEN_YEARS) if _distinct(run)]
    for run in _runs(sentence, amounts, _JOINS):
        fitting = [each for each in dated if len(each) == len(run)]
        if fitting:
            nearest = min(fitting, key=lambda each: abs(each[0].start - run[-1].end))
            labels = [str(item.period.year) for item in nearest]
            yield Told(run[0].start, dict(zip(labels, _of_one_scale(run), strict=True)))


def _runs(sentence: str, items: Sequence[T], joins: re.Pattern[str]) -> list[list[T]]:
    """Neighbours with nothing but joining words between them, two at least."""
    runs: list[list[T]] = [list(items[:1])]
    for before, item in pairwise(items):
        if joins.fullmatch(sentence, before.end, item.start):
            runs[-1].append(item)
        else:
            runs.append([item])
    return [run for run in runs if len(run) > 1]


def _distinct(run: Sequence[FoundPeriod]) -> bool:
    return len({item.period.year for item in run}) == len(run)


def _of_one_scale(run: Sequence[FoundQuantity]) -> list[FoundQuantity]:
    """The last says the scale of all: "$290.2, $239.6 and $190.4 million"."""
    last = run[-1].quantity
    if not last.scale or any(item.quantity.scale for item in run[:-1]):
        return list(run)
    return [item._replace(quantity=replace(item.quantity, scale=last.scale)) for item in run]


_ITS_YEAR = re.compile(
    r"[\s,(]*(?:(?:in|for|during|at|as of|on)\s+)?(?:(?:the|fiscal|financial|calendar|years?|ended)\s+)*",
    re.IGNORECASE,
)


def _each_with_its_year(
    sentence: str, amounts: Sequence[FoundQuantity], years: Sequence[FoundPeriod]
) -> Iterator[Told]:
    """The first amount of each year: "$290.2 million in 2019, $239.6 million in 2018"."""
    listed = {item for run in _runs(sentence, years, _BETWEEN_YEARS) for item in run}
    found: dict[str, FoundQuantity] = {}
    for item in amounts:
        year = next((each for each in years if each.start >= item.end), None)
        if year and year not in listed and _ITS_YEAR.fullmatch(sentence, item.end, year.start):
            found.setdefault(str(year.period.year), item)
    if len(found) > 1:
        yield Told(min(item.start for item in found.values()), found)


# ---------------------------------------------------------------- by how much it moved

_MOVED = r"(?:increas|decreas|declin|chang|grew|grow|rose|fell|drop|improv|reduc|lower|higher)\w*"
_MOVED_BY = re.compile(
    rf"\b{_MOVED}(?:\s+(?:of|by|was|to be))?(?:\s+(?:approximately|about|around))?\s+$", re.IGNORECASE
)
_ITS_MOVE = re.compile(rf"\s+(?:net\s+)?{_MOVED}\s+(?:in|of)\b", re.IGNORECASE)


def change_told(sentence: str, amounts: Sequence[FoundQuantity]) -> tuple[FoundQuantity, str] | None:
    """The first change that the sentence states as an amount, with the words that say what moved ("Interest income")."""
    for item in amounts:
        if _is_count(item.quantity):
            continue
        if by := _MOVED_BY.search(sentence, max(0, item.start - 60), item.start):
            return item, sentence[: by.start()]
        if move := _ITS_MOVE.match(sentence, item.end):
            return item, _until_clause(sentence[move.end() :])
    return None


def _is_count(quantity: Quantity) -> bool:
    return not (quantity.currency or quantity.scale) or bool(quantity.unit)


def _until_clause(text: str) -> str:
    return re.split(r"\b(?:was|were|is|due|because|as a result|compared)\b|[,;]", text, maxsplit=1)[0]
