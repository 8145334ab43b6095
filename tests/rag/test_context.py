"""What the answerer may read."""

from core.types import Access, Chunk, Hit
from rag.context import build_context, count_tokens
from rag.plan import plan
from tests.rag.conftest import Index, make_passage


def texts(index: Index, hits: list[Hit], question: str = "What?", *, budget: int = 3000) -> list[str]:
    found = build_context(hits, plan(question), store=index.store, access=Access(), budget=budget)
    assert [item.key for item in found] == [f"S{number}" for number in range(1, len(found) + 1)]
    return [item.chunk.text for item in found]


def hits(*chunks: Chunk) -> list[Hit]:
    return [Hit(chunk, 1 / number, {"dense": 1.0}) for number, chunk in enumerate(chunks, start=1)]


def test_passages_that_say_the_same_are_given_once(index: Index) -> None:
    text = "The margin of the segment fell because of higher prices of rare earths."
    again = make_passage(text.replace("segment", "segment,"), doc="copy")
    assert len(texts(index, hits(make_passage(text), again))) == 1


def test_passages_that_differ_in_a_number_are_both_given(index: Index) -> None:
    text = "The margin of the segment fell because of higher prices of rare earths in the year 2024."
    last_year = make_passage(text.replace("2024", "2023"), doc="last year")
    assert len(texts(index, hits(make_passage(text), last_year))) == 2


def test_the_budget_is_kept_but_for_the_first_passage(index: Index) -> None:
    passages = [make_passage(f"Passage number {n} speaks of thing {n}.", ordinal=n) for n in range(9)]
    assert len(texts(index, hits(*passages), budget=35)) == 3
    assert len(texts(index, hits(*passages), budget=1)) == 1


def test_a_passage_that_was_cut_brings_the_one_that_it_goes_on_in(index: Index) -> None:
    cut, rest, far = (
        make_passage(text, ordinal=n)
        for n, text in enumerate(["The decline was due", "to higher prices.", "Far away."])
    )
    index.add(cut, rest, far)
    assert texts(index, hits(cut)) == ["The decline was due", "to higher prices."]
    assert texts(index, hits(rest)) == ["to higher prices.", "The decline was due"]


def test_a_neighbour_that_may_not_be_seen_stays_away(index: Index) -> None:
    cut = make_passage("The decline was due", ordinal=0)
    index.add(cut, make_passage("to secrets.", ordinal=1, access=frozenset({"board"})))
    assert texts(index, hits(cut)) == ["The decline was due"]


def test_documents_take_turns_in_a_comparison(index: Index) -> None:
    ours = [make_passage(f"Ours {word}.", doc="ours", ordinal=n) for n, word in enumerate(["one", "two"])]
    theirs = make_passage("Theirs.", doc="theirs")
    found = hits(*ours, theirs)
    assert texts(index, found, "Compare ours with theirs.") == ["Ours one.", "Theirs.", "Ours two."]
    assert texts(index, found, "What is ours?") == ["Ours one.", "Ours two.", "Theirs."]


def test_chinese_characters_count_as_tokens() -> None:
    assert count_tokens("毛利率") == 3
    assert count_tokens("") == 0
