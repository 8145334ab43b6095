"""SHARED PREFIX -> COMPUTED ONCE: the attention states of evidence that several questions share.

A question continues on a fork of the states and never changes them. Layers that grow by making new
tensors are forked without a copy; any other kind (linear attention, sliding windows) is copied deeply,
since it is written in place.
"""

import copy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CachedPrefix:
    """`rope_deltas`: the positions that the model remembers beside its states."""

    cache: Any
    rope_deltas: Any

    def fork(self) -> Any:
        """States that may be continued while these stay as they are."""
        if not all(_grows_by_new_tensors(layer) for layer in self.cache.layers):
            return copy.deepcopy(self.cache)
        forked = copy.copy(self.cache)
        forked.layers = [copy.copy(layer) for layer in self.cache.layers]
        return forked

    @property
    def nbytes(self) -> int:
        return sum(
            tensor.nbytes
            for layer in self.cache.layers
            for tensor in vars(layer).values()
            if hasattr(tensor, "nbytes")
        )


def _grows_by_new_tensors(layer: Any) -> bool:
    """Only the plain growing layer itself: what inherits from it may write into its tensors."""
    return type(layer).__name__ == "DynamicLayer"
