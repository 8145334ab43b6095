"""A stored cell value and its number format -> what is displayed, and the exact value behind it.

Covers the formats that numbers in documents have: decimals, grouping, percent, currency, brackets for
negative values, scaling commas, exponents, literal words, elapsed time. Dates are given in ISO form,
whatever order their format asks for: a reader must not guess whether 03/04 is in March. Fractions
("# ?/?") and conditional sections are shown as plain numbers.

A sign that several currencies share ("¥", "kr") is told apart by the locale of the format ("[$¥-411]" is
the yen), else by words beside it (`core.currency.settled`), else not at all. "$" without a locale is the US dollar.
"""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

_CURRENCIES = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₩": "KRW",
    "US$": "USD",
    "HK$": "HKD",
    "NT$": "TWD",
    "NZ$": "NZD",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "S$": "SGD",
    "$": "USD",
    "JP¥": "JPY",
    "CN¥": "CNY",
    "¥": "¥",
    "￥": "¥",
    "kr": "kr",
    "円": "JPY",
    "元": "CNY",
}
_SIGN = re.compile(r"(?<![A-Za-z])(?:(?:US|HK|NT|NZ|CA?|AU?|S)\$|(?:JP|CN)¥|kr(?![A-Za-z]))|[€£₹₩$¥￥円元]")
_CODES = re.compile(
    r"\b(USD|EUR|GBP|CNY|RMB|JPY|CHF|HKD|INR|KRW|CAD|AUD|NZD|SGD|TWD|MXN|SEK|NOK|DKK|ISK|BRL|ZAR|PLN|CZK)\b"
)
# Regions whose currency has a sign that others have too.
_OF_REGION = {
    "JP": "JPY", "CN": "CNY", "US": "USD", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "HK": "HKD", "SG": "SGD",
    "TW": "TWD", "MX": "MXN", "SE": "SEK", "NO": "NOK", "DK": "DKK", "IS": "ISK",
}  # fmt: skip
# Windows' numbers of languages, as formats name them.
_REGIONS = {
    0x411: "JP", 0x804: "CN", 0x409: "US", 0x1009: "CA", 0xC0C: "CA", 0xC09: "AU", 0x1409: "NZ", 0xC04: "HK",
    0x3C09: "HK", 0x1004: "SG", 0x4809: "SG", 0x404: "TW", 0x80A: "MX", 0x41D: "SE", 0x414: "NO", 0x814: "NO",
    0x406: "DK", 0x40F: "IS",
}  # fmt: skip
_DOLLARS = frozenset(["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN"])
_CROWNS = frozenset(["SEK", "NOK", "DKK", "ISK"])
_YENS = frozenset(["JPY", "CNY"])
_SHARED = {"$": _DOLLARS, "¥": _YENS, "￥": _YENS, "kr": _CROWNS, "kr.": _CROWNS}
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)(?:-([^\]]*))?\]|_.|\*.|\[[^\]]*\]')
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*)?|\.[#0?]+")


class Shown(NamedTuple):
    """`value`: exact decimal in `unit`, "" for what is no number. `text`: as displayed.

    `unit` is "%" or an ISO 4217 code or "", or the sign of several currencies: `core.currency.settled` decides.
    """

    text: str
    value: str = ""
    unit: str = ""


class _Format(NamedTuple):
    """One section of a number format; `before` and `after` are literal words around the digits."""

    before: str
    after: str
    decimals: int | None
    optional: int
    grouped: bool
    percent: bool
    thousands: int
    exponent: bool
    digits: bool
    currency: str = ""


def shown(value: object, code: str, *, exact: Decimal | None = None) -> Shown:
    """What a spreadsheet shows for `value` under the format `code`. Error values are given as they are."""
    if value is None:
        return Shown("")
    if isinstance(value, bool):
        return Shown("TRUE" if value else "FALSE")
    if isinstance(value, datetime):
        plain = value.date() if value.time() == time() else value.replace(microsecond=0)
        return Shown(plain.isoformat(" ") if isinstance(plain, datetime) else plain.isoformat())
    if isinstance(value, (date, time)):
        return Shown(value.isoformat())
    if isinstance(value, timedelta):
        return Shown(str(value))
    if isinstance(value, (int, float)):
        return _number(exact if exact is not None else Decimal(repr(value)), code)
    return Shown(str(value))


def currency_of(text: str) -> str:
    """The currency that a format or a title names, as ISO 4217 code, or ""; a sign that is not settled."""
    code = _CODES.search(text)
    if code:
        return {"RMB": "CNY"}.get(code[1], code[1])
    sign = _SIGN.search(text)
    return _CURRENCIES[sign[0]] if sign else ""


def _of_locale(sign: str, locale: str) -> str:
    """The currency of a shared sign in a locale, as a number in hexadecimal or as "ja-JP"; "" if unknown."""
    named = re.match(r"[A-Za-z]{2,3}-(?:[A-Za-z]{4}-)?([A-Z]{2})\b", locale)
    number = int(locale, 16) & 0xFFFF if re.fullmatch(r"[0-9A-Fa-f]{1,8}", locale) else 0
    currency = _OF_REGION.get(named[1] if named else _REGIONS.get(number, ""), "")
    return currency if currency in _SHARED.get(sign.strip(), ()) else ""


def _number(value: Decimal, code: str) -> Shown:
    if not value.is_finite():
        return Shown(str(value))
    section, own_sign = _section(value, code)
    form = _parsed(section)
    currency = form.currency or currency_of(f"{form.before} {form.after}")
    amount = value * 100 if form.percent else value
    told = _plain(amount)
    if form.decimals is None or not form.digits:
        words = f"{form.before}{told}{form.after}" if form.before or form.after else told
        return Shown(words.strip() or told, told, "%" if form.percent else currency)
    scaled = abs(amount).scaleb(-3 * form.thousands)
    if form.exponent:
        digits = f"{scaled:.{form.decimals}E}"
    else:
        rounded = scaled.quantize(Decimal(1).scaleb(-form.decimals), ROUND_HALF_UP)
        digits = _without_zeros(f"{rounded:,f}" if form.grouped else f"{rounded:f}", form.optional)
    sign = "-" if value < 0 and not own_sign and any(char in "123456789" for char in digits) else ""
    text = " ".join(f"{sign}{form.before}{digits}{form.after}".split())
    return Shown(text, told, "%" if form.percent else currency)


def _without_zeros(digits: str, optional: int) -> str:
    """Up to `optional` zeros at the end are not displayed."""
    for _ in range(optional):
        digits = digits.removesuffix("0")
    return digits.removesuffix(".")


def _section(value: Decimal, code: str) -> tuple[str, bool]:
    """The section of the format that is for this sign, and whether it writes the sign itself."""
    sections = _sections(code)
    if value < 0 and len(sections) > 1:
        return sections[1], True
    if value == 0 and len(sections) > 2 and _parsed(sections[2]).digits:
        return sections[2], True
    return sections[0], False


@lru_cache(4096)
def _sections(code: str) -> tuple[str, ...]:
    parts, current, quoted = [], "", False
    for char in code:
        quoted ^= char == '"'
        if char == ";" and not quoted:
            parts.append(current)
            current = ""
        else:
            current += char
    return (*parts, current)


@lru_cache(4096)
def _parsed(section: str) -> _Format:
    literals: list[str] = []
    currencies: list[str] = []

    def keep(found: re.Match[str]) -> str:
        currencies.append(_of_locale(found[3] or "", found[4] or ""))
        literals.append(found[1] or found[2] or found[3] or "")
        return f"\x00{chr(0xE000 + len(literals) - 1)}"

    marked = _LITERAL.sub(keep, section)
    digits = _DIGITS.search(marked)
    if section.strip().lower() in {"", "general", "@"} or digits is None:
        return _Format("", "", None, 0, False, "%" in marked, 0, False, False)
    mask = digits[0]
    rest = marked[digits.end() :]
    exponent = re.match(r"E[+-]0+", rest, re.IGNORECASE)
    rest = rest[exponent.end() :] if exponent else rest
    if re.search(r"[#0?]", rest):
        return _Format("", "", None, 0, False, "%" in marked, 0, False, False)  # a fraction, a phone number
    whole, _, fraction = mask.partition(".")
    scaling = len(mask) - len(mask.rstrip(",")) or len(rest) - len(rest.lstrip(","))

    def told(part: str) -> str:
        words = re.sub("\x00(.)", lambda found: literals[ord(found[1]) - 0xE000], part)
        return words.replace(",", "") if not literals else words

    return _Format(
        before=told(marked[: digits.start()]),
        after=told(rest.lstrip(",")),
        decimals=len(re.sub(r"[^#0?]", "", fraction)),
        optional=len(fraction) - len(fraction.rstrip("#")),
        grouped="," in whole.rstrip(","),
        percent="%" in marked,
        thousands=scaling,
        exponent=exponent is not None,
        digits=True,
        currency=next(filter(None, currencies), ""),
    )


def _plain(value: Decimal) -> str:
    """Without exponent, without zeros that say nothing, and without the noise of binary fractions."""
    if value == value.to_integral_value() and abs(value) < Decimal(10) ** 30:
        return f"{value.to_integral_value():f}"
    cleaned = Decimal(f"{value:.15g}")
    return f"{cleaned.normalize():f}" if abs(cleaned) > Decimal("1e-12") else f"{cleaned}"
