"""What a printed piece of a table is: a number, a sign for "nothing", a year, a unit, or words.

Quick looks that decide about layout, taken at every piece of every page (a microsecond each); what a
number or a period means exactly is `core.quantity` and `core.period`. English and Chinese; full-width
characters count as their plain forms.
"""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache

from core.quantity import parse
from core.text import CJK


class Kind(IntEnum):
    WORDS = 0
    NIL = 1  # a dash, "n/a": stands where a number would stand
    NUMBER = 2


CURRENCY = frozenset(["$", "€", "£", "¥", "￥", "US$", "HK$", "C$", "A$", "NT$", "R$", "RMB", "Rs.", "₹"])
CLOSERS = frozenset([")", "%", ")%", "%)", "％", "）", "）%", "]", "pts", "bps", "x"])
BRACKETS = frozenset(["(", "（", "["])
PREFIXES = frozenset(["-", "–", "—", "−", "+", "<", ">", "≥", "≤", "~"])

_NIL = frozenset(
    [
        "-",
        "–",
        "—",
        "―",
        "−",
        "--",
        "---",
        "––",
        "——",
        "*",
        "**",
        ":",
        "…",
        "..",
        "...",
        "n/a",
        "n.a.",
        "n.a",
        "na",
        "n.m.",
        "nm",
        "nil",
        "none",
        "x",
        "✓",
        "✔",
        "√",
        "●",
        "○",
        "/",
        "//",
        "无",
        "不适用",
        "—%",
        "-%",
        "–%",
    ]
)
_NUMBER = re.compile(
    r"(?:US|HK|NT|RMB|EUR|USD|GBP|CNY|[CAR](?=\$))?[^\w\s=]*\d(?:\d|[^\w=])*"
    r"(?:years?|months?|weeks?|days?|hours?|times|percent|points|basispoints|(?:thousand|million|billion|trillion)s?"
    r"|(?!(?:st|nd|rd|th)\b)[a-zA-Z]{1,3}|[十百千万亿兆元角分倍个年月日人家股]+)?[^\w\s]*"
)
_YEAR = re.compile(
    r"\(?(?:FY|F)?['’]?(?:19|20)\d\d(?:[-–/]\d{1,4})?[AE]?年?度?\)?(?:\(\w{1,3}\)|[*†‡,])*", re.IGNORECASE
)
_DAY = re.compile(r"(?:\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{4}年\d{1,2}月(?:\d{1,2}日)?|\d{1,2}月\d{1,2}日)")
_LEADER = re.compile(r"(?:[.…·_]\s?){3,}|…|[.·]")
_UNIT = re.compile(
    r"\b(?:in|of|expressed in)\s+(?:\w+\s+){0,3}(?:millions?|thousands?|billions?|hundreds?|percent|dollars|euros|units|shares)\b"
    r"|\b(?:dollars?|euros?|amounts?|shares?|figures?|data|US\$|€|£|\$)\s+(?:are\s+)?in\s+\w+|\(\s*(?:unaudited|audited|%|\$|€|£|¥)\s*\)"
    r"|[$€£¥]\s?['’]?000|\b(?:million|billion|thousand)s?\s+of\b|\bexcept\s+(?:per|share|as|for|number|percent|where)"
    r"|单位|單位|人民币|金额|千元|万元|百万元|亿元|未经审计",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(r"(?<=\S)\s*(?:\([a-z]\)|[*†‡§]+|\[\d+\])$")
_WIDE = f"{CJK}\u3000-\u303f\uff00-\uffef"
_WIDE_SPACE = re.compile(rf"(?<=[{_WIDE}]) (?=[{_WIDE}\d])|(?<=\d) (?=[{_WIDE}])")


@lru_cache(maxsize=16384)
def kind_of(text: str) -> Kind:
    """The kind of a cell's whole text."""
    plain = text.replace(" ", "")
    if not plain:
        return Kind.WORDS
    if len(plain) > 60 or (plain[0].isalpha() and len(plain) > 24):
        return Kind.WORDS
    if plain.lower() in _NIL:
        return Kind.NIL
    if plain.strip("()$€£¥'’*s") == "000":
        return Kind.WORDS  # a unit: "(000)", "$000's"
    if _NUMBER.fullmatch(unicodedata.normalize("NFKC", plain)):
        return Kind.NUMBER
    stripped = plain.strip("$€£¥￥()%％（）")
    return Kind.NIL if stripped in _NIL else Kind.WORDS


@lru_cache(maxsize=4096)
def is_period(text: str) -> bool:
    """A bare year or day: the number of a header, not of a value."""
    plain = text.replace(" ", "")
    return bool(_YEAR.fullmatch(plain) or _DAY.fullmatch(plain))


_MONTH = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
_DATED = re.compile(
    rf"\b(?:{_MONTH})\b\.?|\b(?:19|20)\d\d\b|\bQ[1-4]\b|\bFY\s?\d\d|\d{{4}}年|\d{{1,2}}月|季度|年末|年初|本期|上期|上年",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def dated(text: str) -> bool:
    """Short words that name a time: "September 25, 2021", "Q3"."""
    return len(text) < 40 and bool(_DATED.search(text))


def is_wide(text: str) -> bool:
    """Chinese characters or full-width signs alone: no space is printed between them."""
    return not (text and text.isascii()) and all(unicodedata.east_asian_width(char) in "WF" for char in text)


def joined_text(texts: Sequence[str]) -> str:
    """Words in one line of text; Chinese characters stand without spaces."""
    text = " ".join(texts)
    return text if text.isascii() else _WIDE_SPACE.sub("", text)


def is_leader(text: str) -> bool:
    """The dots that lead the eye from a label to its value."""
    return bool(_LEADER.fullmatch(text))


def is_unit(text: str) -> bool:
    """A line that says in which unit a table counts."""
    return bool(_UNIT.search(text))


@lru_cache(maxsize=16384)
def value_of(text: str) -> Decimal | None:
    """The number that a cell prints, or None. "(1,234)" is -1234; a dash is 0; marks are left out."""
    kind = kind_of(text)
    if kind is not Kind.NUMBER:
        return Decimal(0) if kind is Kind.NIL else None
    quantity = parse(_FOOTNOTE.sub("", text))
    return None if quantity is None or quantity.upper is not None else quantity.amount
