"""From documents to rows, and from rows to the graph.

`GraphStore.write` and `.delete` run in the caller's transaction, the one that makes a document live;
`.graph` gives readers the tenant's graph, brought up to date by reading what changed since last time,
or by what this process has just written itself. Rows are the truth: every process may forget its graph
at any time. Rows: `rows.py`; what stands in a text: `extract.py`; walking: `graph.py`.
"""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, and_, delete, insert, or_, select

from core.database import reading
from core.errors import NotFound
from core.memory import collection_paused
from core.types import Chunk
from kg import rows, tables
from kg.arrays import KINDS, Columns, DocumentRow
from kg.census import Counted, Names, census, correct, number_of_documents, survey
from kg.extract import extract, link, linkable
from kg.gather import LateMention, gather
from kg.graph import Graph, LateRow, Run
from kg.names import NameMatcher, entity_id, is_linkable, name_of
from kg.rows import Key, Removed, State
from kg.tokens import read_sentences, running
from kg.words import Plain, numbers_of, words_of

_TOO_COMMON = 500  # passages: a name that stands in more of them leads nowhere


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

    @collection_paused()
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
        passages = [extract(chunks) for _, chunks in wanted.values()]
        rows.serialize(connection, tenant)
        state = rows.state_of(connection, tenant)
        known = self._tenant(tenant)
        writer = known.taken(connection, state)
        removed, _ = rows.remove(connection, tenant, list(wanted), writer.names)
        generation = rows.next_generation(state)
        if removed:
            writer.graph = writer.graph.with_changes(generation=generation, gone=wanted)
        new_names = writer.names.add(linkable(chain.from_iterable(passages)))
        link(list(chain.from_iterable(passages)), writer.names)
        late = list(_link_back(connection, tenant, writer, new_names))
        written = [(doc_id, version, _access(chunks)) for doc_id, (version, chunks) in wanted.items()]
        numbers = rows.insert_documents(connection, tenant, generation, written)
        live = [DocumentRow(number, *document) for number, document in zip(numbers, written)]
        gathered = gather(tenant, live, passages, late)
        rows.insert_all(connection, tenant, generation, gathered, late)
        rows.set_state(connection, tenant, State(generation, state.documents - removed + len(live)))
        writer.graph = writer.graph.with_changes(
            generation=generation, added=gathered.columns, late=[one.row for one in late]
        )
        known.writer = writer
        return _counted(gathered.columns)

    def delete(
        self, connection: Connection, tenant: str, doc_id: str, before_version: int | None = None
    ) -> Removed:
        """Removes the document (only if its version is below `before_version`, where given) and the
        entities that nothing mentions any more. Says how much that was.
        """
        rows.serialize(connection, tenant)
        state = rows.state_of(connection, tenant)
        known = self._tenant(tenant)
        writer, known.writer = known.writer, None
        if writer is not None and writer.graph.generation != state.generation:
            writer = None  # the next write begins anew
        names = writer.names if writer else None
        documents, removed = rows.remove(connection, tenant, [doc_id], names, before_version)
        if documents:
            generation = rows.next_generation(state)
            rows.set_state(connection, tenant, State(generation, state.documents - documents))
            if writer is not None:
                writer.graph = writer.graph.with_changes(generation=generation, gone=[doc_id])
        known.writer = writer
        return removed

    def census(
        self, connection: Connection, tenant: str, doc_ids: Sequence[str] | None = None
    ) -> dict[tuple[str, int], Counted]:
        """What the graph has of each document, of all where none is named: (doc_id, version) -> rows."""
        return census(connection, tenant, doc_ids)

    def recount(self, tenant: str) -> Names:
        """Counts the tenant's names and documents from the rows, and puts right what differs."""
        with reading(self._engine) as connection:
            found = survey(connection, tenant)
            right = rows.state_of(connection, tenant).documents == number_of_documents(connection, tenant)
        if right and not found.changed:
            return found
        with self._engine.begin() as connection:
            rows.serialize(connection, tenant)
            found = correct(connection, tenant)
            state = rows.state_of(connection, tenant)
            # What a process knows of the names is behind from here on, and begun anew.
            rows.set_state(
                connection,
                tenant,
                State(rows.next_generation(state), number_of_documents(connection, tenant)),
            )
        return found

    # ------------------------------------------------------------ who is who

    def entities(self, tenant: str, name: str) -> list[EntityRow]:
        """Everything that goes by this name (in any spelling that normalises to it)."""
        table = tables.entities.c
        name = name_of(name)
        # A name without a context is known by its id; only of those with one there is an index.
        ids = {entity_id(tenant, name, kind) for kind in KINDS}
        told_apart = and_(table.tenant == tenant, table.name == name, table.context != "")
        with reading(self._engine) as connection:
            found = connection.execute(
                select(table.id, table.name, table.kind, table.context, table.passages, table.subjects)
                .where(or_(table.id.in_(ids), told_apart))
                .order_by(table.id)
            )
            return [EntityRow(*row) for row in found]

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
        rows.serialize(connection, tenant)
        state = rows.state_of(connection, tenant)
        generation = rows.next_generation(state)
        rows.set_state(connection, tenant, State(generation, state.documents))
        writer = self._tenant(tenant).writer
        if writer is not None and writer.graph.generation == state.generation:
            writer.graph = replace(writer.graph, generation=generation)

    # ------------------------------------------------------------ reading

    def graph(self, tenant: str) -> Graph:
        """The tenant's graph with everything that was committed before the call, perhaps more."""
        known = self._tenant(tenant)
        if known.graph.generation < rows.newest_state(self._engine, tenant).generation:
            with known.lock, reading(self._engine) as connection:
                state = rows.state_of(connection, tenant)
                if known.graph.generation < state.generation:
                    known.graph = known.newest(connection, state)
        return known.graph


