"""The command line's way to a server: what the server says arrives as the error that it raised."""

import json
import time
from collections.abc import Callable

import httpx
import pytest

from api.client import There
from core import errors


def there(answer: Callable[[httpx.Request], httpx.Response]) -> There:
    return There("http://server", "the-key", httpx.MockTransport(answer))


def failing(status: int, code: str, message: str = "why", headers: dict[str, str] | None = None) -> There:
    body = {"error": {"message": message, "type": "t", "param": "p", "code": code}}
    return there(lambda _: httpx.Response(status, json=body, headers=headers))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_value", errors.InputError),
        (404, "not_found", errors.NotFound),
        (413, "too_large", errors.TooLarge),
        (415, "unsupported_format", errors.UnsupportedFormat),
        (422, "locked_file", errors.LockedFile),
        (502, "backend_error", errors.BackendError),
        (500, "something_new", errors.BackendError),
    ],
)
def test_an_error_of_the_server_is_the_same_error_here(
    status: int, code: str, kind: type[errors.SightlineError]
) -> None:
    with pytest.raises(kind) as raised:
        failing(status, code).ask("question")
    assert type(raised.value) is kind
    assert (raised.value.message, raised.value.param) == ("why", "p")


def test_a_missing_key_says_where_it_comes_from() -> None:
    with pytest.raises(errors.Unauthenticated, match="SIGHTLINE_API_KEY"):
        failing(401, "invalid_api_key").files()


def test_the_key_is_sent() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={"data": [], "first_id": None, "last_id": None, "has_more": False})

    assert there(answer).files() == []
    assert seen == ["Bearer the-key"]


def test_a_busy_server_is_asked_again_and_given_up_in_the_end() -> None:
    asked: list[float] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        asked.append(time.monotonic())
        body = {"error": {"message": "busy", "type": "t", "param": None, "code": "overloaded"}}
        return httpx.Response(429, json=body, headers={"retry-after": "0"})

    with pytest.raises(errors.Overloaded):
        there(answer).search("question", None)
    assert len(asked) == 5


def test_a_server_that_is_gone_is_named() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(errors.BackendError, match="http://server"):
        there(answer).ask("question")


def test_an_answer_that_is_no_envelope_is_an_error_all_the_same() -> None:
    with pytest.raises(errors.BackendError, match="503"):
        there(lambda _: httpx.Response(503, text="<html>proxy</html>")).ask("question")


def test_a_file_that_vanishes_while_it_is_followed_is_left_out() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/files/events":
            return httpx.Response(200, text=": ping\n\n")
        return httpx.Response(
            404, json={"error": {"message": "no", "type": "t", "param": None, "code": "not_found"}}
        )

    assert there(answer).follow(["doc-1"], lambda _file: None) == []


def test_files_are_followed_by_what_the_server_tells() -> None:
    stages = ["queued", "reading", "ready"]
    pieces = [": ping", *(f"event: x\nid: y\ndata: {json.dumps(a_file(stage))}" for stage in stages[1:])]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/files/events":
            other = json.dumps(a_file("ready", "doc-2"))
            return httpx.Response(200, text="\n\n".join([pieces[0], f"data: {other}", *pieces[1:], ""]))
        return httpx.Response(200, json=a_file("queued"))

    told: list[str] = []
    (file,) = there(answer).follow(["doc-1"], lambda file: told.append(file.stage))
    assert (told, file.stage) == (stages, "ready")


def test_a_server_that_stops_while_files_are_followed_is_named() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/files/events":
            return httpx.Response(200, text=": ping\n\n")
        return httpx.Response(200, json=a_file("queued"))

    with pytest.raises(errors.BackendError, match="http://server has stopped"):
        there(answer).follow(["doc-1"], lambda _file: None)
    with pytest.raises(errors.Unauthenticated):
        failing(401, "invalid_api_key").follow(["doc-1"], lambda _file: None)


def a_file(stage: str, file_id: str = "doc-1") -> dict[str, object]:
    return {
        "id": file_id, "bytes": 1, "created_at": 1, "filename": "a", "status": "uploaded", "stage": stage,
        "source": "a", "title": "", "media_type": "", "pages_total": 0, "pages_done": 0, "pages_failed": 0,
        "chunks": 0, "searchable": False,
    }  # fmt: skip
