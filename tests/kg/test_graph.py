"""The graph in memory: who may see what, and that it stays the same however it was put together."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import PUBLIC, Access
from kg.arrays import DocumentRow, distinct, strongest
from kg.graph import Documents, Graph
from kg.names import entity_id
from kg.store import GraphStore
from tests.kg.library import EVERYBODY, TENANT, Library, doc_id, first_chunk
from tests.kg.test_store import facts


def mentioning(graph: Graph, name: str, access: Access = EVERYBODY) -> set[str]:
    _, passages = graph.mentioning(np.array([entity_id(TENANT, name)], np.int64))
    visible = graph.visible(access)
    return {graph.chunk_id(passage) for passage in passages.tolist() if visible[passage]}


def test_only_the_labels_of_a_document_open_it(library: Library) -> None:
    library.put("Lothair II", "He met Teutberga.", access=frozenset({"board"}))
    library.put("Waldrada", "She met Teutberga.")
    graph = library.store.graph(TENANT)
    assert mentioning(graph, "teutberga") == {first_chunk("Waldrada")}
    board = Access(TENANT, frozenset({"board"}))
    assert mentioning(graph, "teutberga", board) == {first_chunk("Lothair II")}
    assert mentioning(graph, "teutberga", Access(TENANT, PUBLIC | {"board"})) == {
        first_chunk("Lothair II"),
        first_chunk("Waldrada"),
    }
    assert not mentioning(graph, "teutberga", Access("another", PUBLIC))


def test_labels_of_a_new_version_count(library: Library) -> None:
    library.put("Lothair II", "He met Teutberga.")
    library.store.graph(TENANT)
    library.put("Lothair II", "He met Teutberga.", version=2, access=frozenset({"board"}))
    assert not mentioning(library.store.graph(TENANT), "teutberga")


def test_a_reader_keeps_the_graph_that_it_has(library: Library) -> None:
    library.put("Lothair II", "He met Teutberga.")
    before = library.store.graph(TENANT)
    library.drop("Lothair II")
    assert mentioning(before, "teutberga") == {first_chunk("Lothair II")}
    assert not mentioning(library.store.graph(TENANT), "teutberga")


def test_a_graph_that_did_not_change_is_the_same_object(library: Library) -> None:
    library.put("Lothair II", "A king.")
    assert library.store.graph(TENANT) is library.store.graph(TENANT)


@pytest.mark.parametrize("refreshed_every", [1, 7, 1000])
def test_many_small_changes_become_few_segments(library: Library, refreshed_every: int) -> None:
    for number in range(70):
        library.put(f"Fox Number {number}", f"The red wolf met Fox Number {number // 2}.", "Red Wolf left.")
        if number % 9 == 5:
            library.drop(f"Fox Number {number - 3}")
        if number % refreshed_every == 0:
            library.store.graph(TENANT)
    library.put("Red Wolf", "Late but linked.")
    graph = library.store.graph(TENANT)
    assert len(graph.segments) <= 2
    assert facts(library.store) == facts(GraphStore(library.engine))
    frequency = graph.frequency(np.array([entity_id(TENANT, "red wolf")], np.int64))
    fresh = GraphStore(library.engine).graph(TENANT)
    assert fresh.frequency(np.array([entity_id(TENANT, "red wolf")], np.int64)).tolist() == [124]
    assert 124 <= frequency[0] <= 140, "deleted passages count until their segment is merged"


def test_graphs_of_tenants_that_nobody_asks_for_are_forgotten_and_come_back(library: Library) -> None:
    store = GraphStore(library.engine, in_memory=1)
    for tenant in ("one", "two", "one"):
        with library.engine.begin() as connection:
            store.write(
                connection, tenant, "doc", 1, library.chunks("Lothair II", ["A king."], tenant=tenant)
            )
        assert set(store.graph(tenant).documents) == {"doc"}


def test_one_document_less_among_very_many_is_noticed(library: Library) -> None:
    library.put_all({f"Fox {number}": [""] for number in range(2500)})
    graph = library.store.graph(TENANT)
    for number in (0, 1234, 2499):
        library.drop(f"Fox {number}")
    assert graph.documents.keys() - library.store.graph(TENANT).documents.keys() == {
        doc_id("Fox 0"),
        doc_id("Fox 1234"),
        doc_id("Fox 2499"),
    }


def test_readers_and_a_writer_may_be_different_threads(library: Library) -> None:
    seen: list[int] = []

    def read() -> None:
        while len(seen) < 200 and (not seen or seen[-1] < 20):
            seen.append(len(library.store.graph(TENANT).documents))

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for number in range(20):
            library.put(f"Fox {number}", "The Red Wolf.")
        for reader in readers:
            reader.result()
    assert len(library.store.graph(TENANT).documents) == 20


def test_words_and_sentences_are_those_of_the_text(library: Library) -> None:
    text = "He met Teutberga. They wed."
    library.put("Lothair II", text, "Another passage.")
    graph = library.store.graph(TENANT)
    passage = graph.locate([first_chunk("Lothair II")])
    _, sentences = graph.sentences(passage)
    places = [graph.sentence(sentence) for sentence in sentences.tolist()]
    assert [text[start:stop] for _, start, stop in places] == ["He met Teutberga.", "They wed."]
    mentions = graph.mentions(sentences)
    assert [text[start:stop] for start, stop in mentions.place.tolist()] == ["Teutberga"]
    assert graph.documents[doc_id("Lothair II")].version == 1


def test_who_asks_twice_for_a_name_is_told_twice_where_it_stands(library: Library) -> None:
    letters = {"Letters": ["He wrote to the red wolf society."]}
    library.put_all({**letters, **{f"Page {number}": ["Nothing."] for number in range(300)}})
    library.put("Red Wolf Society", "A club.")  # the older passage is linked late
    graph = library.store.graph(TENANT)
    assert any(len(late.sentence) for late in graph.late)
    entity = entity_id(TENANT, "red wolf society")
    owner, passages = graph.mentioning(np.array([entity, entity], np.int64))
    (letter,) = graph.locate([first_chunk("Letters")]).tolist()
    assert owner[passages == letter].tolist() == [0, 1]


def test_the_strongest_of_each_key_is_the_first_of_its_equals() -> None:
    keys = np.array([7, 3, 7, 3, 7, 5], np.int64)
    found, at = strongest(keys, np.array([1.0, 2.0, 4.0, 2.0, 4.0, 0.0]))
    assert (found.tolist(), at.tolist()) == ([3, 5, 7], [1, 5, 2])
    assert distinct(keys).tolist() == [3, 5, 7]
    assert not len(distinct(keys[:0]))


def test_bm25_prefers_the_passage_that_has_the_words(library: Library) -> None:
    library.put_all({"One": ["the fox ran"], "Two": ["a fox and another fox"], "Three": ["a wolf"]})
    graph = library.store.graph(TENANT)
    from kg.words import numbers_of

    (foxes,) = graph.postings(np.frombuffer(numbers_of(["foxes"]), np.uint32))
    scores = graph.lexical([(foxes, 1.0)])
    assert foxes.passages == 2
    assert [
        round(float(scores[graph.locate([first_chunk(title)])[0]]), 2) for title in ("One", "Two", "Three")
    ] == [
        pytest.approx(1.0, abs=0.1),
        pytest.approx(1.3, abs=0.1),
        0,
    ]


def test_an_empty_tenant_has_an_empty_graph(library: Library) -> None:
    graph = library.store.graph("nobody")
    assert graph.size == 0
    assert graph.subject_names() == []
    assert graph.locate(["x"]).tolist() == [-1]
    assert graph.memory() == 0


doc_ids = st.sampled_from([f"doc-{number}" for number in range(6)])


@given(st.lists(st.tuples(st.sets(doc_ids, max_size=3), st.sets(doc_ids, max_size=3)), max_size=12))
def test_documents_that_change_are_what_a_dictionary_would_be(
    changes: list[tuple[set[str], set[str]]],
) -> None:
    documents = Documents(
        {"doc-0": DocumentRow(0, "doc-0", 1, PUBLIC), "shared": DocumentRow(1, "shared", 1, PUBLIC)}
    )
    expected = dict(documents)
    for number, (gone, come) in enumerate(changes):
        added = [DocumentRow(10 * number, doc_id, 2, PUBLIC) for doc_id in sorted(come)]
        former, before = documents, dict(documents)
        documents = documents.with_changes(gone, added)
        expected = {doc_id: row for doc_id, row in expected.items() if doc_id not in gone}
        expected |= {row.doc_id: row for row in added}
        assert dict(documents) == expected
        assert len(documents) == len(expected)
        assert all((doc_id in documents) == (doc_id in expected) for doc_id in ("doc-0", "doc-1", "other"))
        assert dict(former) == before


def test_many_changed_documents_are_shared_anew() -> None:
    documents = Documents()
    for first in range(0, 6_000, 500):
        rows = [DocumentRow(number, f"doc-{number}", 1, PUBLIC) for number in range(first, first + 500)]
        documents = documents.with_changes([f"doc-{first - 1}"], rows)
    assert len(documents) == 6_000 - 11
    assert "doc-499" not in documents
    assert documents["doc-5999"].number == 5_999
