"""ANSWER TEXT + EVIDENCE -> CLAIMS: is every number, date and quotation what the evidence says?

Whoever wrote the answer, its numbers are matched as typed quantities: value within printed precision,
unit, scale, sign, period and subject all have to fit one place of the evidence, or the number has to
follow from two such places (a change, a percentage change, a share, a sum, a mean). What is not
covered: claims without a number, date or quotation, and numbers in words ("twice as much").
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from core.period import FoundPeriod, Period, find_periods
from core.quantity import FoundQuantity, Quantity, agrees, convert, find
from core.scales import scale_of_prose
from core.table import read_table
from core.text import normalize, sentences
from core.types import Claim, ClaimStatus, Evidence
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand
from rag.numbers.glossary import concepts_of, matching_terms

_MOST_OPERANDS = 40  # amounts of one subject from which a derived number is sought


def texts_of(evidence: Sequence[Evidence]) -> list[str]:
    """What the evidence says, each passage with its heading."""
    return [item.chunk.indexed_text for item in evidence]


def verify(answer: str, evidence: Sequence[str]) -> tuple[Claim, ...]:
    """A claim for each number, period and quotation of the answer, in order.

    "quoted": printed so in the evidence; "supported": the same amount in another print, or a period
    that the evidence covers; "derived": computed from amounts of the evidence, with the
    derivation; "unsupported": none of these. Positions are those of `answer` when it is NFKC.
    """
    text = normalize(answer)
    passages = [normalize(passage) for passage in evidence]
    stated = [amount for passage in passages for amount in _amounts_of(passage)]
    periods = [item.period for passage in passages for item in find_periods(passage)]
    quotations = list(_quotations(text, passages))
    inside = [(claim.start, claim.end) for claim in quotations if claim.status == "quoted"]
    claims = [*quotations, *_numbers(text, stated), *_dates(text, periods)]
    kept = [claim for claim in claims if claim in quotations or not _within(claim, inside)]
    return tuple(sorted(kept, key=lambda claim: (claim.start, claim.end)))


def _within(claim: Claim, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= claim.start and claim.end <= end for start, end in spans)


# ---------------------------------------------------------------- amounts with what they are about


@dataclass(frozen=True, slots=True)
class _Amount:
    """A printed quantity with its surroundings: `words` of its clause, `period` that it is for.

    `sign` is -1 or 1 where the words say loss or profit, else 0; `direction` likewise for fall and rise.
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
    is_cell: bool = False


def _amounts_of(passage: str) -> Iterator[_Amount]:
    """Those of tables by cell, those of prose by sentence."""
    table = [line for line in passage.splitlines() if line.count("|") > 0]
    if len(table) > 1:
        yield from _cells_of(table, passage)
    prose = "\n".join(line for line in passage.splitlines() if line.count("|") == 0)
    scale = scale_of_prose(prose)
    for amount in _amounts_in(prose):
        yield amount
        if scale and not amount.quantity.scale and not amount.quantity.unit:
            yield replace(amount, quantity=amount.quantity.scaled(scale))


def _cells_of(lines: Sequence[str], passage: str) -> Iterator[_Amount]:
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    title = [line for line in passage.splitlines() if line.count("|") == 0]
    for cell in read_table(rows, title).cells:
        words = f"{cell.section} {cell.label} {cell.heading}"
        found = find_periods(cell.period)
        period = found[0].period if found else None
        near = (period,) if period else ()
        moved = 0
        if _CHANGE.search(f"{cell.label} {cell.heading}") and not _DOWN.search(cell.label):
            moved = (cell.quantity.value > 0) - (cell.quantity.value < 0)
        yield _Amount(
            0, 0, cell.raw, cell.quantity, words, period, near, _sign_of(words), moved, is_cell=True
        )


def _amounts_in(text: str) -> Iterator[_Amount]:
    around = tuple(item.period for item in find_periods(text))
    for start, end in sentences(text):
        sentence = text[start:end]
        periods = find_periods(sentence)
        found = [
            item for item in find(sentence) if not _overlaps(item, periods) and not _is_label(sentence, item)
        ]
        for index, item in enumerate(found):
            left = found[index - 1].end if index else 0
            right = found[index + 1].start if index + 1 < len(found) else len(sentence)
            words = _clause(sentence, item, left, right)
            yield _Amount(
                start + item.start,
                start + item.end,
                sentence[item.start : item.end],
                item.quantity,
                words,
                _period_of(sentence, found, index, periods),
                tuple(near.period for near in periods) or around,
                _sign_of(words),
                _direction_of(words),
            )


def _overlaps(item: FoundQuantity, periods: Sequence[FoundPeriod]) -> bool:
    return any(found.start < item.end and found.end > item.start for found in periods)


