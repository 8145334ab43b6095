from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BackendError, IndexMismatch, InputError
from core.types import Scored
from rag.index.edge import EdgeStore
from rag.index.store import Identity, Space, Where, best, open_store

IDENTITY = Identity({"text": Space("minilm/bf16", 384), "image": Space("clip/f32", 512)}, "bm25")


def test_an_identity_survives_its_marker() -> None:
    assert Identity.from_json(IDENTITY.to_json()) == IDENTITY


@pytest.mark.parametrize(
    "other",
    [
        Identity({"text": Space("minilm/f32", 384), "image": Space("clip/f32", 512)}, "bm25"),
        Identity({"text": Space("minilm/bf16", 383), "image": Space("clip/f32", 512)}, "bm25"),
        Identity({"text": Space("minilm/bf16", 384)}, "bm25"),
        Identity(IDENTITY.spaces, "bm25-other"),
    ],
)
def test_another_identity_is_refused_and_both_are_named(other: Identity) -> None:
    with pytest.raises(IndexMismatch) as raised:
        IDENTITY.require(other, "in vectors")
    assert IDENTITY.describe() in raised.value.message
    assert other.describe() in raised.value.message


@pytest.mark.parametrize("wrong", [True, 1, None])
def test_a_filter_takes_no_booleans_and_no_numbers_for_strings(wrong: object) -> None:
    with pytest.raises(InputError):
        Where("tenant", labels=frozenset([wrong]))  # type: ignore[list-item]
    with pytest.raises(InputError):
        Where("tenant", doc_ids=frozenset([wrong]))  # type: ignore[list-item]


def test_a_version_in_a_filter_is_an_integer() -> None:
    for wrong in (True, "3", 2.0):
        with pytest.raises(InputError):
            Where("tenant", version=wrong)  # type: ignore[arg-type]
        with pytest.raises(InputError):
            Where("tenant", before_version=wrong)  # type: ignore[arg-type]


scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=120)


@given(scores, st.integers(1, 30), st.randoms(use_true_random=False))
def test_the_best_do_not_depend_on_the_order_of_equals(found: list[float], limit: int, draw: object) -> None:
    scored = [Scored(str(uuid5(NAMESPACE_URL, str(n))), "d", 1, score) for n, score in enumerate(found)]
    expected = sorted(scored, key=lambda one: (-one.score, one.chunk_id))[:limit]
    draw.shuffle(scored)  # type: ignore[attr-defined]
    as_an_engine_gives_them = sorted(scored, key=lambda one: -one.score)
    assert best(lambda wanted: as_an_engine_gives_them[:wanted], limit) == expected


def test_a_folder_gives_the_embedded_store(tmp_path: Path) -> None:
    store = open_store(folder=tmp_path, url="", api_key="", spaces=IDENTITY.spaces, words="bm25")
    assert isinstance(store, EdgeStore)
    store.close()


def test_neither_folder_nor_url_is_refused() -> None:
    with pytest.raises(InputError, match="folder or the URL"):
        open_store(folder=None, url="", api_key="", spaces=IDENTITY.spaces, words="bm25")


def test_a_server_that_is_not_there_is_a_backend_error() -> None:
    with pytest.raises(BackendError, match="cannot be reached"):
        open_store(folder=None, url="http://127.0.0.1:1", api_key="", spaces=IDENTITY.spaces, words="bm25")
