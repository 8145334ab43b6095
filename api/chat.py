"""/v1/chat/completions: a conversation in, a cited answer out, whole or as a stream of events.

Both forms read the one stream of the assistant. A sentence is sent once its links are known, so the
stream holds the same text as the whole answer. When the caller hangs up the work is cancelled.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, suppress
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from api import errors, models, operations, sse
from api.assemble import Sightline
from api.deps import Caller, Parts
from api.limits import Admitted
from api.schemas import (
    MODEL,
    AssistantMessage,
    ChatMessage,
    ChatRequest,
    Completion,
    OtherPart,
)
from core.errors import BackendError, InputError, SightlineError
from core.types import Access, Answer, Message

log = logging.getLogger("sightline.api")

router = APIRouter(tags=["chat"])

T = TypeVar("T")

_HUNG_UP = 499  # nginx's word for it; nobody is there to read it


@router.post(
    "/v1/chat/completions", response_model=Completion, responses={200: {"content": {"text/event-stream": {}}}}
)
async def chat(
    body: ChatRequest, request: Request, sightline: Parts, access: Caller, _place: Admitted
) -> Response:
    models.require(body.model)
    _refuse_what_would_be_ignored(body)
    question, history = conversation(body.messages, sightline.settings.max_question_chars)
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        events = _events(
            sightline,
            question,
            history,
            access,
            as_of=body.as_of,
            usage=usage,
            request_id=request.state.request_id,
        )
        return StreamingResponse(
            sse.with_heartbeat(events), media_type="text/event-stream", headers=sse.HEADERS
        )
    answer = await unless_gone(request, _whole(sightline, question, history, access, body.as_of))
    if answer is None:
        return Response(status_code=_HUNG_UP)
    completion = await to_thread.run_sync(operations.completed, sightline, answer, access)
    return JSONResponse(completion.model_dump(mode="json"))


def conversation(messages: list[ChatMessage], longest: int) -> tuple[str, tuple[Message, ...]]:
    """The question, and what was said before it. Raises InputError naming the message."""
    said = [_message(message, index) for index, message in enumerate(messages)]
    last = len(said) - 1
    if said[last].role != "user":
        raise InputError(
            f"the last message must be the user's question, not {messages[last].role!r}",
            param=f"messages[{last}].role",
        )
    operations.check_question(said[last].text, longest, param=f"messages[{last}].content")
    return said[last].text, tuple(said[:last])


def _refuse_what_would_be_ignored(body: ChatRequest) -> None:
    """Fields whose silent loss would change what comes back."""
    if body.n not in (None, 1):
        raise InputError(f"n is {body.n}; one answer is given", param="n")
    if body.response_format and body.response_format.type != "text":
        raise InputError(
            f"response_format {body.response_format.type!r} is not supported; answers are text",
            param="response_format",
        )
    if body.tool_choice not in (None, "none", "auto"):
        raise InputError("tool_choice asks for a tool call; this assistant calls none", param="tool_choice")


def _message(message: ChatMessage, index: int) -> Message:
    if message.role in ("tool", "function"):
        raise InputError(
            f"role {message.role!r} is not taken; this assistant calls no tools",
            param=f"messages[{index}].role",
        )
    texts = []
    for number, part in enumerate([] if isinstance(message.content, str) else message.content or []):
        if isinstance(part, OtherPart):
            raise InputError(
                f"a part of type {part.type!r} is not taken in a question; upload files to /v1/files",
                param=f"messages[{index}].content[{number}]",
            )
        texts.append(part.text)
    text = message.content if isinstance(message.content, str) else "\n".join(texts)
    role = "system" if message.role == "developer" else message.role
    assert role in ("system", "user", "assistant")
    return Message(role, text)


# ---------------------------------------------------------------- whole


async def _whole(
    sightline: Sightline, question: str, history: tuple[Message, ...], access: Access, as_of: date | None
) -> Answer:
    async with aclosing(
        sightline.assistant.stream(question, access=access, history=history, as_of=as_of)
    ) as pieces:
        async for piece in pieces:
            if isinstance(piece, Answer):
                return piece
    raise BackendError("the assistant ended without an answer. This is a bug.")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None when the caller hung up first: then it is cancelled."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, gone):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# ---------------------------------------------------------------- streamed


async def _events(
    sightline: Sightline,
    question: str,
    history: tuple[Message, ...],
    access: Access,
    *,
    as_of: date | None,
    usage: bool,
    request_id: str,
) -> AsyncIterator[bytes]:
    head = {
        "id": operations.new_completion_id(),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": MODEL,
    }
    rest: dict[str, Any] = {"usage": None} if usage else {}

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse.event({**head, "choices": [choice], **rest, **more})

    yield chunk({"role": "assistant", "content": ""})
    try:
        answer = await _whole(sightline, question, history, access, as_of)
        done = await to_thread.run_sync(operations.completed, sightline, answer, access)
    except SightlineError as error:
        log.warning("request %s failed while streaming: %s", request_id, error.message)
        yield sse.event(errors.of(error))
        return
    except Exception:
        log.exception("request %s failed while streaming", request_id)
        yield sse.event(errors.unforeseen(request_id))
        return
    message = done.choices[0].message
    for piece in _pieces(message):
        yield chunk({"content": piece})
    whole = done.model_dump(mode="json")
    annotations = whole["choices"][0]["message"]["annotations"]
    yield chunk({"annotations": annotations}, "stop", sources=whole["sources"], sightline=whole["sightline"])
    if usage:
        yield sse.event({**head, "choices": [], "usage": whole["usage"]})
    yield sse.DONE


def _pieces(message: AssistantMessage) -> list[str]:
    """The content cut after each link: a sentence never travels without its line of sight."""
    cuts = [0, *(item.url_citation.end_index for item in message.annotations), len(message.content)]
    pieces = [message.content[start:end] for start, end in pairwise(cuts)]
    return [piece for piece in pieces if piece]