def _is_label(sentence: str, item: FoundQuantity) -> bool:
    """True for "[1]", "S1", "Note 4", "page 12", "Q3": numbers that name a place."""
    before, after = sentence[max(0, item.start - 16) : item.start], sentence[item.end : item.end + 1]
    return bool(
        re.search(
            r"(?:\[|\b(?:note|page|pages|table|figure|item|section|chapter)\s|第)$", before, re.IGNORECASE
        )
        or after in ("]", "页", "章")
    )


def _clause(sentence: str, item: FoundQuantity, left: int, right: int) -> str:
    """The words that the number belongs to: back to the last number, or the whole start of the
    sentence where only a connective stands between them; and on to the next number.
    """
    before, after = sentence[left : item.start], sentence[item.end : right]
    if len(matching_terms(_without_periods(before))) < 1:
        before = sentence[: item.start]
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
    if behind and (len(found) == 1 or behind[0].start - item.end < 25):
        return behind[0].period
    ahead = [near for near in periods if near.end <= item.start]
    return (ahead[-1] if ahead else periods[0]).period


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


# ---------------------------------------------------------------- numbers


def _numbers(text: str, stated: Sequence[_Amount]) -> Iterator[Claim]:
    rows = {fact.words: matching_terms(_without_periods(fact.words)) for fact in stated if fact.is_cell}
    for amount in _amounts_in(text):
        status, derivation = _status(amount, _of_named_rows(amount, stated, rows))
        yield Claim(amount.start, amount.end, status, derivation)


def _status(claimed: _Amount, stated: Sequence[_Amount]) -> tuple[ClaimStatus, str]:
    for fact in stated:
        if _same(claimed, fact):
            same_print = _digits(claimed.printed) == _digits(fact.printed)
            same_scale = claimed.quantity.scale == fact.quantity.scale
            return ("quoted" if same_print and same_scale else "supported"), ""
    derived = _derivation(claimed, stated)
    return ("derived", derived) if derived else ("unsupported", "")


def _of_named_rows(
    claimed: _Amount, stated: Sequence[_Amount], rows: Mapping[str, frozenset[str]]
) -> list[_Amount]:
    """Without the cells of rows that the claim's words fit clearly worse than another row.

    Only words that rows are named with count.
    """
    mine = matching_terms(_without_periods(claimed.words)) & frozenset().union(*rows.values())
    if not mine:
        return list(stated)
    fits = {name: _fit(mine, words) for name, words in rows.items()}
    enough = max(fits.values()) - 0.15
    return [fact for fact in stated if not fact.is_cell or fits[fact.words] >= enough]


def _digits(printed: str) -> str:
    return re.sub(r"[^\d.]", "", printed)


def _fit(mine: frozenset[str], row: frozenset[str]) -> float:
    """The share of the claim's words that the row has, and half the share of the row's that the claim has."""
    shared = len(mine & row)
    return shared / len(mine) + 0.5 * shared / len(row) if row else 0.0


def _same(claimed: _Amount, fact: _Amount) -> bool:
    """True when the fact is the same amount, of the same subject, sign and period."""
    one, other = _signed(claimed), _signed(fact)
    if claimed.direction and fact.direction:  # "fell 5 %" is a change of -5 %
        one, other = replace(one, value=abs(one.value)), replace(other, value=abs(other.value))
    return (
        agrees(one, other)
        and _precise(one, other)
        and not claimed.direction * fact.direction < 0
        and not claimed.sign * fact.sign < 0
        and _same_period(claimed, fact)
        and _same_subject(claimed.words, fact.words)
    )


def _signed(amount: _Amount) -> Quantity:
    """A loss of 5 is -5, however the sign is printed."""
    return amount.quantity.negated() if amount.sign < 0 < amount.quantity.value else amount.quantity


def _precise(claimed: Quantity, fact: Quantity) -> bool:
    """A claim may round what the evidence prints; it may not say more digits than are known there."""
    if claimed.unit != fact.unit:
        try:
            fact = convert(fact, claimed.unit)
        except ValueError:
            return not (claimed.unit and fact.unit)
    return abs(claimed.amount - fact.amount) <= claimed.step / 2


def _same_period(claimed: _Amount, fact: _Amount) -> bool:
    if claimed.period is None:
        return True
    if fact.period is not None:
        return _fits(claimed.period, fact.period)
    return not fact.periods_near or any(_fits(claimed.period, near) for near in fact.periods_near)


def _fits(one: Period, other: Period) -> bool:
    return one.covers(other) or other.covers(one) or one.same(other)


_COMMON = frozenset(
    matching_terms(
        "amount amounts total value million billion thousand percent company group year quarter was were is reached "
        "approximately increase decrease grew fell rose compared reported recorded net came stood according document"
    )
)


