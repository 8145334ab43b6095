"""Servers and clients for the tests of the edge."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.assemble import Sightline
from core.settings import PREFIX, Settings
from tests.api.small import FERRY, TEA, add, app_of, small


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:  # noqa: TID251
            patch.delenv(name)
        yield


@pytest.fixture
def serve() -> Iterator[Callable[[Sightline], TestClient]]:
    """Clients of a server around a Sightline; they speak as tenant a unless they say otherwise."""
    with ExitStack() as stack:

        def start(sightline: Sightline) -> TestClient:
            client = TestClient(app_of(sightline), base_url="http://127.0.0.1:8000")
            client.headers["authorization"] = "Bearer key-of-a"
            return stack.enter_context(client)

        yield start


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    """Two documents of tenant a, one of tenant b. Tests read it and change nothing."""
    folder: Path = tmp_path_factory.mktemp("library") / "state"
    sightline = small(Settings(state=folder, max_question_chars=500))
    add(sightline, "letters/ferry.txt", FERRY)
    add(sightline, "茶.txt", TEA)
    add(sightline, "secret.txt", "The canary of tenant b is called Zwitschi and lives in Basel.", "b")
    yield sightline
    sightline.close()


@pytest.fixture
def client(library: Sightline, serve: Callable[[Sightline], TestClient]) -> TestClient:
    return serve(library)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Sightline]:
    """A Sightline without documents, for tests that change it."""
    sightline = small(Settings(state=tmp_path / "state", max_upload_mb=1))
    yield sightline
    sightline.close()
