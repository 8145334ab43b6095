"""A Qdrant server for measuring where none is installed: HTTP around qdrant-client's local mode.

Answers what `rag/index/qdrant.py` asks, in Qdrant's own words, one request at a time, from memory: what
is measured through it is whether several processes share one store without losing or doubling
anything, never its speed. It is no part of the service.
"""

import socket
from threading import Lock
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse
from qdrant_client import QdrantClient, models

Json = Annotated[dict[str, Any], Body()]


def create_app(client: QdrantClient) -> FastAPI:
    app = FastAPI()
    lock = Lock()  # local mode is made for one thread

    @app.get("/collections/{name}/exists")
    def exists(name: str) -> Any:
        with lock:
            return _answer({"exists": client.collection_exists(name)})

    @app.get("/collections/{name}")
    def describe(name: str) -> Any:
        with lock:
            return _answer(client.get_collection(name))

    @app.put("/collections/{name}")
    def create(name: str, body: Json) -> Any:
        asked = models.CreateCollection(**body)
        with lock:
            if client.collection_exists(name):
                return JSONResponse({"status": {"error": f"Collection `{name}` already exists!"}}, 409)
            client.create_collection(
                name,
                vectors_config=asked.vectors,
                sparse_vectors_config=asked.sparse_vectors,
                metadata=asked.metadata,
            )
        return _answer(True)

    @app.put("/collections/{name}/index")
    def index(name: str) -> Any:
        return _answer(_COMPLETED)

    @app.put("/collections/{name}/points")
    def upsert(name: str, body: Json) -> Any:
        asked = models.PointsList(**body)
        with lock:
            client.upsert(name, asked.points)
        return _answer(_COMPLETED)

    @app.post("/collections/{name}/points")
    def retrieve(name: str, body: Json) -> Any:
        asked = models.PointRequest(**body)
        with lock:
            return _answer(client.retrieve(name, asked.ids, with_payload=True))

    @app.post("/collections/{name}/points/query")
    def query(name: str, body: Json) -> Any:
        asked = models.QueryRequest(**body)
        with lock:
            found = client.query_points(
                name,
                query=asked.query,
                using=asked.using,
                query_filter=asked.filter,
                limit=asked.limit or 10,
                with_payload=asked.with_payload or False,
            )
        return _answer(found)

    @app.post("/collections/{name}/points/scroll")
    def scroll(name: str, body: Json) -> Any:
        asked = models.ScrollRequest(**body)
        with lock:
            records, following = client.scroll(
                name,
                scroll_filter=asked.filter,
                limit=asked.limit or 10,
                offset=asked.offset,
                with_payload=asked.with_payload or False,
            )
        return _answer({"points": records, "next_page_offset": following})

    @app.post("/collections/{name}/points/count")
    def count(name: str, body: Json) -> Any:
        asked = models.CountRequest(**body)
        with lock:
            return _answer(client.count(name, count_filter=asked.filter, exact=True))

    @app.post("/collections/{name}/points/delete")
    def delete(name: str, body: Json) -> Any:
        with lock:
            client.delete(name, models.FilterSelector(**body))
        return _answer(_COMPLETED)

    return app


_COMPLETED = {"operation_id": 0, "status": "completed"}


def _answer(result: Any) -> Any:
    return {"result": result, "status": "ok", "time": 0.0}


def run(listening: socket.socket) -> None:
    """Serves an empty store until the process ends."""
    app = create_app(QdrantClient(":memory:"))
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listening])
