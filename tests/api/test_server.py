"""The socket of `sightline serve`."""

import socket

import pytest

from api.server import listen
from core.errors import SightlineError
from core.settings import Settings


def test_answers_leave_at_once() -> None:
    # asyncio turns Nagle's algorithm off only where the protocol is named: 44 ms became 0.4 ms for a request.
    with listen(Settings(port=0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with listen(Settings(port=0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(SightlineError, match=f"127.0.0.1:{port}.*--port"):
            listen(Settings(port=port))


def test_a_host_that_is_not_ours_is_named() -> None:
    with pytest.raises(SightlineError, match=r"192\.0\.2\.1"):
        listen(Settings(host="192.0.2.1", port=0))
