"""ANSWER TEXT + EVIDENCE -> CLAIMS: is every number, date, name in quotes and quotation what the evidence says?

Whoever wrote the answer, its numbers are matched as typed quantities: value within printed precision,
unit, scale, sign, period and subject all have to fit one place of the evidence, or the number has to
follow from such places by a calculation that the sentence names (`rag/derive.py`). What is not
covered: claims without a number, date or quotation, and numbers in words ("twice as much").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from core.period import Period, find_periods
from core.quantity import Quantity, agrees, convert, same_currency
from core.text import STOP_WORDS, normalize
from core.types import Claim, ClaimStatus, Evidence
from rag.amounts import Amount, Typed, amounts_in, plain, read_passage
from rag.derive import best_rows, derivation, timeless_terms
from rag.numbers.glossary import concepts_of, matching_terms


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
    passages = [read_passage(passage) for passage in evidence]
    quotations = list(_quotations(text, passages))
    inside = [(claim.start, claim.end) for claim in quotations if claim.status == "quoted"]
    claims = [*quotations, *_numbers(text, passages), *_dates(text, passages)]
    kept = [claim for claim in claims if claim in quotations or not _within(claim, inside)]
    return tuple(sorted(kept, key=lambda claim: (claim.start, claim.end)))


def unsupported(answer: str, evidence: Sequence[Evidence]) -> tuple[Claim, ...]:
    """The claims that the evidence does not bear out."""
    return tuple(claim for claim in verify(answer, texts_of(evidence)) if claim.status == "unsupported")


def _within(claim: Claim | Amount, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= claim.start and claim.end <= end for start, end in spans)


# ---------------------------------------------------------------- numbers


def _numbers(text: str, passages: Sequence[Typed]) -> Iterator[Claim]:
    stated = [amount for passage in passages for amount in passage.amounts]
    named = _NamedRows(stated)
    labels = list(_labels_in(text, stated))
    for amount in amounts_in(text):
        if _within(amount, labels) or _is_part_of_a_name(amount, passages):
            yield Claim(amount.start, amount.end, "quoted")
            continue
        status, shown = _status(amount, named.facts_for(amount), stated)
        yield Claim(amount.start, amount.end, status, shown)


def _status(claimed: Amount, about: Sequence[Amount], stated: Sequence[Amount]) -> tuple[ClaimStatus, str]:
    same = [fact for fact in about if _same(claimed, fact)]
    if not any(fact.quantity.currency for fact in same) and _is_in_another_currency(claimed, about):
        same = []
    if any(_same_print(claimed, fact) for fact in same):
        return "quoted", ""
    if same:
        return "supported", ""
    derived = derivation(claimed, stated)
    return ("derived", derived) if derived else ("unsupported", "")


def _is_in_another_currency(claimed: Amount, about: Sequence[Amount]) -> bool:
    """Does a fact print the same amount in another currency? Then one that prints it bare says nothing for the claim's."""
    if not claimed.quantity.currency:
        return False
    bare = replace(claimed, quantity=replace(claimed.quantity, currency=""))
    return any(
        not same_currency(claimed.quantity.currency, fact.quantity.currency) and _same(bare, fact)
        for fact in about
    )


def _same_print(claimed: Amount, fact: Amount) -> bool:
    same_scale = claimed.quantity.scale == fact.quantity.scale
    return same_scale and _digits(claimed.printed) == _digits(fact.printed)


def _digits(printed: str) -> str:
    return re.sub(r"[^\d.]", "", printed)


def _labels_in(text: str, stated: Sequence[Amount]) -> Iterator[tuple[int, int]]:
    """Where the text names a row or column as the evidence does, with the numbers of that name: "Due after 10 years"."""
    names = {name for fact in stated if fact.row for name in fact.row[1:] if _names_with_a_number(name)}
    lower = text.lower()
    for name in names:
        if name.lower() not in lower:
            continue
        for match in re.finditer(rf"(?<!\w){re.escape(name.lower())}(?!\w)", lower):
            yield match.span()


@lru_cache(maxsize=4096)
def _names_with_a_number(name: str) -> bool:
    return bool(re.search(r"\d", name)) and len(re.findall(r"[^\W\d_]{3,}", name)) > 1


_LONGEST_NAME = 100  # characters of the word before a number


def _is_part_of_a_name(claimed: Amount, passages: Sequence[Typed]) -> bool:
    """True for "3M", "2.400% Notes", "Topic 606": a number that the evidence prints in that name too.

    A name is a word that runs on behind the digits, or a bare small number or percentage with a
    capitalised word behind or before it.
    """
    said, start, end = claimed.sentence, claimed.at, claimed.at + len(claimed.printed)
    while start and re.match(r"[\w-]", said[start - 1]):
        start -= 1
    word = re.match(r"[\w-]+", said[end:])
    token = said[start : end + (len(word[0]) if word else 0)]
    if re.fullmatch(r"[A-Z]*\d+[A-Z]+\w*|[A-Z]+-?\d+\w*", token) and not claimed.quantity.currency:
        return _stands(token, passages)
    if claimed.quantity.scale or claimed.quantity.currency:
        return False
    behind = re.match(r"[\s-]{1,2}([A-Z][a-z]+)", said[end:])
    if behind and _stands(f"{claimed.printed} {behind[1]}", passages):
        return True
    near = max(0, claimed.at - _LONGEST_NAME)
    before = re.search(r"([\w.]+)[\s:,(]{1,3}$", said[near : claimed.at])
    small = re.fullmatch(r"\(?\d{1,3}\)?", claimed.printed)
    if not before or before[1].lower() in STOP_WORDS or not (small or re.match("[A-Z]", before[1])):
        return False
    return _stands(said[near + before.start() : end].rstrip(")"), passages)


