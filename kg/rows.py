"""The rows of a graph: how they are written, taken out and read. Tables: `tables.py`.

Every function works in the caller's transaction, but for `newest_state`. Knows nothing of what a process holds in memory:
that is `store.py`.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, tuple_, union, update

from core import database
from core.database import MAX_VARIABLES, glanced, looked_up, mark_of
from core.memory import collection_paused
from kg import tables
from kg.arrays import ROLES, Columns, DocumentRow, Rows, from_rows, join
from kg.gather import Gathered, LateMention
from kg.graph import Graph, Identity, LateRow
from kg.names import NameMatcher, entity_id

Item = TypeVar("Item")
Key = tuple[int, int]  # document, passage: a passage in the rows

_CONTEXT = "context"  # the reason of a merge that only says what a name means in one context
_AT_ONCE = 5_000  # documents that are read at once: their rows are in memory for a moment


class State(NamedTuple):
    """How far the rows of a tenant are. `generation` grows with every change and never returns."""

    generation: int
    documents: int


class Removed(NamedTuple):
    """Passages of documents, and entities that nothing mentions any more."""

    passages: int
    entities: int


# ---------------------------------------------------------------- the state of a tenant


def serialize(connection: Connection, tenant: str) -> None:
    """From here on this transaction is alone with the graph of the tenant."""
    database.serialize(connection, f"graph of {tenant}")


def state_of(connection: Connection, tenant: str) -> State:
    rows = looked_up(connection, _STATE, [tenant])
    return State(*rows[0]) if rows else State(0, 0)


def newest_state(engine: Engine, tenant: str) -> State:
    """What is committed, in no transaction: a later look may find another."""
    rows = glanced(engine, _STATE, [tenant])
    return State(*rows[0]) if rows else State(0, 0)


_STATE = "SELECT generation, documents FROM kg_tenants WHERE tenant IN"


def next_generation(state: State) -> int:
    # Microseconds, not a count: what a transaction that was rolled back had used is not used again.
    return max(state.generation + 1, time.time_ns() // 1000)


def set_state(connection: Connection, tenant: str, state: State) -> None:
    values = state._asdict()
    changed = connection.execute(
        update(tables.tenants).where(tables.tenants.c.tenant == tenant).values(values)
    )
    if not changed.rowcount:
        connection.execute(insert(tables.tenants).values(tenant=tenant, **values))


# ---------------------------------------------------------------- putting in


def insert_documents(
    connection: Connection,
    tenant: str,
    generation: int,
    documents: Sequence[tuple[str, int, frozenset[str]]],
) -> list[int]:
    """The numbers of the documents (doc_id, version, access), in order."""
    columns = [column.name for column in tables.documents.c if column.name != "id"]
    rows = [(tenant, doc_id, version, generation, _stored(access)) for doc_id, version, access in documents]
    _insert_all(connection, tables.documents, columns, rows)
    table = tables.documents.c
    wanted = select(table.doc_id, table.id).where(table.tenant == tenant, table.generation == generation)
    numbers = {row[0]: row[1] for row in connection.execute(wanted)}
    return [numbers[doc_id] for doc_id, _, _ in documents]


@lru_cache(maxsize=1024)
def _stored(labels: frozenset[str]) -> str:
    return json.dumps(sorted(labels), ensure_ascii=False)


def insert_all(
    connection: Connection, tenant: str, generation: int, gathered: Gathered, late: Sequence[LateMention]
) -> None:
    """Everything but the documents."""
    # In one order everywhere, so that two writers cannot wait for each other.
    found = gathered.entities
    counts = found.passages.tolist(), found.subjects.tolist()
    texts = found.names, found.kinds, found.contexts, found.surfaces
    entities = list(zip(found.ids.tolist(), repeat(tenant), *texts, *counts))
    contexts = [
        (tenant, number, entity_id(tenant, name, kind), _CONTEXT)
        for number, _, name, kind, context, *_ in entities
        if context
    ]
    links = [
        (
            one.document,
            one.passage,
            one.row.sentence,
            one.row.start,
            one.row.entity,
            one.row.stop,
            tenant,
            generation,
        )
        for one in late
    ]
    _insert_whole(connection, tables.entities, entities, _COUNTING)
    _insert_whole(connection, tables.merges, contexts, "ON CONFLICT DO NOTHING")
    _insert_columns(connection, gathered)
    _insert_whole(connection, tables.links, links)


def _insert_columns(connection: Connection, gathered: Gathered) -> None:
    columns, passages = gathered.columns, gathered.passages
    numbers = np.array([document.number for document in columns.documents], np.int64)
    documents, ordinals = numbers[columns.document_of].tolist(), columns.ordinals.tolist()
    document_of, ordinal_of = (
        numbers[columns.document_of[columns.passage_of]],
        columns.ordinals[columns.passage_of],
    )
    first = np.searchsorted(columns.passage_of, columns.passage_of)
    sentence_of = np.arange(len(columns.passage_of)) - first

    def lists(*arrays: NDArray[Any]) -> list[list[Any]]:
        return [array.tolist() for array in arrays]

    _insert_whole(
        connection,
        tables.passages,
        [
            (document, ordinal, one.chunk_id, one.text, one.heading)
            for document, ordinal, one in zip(documents, ordinals, passages)
        ],
    )
    words = [words for passage in passages for words in passage.words]
    at_sentence = lists(document_of, ordinal_of, sentence_of, *columns.places.T)
    _insert_whole(connection, tables.sentences, list(zip(*at_sentence, words)))
    at, place = columns.mention_sentence, columns.mention_places
    mentions = lists(
        document_of[at], ordinal_of[at], sentence_of[at], place[:, 0], columns.mention_entity, place[:, 1]
    )
    _insert_whole(connection, tables.mentions, list(zip(*mentions)))
    at = columns.subject_passage
    subjects = lists(numbers[columns.document_of[at]], columns.ordinals[at], columns.subject_entity)
    roles = [ROLES[role] for role in columns.subject_role.tolist()]
    _insert_whole(connection, tables.subjects, list(zip(*subjects, roles, columns.subject_whole.tolist())))


# What is counted of an entity is added up; a kind that was evident stays.
_COUNTING = (
    "ON CONFLICT (id) DO UPDATE SET passages = kg_entities.passages + excluded.passages, "
    "subjects = kg_entities.subjects + excluded.subjects, "
    "kind = COALESCE(NULLIF(excluded.kind, 'name'), kg_entities.kind)"
)


def _insert_whole(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], conflict: str = ""
) -> None:
    """Each row has all columns of the table, in order."""
    _insert_all(connection, table, [column.name for column in table.c], rows, conflict)


def _insert_all(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    conflict: str = "",
) -> None:
    """Values are not named one by one, which would cost three times as much as inserting them."""
    if not rows:
        return
    names = ", ".join(map(connection.dialect.identifier_preparer.quote, columns))
    mark = mark_of(connection.dialect)

    def insert_by(number: int, some: Sequence[tuple[Any, ...]]) -> None:
        """So many rows in each statement."""
        values = ", ".join([f"({', '.join([mark] * len(columns))})"] * number)
        statement = f"INSERT INTO {table.name} ({names}) VALUES {values} {conflict}"  # noqa: S608
        connection.exec_driver_sql(statement, some)

    if connection.dialect.name != "sqlite":
        insert_by(1, rows)
        return
    # A statement of many rows costs a quarter less for each of them.
    number = MAX_VARIABLES // len(columns)
    whole = len(rows) - len(rows) % number
    if whole:
        batches = [tuple(chain.from_iterable(rows[at : at + number])) for at in range(0, whole, number)]
        insert_by(number, batches)
    if whole < len(rows):
        insert_by(1, rows[whole:])


# ---------------------------------------------------------------- taking out


def remove(
    connection: Connection,
    tenant: str,
    doc_ids: Sequence[str],
    names: NameMatcher | None,
    before_version: int | None = None,
) -> tuple[int, Removed]:
    """Takes the documents out of all rows and counts; how many there were, and what went with them."""
    documents = tables.documents.c
    numbers: list[int] = []
    for some in _batches(doc_ids, MAX_VARIABLES - 2):
        wanted = select(documents.id).where(documents.tenant == tenant, documents.doc_id.in_(some))
        if before_version is not None:
            wanted = wanted.where(documents.version < before_version)
        numbers += connection.scalars(wanted)
    passages, entities = 0, 0
    counting = select(func.count()).select_from(tables.passages)
    for some_numbers in _batches(numbers, MAX_VARIABLES // 2):
        passages += connection.scalar(counting.where(tables.passages.c.document.in_(some_numbers))) or 0
        entities += _uncount(connection, some_numbers, names)
        connection.execute(delete(tables.documents).where(documents.id.in_(some_numbers)))
    return len(numbers), Removed(passages, entities)


def _uncount(connection: Connection, numbers: Sequence[int], names: NameMatcher | None) -> int:
    """Takes what these documents mention out of the counts; how many entities are gone with that."""
    entities = tables.entities.c
    pairs = union(
        *(
            select(table.c.document, table.c.passage, table.c.entity).where(table.c.document.in_(numbers))
            for table in (tables.mentions, tables.links)
        )
    ).subquery()
    subjects = tables.subjects.c
    changes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for entity, count in connection.execute(select(pairs.c.entity, func.count()).group_by(pairs.c.entity)):
        changes[entity]["passages"] = count
    for entity, count in connection.execute(
        select(subjects.entity, func.count()).where(subjects.document.in_(numbers)).group_by(subjects.entity)
    ):
        changes[entity]["subjects"] = count
    for entity in sorted(changes):
        counts = changes[entity]
        connection.execute(
            update(tables.entities)
            .where(entities.id == entity)
            .values(
                passages=entities.passages - counts["passages"],
                subjects=entities.subjects - counts["subjects"],
            )
        )
    number = 0
    for some in _batches(sorted(changes), MAX_VARIABLES):
        left = select(entities.name).where(entities.id.in_(some), entities.subjects <= 0)
        if names is not None:
            names.discard(connection.scalars(left))
        gone = [entities.id.in_(some), entities.passages <= 0, entities.subjects <= 0]
        ids = select(entities.id).where(*gone)
        merges = tables.merges.c
        connection.execute(delete(tables.merges).where(merges.entity.in_(ids) | merges.into.in_(ids)))
        number += connection.execute(delete(tables.entities).where(*gone)).rowcount
    return number


# ---------------------------------------------------------------- reading rows


class Written(NamedTuple):
    """A passage as the rows have it: its text, the places of its sentences, (start, entity) of its mentions."""

    key: Key
    chunk_id: str
    text: str
    places: list[tuple[int, int]]
    known: set[tuple[int, int]]


def texts(connection: Connection, keys: list[Key]) -> Iterator[Written]:
    """Those of the passages that exist."""
    for some in _batches(keys, MAX_VARIABLES // 2):
        places: defaultdict[Key, list[Key]] = defaultdict(list)
        for row in connection.execute(_of(tables.sentences, some, "start", "stop")):
            places[row[0], row[1]].append((row[2], row[3]))
        known: defaultdict[Key, set[tuple[int, int]]] = defaultdict(set)
        for table in (tables.mentions, tables.links):
            for row in connection.execute(_of(table, some, "start", "entity")):
                known[row[0], row[1]].add((row[2], row[3]))
        for row in connection.execute(_of(tables.passages, some, "chunk_id", "text")):
            key = (row[0], row[1])
            yield Written(key, row[2], row[3], places[key], known[key])


def _of(table: Any, keys: Sequence[Key], *columns: str) -> Any:
    wanted = select(table.c.document, table.c.passage, *(table.c[name] for name in columns))
    return wanted.where(tuple_(table.c.document, table.c.passage).in_(keys)).order_by(*table.primary_key)


def documents_since(connection: Connection, tenant: str, generation: int) -> list[DocumentRow]:
    table = tables.documents.c
    rows = connection.execute(
        select(table.id, table.doc_id, table.version, table.access)
        .where(table.tenant == tenant, table.generation > generation)
        .order_by(table.id)
    )
    return [DocumentRow(row[0], row[1], row[2], _labels(row[3])) for row in rows]


@lru_cache(maxsize=1024)
def _labels(stored: str) -> frozenset[str]:
    return frozenset(json.loads(stored))


def deleted_documents(connection: Connection, graph: Graph) -> set[str]:
    """The documents of the graph that the rows no longer have."""
    known = graph.documents.values()
    numbers = np.sort(np.fromiter((document.number for document in known), np.int64, len(known)))
    missing = set(_missing(connection, graph.tenant, numbers))
    return {document.doc_id for document in known if document.number in missing}


def _missing(connection: Connection, tenant: str, numbers: NDArray[np.int64]) -> Iterator[int]:
    """Those of the ascending numbers that no document has: half by half, so that one that is missing
    among very many is found without reading them all.
    """
    if not len(numbers):
        return
    table = tables.documents.c
    within = [table.tenant == tenant, table.id.between(int(numbers[0]), int(numbers[-1]))]
    if len(numbers) <= MAX_VARIABLES:
        there = set(connection.scalars(select(table.id).where(*within)))
        yield from (number for number in numbers.tolist() if number not in there)
    elif connection.scalar(select(func.count()).select_from(tables.documents).where(*within)) != len(numbers):
        half = len(numbers) // 2
        yield from _missing(connection, tenant, numbers[:half])
        yield from _missing(connection, tenant, numbers[half:])


@collection_paused()
def read_columns(connection: Connection, documents: Sequence[DocumentRow]) -> Columns | None:
    """All rows of these documents; None of none."""
    some = [_columns(connection, some) for some in _batches(documents, _AT_ONCE)]
    return join(some) if some else None


def _columns(connection: Connection, documents: Sequence[DocumentRow]) -> Columns:
    numbers = [document.number for document in documents]

    def of(table: Table, *columns: str) -> list[Any]:
        wanted = select(*(table.c[name] for name in columns)).order_by(*table.primary_key)
        return _in_batches(connection, wanted, table.c.document, numbers)

    at_sentence = ("document", "passage", "sentence")
    mentions = [
        *of(tables.mentions, *at_sentence, "start", "entity", "stop"),
        *of(tables.links, *at_sentence, "start", "entity", "stop"),
    ]
    subjects = of(tables.subjects, "document", "passage", "entity", "role", "whole")
    entities = tables.entities.c
    return from_rows(
        Rows(
            documents=documents,
            passages=of(tables.passages, "document", "passage", "chunk_id", "words"),
            sentences=of(tables.sentences, *at_sentence, "start", "stop", "words"),
            mentions=mentions,
            subjects=subjects,
            entities=_in_batches(
                connection,
                select(entities.id, entities.name, entities.kind),
                entities.id,
                sorted({row[4] for row in mentions} | {row[2] for row in subjects}),
            ),
        )
    )


def _in_batches(connection: Connection, wanted: Any, column: Any, values: Sequence[int]) -> list[Any]:
    """The rows whose column has one of the values, batch by batch."""
    return [
        row
        for some in _batches(values, MAX_VARIABLES)
        for row in connection.execute(wanted.where(column.in_(some)))
    ]


def late_rows(connection: Connection, tenant: str, generation: int) -> list[LateRow]:
    links, passages, entities = tables.links.c, tables.passages.c, tables.entities.c
    rows = connection.execute(
        select(
            passages.chunk_id,
            links.sentence,
            links.start,
            links.stop,
            links.entity,
            entities.name,
            entities.kind,
        )
        .join_from(
            tables.links,
            tables.passages,
            (passages.document == links.document) & (passages.passage == links.passage),
        )
        .join(tables.entities, entities.id == links.entity)
        .where(links.tenant == tenant, links.generation > generation)
    )
    return [LateRow(*row) for row in rows]


def identity_of(connection: Connection, tenant: str, known: Mapping[int, str]) -> Identity:
    """What the merges say, read anew each time: none of it is written into the rows of documents.

    A name with one context is the thing of that context, until a second context appears; then it
    means either, and the two are kept apart. `known`: contexts of entities that were read before; an
    entity's id is made from its context, so they never change.
    """
    merges = tables.merges.c
    rows = connection.execute(
        select(merges.entity, merges.into, merges.reason)
        .where(merges.tenant == tenant)
        .order_by(merges.entity)
    ).all()
    entities = [row[0] for row in rows]
    contexts = {entity: known[entity] for entity in entities if entity in known}
    contexts |= _contexts(connection, [entity for entity in entities if entity not in contexts])
    same: defaultdict[int, set[int]] = defaultdict(set)
    meanings: defaultdict[int, list[int]] = defaultdict(list)
    for entity, into, reason in rows:
        if reason == _CONTEXT:
            meanings[into].append(entity)
        else:
            group = {entity, into, *same[entity], *same[into]}
            for member in group:
                same[member] = group
    for name, found in meanings.items():
        same[name] = {*same[name], *found}
        if len(found) == 1:
            same[found[0]] = {*same[found[0]], name}
    others = {entity: tuple(sorted(group - {entity})) for entity, group in same.items()}
    return Identity({entity: group for entity, group in others.items() if group}, contexts)


def _contexts(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Of those of the entities that have one."""
    entities = tables.entities.c
    found: dict[int, str] = {}
    for some in _batches(ids, MAX_VARIABLES):
        told_apart = select(entities.id, entities.context).where(
            entities.id.in_(some), entities.context != ""
        )
        found.update((row[0], row[1]) for row in connection.execute(told_apart))
    return found


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
