"""From documents to rows, and from rows to the graph.

`GraphStore.write` and `.delete` run in the caller's transaction, the one that makes a document live;
`.graph` gives readers the tenant's graph, brought up to date by reading what changed since last time.
Rows are the truth: every process may forget its graph at any time. Tables: `tables.py`; what stands
in a text: `extract.py`; walking: `graph.py`.
"""

import json
import threading
import time
from array import array
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter, sub
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, tuple_, union, update

from core.database import MAX_VARIABLES, looked_up, reading, serialize
from core.errors import NotFound
from core.types import Chunk
from kg import tables
from kg.arrays import Columns, DocumentRow, Rows, from_rows, join
from kg.census import Counted, Names, census, correct, number_of_documents, survey
from kg.extract import Passage, extract, link, linkable
from kg.graph import Graph, Identity, LateRow
from kg.names import NameMatcher, entity_id, is_linkable, name_of
from kg.spans import Found
from kg.words import Plain, numbers_of_word, words_of

Item = TypeVar("Item")
Key = tuple[int, int]  # document, passage: a passage in the rows

_CONTEXT = "context"  # the reason of a merge that only says what a name means in one context
_SURFACE = 200  # characters of a printed name that are kept
_RECENT = 20_000  # passages that are searched in a dictionary before the arrays are brought up to date
_AT_ONCE = 5_000  # documents that are read at once: their rows are in memory for a moment
_TOO_COMMON = 500  # passages: a name that stands in more of them leads nowhere


class Entry(NamedTuple):
    """One document as it is to be written."""

    doc_id: str
    version: int
    access: frozenset[str]
    passages: list[Passage]


class State(NamedTuple):
    """How far the rows of a tenant are. `generation` grows with every change and never returns."""

    generation: int
    documents: int


class Removed(NamedTuple):
    """Passages of a document, and entities that nothing mentions any more."""

    passages: int
    entities: int


class EntityRow(NamedTuple):
    """One of the entities that go by a name; how many passages mention it and are about it."""

    id: int
    name: str
    kind: str
    context: str
    passages: int
    subjects: int


