"""What a table's words say of its numbers: "in millions", "$'000", "per share", "%", 万元.

Reads one piece of text at a time; which piece holds for which cell is `core.table`'s concern.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from core.quantity import Quantity

Measure = Literal["", "%", "plain"]  # "plain": a number that the table's scale does not hold for

_WORDS = {
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "lakh": 5, "crore": 7,
    "千": 3, "万": 4, "百万": 6, "千万": 7, "亿": 8, "十亿": 9,
}  # fmt: skip
_LABEL = re.compile(
    r"(?<![\d.])(?<!\d )\b(?P<word>thousand|million|billion|trillion|lakh|crore)s?\b"
    r"|(?P<m>(?:[$€£¥]|\b(?:US|A|C|HK|NT|S)\$|\b(?:USD|EUR|GBP|RMB|CNY|CHF))\s?['’]?\s?(?:m|mn|mil|mm)\b)"
    r"|(?P<bn>[$€£¥]\s?bn\b)"
    r"|(?P<k>(?<![\d,.])['’`]?000['’]?s?\b(?![,.]\d))"
    r"|(?<![\d.])(?P<zh>千万|百万|十亿|[千万亿])(?=[人民]*(?:元|美元|港元|欧元|股)|$)",
    re.IGNORECASE,
)
_PROSE = re.compile(
    r"\b(?:in|to the nearest)\s+(?:(?:U\.?S\.?|us|canadian|hong kong|singapore|australian)\s+)?(?:dollars?\s+|[$€£]\s?)?"
    r"(?:and\s+shares?\s+)?(?:(?:in|of)\s+)?"
    r"(?P<word>thousand|million|billion)s\b"
    r"|\((?:\s*[$€£]\s?|[^()\d]{0,40}\b(?:in|dollars|amounts|euros)\s[^()\d]{0,20}|)(?P<word2>thousand|million|billion)s?\b[^()\d]*\)"
    r"|\((?P<m>(?:[$€£]|US\$|USD|EUR|GBP|RMB)\s?['’]?\s?m(?:illions?|n)?)\)|\b(?:USD|EUR|GBP|RMB)['’]?\s?(?P<m2>m|million)\b"
    r"|(?P<k>(?:[$€£]|US\$|RMB|\b)['’`]000['’]?s?\b|(?<![\d,.])000['’]s\b|[$€£]000\b)"
    r"|单位[：:为]?\s?(?:人民币)?(?P<zh>千万|百万|十亿|[千万亿])",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"%|％|\bper ?cent(?:age)?s?\b|\bpct\b|百分比|占比|比例|[利税]率|增长率", re.IGNORECASE)
# "2.300% Senior Notes", "10 percent increase in rates": a percentage that a name holds is not the row's unit.
_COUPON = re.compile(r"\d\s?(?:%|％|per ?cent\b)", re.IGNORECASE)
_PLAIN = re.compile(
    r"\bper (?:\w+ )?(?:share|unit|ads|ounce|barrel|ton(?:ne)?|day|hour|employee)\b|\bin (?:years|days|months)\b|\(years\)"
    r"|\blife\b(?!.*insurance)|\bnumber of (?:employees|stores|locations|countries|customers|people|properties)\b"
    r"|\bheadcount\b|\bexchange rates?\b|\bratio\b|每股|天数|人数|倍数",
    re.IGNORECASE,
)  # fmt: skip


_EXCEPTION = re.compile(r"\b(?:except|other than|unless)\b[^()]*", re.IGNORECASE)


@lru_cache(maxsize=8192)
def scale_of_label(text: str) -> int | None:
    """The power of ten that a heading or label states; amounts ("$6.2 million") state none."""
    match = _LABEL.search(text)
    return None if match is None else _power(match)


def scale_of_prose(text: str) -> int | None:
    """The power of ten that a paragraph states for a table beside it, as "(in thousands)" does."""
    match = _PROSE.search(text)
    return None if match is None else _power(match)


def _power(match: re.Match[str]) -> int:
    groups = {name: value for name, value in match.groupdict().items() if value}
    if "m" in groups or "m2" in groups:
        return 6
    if "bn" in groups:
        return 9
    if "k" in groups:
        return 3
    return _WORDS[next(iter(groups.values())).lower()]


@lru_cache(maxsize=8192)
def measure_of(text: str) -> Measure:
    """What kind of number stands under this heading or behind this label; "(in thousands, except percentages)" does not say that it is
    a percentage.
    """
    text = _EXCEPTION.sub("", text)
    if _PERCENT.search(_COUPON.sub(" ", text)) and not _SIGN.search(text):
        return "%"
    return "plain" if _PLAIN.search(text) else ""


@lru_cache(maxsize=8192)
def is_only_unit(text: str) -> bool:
    """True for a heading that says nothing but the unit: "$'000", "(in millions)", "%"."""
    if not _LETTER_OR_SIGN.search(text):
        return False
    rest = _LABEL.sub(" ", text)
    return not _DIGIT.search(rest) and not _BESIDE_UNITS.sub(" ", rest).strip()


_SIGN = re.compile(r"[$€£¥]")
_DIGIT = re.compile(r"\d")
_LETTER_OR_SIGN = re.compile(r"[^\W\d]|[$€£¥%％]")
_BESIDE_UNITS = re.compile(
    r"\b(?:in|of|us|u\.s|dollars?|amounts?|except|per|share|shares|data|and|percentages?|euros?|expressed|unaudited"
    r"|audited|restated|usd|eur|gbp|rmb|note|notes)\b|[\W_\d]|人民币|单位|元",
    re.IGNORECASE,
)


def scale_by_repetition(cells: Iterable[Quantity], amounts: Iterable[Quantity]) -> int | None:
    """The power of ten under which amounts of the prose repeat the table's cells.

    "$1,153 million" beside a cell "1,153" says millions; "$36.5 million" beside "36,512" says
    thousands. Only prints of three digits or more count, and the repetitions must not disagree.
    """
    worded = [amount for amount in amounts if amount.scale and _digits(amount) >= 3]
    votes: Counter[int] = Counter()
    for cell in cells:
        if cell.unit or cell.scale or _digits(cell) < 3:
            continue
        for amount in worded:
            for power in (3, 6, 9):
                if abs(abs(cell.value.scaleb(power)) - abs(amount.amount)) <= amount.step / 2:
                    votes[power] += 1
    return next(iter(votes)) if len(votes) == 1 else None


def _digits(quantity: Quantity) -> int:
    return len(quantity.value.normalize().as_tuple().digits)
