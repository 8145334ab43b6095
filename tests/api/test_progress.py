"""Progress as server-sent events: what changed, in order, until it is done."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import sse
from api.assemble import Sightline
from api.progress import OVERLAP, of_file, of_tenant
from rag.index.files import FileStatus, Job
from tests.api.small import add

START = datetime(2026, 1, 1, tzinfo=UTC)


class Steps:
    """What happens between two looks; when nothing more does, the server ends."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = list(steps)
        self.is_over = False

    def is_ending(self) -> bool:
        return self.is_over

    async def pause(self) -> None:
        if self._steps:
            self._steps.pop(0)()
        else:
            self.is_over = True


def told(stream: AsyncIterator[bytes]) -> list[tuple[str, str, Any]]:
    """(name, id, data) of each event, comments left out."""

    async def collect() -> list[bytes]:
        return [piece async for piece in stream]

    events = []
    for piece in asyncio.run(collect()):
        fields = dict(line.split(": ", 1) for line in piece.decode().splitlines() if line and line[0] != ":")
        if fields:
            events.append((fields["event"], fields.get("id", ""), json.loads(fields["data"])))
    return events


@pytest.fixture
def file(empty: Sightline) -> FileStatus:
    return empty.pipeline.accept("a", "a.txt", b"Margins fell.")


def test_a_file_is_followed_from_stage_to_stage_to_its_end(empty: Sightline, file: FileStatus) -> None:
    job = Job("a", file.id, 1)
    steps = Steps(
        lambda: empty.catalog.start(job, "reading"),
        lambda: None,
        lambda: empty.catalog.start(job, "indexing"),
        lambda: empty.catalog.progress(job, 1),
        lambda: empty.catalog.fail(job, "the disk is full"),
    )
    events = told(of_file(file.id, reader(empty, file), None, steps.is_ending, steps.pause))
    assert [name for name, _, _ in events] == ["queued", "reading", "indexing", "indexing", "failed"]
    assert (events[3][2]["pages_done"], events[4][2]["status_details"]) == (1, "the disk is full")
    assert len({id_ for _, id_, _ in events}) == len(events)


def test_who_comes_back_is_not_told_again_what_did_not_change(empty: Sightline, file: FileStatus) -> None:
    steps = Steps(lambda: empty.catalog.cancel("a", file.id))
    events = told(of_file(file.id, reader(empty, file), file.updated_at, steps.is_ending, steps.pause))
    assert [name for name, _, _ in events] == ["cancelled"]
    ended = empty.catalog.get("a", file.id).updated_at
    events = told(of_file(file.id, reader(empty, file), ended, steps.is_ending, steps.pause))
    assert [name for name, _, _ in events] == ["cancelled"]  # or it would wait for ever


def test_a_file_that_is_deleted_says_so_and_ends(empty: Sightline, file: FileStatus) -> None:
    steps = Steps(lambda: empty.pipeline.delete("a", file.id))
    events = told(of_file(file.id, reader(empty, file), None, steps.is_ending, steps.pause))
    assert [(name, data.get("deleted")) for name, _, data in events] == [("queued", None), ("deleted", True)]


def test_a_stream_ends_with_the_server(empty: Sightline, file: FileStatus) -> None:
    steps = Steps()
    events = told(of_file(file.id, reader(empty, file), None, steps.is_ending, steps.pause))
    assert [name for name, _, _ in events] == ["queued"]


def reader(sightline: Sightline, file: FileStatus) -> Callable[[], dict[str, FileStatus]]:
    return lambda: sightline.catalog.statuses("a", [file.id])


def test_all_files_of_a_tenant_are_followed_each_change_once(empty: Sightline, file: FileStatus) -> None:
    job = Job("a", file.id, 1)
    steps = Steps(
        lambda: empty.catalog.start(job, "reading"),
        lambda: add(empty, "b.txt", "Costs rose."),
        lambda: empty.pipeline.accept("b", "other.txt", b"Of another tenant."),
        lambda: empty.catalog.cancel("a", file.id),
    )
    changed = empty.catalog.changed
    stream = of_tenant(lambda since: changed("a", since), file.updated_at, steps.is_ending, steps.pause)
    events = [(name, data["source"]) for name, _, data in told(stream)]
    assert events == [
        ("queued", "a.txt"), ("reading", "a.txt"), ("ready", "b.txt"), ("cancelled", "a.txt"),
    ]  # fmt: skip


def test_a_change_that_is_seen_late_is_told_and_none_is_told_twice(file: FileStatus) -> None:
    """A transaction that began earlier may be seen after one that began later."""
    from dataclasses import replace

    early = replace(file, id="early", updated_at=START)
    late = replace(file, id="late", updated_at=START + OVERLAP / 2)
    seen = [[late], [early, late], [early, late]]
    asked: list[datetime] = []

    def changed(since: datetime) -> list[FileStatus]:
        asked.append(since)
        return seen[len(asked) - 1] if len(asked) <= len(seen) else []

    steps = Steps(lambda: None, lambda: None)
    events = told(of_tenant(changed, START, steps.is_ending, steps.pause))
    assert [data["id"] for _, _, data in events] == ["late", "early"]
    assert asked[0] == START - OVERLAP
    assert asked[1] == START - OVERLAP / 2


def test_the_stream_of_a_file_is_served_until_it_is_done(
    empty: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    file_id = add(empty, "a.txt", "Margins fell.")
    client = serve(empty)
    response = client.get(f"/v1/files/{file_id}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    (event,) = [one for one in sse.read(response.text.splitlines()) if one]
    assert (event["id"], event["stage"], event["status"]) == (file_id, "ready", "processed")
    other = client.get(f"/v1/files/{file_id}/events", headers={"authorization": "Bearer key-of-b"})
    assert other.status_code == 404
    refused = client.get(f"/v1/files/{file_id}/events", headers={"last-event-id": "yesterday"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "last-event-id")


def test_too_many_streams_are_refused_and_a_place_is_free_again_at_the_end_of_one(
    empty: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    file_id = add(empty, "a.txt", "Margins fell.")
    client = serve(empty)
    streams = client.app.state.streams  # type: ignore[attr-defined]
    streams.taken = streams.places
    refused = client.get(f"/v1/files/{file_id}/events")
    assert (refused.status_code, "streams of progress" in refused.text) == (429, True)
    streams.taken -= 1
    assert [client.get(f"/v1/files/{file_id}/events").status_code for _ in range(2)] == [200, 200]


def test_the_stream_of_all_files_is_served_until_the_server_ends(
    empty: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    file_id = add(empty, "a.txt", "Margins fell.")
    client = serve(empty)
    client.app.state.is_ending = iter([False, True]).__next__  # type: ignore[attr-defined]
    response = client.get("/v1/files/events", headers={"last-event-id": START.isoformat()})
    first, event = sse.read(response.text.splitlines())
    assert first is None
    assert event
    assert (event["id"], event["stage"]) == (file_id, "ready")
