"""FACT + PASSAGE: what a stored fact states as a quantity, and where its passage prints it; the two ports to both."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from core.quantity import Quantity
from core.types import Access, Chunk, Fact
from rag.index.facts import Wanted
from rag.match import terms_of


class Facts(Protocol):
    """What is needed of `rag.index.facts.FactStore`."""

    def find(self, wanted: Wanted, *, access: Access, limit: int) -> list[Fact]: ...


class Passages(Protocol):
    """What is needed of a vector store."""

    def get(self, ids: Sequence[str], *, access: Access) -> list[Chunk]: ...


def quantity_of(fact: Fact) -> Quantity:
    """The fact's value as it is printed."""
    value = Decimal(fact.value)
    exponent = value.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return Quantity(value, fact.scale, fact.unit, fact.currency, decimals)


def place_in(fact: Fact, chunk: Chunk) -> int:
    """Where the value stands in its passage: in a line with a word of its attribute, where there is one."""
    words, start = terms_of(fact.attribute), 0
    for line in chunk.text.splitlines(keepends=True):
        if fact.text in line and not words.isdisjoint(terms_of(line)):
            return start + line.index(fact.text)
        start += len(line)
    return chunk.text.index(fact.text)
