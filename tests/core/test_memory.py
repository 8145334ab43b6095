"""The collector of cycles is held back for a stretch, for a process, and for what stays."""

import gc
from collections.abc import Iterator

import pytest

from core.memory import collect_rarely, collection_paused, keep_what_is_there


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.enable()


def test_a_pause_ends_with_its_stretch_and_with_the_outer_one_of_two() -> None:
    with collection_paused():
        with collection_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_pause_ends_with_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), collection_paused():
        raise ValueError("broken")
    assert gc.isenabled()


def test_what_is_there_is_not_searched_and_what_comes_is() -> None:
    collect_rarely()
    keep_what_is_there()
    kept = gc.get_freeze_count()
    assert kept > 1000
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
    assert gc.get_freeze_count() <= kept