def _stands(words: str, passages: Sequence[Typed]) -> bool:
    said = plain(words)
    pattern = re.compile(rf"(?<!\w){re.escape(said)}(?!\w)")
    return any(said in passage.plain and pattern.search(passage.plain) for passage in passages)


class _NamedRows:
    """What the evidence states, and which of it a claim can be about."""

    def __init__(self, stated: Sequence[Amount]) -> None:
        self._stated = stated
        self._rows = {fact.row: timeless_terms(fact.words) for fact in stated if fact.row}
        self._words = frozenset().union(*self._rows.values())
        self._by_words: dict[frozenset[str], Sequence[Amount]] = {frozenset(): stated}

    def facts_for(self, claimed: Amount) -> Sequence[Amount]:
        """Without the cells of rows that the claim's words fit clearly worse than another row.

        Only words that rows are named with count.
        """
        mine = timeless_terms(claimed.words) & self._words
        if mine not in self._by_words:
            named = set(best_rows(mine, self._rows.keys()))
            self._by_words[mine] = [fact for fact in self._stated if not fact.row or fact.row in named]
        return self._by_words[mine]


# ---------------------------------------------------------------- the same amount of the same thing


def _same(claimed: Amount, fact: Amount) -> bool:
    """True when the fact is the same amount, of the same subject, sign and period."""
    if not _same_period(claimed, fact):
        return False  # first, since it costs least
    one, other = claimed.signed, fact.signed
    if claimed.direction and fact.direction:  # "fell 5 %" is a change of -5 %
        one, other = replace(one, value=abs(one.value)), replace(other, value=abs(other.value))
    return (
        agrees(one, other)
        and _precise(one, other)
        and not claimed.direction * fact.direction < 0
        and not claimed.sign * fact.sign < 0
        and _same_subject(claimed.words, fact.words)
    )


def _precise(claimed: Quantity, fact: Quantity) -> bool:
    """A claim may round what the evidence prints; it may not say more digits than are known there."""
    if claimed.unit != fact.unit:
        try:
            fact = convert(fact, claimed.unit)
        except ValueError:
            return not (claimed.unit and fact.unit)
    return abs(claimed.amount - fact.amount) <= claimed.step / 2


def _same_period(claimed: Amount, fact: Amount) -> bool:
    if claimed.period is None:
        return True
    if fact.period is not None:
        return _fits(claimed.period, fact.period)
    return not fact.periods_near or any(_fits(claimed.period, near) for near in fact.periods_near)


def _fits(one: Period, other: Period) -> bool:
    return one.covers(other) or other.covers(one) or one.same(other)


_COMMON = (
    "amount amounts total value million billion thousand percent company group year quarter was were is reached "
    "approximately increase decrease grew fell rose compared reported recorded net came stood according document"
)


def _same_subject(claimed: str, fact: str) -> bool:
    """True unless both name a thing and not the same: by the glossary first, else by shared words."""
    one, other = concepts_of(claimed), concepts_of(fact)
    if one and other:
        return not one.isdisjoint(other)
    mine, theirs = _content(claimed), _content(fact)
    return not mine or not theirs or bool(mine & theirs)


@lru_cache(maxsize=4096)
def _content(words: str) -> frozenset[str]:
    terms = timeless_terms(words) - matching_terms(_COMMON)
    return frozenset(term for term in terms if not re.fullmatch(r"[\d.,]+|=.*", term))


# ---------------------------------------------------------------- dates and quotations


def _dates(text: str, passages: Sequence[Typed]) -> Iterator[Claim]:
    known = [period for passage in passages for period in passage.periods]
    for item in find_periods(text):
        if any(item.period.same(period) for period in known):
            yield Claim(item.start, item.end, "quoted")
        elif any(item.period.covers(period) for period in known):
            yield Claim(item.start, item.end, "supported")
        else:
            yield Claim(item.start, item.end, "unsupported")


_QUOTED = re.compile(r"[\"“「『]([^\"”」』]{3,400})[\"”」』]")


def _quotations(text: str, passages: Sequence[Typed]) -> Iterator[Claim]:
    for match in _QUOTED.finditer(text):
        words = plain(match[1]).rstrip(".,;。，；")
        status: ClaimStatus = (
            "quoted" if any(words in passage.plain for passage in passages) else "unsupported"
        )
        yield Claim(match.start(1), match.end(1), status)
