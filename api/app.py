"""The HTTP service: who comes in, which routes there are, how the parts live as long as it does.

    Envelope     request id, security headers, one log line, unforeseen failures
    Doorman      a key opens what its tenant may see
    BodyLimit    too much is refused while it comes in
    routes       chat, models, files, search, evidence, health

The process that serves is also the worker: jobs that were accepted go on behind the requests.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

from anyio import to_thread
from fastapi import FastAPI

from api import (
    chat,
    errors,
    evidence,
    facts,
    files,
    graph,
    health,
    ingestion,
    metrics,
    models,
    progress,
    search,
    spec,
)
from api.assemble import Sightline, open_sightline
from api.auth import Doorman, Keyring, refuse_to_be_public_without_a_key
from api.limits import Gate
from api.middleware import BodyLimit, Envelope
from api.schemas import ErrorBody
from core.settings import Settings

# `progress` before `files`: its fixed address must not be taken for a file's id.
ROUTES = (chat, models, progress, files, ingestion, search, facts, graph, evidence, spec, metrics, health)

_UNCOUNTED = ("-", "/livez", "/readyz", "/metrics")  # no route, or asked by machines again and again

Opener = Callable[[Settings], AbstractContextManager[Sightline]]


def address(settings: Settings) -> str:
    """Where the server of these settings is found from this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 compared, not listened on
    host = everywhere.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


@contextmanager
def open_to_serve(settings: Settings) -> Iterator[Sightline]:
    """The parts, with the models loaded and the worker running: the first request does not wait."""
    with open_sightline(settings, url=address(settings)) as sightline:
        sightline.open("assistant", "jobs", "links", "meter")
        yield sightline


def create_app(
    settings: Settings | None = None, *, opener: Opener = open_to_serve, keyring: Keyring | None = None
) -> FastAPI:
    """The service. Raises SettingsError when it would be public without a key."""
    settings = settings or Settings.from_env()
    refuse_to_be_public_without_a_key(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Opening loads a model and reads files: never on the event loop.
        opened = opener(settings)
        app.state.sightline = await to_thread.run_sync(opened.__enter__)
        app.state.gate = Gate(settings.max_concurrent)
        app.state.streams = Gate(progress.STREAMS, "streams of progress are open")
        app.state.drawers = evidence.drawers()
        try:
            yield
        finally:
            await to_thread.run_sync(opened.__exit__, None, None, None)

    def requested(method: str, route: str, status: int, seconds: float) -> None:
        if route not in _UNCOUNTED:
            app.state.sightline.meter.requested(method, route, status, seconds)

    app = FastAPI(
        title="Sightline",
        summary="Answers over private documents, each sentence with its page and box.",
        version=_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}},
    )
    app.state.is_ending = lambda: False
    errors.answer_errors_with_the_envelope(app)
    for module in ROUTES:
        app.include_router(module.router)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit, upload_limit=settings.max_upload_bytes)
    app.add_middleware(Doorman, keyring=keyring or Keyring.of(settings), public_url=settings.public_url)
    app.add_middleware(Envelope, requested=requested)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("sightline")
