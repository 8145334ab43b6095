"""File in, cited answer out, through the real parts: the encoder, the engine, the jobs, the server."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from openai import OpenAI

from api.assemble import open_sightline
from api.cli import main
from core import state
from core.settings import Settings
from core.types import PUBLIC
from tests.api.small import FERRY, TEA

ROOT = Path(__file__).parents[2]
QUESTION = "Why did the operating margin fall in 2023?"


def sightline(*arguments: str | Path) -> Any:
    """What the command prints with --json, and how it ends."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main([*map(str, arguments), "--json"])
    assert printed.getvalue().count("\n") == 1
    return {"exit": code, **json.loads(printed.getvalue())}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state made by the command line alone."""
    folder = tmp_path_factory.mktemp("end-to-end")
    (folder / "docs").mkdir()
    (folder / "docs" / "ferry.txt").write_text(FERRY)
    (folder / "docs" / "茶.txt").write_text(TEA)
    (folder / "docs" / "empty.txt").write_text("")
    told = sightline("ingest", folder / "docs", "--state", folder / "state")
    assert (told["exit"], told["ready"], told["failed"]) == (1, 2, 1)
    assert "empty" in next(file["status_details"] for file in told["files"] if file["stage"] == "failed")
    return folder / "state"


@pytest.fixture(scope="module")
def server(library: Path) -> Iterator[str]:
    """`sightline serve` over that state; stopped as a service manager stops it."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--state", str(library), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert serving.stdout
    line = serving.stdout.readline()
    assert line, serving.communicate()[1]
    yield json.loads(line)["url"]
    serving.send_signal(signal.SIGTERM)
    out, err = serving.communicate()
    assert serving.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err
    assert state.owner(library) is None
    assert not (library / "owner.json").exists()


def comparable(told: Any) -> Any:
    """Without what differs from one run to the next: times, and links where there is a server."""
    sources = [{**source, "url": ""} for source in told["sources"]]
    return {**told, "sources": sources, "cost": {**told["cost"], "seconds": {}}}


def test_a_question_is_answered_the_same_with_and_without_a_server(
    library: Path, request: pytest.FixtureRequest
) -> None:
    alone = sightline("ask", QUESTION, "--state", library)
    assert alone["exit"] == 0
    assert alone["status"] == "answered"
    assert "diesel doubled" in alone["answer"]
    assert alone["sources"][0]["document"]["filename"] == "ferry.txt"
    assert alone["sources"][0]["url"] == ""
    url = request.getfixturevalue("server")
    served = sightline("ask", QUESTION, "--state", library)
    assert served["sources"][0]["url"].startswith(f"{url}/e/")
    assert comparable(served) == comparable(alone)


def test_the_sdk_gets_a_cited_answer_in_chinese(server: str) -> None:
    with OpenAI(base_url=f"{server}/v1", api_key="none is needed", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="sightline", messages=[{"role": "user", "content": "云山毛峰的保质期是多久？"}], stream=True
        )
        text = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert "十八个月" in text
    assert f"]({server}/e/" in text


def test_a_file_goes_in_and_out_through_the_server(server: str, library: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Harbour\n\nThe harbour master of Arvika is Selma Lind.\n")
    taken = sightline("ingest", note, "--state", library)
    assert (taken["exit"], taken["ready"]) == (0, 1)
    asked = sightline("ask", "Who is the harbour master of Arvika?", "--state", library)
    assert "Selma Lind" in asked["answer"]
    assert asked["sources"][0]["document"]["id"] == taken["files"][0]["id"]
    gone = sightline("delete", note, "--state", library)
    assert gone["exit"] == 0
    again = sightline("ask", "Who is the harbour master of Arvika?", "--state", library)
    assert "Selma Lind" not in again["answer"]


def test_a_worker_indexes_what_another_process_accepted(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    with open_sightline(settings) as accepting:
        key = accepting.media.put("default", FERRY.encode())
        accepted = accepting.catalog.accept("default", "ferry.txt", key, len(FERRY), PUBLIC).file
    working = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "worker", "--state", str(settings.state), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert working.stdout
    assert json.loads(working.stdout.readline()) == {"pid": working.pid}
    tick = Event()
    with open_sightline(settings, own=False) as watching:
        status = watching.catalog.get("default", accepted.id)
        for _ in range(600):
            if not status.finished and not tick.wait(0.1):
                status = watching.catalog.get("default", accepted.id)
    working.send_signal(signal.SIGTERM)
    _, err = working.communicate()
    assert (status.status, status.reason) == ("ready", ""), err
    assert working.returncode == 0, err