def _same_subject(claimed: str, fact: str) -> bool:
    """True unless both name a thing and not the same: by the glossary first, else by shared words."""
    one, other = concepts_of(claimed), concepts_of(fact)
    if one and other:
        return not one.isdisjoint(other)
    mine, theirs = _content(claimed), _content(fact)
    return not mine or not theirs or bool(mine & theirs)


def _content(words: str) -> frozenset[str]:
    terms = matching_terms(_without_periods(words)) - _COMMON
    return frozenset(term for term in terms if not re.fullmatch(r"[\d.,]+|=.*", term))


def _without_periods(text: str) -> str:
    for found in reversed(find_periods(text)):
        text = f"{text[: found.start]} {text[found.end :]}"
    return text


# ---------------------------------------------------------------- numbers that follow from others


def _derivation(claimed: _Amount, stated: Sequence[_Amount]) -> str:
    """How the number follows from two amounts of the evidence; empty where it does not."""
    about = [fact for fact in stated if _same_subject(claimed.words, fact.words)][:_MOST_OPERANDS]
    for later, earlier in permutations(about, 2):
        if not _comparable(later, earlier) or not _in_order(claimed, later, earlier):
            continue
        for outcome in _programs(claimed, later, earlier):
            if isinstance(outcome, Derived) and _is_result(claimed, outcome.quantity):
                return outcome.derivation
    return ""


def _comparable(one: _Amount, other: _Amount) -> bool:
    """Amounts of one kind and one subject; a bare number of the prose is no operand beside thousands."""
    same_kind = one.quantity.unit == other.quantity.unit and one.quantity.scale == other.quantity.scale
    same_row = one.words == other.words or not (one.is_cell and other.is_cell) or one.period == other.period
    return same_kind and same_row and bool(other.quantity.value) and _same_subject(one.words, other.words)


def _in_order(claimed: _Amount, later: _Amount, earlier: _Amount) -> bool:
    """Known periods go forward in time, and the later one is that of the claim."""
    if later.period and earlier.period:
        if (later.period.year, later.period.label) <= (earlier.period.year, earlier.period.label):
            return False
        named = {period.label for period in claimed.periods_near}
        if claimed.period and claimed.period.label not in (later.period.label, earlier.period.label):
            return later.period.year == claimed.period.year
        return len(named) < 2 or {later.period.label, earlier.period.label} <= named
    return True


def _programs(claimed: _Amount, later: _Amount, earlier: _Amount) -> Iterator[calc.Outcome]:
    one, other = _operand(later), _operand(earlier)
    is_share = claimed.quantity.unit in ("%", "pp", "bp")
    if claimed.direction or re.search(r"\b(?:change|growth|difference)\b|变动|变化|同比|环比", claimed.words):
        if is_share and claimed.quantity.unit == "%" and one.quantity.unit not in ("%", "pp"):
            yield calc.percentage_change(one, other)
        else:
            yield calc.subtract(one, other)
        return
    if is_share:
        yield calc.share(one, other)
    elif re.search(r"\baverage\b|\bmean\b|平均", claimed.words, re.IGNORECASE):
        yield calc.average([one, other])
    elif re.search(r"\b(?:sum|combined|together)\b|合计|共计", claimed.words, re.IGNORECASE):
        yield calc.add([one, other])
    elif re.search(r"\bratio\b|\btimes\b|倍|比率", claimed.words, re.IGNORECASE):
        yield calc.divide(one, other)


def _operand(amount: _Amount) -> Operand:
    period = amount.period.label if amount.period else ""
    return Operand(_signed(amount), amount.printed, amount.words, period=period)


def _is_result(claimed: _Amount, result: Quantity) -> bool:
    """A fall of 5 is -5; what is neither rise nor fall has to have the result's own sign."""
    quantity = claimed.quantity
    if claimed.direction < 0 < quantity.value:
        quantity = quantity.negated()
    exact = replace(result, decimals=max(result.decimals, 12))
    return agrees(quantity, exact)


# ---------------------------------------------------------------- dates and quotations


def _dates(text: str, known: Sequence[Period]) -> Iterator[Claim]:
    for item in find_periods(text):
        if any(item.period.same(period) for period in known):
            yield Claim(item.start, item.end, "quoted")
        elif any(item.period.covers(period) for period in known):
            yield Claim(item.start, item.end, "supported")
        else:
            yield Claim(item.start, item.end, "unsupported")


_QUOTED = re.compile(r"[\"“「『]([^\"”」』]{3,400})[\"”」』]")


def _quotations(text: str, passages: Sequence[str]) -> Iterator[Claim]:
    plain = [_plain(passage) for passage in passages]
    for match in _QUOTED.finditer(text):
        words = _plain(match[1]).rstrip(".,;。，；")
        status: ClaimStatus = "quoted" if any(words in passage for passage in plain) else "unsupported"
        yield Claim(match.start(1), match.end(1), status)


def _plain(text: str) -> str:
    return " ".join(text.split()).lower()
