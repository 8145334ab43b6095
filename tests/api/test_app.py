"""The service as a whole: who may in, whether it is well, what it says of itself."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine

from api.app import ROUTES, address, create_app
from api.assemble import Sightline
from core.errors import BackendError, SettingsError
from core.settings import Settings
from core.types import Access
from tests.api.small import small

OPEN = {"/livez", "/readyz", "/e/{token}", "/e/{token}.png"}


def routes() -> list[tuple[str, str]]:
    schema = create_app(Settings()).openapi()
    return [(method.upper(), path) for path, methods in schema["paths"].items() for method in methods]


@pytest.mark.parametrize(("method", "path"), [*routes(), ("GET", "/openapi.json"), ("GET", "/v1/unknown")])
def test_a_stranger_gets_nothing(client: TestClient, method: str, path: str) -> None:
    address = path.format(token="x", file_id="doc-0", model="sightline")
    response = client.request(method, address, headers={"authorization": "Bearer stolen"})
    if path in OPEN:
        assert response.status_code in (200, 404)
    else:
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"


def test_the_stranger_was_sent_to_every_route() -> None:
    declared = {
        route.path for module in ROUTES for route in module.router.routes if isinstance(route, APIRoute)
    }
    assert len(declared) >= 10
    assert declared == {path for _, path in routes()}


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/files", "GET, POST"), ("/v1/files/doc-0", "DELETE, GET")]
)
def test_a_wrong_method_is_told_all_right_ones(client: TestClient, path: str, allowed: str) -> None:
    response = client.put(path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed


def test_another_tenants_file_is_as_missing_as_none(library: Sightline, client: TestClient) -> None:
    theirs = library.catalog.list_files("b")[0].id
    missing = "doc-" + "0" * 24
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        foreign = client.request(method, f"/v1/files/{theirs}{path}")
        absent = client.request(method, f"/v1/files/{missing}{path}")
        assert foreign.status_code == absent.status_code == 404
        assert foreign.text.replace(theirs, "X") == absent.text.replace(missing, "X")
    assert client.get("/v1/files", params={"after": theirs}).status_code == 404
    listed = client.get("/v1/files").json()["data"]
    assert theirs not in {file["id"] for file in listed}
    assert library.catalog.get("b", theirs).status == "ready"


# ---------------------------------------------------------------- health


def test_a_well_server_says_so(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "failed": []})


class Away:
    def count(self, *_: Any, **__: Any) -> int:
        raise BackendError("connection to qdrant-7.internal refused")


def broken_engine() -> Engine:
    return create_engine("sqlite:////nowhere/at/all.db")


@pytest.mark.parametrize(
    ("broken", "name"), [({"store": Away()}, "vectors"), ({"engine": broken_engine()}, "database")]
)
def test_a_server_that_cannot_answer_names_what_fails_and_no_more(
    library: Sightline,
    serve: Callable[[Sightline], TestClient],
    broken: dict[str, Any],
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {part: getattr(library, part) for part in ("engine", "store", "embedder", "pipeline", "jobs")}
    client = serve(Sightline(library.settings, **{**given, **broken}))
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "unavailable", "failed": [name]}
    assert client.get("/livez").status_code == 200
    assert "not ready" in caplog.text


# ---------------------------------------------------------------- what it says of itself


def test_the_schema_is_complete_and_tells_no_secret(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert {"/v1/chat/completions", "/v1/files", "/v1/search", "/v1/models"} <= set(schema["paths"])
    assert "key-of-a" not in str(schema)
    for methods in schema["paths"].values():
        for operation in methods.values():
            assert "4XX" in operation["responses"]


def test_pages_for_trying_out_are_not_there(client: TestClient) -> None:
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


def test_models_are_listed_as_openai_does(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["sightline"]
    assert client.get("/v1/models/sightline").json() == listed["data"][0]
    missing = client.get("/v1/models/gpt-4")
    assert missing.status_code == 404
    assert missing.json()["error"]["param"] == "model"


def test_the_log_names_routes_and_no_questions(
    library: Sightline, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hit = client.get("/v1/search", params={"query": "private-question"}).json()["data"][0]
    assert client.get(hit["url"]).status_code == 200
    assert "/v1/search 200" in caplog.text
    assert "/e/{token} 200" in caplog.text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sightline")]
    assert not [line for line in ours if "private-question" in line or hit["url"].rsplit("/", 1)[1] in line]


# ---------------------------------------------------------------- start


def test_a_public_address_without_a_key_does_not_start() -> None:
    with pytest.raises(SettingsError, match="SIGHTLINE_API_KEY"):
        create_app(Settings(host="0.0.0.0"))
    create_app(Settings.from_env({}, host="0.0.0.0", api_key="key"))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("docs.example", "http://docs.example:8000"),
    ],
)
def test_the_address_is_one_that_this_machine_can_reach(host: str, url: str) -> None:
    assert address(Settings(host=host)) == url


def test_parts_are_opened_once_and_only_when_asked_for(tmp_path: Path) -> None:
    sightline = small(Settings(state=tmp_path / "state"))
    assert "retriever" not in vars(sightline)
    assert sightline.retriever is sightline.retriever
    assert "retriever" in vars(sightline)
    with pytest.raises(TypeError, match="'retreiver'"):
        Sightline(Settings(), retreiver=None)
    assert sightline.retriever.search("anything", access=Access(), limit=1) == []
    sightline.close()
