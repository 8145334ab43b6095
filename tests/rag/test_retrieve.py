"""Dense and sparse search, fused, under one access filter."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import Access, Chunk, Hit, Scored
from rag.bridged import is_statement
from rag.retrieve import DENSE_SHARE, agreement, fuse, reordered
from tests.fakes import WordEmbedder
from tests.rag.conftest import Index, make_passage


def scored(*pairs: tuple[str, float]) -> list[Scored]:
    return [Scored(name, f"doc of {name}", 1, score) for name, score in pairs]


def test_both_legs_vote_by_their_share() -> None:
    dense, sparse = scored(("a", 0.9), ("b", 0.5), ("c", 0.1)), scored(("b", 12.0), ("d", 2.0))
    fused = {item.chunk_id: item.score for item in fuse(dense, sparse, 0.25)}
    assert fused == pytest.approx({"b": 0.25 * 0.5 + 0.75, "a": 0.25, "c": 0.0, "d": 0.0})


def test_raw_scores_of_each_leg_are_kept() -> None:
    (best, *_) = fuse(scored(("a", 0.9), ("b", 0.1)), scored(("a", 12.0), ("b", 1.0)), 0.5)
    assert best.legs == {"dense": 0.9, "sparse": 12.0}


def test_equal_scores_are_ordered_by_id() -> None:
    assert [item.chunk_id for item in fuse(scored(("b", 1.0), ("a", 1.0)), [], 0.5)] == ["a", "b"]


_LEG = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1e6, 1e6), max_size=8).map(
    lambda found: sorted(scored(*found.items()), key=lambda item: -item.score)
)


@given(_LEG, _LEG, st.floats(0, 1))
def test_fused_scores_run_from_0_to_1_best_first(
    dense: list[Scored], sparse: list[Scored], share: float
) -> None:
    fused = fuse(dense, sparse, share)
    scores = [item.score for item in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in scores)
    assert {item.chunk_id for item in fused} == {item.chunk_id for item in [*dense, *sparse]}


def test_the_passage_that_answers_comes_first(index: Index) -> None:
    index.add(
        make_passage("The harbour opens at six.", doc="a"),
        make_passage("Gross margin fell to 35.4 %.", doc="b"),
        make_passage("毛利率下降到35.4%。", doc="c"),
    )
    best = index.retriever.search("What was the gross margin?", access=Access())[0]
    assert best.chunk.doc_id == "b"
    assert set(best.legs) == {"dense", "sparse"}
    assert index.retriever.search("毛利率是多少？", access=Access())[0].chunk.doc_id == "c"


class EnglishOnly(WordEmbedder):
    """Knows no Chinese: to it every Chinese text is a text about harbours."""

    def __init__(self) -> None:
        super().__init__(languages=frozenset({"en"}))

    def query(self, text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return super().query(text if text.isascii() else "harbour")


def test_an_encoder_that_does_not_know_the_language_hardly_votes() -> None:
    index = Index(EnglishOnly())
    index.add(
        make_passage("harbour harbour harbour", doc="noise"),
        make_passage("harbour 公司毛利率", doc="half"),
        make_passage("毛利率下降", doc="right"),
    )
    hits = index.retriever.search("毛利率下降了吗？", access=Access())
    assert hits[0].chunk.doc_id == "right"


class Hearing(WordEmbedder):
    """Hears another question than is asked."""

    def __init__(self, asked: str, heard: str) -> None:
        super().__init__()
        self._asked, self._heard = asked, heard

    def query(self, text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return super().query(self._heard if text == self._asked else text)


def test_an_encoder_that_answers_another_question_hardly_votes() -> None:
    question = "What was the gross margin?"
    index = Index(Hearing(question, "When does the harbour open?"))
    index.add(
        make_passage("harbour harbour harbour", doc="noise"),
        make_passage("Gross margin fell.", doc="right"),
        make_passage("The gross margin of a segment, told in " + "many more words " * 20, doc="near"),
        make_passage("The margin that is left on each side of a page, and " + "other words " * 40, doc="far"),
    )
    hits = index.retriever.search(question, access=Access(), limit=3)
    assert [hit.chunk.doc_id for hit in hits] == ["right", "near", "noise"]


def test_words_that_hardly_stand_anywhere_hardly_vote() -> None:
    question = "When may cargo vessels reach the berths in winter?"
    index = Index(Hearing(question, "harbour opens"))
    index.add(
        make_passage("The harbour opens at six.", doc="right"),
        make_passage("Winter sports.", doc="noise"),
    )
    assert index.retriever.search(question, access=Access())[0].chunk.doc_id == "right"


def test_legs_that_find_different_passages_on_one_track_both_vote() -> None:
    question = "What was the gross margin?"
    index = Index(Hearing(question, "gross margin" + " harbour" * 12))
    index.add(
        make_passage("harbour harbour harbour", doc="near"),
        *(make_passage(f"Gross margin fell in place {n}, year {n}.", ordinal=n) for n in range(12)),
        *(make_passage(f"A margin {'of many other words ' * n}", doc="rest", ordinal=n) for n in range(90)),
    )
    hits = index.retriever.search(question, access=Access(), limit=20)
    score = {hit.chunk.doc_id: hit.score for hit in reversed(hits)}
    assert score["near"] == pytest.approx(DENSE_SHARE)


@given(_LEG, _LEG)
def test_legs_agree_as_far_as_the_lower_place_of_their_best_common_passage(
    dense: list[Scored], sparse: list[Scored]
) -> None:
    assert 0 <= agreement(dense, sparse) <= 1
    assert agreement(dense, sparse) == agreement(sparse, dense)
    if dense and sparse and dense[0].chunk_id == sparse[0].chunk_id:
        assert agreement(dense, sparse) == 1


def test_what_may_not_be_seen_is_not_found(index: Index) -> None:
    index.add(
        make_passage("Gross margin fell.", doc="board", access=frozenset({"board"})),
        make_passage("Gross margin rose.", doc="other", tenant="other"),
    )
    assert index.retriever.search("gross margin", access=Access()) == []
    board = Access(labels=frozenset({"board"}))
    assert [hit.chunk.doc_id for hit in index.retriever.search("gross margin", access=board)] == ["board"]


def test_a_version_that_is_not_live_is_dropped(index: Index) -> None:
    index.add(make_passage("Gross margin fell.", version=1), make_passage("Gross margin rose.", version=2))
    index.shelf.versions["report"] = 2
    hits = index.retriever.search("gross margin", access=Access())
    assert [hit.chunk.text for hit in hits] == ["Gross margin rose."]


def test_passages_on_a_named_page_come_first(index: Index) -> None:
    index.add(
        make_passage("Gross margin and gross margin again.", page=3, ordinal=0),
        make_passage("The gross margin of the segment fell in the year under review.", page=5, ordinal=1),
    )
    assert index.retriever.search("gross margin", access=Access())[0].chunk.places[0].page == 3
    assert index.retriever.search("gross margin on page 5", access=Access())[0].chunk.places[0].page == 5


def test_the_limit_is_kept(index: Index) -> None:
    index.add(*(make_passage(f"Gross margin {n}.", ordinal=n) for n in range(20)))
    assert len(index.retriever.search("gross margin", access=Access(), limit=7)) == 7


def test_what_was_not_known_on_a_day_is_not_found(index: Index) -> None:
    index.add(make_passage("Gross margin fell.", doc="old"), make_passage("Gross margin rose.", doc="new"))
    index.shelf.since.update(old=date(2022, 12, 31), new=date(2023, 12, 31))

    def found(day: date | None) -> set[str]:
        hits = index.retriever.search("gross margin", access=Access(), as_of=day)
        return {hit.chunk.doc_id for hit in hits}

    assert found(date(2023, 12, 30)) == {"old"}
    assert found(date(2023, 12, 31)) == {"old", "new"}
    assert found(date(2020, 1, 1)) == set()
    assert found(None) == {"old", "new"}


class Backwards:
    """A reranker that likes most what it is handed last."""

    def rank(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        return [float(number) for number in range(len(chunks))]


def test_a_reranker_has_the_last_word_on_the_order_not_on_the_scores() -> None:
    plain, turned = Index(WordEmbedder()), Index(WordEmbedder(), reranker=Backwards())
    for one in (plain, turned):
        one.add(
            make_passage("Gross margin fell.", doc="a"),
            make_passage("Gross profit and margin of the year fell.", doc="b"),
            make_passage("Nothing of the kind.", doc="c"),
        )
    before = plain.retriever.search("gross margin", access=Access())
    after = turned.retriever.search("gross margin", access=Access())
    assert [hit.chunk.doc_id for hit in after] == [hit.chunk.doc_id for hit in before][::-1]
    assert [hit.score for hit in after] == [hit.score for hit in before]
    assert after[0].legs["rerank"] == len(before) - 1
    assert turned.retriever.search("gross margin", access=Access(), limit=1)[0].chunk == after[0].chunk


@given(st.lists(st.floats(-1e6, 1e6), max_size=6))
def test_reranking_keeps_every_hit_and_those_behind_in_place(scores: list[float]) -> None:
    hits = [Hit(make_passage(str(number), doc=str(number)), 1 - number / 10, {}) for number in range(8)]
    turned = reordered(hits, scores)
    assert {hit.chunk for hit in turned} == {hit.chunk for hit in hits}
    assert [hit.chunk for hit in turned[len(scores) :]] == [hit.chunk for hit in hits[len(scores) :]]
    ranked = [hit.legs["rerank"] for hit in turned[: len(scores)]]
    assert ranked == sorted(ranked, reverse=True)


@pytest.mark.parametrize(
    ("question", "stated"),
    [
        ("Vitamin D deficiency is unrelated to birth weight.", True),
        ("Is vitamin D deficiency related to birth weight?", False),
        ("Tell me about vitamin D.", False),
        ("I want to know in which year the director of Iron Harbour was born.", False),
        ("birthplace of the director of Iron Harbour", False),
        ("毛利率下降。", False),
    ],
)
def test_a_statement_is_told_from_a_question(question: str, stated: bool) -> None:
    assert is_statement(question) is stated
