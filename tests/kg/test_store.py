"""Rows: what is written, replaced and deleted, on SQLite and Postgres."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.errors import NotFound
from kg import tables
from kg.store import GraphStore
from tests.kg.library import EVERYBODY, TENANT, Library, doc_id, first_chunk


@pytest.fixture
def shelf(database: str) -> Iterator[Library]:
    made = Library(database)
    yield made
    made.engine.dispose()


def names(library: Library, tenant: str = TENANT) -> dict[str, tuple[int, int]]:
    table = tables.entities.c
    with library.engine.connect() as connection:
        rows = connection.execute(
            select(table.name, table.passages, table.subjects).where(table.tenant == tenant)
        ).all()
    return {row[0]: (row[1], row[2]) for row in rows}


def count(library: Library, table: Any) -> int:
    with library.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


ALL = [
    tables.documents,
    tables.passages,
    tables.sentences,
    tables.mentions,
    tables.links,
    tables.subjects,
    tables.entities,
    tables.merges,
]


def test_every_row_leads_to_tenant_document_version_and_chunk(shelf: Library) -> None:
    shelf.put("Lothair II", "Lothair II ruled.", "He wed Teutberga.", version=3)
    documents, passages, mentions, entities = (
        table.c for table in (tables.documents, tables.passages, tables.mentions, tables.entities)
    )
    with shelf.engine.connect() as connection:
        rows = connection.execute(
            select(documents.tenant, documents.doc_id, documents.version, passages.passage, passages.chunk_id)
            .join_from(tables.mentions, tables.passages, (passages.document == mentions.document) & (passages.passage == mentions.passage))
            .join(tables.documents, documents.id == passages.document)
            .join(tables.entities, entities.id == mentions.entity)
            .where(entities.name == "teutberga")
        ).all()  # fmt: skip
    assert [tuple(row) for row in rows] == [
        (TENANT, doc_id("Lothair II"), 3, 1, shelf.chunks("Lothair II", ["", ""], version=3)[1].id)
    ]


def test_frequencies_count_passages(shelf: Library) -> None:
    shelf.put("Lothair II", "Lothair II met Teutberga. Teutberga left.", "Teutberga returned.")
    assert names(shelf) == {"lothair ii": (1, 2), "teutberga": (2, 0)}


def test_a_new_version_takes_the_place_of_the_old_one(shelf: Library) -> None:
    shelf.put("Lothair II", "Lothair II met Teutberga.")
    shelf.put("Lothair II", "Lothair II met Waldrada.", version=2)
    assert names(shelf) == {"lothair ii": (1, 1), "waldrada": (1, 0)}
    assert count(shelf, tables.documents) == 1


def test_the_same_version_again_changes_nothing(shelf: Library) -> None:
    shelf.put("Lothair II", "Lothair II met Teutberga.")
    before = [count(shelf, table) for table in ALL]
    shelf.put("Lothair II", "Lothair II met Teutberga.")
    assert [count(shelf, table) for table in ALL] == before
    assert names(shelf) == {"lothair ii": (1, 1), "teutberga": (1, 0)}


def test_what_nothing_mentions_any_more_is_gone(shelf: Library) -> None:
    shelf.put("Lothair II", "Lothair II met Teutberga. John Doe, Director, too.")
    shelf.put("Waldrada", "She met Lothair II.")
    shelf.drop("Lothair II")
    assert names(shelf) == {"lothair ii": (1, 0), "waldrada": (0, 1)}
    shelf.drop("Waldrada")
    assert [count(shelf, table) for table in ALL] == [0] * len(ALL)
    shelf.drop("Waldrada")


def test_a_delete_may_spare_the_new_version(shelf: Library) -> None:
    shelf.put("Lothair II", "A king.", version=2)
    shelf.drop("Lothair II", before_version=2)
    assert count(shelf, tables.documents) == 1
    shelf.drop("Lothair II", before_version=3)
    assert count(shelf, tables.documents) == 0


def test_older_passages_are_linked_to_a_name_that_comes_later(shelf: Library) -> None:
    shelf.put("Couples", "They tried person-centered therapy.")
    shelf.put("Person-centered therapy", "A form of psychotherapy.")
    assert names(shelf)["person centered therapy"] == (1, 1)
    assert count(shelf, tables.links) == 1
    shelf.drop("Couples")
    assert count(shelf, tables.links) == 0
    assert names(shelf)["person centered therapy"] == (0, 1)


def test_later_passages_are_linked_to_a_name_that_was_there(shelf: Library) -> None:
    shelf.put("Person-centered therapy", "A form of psychotherapy.")
    shelf.put("Couples", "They tried person-centered therapy.")
    assert names(shelf)["person centered therapy"] == (1, 1)


def test_a_chinese_name_is_linked_both_ways(shelf: Library) -> None:
    shelf.put("旧文", "他们使用心流疗法治疗。")
    shelf.put("心流疗法", "一种方法。")
    shelf.put("新文", "再谈心流疗法。")
    assert names(shelf)["心流疗法"] == (2, 1)


def test_names_known_to_another_process_are_linked(shelf: Library) -> None:
    shelf.put("Couples", "They tried person-centered therapy.")
    other = GraphStore(shelf.engine)
    with shelf.engine.begin() as connection:
        chunks = shelf.chunks("Person-centered therapy", ["A form."])
        other.write(connection, TENANT, doc_id("Person-centered therapy"), 1, chunks)
    shelf.put("More couples", "Also person-centered therapy.")
    assert names(shelf)["person centered therapy"] == (2, 1)
    assert other.graph(TENANT).generation == shelf.store.graph(TENANT).generation


def test_what_is_rolled_back_never_was(shelf: Library) -> None:
    shelf.put("Lothair II", "A king.")

    def fail() -> None:
        with shelf.engine.begin() as connection:
            chunks = shelf.chunks("Person-centered therapy", ["A form."])
            shelf.store.write(connection, TENANT, doc_id("Person-centered therapy"), 1, chunks)
            shelf.store.delete(connection, TENANT, doc_id("Lothair II"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(shelf) == {"lothair ii": (0, 1)}
    shelf.put("Couples", "They tried person-centered therapy.")
    assert "person centered therapy" not in names(shelf)
    assert set(shelf.store.graph(TENANT).documents) == {doc_id("Lothair II"), doc_id("Couples")}


def test_several_writes_may_share_a_transaction(shelf: Library) -> None:
    with shelf.engine.begin() as connection:
        for title in ("Person-centered therapy", "Couples", "More couples"):
            chunks = shelf.chunks(title, ["They tried person-centered therapy."])
            shelf.store.write(connection, TENANT, doc_id(title), 1, chunks)
        shelf.store.delete(connection, TENANT, doc_id("Couples"))
    assert names(shelf)["person centered therapy"] == (2, 1)
    assert len(shelf.store.graph(TENANT).documents) == 2


def test_tenants_share_nothing(shelf: Library) -> None:
    shelf.put("Person-centered therapy", "A form.", tenant="beta")
    shelf.put("Couples", "They tried person-centered therapy with Lothair II.")
    assert "person centered therapy" not in names(shelf)
    assert names(shelf, "beta") == {"person centered therapy": (0, 1)}
    shelf.drop("Person-centered therapy", tenant="beta")
    assert names(shelf)["lothair ii"] == (1, 0)
    assert not shelf.store.graph("beta").documents


def test_a_document_without_text_is_a_document(shelf: Library) -> None:
    shelf.put("Empty")
    shelf.put("Blank", "")
    assert set(shelf.store.graph(TENANT).documents) == {doc_id("Empty"), doc_id("Blank")}
    shelf.drop("Empty")
    shelf.drop("Blank")
    assert count(shelf, tables.documents) == 0


def test_text_that_no_database_takes_is_kept_without_it(shelf: Library) -> None:
    shelf.put("Lothair\0 II", "He met \ud800Teutberga\0 there.")
    assert "teutberga" in names(shelf)


# ---------------------------------------------------------------- who is who


def two_firms(library: Library, *firms: str) -> None:
    for firm in firms:
        library.put(firm, f'{firm}, Inc. (the "Company") named John Smith, Chief Executive Officer.')


def mentioned_together(library: Library) -> bool:
    graph = library.store.graph(TENANT)
    entities = library.store.entities(TENANT, "John Smith")
    _, passages = graph.mentioning(np.array([entities[0].id], np.int64))
    return len(set(passages.tolist())) > 1


def test_namesakes_in_two_firms_are_kept_apart_until_someone_says_otherwise(shelf: Library) -> None:
    two_firms(shelf, "Acme", "Beta")
    people = shelf.store.entities(TENANT, "john  SMITH")
    assert {(one.kind, one.context) for one in people} == {("person", "acme"), ("person", "beta")}
    assert not mentioned_together(shelf)
    with shelf.engine.begin() as connection:
        shelf.store.merge(connection, TENANT, people[0].id, people[1].id, "the same man, by his biography")
    assert mentioned_together(shelf)
    with shelf.engine.begin() as connection:
        shelf.store.separate(connection, TENANT, people[0].id)
    assert not mentioned_together(shelf)


def test_a_name_with_one_meaning_is_that_meaning_until_a_second_comes(shelf: Library) -> None:
    two_firms(shelf, "Acme")
    shelf.put("News", "The mayor met John Smith.")
    assert mentioned_together(shelf)
    two_firms(shelf, "Beta")
    graph = shelf.store.graph(TENANT)
    meant = [one for one in shelf.store.entities(TENANT, "John Smith") if one.context]
    assert all(one.id not in graph.same for one in meant)


def test_entities_that_are_not_there_cannot_be_merged(shelf: Library) -> None:
    with pytest.raises(NotFound, match="no entity 7"), shelf.engine.begin() as connection:
        shelf.store.merge(connection, TENANT, 7, 8, "")


# ---------------------------------------------------------------- any history

TITLES = ["Red Fox", "Blue Fox", "Red Wolf", "Fox"]
TEXTS = ["The red fox met a blue fox.", "Red Wolf saw Fox and Red Fox.", "Nothing here.", ""]
steps = st.lists(
    st.tuples(st.sampled_from(TITLES), st.one_of(st.none(), st.lists(st.sampled_from(TEXTS), max_size=2))),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_a_graph_that_was_patched_equals_one_that_is_read_anew(
    library: Library, history: list[tuple[str, list[str] | None]]
) -> None:
    for title in TITLES:
        library.drop(title)
    for version, (title, texts) in enumerate(history, 1):
        if texts is None:
            library.drop(title)
        else:
            library.put(title, *texts, version=version)
        library.store.graph(TENANT)
    assert facts(library.store) == facts(GraphStore(library.engine))
    assert names(library) == counted(library.store)


def facts(store: GraphStore) -> set[tuple[str, str, int, int]]:
    """Everything that the graph says: (chunk, name, start, stop) and (chunk, subject, -1, -1)."""
    graph = store.graph(TENANT)
    live = np.flatnonzero(graph.visible(EVERYBODY)).astype(np.int32)
    owner, sentences = graph.sentences(live)
    mentions = graph.mentions(sentences)
    chunks = [graph.chunk_id(int(live[owner[sentence]])) for sentence in mentions.owner.tolist()]
    said = zip(chunks, graph.names(mentions.entity), *mentions.place.T.tolist())
    about = [(graph.chunk_id(passage), entity) for passage, entity, _, _ in graph.subjects(live)]
    subjects = graph.names(np.array([entity for _, entity in about], np.int64))
    return {*said, *((chunk, name, -1, -1) for (chunk, _), name in zip(about, subjects))}


def counted(store: GraphStore) -> dict[str, tuple[int, int]]:
    mentioned: dict[str, set[str]] = {}
    about: dict[str, set[str]] = {}
    for chunk, name, start, _ in facts(store):
        (about if start < 0 else mentioned).setdefault(name, set()).add(chunk)
    return {
        name: (len(mentioned.get(name, ())), len(about.get(name, ())))
        for name in mentioned.keys() | about.keys()
    }


def test_a_chunk_is_found_by_its_id(library: Library) -> None:
    library.put("Lothair II", "A king.")
    graph = library.store.graph(TENANT)
    found = graph.locate([first_chunk("Lothair II"), "nothing"]).tolist()
    assert found[1] == -1
    assert graph.chunk_id(found[0]) == first_chunk("Lothair II")
