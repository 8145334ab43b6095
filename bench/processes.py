"""Processes that serve and work as `sightline serve` and `sightline worker` do, made to be killed.

They are forks of a process that has imported everything and started no thread: a start then costs a
fifth of a real one, so that hundreds can be tried. The parts are those of `api/assemble.py` but for
the encoder, which is a bag of words: what is tried does not depend on it. Needs fork(2).
"""

import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import dbos  # noqa: F401 so that no fork has to import it
import httpx
import numpy as np
import qdrant_edge  # noqa: F401
import uvicorn

from api.app import create_app
from api.assemble import Sightline
from api.server import listen
from bench import qdrant_server
from core import state
from core.errors import SightlineError
from core.settings import Settings
from core.types import Chunk, Vector
from rag.index.sparse import LexicalEncoder

_START = 60.0  # seconds after which a process that does not answer counts as broken
_SIZE = 64


class BagOfWords:
    """`TextEmbedder` without weights: words, hashed to a few dimensions."""

    name = f"bag-of-words-{_SIZE}"
    size = _SIZE
    languages = frozenset({"en"})
    max_tokens = 256
    tokens_seen = 0
    tokens_dropped = 0

    def __init__(self) -> None:
        self._words = LexicalEncoder()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [2 + len(text.split()) for text in texts]

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        return np.stack([self._vector(words.indices, words.values) for words in self._words.chunks(chunks)])

    def query(self, text: str) -> Vector:
        words = self._words.query(text)
        return self._vector(words.indices, words.values)

    def _vector(self, indices: Any, values: Any) -> Vector:
        vector = np.full(_SIZE, 1e-3, dtype=np.float32)
        np.add.at(vector, indices % _SIZE, values)
        return vector / np.linalg.norm(vector)


class Process(NamedTuple):
    """`url` is "" for a worker."""

    id: int
    url: str

    @property
    def alive(self) -> bool:
        return os.waitid(os.P_PID, self.id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def kill(self) -> None:
        os.kill(self.id, signal.SIGKILL)

    def end(self) -> int:
        """Waits for its end and returns the exit code, negative for a signal."""
        _, status = os.waitpid(self.id, 0)
        return os.waitstatus_to_exitcode(status)

    def stop(self) -> int:
        os.kill(self.id, signal.SIGTERM)
        return self.end()


def serve(settings: Settings, log: Path) -> Process:
    """A server that takes requests when this returns."""
    with listen(settings) as listening:
        port = listening.getsockname()[1]
        settings = settings.model_copy(update={"port": port})
        process = _fork(lambda: _serve(settings, listening), log)
    server = Process(process, f"http://127.0.0.1:{port}")
    _wait_for(server, "/livez")
    return server


def work(settings: Settings, log: Path) -> Process:
    return Process(_fork(lambda: _work(settings), log), "")


def vectors(log: Path) -> Process:
    """A server for vectors; see `bench/qdrant_server.py`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = Process(_fork(lambda: qdrant_server.run(listening), log), url)
    _wait_for(server, "/collections/none/exists")
    return server


def _wait_for(server: Process, path: str) -> None:
    """Until it answers, or is dead already because it was asked to die early."""
    deadline = time.monotonic() + _START
    with httpx.Client(trust_env=False, verify=False, timeout=_START) as client:
        while server.alive and time.monotonic() < deadline:
            try:
                if client.get(server.url + path).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)


def asked(settings: Settings, question: Callable[[Sightline], Any]) -> Any:
    """What `question` says of the state, asked in a process of its own. The answer goes through JSON."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as answer:
        process = _fork(lambda: _answer(settings, question, writing), Path(os.devnull))
        os.close(writing)
        text = answer.read()
    code = Process(process, "").end()
    if code:
        raise ValueError(f"the state could not be looked at (exit code {code}): {text}")
    return json.loads(text)


def _fork(run: Callable[[], None], log: Path) -> int:
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        signal.signal(signal.SIGTERM, _leave)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        run()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 a fork must never go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


def _serve(settings: Settings, listening: Any) -> None:
    with opened(settings) as sightline:
        sightline.open("assistant", "jobs", "links")
        app = create_app(settings, opener=lambda _: _same(sightline))
        config = uvicorn.Config(app, log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


def _work(settings: Settings) -> None:
    with opened(settings) as sightline:
        sightline.open("jobs")
        Event().wait()


def _answer(settings: Settings, question: Callable[[Sightline], Any], writing: int) -> None:
    with opened(settings) as sightline, os.fdopen(writing, "w") as answer:
        try:
            answer.write(json.dumps(question(sightline)))
        except SightlineError as error:
            answer.write(error.message)
            raise


@contextmanager
def opened(settings: Settings) -> Iterator[Sightline]:
    """As `api.assemble.open_sightline`, with the bag of words."""
    state.create(settings.state)
    sightline = Sightline(settings, url="", embedder=BagOfWords())
    try:
        yield sightline
    finally:
        sightline.close()


@contextmanager
def _same(sightline: Sightline) -> Iterator[Sightline]:
    yield sightline
