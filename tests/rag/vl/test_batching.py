"""Who shares a batch, what is kept, and that an error reaches all whose batch it was."""

from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BackendError, Overloaded
from rag.vl.batching import Batcher, Batching, choose, fits
from rag.vl.caches import Lru
from rag.vl.engine import Job
from rag.vl.inputs import Inputs
from rag.vl.messages import Prompt
from rag.vl.output import Event, Failed, Row, Sampling, ThoughtFilter


def job(tokens: int, images: int = 0, temperature: float = 0.0) -> Job:
    inputs = Inputs((1,) * tokens, (0,) * tokens, tuple(map(str, range(images))))
    row = Row(
        Sampling(temperature=temperature), lambda _: None, str, frozenset(), ThoughtFilter(inside=False)
    )
    return Job(inputs, row)


def alike(one: Job) -> bool:
    return not one.row.sampling.alone


@given(st.lists(st.builds(job, st.integers(1, 500), st.integers(0, 9), st.sampled_from([0.0, 1.0])), min_size=1, max_size=30))  # fmt: skip
def test_a_batch_starts_with_the_first_and_stays_within_limits(waiting: list[Job]) -> None:
    limits = Batching(requests=8, tokens=2000, images=12)
    chosen = choose(waiting, alike, limits)
    assert chosen[0] is waiting[0]
    assert len(chosen) == 1 or fits(chosen, limits)
    assert len(chosen) == 1 or all(alike(one) for one in chosen)


def test_prompts_of_unlike_length_share_no_batch() -> None:
    assert len(choose([job(100), job(1000), job(110)], alike, Batching())) == 2


def test_the_least_recently_used_makes_room() -> None:
    cache: Lru[str, int] = Lru(10)
    cache.put("a", 1, 5)
    cache.put("b", 2, 5)
    assert cache.get("a") == 1
    cache.put("c", 3, 5)
    cache.put("too large", 4, 11)
    assert [cache.get(key) for key in ("a", "b", "c", "too large")] == [1, None, 3, None]
    assert len(cache) == 2


class BrokenEngine:
    """Prepares anything and fails in every batch."""

    class preparer:  # noqa: N801 stands for the engine's own
        @staticmethod
        def prepare(prompt: Prompt, max_tokens: int) -> Inputs:
            return Inputs((1,), (0,))

    def row(self, inputs: Inputs, sampling: Sampling, deliver: object) -> Row:
        return Row(sampling, deliver, str, frozenset(), ThoughtFilter(inside=False))  # type: ignore[arg-type]

    def can_batch(self, job: Job) -> bool:
        return True

    def run(self, jobs: list[Job]) -> None:
        raise RuntimeError("out of memory")


def test_an_error_reaches_every_request_and_the_queue_goes_on() -> None:
    told: SimpleQueue[Event] = SimpleQueue()
    with Batcher(BrokenEngine()) as batcher:  # type: ignore[arg-type]
        for _ in range(3):
            batcher.submit(Prompt(()), Sampling(), told.put)
        failed = [told.get(timeout=30) for _ in range(3)]
    assert all(isinstance(event, Failed) and str(event.error) == "out of memory" for event in failed)


def test_a_full_queue_and_a_closed_one_say_so() -> None:
    batcher = Batcher(BrokenEngine(), Batching(queue=0))  # type: ignore[arg-type]
    with pytest.raises(Overloaded):
        batcher.submit(Prompt(()), Sampling(), lambda _: None)
    batcher.close()
    with pytest.raises(BackendError, match="closed"):
        batcher.submit(Prompt(()), Sampling(), lambda _: None)
