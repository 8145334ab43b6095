"""Quantities as exact values: parsed from text, compared, converted, printed. English and Chinese.

A quantity keeps what is printed (its decimal, its number of decimals, its scale word, its sign
form) beside what it means (`amount`, a Decimal in the base of its unit), because "5.2 billion" and
"5,200 million" are the same amount printed with different precision. No float anywhere.

What is not covered: Roman numerals, fractions in words ("two thirds"), and scale that stands
elsewhere on the page ("in millions" above a table): the reader of the table adds that with
`scaled`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NamedTuple

from core.currency import YUAN_OR_YEN, of_sign
from core.text import normalize
from core.types import Language

Comparator = Literal["", "<", "<=", ">", ">=", "~"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` as printed times 10 ** `scale` is the amount; `decimals` are the printed ones.

    `unit`: "" for a pure number, "%" percent, "pp" percentage points, "bp" basis points, "x" a ratio
    ("3.5x"), else a unit symbol as UCUM writes it ("mg/dL"). `currency`: ISO 4217 code, "¥" for yuan or yen
    where nothing says which (`core.currency`), or "".
    `upper` is the far end of a range ("3 to 5").
    """

    value: Decimal
    scale: int = 0
    unit: str = ""
    currency: str = ""
    decimals: int = 0
    comparator: Comparator = ""
    upper: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        """The exact amount in the base of the unit; percent stays percent."""
        return self.value.scaleb(self.scale)

    @property
    def step(self) -> Decimal:
        """The worth of one unit in the last printed place: 5.2 billion -> 100,000,000."""
        return Decimal(1).scaleb(self.scale - self.decimals)

    def scaled(self, scale: int) -> "Quantity":
        """The same print under a scale that stands elsewhere, such as "in millions" (6)."""
        return self if self.scale or self.unit in _UNSCALED else replace(self, scale=scale)

    def negated(self) -> "Quantity":
        return replace(self, value=-self.value)


class FoundQuantity(NamedTuple):
    """Characters [start, end) of the text print `quantity`."""

    start: int
    end: int
    quantity: Quantity


_UNSCALED = frozenset({"%", "pp", "bp", "x"})


# ---------------------------------------------------------------- comparing


def agrees(one: Quantity, other: Quantity) -> bool:
    """True when both can be prints of one amount: same kind of unit, equal within half a step of
    the coarser print. A missing currency or unit on one side agrees with any on the other, "¥" with
    yuan and yen; percent and ratio compare (12.5 % is 0.125); signs must be equal.
    """
    pair = _common_unit(one, other)
    if pair is None or not _comparators_fit(one, other):
        return False
    one, other = pair
    if not same_currency(one.currency, other.currency):
        return False
    if (one.upper is None) != (other.upper is None):
        return False
    tolerance = max(one.step, other.step) / 2
    if one.upper is not None and other.upper is not None:
        far = abs(one.upper.scaleb(one.scale) - other.upper.scaleb(other.scale))
        if far > tolerance:
            return False
    if (one.amount < 0) != (other.amount < 0) and one.amount and other.amount:
        return False
    return abs(one.amount - other.amount) <= tolerance


def same_currency(one: str, other: str) -> bool:
    """False where the two are surely different; "¥" may be the yuan or the yen."""
    either = {"CNY", "JPY", YUAN_OR_YEN}
    return not one or not other or one == other or (YUAN_OR_YEN in (one, other) and {one, other} <= either)


def with_currency(quantity: Quantity, *texts: str) -> Quantity:
    """The quantity with the currency of its sign, by the nearest text that tells; itself where none has to."""
    currency = of_sign(quantity.currency, *texts)
    return quantity if currency == quantity.currency else replace(quantity, currency=currency)


def _comparators_fit(one: Quantity, other: Quantity) -> bool:
    strict = {one.comparator, other.comparator} - {"", "~"}
    return not strict or one.comparator == other.comparator


def _common_unit(one: Quantity, other: Quantity) -> tuple[Quantity, Quantity] | None:
    if one.unit == other.unit:
        return one, other
    if {one.unit, other.unit} == {"%", "pp"}:
        return one, replace(other, unit=one.unit)
    if {one.unit, other.unit} == {"pp", "bp"}:
        return convert(one, "pp"), convert(other, "pp")
    if "%" in (one.unit, other.unit) and {"", "x"} & {one.unit, other.unit}:
        return convert(one, "%"), convert(other, "%")
    if not one.unit or not other.unit:
        plain_against_unit = one.unit not in _UNSCALED and other.unit not in _UNSCALED
        return (one, other) if plain_against_unit else None
    try:
        return one, convert(other, one.unit)
    except ValueError:
        return None


