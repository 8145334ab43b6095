"""TEXT -> FORMULA -> VALUE: arithmetic over statement lines and years, executed exactly.

Reads the formulas of the glossary ("net_income / average(total_assets)") and those that a question states in
words ("365 * (average inventory between FY2018 and FY2019) / FY2019 COGS", "total current assets less total
current liabilities"). What it does not understand wholly it does not read at all: None, never a part.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from core.glossary import Glossary, Ratio, plain

_EXACT = Context(prec=34, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class Value:
    """A line in `year`, or in the year that is asked for, moved by `shift` years."""

    line: str
    year: int | None = None
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """`signs` are 1 and -1."""

    terms: tuple["Formula", ...]
    signs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """`divides`: the factor stands below the line."""

    factors: tuple["Formula", ...]
    divides: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Mean:
    terms: tuple["Formula", ...]


Formula = Number | Value | Sum | Product | Mean
Look = Callable[[str, int], "Decimal | None"]  # line, year -> its exact amount


class DivisionByZero(Exception):
    """The divisor of a formula is zero."""


class Absent(Exception):
    """The value of a line and year that a formula needs is nowhere."""

    def __init__(self, line: str, year: int) -> None:
        super().__init__(f"{line} {year}")
        self.line, self.year = line, year


def evaluate(formula: Formula, year: int, look: Look) -> Decimal:
    """Exact to 34 digits. Raises Absent and DivisionByZero."""
    match formula:
        case Number(value):
            return value
        case Value(line, stated, shift):
            wanted = (stated or year) + shift
            found = look(line, wanted)
            if found is None:
                raise Absent(line, wanted)
            return found
        case Sum(terms, signs):
            total = Decimal(0)
            for term, sign in zip(terms, signs, strict=True):
                total = _EXACT.add(total, sign * evaluate(term, year, look))
            return total
        case Mean(terms):
            total = sum((evaluate(term, year, look) for term in terms), Decimal(0))
            return _EXACT.divide(total, Decimal(len(terms)))
        case Product(factors, divides):
            result = Decimal(1)
            for factor, below in zip(factors, divides, strict=True):
                value = evaluate(factor, year, look)
                if below and not value:
                    raise DivisionByZero
                result = _EXACT.divide(result, value) if below else _EXACT.multiply(result, value)
            return result


def written(formula: Formula, year: int, show: Callable[[str, int], str]) -> str:
    """The formula with its values, as a person would write it."""
    match formula:
        case Number(value):
            return f"{value.normalize():f}"
        case Value(line, stated, shift):
            return show(line, (stated or year) + shift)
        case Sum(terms, signs):
            text = ""
            for term, sign in zip(terms, signs, strict=True):
                joint = (" + " if sign > 0 else " - ") if text else ("" if sign > 0 else "-")
                text += joint + written(term, year, show)
            return f"({text})" if len(terms) > 1 else text
        case Mean(terms):
            return f"(({' + '.join(written(term, year, show) for term in terms)}) / {len(terms)})"
        case Product(factors, divides):
            text = ""
            for factor, below in zip(factors, divides, strict=True):
                joint = (" / " if below else " × ") if text else ("1 / " if below else "")
                text += joint + written(factor, year, show)
            return text


def moved(formula: Formula, by: int) -> Formula:
    """The same formula `by` years later."""
    match formula:
        case Number():
            return formula
        case Value(line, stated, shift):
            return Value(line, stated + by if stated else None, shift if stated else shift + by)
        case Sum(terms, signs):
            return Sum(tuple(moved(term, by) for term in terms), signs)
        case Mean(terms):
            return Mean(tuple(moved(term, by) for term in terms))
        case Product(factors, divides):
            return Product(tuple(moved(factor, by) for factor in factors), divides)


def dimension(formula: Formula) -> int | None:
    """How many amounts are multiplied: 1 an amount, 0 a ratio; None where unlike things are added."""
    match formula:
        case Number():
            return 0
        case Value():
            return 1
        case Sum(terms, _) | Mean(terms):
            found = {dimension(term) for term in terms}
            return found.pop() if len(found) == 1 else None
        case Product(factors, divides):
            total = 0
            for factor, below in zip(factors, divides, strict=True):
                one = dimension(factor)
                if one is None:
                    return None
                total += -one if below else one
            return total


def lines_in(formula: Formula) -> frozenset[str]:
    match formula:
        case Number():
            return frozenset()
        case Value(line):
            return frozenset([line])
        case Sum(parts, _) | Mean(parts) | Product(parts, _):
            return frozenset().union(*(lines_in(part) for part in parts))


# ---------------------------------------------------------------- reading

_TOKEN = re.compile(
    r"(?P<line>⟦(?P<name>\w+)⟧)|(?P<year>\b(?:fy|fiscal(?: year)?)\s?'?(?:(?:19|20)\d\d|\d\d)\b|\b(?:19|20)\d\d\b)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<between>\b(?:between|from|over|for))\b|(?P<average>\baverage(?: of)?\b|\bmean(?: of)?\b)|(?P<change>\b(?:change|increase|difference)(?: in)?\b)|(?P<prior>\bprior\b)"
    r"|(?P<add>\+|\bplus\b)|(?P<subtract>-|\bless\b|\bminus\b)|(?P<times>\*|×|\btimes\b|\bmultiplied by\b)|(?P<over>/|÷|\bdivided by\b)|(?P<open>[(\[])|(?P<close>[)\]])"
    r"|(?P<filler>\b(?:the|of|and|to|a|in|at|as|end|year|year-end|fiscal|total|net|its|for|ending|balances?)\b|[,.:;'\"])|(?P<space>\s+)|(?P<unknown>\S+)"
)


@dataclass(slots=True)
class _Reader:
    tokens: Sequence[tuple[str, str]]
    at: int = 0

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def sum(self) -> Formula | None:
        terms, signs, sign = [], [], 1
        if self.peek() == "subtract":
            self.take()
            sign = -1
        while True:
            term = self.product()
            if term is None:
                return None
            terms.append(term)
            signs.append(sign)
            if self.peek() not in ("add", "subtract"):
                return terms[0] if signs == [1] else Sum(tuple(terms), tuple(signs))
            sign = 1 if self.peek() == "add" else -1
            self.take()

    def product(self) -> Formula | None:
        factors, divides, below = [], [], False
        while True:
            factor = self.factor()
            if factor is None:
                return None
            factors.append(factor)
            divides.append(below)
            if self.peek() not in ("times", "over"):
                return factors[0] if len(factors) == 1 else Product(tuple(factors), tuple(divides))
            below = self.peek() == "over"
            self.take()

    def factor(self) -> Formula | None:
        kind = self.peek()
        if kind in ("average", "change", "prior"):
            self.take()
            return self.over_years(kind)
        year = self.year() if kind == "year" else None
        kind = self.peek()
        if kind == "number" and year is None:
            return Number(Decimal(self.take()))
        if kind == "line":
            line = self.take()
            after = self.year() if self.peek() == "year" else None
            return Value(line, year or after)
        if kind == "open":
            self.take()
            inner = self.sum()
            if inner is None or self.peek() != "close":
                return None
            self.take()
            return _in_year(inner, year)
        return None

    def over_years(self, kind: str) -> Formula | None:
        operand = self.factor()
        if operand is None:
            return None
        first, last = _in_year(operand, None), operand
        years: list[int] = []
        if self.peek() == "between":
            self.take()
            while self.peek() == "year":
                years.append(self.year())
            if len(years) != 2:
                return None
            first, last = _in_year(operand, min(years)), _in_year(operand, max(years))
        else:
            first = moved(operand, -1)
        if kind == "prior":
            return first
        return Mean((first, last)) if kind == "average" else Sum((last, first), (1, -1))

    def year(self) -> int:
        digits = re.sub(r"\D", "", self.take())
        return int(digits) if len(digits) == 4 else 2000 + int(digits)


def _in_year(formula: Formula, year: int | None) -> Formula:
    """Lines without a year of their own get this one."""
    match formula:
        case Value(line, stated, shift):
            return Value(line, stated or year, shift)
        case Sum(terms, signs):
            return Sum(tuple(_in_year(term, year) for term in terms), signs)
        case Mean(terms):
            return Mean(tuple(_in_year(term, year) for term in terms))
        case Product(factors, divides):
            return Product(tuple(_in_year(factor, year) for factor in factors), divides)
        case _:
            return formula


def read_formula(text: str, glossary: Glossary, defined: Mapping[str, str] | None = None) -> Formula | None:
    """The formula that the whole text states, else None. `defined`: what the question calls a formula."""
    marked = _marked(text, glossary, defined or {})
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(marked):
        kind = match.lastgroup or ""
        kind = "line" if match["line"] else kind
        if kind == "unknown":
            return None
        if kind not in ("space", "filler"):
            tokens.append((kind, match["name"] if kind == "line" else match.group()))
    reader = _Reader(tokens)
    formula = reader.sum()
    return formula if formula is not None and reader.at == len(tokens) else None


def _marked(text: str, glossary: Glossary, defined: Mapping[str, str]) -> str:
    """The text with each line as ⟦name⟧, each ratio as its formula in brackets."""
    text = plain(text)
    for name, meaning in defined.items():
        text = re.sub(rf"(?<![a-z]){re.escape(plain(name))}(?![a-z])", f"({plain(meaning)})", text)
    names = "|".join(sorted((name for name in glossary.lines if "_" in name), key=len, reverse=True))
    pieces = re.split(rf"(?<![a-z_])({names})(?![a-z_])", text)
    return "".join(f"⟦{piece}⟧" if at % 2 else _in_words(piece, glossary) for at, piece in enumerate(pieces))


def _in_words(text: str, glossary: Glossary) -> str:
    text = plain(text)  # positions count in the plain text
    pieces, position = [" "], 0
    for item in glossary.named(text):
        pieces.append(_own_names(text[position : item.start], glossary))
        if isinstance(item.term, Ratio):
            pieces.append(f"({_marked(item.term.formula, glossary, {})})")
        else:
            pieces.append(f"⟦{item.term.name}⟧")
        position = item.end
    return "".join([*pieces, _own_names(text[position:], glossary), " "])


def _own_names(text: str, glossary: Glossary) -> str:
    """Names of one word that formulas use ("cash"), where no longer wording was found."""
    names = "|".join(name for name in glossary.lines if "_" not in name)
    return re.sub(rf"(?<![a-z_])({names})(?![a-z_])", r"⟦\1⟧", text)
