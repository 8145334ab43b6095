"""Server-sent events: one data line for each event, a comment where nothing comes for a while.

Knows nothing of what is sent. Closing the stream closes its source, so that a caller who hangs up
stops the work that was done for it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from typing import Any

HEARTBEAT = 15.0  # seconds; proxies close a silent connection after 30 to 60
PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"
# x-accel-buffering: nginx would hold the stream back until its buffer is full
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event(data: dict[str, Any], *, name: str = "", id_: str = "") -> bytes:
    """`name` and `id_` are of our making, without line breaks."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # JSON escapes the line breaks of the protocol; these two some clients take for one as well.
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    fields = (("event", name), ("id", id_), ("data", text))
    return ("".join(f"{field}: {value}\n" for field, value in fields if value) + "\n").encode()


def read(lines: Iterable[str]) -> Iterator[dict[str, Any] | None]:
    """The data of each event as `event` wrote it, None for a comment."""
    for line in lines:
        if line.startswith(":"):
            yield None
        elif line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def with_heartbeat(events: AsyncIterator[bytes], *, every: float = HEARTBEAT) -> AsyncIterator[bytes]:
    """`events`, and a comment whenever none came for `every` seconds."""
    following: asyncio.Future[bytes] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(events))
            await asyncio.wait({following}, timeout=every)
            if not following.done():
                yield PING
                continue
            try:
                ready = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield ready
    finally:
        if following is not None and not following.done():
            following.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await following
