"""Text of one row: thoughts and stop texts are found however the text is cut."""

from hypothesis import given
from hypothesis import strategies as st

from rag.vl.output import Delta, Event, Row, Sampling, ThoughtFilter, overlap


def cut(text: str, sizes: list[int]) -> list[str]:
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


@given(st.lists(st.integers(0, 5), max_size=20))
def test_thoughts_stay_out_of_the_answer_however_it_is_cut(sizes: list[int]) -> None:
    text = "<think>is 4 < 5?</think>\n\n5 </thin> bars"
    filter_ = ThoughtFilter(inside=False)
    deltas = [delta for piece in cut(text, sizes) for delta in filter_.feed(piece)]
    deltas += filter_.feed("", last=True)
    assert "".join(delta.text for delta in deltas if delta.thought) == "is 4 < 5?"
    assert "".join(delta.text for delta in deltas if not delta.thought) == "5 </thin> bars"


def test_a_template_that_opens_the_thought_is_followed() -> None:
    deltas = list(ThoughtFilter(inside=True).feed("hm</think>5"))
    assert deltas == [Delta("hm", thought=True), Delta("5")]


@given(st.lists(st.integers(0, 4), max_size=12))
def test_a_stop_text_is_found_over_pieces(sizes: list[int]) -> None:
    pieces = cut("one two END three", sizes)
    told: list[Event] = []
    row = Row(
        Sampling(stop=("END", "EN!")),
        told.append,
        pieces.__getitem__,
        frozenset(),
        ThoughtFilter(inside=False),
    )
    for index in range(len(pieces)):
        row.take(index)
    row.close()
    assert "".join(event.text for event in told if isinstance(event, Delta)) == "one two "
    assert row.finish == "stop"


def test_what_was_held_back_for_a_stop_text_is_given_at_the_end() -> None:
    told: list[Event] = []
    row = Row(
        Sampling(stop=("END",)),
        told.append,
        ["12 EN", ""].__getitem__,
        frozenset({1}),
        ThoughtFilter(inside=False),
    )
    row.take(0)
    row.take(1)
    row.close()
    assert told == [Delta("12 "), Delta("EN")]
    assert row.finish == "stop"


def test_a_cancelled_row_takes_nothing_more() -> None:
    told: list[Event] = []
    row = Row(Sampling(), told.append, str, frozenset(), ThoughtFilter(inside=False))
    row.take(1)
    row.cancelled = True
    row.take(2)
    assert row.finish == "cancelled"
    assert row.token_ids == [1]


def test_only_the_start_of_a_mark_is_held() -> None:
    assert overlap("a <thi", ("<think>",)) == 4
    assert overlap("a b", ("<think>",)) == 0
