"""A Sightline for the tests of the edge: real catalogue, media, reading and retrieval, small encoders.

Work that the server does behind its requests is done at once here, so that no test waits.
"""

import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Thread

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.assemble import Sightline
from api.auth import Keyring
from core import state
from core.settings import Settings
from core.types import Access
from ingest.pipeline import Pipeline
from rag.index.files import FileStatus, Job
from rag.index.store import Space
from tests.fakes import MemoryStore, WordEmbedder
from tests.schema import put_schema

KEYS = {"key-of-a": Access("a"), "key-of-b": Access("b")}

FERRY = """Lakeside Ferries Annual Letter

Lakeside Ferries carried 41,200 passengers in 2023, after 38,900 in 2022.

The operating margin fell to 12.5 percent in 2023 because the price of diesel doubled.

The board was chaired by Ingrid Halvorsen.
"""
TEA = """云山茶业产品说明

本品采用清明前的嫩芽制成。每盒净重二百五十克。

云山毛峰的保质期为十八个月，应存放在阴凉干燥处。
"""


class AtOnce:
    """The jobs of a server, done while the caller waits."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def enqueue(self, *files: FileStatus) -> None:
        for file in files:
            self._pipeline.run(Job(file.tenant, file.id, file.version))

    def forget(self, *_doc_ids: str) -> int:
        return 0

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def wait(
        self, tenant: str, doc_ids: Collection[str], on_change: Callable[[FileStatus], None]
    ) -> dict[str, FileStatus]:
        files = self._pipeline.catalog.statuses(tenant, doc_ids)
        for file in files.values():
            on_change(file)
        return files


class Busy:
    """Jobs of a server that never gets to what is sent."""

    def enqueue(self, *_files: FileStatus) -> None:
        """Nothing is done."""

    def forget(self, *_doc_ids: str) -> int:
        return 0


def small(settings: Settings, **given: object) -> Sightline:
    """A Sightline over `settings.state` whose encoders need no weights."""
    state.create(settings.state)
    if not settings.database_url:
        put_schema(settings.state / "sightline.db")
    embedder = WordEmbedder()
    store = MemoryStore({"text": Space(embedder.name, embedder.size)})
    sightline = Sightline(
        settings, url="http://127.0.0.1:8000", **{"embedder": embedder, "store": store, **given}
    )
    vars(sightline).setdefault("jobs", AtOnce(sightline.pipeline))
    return sightline


def add(sightline: Sightline, name: str, content: str | bytes, tenant: str = "a") -> str:
    """Takes a file in; returns its document's id."""
    data = content.encode() if isinstance(content, str) else content
    accepted = sightline.pipeline.accept(tenant, name, data)
    sightline.jobs.enqueue(accepted)
    status = sightline.catalog.get(tenant, accepted.id)
    assert status.status == "ready", status.reason
    return accepted.id


@contextmanager
def listening(sightline: Sightline) -> Iterator[str]:
    """A real server around a Sightline, on a free port; it owns the state."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app_of(sightline), log_config=None, access_log=False))
        thread = Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            with state.own(sightline.settings.state, url):
                yield url
        finally:
            server.should_exit = True
            thread.join()


def app_of(sightline: Sightline) -> FastAPI:
    @contextmanager
    def opened(_settings: Settings) -> Iterator[Sightline]:
        yield sightline

    return create_app(sightline.settings, opener=opened, keyring=Keyring(KEYS))