class GraphStore:
    """The graphs of all tenants, of which the `in_memory` last used are kept. Safe to use from several
    threads.
    """

    def __init__(self, engine: Engine, *, in_memory: int = 64) -> None:
        self._engine = engine
        self._in_memory = in_memory
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()
        self._lock = threading.Lock()

    def _tenant(self, tenant: str) -> "_Tenant":
        with self._lock:
            known = self._tenants.get(tenant)
            if known is None:
                known = self._tenants[tenant] = _Tenant(Graph(tenant, 0))
                while len(self._tenants) > self._in_memory:
                    self._tenants.popitem(last=False)
            self._tenants.move_to_end(tenant)
            return known

    # ------------------------------------------------------------ writing

    def write(
        self, connection: Connection, tenant: str, doc_id: str, version: int, chunks: Sequence[Chunk]
    ) -> None:
        """Replaces what the graph knows of the document."""
        self.write_many(connection, tenant, [(doc_id, version, chunks)])

    def write_many(
        self,
        connection: Connection,
        tenant: str,
        documents: Iterable[tuple[str, int, Sequence[Chunk]]],
    ) -> dict[str, Counted]:
        """Replaces several documents at once, which costs less than one by one.

        Returns what was written of each, by document id.
        """
        wanted = {doc_id: (version, chunks) for doc_id, version, chunks in documents}
        entries = [
            Entry(doc_id, version, _access(chunks), extract(chunks))
            for doc_id, (version, chunks) in wanted.items()
        ]
        serialize(connection, f"graph of {tenant}")
        state = _state(connection, tenant)
        writer = self._writer(tenant, state)
        removed = _remove(connection, tenant, [entry.doc_id for entry in entries], writer)
        generation = _next(state)
        new_names = writer.names.add(linkable(passage for entry in entries for passage in entry.passages))
        for entry in entries:
            link(entry.passages, writer.names)
        changes = _Changes(tenant, generation)
        _link_back(connection, changes, writer, new_names)
        written: dict[str, Counted] = {}
        for entry, number in zip(entries, _insert_documents(connection, changes, entries)):
            before = changes.size
            writer.remember(number, entry.passages, changes.add(number, entry.passages))
            written[entry.doc_id] = Counted(*map(sub, changes.size, before))
        changes.insert(connection)
        writer.generation = generation
        _set_state(connection, tenant, State(generation, state.documents - removed + len(entries)))
        return written

    def delete(
        self, connection: Connection, tenant: str, doc_id: str, before_version: int | None = None
    ) -> Removed:
        """Removes the document (only if its version is below `before_version`, where given) and the
        entities that nothing mentions any more. Says how much that was.
        """
        serialize(connection, f"graph of {tenant}")
        state = _state(connection, tenant)
        writer = self._tenant(tenant).writer
        if writer is not None and writer.generation != state.generation:
            writer = None  # the next write will see that it is behind
        before = _size(connection, tenant, doc_id)
        removed = _remove(connection, tenant, [doc_id], writer, before_version)
        if removed:
            generation = _next(state)
            _set_state(connection, tenant, State(generation, state.documents - removed))
            if writer is not None:
                writer.generation = generation
        after = _size(connection, tenant, doc_id)
        return Removed(before.passages - after.passages, before.entities - after.entities)

    def census(
        self, connection: Connection, tenant: str, doc_ids: Sequence[str] | None = None
    ) -> dict[tuple[str, int], Counted]:
        """What the graph has of each document, of all where none is named: (doc_id, version) -> rows."""
        return census(connection, tenant, doc_ids)

    def recount(self, tenant: str) -> Names:
        """Counts the tenant's names and documents from the rows, and puts right what differs."""
        with reading(self._engine) as connection:
            found = survey(connection, tenant)
            right = _state(connection, tenant).documents == number_of_documents(connection, tenant)
        if right and not found.changed:
            return found
        with self._engine.begin() as connection:
            serialize(connection, f"graph of {tenant}")
            found = correct(connection, tenant)
            state = _state(connection, tenant)
            # What a process knows of the names is behind from here on, and begun anew.
            _set_state(connection, tenant, State(_next(state), number_of_documents(connection, tenant)))
        return found

    def _writer(self, tenant: str, state: State) -> "_Writer":
        """What this process knows of the tenant's names; begun anew when another process, or a
        transaction that was rolled back, has moved the rows away from it.
        """
        known = self._tenant(tenant)
        writer = known.writer
        if writer is None or writer.generation != state.generation:
            writer = known.writer = _Writer(self.graph(tenant), state.generation)
        elif writer.size > writer.limit:
            graph = self.graph(tenant)
            if graph.generation == state.generation:
                writer.move_to(graph)
            else:  # this transaction is not committed yet
                writer.limit *= 2
        return writer

    # ------------------------------------------------------------ who is who

    def entities(self, tenant: str, name: str) -> list[EntityRow]:
        """Everything that goes by this name (in any spelling that normalises to it)."""
        table = tables.entities.c
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(table.id, table.name, table.kind, table.context, table.passages, table.subjects)
                .where(table.tenant == tenant, table.name == name_of(name))
                .order_by(table.id)
            )
            return [EntityRow(*row) for row in rows]

    def merge(self, connection: Connection, tenant: str, entity: int, into: int, reason: str) -> None:
        """Declares two entities to be one. `separate` takes it back; no row of a document changes."""
        self._check(connection, tenant, entity, into)
        self._forget(connection, tenant, entity)
        connection.execute(
            insert(tables.merges).values(tenant=tenant, entity=entity, into=into, reason=reason)
        )
        self._touch(connection, tenant)

    def separate(self, connection: Connection, tenant: str, entity: int) -> None:
        """Takes back what `merge` declared; also parts a name from its only context."""
        self._check(connection, tenant, entity)
        self._forget(connection, tenant, entity)
        self._touch(connection, tenant)

    def _check(self, connection: Connection, tenant: str, *entities: int) -> None:
        table = tables.entities.c
        found = set(
            connection.scalars(select(table.id).where(table.tenant == tenant, table.id.in_(entities)))
        )
        for entity in entities:
            if entity not in found:
                raise NotFound(f"no entity {entity}", param="entity")

    def _forget(self, connection: Connection, tenant: str, entity: int) -> None:
        table = tables.merges.c
        connection.execute(delete(tables.merges).where(table.tenant == tenant, table.entity == entity))

    def _touch(self, connection: Connection, tenant: str) -> None:
        serialize(connection, f"graph of {tenant}")
        state = _state(connection, tenant)
        generation = _next(state)
        _set_state(connection, tenant, State(generation, state.documents))
        writer = self._tenant(tenant).writer
        if writer is not None and writer.generation == state.generation:
            writer.generation = generation

    # ------------------------------------------------------------ reading

    def graph(self, tenant: str) -> Graph:
        """The tenant's graph with everything that was committed before the call, perhaps more."""
        known = self._tenant(tenant)
        with reading(self._engine) as connection:
            state = _state(connection, tenant)
            if known.graph.generation < state.generation:
                with known.lock:
                    if known.graph.generation < state.generation:
                        known.graph = _brought_up(known.graph, connection, state)
        return known.graph


