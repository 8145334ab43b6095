"""What only the server's store does. There is no server here: local mode runs the same class, and
a socket plays a server that fails.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from core.errors import BackendError, BackendTimeout, IndexMismatch
from core.types import Point
from rag.index.payload import INDEXED_FIELDS
from rag.index.qdrant import COLLECTION, QdrantStore, connect
from rag.index.store import Identity, Space
from tests.fakes import a_chunk

IDENTITY = Identity({"text": Space("test", 4)}, "bm25")
POINT = Point(
    a_chunk("00000000-0000-0000-0000-000000000001", "text"),
    {"text": np.array([1, 0, 0, 0], dtype=np.float32)},
)

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


class Recording(QdrantClient):
    """Local mode that notes what is asked of it, in order."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.asked: list[str] = []

    def create_payload_index(self, collection_name: str, field_name: str, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(f"index {field_name}")
        return super().create_payload_index(collection_name, field_name, *args, **kwargs)

    def upsert(self, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(f"upsert wait={kwargs.get('wait')}")
        return super().upsert(*args, **kwargs)


def test_the_payload_indexes_are_made_before_the_first_point_and_writes_wait() -> None:
    client = Recording()
    store = QdrantStore(client, IDENTITY)
    store.upsert([POINT])
    assert client.asked == [*(f"index {field}" for field in INDEXED_FIELDS), "upsert wait=True"]
    store.close()


def test_one_collection_is_for_all_tenants_and_ranks_words_by_rarity() -> None:
    client = QdrantClient(":memory:")
    QdrantStore(client, IDENTITY)
    parameters = client.get_collection(COLLECTION).config.params
    assert parameters.sparse_vectors is not None
    assert parameters.sparse_vectors["words"].modifier == models.Modifier.IDF
    client.close()


def test_a_collection_made_with_another_embedder_is_refused() -> None:
    client = QdrantClient(":memory:")
    QdrantStore(client, IDENTITY).upsert([POINT])
    with pytest.raises(IndexMismatch, match=r"text=test \(4\).*text=other \(4\)"):
        QdrantStore(client, Identity({"text": Space("other", 4)}, "bm25"))
    assert QdrantStore(client, IDENTITY).count("default") == 1
    client.close()


def test_a_collection_of_somebody_else_is_refused() -> None:
    client = QdrantClient(":memory:")
    client.create_collection(
        COLLECTION, vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT)
    )
    with pytest.raises(IndexMismatch, match="not made by Sightline"):
        QdrantStore(client, IDENTITY)
    client.close()


# ---------------------------------------------------------------- a server that fails


class Failing(BaseHTTPRequestHandler):
    keys: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.keys.append(self.headers["api-key"])
        body = json.dumps({"status": {"error": "disk is full"}}).encode()
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def failing() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_what_the_server_says_reaches_the_message_and_the_key_reaches_the_server(failing: str) -> None:
    with pytest.raises(BackendError, match="disk is full") as raised:
        connect(failing, "a key", IDENTITY)
    assert raised.value.status == 502
    assert Failing.keys[-1] == "a key"


def test_a_server_that_does_not_answer_is_a_timeout() -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = QdrantClient(url=url, timeout=1, check_compatibility=False)
        with pytest.raises(BackendTimeout):
            QdrantStore(client, IDENTITY)
        client.close()
