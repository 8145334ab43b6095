"""Programs over operands, executed exactly: every result carries the derivation and what it rests on.

Works on decimals alone. What cannot be computed (a division by zero, units that do not convert, a
missing operand) is a `Refused` with the reason, never a guess. Knows nothing of where operands come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

from core.currency import YUAN_OR_YEN
from core.quantity import Quantity, convert, show
from core.types import Language

_EXACT = Context(prec=34, rounding=ROUND_HALF_UP)
_RATIOS = frozenset({"%", "pp", "bp"})

Why = Literal["division by zero", "units", "currencies", "missing", "not defined"]


@dataclass(frozen=True, slots=True)
class Operand:
    """A quantity with where it stands: `row` and `column` are words, `raw` is what is printed there.

    `at` is row and column of the table counted from 0, or nothing for a number of running text.
    """

    quantity: Quantity
    raw: str = ""
    row: str = ""
    column: str = ""
    period: str = ""
    at: tuple[int, int] | None = None
    source: int = 0


@dataclass(frozen=True, slots=True)
class Derived:
    """`quantity` is exact up to 34 digits; `derivation` shows it rounded as a reader would."""

    quantity: Quantity
    derivation: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was computed, and the words that name the operand at fault."""

    why: Why
    detail: str = ""

    def reason(self, language: Language = "en") -> str:
        """One sentence for a person."""
        return _REASONS[language][self.why].format(detail=self.detail)


_REASONS: dict[Language, dict[Why, str]] = {
    "en": {
        "division by zero": "This cannot be computed: {detail} is zero and would be divided by.",
        "units": "This cannot be computed: the units do not convert ({detail}).",
        "currencies": "This cannot be computed without an exchange rate ({detail}).",
        "missing": "This cannot be computed: there is no value for {detail}.",
        "not defined": "This is not defined: {detail}.",
    },
    "zh": {
        "division by zero": "无法计算：{detail}为零，不能作除数。",
        "units": "无法计算：单位不能换算（{detail}）。",
        "currencies": "没有汇率，无法计算（{detail}）。",
        "missing": "无法计算：没有{detail}的数值。",
        "not defined": "没有定义：{detail}。",
    },
}

Outcome = Derived | Refused
Program = Callable[[Operand, Operand], Outcome]


# ---------------------------------------------------------------- sums and differences


def add(operands: Sequence[Operand]) -> Outcome:
    """The sum, in the unit and scale of the first."""
    like = _alike(operands)
    if isinstance(like, Refused):
        return like
    total = sum((quantity.value for quantity in like), Decimal(0))
    return _result(replace(like[0], value=total, decimals=_finest(like)), _joined(like, " + "), operands)


def subtract(minuend: Operand, subtrahend: Operand) -> Outcome:
    """The first less the second; two percentages give percentage points."""
    like = _alike([minuend, subtrahend])
    if isinstance(like, Refused):
        return like
    one, other = like
    unit = "pp" if one.unit == "%" else one.unit
    value = _EXACT.subtract(one.value, other.value)
    quantity = replace(one, value=value, unit=unit, decimals=_finest(like))
    return _result(quantity, _joined(like, " - "), [minuend, subtrahend])


def average(operands: Sequence[Operand]) -> Outcome:
    """The arithmetic mean, in the unit and scale of the first."""
    like = _alike(operands)
    if isinstance(like, Refused):
        return like
    total = sum((quantity.value for quantity in like), Decimal(0))
    quantity = replace(like[0], value=_EXACT.divide(total, Decimal(len(like))), decimals=_finest(like) + 1)
    return _result(quantity, f"{_joined(like, ' + ')} / {len(like)}", operands)


# ---------------------------------------------------------------- products and quotients


def multiply(one: Operand, other: Operand) -> Outcome:
    """The product; one of the two is a pure number or a share, which does not change the unit."""
    first, second = one.quantity, other.quantity
    if _has_unit(first) and _has_unit(second):
        return Refused("units", f"{show(first)} × {show(second)}")
    carrier, factor = (second, first) if _has_unit(second) else (first, second)
    plain = _plain(factor)
    value = _EXACT.multiply(carrier.value, plain)
    quantity = replace(carrier, value=value, decimals=max(first.decimals, second.decimals), comparator="")
    return _result(quantity, f"{show(first)} × {show(second)}", [one, other])


def divide(dividend: Operand, divisor: Operand) -> Outcome:
    """The ratio of two amounts of one kind, or an amount for each of a plain number."""
    if not divisor.quantity.value:
        return _zero(divisor)
    shown = f"{show(dividend.quantity)} / {show(divisor.quantity)}"
    if _has_unit(dividend.quantity) and not _has_unit(divisor.quantity):
        amount = _EXACT.divide(dividend.quantity.amount, _plain(divisor.quantity))
        quantity = replace(dividend.quantity, value=amount, scale=0, decimals=2)
        return _result(quantity, shown, [dividend, divisor])
    like = _alike([dividend, divisor])
    if isinstance(like, Refused):
        return like
    ratio = _EXACT.divide(like[0].value, like[1].value)
    return _result(Quantity(ratio, decimals=2), shown, [dividend, divisor])


