"""`sightline serve` and `sightline worker`: the processes that stay, and their end.

The state is opened before the first request is taken, so that a state in use or a missing model is
one line for whoever started the server, not a traceback out of its middle.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import nullcontext
from threading import Event
from types import FrameType

from api.assemble import open_sightline
from core.errors import SightlineError
from core.memory import keep_what_is_there
from core.settings import Settings

_BACKLOG = 2048
_GRACE = 30  # seconds that answers under way get to finish


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serves until it is told to stop; `ready` hears the address once requests are taken.

    Raises SettingsError when it would be public without a key, StateInUse, IndexMismatch.
    """
    import uvicorn

    # Here, because a worker answers no requests, and FastAPI is about half of what this module would load.
    from api.app import address, create_app, open_to_serve
    from api.auth import refuse_to_be_public_without_a_key

    refuse_to_be_public_without_a_key(settings)
    _log_to_standard_error()
    with listen(settings) as listening:
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        with open_to_serve(settings) as sightline:
            signal.signal(signal.SIGTERM, _stop)
            app = create_app(settings, opener=lambda _: nullcontext(sightline))
            config = uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                access_log=False,  # it would write links and questions; ours names routes
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
            server = uvicorn.Server(config)
            # Streams that would never end must not hold up its end.
            app.state.is_ending = lambda: server.should_exit
            keep_what_is_there()
            ready(address(settings))
            server.run(sockets=[listening])


def work(settings: Settings, ready: Callable[[int], None]) -> None:
    """Indexes what is accepted by this and other processes, until it is told to stop."""
    _log_to_standard_error()
    with open_sightline(settings) as sightline:
        sightline.open("jobs")
        signal.signal(signal.SIGTERM, _stop)
        keep_what_is_there()
        ready(os.getpid())
        Event().wait()


def _log_to_standard_error() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


def listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is: without,
    # every answer waits 40 ms for the client's acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise SightlineError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "choose another with --host and --port"
        ) from error
    return listening


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # The server hands the signal on when it is done; leaving in order closes the state.
    raise SystemExit(0)
