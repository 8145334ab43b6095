"""What a library takes along when it is imported, though nobody here asks for it. Knows no library."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """Inside, importing module `name` is an ImportError, as if it were not installed.

    For a part that a library imports where it is there and does without where it is not. A module that was
    imported before stays as it is.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # what Python itself reads as "cannot be imported"
    try:
        yield
    finally:
        del sys.modules[name]
