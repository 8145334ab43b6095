"""A conversation in, a cited answer out: whole, streamed, refused, torn, hung up on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.assemble import Sightline
from core.errors import BackendError
from core.settings import Settings
from core.types import Access, Answer, Message
from tests.api.small import app_of

QUESTION = "Why did the operating margin fall in 2023?"


def body(question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"model": "sightline", "messages": [{"role": "user", "content": question}], **more}


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


class Scripted:
    """An assistant that says what the test wants, and notes what it was asked and whether it was stopped."""

    def __init__(self, *, error: BaseException | None = None, endless: bool = False) -> None:
        self.error = error
        self.endless = endless
        self.asked: tuple[str, Access, Sequence[Message]] | None = None
        self.as_of: date | None = None
        self.began = asyncio.Event()
        self.stopped = asyncio.Event()

    async def stream(
        self,
        question: str,
        *,
        access: Access,
        history: Sequence[Message] = (),
        as_of: date | None = None,
    ) -> AsyncIterator[str | Answer]:
        self.asked = question, access, history
        self.as_of = as_of
        try:
            self.began.set()
            yield "The first piece"
            if self.endless:
                await asyncio.Event().wait()
            if self.error:
                raise self.error
            yield Answer("The first piece", "not_found", reason="nothing supports it")
        finally:
            self.stopped.set()


@pytest.fixture
def scripted(
    library: Sightline, serve: Callable[[Sightline], TestClient]
) -> Callable[[Scripted], TestClient]:
    def start(assistant: Scripted, **settings: Any) -> TestClient:
        return serve(around(library, assistant, **settings))

    return start


def around(library: Sightline, assistant: Scripted, **settings: Any) -> Sightline:
    given = {name: getattr(library, name) for name in ("engine", "store", "embedder", "pipeline", "jobs")}
    chosen = Settings(state=library.settings.state, max_question_chars=500, **settings)
    return Sightline(chosen, url=library.url, assistant=assistant, **given)


# ---------------------------------------------------------------- whole


def test_an_answer_carries_its_links_its_sources_and_its_cost(client: TestClient) -> None:
    response = client.post("/v1/chat/completions", json=body())
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "sightline"
    choice = answer["choices"][0]
    content = choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    assert "diesel doubled" in content
    assert answer["sightline"]["status"] == "answered"
    assert answer["sightline"]["cost"]["path"]
    assert set(answer["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}

    source = answer["sources"][0]
    assert source["document"]["filename"] == "ferry.txt"
    assert "diesel doubled" in source["quote"]
    assert source["url"].startswith("http://127.0.0.1:8000/e/")
    for start, end in source["spans"]:
        assert "diesel doubled" in content[start:end]

    assert choice["message"]["annotations"]
    for annotation in choice["message"]["annotations"]:
        citation = annotation["url_citation"]
        assert annotation["type"] == "url_citation"
        written = content[citation["start_index"] : citation["end_index"]]
        number = next(source["id"] for source in answer["sources"] if source["url"] == citation["url"])
        assert written == f"[[{number}]]({citation['url']})"
        assert citation["title"]


def test_a_chinese_question_is_answered_from_the_chinese_document(client: TestClient) -> None:
    answer = client.post("/v1/chat/completions", json=body("云山毛峰的保质期是多久？")).json()
    assert answer["sightline"]["status"] == "answered"
    assert "十八个月" in answer["choices"][0]["message"]["content"]
    assert answer["sources"][0]["document"]["filename"] == "茶.txt"


def test_what_the_documents_do_not_say_is_said_so_with_the_reason(client: TestClient) -> None:
    answer = client.post(
        "/v1/chat/completions", json=body("Which volcano erupted near Naples in 1944?")
    ).json()
    assert answer["sightline"]["status"] == "not_found"
    assert answer["sightline"]["reason"]
    assert answer["sources"] == []
    assert answer["choices"][0]["message"]["annotations"] == []


def test_another_tenants_documents_answer_nothing(client: TestClient) -> None:
    answer = client.post("/v1/chat/completions", json=body("What is the canary of tenant b called?")).text
    assert "Zwitschi" not in answer


def test_the_conversation_reaches_the_assistant(scripted: Callable[[Scripted], TestClient]) -> None:
    assistant = Scripted()
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "毛利率?"},
    ]
    response = scripted(assistant).post(
        "/v1/chat/completions", json={"model": "sightline", "messages": messages, "as_of": "2023-12-31"}
    )
    assert response.status_code == 200
    assert assistant.as_of == date(2023, 12, 31)
    assert assistant.asked == (
        "毛利率?",
        Access("a"),
        (Message("system", "Be brief."), Message("user", "Hello\nthere"), Message("assistant", "Yes?")),
    )


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"model": "gpt-4"}, 404, "model"),
        ({"model": None}, 422, "model"),
        ({"messages": []}, 422, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x" * 501}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 422, "messages[0].role"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
                ]
            },
            400,
            "messages[0].content[0]",
        ),
        ({"n": 2}, 400, "n"),
        ({"response_format": {"type": "json_object"}}, 400, "response_format"),
        ({"tool_choice": "required"}, 400, "tool_choice"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    client: TestClient, changes: dict[str, Any], status: int, param: str
) -> None:
    response = client.post("/v1/chat/completions", json={**body(), **changes})
    assert response.status_code == status, response.text
    assert response.json()["error"]["param"] == param


def test_an_unknown_model_has_openais_code(client: TestClient) -> None:
    error = client.post("/v1/chat/completions", json=body(model="gpt-4")).json()["error"]
    assert error["code"] == "model_not_found"
    assert "'gpt-4'" in error["message"]
    assert "'sightline'" in error["message"]


def test_fields_of_openai_that_change_nothing_are_let_pass(client: TestClient) -> None:
    more: dict[str, Any] = {
        "temperature": 0.2,
        "max_tokens": 50,
        "seed": 1,
        "user": "u",
        "top_p": 1,
        "n": 1,
        "tools": [],
    }
    assert client.post("/v1/chat/completions", json=body(**more)).status_code == 200


def test_a_full_server_says_when_to_come_back(scripted: Callable[..., TestClient]) -> None:
    client = scripted(Scripted(), max_concurrent=1)
    client.app.state.gate.enter()  # type: ignore[attr-defined]
    response = client.post("/v1/chat/completions", json=body())
    assert response.status_code == 429
    assert response.json()["error"]["type"] == "rate_limit_error"
    assert int(response.headers["retry-after"]) >= 1


# ---------------------------------------------------------------- streamed


def test_a_stream_holds_the_same_answer_as_the_whole(client: TestClient) -> None:
    whole = client.post("/v1/chat/completions", json=body()).json()
    response = client.post("/v1/chat/completions", json=body(stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == whole["choices"][0]["message"]["content"]
    last = chunks[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["delta"]["annotations"] == whole["choices"][0]["message"]["annotations"]
    assert last["sources"] == whole["sources"]
    assert last["sightline"]["status"] == "answered"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


def test_no_sentence_is_sent_before_its_link(client: TestClient) -> None:
    response = client.post("/v1/chat/completions", json=body(stream=True))
    pieces = [chunk["choices"][0]["delta"].get("content") for chunk in events(response.text)[1:-2]]
    assert pieces
    for piece in pieces:
        assert piece.endswith(")")
        assert "/e/" in piece


def test_the_usage_comes_last_and_only_when_asked_for(client: TestClient) -> None:
    asked = body(stream=True, stream_options={"include_usage": True})
    *chunks, usage, _done = events(client.post("/v1/chat/completions", json=asked).text)
    assert usage["choices"] == []
    assert (
        usage["usage"]["total_tokens"]
        == usage["usage"]["prompt_tokens"] + usage["usage"]["completion_tokens"]
    )
    assert all(chunk["usage"] is None for chunk in chunks)
    plain = events(client.post("/v1/chat/completions", json=body(stream=True)).text)
    assert all("usage" not in chunk for chunk in plain[:-1])


def test_a_failure_in_the_middle_is_an_event_and_ends_the_stream(scripted: Callable[..., TestClient]) -> None:
    client = scripted(Scripted(error=BackendError("the store is away")))
    *_, last = events(client.post("/v1/chat/completions", json=body(stream=True)).text)
    assert last["error"]["message"] == "the store is away"
    assert last["error"]["code"] == "backend_error"


def test_a_failure_that_nobody_foresaw_tells_the_stream_only_its_request(
    scripted: Callable[..., TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    client = scripted(Scripted(error=ValueError("patient 4711")))
    response = client.post("/v1/chat/completions", json=body(stream=True))
    *_, last = events(response.text)
    assert response.headers["x-request-id"] in last["error"]["message"]
    assert "4711" not in response.text
    assert "4711" in caplog.text


def test_a_failure_of_the_whole_answer_has_its_status(scripted: Callable[..., TestClient]) -> None:
    client = scripted(Scripted(error=BackendError("the store is away")))
    response = client.post("/v1/chat/completions", json=body())
    assert response.status_code == 502
    assert response.json()["error"]["message"] == "the store is away"


# ---------------------------------------------------------------- hung up


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_hangs_up_stops_the_work_and_frees_the_place(library: Sightline, stream: bool) -> None:
    async def scenario() -> None:
        assistant = Scripted(endless=True)
        app = app_of(around(library, assistant))
        async with app.router.lifespan_context(app):
            hung_up = asyncio.Event()
            sent = False

            async def receive() -> dict[str, Any]:
                nonlocal sent
                if not sent:
                    sent = True
                    return {"type": "http.request", "body": json.dumps(body(stream=stream)).encode()}
                await hung_up.wait()
                return {"type": "http.disconnect"}

            async def send(_message: Any) -> None:
                pass

            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": "POST",
                "scheme": "http",
                "path": "/v1/chat/completions",
                "query_string": b"",
                "headers": [
                    (b"host", b"127.0.0.1:8000"),
                    (b"authorization", b"Bearer key-of-a"),
                    (b"content-type", b"application/json"),
                ],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 8000),
                "root_path": "",
                "state": {},
            }
            serving = asyncio.ensure_future(app(scope, receive, send))
            await asyncio.wait_for(assistant.began.wait(), 10)
            assert app.state.gate.taken == 1
            hung_up.set()
            await asyncio.wait_for(serving, 10)
            assert assistant.stopped.is_set()
            assert app.state.gate.taken == 0

    asyncio.run(scenario())
