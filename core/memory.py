"""What making very many objects at once costs, and how not to pay it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keeps the collector of cycles from running; for short stretches that make many objects and no cycle.

    It would search them again and again while they are made. Measured on three filings of 137 pages, CPU
    a page: decoding the words 1.2 -> 0.2 ms, cutting into chunks 1.3 -> 0.6 ms.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
