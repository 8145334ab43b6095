"""What a search tells of a point besides its score, remembered: a search reads hundreds of points and most
of them come again.

Reading it from the engine costs as much as the search itself (1.0 of 2.2 ms of CPU for a hundred
points among 25,000). Holds ids and labels, never text.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from itertools import islice
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)

MOST = 100_000  # points; about 30 MB


class Readers(NamedTuple):
    """Who may see a point."""

    tenant: str
    labels: tuple[str, ...]


class Head(NamedTuple):
    """Points that the same people may see should share their `readers`: a search looks at hundreds."""

    chunk_id: str
    doc_id: str
    version: int
    readers: Readers


class Heads(Generic[Key]):
    """By the engine's own ids. Safe to use from several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[Key, Head] = {}
        self._changes = 0
        self._lock = Lock()

    def of(
        self, keys: Collection[Key], read: Callable[[list[Key]], Iterable[tuple[Key, Head]]]
    ) -> dict[Key, Head]:
        """Those of the points that there are. `read` gives the heads of those that are not remembered."""
        changes = self._changes
        found = {key: head for key in keys if (head := self._known.get(key)) is not None}
        if len(found) < len(keys):
            missing = dict(read([key for key in keys if key not in found]))
            found.update(missing)
            with self._lock:
                if self._changes == changes:  # or what was read may have been written since
                    self._remember(missing)
        return found

    def forget(self, keys: Iterable[Key]) -> None:
        """To be called after these points were written, before it is said that they are."""
        with self._lock:
            self._changes += 1
            for key in keys:
                self._known.pop(key, None)

    def learn(self, heads: Iterable[tuple[Key, Head]]) -> None:
        """What points were written with. Whoever writes must be alone until this is done."""
        with self._lock:
            self._remember(dict(heads))

    def _remember(self, heads: Mapping[Key, Head]) -> None:
        self._known.update(heads)
        over = len(self._known) - self._most
        if over > 0:
            for key in list(islice(self._known, over + self._most // 10)):
                del self._known[key]
