"""A worker process for `test_jobs.py`: it accepts one file, works on it, and waits at a gate to be killed.

python -m tests.ingest.doomed DATABASE_URL STATE GATE
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.database import migrate, open_engine
from ingest.jobs import Jobs
from rag.index.sparse import LexicalEncoder
from rag.index.store import open_store
from tests.ingest.house import SPACES, TENANT, House

TEXT = "Margins fell. See the logo.\fCosts rose."


class Gated:
    """A part whose method `gate` says so and never returns."""

    def __init__(self, part: Any, gate: str) -> None:
        self._part = part
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return _wait if name == self._gate else getattr(self._part, name)


def _wait(*_arguments: Any, **_options: Any) -> None:
    sys.stdout.write("at the gate\n")
    sys.stdout.flush()
    _die()


def _die() -> None:
    """Should nobody kill this process, it ends itself."""
    threading.Event().wait(60)
    os._exit(1)


def logged(reader: Callable[..., Any], state: Path) -> Callable[..., Any]:
    """A reader that notes each of its calls in a file."""

    def read(path: Path, **options: Any) -> Any:
        with (state / "reads").open("a") as file:
            file.write("read\n")
        return reader(path, **options)

    return read


def main(url: str, state: Path, gate: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    store = open_store(
        folder=state / "vectors", url="", api_key="", spaces=SPACES, words=LexicalEncoder().name
    )
    house = House(engine, state, store)
    house.reader = _wait if gate == "read" else logged(house.reader, state)
    pipeline = house.open(lambda part: Gated(part, gate))
    jobs = Jobs(pipeline, url=url, state=state)
    jobs.start()
    jobs.enqueue(pipeline.accept(TENANT, "a.txt", TEXT.encode()))
    _die()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