# ---------------------------------------------------------------- converting

# Multipliers to a base, by dimension. Clinical units as UCUM writes them; those between mass and
# substance concentration need the molar mass of the analyte and are not converted here.
_DIMENSIONS: dict[str, dict[str, Decimal]] = {
    "ratio": {
        "": Decimal(1),
        "x": Decimal(1),
        "%": Decimal("0.01"),
        "pp": Decimal("0.01"),
        "bp": Decimal("0.0001"),
    },
    "mass": {
        "kg": Decimal(1000),
        "g": Decimal(1),
        "mg": Decimal("1e-3"),
        "ug": Decimal("1e-6"),
        "ng": Decimal("1e-9"),
        "[lb_av]": Decimal("453.59237"),
        "[oz_av]": Decimal("28.349523125"),
        "t": Decimal(1000000),
    },
    "length": {
        "km": Decimal(1000),
        "m": Decimal(1),
        "cm": Decimal("0.01"),
        "mm": Decimal("0.001"),
        "um": Decimal("1e-6"),
        "[in_i]": Decimal("0.0254"),
        "[ft_i]": Decimal("0.3048"),
        "[mi_i]": Decimal("1609.344"),
    },
    "volume": {"L": Decimal(1), "dL": Decimal("0.1"), "mL": Decimal("0.001"), "uL": Decimal("1e-6")},
    "mass concentration": {
        "g/L": Decimal(1),
        "g/dL": Decimal(10),
        "mg/dL": Decimal("0.01"),
        "mg/L": Decimal("0.001"),
        "ug/dL": Decimal("1e-5"),
        "ug/L": Decimal("1e-6"),
        "ng/mL": Decimal("1e-6"),
        "ng/dL": Decimal("1e-8"),
        "pg/mL": Decimal("1e-9"),
    },
    "substance concentration": {
        "mol/L": Decimal(1),
        "mmol/L": Decimal("1e-3"),
        "umol/L": Decimal("1e-6"),
        "nmol/L": Decimal("1e-9"),
        "pmol/L": Decimal("1e-12"),
    },
    "number concentration": {
        "10*9/L": Decimal(1),
        "10*3/uL": Decimal(1),
        "10*12/L": Decimal(1000),
        "10*6/uL": Decimal(1000),
        "/uL": Decimal("1e-3"),
    },
    "catalytic": {
        "U/L": Decimal(1),
        "[iU]/L": Decimal(1),
        "m[iU]/L": Decimal("1e-3"),
        "u[iU]/mL": Decimal("1e-3"),
    },
    "pressure": {"mm[Hg]": Decimal("133.322387415"), "kPa": Decimal(1000), "Pa": Decimal(1)},
    "time": {
        "s": Decimal(1),
        "min": Decimal(60),
        "h": Decimal(3600),
        "d": Decimal(86400),
        "wk": Decimal(604800),
        "ms": Decimal("0.001"),
    },
    "rate": {"/min": Decimal(1), "{beats}/min": Decimal(1)},
    "calendar": {"mo": Decimal(1), "a": Decimal(12)},
}
_DIMENSION_OF = {unit: name for name, units in _DIMENSIONS.items() for unit in units}


def convert(quantity: Quantity, unit: str) -> Quantity:
    """The same amount in another unit; raises ValueError where the two do not convert.

    The printed precision is carried over: 0.9 mg/dL is 0.009 g/L known to 0.001.
    """
    if quantity.unit == unit:
        return quantity
    if {quantity.unit, unit} == {"Cel", "[degF]"}:
        return _convert_temperature(quantity, unit)
    dimension = _DIMENSION_OF.get(quantity.unit)
    if dimension is None or _DIMENSION_OF.get(unit) != dimension:
        raise ValueError(
            f"{quantity.unit or 'a plain number'!r} does not convert to {unit or 'a plain number'!r}"
        )
    factor = _DIMENSIONS[dimension][quantity.unit] / _DIMENSIONS[dimension][unit]
    lost = -factor.normalize().adjusted()
    return replace(
        quantity,
        unit=unit,
        value=quantity.value * factor,
        decimals=quantity.decimals + lost,
        upper=None if quantity.upper is None else quantity.upper * factor,
    )


