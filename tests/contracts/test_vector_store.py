"""What every `VectorStore` promises, asked of each implementation.

qdrant-client's local mode runs the server's class without a server and serves as the oracle of
the embedded engine.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid4, uuid5

import numpy as np
import pytest

from core.errors import InputError
from core.ports import VectorStore
from core.types import PUBLIC, Access, Box, Chunk, Place, Point, Scored, Span, Sparse, Vector
from rag.index.edge import EdgeStore
from rag.index.qdrant import QdrantStore
from rag.index.sparse import LexicalEncoder
from rag.index.store import Identity, Space
from tests.fakes import MemoryStore, a_chunk

SIZE = 4
IDENTITY = Identity({"text": Space("test", SIZE), "image": Space("test-image", SIZE)}, "bm25")
LEXICAL = LexicalEncoder()

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


def _memory(_folder: Path) -> VectorStore:
    return MemoryStore(IDENTITY.spaces, IDENTITY.words)


def _edge(folder: Path) -> VectorStore:
    return EdgeStore(folder, IDENTITY)


def _server_class(_folder: Path) -> VectorStore:
    from qdrant_client import QdrantClient

    return QdrantStore(QdrantClient(":memory:"), IDENTITY)


STORES: dict[str, Callable[[Path], VectorStore]] = {
    "memory": _memory,
    "edge": _edge,
    "server class on local mode": _server_class,
}


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    """One for all tests, each in a tenant of its own: no test may notice another."""
    opened = STORES[request.param](tmp_path_factory.mktemp("vectors"))
    yield opened
    opened.close()


@dataclass(frozen=True)
class Corner:
    """A tenant of the store that only one test knows."""

    tenant: str

    @property
    def me(self) -> Access:
        return Access(self.tenant, PUBLIC)

    def id(self, number: int) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.tenant}|{number}"))

    def chunk(self, number: int, text: str = "text", **fields: Any) -> Chunk:
        return a_chunk(self.id(number), text, **{"tenant": self.tenant, **fields})


@pytest.fixture
def corner() -> Corner:
    return Corner(f"tenant {uuid4()}")


def dense(*values: float) -> Vector:
    return np.array(values, dtype=np.float32)


EAST, NORTH, UP = dense(1, 0, 0, 0), dense(0, 1, 0, 0), dense(0, 0, 1, 0)


def a_point(chunk: Chunk, vector: Vector = EAST) -> Point:
    return Point(chunk, {"text": vector}, LEXICAL.chunks([chunk])[0])


def ids(found: list[Scored]) -> list[str]:
    return [scored.chunk_id for scored in found]


# ---------------------------------------------------------------- finding


def test_the_nearest_comes_first_with_its_cosine(store: VectorStore, corner: Corner) -> None:
    near = corner.chunk(1, "near", doc_id="doc-7", version=3)
    store.upsert(
        [
            a_point(near, dense(3, 4, 0, 0)),
            a_point(corner.chunk(2, "far"), UP),
            a_point(corner.chunk(3, "b")),
        ]
    )
    found = store.search("text", dense(0, 2, 0, 0), access=corner.me, limit=2)
    assert found[0] == Scored(corner.id(1), "doc-7", 3, found[0].score)
    assert found[0].score == pytest.approx(0.8, abs=1e-5)
    assert len(found) == 2


def test_equal_scores_come_by_chunk_id_also_at_the_cut(store: VectorStore, corner: Corner) -> None:
    chunks = [corner.chunk(number, "same words", ordinal=number) for number in range(40)]
    store.upsert([a_point(chunk) for chunk in chunks])
    expected = sorted(chunk.id for chunk in chunks)
    assert ids(store.search("text", EAST, access=corner.me, limit=5)) == expected[:5]
    assert ids(store.search("words", LEXICAL.query("words"), access=corner.me, limit=5)) == expected[:5]
    assert ids(store.search("text", EAST, access=corner.me, limit=100)) == expected


def test_a_limit_of_zero_finds_nothing(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(1, "text"))])
    assert store.search("text", EAST, access=corner.me, limit=0) == []


def test_words_find_what_holds_them_and_the_rarer_word_weighs_more(
    store: VectorStore, corner: Corner
) -> None:
    store.upsert(
        [
            a_point(corner.chunk(1, "prices of routers")),
            a_point(corner.chunk(2, "prices of switches")),
            a_point(corner.chunk(3, "prices of cables")),
            a_point(corner.chunk(4, "nothing of that")),
        ]
    )
    found = store.search("words", LEXICAL.query("router price"), access=corner.me, limit=10)
    assert found[0].chunk_id == corner.id(1)
    assert set(ids(found)) == {corner.id(1), corner.id(2), corner.id(3)}


@pytest.mark.parametrize("question", ["混合专家", "推理", "模型成本"])
def test_chinese_words_are_found_inside_a_sentence(store: VectorStore, corner: Corner, question: str) -> None:
    store.upsert(
        [
            a_point(corner.chunk(1, "混合专家模型降低了推理时的模型成本。")),
            a_point(corner.chunk(2, "公司今年在北京开设了新的办公室。")),
        ]
    )
    assert ids(store.search("words", LEXICAL.query(question), access=corner.me, limit=5)) == [corner.id(1)]


def test_a_question_without_words_finds_nothing_by_words(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(1, "text"))])
    assert store.search("words", LEXICAL.query("???"), access=corner.me, limit=5) == []


def test_a_passage_without_words_is_still_found_by_its_vector(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(1, "— * —"))])
    assert ids(store.search("text", EAST, access=corner.me, limit=5)) == [corner.id(1)]


def test_a_search_can_be_held_to_some_documents(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(n, "text", doc_id=f"doc-{n}")) for n in range(5)])
    for space, query in (("text", EAST), ("words", LEXICAL.query("text"))):
        found = store.search(
            space, query, access=corner.me, limit=9, doc_ids=frozenset({"doc-1", "doc-3", "none"})
        )
        assert {scored.doc_id for scored in found} == {"doc-1", "doc-3"}
        assert store.search(space, query, access=corner.me, limit=9, doc_ids=frozenset()) == []


def test_a_search_can_be_held_to_some_chunks_that_the_caller_may_see(
    store: VectorStore, corner: Corner
) -> None:
    store.upsert([a_point(corner.chunk(n, "text")) for n in range(4)])
    store.upsert([a_point(corner.chunk(4, "text", access=frozenset({"board"})))])
    wanted = frozenset({corner.id(1), corner.id(3), corner.id(4)})
    for space, query in (("text", EAST), ("words", LEXICAL.query("text"))):
        found = store.search(space, query, access=corner.me, limit=9, chunk_ids=wanted)
        assert {scored.chunk_id for scored in found} == {corner.id(1), corner.id(3)}
        assert store.search(space, query, access=corner.me, limit=9, chunk_ids=frozenset()) == []


def test_the_cosines_of_some_chunks_are_those_of_a_search(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(n, "text"), vector) for n, vector in enumerate((EAST, NORTH, EAST))])
    store.upsert([a_point(corner.chunk(4, "text", access=frozenset({"board"})))])
    store.upsert([Point(corner.chunk(5, ""), {"image": NORTH})])
    wanted = frozenset(map(corner.id, (0, 1, 4, 5, 6)))
    found = store.search("text", EAST, access=corner.me, limit=9, chunk_ids=wanted)
    cosines = store.cosines("text", EAST, wanted, access=corner.me)
    assert cosines == {scored.chunk_id: scored.score for scored in found}
    assert set(cosines) == {corner.id(0), corner.id(1)}
    assert store.cosines("text", EAST, frozenset(), access=corner.me) == {}


def test_a_point_needs_not_be_in_every_space(store: VectorStore, corner: Corner) -> None:
    picture = Point(corner.chunk(1, ""), {"image": NORTH})
    store.upsert([picture, a_point(corner.chunk(2, "text"))])
    assert ids(store.search("image", NORTH, access=corner.me, limit=5)) == [corner.id(1)]
    assert ids(store.search("text", NORTH, access=corner.me, limit=5)) == [corner.id(2)]


# ---------------------------------------------------------------- who may see


def test_a_stranger_sees_nothing(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(1, "secret"))])
    stranger = Access(f"{corner.tenant} other", PUBLIC)
    assert store.search("text", EAST, access=stranger, limit=5) == []
    assert store.search("words", LEXICAL.query("secret"), access=stranger, limit=5) == []
    assert store.get([corner.id(1)], access=stranger) == []
    assert store.count(stranger.tenant) == 0


def test_a_reader_sees_what_carries_one_of_his_labels(store: VectorStore, corner: Corner) -> None:
    board = frozenset({"board"})
    store.upsert(
        [
            a_point(corner.chunk(1, "text", access=PUBLIC)),
            a_point(corner.chunk(2, "text", access=board)),
            a_point(corner.chunk(3, "text", access=frozenset({"board", "audit"}))),
            a_point(corner.chunk(4, "text", access=frozenset())),
        ]
    )
    every = [corner.id(n) for n in range(1, 5)]
    for labels, expected in (
        (PUBLIC, {1}),
        (board, {2, 3}),
        (PUBLIC | board, {1, 2, 3}),
        (frozenset({"none"}), set()),
        (frozenset(), set()),
    ):
        access = Access(corner.tenant, labels)
        allowed = {corner.id(n) for n in expected}
        assert set(ids(store.search("text", EAST, access=access, limit=9))) == allowed
        assert set(ids(store.search("words", LEXICAL.query("text"), access=access, limit=9))) == allowed
        assert {chunk.id for chunk in store.get(every, access=access)} == allowed


def test_who_may_see_a_point_is_what_it_was_last_written_with(store: VectorStore, corner: Corner) -> None:
    board = Access(corner.tenant, frozenset({"board"}))
    chunk = corner.chunk(1, "text", version=1)
    store.upsert([a_point(chunk)])
    assert ids(store.search("text", EAST, access=corner.me, limit=5)) == [chunk.id]
    store.upsert([a_point(replace(chunk, access=board.labels, version=2))])
    assert store.search("text", EAST, access=corner.me, limit=5) == []
    assert [scored.version for scored in store.search("text", EAST, access=board, limit=5)] == [2]
    store.delete(corner.tenant, chunk.doc_id)
    assert store.search("text", EAST, access=board, limit=5) == []


def test_tenant_and_label_do_not_run_into_each_other(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(1, tenant=f"{corner.tenant}:b", access=frozenset({"c"})))])
    other = Access(corner.tenant, frozenset({"b:c"}))
    assert store.search("text", EAST, access=other, limit=5) == []
    mine = Access(f"{corner.tenant}:b", frozenset({"c"}))
    assert len(store.search("text", EAST, access=mine, limit=5)) == 1


def test_the_rarity_of_a_word_is_counted_in_the_own_tenant_alone(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(n, "alpha" if n % 2 else "alpha beta")) for n in range(6)])
    before = store.search("words", LEXICAL.query("beta"), access=corner.me, limit=9)
    others = [a_point(corner.chunk(100 + n, "beta beta", tenant=f"{corner.tenant} other")) for n in range(50)]
    store.upsert(others)
    after = store.search("words", LEXICAL.query("beta"), access=corner.me, limit=9)
    assert ids(after) == ids(before)
    assert [scored.score for scored in after] == pytest.approx([scored.score for scored in before], rel=1e-5)


# ---------------------------------------------------------------- writing


def test_the_same_id_replaces_the_whole_point(store: VectorStore, corner: Corner) -> None:
    both = Point(corner.chunk(1, "old words"), {"text": EAST, "image": NORTH})
    store.upsert([both])
    store.upsert([a_point(corner.chunk(1, "new text"), UP)])
    assert store.count(corner.tenant) == 1
    assert store.search("image", NORTH, access=corner.me, limit=5) == []
    assert store.search("words", LEXICAL.query("old"), access=corner.me, limit=5) == []
    assert store.search("text", UP, access=corner.me, limit=5)[0].score == pytest.approx(1.0, abs=1e-5)
    assert store.get([corner.id(1)], access=corner.me)[0].text == "new text"


def test_writing_twice_changes_nothing(store: VectorStore, corner: Corner) -> None:
    points = [a_point(corner.chunk(n, f"text {n}")) for n in range(20)]
    store.upsert(points)
    once = store.search("words", LEXICAL.query("text 7"), access=corner.me, limit=9)
    store.upsert(points)
    assert store.count(corner.tenant) == 20
    assert store.search("words", LEXICAL.query("text 7"), access=corner.me, limit=9) == once


def test_more_points_than_a_batch_are_all_written(store: VectorStore, corner: Corner) -> None:
    store.upsert([Point(corner.chunk(n, "t", ordinal=n), {"text": EAST}) for n in range(1201)])
    assert store.count(corner.tenant) == 1201


def test_nothing_written_is_nothing_done(store: VectorStore, corner: Corner) -> None:
    store.upsert([])
    store.flush()
    assert store.count(corner.tenant) == 0
    assert store.search("text", EAST, access=corner.me, limit=5) == []


def test_a_chunk_comes_back_as_it_was(store: VectorStore, corner: Corner) -> None:
    chunk = Chunk(
        id=corner.id(1),
        doc_id="doc-9",
        version=4,
        ordinal=17,
        tenant=f"klinik ä/.. {corner.tenant}",
        access=frozenset({"b", "a"}),
        kind="table",
        title="年度报告 2023",
        section=("Item 7", "毛利率"),
        text="Gross margin rose 毛利率上升",
        places=(
            Place("doc-9", 3, Box(72.25, 80.0, 300.125, 92.5)),
            Place("doc-9", second=12.5),
            Place("doc-8", anchor="Sheet1!B2"),
        ),
        spans=(Span(0, 5, 3, Box(72.0, 80.0, 99.9, 91.2)), Span(6, 12, 4, Box(50.1, 20.0, 60.3, 31.2))),
        image="ab" * 32,
    )
    store.upsert([Point(chunk, {"text": EAST})])
    assert store.get([chunk.id], access=Access(chunk.tenant, frozenset({"a"}))) == [chunk]


def test_chunks_come_in_the_order_asked_and_missing_ones_are_left_out(
    store: VectorStore, corner: Corner
) -> None:
    store.upsert([a_point(corner.chunk(n, "text")) for n in range(4)])
    asked = [corner.id(3), corner.id(99), corner.id(0), corner.id(3)]
    assert [chunk.id for chunk in store.get(asked, access=corner.me)] == [
        corner.id(3),
        corner.id(0),
        corner.id(3),
    ]
    assert store.get([], access=corner.me) == []


# ---------------------------------------------------------------- counting and deleting


@dataclass(frozen=True)
class Pair:
    """Two tenants, each with documents x and y in versions 1, 2 and 3, one point each."""

    one: str
    two: str


@pytest.fixture
def pair(store: VectorStore, corner: Corner) -> Pair:
    tenants = (corner.tenant, f"{corner.tenant} other")
    places = [(tenant, doc, version) for tenant in tenants for doc in ("x", "y") for version in (1, 2, 3)]
    store.upsert(
        [
            a_point(corner.chunk(n, tenant=tenant, doc_id=doc, version=version))
            for n, (tenant, doc, version) in enumerate(places)
        ]
    )
    return Pair(*tenants)


def test_points_are_counted_by_tenant_document_and_version(store: VectorStore, pair: Pair) -> None:
    assert store.count(pair.one) == 6
    assert store.count(pair.one, "x") == 3
    assert store.count(pair.one, "x", 2) == 1
    assert store.count(pair.one, version=2) == 2
    assert store.count("nobody") == 0


def test_a_deleted_document_is_gone_and_no_other(store: VectorStore, pair: Pair) -> None:
    assert store.delete(pair.one, "x") == 3
    assert (store.count(pair.one), store.count(pair.two)) == (3, 6)
    left = store.search("text", EAST, access=Access(pair.one), limit=9)
    assert {found.doc_id for found in left} == {"y"}
    assert store.delete(pair.one, "x") == 0


def test_older_versions_are_deleted_alone(store: VectorStore, pair: Pair) -> None:
    assert store.delete(pair.one, "x", before_version=3) == 2
    assert store.count(pair.one, "x") == store.count(pair.one, "x", 3) == 1
    assert store.count(pair.one, "y") == 3
    assert store.delete(pair.one, "x", before_version=0) == 0


def test_one_version_is_deleted_alone(store: VectorStore, pair: Pair) -> None:
    assert store.delete(pair.one, "x", version=3) == 1
    assert store.count(pair.one, "x") == 2
    assert store.delete(pair.one, "x", version=3) == 0
    assert store.count(pair.one, "y") == 3


# ---------------------------------------------------------------- refusing


SPARSE = Sparse(np.array([3, 5], dtype=np.uint32), np.array([1, 1], dtype=np.float32))


def _wrong_points(corner: Corner) -> dict[str, Point]:
    chunk = corner.chunk(1)
    descending = Sparse(SPARSE.indices[::-1].copy(), SPARSE.values)
    signed = Sparse(SPARSE.indices.astype(np.int64), SPARSE.values)
    nowhere = Span(0, 4, 1, Box(0.0, 0.0, float("nan"), 1.0))
    return {
        "unknown space": Point(chunk, {"text": EAST, "txt": EAST}),
        "wrong size": Point(chunk, {"text": dense(1, 0, 0)}),
        "a matrix": Point(chunk, {"text": EAST.reshape(2, 2)}),
        "NaN": Point(chunk, {"text": dense(1, 0, 0, np.nan)}),
        "infinity": Point(chunk, {"text": dense(1, 0, 0, np.inf)}),
        "no direction": Point(chunk, {"text": dense(0, 0, 0, 0)}),
        "no vector": Point(chunk, {}),
        "id is no UUID": Point(replace(chunk, id="chunk-1"), {"text": EAST}),
        "id is not canonical": Point(replace(chunk, id=chunk.id.upper()), {"text": EAST}),
        "boolean version": Point(replace(chunk, version=True), {"text": EAST}),
        "boolean label": Point(
            replace(chunk, access=cast("frozenset[str]", frozenset([True]))), {"text": EAST}
        ),
        "box of NaN": Point(replace(chunk, spans=(nowhere,)), {"text": EAST}),
        "indices descend": Point(chunk, {}, descending),
        "indices are signed": Point(chunk, {}, signed),
        "values are missing": Point(chunk, {}, Sparse(SPARSE.indices, SPARSE.values[:1])),
        "sparse NaN": Point(chunk, {}, Sparse(SPARSE.indices, SPARSE.values * np.float32(np.nan))),
    }


def test_a_wrong_point_is_refused_and_nothing_of_its_batch_is_written(
    store: VectorStore, corner: Corner
) -> None:
    good = a_point(corner.chunk(2))
    for what, wrong in _wrong_points(corner).items():
        with pytest.raises(InputError):
            store.upsert([good, wrong])
        assert store.count(corner.tenant) == 0, what


def test_a_wrong_query_is_refused(store: VectorStore, corner: Corner) -> None:
    wrong: list[tuple[str, Vector | Sparse]] = [
        ("txt", EAST),
        ("text", dense(1, 0)),
        ("text", dense(np.nan, 0, 0, 0)),
        ("words", EAST),
        ("text", SPARSE),
    ]
    for space, query in wrong:
        with pytest.raises(InputError):
            store.search(space, query, access=corner.me, limit=5)
    with pytest.raises(InputError):
        store.cosines("text", dense(np.nan, 0, 0, 0), frozenset({corner.id(1)}), access=corner.me)


# ---------------------------------------------------------------- the engines against each other


def test_every_store_finds_what_the_oracle_finds(store: VectorStore, corner: Corner) -> None:
    """Random points and questions: equal scores, and equal ids where scores differ."""
    draw = random.Random(7)
    vocabulary = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "zeta",
        "router",
        "price",
        "model",
        "毛利率",
        "上升",
        "成本",
        "推理",
    ]
    labels = ["public", "x", "y"]
    tenants = [corner.tenant, f"{corner.tenant} other"]

    def a_vector() -> Vector:
        return dense(*(draw.gauss(0, 1) for _ in range(SIZE)))

    points = [
        a_point(
            corner.chunk(
                number,
                " ".join(draw.choices(vocabulary, k=draw.randint(2, 8))),
                doc_id=f"doc-{number % 20}",
                tenant=draw.choice(tenants),
                access=frozenset(draw.sample(labels, draw.randint(1, 2))),
            ),
            a_vector(),
        )
        for number in range(150)
    ]
    oracle = _server_class(Path())
    for each in (oracle, store):
        each.upsert(points)
    for number in range(20):
        access = Access(draw.choice(tenants), frozenset(draw.sample(labels, 2)))
        doc_ids = frozenset(f"doc-{n}" for n in draw.sample(range(20), 9)) if number % 3 == 0 else None
        question = LEXICAL.query(" ".join(draw.choices(vocabulary, k=3)))
        for space, query in (("text", a_vector()), ("words", question)):
            found = store.search(space, query, access=access, limit=150, doc_ids=doc_ids)
            expected = oracle.search(space, query, access=access, limit=150, doc_ids=doc_ids)
            assert _by_id(found) == pytest.approx(_by_id(expected), abs=1e-4)
            assert [scored.score for scored in found] == sorted(_by_id(found).values(), reverse=True)
    oracle.close()


def _by_id(found: list[Scored]) -> dict[str, float]:
    return {scored.chunk_id: scored.score for scored in found}


# ---------------------------------------------------------------- counting all of it


def test_a_census_counts_each_version_of_each_document(store: VectorStore, corner: Corner) -> None:
    versions = [("doc-1", 1), ("doc-1", 2), ("doc-1", 2), ("doc-2", 1)]
    store.upsert(
        [
            a_point(corner.chunk(number, "text", doc_id=doc_id, version=version))
            for number, (doc_id, version) in enumerate(versions)
        ]
    )
    assert store.census(corner.tenant) == {("doc-1", 1): 1, ("doc-1", 2): 2, ("doc-2", 1): 1}
    assert store.census(corner.tenant, ["doc-1", "doc-3"]) == {("doc-1", 1): 1, ("doc-1", 2): 2}
    assert store.census(corner.tenant, []) == {}
    assert store.census(f"{corner.tenant} of another") == {}
    assert store.census(f"{corner.tenant} of another", ["doc-1"]) == {}


def test_a_census_goes_through_more_points_than_one_look_holds(store: VectorStore, corner: Corner) -> None:
    number = 1_001
    store.upsert([a_point(corner.chunk(one, "text", ordinal=one)) for one in range(number)])
    assert store.census(corner.tenant) == {("doc-1", 1): number}
    store.delete(corner.tenant, "doc-1")


def test_what_is_left_is_found_after_compacting(store: VectorStore, corner: Corner) -> None:
    store.upsert([a_point(corner.chunk(1, "kept words")), a_point(corner.chunk(2, "gone", doc_id="doc-2"))])
    store.delete(corner.tenant, "doc-2")
    before = store.search("words", LEXICAL.query("kept"), access=corner.me, limit=3)
    kept = store.get([corner.id(1)], access=corner.me)
    store.compact()
    assert store.search("words", LEXICAL.query("kept"), access=corner.me, limit=3) == before
    assert ids(store.search("text", EAST, access=corner.me, limit=3)) == [corner.id(1)]
    assert store.get([corner.id(1)], access=corner.me) == kept
    store.upsert([a_point(corner.chunk(3, "new words"))])
    assert store.count(corner.tenant) == 2
    store.delete(corner.tenant, "doc-1")
