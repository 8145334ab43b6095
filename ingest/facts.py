"""DOCUMENT -> FACTS: the typed values of its tables, its sentences, and what its reader typed itself.

Tables and sentences are read as chunks, so that a fact is cited as its passage is (`core.values`).
Knows nothing of databases. What is not covered: amounts without words that say what they are.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from core.currency import YUAN_OR_YEN, of_sign
from core.period import parse_period
from core.types import Block, Chunk, Document, Fact, Place, Reading
from core.values import Value, values_of

_SURE = {"cell": 0.9, "amount": 0.7, "share": 0.7, "change": 0.6}
_OF_CELLS = frozenset({"cell", "chart-xml"})
_UNSCALED = 0.2  # taken off where a table does not say in which scale it counts


def facts_of(document: Document, chunks: Sequence[Chunk]) -> list[Fact]:
    """In reading order: those of the chunks, then the readings."""
    typed = list(_of_readings(document, chunks))
    # What a reader typed itself of a record needs no second reading of its words.
    records = {chunk.id for chunk in chunks if chunk.kind == "record"} & {fact.chunk_id for fact in typed}
    units = _units(document)
    found = [
        replace(fact, currency=units[fact.text]) if fact.currency and fact.text in units else fact
        for chunk in chunks
        if chunk.id not in records
        for fact in _of_chunk(chunk)
    ]
    return [*_with_currencies(found, chunks), *typed]


def _with_currencies(found: Sequence[Fact], chunks: Sequence[Chunk]) -> Sequence[Fact]:
    """A "¥" that its own passage does not tell of is whose the other passages say."""
    if all(fact.currency != YUAN_OR_YEN for fact in found):
        return found
    told = of_sign(YUAN_OR_YEN, "\n".join(chunk.indexed_text for chunk in chunks))
    return [replace(fact, currency=told) if fact.currency == YUAN_OR_YEN else fact for fact in found]


def _units(document: Document) -> dict[str, str]:
    """The currency of amounts that the reader typed, by how they are printed, "" where it could not tell.

    It knows the format of the cell, and so whose sign it is.
    """
    seen: dict[str, set[str]] = defaultdict(set)
    for page in document.content.pages:
        for block in page.blocks:
            for reading in block.readings:
                if reading.method in _OF_CELLS:
                    seen[reading.text].add(reading.unit)
    return {text: units.pop() if len(units) == 1 else "" for text, units in seen.items()}


def _of_chunk(chunk: Chunk) -> Iterator[Fact]:
    is_table, heading = chunk.kind == "table", chunk.heading
    for value in values_of(chunk.text, is_table=is_table, heading=heading):
        name = value.name
        if not name:
            continue
        place = next(iter(chunk.places_of(value.start, value.end)), Place(chunk.doc_id))
        yield Fact(
            subject=heading,
            attribute=f"{name} (change)" if value.kind == "change" else name,
            value=_digits(value.quantity.value),
            unit=value.quantity.unit,
            scale=value.quantity.scale,
            currency=value.quantity.currency,
            period=value.period,
            place=place,
            chunk_id=chunk.id,
            method="table" if value.kind == "cell" else "text",
            text=value.raw,
            confidence=_confidence(value),
        )


def _confidence(value: Value) -> float:
    return round(_SURE[value.kind] - (0.0 if value.scale_known else _UNSCALED), 2)


def _digits(value: Decimal) -> str:
    return f"{value:f}"


# ---------------------------------------------------------------- what readers typed


def _of_readings(document: Document, chunks: Sequence[Chunk]) -> Iterator[Fact]:
    by_page: dict[int | None, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        for number in dict.fromkeys(place.page for place in chunk.places):
            by_page[number].append(chunk)
    for page in document.content.pages:
        for block in page.blocks:
            for reading in block.readings:
                near = by_page.get(page.number) or chunks
                yield _of_reading(document, page.number, block, reading, _chunk_of(block, near))


def _chunk_of(block: Block, chunks: Sequence[Chunk]) -> str:
    """The id of the passage that holds the block's words, else of the first of its page."""
    start = block.text[:40]
    holds = next((chunk for chunk in chunks if start and start in chunk.text), None)
    return (holds or chunks[0]).id if chunks else ""


def _of_reading(document: Document, page: int, block: Block, reading: Reading, chunk: str) -> Fact:
    period = parse_period(reading.period)
    return Fact(
        subject=reading.subject or document.title,
        attribute=reading.attribute,
        value=reading.value,
        unit=reading.unit,
        scale=0,
        currency="",
        period=period.label if period else reading.period,
        place=Place(document.id, page, reading.box or block.box, anchor=reading.anchor or block.anchor),
        chunk_id=chunk,
        method=reading.method,
        text=reading.text,
        confidence=reading.confidence,
    )
