"""A stream of events says that it lives, and dies with its caller."""

import asyncio
import json
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from api import sse


@given(st.dictionaries(st.text(), st.text()))
def test_an_event_is_one_line_whatever_it_holds(data: dict[str, str]) -> None:
    written = sse.event(data).decode()
    assert written.startswith("data: ")
    assert written.endswith("\n\n")
    assert not set("\n\r\u2028\u2029") & set(written[:-2])
    assert json.loads(written.removeprefix("data: ")) == data


def test_events_pass_in_order_and_silence_is_filled_with_comments() -> None:
    async def scenario() -> list[bytes]:
        go_on = asyncio.Event()

        async def events() -> AsyncIterator[bytes]:
            yield b"one"
            await go_on.wait()
            yield b"two"

        seen = []
        async for piece in sse.with_heartbeat(events(), every=0.001):
            seen.append(piece)
            if seen.count(sse.PING) == 2:
                go_on.set()
        return seen

    seen = asyncio.run(scenario())
    assert seen[0] == b"one"
    assert seen[-1] == b"two"
    assert seen.count(sse.PING) >= 2
    assert [piece for piece in seen if piece != sse.PING] == [b"one", b"two"]


def test_closing_the_stream_stops_the_work_behind_it() -> None:
    async def scenario() -> bool:
        stopped = asyncio.Event()

        async def events() -> AsyncIterator[bytes]:
            try:
                yield b"one"
                await asyncio.Event().wait()
            finally:
                stopped.set()

        stream = sse.with_heartbeat(events(), every=0.001)
        assert await anext(stream) == b"one"
        assert await anext(stream) == sse.PING
        await stream.aclose()  # type: ignore[attr-defined]
        return stopped.is_set()

    assert asyncio.run(scenario())


def test_a_failure_in_the_stream_reaches_the_reader() -> None:
    async def scenario() -> str:
        async def events() -> AsyncIterator[bytes]:
            yield b"one"
            raise ValueError("torn")

        try:
            async for _ in sse.with_heartbeat(events()):
                pass
        except ValueError as error:
            return str(error)
        return ""

    assert asyncio.run(scenario()) == "torn"
