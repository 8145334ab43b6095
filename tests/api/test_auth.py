"""Who may come in."""

from collections.abc import Mapping

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from api.auth import Doorman, Keyring, is_loopback, refuse_to_be_public_without_a_key
from api.middleware import Envelope
from core.errors import SettingsError
from core.settings import Settings
from core.types import Access

KEYS = {"key-of-a": Access("a"), "key-of-b": Access("b", frozenset({"public", "board"}))}


def client_of(keys: Mapping[str, Access], public_url: str = "") -> TestClient:
    app = FastAPI()

    @app.get("/v1/me")
    def me(request: Request) -> dict[str, object]:
        access = request.state.access
        return {"tenant": access.tenant, "labels": sorted(access.labels)}

    @app.get("/livez")
    def live() -> str:
        return "ok"

    app.add_middleware(Doorman, keyring=Keyring(keys), public_url=public_url)
    app.add_middleware(Envelope)
    return TestClient(app, base_url="http://127.0.0.1:8000")


def test_a_key_opens_its_own_tenant() -> None:
    client = client_of(KEYS)
    for key, access in KEYS.items():
        body = client.get("/v1/me", headers={"authorization": f"Bearer {key}"}).json()
        assert body == {"tenant": access.tenant, "labels": sorted(access.labels)}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic key-of-a", "key-of-a", "Bearer key-of-", "Bearer key-of-a-and-more"],
)
def test_whoever_has_no_key_is_told_how_to_send_one(header: str) -> None:
    response = client_of(KEYS).get("/v1/me", headers={"authorization": header} if header else {})
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"
    assert response.headers["www-authenticate"] == "Bearer"
    assert "x-request-id" in response.headers


def test_an_unknown_route_is_shut_as_well() -> None:
    assert client_of(KEYS).get("/v2/anything").status_code == 401


def test_what_is_open_needs_no_key() -> None:
    assert client_of(KEYS).get("/livez").status_code == 200


def test_without_keys_everybody_on_this_machine_is_the_default_tenant() -> None:
    assert client_of({}).get("/v1/me").json() == {"tenant": "default", "labels": ["public"]}


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8000"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_without_keys_a_page_of_another_site_is_refused(headers: dict[str, str]) -> None:
    response = client_of({}).get("/v1/me", headers=headers)
    assert response.status_code == 403
    assert response.json()["error"]["type"] == "permission_error"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8000", "origin": "http://localhost:8000"},
        {"host": "[::1]:8000"},
        {"host": "docs.example", "origin": "https://docs.example"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_without_keys_our_own_pages_are_served(headers: dict[str, str]) -> None:
    client = client_of({}, public_url="https://docs.example/sightline")
    assert client.get("/v1/me", headers=headers).status_code == 200


def test_with_a_key_a_page_of_another_site_may_ask() -> None:
    headers = {"authorization": "Bearer key-of-a", "origin": "https://chat.example", "host": "docs.example"}
    assert client_of(KEYS).get("/v1/me", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    refuse_to_be_public_without_a_key(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "docs.example", "localhost.evil.example"])
def test_any_other_address_needs_a_key(host: str) -> None:
    with pytest.raises(SettingsError, match="SIGHTLINE_API_KEY"):
        refuse_to_be_public_without_a_key(Settings(host=host))
    refuse_to_be_public_without_a_key(Settings(host=host, api_key="k"))  # type: ignore[arg-type]


def test_a_keyring_does_not_keep_the_keys() -> None:
    keyring = Keyring(KEYS)
    assert "key-of-a" not in repr(vars(keyring))
