"""What a model need not compute twice: one bounded store, used for patches, image features and prefixes."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Keeps what was used last, up to `room` bytes. Not thread-safe: each belongs to one thread or lock."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0

    def get(self, key: K) -> V | None:
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: K, value: V, size: int) -> None:
        """What is larger than all the room is not kept."""
        if size > self._room or key in self._held:
            return
        self._held[key] = (value, size)
        self._size += size
        while self._size > self._room:
            _, (_, freed) = self._held.popitem(last=False)
            self._size -= freed

    def __len__(self) -> int:
        return len(self._held)