def _convert_temperature(quantity: Quantity, unit: str) -> Quantity:
    value = quantity.amount
    value = value * 9 / 5 + 32 if unit == "[degF]" else (value - 32) * 5 / 9
    return replace(quantity, unit=unit, value=value, scale=0)


# ---------------------------------------------------------------- printing

_SYMBOLS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "CNY": "CN¥",
    "JPY": "JP¥",
    YUAN_OR_YEN: "¥",
    "HKD": "HK$",
    "INR": "₹",
    "KRW": "₩",
}
_ENGLISH_SCALES = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}
_CHINESE_SCALES = {3: "千", 4: "万", 6: "百万", 8: "亿", 9: "十亿", 12: "万亿"}
_CHINESE_CURRENCIES = {
    "CNY": "元",
    "USD": "美元",
    "EUR": "欧元",
    "HKD": "港元",
    "JPY": "日元",
    "GBP": "英镑",
    YUAN_OR_YEN: "",
}


def show(quantity: Quantity, language: Language = "en") -> str:
    """The quantity as a reader expects it; `parse` of the result agrees with the quantity."""
    number = _digits(abs(quantity.value), quantity.decimals)
    if quantity.upper is not None:
        number += (" to " if language == "en" else "至") + _digits(abs(quantity.upper), quantity.decimals)
    sign = "-" if quantity.value < 0 else ""
    prefix = "" if quantity.comparator in ("", "~") else quantity.comparator + " "
    if language == "zh":
        before = YUAN_OR_YEN if quantity.currency == YUAN_OR_YEN else ""
        return prefix + sign + before + number + _chinese_suffix(quantity)
    return prefix + sign + _SYMBOLS.get(quantity.currency, "") + number + _english_suffix(quantity)


def _digits(value: Decimal, decimals: int) -> str:
    places = max(decimals, 0)
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,}"


def _english_suffix(quantity: Quantity) -> str:
    scale = (
        f" {_ENGLISH_SCALES[quantity.scale]}"
        if quantity.scale in _ENGLISH_SCALES
        else (f"e{quantity.scale}" if quantity.scale else "")
    )
    currency = f" {quantity.currency}" if quantity.currency and quantity.currency not in _SYMBOLS else ""
    unit = {"": "", "%": "%", "x": "x", "pp": " percentage points", "bp": " basis points"}.get(
        quantity.unit, f" {quantity.unit}"
    )
    return scale + unit + currency


def _chinese_suffix(quantity: Quantity) -> str:
    scale = _CHINESE_SCALES.get(quantity.scale) or (f"×10^{quantity.scale}" if quantity.scale else "")
    unit = {"pp": "个百分点", "bp": "个基点", "x": "倍"}.get(quantity.unit, quantity.unit)
    return scale + unit + _CHINESE_CURRENCIES.get(quantity.currency, quantity.currency)


