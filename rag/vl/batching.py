"""REQUESTS -> BATCHES: one thread generates; what waits together and fits together is answered together.

A request waits a few milliseconds for company, somewhat longer for what is being prepared already. Prompts of like length share a batch, so that
padding stays small, within a number of tokens and images; what was sampled, has a shared prefix or a video runs alone.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from types import TracebackType
from typing import Self

from core.errors import BackendError, Overloaded
from rag.vl.engine import Engine, Job
from rag.vl.messages import Prompt
from rag.vl.output import Event, Failed, Row, Sampling


@dataclass(frozen=True, slots=True)
class Batching:
    """`wait`: seconds for what may come, `longest`: for what is being prepared; `padding`: share of a batch's tokens that may be padding; `queue`: requests before 429."""

    requests: int = 16
    tokens: int = 32_768
    images: int = 32
    wait: float = 0.004
    longest: float = 0.1
    padding: float = 0.25
    queue: int = 256


def choose(waiting: Sequence[Job], can_batch: Callable[[Job], bool], limits: Batching) -> list[Job]:
    """The first that waits, and of the others those that fit beside it, in order."""
    chosen = [waiting[0]]
    if not can_batch(waiting[0]):
        return chosen
    for job in waiting[1:]:
        if can_batch(job) and fits([*chosen, job], limits):
            chosen.append(job)
    return chosen


def fits(jobs: Sequence[Job], limits: Batching) -> bool:
    lengths = [len(job.inputs.ids) for job in jobs]
    padded = max(lengths) * len(lengths)
    return (
        len(jobs) <= limits.requests
        and padded <= limits.tokens
        and padded - sum(lengths) <= limits.padding * padded
        and sum(len(job.inputs.keys) for job in jobs) <= limits.images
    )


class Batcher:
    """Owns an engine's thread. Close it, or use it as a context."""

    def __init__(self, engine: Engine, limits: Batching | None = None) -> None:
        self.engine = engine
        self._limits = limits or Batching()
        self._waiting: list[Job] = []
        self._coming = 0  # requests that are being prepared
        self._changed = Condition()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sparse-vl")

    def submit(
        self, prompt: Prompt, sampling: Sampling, deliver: Callable[[Event], None], question_kind: str = ""
    ) -> Row:
        """Returns at once; events come on the generating thread. Set `cancelled` on the row to end it.

        Raises InputError where the prompt exceeds the context, Overloaded where too many wait.
        """
        with self._announced():
            inputs = self.engine.preparer.prepare(prompt, sampling.max_tokens)
        row = self.engine.row(inputs, sampling, deliver)
        with self._changed:
            if self._closed:
                raise BackendError("the local model is closed")
            if len(self._waiting) >= self._limits.queue:
                raise Overloaded(f"{len(self._waiting)} requests wait for the local model", retry_after=5)
            self._waiting.append(Job(inputs, row, prompt.notes, question_kind))
            self._changed.notify()
            self._thread.submit(self._answer_some)
        return row

    @contextmanager
    def _announced(self) -> Iterator[None]:
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify()

    def _answer_some(self) -> None:
        """One call for each request; those whose request went with an earlier batch find nothing."""
        jobs = self._take()
        if jobs:
            with _Told(jobs):
                self.engine.run(jobs)

    def _take(self) -> list[Job]:
        with self._changed:
            if self._waiting and self.engine.can_batch(self._waiting[0]):
                self._await_company()
            if not self._waiting:
                return []
            jobs = choose(self._waiting, self.engine.can_batch, self._limits)
            taken = {id(job) for job in jobs}
            self._waiting = [job for job in self._waiting if id(job) not in taken]
            return jobs

    def _await_company(self) -> None:
        began = time.monotonic()
        while not self._closed and len(self._waiting) < self._limits.requests:
            longest = self._limits.longest if self._coming else self._limits.wait
            left = began + longest - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def close(self) -> None:
        """Ends what runs and what waits."""
        with self._changed:
            self._closed = True
            for job in self._waiting:
                job.row.cancelled = True
            self._changed.notify()
        self._thread.shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Told:
    """Hands an error of a batch to every request in it; it is raised there."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        for job in self._jobs:
            job.row.deliver(Failed(error))
        return True
