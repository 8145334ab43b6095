"""STATEMENTS -> TEXT WITH CITATIONS: each sentence of an answer, its label, its words, its boxes.

A label stands after its sentence, "[S2]", in every language; `linked` turns labels into links for
people. Knows nothing of how statements are chosen, or of HTTP.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from core.types import Answer, Citation, Claim, ClaimStatus, Evidence

_FIRST_CHINESE = "\u2e80"
LABEL = re.compile(r"\[(S\d+)\]")


class Quote(NamedTuple):
    """Characters [start, end) of the passage that was given as evidence `key`."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence or table row of an answer, and the words that it was taken from.

    What rests on nothing (the head of a table) makes no claim.
    """

    text: str
    quotes: tuple[Quote, ...]
    status: ClaimStatus = "quoted"
    derivation: str = ""


class Cited(NamedTuple):
    text: str
    citations: tuple[Citation, ...]
    claims: tuple[Claim, ...]


def cite(statements: Sequence[Statement], evidence: Sequence[Evidence], *, between: str = " ") -> Cited:
    """Joins statements with `between`, each followed by its labels, and says where each comes from.

    Raises KeyError for a quote of evidence that was not given, ValueError for one outside its text.
    """
    by_key = {item.key: item for item in evidence}
    text = ""
    citations: list[Citation] = []
    claims: list[Claim] = []
    for statement in statements:
        start = len(text) + (len(between) if text else 0)
        end = start + len(statement.text)
        labels = "".join(f"[{key}]" for key in dict.fromkeys(quote.key for quote in statement.quotes))
        text += f"{between if text else ''}{statement.text}{_gap(statement.text) if labels else ''}{labels}"
        citations.extend(_citation(by_key, quote, start, end) for quote in statement.quotes)
        if statement.quotes:
            claims.append(Claim(start, end, statement.status, statement.derivation))
    return Cited(text, tuple(citations), tuple(claims))


def _gap(text: str) -> str:
    """None after Chinese: its punctuation carries its own."""
    return "" if text[-1:] >= _FIRST_CHINESE else " "


def _citation(by_key: Mapping[str, Evidence], quote: Quote, start: int, end: int) -> Citation:
    chunk = by_key[quote.key].chunk
    if not 0 <= quote.start < quote.end <= len(chunk.text):
        raise ValueError(
            f"quote [{quote.start}, {quote.end}) lies outside the {len(chunk.text)} characters of {quote.key}"
        )
    return Citation(
        key=quote.key,
        start=start,
        end=end,
        chunk_id=chunk.id,
        quote=chunk.text[quote.start : quote.end],
        quote_start=quote.start,
        quote_end=quote.end,
        places=chunk.places_of(quote.start, quote.end),
    )


def linked(answer: Answer, link: Callable[[Citation], str]) -> Answer:
    """The answer with each label written as `link(citation)`; citations and claims move along.

    A label stands for the citations of the sentence before it that carry its key.
    """
    pieces: list[str] = []
    moved: list[tuple[int, int]] = []  # (position in the old text, shift from there on)
    position = shift = 0
    for match, cited in _labels(answer):
        written = "".join(link(citation) for citation in cited)
        pieces += [answer.text[position : match.start()], written]
        position = match.end()
        shift += len(written) - (match.end() - match.start())
        moved.append((position, shift))
    text = "".join([*pieces, answer.text[position:]])

    def to(old: int) -> int:
        return old + next((by for start, by in reversed(moved) if start <= old), 0)

    return replace(
        answer,
        text=text,
        citations=tuple(replace(item, start=to(item.start), end=to(item.end)) for item in answer.citations),
        claims=tuple(replace(item, start=to(item.start), end=to(item.end)) for item in answer.claims),
    )


def _labels(answer: Answer) -> Iterator[tuple[re.Match[str], list[Citation]]]:
    for match in LABEL.finditer(answer.text):
        before = [item for item in answer.citations if item.key == match[1] and item.end <= match.start()]
        if before:
            last = max(item.end for item in before)
            yield match, [item for item in before if item.end == last]