# ---------------------------------------------------------------- reading

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:,\d{2})*,\d{3}|\d+)(?:\.\d+)?|\.\d+"
_CURRENCY = r"(?:US\$|HK\$|C\$|A\$|NT\$|(?:JP|CN)¥|RMB|USD|EUR|GBP|CNY|JPY|HKD|INR|CHF|KRW|Rs\.?|[$€£¥₹₩])"
_SCALE = (
    r"(?:thousands?|millions?|billions?|trillions?|lakhs?|crores?|hundred million|mn|bn|tn|(?<=\d)[kmb](?![\w/$])"
    r"|万亿|百万|千万|十亿|[千万亿])"
)
_UNIT_WORDS: list[tuple[str, str]] = [
    (r"percentage points?|pct\.? ?pts?|个?百分点|p\.?p\.?(?!\w)", "pp"),
    (r"basis points?|bps?(?!\w)|个?基点", "bp"),
    (r"%|％|percent(?!age)|per cent|pct(?!\w)", "%"),
    (r"[x×](?!\s?\d)(?!\w)|times(?!\w)|倍", "x"),
]
_SYMBOL_UNITS = {
    unit: unit for units in _DIMENSIONS.values() for unit in units if unit and unit not in _UNSCALED
} | {
    "µg/L": "ug/L",
    "μg/L": "ug/L",
    "mcg/L": "ug/L",
    "µmol/L": "umol/L",
    "μmol/L": "umol/L",
    "mcg": "ug",
    "µg": "ug",
    "μg": "ug",
    "mmHg": "mm[Hg]",
    "IU/L": "[iU]/L",
    "mIU/L": "m[iU]/L",
    "µIU/mL": "u[iU]/mL",
    "bpm": "/min",
    "°C": "Cel",
    "℃": "Cel",
    "°F": "[degF]",
    "lbs": "[lb_av]",
    "lb": "[lb_av]",
    "oz": "[oz_av]",
    "inches": "[in_i]",
    "ft": "[ft_i]",
    "miles": "[mi_i]",
    "hours": "h",
    "days": "d",
    "weeks": "wk",
    "months": "mo",
    "years": "a",
    "minutes": "min",
    "seconds": "s",
    "tonnes": "t",
    "10^9/L": "10*9/L",
    "x10^9/L": "10*9/L",
    "x 10^9/L": "10*9/L",
    "×10^9/L": "10*9/L",
    "× 10^9/L": "10*9/L",
    "10^12/L": "10*12/L",
    "x 10^12/L": "10*12/L",
    "×10^12/L": "10*12/L",
    "10^3/uL": "10*3/uL",
    "K/uL": "10*3/uL",
    "10^6/uL": "10*6/uL",
    "毫克": "mg",
    "克": "g",
    "千克": "kg",
    "公斤": "kg",
    "毫米": "mm",
    "厘米": "cm",
    "公里": "km",
    "毫升": "mL",
    "升": "L",
    "吨": "t",
    "天": "d",
    "小时": "h",
    "分钟": "min",
    "秒": "s",
}
# One-letter symbols are words in running text ("a", "m", "s") and need the digits right before them.
_GLUED = {"g", "m", "L", "s", "h", "d", "t", "a", "mo", "min"}
_SYMBOL = "|".join(
    re.escape(symbol) for symbol in sorted(_SYMBOL_UNITS, key=len, reverse=True) if symbol not in _GLUED
)
_GLUED_SYMBOL = "|".join(sorted(_GLUED, key=len, reverse=True))
_UNIT = (
    "(?:"
    + "|".join(f"(?P<u{index}>\\s?(?:{pattern}))" for index, (pattern, _) in enumerate(_UNIT_WORDS))
    + rf"|\s?(?P<symbol>{_SYMBOL})(?![\w/])|(?P<glued>{_GLUED_SYMBOL})(?![\w/]))"
)
_CHINESE_CURRENCY = r"(?P<after>美元|港元|港币|欧元|英镑|日元|日圆|円|人民币|元|dollars?|euros?|pounds?|yuan|renminbi|yen|USD|EUR|GBP|RMB|CNY|HKD|JPY|CHF|INR)"
_COMPARING = (
    "less than or equal to", "no more than", "at most", "up to", "not exceeding", "less than", "fewer than", "below", "under",
    "at least", "no less than", "not less than", "more than", "greater than", "over", "above", "exceeding", "approximately",
    "approx.", "about", "around", "nearly", "roughly", "some", "<=", ">=", "≤", "≥", "<", ">", "~", "≈",
    "不超过", "至多", "低于", "少于", "不足", "不低于", "至少", "高于", "超过", "大于", "小于", "约", "近", "大约",
)  # fmt: skip
_COMPARATOR = f"(?P<comparator>{'|'.join(map(re.escape, _COMPARING))})"
_COMPARATORS: dict[str, Comparator] = {
    **dict.fromkeys(["less than", "fewer than", "below", "under", "<", "低于", "少于", "不足", "小于"], "<"),
    **dict.fromkeys(
        [
            "less than or equal to",
            "no more than",
            "at most",
            "up to",
            "not exceeding",
            "<=",
            "≤",
            "不超过",
            "至多",
        ],
        "<=",
    ),
    **dict.fromkeys(
        ["more than", "greater than", "over", "above", "exceeding", ">", "高于", "超过", "大于"], ">"
    ),
    **dict.fromkeys(["at least", "no less than", "not less than", ">=", "≥", "不低于", "至少"], ">="),
}
_SCALES = {
    "thousand": 3,
    "k": 3,
    "million": 6,
    "mn": 6,
    "m": 6,
    "billion": 9,
    "bn": 9,
    "b": 9,
    "trillion": 12,
    "tn": 12,
    "lakh": 5,
    "crore": 7,
    "hundred million": 8,
    "千": 3,
    "万": 4,
    "百万": 6,
    "千万": 7,
    "亿": 8,
    "十亿": 9,
    "万亿": 12,
}
_CURRENCIES = {
    "$": "USD",
    "us$": "USD",
    "usd": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "美元": "USD",
    "€": "EUR",
    "eur": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "欧元": "EUR",
    "£": "GBP",
    "gbp": "GBP",
    "pound": "GBP",
    "pounds": "GBP",
    "英镑": "GBP",
    "¥": YUAN_OR_YEN,
    "cn¥": "CNY",
    "rmb": "CNY",
    "cny": "CNY",
    "yuan": "CNY",
    "renminbi": "CNY",
    "yen": "JPY",
    "人民币": "CNY",
    "元": "CNY",
    "jp¥": "JPY",
    "jpy": "JPY",
    "日元": "JPY",
    "日圆": "JPY",
    "円": "JPY",
    "hk$": "HKD",
    "hkd": "HKD",
    "港元": "HKD",
    "港币": "HKD",
    "₹": "INR",
    "rs": "INR",
    "rs.": "INR",
    "inr": "INR",
    "₩": "KRW",
    "krw": "KRW",
    "chf": "CHF",
    "c$": "CAD",
    "a$": "AUD",
    "nt$": "TWD",
}
_LOSS = re.compile(
    r"(?:\b(?:net |operating )?loss(?:es)?(?: of)?|\bdeficit of|亏损(?:了|额)?(?:为)?|净亏损(?:为)?)\s*$",
    re.IGNORECASE,
)
_CHINESE_NUMBER = re.compile(
    r"(?P<number>[零〇一二两三四五六七八九十百千]+(?:点[零〇一二三四五六七八九]+)?)(?P<scale>万亿|亿|万)?(?=\s*(?:美元|港元|元|个?百分点|倍|%|吨|人))"
)
_QUANTITY = re.compile(
    rf"(?:{_COMPARATOR}\s*)?"
    rf"(?P<open>\(\s*)?(?P<minus>[-−–](?=\s?[\d.$€£¥]))?\s?(?P<before>{_CURRENCY})?\s?(?P<open2>\()?(?P<minus2>[-−](?=\d))?"
    rf"(?<![A-Za-z0-9_.])(?P<number>{_NUMBER})(?![\d])"
    rf"(?:\s?(?P<close0>\)))?(?:\s*(?:-|–|~|to|至|到)\s*{_CURRENCY}?(?P<upper>{_NUMBER})(?=\s?(?:%|{_SCALE}|{_SYMBOL}|percent)))?"
    rf"(?:[\s-]?(?P<scale>{_SCALE}))?(?:{_UNIT})?(?:\s?{_CHINESE_CURRENCY}(?!\w))?(?P<close>\s*\))?",
    re.IGNORECASE,
)