def _brought_up(graph: Graph, connection: Connection, state: State) -> Graph:
    """The graph with what changed in the rows since."""
    tenant = graph.tenant
    changed = _documents_since(connection, tenant, graph.generation)
    gone = {document.doc_id for document in changed} & graph.documents.keys()
    if len(graph.documents) + len(changed) - len(gone) != state.documents:
        gone |= _deleted(connection, graph)
    return graph.with_changes(
        generation=state.generation,
        added=join([_columns(connection, some) for some in _batches(changed, _AT_ONCE)]) if changed else None,
        gone=gone,
        late=_late_rows(connection, tenant, graph.generation) if graph.segments else [],
        identity=_identity(connection, tenant),
    )


def _access(chunks: Sequence[Chunk]) -> frozenset[str]:
    return frozenset(label for chunk in chunks for label in chunk.access)


# ---------------------------------------------------------------- what this process knows


class _Tenant:
    """The graph that readers have, and what writers know; both may be behind the rows."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.writer: _Writer | None = None
        self.lock = threading.Lock()


class _Writer:
    """The names that a tenant knows, and where its words stand, so that documents are linked both
    ways: `graph` for what was committed when it was made, `recent` for what was written since.
    """

    def __init__(self, graph: Graph, generation: int) -> None:
        self.generation = generation
        self.names = NameMatcher(name for name in graph.subject_names() if is_linkable(name))
        self.move_to(graph)

    def move_to(self, graph: Graph) -> None:
        self.graph = graph
        self.size = 0
        self.limit = _RECENT
        self._recent: defaultdict[int, list[Key]] = defaultdict(list)
        self._words: dict[Key, bytes] = {}
        self._mentions: defaultdict[int, list[Key]] = defaultdict(list)

    def remember(self, number: int, passages: Sequence[Passage], mentioned: Sequence[Iterable[int]]) -> None:
        for passage, entities in zip(passages, mentioned):
            key = (number, passage.ordinal)
            words = self._words[key] = b"".join(passage.words)
            for word in set(array("I", words)):
                self._recent[word].append(key)
            for entity in entities:
                self._mentions[entity].append(key)
        self.size += len(passages)

    def without(self, tenant: str, names: Sequence[str]) -> Iterator[tuple[str, list[Key]]]:
        """Of each name the passages that hold its words and are not known to mention it."""
        words = {name: [n for word in words_of(name) for n in numbers_of_word(word)] for name in names}
        words = {name: numbers for name, numbers in words.items() if numbers}
        in_graph = self.graph.holds(list(words.values()))
        for (name, numbers), in_arrays in zip(words.items(), in_graph):
            lists = [self._recent.get(number, _NOWHERE) for number in numbers]
            rarest = min(lists, key=len)
            if rarest or in_arrays:
                entity = entity_id(tenant, name)
                if name.isascii():
                    run = array("I", numbers).tobytes()
                    keys = {key for key in rarest if run in self._words[key]}
                else:  # the pairs of Chinese do not follow their characters
                    keys = set(rarest).intersection(*lists)
                keys.difference_update(self._mentions.get(entity, ()))
                if in_arrays:
                    keys.update(self.graph.passages_with(numbers, entity))
                yield name, sorted(keys)


_NOWHERE: list[Key] = []


# ---------------------------------------------------------------- what one write puts in


class _Changes:
    """The rows of one write, gathered so that each table is written once."""

    def __init__(self, tenant: str, generation: int) -> None:
        self.tenant = tenant
        self.generation = generation
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._entities: dict[int, _Entity] = {}
        self._rows: dict[Table, list[tuple[Any, ...]]] = {
            table: []
            for table in (tables.passages, tables.sentences, tables.mentions, tables.subjects, tables.links)
        }

    @property
    def size(self) -> Counted:
        """The rows of documents so far; links to older ones are not among them."""
        of_documents = (tables.passages, tables.sentences, tables.mentions, tables.subjects)
        return Counted(*(len(self._rows[table]) for table in of_documents))

    def add(self, document: int, passages: Sequence[Passage]) -> list[set[int]]:
        """The entities that each of the passages mentions."""
        return [self._add(document, passage) for passage in passages]

    def _add(self, document: int, passage: Passage) -> set[int]:
        at, text = passage.ordinal, passage.text
        self._rows[tables.passages].append((document, at, passage.chunk_id, text, passage.heading))
        sentences, mentions = self._rows[tables.sentences], self._rows[tables.mentions]
        mentioned: set[int] = set()
        for number, ((start, stop), words) in enumerate(zip(passage.places, passage.words)):
            sentences.append((document, at, number, start, stop, words))
        ends: dict[tuple[int, int, int], int] = {}
        for number, (start, stop, name, kind, context) in passage.mentions():
            entity = self._entity(name, kind, context, text[start:stop])
            mentioned.add(entity)
            ends[number, start, entity] = max(stop, ends.get((number, start, entity), 0))
        mentions += [
            (document, at, number, start, entity, stop) for (number, start, entity), stop in ends.items()
        ]
        for entity in mentioned:
            self._entities[entity].passages += 1
        for name, role, whole, surface in passage.subjects.values():
            entity = self._entity(name, "name", "", surface)
            self._entities[entity].subjects += 1
            self._rows[tables.subjects].append((document, at, entity, role, whole))
        return mentioned

    def link(self, key: Key, sentence: int, found: Found, surface: str, *, first: bool) -> None:
        """A mention in a passage that was written before. `first`: the first of this entity in it."""
        start, stop, name, kind, context = found
        entity = self._entity(name, kind, context, surface)
        self._entities[entity].passages += first
        self._rows[tables.links].append((*key, sentence, start, entity, stop, self.tenant, self.generation))

    def _entity(self, name: str, kind: str, context: str, surface: str) -> int:
        key = (name, kind, context)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = entity_id(self.tenant, name, kind, context)
            known = self._entities.get(number)
            if known is None:
                self._entities[number] = _Entity(name, kind, context, surface[:_SURFACE])
            elif known.kind == "name":
                known.kind = kind
        return number

    def insert(self, connection: Connection) -> None:
        # In one order everywhere, so that two writers cannot wait for each other.
        entities = [
            (number, self.tenant, one.name, one.kind, one.context, one.surface, one.passages, one.subjects)
            for number, one in sorted(self._entities.items(), key=itemgetter(0))
        ]
        _insert_all(connection, tables.entities, entities, _COUNTING)
        contexts = [
            (self.tenant, number, entity_id(self.tenant, one.name, one.kind), _CONTEXT)
            for number, one in self._entities.items()
            if one.context
        ]
        _insert_all(connection, tables.merges, contexts, "ON CONFLICT DO NOTHING")
        for table, rows in self._rows.items():
            _insert_all(connection, table, rows)


@dataclass(slots=True)
class _Entity:
    name: str
    kind: str
    context: str
    surface: str
    passages: int = 0
    subjects: int = 0


# What is counted of an entity is added up; a kind that was evident stays.
_COUNTING = (
    "ON CONFLICT (id) DO UPDATE SET passages = kg_entities.passages + excluded.passages, "
    "subjects = kg_entities.subjects + excluded.subjects, "
    "kind = COALESCE(NULLIF(excluded.kind, 'name'), kg_entities.kind)"
)


def _insert_all(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], conflict: str = ""
) -> None:
    """Each row has all columns of the table, in order. Values are not named one by one, which would
    cost three times as much as inserting them.
    """
    if rows:
        names = [connection.dialect.identifier_preparer.quote(column.name) for column in table.columns]
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        marks = ", ".join([mark] * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks}) {conflict}"  # noqa: S608
        connection.exec_driver_sql(statement, list(rows))


def _insert_documents(connection: Connection, changes: _Changes, entries: Sequence[Entry]) -> list[int]:
    """The numbers of the documents, in order."""
    if not entries:
        return []
    rows = connection.execute(
        insert(tables.documents).returning(tables.documents.c.doc_id, tables.documents.c.id),
        [
            {
                "tenant": changes.tenant,
                "doc_id": entry.doc_id,
                "version": entry.version,
                "generation": changes.generation,
                "access": json.dumps(sorted(entry.access), ensure_ascii=False),
            }
            for entry in entries
        ],
    )
    numbers = {row.doc_id: row.id for row in rows}
    return [numbers[entry.doc_id] for entry in entries]


def _link_back(connection: Connection, changes: _Changes, writer: _Writer, new_names: Sequence[str]) -> None:
    """Links the passages that already mentioned a name before this write brought it."""
    wanted: defaultdict[Key, set[str]] = defaultdict(set)
    for name, keys in writer.without(changes.tenant, new_names):
        if len(keys) <= _TOO_COMMON:
            for key in keys:
                wanted[key].add(name)
    names = writer.names
    for key, text, places, known in _texts(connection, list(wanted)):
        mentioned = {entity for _, entity in known}
        for number, (start, stop) in enumerate(places):
            plain = Plain.of(text[start:stop])
            for begin, end, name in names.placed(names.find(plain.running()), plain):
                entity = entity_id(changes.tenant, name)
                if name in wanted[key] and (start + begin, entity) not in known:
                    surface = text[start + begin : start + end]
                    found = (start + begin, start + end, name, "name", "")
                    changes.link(key, number, found, surface, first=entity not in mentioned)
                    mentioned.add(entity)


def _texts(
    connection: Connection, keys: list[Key]
) -> Iterator[tuple[Key, str, list[Key], set[tuple[int, int]]]]:
    """Of each passage that exists: (key, text, places of its sentences, (start, entity) mentioned)."""
    for some in _batches(keys, MAX_VARIABLES // 2):
        places: defaultdict[Key, list[Key]] = defaultdict(list)
        for row in connection.execute(_of(tables.sentences, some, "start", "stop")):
            places[row[0], row[1]].append((row[2], row[3]))
        known: defaultdict[Key, set[tuple[int, int]]] = defaultdict(set)
        for table in (tables.mentions, tables.links):
            for row in connection.execute(_of(table, some, "start", "entity")):
                known[row[0], row[1]].add((row[2], row[3]))
        for row in connection.execute(_of(tables.passages, some, "text")):
            key = (row[0], row[1])
            yield key, row[2], places[key], known[key]


def _of(table: Any, keys: Sequence[Key], *columns: str) -> Any:
    wanted = select(table.c.document, table.c.passage, *(table.c[name] for name in columns))
    return wanted.where(tuple_(table.c.document, table.c.passage).in_(keys)).order_by(*table.primary_key)


# ---------------------------------------------------------------- taking out


def _remove(
    connection: Connection,
    tenant: str,
    doc_ids: Sequence[str],
    writer: _Writer | None,
    before_version: int | None = None,
) -> int:
    """Takes the documents out of all rows and counts; how many there were."""
    documents = tables.documents.c
    numbers: list[int] = []
    for some in _batches(doc_ids, MAX_VARIABLES - 2):
        wanted = select(documents.id).where(documents.tenant == tenant, documents.doc_id.in_(some))
        if before_version is not None:
            wanted = wanted.where(documents.version < before_version)
        numbers += connection.scalars(wanted)
    for some_numbers in _batches(numbers, MAX_VARIABLES // 2):
        _uncount(connection, some_numbers, writer)
        connection.execute(delete(tables.documents).where(documents.id.in_(some_numbers)))
    return len(numbers)


def _size(connection: Connection, tenant: str, doc_id: str) -> Removed:
    """What the graph has of the document, and how many entities of the tenant."""
    document, passage, entity = tables.documents.c, tables.passages.c, tables.entities.c
    passages = (
        select(func.count())
        .select_from(tables.passages)
        .join(tables.documents, passage.document == document.id)
        .where(document.tenant == tenant, document.doc_id == doc_id)
    )
    entities = select(func.count()).select_from(tables.entities).where(entity.tenant == tenant)
    return Removed(connection.scalar(passages) or 0, connection.scalar(entities) or 0)


def _uncount(connection: Connection, numbers: Sequence[int], writer: _Writer | None) -> None:
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
    for some in _batches(sorted(changes), MAX_VARIABLES):
        left = select(entities.name).where(entities.id.in_(some), entities.subjects <= 0)
        if writer is not None:
            writer.names.discard(connection.scalars(left))
        gone = [entities.id.in_(some), entities.passages <= 0, entities.subjects <= 0]
        ids = select(entities.id).where(*gone)
        merges = tables.merges.c
        connection.execute(delete(tables.merges).where(merges.entity.in_(ids) | merges.into.in_(ids)))
        connection.execute(delete(tables.entities).where(*gone))


# ---------------------------------------------------------------- the state of a tenant


def _state(connection: Connection, tenant: str) -> State:
    query = "SELECT generation, documents FROM kg_tenants WHERE tenant IN"
    rows = looked_up(connection, query, [tenant])
    return State(*rows[0]) if rows else State(0, 0)


def _next(state: State) -> int:
    # Microseconds, not a count: what a transaction that was rolled back had used is not used again.
    return max(state.generation + 1, time.time_ns() // 1000)


def _set_state(connection: Connection, tenant: str, state: State) -> None:
    values = state._asdict()
    changed = connection.execute(
        update(tables.tenants).where(tables.tenants.c.tenant == tenant).values(values)
    )
    if not changed.rowcount:
        connection.execute(insert(tables.tenants).values(tenant=tenant, **values))


# ---------------------------------------------------------------- reading rows


def _documents_since(connection: Connection, tenant: str, generation: int) -> list[DocumentRow]:
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


def _deleted(connection: Connection, graph: Graph) -> set[str]:
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


def _columns(connection: Connection, documents: Sequence[DocumentRow]) -> Columns:
    """All rows of these documents."""
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


def _late_rows(connection: Connection, tenant: str, generation: int) -> list[LateRow]:
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


def _identity(connection: Connection, tenant: str) -> Identity:
    """What the merges say, read anew each time: none of it is written into the rows of documents.

    A name with one context is the thing of that context, until a second context appears; then it
    means either, and the two are kept apart.
    """
    merges, entities = tables.merges.c, tables.entities.c
    rows = connection.execute(
        select(merges.entity, merges.into, merges.reason, entities.context)
        .join_from(tables.merges, tables.entities, entities.id == merges.entity)
        .where(merges.tenant == tenant)
        .order_by(merges.entity)
    ).all()
    same: defaultdict[int, set[int]] = defaultdict(set)
    meanings: defaultdict[int, list[int]] = defaultdict(list)
    for entity, into, reason, _ in rows:
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
    contexts = {row[0]: row[3] for row in rows if row[3]}
    others = {entity: tuple(sorted(group - {entity})) for entity, group in same.items()}
    return Identity({entity: group for entity, group in others.items() if group}, contexts)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
