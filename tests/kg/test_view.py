"""The graph as NetworkX, as files, and the paths between two names."""

import json

import networkx
import pytest

from core.errors import InputError, NotFound
from core.types import PUBLIC, Access
from kg.related import related
from kg.view import Format, communities, neighbourhood, neighbours, networkx_graph, shortest_path, written
from tests.kg.library import EVERYBODY, TENANT, Library, doc_id, first_chunk

BOOKS = {
    "Iron Harbour": ["Iron Harbour is a film. It was directed by Ada Kowalska."],
    "Ada Kowalska": ["She was born in Lublin. Her friend was Jan Nowak."],
    "Jan Nowak": ["A baker in Warsaw. He never left Praga."],
    "Elsewhere": ["Nothing to do with Timbuktu."],
}


@pytest.fixture
def books(library: Library) -> Library:
    library.put_all(BOOKS)
    return library


def text_of(chunk_id: str) -> str:
    return next(texts[0] for title, texts in BOOKS.items() if first_chunk(title) == chunk_id)


def test_nodes_and_edges_have_types_and_say_where_they_come_from(books: Library) -> None:
    made = networkx_graph(books.store.graph(TENANT), access=EVERYBODY)
    film = first_chunk("Iron Harbour")
    assert made.nodes[doc_id("Iron Harbour")] == {"type": "document", "version": 1}
    assert made.nodes[film] == {"type": "passage", "ordinal": 0}
    assert made.nodes["name:ada kowalska"] == {
        "type": "name",
        "kind": "name",
        "name": "ada kowalska",
        "context": "",
        "passages": 1,
    }
    assert made.edges[film, doc_id("Iron Harbour")] == {"relation": "part of"}
    edge = made.edges[film, "name:ada kowalska"]
    number, place = edge["sentences"].split(":")
    start, stop = map(int, place.split("-"))
    assert (number, text_of(film)[start:stop]) == ("1", "Ada Kowalska")
    assert made.edges[film, "name:iron harbour"]["relation"] == "mentions, about"
    assert made.edges[first_chunk("Ada Kowalska"), "name:ada kowalska"] == {
        "relation": "about",
        "role": "title",
        "whole": True,
    }


def test_what_may_not_be_seen_is_not_exported(library: Library) -> None:
    library.put("Open", "About Ada Kowalska.")
    library.put("Closed", "About Jan Nowak.", access=frozenset({"board"}))
    made = networkx_graph(library.store.graph(TENANT), access=EVERYBODY)
    assert "name:jan nowak" not in made
    assert doc_id("Closed") not in made
    with pytest.raises(NotFound):
        neighbourhood(library.store.graph(TENANT), "Jan Nowak", access=EVERYBODY)
    with pytest.raises(NotFound):
        shortest_path(library.store.graph(TENANT), "Ada Kowalska", "Jan Nowak", access=EVERYBODY)


@pytest.mark.parametrize("format", ["json", "graphml"])
def test_a_file_brings_the_graph_back(books: Library, format: Format) -> None:  # noqa: A002
    made = networkx_graph(books.store.graph(TENANT), access=EVERYBODY)
    text = written(made, format)
    if format == "json":
        back = networkx.node_link_graph(json.loads(text), edges="edges")
    else:
        back = networkx.parse_graphml(text)
    assert set(back.nodes) == set(made.nodes)
    assert {frozenset(edge) for edge in back.edges} == {frozenset(edge) for edge in made.edges}
    assert back.nodes["name:ada kowalska"] == made.nodes["name:ada kowalska"]


def test_an_unknown_format_is_refused(books: Library) -> None:
    made = networkx_graph(books.store.graph(TENANT), access=EVERYBODY)
    with pytest.raises(InputError, match="'pickle' is not known; known: 'json', 'graphml'"):
        written(made, "pickle")  # type: ignore[arg-type]


def test_communities_hold_together_what_is_connected(books: Library) -> None:
    made = networkx_graph(books.store.graph(TENANT), access=EVERYBODY)
    groups = communities(made)
    assert sum(map(len, groups)) == len(made)
    (elsewhere,) = (group for group in groups if first_chunk("Elsewhere") in group)
    assert first_chunk("Iron Harbour") not in elsewhere


