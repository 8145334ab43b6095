"""TOKENS -> TEXT, for one request of a batch: decoding, stop texts, thoughts kept out of the answer.

A row of a batch ends for itself: at the model's end token, at a stop text, at its limit, or when its
caller cancels. transformers' own TextIteratorStreamer takes one sequence only; this takes a batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

THOUGHT_OPENS, THOUGHT_CLOSES = "<think>", "</think>"

Finish = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """`temperature` 0: greedy. `schema`: JSON Schema that the answer must fit."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None

    @property
    def alone(self) -> bool:
        """A sampled answer has its own random numbers, so it shares no batch."""
        return self.temperature > 0


@dataclass(frozen=True, slots=True)
class Delta:
    text: str
    thought: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """`prompt_tokens` of which `reused` came from a cached prefix; `routing`: expert counts, if watched."""

    finish: Finish
    token_ids: tuple[int, ...]
    prompt_tokens: int
    reused: int = 0
    notes: tuple[str, ...] = ()
    routing: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    error: BaseException


Event = Delta | Finished | Failed


class ThoughtFilter:
    """Splits a stream of text at the tags of a thinking model; tags may come in pieces."""

    def __init__(self, *, inside: bool) -> None:
        self._inside = inside
        self._held = ""
        self._fresh = False  # the line breaks after a thought are not the answer's

    def feed(self, piece: str, *, last: bool = False) -> Iterator[Delta]:
        self._held += piece
        while True:
            tag = THOUGHT_CLOSES if self._inside else THOUGHT_OPENS
            before, found, after = self._held.partition(tag)
            if not found:
                break
            yield from self._given(before)
            self._inside, self._held, self._fresh = not self._inside, after, self._inside
        keep = 0 if last else overlap(self._held, (tag,))
        ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        yield from self._given(ready)

    def _given(self, text: str) -> Iterator[Delta]:
        if self._fresh:
            text = text.lstrip("\n")
        if text:
            self._fresh = False
            yield Delta(text, self._inside)


def overlap(text: str, marks: Sequence[str]) -> int:
    """Characters at the end of `text` that may be the start of one of `marks`."""
    longest = max((len(mark) for mark in marks), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(mark.startswith(text[-length:]) for mark in marks):
            return length
    return 0


@dataclass(slots=True)
class Row:
    """One request on its way through a batch. `deliver` is called on the generating thread."""

    sampling: Sampling
    deliver: Callable[[Event], None]
    decoder: Callable[[int], str]
    end_ids: frozenset[int]
    thoughts: ThoughtFilter
    token_ids: list[int] = field(default_factory=list)
    finish: Finish | None = None
    cancelled: bool = False  # set by the caller's thread
    _held: str = ""
    _stopped: bool = False  # at a stop text: what follows is not the answer's

    def take(self, token_id: int) -> None:
        if self.done():
            return
        self.token_ids.append(token_id)
        if token_id in self.end_ids:
            self.finish = "stop"
        else:
            self._say(self.decoder(token_id))
            if self.finish is None and len(self.token_ids) >= self.sampling.max_tokens:
                self.finish = "length"

    def done(self) -> bool:
        if self.cancelled and self.finish is None:
            self.finish = "cancelled"
        return self.finish is not None

    def close(self) -> None:
        """Gives out what was held back."""
        for delta in self.thoughts.feed("", last=True):
            self._speak(delta, last=True)
        if self._held:
            self.deliver(Delta(self._held))
            self._held = ""

    def _say(self, piece: str) -> None:
        for delta in self.thoughts.feed(piece):
            self._speak(delta)

    def _speak(self, delta: Delta, *, last: bool = False) -> None:
        if delta.thought:
            self.deliver(delta)
            return
        if self._stopped:
            return
        self._held += delta.text
        ends = [at for at in (self._held.find(stop) for stop in self.sampling.stop) if at >= 0]
        if ends:
            ready, self._held = self._held[: min(ends)], ""
            self._stopped, self.finish = True, "stop"
        else:
            keep = 0 if last else overlap(self._held, self.sampling.stop)
            ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        if ready:
            self.deliver(Delta(ready))