def share(part: Operand, whole: Operand) -> Outcome:
    """The part as a percentage of the whole."""
    ratio = divide(part, whole)
    if isinstance(ratio, Refused):
        return ratio
    quantity = Quantity(_EXACT.multiply(ratio.quantity.value, Decimal(100)), unit="%", decimals=2)
    return _result(quantity, f"{show(part.quantity)} / {show(whole.quantity)}", [part, whole])


def percentage_change(later: Operand, earlier: Operand) -> Outcome:
    """(later - earlier) / earlier, with the base as printed: a negative base turns the sign."""
    like = _alike([later, earlier])
    if isinstance(like, Refused):
        return like
    new, old = like
    if not old.value:
        return _zero(earlier)
    change = _EXACT.multiply(_EXACT.divide(_EXACT.subtract(new.value, old.value), old.value), Decimal(100))
    quantity = Quantity(change, unit="%", decimals=2)
    return _result(quantity, f"{_joined(like, ' - ')} / {_bracketed(old)}", [later, earlier])


def growth_rate(later: Operand, earlier: Operand, years: int) -> Outcome:
    """The compound annual growth rate (CAGR) over `years`; both ends must be above zero."""
    like = _alike([later, earlier])
    if isinstance(like, Refused):
        return like
    new, old = like
    if years < 1:
        return Refused("not defined", f"a growth rate over {years} years")
    if not old.value:
        return _zero(earlier)
    if new.value < 0 or old.value < 0:
        return Refused("not defined", "a growth rate between amounts below zero")
    factor = _EXACT.power(_EXACT.divide(new.value, old.value), _EXACT.divide(Decimal(1), Decimal(years)))
    value = _EXACT.multiply(_EXACT.subtract(factor, Decimal(1)), Decimal(100))
    shown = f"({show(new)} / {show(old)}) ^ (1 / {years}) - 1"
    return _result(Quantity(value, unit="%", decimals=2), shown, [later, earlier])


# ---------------------------------------------------------------- comparing, converting, counting days


def greater(one: Operand, other: Operand) -> bool | Refused:
    """Whether the first amount exceeds the second; both in one unit."""
    like = _alike([one, other])
    if isinstance(like, Refused):
        return like
    return like[0].amount > like[1].amount


def convert_to(operand: Operand, unit: str) -> Outcome:
    """The operand in another unit ("mg/dL" to "g/L")."""
    try:
        quantity = convert(operand.quantity, unit)
    except ValueError as error:
        return Refused("units", str(error))
    return _result(quantity, show(operand.quantity), [operand])


def days_between(first: date, second: date) -> int:
    """Days from the first to the second, negative where the second is earlier."""
    return (second - first).days


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Half up, as annual reports round; zero has no sign."""
    result = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
    return result or abs(result)


# ---------------------------------------------------------------- one unit, one print


def _alike(operands: Sequence[Operand]) -> list[Quantity] | Refused:
    """The quantities in the unit and scale of the first."""
    if not operands:
        return Refused("missing", "any operand")
    first = operands[0].quantity
    like = [first]
    for operand in operands[1:]:
        quantity = operand.quantity
        if first.currency and quantity.currency and first.currency != quantity.currency:
            return Refused("currencies", f"{_named(first.currency)}, {_named(quantity.currency)}")
        if quantity.unit != first.unit:
            try:
                quantity = convert(quantity, first.unit)
            except ValueError as error:
                return Refused("units", str(error))
        moved = quantity.scale - first.scale
        like.append(
            replace(
                quantity,
                value=quantity.value.scaleb(moved),
                scale=first.scale,
                decimals=max(quantity.decimals - moved, 0),
            )
        )
    return like


def _named(currency: str) -> str:
    return "¥: CNY / JPY" if currency == YUAN_OR_YEN else currency


def _has_unit(quantity: Quantity) -> bool:
    return bool(quantity.currency or (quantity.unit and quantity.unit not in (*_RATIOS, "x")))


def _plain(quantity: Quantity) -> Decimal:
    return convert(quantity, "").amount if quantity.unit in (*_RATIOS, "x") else quantity.amount


def _finest(quantities: Sequence[Quantity]) -> int:
    return max(quantity.decimals for quantity in quantities)


def _zero(operand: Operand) -> Refused:
    named = " ".join(part for part in (operand.row, operand.period) if part)
    return Refused("division by zero", named or operand.raw or "the divisor")


def _joined(quantities: Sequence[Quantity], sign: str) -> str:
    return f"({sign.join(_bracketed(quantity) for quantity in quantities)})"


def _bracketed(quantity: Quantity) -> str:
    return f"({show(quantity)})" if quantity.value < 0 else show(quantity)


def _result(quantity: Quantity, shown: str, operands: Sequence[Operand]) -> Derived:
    quantity = replace(quantity, comparator="", upper=None)
    return Derived(quantity, f"{shown} = {show(quantity)}", tuple(operands))
