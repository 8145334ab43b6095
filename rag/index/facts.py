"""Facts: typed values of live documents, each with what it is of, its period and its box.

Rows are written in the transaction that makes a version live and go with their document. A fact is seen
by who may see its document. How facts are found in a document is `ingest/facts.py`.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from core.database import MAX_VARIABLES, metadata, reading
from core.text import normalize, telling_term
from core.types import Access, Box, Fact, Place
from rag.index.rows import delete_versions
from rag.index.tables import documents

LONGEST = 200  # characters of a name that are kept
_AT_ONCE = 500  # rows read at a time

facts = Table(
    "facts",
    metadata,
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("name", String(LONGEST), nullable=False),  # the attribute as it is searched
    Column("word", String(LONGEST), nullable=False),  # the term of it by which it is looked up
    Column("period", String(40), nullable=False),
    Column("subject", String(LONGEST), nullable=False),
    Column("attribute", String(LONGEST), nullable=False),
    Column("value", Text, nullable=False),
    Column("unit", String(40), nullable=False),
    Column("scale", Integer, nullable=False),
    Column("currency", String(8), nullable=False),
    Column("printed", Text, nullable=False),
    Column("method", String(40), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("chunk_id", String(40), nullable=False),
    Column("page", Integer),
    Column("box", String(80), nullable=False),  # "x0 y0 x1 y1" in points, or ""
    Column("anchor", Text, nullable=False),
    Index("ix_facts_tenant_name_period", "tenant", "name", "period"),
    Index("ix_facts_tenant_word_period", "tenant", "word", "period", "name"),
    Index("ix_facts_tenant_doc_id", "tenant", "doc_id"),
    Index("ix_facts_chunk_id", "chunk_id"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a fact has to say. `attribute` and `subject`: all their words, in any order, as parts of words;
    `named`: the whole attribute in lower case; `words`: one of them is its telling term (`core.text.telling_term`); `period`:
    a label ("2023", "2023-Q3"), where a year stands for what lies in it; `periods`: one of these labels and no other;
    `chunks`: ids of passages. What is empty asks for nothing.
    """

    attribute: str = ""
    subject: str = ""
    period: str = ""
    doc_id: str = ""
    named: str = ""
    words: Collection[str] = ()
    periods: Collection[str] = ()
    chunks: Collection[str] = ()


class FactStore:
    """Writing joins the caller's transaction; reading is one of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write_many(
        self, connection: Connection, tenant: str, documents: Sequence[tuple[str, int, Sequence[Fact]]]
    ) -> None:
        """The facts of each of these versions; what was written for it before goes."""
        delete_versions(connection, facts, documents)
        rows = [
            {"tenant": tenant, "doc_id": doc_id, "version": version, "number": number, **_row(fact)}
            for doc_id, version, found in documents
            for number, fact in enumerate(found)
        ]
        if rows:
            connection.execute(insert(facts), rows)

    def delete(self, connection: Connection, doc_id: str, *, before_version: int) -> None:
        connection.execute(delete(facts).where(facts.c.doc_id == doc_id, facts.c.version < before_version))

    def census(
        self, connection: Connection, tenant: str, doc_ids: Sequence[str] | None = None
    ) -> dict[tuple[str, int], int]:
        """How many facts there are of each document, of all where none is named: (doc_id, version) -> facts."""
        query = (
            select(facts.c.doc_id, facts.c.version, func.count())
            .where(facts.c.tenant == tenant)
            .group_by(facts.c.doc_id, facts.c.version)
        )
        parts = (
            [query]
            if doc_ids is None
            else [query.where(facts.c.doc_id.in_(part)) for part in _batches(doc_ids)]
        )
        return {(row[0], row[1]): row[2] for part in parts for row in connection.execute(part)}

    def find(self, wanted: Wanted, *, access: Access, limit: int) -> list[Fact]:
        """At most `limit`, by document and place in it."""
        with reading(self._engine) as connection:
            return [_fact(row) for _, row in zip(range(limit), _visible(connection, wanted, access))]

    def attributes(self, words: Collection[str], *, access: Access) -> list[str]:
        """Names of attributes, in lower case, each once, whose telling term is one of these (`core.text.telling_term`), of any document
        of the tenant, also of one that is no longer live: only what `find` gives of them may be shown to a caller.
        """
        name = _aside(facts.c.name)
        query = select(name).distinct().where(facts.c.tenant == access.tenant, facts.c.word.in_(list(words)))
        with reading(self._engine) as connection:
            return list(connection.scalars(query))


def _visible(connection: Connection, wanted: Wanted, access: Access) -> Iterator[Row[Any]]:
    query = (
        select(facts, documents.c.access)
        .join(documents, documents.c.id == facts.c.doc_id)
        .where(
            facts.c.tenant == access.tenant,
            facts.c.version == documents.c.live_version,
            documents.c.retired_at.is_(None),
            *(facts.c.name.contains(word, autoescape=True) for word in _words(wanted.attribute)),
            *(func.lower(facts.c.subject).contains(word, autoescape=True) for word in _words(wanted.subject)),
        )
        .order_by(_document_of(wanted), facts.c.number)
    )
    if wanted.period:
        query = query.where(facts.c.period.startswith(wanted.period, autoescape=True))
    if wanted.named:
        query = query.where(facts.c.name == wanted.named)
    if wanted.doc_id:
        query = query.where(facts.c.doc_id == wanted.doc_id)
    for column, among in (
        (facts.c.word, wanted.words),
        (facts.c.period, wanted.periods),
        (facts.c.chunk_id, wanted.chunks),
    ):
        if among:
            query = query.where(column.in_(list(among)))
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        if not access.labels.isdisjoint(row.access):
            yield row


def _document_of(wanted: Wanted) -> ColumnElement[str]:
    """What facts are ordered by."""
    few = wanted.named or wanted.words or wanted.chunks
    return _aside(facts.c.doc_id) if few else facts.c.doc_id


def _aside(column: Column[str]) -> ColumnElement[str]:
    """The column as an expression, for what is ordered or made distinct where few are asked for: for the bare column SQLite
    goes through all facts in the order of an index that begins with it, instead of taking the index of what is asked.
    """
    return func.coalesce(column, "")


def _batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), MAX_VARIABLES - 1):
        yield values[start : start + MAX_VARIABLES - 1]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", normalize(text).lower())


def _row(fact: Fact) -> dict[str, Any]:
    box, name = fact.place.box, fact.attribute.lower()[:LONGEST]
    return {
        "name": name,
        "word": telling_term(name)[:LONGEST],
        "period": fact.period[:40],
        "subject": fact.subject[:LONGEST],
        "attribute": fact.attribute[:LONGEST],
        "value": fact.value,
        "unit": fact.unit[:40],
        "scale": fact.scale,
        "currency": fact.currency[:8],
        "printed": fact.text,
        "method": fact.method[:40],
        "confidence": fact.confidence,
        "chunk_id": fact.chunk_id,
        "page": fact.place.page,
        "box": " ".join(f"{side:.1f}" for side in box) if box else "",
        "anchor": fact.place.anchor,
    }


def _fact(row: Row[Any]) -> Fact:
    box = Box(*(float(side) for side in row.box.split())) if row.box else None
    return Fact(
        subject=row.subject,
        attribute=row.attribute,
        value=row.value,
        unit=row.unit,
        scale=row.scale,
        currency=row.currency,
        period=row.period,
        place=Place(row.doc_id, row.page, box, anchor=row.anchor),
        chunk_id=row.chunk_id,
        method=row.method,
        text=row.printed,
        confidence=row.confidence,
    )
