"""Many may be inside, or one alone: for what is read all the time and replaced once in a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Doors:
    def __init__(self) -> None:
        self._inside = 0
        self._closed = False
        self._changed = Condition()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Waits while somebody is, or wants to be, alone. Not to be entered twice by one thread."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lets nobody else in, and waits until those who are inside have left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()
