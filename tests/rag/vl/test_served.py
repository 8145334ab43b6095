"""The client of model servers, against a real HTTP server that fails as servers do."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from core.errors import BackendError, BackendTimeout, SettingsError
from rag.vl.served import FAILURES, REST, ServedModel, open_served, prefix_of, routing_of

Reply = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]
QUESTION = [
    {"role": "user", "content": [{"type": "text", "text": "evidence"}, {"type": "text", "text": "Why?"}]}
]


def speaks(*words: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        begin(handler)
        for word in words:
            send(handler, {"choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]})
        send(handler, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        send(
            handler,
            {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}},
        )
        handler.wfile.write(b"data: [DONE]\n\n")

    return reply


def begin(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()


def send(handler: BaseHTTPRequestHandler, chunk: dict[str, Any]) -> None:
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", **chunk}
    handler.wfile.write(f"data: {json.dumps(whole)}\n\n".encode())
    handler.wfile.flush()


def fails(status: int) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(b'{"error": {"message": "no"}}')

    return reply


def tears(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    begin(handler)
    send(handler, {"choices": [{"index": 0, "delta": {"content": "half"}}]})
    handler.wfile.write(b'data: {"choices": [{"ind')


@contextmanager
def server(reply: Reply, heard: list[dict[str, Any]] | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if heard is not None:
                heard.append(body)
            reply(self, body)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 the base class's name
            """Quiet."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}/v1"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def client(*urls: str, timeout: float = 20.0) -> ServedModel:
    return open_served(list(urls), model="m", api_key="k", timeout=timeout, max_tokens=50)


async def said(model: ServedModel) -> str:
    return "".join([chunk.content async for chunk in model.astream(QUESTION)])


def test_text_arrives_in_pieces_with_its_usage() -> None:
    async def chunks(url: str) -> list[Any]:
        return [chunk async for chunk in client(url).astream(QUESTION)]

    heard: list[dict[str, Any]] = []
    with server(speaks("The margin ", "fell."), heard) as url:
        found = asyncio.run(chunks(url))
    assert "".join(chunk.content for chunk in found) == "The margin fell."
    usage = [chunk.usage_metadata for chunk in found if chunk.usage_metadata]
    assert (usage[-1]["input_tokens"], usage[-1]["output_tokens"]) == (9, 2)
    assert heard[0]["stream"] is True
    assert heard[0]["temperature"] == 0


def test_a_server_that_fails_is_left_for_another() -> None:
    with server(fails(500)) as broken, server(speaks("yes")) as able:
        assert asyncio.run(said(client(broken, able))) == "yes"


def test_a_torn_stream_is_an_error_not_half_an_answer() -> None:
    with server(tears) as url, pytest.raises(BackendError, match="broke off"):
        asyncio.run(said(client(url)))


