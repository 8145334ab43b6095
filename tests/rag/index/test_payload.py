import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.types import Access, Box, Chunk, Mark, Place, Span
from rag.index.payload import (
    chunk_of,
    may_see,
    pack_spans,
    payload_of,
    readers,
    refuse_booleans,
    unpack_spans,
)
from tests.fakes import a_chunk

ID = "00000000-0000-0000-0000-000000000001"
TENTH = 0.1

edges = st.floats(-500, 20_000, allow_nan=False)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
boxes = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    edges,
    edges,
    st.floats(0, 600),
    st.floats(0, 90),
)
places = st.builds(
    Place,
    doc_id=st.sampled_from(["doc-1", "doc-2"]),
    page=st.none() | st.integers(1, 5000),
    box=st.none() | boxes,
    second=st.none() | st.floats(0, 1e5),
    anchor=names,
)


@st.composite
def words_of_a_page(draw: st.DrawFn) -> tuple[Span, ...]:
    spans = []
    end, page = 0, draw(st.integers(1, 3000))
    for _ in range(draw(st.integers(0, 40))):
        start = end + draw(st.integers(0, 3))
        end = start + draw(st.integers(1, 30))
        page += draw(st.sampled_from([0, 0, 0, 1]))
        spans.append(Span(start, end, page, draw(boxes)))
    return tuple(spans)


@given(words_of_a_page())
def test_words_come_back_with_their_boxes(spans: tuple[Span, ...]) -> None:
    found = unpack_spans(pack_spans(spans))
    assert [span[:3] for span in found] == [span[:3] for span in spans]
    for one, other in zip(found, spans, strict=True):
        assert isinstance(one.box, Box)
        assert one.box == pytest.approx(other.box, abs=TENTH / 2 + 1e-9)


@given(words_of_a_page())
def test_packing_again_changes_nothing(spans: tuple[Span, ...]) -> None:
    once = unpack_spans(pack_spans(spans))
    assert unpack_spans(pack_spans(once)) == once


@given(
    st.builds(
        Chunk,
        id=st.just(ID),
        doc_id=st.just("doc-1"),
        version=st.integers(0, 2**40),
        ordinal=st.integers(0, 10**6),
        tenant=names,
        access=st.frozensets(names, max_size=4),
        kind=st.sampled_from(["heading", "text", "table", "code"]),
        title=names,
        section=st.lists(names, max_size=4).map(tuple),
        text=names,
        places=st.lists(places, max_size=4).map(tuple),
        image=st.none() | st.just("ab" * 32),
        marks=st.lists(st.builds(Mark, *[st.integers(0, 9)] * 2, names, st.integers(0, 3)), max_size=4).map(
            tuple
        ),
    )
)
def test_a_chunk_comes_back_as_it_was_through_json(chunk: Chunk) -> None:
    payload = json.loads(json.dumps(payload_of(chunk, created=7)))
    assert chunk_of(ID, payload) == chunk


def test_two_hundred_words_take_less_than_two_kilobytes() -> None:
    """Words as a typesetter sets them: every width its own, lines of about twelve words."""
    spans = []
    x, y, end = 72.0, 90.0, 0
    for number in range(200):
        length = 2 + number * 7 % 9
        width = 3.1 + length * 5.07 + number * 37 % 11 / 10
        if x + width > 540:
            x, y = 72.0, y + 13.8
        spans.append(Span(end + 1, end + 1 + length, 1, Box(x, y, x + width, y + 11.2)))
        x, end = x + width + 2.77, end + 1 + length
    packed = pack_spans(spans)
    assert len(packed) < 2000
    assert len(json.dumps([[*span[:3], *span.box] for span in spans])) > 5 * len(packed)


@pytest.mark.parametrize("edge", [float("nan"), float("inf"), 1e12])
def test_a_box_that_is_nowhere_is_refused(edge: float) -> None:
    with pytest.raises(InputError):
        pack_spans([Span(0, 3, 1, Box(0, 0, edge, 1))])


def test_large_drawings_keep_their_boxes() -> None:
    spans = (Span(0, 3, 1, Box(0, 0, 5, 5)), Span(4, 9, 2, Box(90_000.4, 70_000.2, 90_010.9, 70_009.1)))
    assert unpack_spans(pack_spans(spans)) == spans


@pytest.mark.parametrize("wrong", [True, {"a": [1, False]}, [{"b": True}]])
def test_booleans_are_refused_wherever_they_hide(wrong: object) -> None:
    with pytest.raises(InputError, match="boolean"):
        refuse_booleans(wrong, "payload")
    refuse_booleans({"flag": "y", "count": 1, "of": [0, "n", None, 1.5]}, "payload")


def test_a_chunk_with_a_boolean_is_refused() -> None:
    with pytest.raises(InputError, match="boolean True"):
        payload_of(replace(a_chunk(ID, "text"), ordinal=True), created=0)


def test_a_payload_is_seen_by_whom_the_chunk_allows() -> None:
    chunk = a_chunk(ID, "text", access=frozenset({"board", "audit"}))
    payload = payload_of(chunk, created=0)
    for access in (
        Access("default", frozenset({"audit"})),
        Access("default", frozenset({"public"})),
        Access("other", frozenset({"audit"})),
        Access("default", frozenset()),
    ):
        assert may_see(access, payload) == access.allows(chunk)


@given(st.lists(st.text("a1:", max_size=3), min_size=3, max_size=5), st.integers(1, 4), st.integers(1, 4))
def test_two_pairs_of_tenant_and_label_never_share_a_reader(parts: list[str], one: int, two: int) -> None:
    """The same characters, cut into tenant and label at two places."""
    pairs = {(":".join(parts[:cut]), ":".join(parts[cut:])) for cut in (one, two)}
    found = {tuple(readers(tenant, frozenset({label}))) for tenant, label in pairs}
    assert len(found) == len(pairs)
