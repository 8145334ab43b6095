"""/v1/files/events and /v1/files/{file_id}/events: how far documents are, told as it changes.

Server-sent events; each is the whole state of a file (as GET /v1/files/{file_id} gives it, without the log
of attempts), named after its stage, and its id is the moment of the change. Who comes back with
`Last-Event-ID` is told what changed since. A state may be told twice, none that lasts is left out; the
clocks of the machines that work on one database must agree to within `OVERLAP`. Deletions are told of a
file that is watched by itself only.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from api import sse, views
from api.deps import Caller, Parts
from api.limits import Listening
from core.errors import InputError
from rag.index.files import FileStatus

LOOK = 0.5  # seconds between two looks
STREAMS = 100  # at once
OVERLAP = timedelta(seconds=10)  # for which a change may be seen late: its transaction was still open

router = APIRouter(prefix="/v1/files", tags=["files"])

Since = Annotated[str | None, Header(alias="last-event-id", description="the id of the last event seen")]
Pause = Callable[[], Awaitable[None]]


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request, sightline: Parts, access: Caller, _place: Listening, since: Since = None
) -> StreamingResponse:
    """Every change of every file, until the caller hangs up. The first comment says that it has begun."""
    changed = partial(sightline.catalog.changed, access.tenant)
    stream = of_tenant(changed, _moment(since) or datetime.now(UTC), request.app.state.is_ending, _pause)
    return _streamed(stream)


@router.get("/{file_id}/events", response_class=StreamingResponse)
async def file_events(
    request: Request, file_id: str, sightline: Parts, access: Caller, _place: Listening, since: Since = None
) -> StreamingResponse:
    """The changes of one file; ends when it is ready, failed, cancelled or deleted."""
    moment = _moment(since)
    await to_thread.run_sync(sightline.catalog.get, access.tenant, file_id)  # or 404
    read = partial(sightline.catalog.statuses, access.tenant, [file_id])
    return _streamed(of_file(file_id, read, moment, request.app.state.is_ending, _pause))


async def of_tenant(
    changed: Callable[[datetime], list[FileStatus]],
    since: datetime,
    is_ending: Callable[[], bool],
    pause: Pause,
) -> AsyncIterator[bytes]:
    """`changed` gives the files that changed after a moment, in the order in which they did."""
    yield sse.PING
    told: dict[str, datetime] = {}
    while not is_ending():
        for file in await to_thread.run_sync(changed, since - OVERLAP):
            if told.get(file.id) != file.updated_at:
                told[file.id] = file.updated_at
                since = max(since, file.updated_at)
                yield _event(file)
        told = {file_id: moment for file_id, moment in told.items() if moment > since - OVERLAP}
        await pause()


async def of_file(
    file_id: str,
    read: Callable[[], dict[str, FileStatus]],
    since: datetime | None,
    is_ending: Callable[[], bool],
    pause: Pause,
) -> AsyncIterator[bytes]:
    last = since
    while not is_ending():
        file = (await to_thread.run_sync(read)).get(file_id)
        if file is None:
            yield sse.event({"id": file_id, "object": "file", "deleted": True}, name="deleted")
            return
        if file.updated_at != last or file.finished:
            last = file.updated_at
            yield _event(file)
        if file.finished:
            return
        await pause()


def _event(file: FileStatus) -> bytes:
    data = views.file(file).model_dump(mode="json")
    return sse.event(data, name=file.status, id_=file.updated_at.isoformat())


def _streamed(stream: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(sse.with_heartbeat(stream), media_type="text/event-stream", headers=sse.HEADERS)


def _moment(event_id: str | None) -> datetime | None:
    if not event_id:
        return None
    try:
        moment = datetime.fromisoformat(event_id)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"{event_id!r} is no id of an event; they look like 2026-11-25T06:30:00.123456+00:00",
            param="last-event-id",
        )
    return moment


async def _pause() -> None:
    await asyncio.sleep(LOOK)
