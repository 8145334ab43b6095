"""Says no early: a question that finds no free place is refused before any work is done for it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from core.errors import Overloaded

_RETRY_AFTER = 1.0  # seconds; an extractive answer takes well under one


class Gate:
    """`places` callers at once. Entered and left on the event loop only, so it needs no lock."""

    def __init__(self, places: int, what: str = "questions are being answered") -> None:
        self.places = places
        self.what = what
        self.taken = 0

    def enter(self) -> None:
        if self.taken >= self.places:
            raise Overloaded(
                f"{self.places} {self.what} already; ask again in a moment",
                retry_after=_RETRY_AFTER,
            )
        self.taken += 1

    def leave(self) -> None:
        self.taken -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()


async def admitted(request: Request) -> AsyncIterator[None]:
    """A place at the gate, from before the work until the last byte is sent or the caller is gone."""
    with request.app.state.gate.place():
        yield


async def listening(request: Request) -> AsyncIterator[None]:
    """The same for streams of progress, each of which asks the database again and again."""
    with request.app.state.streams.place():
        yield


Admitted = Annotated[None, Depends(admitted)]
Listening = Annotated[None, Depends(listening)]