def test_a_backend_goes_through_the_dispatch_of_networkx(books: Library) -> None:
    made = networkx_graph(books.store.graph(TENANT), access=EVERYBODY)
    with pytest.raises(InputError, match="'no_such_backend' is not installed"):
        communities(made, backend="no_such_backend")
    assert communities(made, backend="networkx") == communities(made)


def test_neighbours_are_the_names_beside_a_name_with_the_sentence_that_says_so(library: Library) -> None:
    texts = ["In Lublin lived Ada Kowalska with Jan Nowak.", "Ada Kowalska wrote to Jan Nowak from Riga."]
    library.put("Letters", *texts)
    library.put("Closed", "Ada Kowalska was watched by Otto Spion.", access=frozenset({"board"}))
    found = neighbours(library.store.graph(TENANT), "Ada Kowalska", access=EVERYBODY)
    assert found[0].name == "jan nowak"
    assert found[0].passages == 2
    (quote,) = found[0].quotes
    assert texts[0][quote.start : quote.stop] == texts[0]
    assert "otto spion" not in {one.name for one in found}
    assert {one.name for one in found} >= {"lublin", "riga"}


def test_a_count_tells_nothing_of_passages_that_may_not_be_seen(library: Library) -> None:
    library.put("Open", "About Ada Kowalska.")
    library.put("Closed", "About Ada Kowalska.", access=frozenset({"board"}))
    made = networkx_graph(library.store.graph(TENANT), access=EVERYBODY)
    assert made.nodes["name:ada kowalska"]["passages"] == 1


def test_a_neighbourhood_is_the_passages_of_a_name(books: Library) -> None:
    made = neighbourhood(books.store.graph(TENANT), "ada KOWALSKA", access=EVERYBODY)
    passages = {node for node, data in made.nodes(data=True) if data["type"] == "passage"}
    assert passages == {first_chunk("Iron Harbour"), first_chunk("Ada Kowalska")}


def test_a_path_names_the_sentences_that_justify_it(library: Library) -> None:
    texts = {
        "One": "Iron Harbour is a film. It was directed by Ada Kowalska.",
        "Two": "In Lublin lived Ada Kowalska with Jan Nowak.",
    }
    library.put_all({title: [text] for title, text in texts.items()})
    graph = library.store.graph(TENANT)
    first, second = shortest_path(graph, "Iron Harbour", "Jan Nowak", access=EVERYBODY)
    assert (first.name, first.other, second.name, second.other) == (
        "iron harbour",
        "ada kowalska",
        "ada kowalska",
        "jan nowak",
    )
    assert [texts["One"][quote.start : quote.stop] for quote in first.quotes] == [
        "Iron Harbour is a film.",
        "It was directed by Ada Kowalska.",
    ]
    assert [texts["Two"][quote.start : quote.stop] for quote in second.quotes] == [texts["Two"]]


def test_where_no_path_leads_there_is_none(books: Library) -> None:
    graph = books.store.graph(TENANT)
    assert shortest_path(graph, "Iron Harbour", "Timbuktu", access=EVERYBODY) == []
    with pytest.raises(NotFound, match="no passage names 'Atlantis'"):
        shortest_path(graph, "Iron Harbour", "Atlantis", access=EVERYBODY)


# ---------------------------------------------------------------- related documents


def test_documents_that_share_rare_names_are_related(library: Library) -> None:
    library.put("One", "Ada Kowalska met Jan Nowak in Poland.")
    library.put("Two", "Jan Nowak and Ada Kowalska wed in Poland.")
    library.put("Three", "Poland is a country.")
    library.put("Four", "Timbuktu is a city.")
    found = related(library.store.graph(TENANT), doc_id("One"), access=EVERYBODY)
    assert [one.doc_id for one in found] == [doc_id("Two"), doc_id("Three")]
    assert found[0].score == 1
    assert set(found[0].names) >= {"ada kowalska", "jan nowak"}


def test_related_documents_are_those_that_the_caller_may_see(library: Library) -> None:
    library.put("One", "Ada Kowalska met Jan Nowak.")
    library.put("Two", "Jan Nowak and Ada Kowalska wed.", access=frozenset({"board"}))
    graph = library.store.graph(TENANT)
    assert related(graph, doc_id("One"), access=EVERYBODY) == []
    assert related(graph, doc_id("Two"), access=EVERYBODY) == []
    assert len(related(graph, doc_id("One"), access=Access(TENANT, PUBLIC | {"board"}))) == 1
    assert related(graph, "no such document", access=EVERYBODY) == []