def test_silence_is_a_timeout() -> None:
    release = threading.Event()

    def hangs(_handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        release.wait(20)

    with server(hangs) as url:
        try:
            with pytest.raises(BackendTimeout, match="in time"):
                asyncio.run(said(client(url, timeout=0.3)))
        finally:
            release.set()


def test_what_the_server_calls_wrong_is_not_tried_again() -> None:
    heard: list[dict[str, Any]] = []
    with server(fails(400), heard) as url, pytest.raises(BackendError, match="failed"):
        asyncio.run(said(client(url)))
    assert len(heard) == 1


class Breaks:
    """A model that always fails before its first word."""

    def __init__(self) -> None:
        self.calls = 0

    async def astream(self, _input: Any, **_: Any) -> Any:
        self.calls += 1
        for word in self._words():
            yield word

    def _words(self) -> list[str]:
        raise TimeoutError


class Words:
    def __init__(self, word: str) -> None:
        self.word = word

    async def astream(self, _input: Any, **_: Any) -> Any:
        yield type("Chunk", (), {"content": self.word, "response_metadata": {"finish_reason": "stop"}})()


def test_a_circuit_opens_after_failures_in_a_row_and_closes_after_a_rest() -> None:
    now = 0.0
    broken = Breaks()
    model = ServedModel(["a"], lambda _: broken, clock=lambda: now)
    for _ in range(2):
        with pytest.raises(BackendTimeout):
            asyncio.run(said(model))
    assert broken.calls >= FAILURES
    calls = broken.calls
    with pytest.raises(BackendError, match="every model server failed lately"):
        asyncio.run(said(model))
    assert broken.calls == calls
    now = REST + 1
    with pytest.raises(BackendTimeout):
        asyncio.run(said(model))
    assert broken.calls > calls


def test_the_same_evidence_goes_to_the_replica_that_knows_it() -> None:
    model = ServedModel(["a", "b"], Words)
    other = [
        {"role": "user", "content": [{"type": "text", "text": "other"}, {"type": "text", "text": "Why?"}]}
    ]

    async def held() -> tuple[str, str]:
        first = model.astream(QUESTION)
        one = (await anext(first)).content  # still running: the next must go elsewhere
        two = "".join([chunk.content async for chunk in model.astream(other)])
        rest = [chunk async for chunk in first]
        assert not rest
        return one, two

    assert asyncio.run(held()) == ("a", "b")
    assert asyncio.run(said(model)) == "a"
    assert "".join(asyncio.run(_all(model, other))) == "b"


async def _all(model: ServedModel, messages: Any) -> list[str]:
    return [chunk.content async for chunk in model.astream(messages)]


def test_a_prefix_is_the_same_for_another_question_about_the_same_evidence() -> None:
    another = [
        {"role": "user", "content": [{"type": "text", "text": "evidence"}, {"type": "text", "text": "When?"}]}
    ]
    assert prefix_of(QUESTION) == prefix_of(another)


def test_no_address_is_an_error_that_says_so() -> None:
    with pytest.raises(SettingsError, match="no address"):
        ServedModel([], Words)


# ---------------------------------------------------------------- servers that are busy, wrong, or not there


def test_a_busy_server_that_is_the_only_one_is_asked_again_after_the_time_that_it_wants() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    def busy_once(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if waited:
            speaks("yes")(handler, body)
            return
        handler.send_response(429)
        handler.send_header("Retry-After", "0.7")
        handler.end_headers()

    with server(busy_once) as url:
        opened = open_served([url], model="m", api_key="k", timeout=20, max_tokens=50)
        model = ServedModel([url], opened.open_model, wait=wait)
        assert asyncio.run(said(model)) == "yes"
    assert waited == [0.7]


def test_what_is_no_stream_is_an_error() -> None:
    def page(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b"data: <html>welcome to the proxy</html>\n\n")

    with server(page) as url, pytest.raises(BackendError, match=url):
        asyncio.run(said(client(url)))


def test_a_server_that_is_not_there_is_named() -> None:
    with server(speaks("yes")) as url:
        gone = url
    with pytest.raises(BackendError, match=gone):
        asyncio.run(said(client(gone)))


# ---------------------------------------------------------------- experts that the server chose

CHOSEN_PROMPT = [
    [[0, 1], [2, 3]],
    [[0, 2], [2, 3]],
    [[0, 3], [2, 1]],
]  # three tokens, two layers, two of four experts
CHOSEN_ANSWER = [[[1, 0], [3, 0]]]


def saved(chosen: Any) -> str:
    held = io.BytesIO()
    np.save(held, np.array(chosen, np.int16))
    return base64.b64encode(held.getvalue()).decode()


@pytest.mark.parametrize("form", [lambda chosen: chosen, saved])
def test_experts_that_the_server_returns_are_counted(form: Callable[[Any], Any]) -> None:
    def tells(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        assert not body.get("stream")
        message = {"role": "assistant", "content": "yes"}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "stop",
            "routed_experts": form(CHOSEN_ANSWER),
        }
        told = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(json.dumps({**told, "prompt_routed_experts": form(CHOSEN_PROMPT)}).encode())

    with server(tells) as url:
        model = open_served([url], model="m", api_key="k", timeout=20, max_tokens=50, experts=4)
        assert asyncio.run(said(model)) == "yes"
    assert model.expert_sums is not None
    assert model.expert_sums.total("prompt").tolist() == [[3, 1, 1, 1], [0, 1, 3, 2]]
    assert model.expert_sums.total("answer").tolist() == [[1, 1, 0, 0], [1, 0, 0, 1]]
    loads = [
        gauge.value for gauge in model.expert_sums.snapshot() if gauge.labels == {"layer": "0", "expert": "0"}
    ]
    assert loads == [0.5]


def test_a_server_that_returns_none_is_no_error() -> None:
    assert routing_of({"choices": [{"message": {}}]}, 4) is None
