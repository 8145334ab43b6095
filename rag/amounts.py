"""TEXT -> AMOUNTS: each printed quantity with what it is about, for which period, of which sign.

An amount of a table carries its row's label, section and heading; one of a sentence the words of its
clause. Reads one passage at a time and remembers the last few. What is not covered: numbers in words
("twice as much"), and tables whose cells are not set apart by "|".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from core.period import FoundPeriod, Period, find_periods
from core.quantity import FoundQuantity, Quantity, find, with_currency
from core.scales import scale_of_prose
from core.table import Cell, read_table
from core.text import normalize, sentences
from rag.numbers.glossary import matching_terms

RowKey = tuple[str, str, str, str]  # table, section, label, heading

_FARTHEST = (
    400  # characters before a number in which words are looked for: a table of an answer is one long sentence
)
_PASSAGES_KEPT = 512  # typed passages that are remembered, some 50 amounts each


@dataclass(frozen=True, slots=True)
class Amount:
    """A printed quantity with its surroundings: `words` of its clause, `period` that it is for.

    `sign` is -1 or 1 where the words say loss or profit, else 0; `direction` likewise for fall and rise.
    `sentence` is the whole sentence, [at, at_end) its place there. Of a cell `row` is what its cells share (table, section,
    label, heading), and `words` are those of `row` together.
    """

    start: int
    end: int
    printed: str
    quantity: Quantity
    words: str
    period: Period | None
    periods_near: tuple[Period, ...]
    sign: int
    direction: int
    sentence: str = ""
    at: int = 0
    row: RowKey | None = None

    @property
    def signed(self) -> Quantity:
        """A loss of 5 is -5, however the sign is printed."""
        return self.quantity.negated() if self.sign < 0 < self.quantity.value else self.quantity


@dataclass(frozen=True, slots=True)
class Typed:
    """What a passage states. `plain` is its text in lower case with single spaces."""

    amounts: tuple[Amount, ...]
    periods: tuple[Period, ...]
    plain: str


@lru_cache(maxsize=_PASSAGES_KEPT)
def read_passage(passage: str) -> Typed:
    """Amounts of tables by cell, those of prose by sentence."""
    text = normalize(passage)
    lines = text.splitlines()
    table = [line for line in lines if "|" in line]
    prose = [line for line in lines if "|" not in line]
    cells = _cells(table, prose) if len(table) > 1 else ()
    amounts = tuple(_amounts_of_cells(cells, f"{hash(passage)}"))
    periods = [item.period for item in find_periods(text)]
    periods += [
        found[0].period for label in {cell.period for cell in cells} if (found := find_periods(label))
    ]
    told = tuple(
        replace(amount, quantity=with_currency(amount.quantity, text))
        for amount in (*amounts, *_amounts_of_prose("\n".join(prose)))
    )
    return Typed(told, tuple(dict.fromkeys(periods)), plain(text))


def plain(text: str) -> str:
    """In lower case with single spaces, as quotations are compared."""
    return " ".join(text.split()).lower()


def _cells(table: Sequence[str], prose: Sequence[str]) -> tuple[Cell, ...]:
    return read_table([[cell.strip() for cell in line.split("|")] for line in table], prose).cells


def _amounts_of_cells(cells: Sequence[Cell], table: str) -> Iterator[Amount]:
    for cell in cells:
        words = f"{cell.section} {cell.label} {cell.heading}"
        found = find_periods(cell.period)
        period = found[0].period if found else None
        moved = 0
        if _CHANGE.search(f"{cell.label} {cell.heading}") and not _DOWN.search(cell.label):
            moved = (cell.quantity.value > 0) - (cell.quantity.value < 0)
        yield Amount(
            0, 0, cell.raw, cell.quantity, words, period, (period,) if period else (),
            _sign_of(f"{cell.label} {cell.heading}"), moved, row=(table, cell.section, cell.label, cell.heading),
        )  # fmt: skip


def _amounts_of_prose(prose: str) -> Iterator[Amount]:
    """Under a scale that the passage states for bare numbers ("in millions") a number reads both ways."""
    scale = scale_of_prose(prose)
    for amount in amounts_in(prose):
        yield amount
        if scale and not amount.quantity.scale and not amount.quantity.unit:
            yield replace(amount, quantity=amount.quantity.scaled(scale))


def amounts_in(text: str) -> Iterator[Amount]:
    """The amounts of running text; periods and numbers that name a place are none."""
    around = tuple(item.period for item in find_periods(text))
    for start, end in sentences(text):
        sentence = text[start:end]
        if not re.search(r"[\d一二三四五六七八九十百千万亿两]", sentence):
            continue
        periods = find_periods(sentence)
        found = [
            item
            for item in find(sentence)
            if not (_overlaps(item, periods) or _is_label(sentence, item) or _is_scale(sentence, item))
        ]
        for index, item in enumerate(found):
            left = found[index - 1].end if index else 0
            right = found[index + 1].start if index + 1 < len(found) else len(sentence)
            words = _clause(sentence, item, left, right)
            yield Amount(
                start + item.start,
                start + item.end,
                sentence[item.start : item.end],
                item.quantity,
                words,
                _period_of(sentence, found, index, periods),
                tuple(near.period for near in periods) or around,
                _sign_of(words),
                _direction_of(words),
                sentence,
                item.start,
            )


def _overlaps(item: FoundQuantity, periods: Sequence[FoundPeriod]) -> bool:
    return any(found.start < item.end and found.end > item.start for found in periods)


_PLACE = re.compile(r"(?:\[|\b(?:note|page|pages|table|figure|item|section|chapter)\s|第)$", re.IGNORECASE)


def _is_label(sentence: str, item: FoundQuantity) -> bool:
    """True for "[1]", "S1", "Note 4", "page 12", "Q3": numbers that name a place."""
    before, after = sentence[max(0, item.start - 16) : item.start], sentence[item.end : item.end + 1]
    return bool(_PLACE.search(before) or after in ("]", "页", "章"))


def _is_scale(sentence: str, item: FoundQuantity) -> bool:
    """True for the digits of "$'000"."""
    return bool(re.fullmatch(r"\D*000\D*", sentence[item.start : item.end]))


def _clause(sentence: str, item: FoundQuantity, left: int, right: int) -> str:
    """The words that the number belongs to: back to the last number, or the whole start of the
    sentence where only a connective stands between them; and on to the next number.
    """
    before, after = sentence[left : item.start], sentence[item.end : right]
    if len(matching_terms(without_periods(before))) < 1:
        before = sentence[max(0, item.start - _FARTHEST) : item.start]
    after = re.split(r"[,;，；。]|\b(?:and|while|but|whereas)\b", after)[0]
    return f"{before} {after}"


def _period_of(
    sentence: str, found: Sequence[FoundQuantity], index: int, periods: Sequence[FoundPeriod]
) -> Period | None:
    """By order where there are as many periods as numbers, else the nearest, one behind first."""
    if not periods:
        return None
    if re.search(r"\brespectively\b|分别", sentence):
        return periods[index % len(periods)].period
    item = found[index]
    right = found[index + 1].start if index + 1 < len(found) else len(sentence)
    behind = [near for near in periods if item.end <= near.start < right]
    ahead = [near for near in periods if near.end <= item.start]
    if len(behind) == 2 and re.match(
        r"\s*(?:to|and|-|–|至|到|和)\s*$", sentence[behind[0].end : behind[1].start]
    ):
        return behind[1].period  # "from 2022 to 2023": a change belongs to the later one
    if behind and (len(found) == 1 or behind[0].start - item.end < 25):
        return behind[0].period
    return (ahead[-1] if ahead else periods[0]).period


def without_periods(text: str) -> str:
    for found in reversed(find_periods(text)):
        text = f"{text[: found.start]} {text[found.end :]}"
    return text


# ---------------------------------------------------------------- loss and profit, rise and fall

# "Credit losses" and "allowance for losses" are names of positive amounts.
_LOSS = re.compile(
    r"\b(?:net|operating|pre-?tax|gross|comprehensive|an?|the) loss\b|\bloss (?:of|for|before|from|per|was|attributable)\b"
    r"|\blosses of\b|^\s*loss\b|\b(?:deficit|outflow)\b|亏损|净流出",
    re.IGNORECASE,
)
_CHANGE = re.compile(r"\b(?:change|increase|variance|growth)\b|变动|增减|增长|同比|环比", re.IGNORECASE)
_PROFIT = re.compile(
    r"\b(?:profits?|income|earnings|gains?|surplus|inflow)\b|盈利|利润|收益|净流入", re.IGNORECASE
)
_DOWN = re.compile(
    r"\b(?:decreas|declin|fell|fall|drop|reduc|down\b|lower|shrank|shrunk)\w*|下降|减少|降低|下滑|下跌",
    re.IGNORECASE,
)
_UP = re.compile(
    r"\b(?:increas|grew|grow|rose|rise|risen|climb|gain|up\b|higher|expand)\w*|增长|增加|上升|提高|上涨",
    re.IGNORECASE,
)


def _sign_of(words: str) -> int:
    return _one_of(words, _PROFIT, _LOSS)


def _direction_of(words: str) -> int:
    return _one_of(words, _UP, _DOWN)


def _one_of(words: str, plus: re.Pattern[str], minus: re.Pattern[str]) -> int:
    """1 or -1 for the one kind of word that is there; 0 for none or both."""
    return bool(plus.search(words)) - bool(minus.search(words))
