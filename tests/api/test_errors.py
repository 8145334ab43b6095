"""Every failure has the one envelope, and each names what is wrong."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Form, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel

from api.errors import answer_errors_with_the_envelope
from api.middleware import Envelope
from core import errors

RAISED: dict[str, errors.SightlineError] = {
    "settings": errors.SettingsError("s"),
    "input": errors.InputError("i", param="query"),
    "format": errors.UnsupportedFormat("f"),
    "unreadable": errors.UnreadableFile("u"),
    "locked": errors.LockedFile("l"),
    "large": errors.TooLarge("t"),
    "key": errors.Unauthenticated("k"),
    "site": errors.Forbidden("o"),
    "missing": errors.NotFound("n"),
    "model": errors.ModelNotFound("m"),
    "owned": errors.StateInUse("w"),
    "mixed": errors.IndexMismatch("x"),
    "stage": errors.WrongStage("s"),
    "busy": errors.Overloaded("b", retry_after=1.5),
    "backend": errors.BackendError("e"),
    "slow": errors.BackendTimeout("d"),
}


class Line(BaseModel):
    role: str


class Body(BaseModel):
    lines: list[Line]
    count: int = 0


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    answer_errors_with_the_envelope(app)
    app.add_middleware(Envelope)

    @app.get("/raise/{name}")
    def fail(name: str) -> None:
        raise RAISED[name]

    @app.post("/body")
    def body(body: Body, limit: Annotated[int, Query(ge=1)] = 1) -> Body:
        return body

    @app.post("/form")
    def form(name: Annotated[str, Form()]) -> str:
        return name

    with TestClient(app) as client:
        yield client


def envelope(response: Any) -> dict[str, Any]:
    body = response.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


@pytest.mark.parametrize("name", RAISED)
def test_each_of_our_errors_keeps_its_status_type_and_words(client: TestClient, name: str) -> None:
    raised = RAISED[name]
    response = client.get(f"/raise/{name}")
    assert response.status_code == raised.status
    assert envelope(response) == {
        "message": raised.message,
        "type": raised.type,
        "param": raised.param,
        "code": raised.code,
    }


def test_every_error_of_ours_is_tried_here() -> None:
    def below(kind: type[errors.SightlineError]) -> set[type]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    tried = {type(error) for error in RAISED.values()}
    ours = {kind for kind in below(errors.SightlineError) if kind.__module__ == "core.errors"}
    assert ours - tried == {errors.SightlineError}


def test_who_is_sent_away_for_a_while_hears_for_how_long(client: TestClient) -> None:
    response = client.get("/raise/busy")
    assert response.headers["retry-after"] == "2"
    assert response.headers["retry-after-ms"] == "1500"


def test_a_failure_that_nobody_foresaw_says_only_its_request(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/raise/unheard-of", headers={"x-request-id": "trace-me-42"})
    assert response.status_code == 500
    error = envelope(response)
    assert error["type"] == "api_error"
    assert "trace-me-42" in error["message"]
    assert "unheard-of" not in error["message"]
    assert response.headers["x-request-id"] == "trace-me-42"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert any("trace-me-42" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("body", "param", "hint"),
    [
        ({"lines": [{"role": "a"}, {}]}, "lines[1].role", "required"),
        ({"lines": [{"role": 7}]}, "lines[0].role", "7"),
        ({}, "lines", "required"),
        ([], "body", ""),
        ({"lines": [], "count": "many" * 100}, "count", "…"),
    ],
)
def test_a_body_that_does_not_fit_names_its_field(
    client: TestClient, body: Any, param: str, hint: str
) -> None:
    response = client.post("/body", json=body)
    assert response.status_code == 422
    error = envelope(response)
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert hint in error["message"]
    assert len(error["message"]) < 300


def test_a_query_that_does_not_fit_names_its_field(client: TestClient) -> None:
    response = client.post("/body?limit=0", json={"lines": []})
    assert response.status_code == 422
    assert envelope(response)["param"] == "limit"


def test_a_missing_form_field_is_named(client: TestClient) -> None:
    response = client.post("/form", data={"other": "x"})
    assert response.status_code == 422
    assert envelope(response)["param"] == "name"


def test_malformed_json_says_where(client: TestClient) -> None:
    response = client.post("/body", content=b'{"lines": [', headers={"content-type": "application/json"})
    assert response.status_code == 400
    error = envelope(response)
    assert error["code"] == "invalid_json"
    assert error["param"] == "body"
    assert "character 11" in error["message"]


def test_a_body_that_is_no_json_is_told_to_be(client: TestClient) -> None:
    response = client.post("/body", content=b"lines", headers={"content-type": "text/plain"})
    assert response.status_code == 422
    assert "content-type application/json" in envelope(response)["message"]


def test_a_broken_form_is_a_bad_request(client: TestClient) -> None:
    response = client.post("/form", content=b"--x\r\nbroken", headers={"content-type": "multipart/form-data"})
    assert response.status_code == 400
    assert envelope(response)["type"] == "invalid_request_error"


def test_an_unknown_route_and_a_wrong_method_are_named(client: TestClient) -> None:
    missing = client.get("/v1/nowhere")
    assert missing.status_code == 404
    assert "/v1/nowhere" in envelope(missing)["message"]
    wrong = client.delete("/body")
    assert wrong.status_code == 405
    assert envelope(wrong)["code"] == "method_not_allowed"
    assert wrong.headers["allow"] == "POST"