def parse(text: str) -> Quantity | None:
    """The quantity that the whole of `text` prints, or None: table cells, answers."""
    cleaned = normalize(text).strip()
    if cleaned in _NIL:
        return Quantity(Decimal(0))
    for found in find(cleaned):
        if found.start == 0 and found.end == len(cleaned):
            return found.quantity
    return None


_NIL = frozenset({"-", "—", "–", "--", "nil", "Nil", "NIL", "无"})


def find(text: str) -> list[FoundQuantity]:
    """All quantities of running text, in order. `text` should be NFKC (`core.text.normalize`).

    Years and dates are quantities here; `core.period.find_periods` tells which spans are periods.
    """
    found = list(_find_digits(text))
    taken = [(item.start, item.end) for item in found]
    found.extend(
        item
        for item in _find_chinese(text)
        if all(item.end <= start or item.start >= end for start, end in taken)
    )
    return sorted(found, key=lambda item: item.start)


_DIGIT = re.compile(r"\d")
_BEFORE_DIGITS = 64  # characters that a comparator, a bracket and a currency take before the first digit
_BETWEEN = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f(-.$"  # what may stand between a word before a number and its digits
)
_BEFORE_BETWEEN = (
    *(word.rstrip(_BETWEEN) for word in _COMPARING if word.isascii()),
    # the currencies, without a sign at their end
    "us", "hk", "c", "a", "nt", "rmb", "usd", "eur", "gbp", "cny", "jpy", "hkd", "inr", "chf", "krw", "rs",
)  # fmt: skip


