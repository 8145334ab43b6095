"""Terms of questions in texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.glossary import load_glossary
from core.text import stem, tokens
from rag.match import coverage, held, terms_of, weights
from rag.movement import canonical


def test_words_for_one_movement_are_one_term() -> None:
    assert "↓" in terms_of("The margin fell.") & terms_of("a decline in margin") & terms_of("毛利率下降了")
    assert "↑" in terms_of("Sales rose.") & terms_of("收入增长")


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        ("↓", "Why did the economy contract in 2020?"), ("↓", "Output contracted by 3 %."), ("↓", "the fall in revenue"),
        ("↓", "Why did the margin fall in 2020?"), ("↓", "Revenue was down 3 %."), ("↓", "lower sales"), ("↑", "Sales rose."),
        ("↑", "Costs were up 5 %."), ("↑", "gains in productivity"), ("↕", "How did revenue develop in 2023?"),
    ],
)  # fmt: skip
def test_what_moves_in_its_text_is_a_movement(sign: str, text: str) -> None:
    assert sign in terms_of(text)


@pytest.mark.parametrize(
    ("sign", "stem", "text"),
    [
        ("↓", "contract", "What is the term of the contract?"), ("↓", "contract", "Did the company sign the contract in 2020?"),
        ("↓", "drop", "two eye drops"), ("↓", "fall", "the risk of falls in the elderly"), ("↓", "lower", "the lower limb"),
        ("↓", "down", "a down payment"), ("↑", "rose", "a rose garden"), ("↑", "gain", "the gain on disposal of assets"),
        ("↑", "up", "to set up a company"), ("↕", "develop", "research and development"), ("↕", "variat", "genetic variation"),
    ],
)  # fmt: skip
def test_a_thing_of_the_same_word_is_none(sign: str, stem: str, text: str) -> None:
    assert sign not in terms_of(text)
    assert stem in terms_of(text)
    assert stem in weights(list(terms_of(text)), [], text)


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


def test_a_word_in_another_writing_is_the_same_word() -> None:
    weighted = weights(tokens("haemoglobin and tumours"), [])
    assert coverage(weighted, terms_of("Hemoglobin rose; no tumor was seen.")) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("pay for", "paid for"), ("dividends paid", "to pay a dividend"), ("write", "was written by"), ("wrote", "written"),
        ("begin", "began"), ("choose", "had chosen"), ("won", "wins"), ("go", "goes"), ("women", "a woman"),
        ("shareholders", "each stockholder"), ("criteria", "the criterion"),
    ],
)  # fmt: skip
def test_irregular_forms_are_the_word_that_they_are_of(asked: str, said: str) -> None:
    assert max(held(term, terms_of(said)) for term in weights(tokens(asked), [])) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("was found", "to find"), ("the left side", "to leave"), ("was born", "to bear"), ("the spring", "sprang"), ("lay", "lie")],
)  # fmt: skip
def test_a_form_that_is_another_word_too_is_left_alone(one: str, other: str) -> None:
    assert not terms_of(one) & terms_of(other)


def test_all_forms_keep_a_stem_of_their_own() -> None:
    words = load_glossary().words.values()
    owners = {stem(word.name): word.name for word in words}
    for word in words:
        for writing in word.writings:
            assert owners.setdefault(stem(writing), word.name) == word.name
            assert canonical(stem(writing)) == canonical(stem(word.name)) == stem(word.name)
