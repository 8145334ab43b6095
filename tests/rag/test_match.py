"""Terms of questions in texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.match import coverage, held, terms_of, weights


def test_words_for_one_movement_are_one_term() -> None:
    assert "↓" in terms_of("The margin fell.") & terms_of("a decline in margin") & terms_of("毛利率下降了")
    assert "↑" in terms_of("Sales rose.") & terms_of("收入增长")


def test_what_rose_has_changed() -> None:
    assert held("↕", terms_of("Sales rose.")) == 1.0
    assert held("↑", terms_of("Sales changed.")) == 0.0


def test_words_that_begin_alike_count_in_part() -> None:
    assert held("economi", terms_of("The economist spoke.")) == 0.6
    assert held("tax", terms_of("taxonomy")) == 0.0


def test_a_term_that_few_passages_hold_weighs_more() -> None:
    passages = [terms_of("gross margin"), terms_of("margin"), terms_of("margin of safety")]
    weighted = weights(["gross", "margin", "dividend"], passages)
    assert weighted["margin"] < weighted["gross"] < weighted["dividend"]


def test_what_stands_around_counts_by_its_share() -> None:
    weighted = {"gross": 1.0, "margin": 1.0}
    assert coverage(weighted, {"margin"}) == 0.5
    assert coverage(weighted, {"margin"}, ({"gross"}, 0.5)) == 0.75
    assert coverage(weighted, {"margin"}, ({"gross"}, 0.5), ({"gross"}, 1.0)) == 1.0
    assert coverage({}, {"margin"}) == 0.0


_TERMS = st.frozensets(st.sampled_from(["gross", "margin", "毛利", "econom~", "↓"]))


@given(
    st.dictionaries(st.sampled_from(["gross", "margin", "毛利", "economi", "↓"]), st.floats(0.01, 5)),
    _TERMS,
    _TERMS,
)
def test_coverage_is_a_share_and_grows_with_what_is_around(
    weighted: dict[str, float], text: frozenset[str], around: frozenset[str]
) -> None:
    alone = coverage(weighted, text)
    assert 0 <= alone <= coverage(weighted, text, (around, 0.5)) <= 1 + 1e-9
    assert coverage(weighted, text, (around, 1.0)) == pytest.approx(coverage(weighted, text | around))