def _printed(text: str) -> Iterator[re.Match[str]]:
    """The matches of `_QUANTITY`, which is not tried where no digit is near: that takes most of the time."""
    end = 0
    while digit := _DIGIT.search(text, end):
        match = _QUANTITY.search(text, max(end, _may_begin(text, digit.start())))
        if match is None:
            return
        yield match
        end = match.end()


def _may_begin(text: str, digit: int) -> int:
    """From where on a quantity may begin whose first digit stands there: not before a word that none has before its number."""
    before = text[max(0, digit - _BEFORE_DIGITS) : digit]
    words = before.rstrip(_BETWEEN)
    if not before.isascii() or words.lower().endswith(_BEFORE_BETWEEN):
        return digit - len(before)
    return digit - len(before) + len(words)


def _find_digits(text: str) -> Iterator[FoundQuantity]:
    for match in _printed(text):
        start = match.end() - len(match.group().lstrip())
        end = match.end()
        groups = match.groupdict()
        number = groups["number"]
        opened = bool(groups["open"] or groups["open2"])
        closed = bool(groups["close"] or groups["close0"])
        negative = bool(groups["minus"] or groups["minus2"]) or (opened and closed)
        if groups["open"] and not closed:
            start = match.end("open")
        if groups["close"] and not opened:
            end = match.start("close")
        if groups["minus"] and text[match.start() - 1 : match.start()].isalnum():
            negative = False  # "2018-2019", "COVID-19"
            start = match.end("minus")
        if _LOSS.search(text[max(0, match.start() - 40) : match.start()]):
            negative = True
        value = Decimal(number.replace(",", ""))
        upper = groups["upper"]
        unit, scale = _unit(groups), _SCALES.get(_singular(groups["scale"]), 0)
        yield FoundQuantity(
            start,
            end,
            Quantity(
                value=-value if negative else value,
                scale=scale,
                unit=unit,
                currency=_CURRENCIES.get((groups["before"] or groups["after"] or "").lower(), ""),
                decimals=len(number.partition(".")[2]),
                comparator=_COMPARATORS.get(
                    (groups["comparator"] or "").lower(), "~" if groups["comparator"] else ""
                ),
                upper=Decimal(upper.replace(",", "")) if upper else None,
            ),
        )


def _singular(scale: str | None) -> str:
    word = (scale or "").lower()
    return word[:-1] if len(word) > 2 and word.endswith("s") else word


def _unit(groups: dict[str, str | None]) -> str:
    for index, (_, unit) in enumerate(_UNIT_WORDS):
        if groups[f"u{index}"]:
            return unit
    printed = groups["symbol"] or groups["glued"]
    if not printed:
        return ""
    by_case = _SYMBOL_UNITS.get(printed)
    if by_case:
        return by_case
    folded = {symbol.lower(): unit for symbol, unit in _SYMBOL_UNITS.items()}
    return folded.get(printed.lower(), printed)


_CHINESE_DIGITS = {char: digit for digit, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CHINESE_TENS = {"十": 1, "百": 2, "千": 3}


_AFTER_CHINESE = re.compile(r"\s*(美元|港元|元|个?百分点|倍|%)?")


def _find_chinese(text: str) -> Iterator[FoundQuantity]:
    for match in _CHINESE_NUMBER.finditer(text):
        whole, _, fraction = match["number"].partition("点")
        value = Decimal(_chinese_integer(whole))
        if fraction:
            value += Decimal("0." + "".join(str(_CHINESE_DIGITS[char]) for char in fraction))
        after = _AFTER_CHINESE.match(text, match.end())
        word = (after[1] or "") if after else ""
        yield FoundQuantity(
            match.start(),
            match.end() + (len(after[0]) if after and word else 0),
            Quantity(
                value=value,
                scale=_SCALES.get(match["scale"] or "", 0),
                decimals=len(fraction),
                currency=_CURRENCIES.get(word, ""),
                unit={"百分点": "pp", "个百分点": "pp", "倍": "x", "%": "%"}.get(word, ""),
            ),
        )


def _chinese_integer(text: str) -> int:
    if not any(char in _CHINESE_TENS for char in text):
        return int("".join(str(_CHINESE_DIGITS[char]) for char in text))
    total, digit = 0, 0
    for char in text:
        if char in _CHINESE_TENS:
            total += (digit or 1) * 10 ** _CHINESE_TENS[char]
            digit = 0
        else:
            digit = _CHINESE_DIGITS[char]
    return total + digit
