"""OpenAI's own SDK finds what it expects."""

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from api.assemble import Sightline
from core.settings import Settings
from tests.api.small import FERRY, small

QUESTION = "Why did the operating margin fall in 2023?"


@pytest.fixture
def sdk(empty: Sightline, serve: Callable[[Sightline], TestClient]) -> Iterator[OpenAI]:
    with sdk_of(serve(empty)) as client:
        yield client


def sdk_of(client: TestClient, key: str = "key-of-a") -> OpenAI:
    return OpenAI(base_url="http://127.0.0.1:8000/v1", api_key=key, http_client=client, max_retries=0)


def test_it_lists_models(sdk: OpenAI) -> None:
    assert [model.id for model in sdk.models.list()] == ["sightline"]
    assert sdk.models.retrieve("sightline").owned_by == "sightline"


def test_it_uploads_waits_asks_streams_and_deletes(sdk: OpenAI) -> None:
    uploaded = sdk.files.create(file=("ferry.txt", FERRY.encode()), purpose="user_data")
    assert uploaded.status == "uploaded"
    file = sdk.files.wait_for_processing(uploaded.id, poll_interval=0.01)
    assert file.status == "processed"
    assert [one.id for one in sdk.files.list()] == [file.id]
    assert sdk.files.content(file.id).text == FERRY

    answer = sdk.chat.completions.create(model="sightline", messages=[{"role": "user", "content": QUESTION}])
    message = answer.choices[0].message
    assert message.content
    assert "diesel doubled" in message.content
    assert message.annotations
    citation = message.annotations[0].url_citation
    assert message.content[citation.start_index : citation.end_index].endswith(f"({citation.url})")
    assert answer.usage
    assert answer.model_extra
    sources = answer.model_extra["sources"]
    assert sources[0]["document"]["id"] == file.id

    text, finished, usage = "", "", None
    stream = sdk.chat.completions.create(
        model="sightline",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finished = choice.finish_reason or finished
    assert text == message.content
    assert finished == "stop"
    assert usage

    assert sdk.files.delete(file.id).deleted
    assert list(sdk.files.list()) == []


def test_it_pages_through_files(sdk: OpenAI) -> None:
    made = [
        sdk.files.create(file=(f"{n}.txt", f"words {n}".encode()), purpose="user_data").id for n in range(3)
    ]
    assert [file.id for file in sdk.files.list(limit=1)] == made[::-1]


def test_it_raises_the_errors_that_it_knows(
    sdk: OpenAI, empty: Sightline, serve: Callable[..., TestClient]
) -> None:
    def ask(client: OpenAI, model: str = "sightline", content: str = "What?") -> None:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])

    with pytest.raises(openai.NotFoundError) as missing:
        ask(sdk, model="gpt-4")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        sdk.files.retrieve("doc-missing")
    with pytest.raises(openai.BadRequestError) as empty_question:
        ask(sdk, content=" ")
    assert empty_question.value.param == "messages[0].content"
    robot: Any = {"role": "robot", "content": "x"}
    with pytest.raises(openai.UnprocessableEntityError) as wrong:
        sdk.chat.completions.create(model="sightline", messages=[robot])
    assert wrong.value.param == "messages[0].role"
    # The key goes with the SDK, not with the client that carries it.
    stranger = serve(empty)
    del stranger.headers["authorization"]
    with pytest.raises(openai.AuthenticationError) as unknown:
        ask(sdk_of(stranger, key="stolen"))
    assert unknown.value.code == "invalid_api_key"


def test_it_raises_its_rate_limit_error_from_a_full_server(
    library: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    settings = Settings(state=library.settings.state, max_concurrent=1)
    client = serve(small(settings))
    client.app.state.gate.enter()  # type: ignore[attr-defined]
    with pytest.raises(openai.RateLimitError) as full:
        sdk_of(client).chat.completions.create(model="sightline", messages=[{"role": "user", "content": "x"}])
    assert full.value.response.headers["retry-after"] == "1"