def _access(chunks: Sequence[Chunk]) -> frozenset[str]:
    return frozenset(label for chunk in chunks for label in chunk.access)


def _counted(columns: Columns) -> dict[str, Counted]:
    """The rows of each document in each table."""
    owners = (
        columns.document_of,
        columns.document_of[columns.passage_of],
        columns.document_of[columns.passage_of[columns.mention_sentence]],
        columns.document_of[columns.subject_passage],
    )
    counts = [np.bincount(owner, minlength=len(columns.documents)).tolist() for owner in owners]
    return {document.doc_id: Counted(*sizes) for document, *sizes in zip(columns.documents, *counts)}


# ---------------------------------------------------------------- what this process knows


class _Tenant:
    """The graph that readers have, and what writers know; both may be behind the rows."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.writer: _Writer | None = None
        self.lock = threading.Lock()

    def taken(self, connection: Connection, state: State) -> "_Writer":
        """What this process knows, to be written to, and put back when the write has come to its end: begun
        anew when another process, or a write that failed, has moved the rows away from it.
        """
        writer, self.writer = self.writer, None
        if writer is not None and writer.graph.generation == state.generation:
            return writer
        if self.graph.generation == state.generation:
            return _Writer(self.graph)
        return _Writer(_brought_up(self.graph, connection, state))  # as this transaction has left the rows

    def newest(self, connection: Connection, state: State) -> Graph:
        """The graph of this state of the rows: what this process has written itself it need not read."""
        writer = self.writer
        written = writer.graph if writer else self.graph
        if written.generation == state.generation:
            identity = rows.identity_of(connection, written.tenant, written.contexts)
            return replace(written, same=identity.same, contexts=identity.contexts)
        return _brought_up(self.graph, connection, state)


def _brought_up(graph: Graph, connection: Connection, state: State) -> Graph:
    """The graph with what changed in the rows since."""
    tenant = graph.tenant
    changed = rows.documents_since(connection, tenant, graph.generation)
    gone = {document.doc_id for document in changed} & graph.documents.keys()
    if len(graph.documents) + len(changed) - len(gone) != state.documents:
        gone |= rows.deleted_documents(connection, graph)
    return graph.with_changes(
        generation=state.generation,
        added=rows.read_columns(connection, changed),
        gone=gone,
        late=rows.late_rows(connection, tenant, graph.generation) if graph.segments else [],
        identity=rows.identity_of(connection, tenant, graph.contexts),
    )


class _Writer:
    """The names that a tenant knows, and its graph with all that this process has written: documents are
    linked both ways, and readers take the graph over when the transaction is committed.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names = NameMatcher(name for name in graph.subject_names() if is_linkable(name))


# ---------------------------------------------------------------- older passages


def _link_back(
    connection: Connection, tenant: str, writer: _Writer, new_names: Sequence[str]
) -> Iterator[LateMention]:
    """The mentions of names in the passages that had them before this write brought the name."""
    wanted = _candidates(tenant, writer.graph, new_names)
    older = list(rows.texts(connection, list(wanted)))
    lines = [running(read_sentences(one.text, one.places)) for one in older]
    for which, number, those in writer.names.find_in_lines(lines):
        passage = older[which]
        new = [found for found in those if found[2] in wanted[passage.key]]
        if new:
            yield from _late(tenant, passage, number, new)


def _late(
    tenant: str, passage: rows.Written, number: int, found: Sequence[tuple[int, int, str]]
) -> Iterator[LateMention]:
    """The mentions of a sentence that are new to the passage."""
    at, stop = passage.places[number]
    for begin, end, name in NameMatcher.placed(found, Plain.of(passage.text[at:stop])):
        start, entity = at + begin, entity_id(tenant, name)
        if (start, entity) not in passage.known:
            first = all(entity != other for _, other in passage.known)
            row = LateRow(passage.chunk_id, number, start, at + end, entity, name, "name")
            yield LateMention(row, *passage.key, passage.text[start : at + end], first)
            passage.known.add((start, entity))


def _candidates(tenant: str, graph: Graph, names: Sequence[str]) -> dict[Key, set[str]]:
    """The passages that hold the words of a name and are not known to mention it."""
    runs = {}
    for name in names if graph.size else ():
        words = np.frombuffer(numbers_of(words_of(name)), np.uint32)
        if len(words):
            runs[name] = Run(words, entity_id(tenant, name), in_order=name.isascii())
    found: defaultdict[Key, set[str]] = defaultdict(set)
    for name, keys in zip(runs, graph.holding(list(runs.values()))):
        for key in keys if len(keys) <= _TOO_COMMON else ():
            found[key].add(name)
    return found
