"""Too much is refused early, and every response carries its headers."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.testclient import TestClient

from api.errors import answer_errors_with_the_envelope
from api.limits import Admitted, Gate
from api.middleware import JSON_LIMIT, BodyLimit, Envelope
from core.errors import Overloaded

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    answer_errors_with_the_envelope(app)
    app.add_middleware(BodyLimit, upload_limit=2 * MEGABYTE)
    app.add_middleware(Envelope)

    @app.post("/v1/files")
    async def upload(file: UploadFile, source: Annotated[str, Form()] = "") -> int:
        return len(await file.read())

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    with TestClient(app) as client:
        yield client


def pieces(total: int) -> Iterator[bytes]:
    for _ in range(total // MEGABYTE):
        yield b"x" * MEGABYTE


def test_a_body_under_the_cap_passes(client: TestClient) -> None:
    assert client.post("/raw", content=b"x" * JSON_LIMIT).json() == JSON_LIMIT
    assert client.post("/v1/files", files={"file": ("a", b"x" * 2 * MEGABYTE)}).json() == 2 * MEGABYTE


def test_a_body_that_announces_too_much_is_refused_unread(client: TestClient) -> None:
    response = client.post("/raw", content=b"x" * (JSON_LIMIT + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_a_body_that_does_not_announce_itself_is_stopped_while_it_comes(client: TestClient) -> None:
    response = client.post("/raw", content=pieces(JSON_LIMIT + 4 * MEGABYTE))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_an_upload_in_pieces_is_stopped_while_it_comes(client: TestClient) -> None:
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        yield from pieces(5 * MEGABYTE)

    response = client.post(
        "/v1/files", content=body(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_every_response_is_identified_and_defended(client: TestClient) -> None:
    ids = set()
    for response in (
        client.post("/raw"),
        client.get("/nowhere"),
        client.post("/raw", content=pieces(2 * MEGABYTE)),
    ):
        ids.add(response.headers["x-request-id"])
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in response.headers["content-security-policy"]
    assert len(ids) == 3


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space here", "a;b=c;d=e"])
def test_a_request_id_that_could_forge_a_log_line_is_replaced(client: TestClient, given: str) -> None:
    response = client.post("/raw", headers={"x-request-id": given})
    assert response.headers["x-request-id"].startswith("req_")


def test_a_full_gate_refuses_and_a_left_place_is_free_again() -> None:
    gate = Gate(2)
    gate.enter()
    gate.enter()
    with pytest.raises(Overloaded) as refused:
        gate.enter()
    assert refused.value.retry_after > 0
    gate.leave()
    gate.enter()


def test_a_place_is_held_until_the_answer_is_out_and_given_back_after_a_failure() -> None:
    app = FastAPI()
    answer_errors_with_the_envelope(app)
    app.add_middleware(Envelope)
    app.state.gate = gate = Gate(1)
    seen = []

    @app.get("/work")
    async def work(_place: Admitted) -> None:
        seen.append(gate.taken)
        await asyncio.sleep(0)

    @app.get("/fail")
    async def fail(_place: Admitted) -> None:
        raise ValueError("broken")

    with TestClient(app) as client:
        assert client.get("/work").status_code == 200
        assert client.get("/fail").status_code == 500
        assert gate.taken == 0
        gate.enter()
        refused = client.get("/work")
    assert seen == [1]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
