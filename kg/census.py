"""What the rows of the graph hold, counted anew: each document's for the ledger, and each name's.

The counts that rows carry (passages that mention a name, documents of a tenant) are kept by adding and
taking away; `correct` makes them again from what is there. Mentions that documents of others brought
later (`kg_links`) are no document's own: they are counted with the names alone. Tables: `tables.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, union, update

from core.database import MAX_VARIABLES
from kg import tables

Version = tuple[str, int]  # document, version


class Counted(NamedTuple):
    """The rows of one document in each table."""

    passages: int = 0
    sentences: int = 0
    mentions: int = 0
    subjects: int = 0


class Names(NamedTuple):
    """What was found of a tenant's names. `astray`: how many rows of each document lead to an
    entity or a sentence that has no row. `miscounted`: in other numbers of passages than is noted. `unmentioned`: in none.
    """

    entities: int
    miscounted: int
    unmentioned: int
    astray: dict[Version, int]

    @property
    def changed(self) -> bool:
        return bool(self.miscounted or self.unmentioned or self.astray)


_OF_DOCUMENTS = (tables.passages, tables.sentences, tables.mentions, tables.subjects)
_NAMING = (tables.mentions, tables.links, tables.subjects)


def census(
    connection: Connection, tenant: str, doc_ids: Sequence[str] | None = None
) -> dict[Version, Counted]:
    """What the graph has of each document, of all where none is named."""
    document = tables.documents.c
    found: defaultdict[Version, list[int]] = defaultdict(lambda: [0] * len(_OF_DOCUMENTS))
    known = select(document.doc_id, document.version).where(document.tenant == tenant)
    for row in _of(connection, known, doc_ids):
        _ = found[row[0], row[1]]
    for position, table in enumerate(_OF_DOCUMENTS):
        query = (
            select(document.doc_id, document.version, func.count())
            .join_from(tables.documents, table, table.c.document == document.id)
            .where(document.tenant == tenant)
            .group_by(document.doc_id, document.version)
        )
        for row in _of(connection, query, doc_ids):
            found[row[0], row[1]][position] = row[2]
    return {version: Counted(*counts) for version, counts in found.items()}


def _of(connection: Connection, query: Any, doc_ids: Sequence[str] | None) -> Iterator[Any]:
    """The rows of `query` about these documents."""
    if doc_ids is None:
        yield from connection.execute(query)
        return
    for begin in range(0, len(doc_ids), MAX_VARIABLES - 1):
        some = doc_ids[begin : begin + MAX_VARIABLES - 1]
        yield from connection.execute(query.where(tables.documents.c.doc_id.in_(some)))


def survey(connection: Connection, tenant: str) -> Names:
    """Counts the names of a tenant from the rows of its documents, and only says what differs."""
    wrong = _miscounted(connection, tenant)
    entities = tables.entities.c
    count = select(func.count()).select_from(tables.entities)
    there = connection.scalar(count.where(entities.tenant == tenant)) or 0
    unmentioned = connection.scalar(count.where(*_unmentioned(tenant))) or 0
    astray: defaultdict[Version, int] = defaultdict(int)
    for table in _NAMING:
        for version, number in _lost(connection, tenant, table).items():
            astray[version] += number
    return Names(there, len(wrong), unmentioned, dict(astray))


def correct(connection: Connection, tenant: str) -> Names:
    """As `survey`, and puts right what differs: counts are set, rows that lead nowhere and names that
    nothing mentions are taken out.

    The caller holds the tenant's graph: nobody writes to it meanwhile.
    """
    before = survey(connection, tenant)
    for table in _NAMING:
        connection.execute(delete(table).where(_belongs(table, tenant), _astray(table)))
    for entity, in_passages, as_subject in _miscounted(connection, tenant):
        counts = {"passages": in_passages, "subjects": as_subject}
        connection.execute(update(tables.entities).where(tables.entities.c.id == entity).values(counts))
    ids = select(tables.entities.c.id).where(*_unmentioned(tenant))
    merges = tables.merges.c
    connection.execute(delete(tables.merges).where(merges.entity.in_(ids) | merges.into.in_(ids)))
    gone = connection.execute(delete(tables.entities).where(*_unmentioned(tenant))).rowcount
    return before._replace(entities=before.entities - gone, unmentioned=gone)


def number_of_documents(connection: Connection, tenant: str) -> int:
    query = select(func.count()).select_from(tables.documents).where(tables.documents.c.tenant == tenant)
    return connection.scalar(query) or 0


def _lost(connection: Connection, tenant: str, table: Table) -> dict[Version, int]:
    """How many rows of each document lead nowhere."""
    document = tables.documents.c
    query = (
        select(document.doc_id, document.version, func.count())
        .join_from(tables.documents, table, table.c.document == document.id)
        .where(document.tenant == tenant, _astray(table))
        .group_by(document.doc_id, document.version)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _astray(table: Table) -> ColumnElement[bool]:
    """Rows that lead to an entity or a sentence that has no row: no graph can be made of them."""
    entities, sentences = tables.entities.c, tables.sentences.c
    nameless = ~select(entities.id).where(entities.id == table.c.entity).exists()
    if table is tables.subjects:
        return nameless
    at = (
        sentences.document == table.c.document,
        sentences.passage == table.c.passage,
        sentences.sentence == table.c.sentence,
    )
    return nameless | ~select(sentences.sentence).where(*at).exists()


def _belongs(table: Table, tenant: str) -> ColumnElement[bool]:
    mine = select(tables.documents.c.id).where(tables.documents.c.tenant == tenant)
    return table.c.document.in_(mine)


def _unmentioned(tenant: str) -> tuple[ColumnElement[bool], ...]:
    entities = tables.entities.c
    return entities.tenant == tenant, entities.passages <= 0, entities.subjects <= 0


def _miscounted(connection: Connection, tenant: str) -> list[tuple[int, int, int]]:
    """The entities whose counts are not what the rows say: (id, passages, subjects) by the rows."""
    entities, about = tables.entities.c, tables.subjects.c
    pairs = union(
        *(
            select(table.c.document, table.c.passage, table.c.entity).where(_belongs(table, tenant))
            for table in (tables.mentions, tables.links)
        )
    ).subquery()
    mentioned = select(pairs.c.entity, func.count().label("number")).group_by(pairs.c.entity).subquery()
    subject = (
        select(about.entity, func.count().label("number"))
        .where(_belongs(tables.subjects, tenant))
        .group_by(about.entity)
        .subquery()
    )
    passages = func.coalesce(mentioned.c.number, 0)
    subjects = func.coalesce(subject.c.number, 0)
    beside = tables.entities.outerjoin(mentioned, mentioned.c.entity == entities.id).outerjoin(
        subject, subject.c.entity == entities.id
    )
    query = (
        select(entities.id, passages, subjects)
        .select_from(beside)
        .where(entities.tenant == tenant, (entities.passages != passages) | (entities.subjects != subjects))
        .order_by(entities.id)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]
