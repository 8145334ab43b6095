"""Bridge retrieval on a library made by hand."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from core.types import PUBLIC, Access
from kg.link import link
from kg.search import STATED, Bridged, bridge
from tests.kg.library import EVERYBODY, TENANT, Library, chunk, first_chunk

QUESTION = "Where was the director of Iron Harbour born?"
BOOKS = {
    "Iron Harbour": ["Iron Harbour is a 1961 film. It was directed by Ada Kowalska and shot in Gdynia."],
    "Ada Kowalska": ["Ada Kowalska was a director. She was born in Lublin."],
    "Harbour": ["A harbour is a place where ships are born from iron."],
    "Film director": ["A director makes a film. A film director is born, not made."],
    "Gdynia": ["Gdynia is a port."],
}


@pytest.fixture
def books(library: Library) -> Library:
    library.put_all(BOOKS)
    return library


def search(
    library: Library, question: str, base: Mapping[str, float], access: Access = EVERYBODY
) -> list[Bridged]:
    return list(bridge(library.store.graph(TENANT), question, base, access=access, limit=10))


def titles(found: list[Bridged]) -> list[str]:
    known = {first_chunk(title): title for title in BOOKS}
    return [known[one.chunk_id] for one in found]


BASE = {first_chunk("Film director"): 1.0, first_chunk("Iron Harbour"): 0.8, first_chunk("Harbour"): 0.7}


def test_a_passage_that_the_base_did_not_find_is_reached_through_a_name(books: Library) -> None:
    found = search(books, QUESTION, BASE)
    assert titles(found)[:2] == ["Iron Harbour", "Ada Kowalska"]


def test_what_a_statement_reaches_comes_behind_what_its_words_found(books: Library) -> None:
    found = [*bridge(books.store.graph(TENANT), QUESTION, BASE, access=EVERYBODY, limit=10, settings=STATED)]
    assert [one.chunk_id for one in found][: len(BASE)] == list(BASE)
    assert first_chunk("Ada Kowalska") in {one.chunk_id for one in found[len(BASE) :]}


def test_the_path_leads_from_the_question_through_sentence_and_name(books: Library) -> None:
    found = {one.chunk_id: one for one in search(books, QUESTION, BASE)}
    named, led = found[first_chunk("Ada Kowalska")].path
    assert named.chunk_id == ""
    assert QUESTION[named.start : named.end] == "Iron Harbour"
    assert led.chunk_id == first_chunk("Iron Harbour")
    assert BOOKS["Iron Harbour"][0][led.start : led.end] == "Ada Kowalska"
    assert led.entity == "ada kowalska"
    assert found[first_chunk("Harbour")].path == ()


def test_everything_that_the_base_did_not_find_has_a_path(books: Library) -> None:
    for one in search(books, QUESTION, BASE):
        assert one.path or one.chunk_id in BASE


def test_where_nothing_is_named_the_base_keeps_its_order(books: Library) -> None:
    base = {first_chunk("Film director"): 1.0, first_chunk("Gdynia"): 0.4, "unknown to the graph": 0.7}
    found = search(books, "what makes a good film", base)
    assert [one.chunk_id for one in found[:3]] == [
        first_chunk("Film director"),
        "unknown to the graph",
        first_chunk("Gdynia"),
    ]
    assert found[0].score == pytest.approx(1.0)


def test_a_passage_that_only_shares_words_with_a_name_falls_behind(books: Library) -> None:
    found = {one.chunk_id: one.score for one in search(books, QUESTION, BASE)}
    assert found[first_chunk("Harbour")] < 0.6


def test_what_a_caller_may_not_see_neither_appears_nor_leads_on(library: Library) -> None:
    for title, texts in BOOKS.items():
        access = frozenset({"board"}) if title == "Iron Harbour" else PUBLIC
        library.put(title, *texts, access=access)
    found = titles(search(library, QUESTION, BASE))
    assert "Iron Harbour" not in found
    assert "Ada Kowalska" not in found
    board = Access(TENANT, PUBLIC | {"board"})
    assert "Ada Kowalska" in titles(search(library, QUESTION, BASE, board))


def test_another_tenant_sees_nothing(books: Library) -> None:
    assert search(books, QUESTION, BASE, Access("beta", PUBLIC)) == []


def test_a_deleted_passage_leads_nowhere(books: Library) -> None:
    books.store.graph(TENANT)
    books.drop("Iron Harbour")
    assert "Ada Kowalska" not in titles(search(books, QUESTION, {first_chunk("Harbour"): 1.0}))


def test_the_dense_score_decides_between_passages_that_share_a_name(library: Library) -> None:
    library.put("Iron Harbour", "Iron Harbour was directed by Ada Kowalska.")
    library.put("North", "In the north Ada Kowalska grew up.")
    library.put("South", "In the south Ada Kowalska was filmed.")
    asked: set[str] = set()

    def cosine(chunk_ids: Collection[str]) -> dict[str, float]:
        asked.update(chunk_ids)
        return {one: 0.9 if one == first_chunk("South") else 0.1 for one in chunk_ids}

    base = {first_chunk("Iron Harbour"): 1.0}
    graph = library.store.graph(TENANT)
    found = bridge(graph, QUESTION, base, access=EVERYBODY, cosine=cosine, limit=3)
    assert [one.chunk_id for one in found[1:]] == [first_chunk("South"), first_chunk("North")]
    assert asked >= {first_chunk("South"), first_chunk("North")}


def test_a_limit_is_a_limit_and_equal_scores_go_by_id(books: Library) -> None:
    base = {first_chunk(title): 0.5 for title in ("Harbour", "Gdynia", "Film director")}
    found = bridge(books.store.graph(TENANT), "which", base, access=EVERYBODY, limit=2)
    assert [one.chunk_id for one in found] == sorted(base)[:2]


def test_a_chinese_question_is_bridged(library: Library) -> None:
    library.put("铁港", "《铁港》是一部电影，由安达执导，在格但斯克湾拍摄。")
    library.put("格但斯克湾", "格但斯克湾位于波兰北部。")
    library.put("电影", "电影是艺术。")
    base = {first_chunk("铁港"): 1.0, first_chunk("电影"): 0.9}
    found = search(library, "铁港在哪个国家拍摄？", base)
    assert found[1].chunk_id == first_chunk("格但斯克湾")
    assert [step.entity for step in found[1].path][-1] == "格但斯克湾"


def test_an_empty_graph_gives_the_base_back(library: Library) -> None:
    assert search(library, "Who is Ada Kowalska?", {"a": 0.5, "b": 1.0}) == [
        Bridged("b", 1.0),
        Bridged("a", 0.5),
    ]
    assert search(library, "", {}) == []


# ---------------------------------------------------------------- what a question names


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("When did Lothair II's mother die?", ["lothair ii"]),
        ("when did lothair ii die", ["lothair ii"]),
        ("What is The Art of War?", ["the art of war"]),
        ("Cold exposure and cold water", []),
        ("Paris in spring", ["paris"]),
        ("is the king of france bald", ["king of france"]),
        ("the king", []),
        ("上海交通大学在哪里", ["上海交通大学"]),
        ("", []),
    ],
)
def test_a_question_names_what_the_graph_knows(library: Library, question: str, named: list[str]) -> None:
    library.put_all(
        {
            "Lothair II": ["The king, Cold as he was, died."],
            "The Art of War": ["A book."],
            "Paris": ["A city."],
            "King of France": ["A rank."],
            "上海交通大学": ["一所大学。"],
        }
    )
    graph = library.store.graph(TENANT)
    assert [one.name for one in link(graph, question, graph.visible(EVERYBODY)).links] == named


def test_a_name_that_only_others_may_read_is_no_name(library: Library) -> None:
    library.put("Lothair II", "A king.", access=frozenset({"board"}))
    graph = library.store.graph(TENANT)
    assert link(graph, "When did Lothair II die?", graph.visible(EVERYBODY)).links == []


# ---------------------------------------------------------------- real questions


@pytest.mark.data
def test_the_graph_lifts_recall_on_questions_of_several_steps(library: Library, data: Path) -> None:
    """Words alone as the base: the graph must do the rest. Floor far below what was measured."""
    folder = data / "hotpotqa_train100"
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    documents = [
        (record["_id"], 1, [chunk(record["text"], title=record["title"], doc_id=record["_id"])])
        for record in corpus
    ]
    with library.engine.begin() as connection:
        library.store.write_many(connection, TENANT, documents)
    ids = {chunks[0].id: doc_id for doc_id, _, chunks in documents}
    wanted: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, _ = line.split("\t")
        wanted.setdefault(query, set()).add(document)
    graph = library.store.graph(TENANT)
    before, after = [], []
    for record in (json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()):
        base = lexical(graph, record["text"])
        found = bridge(graph, record["text"], base, access=EVERYBODY, limit=5)
        gold = wanted[record["_id"]]
        first = sorted(base, key=lambda one: (-base[one], one))[:5]
        before.append(len(gold & {ids[one] for one in first}) / len(gold))
        after.append(len(gold & {ids[one.chunk_id] for one in found}) / len(gold))
        assert all(one.path for one in found if one.chunk_id not in base)
    assert sum(after) / len(after) > 0.9
    assert sum(after) > sum(before) + 10


def lexical(graph, question: str) -> dict[str, float]:  # type: ignore[no-untyped-def]
    import numpy as np

    from kg.search import _Words

    scores = _Words(graph, question, []).fit
    best = np.argsort(-scores)[:100]
    return {graph.chunk_id(int(passage)): float(scores[passage]) for passage in best if scores[passage] > 0}
