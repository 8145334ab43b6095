"""The state directory has one owner, and a dead owner is none."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core import state
from core.errors import SettingsError, StateInUse

HOLD = """
import sys
from pathlib import Path
from core import state
with state.own(Path(sys.argv[1]), sys.argv[2] or None):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, url: str = "") -> subprocess.Popen[str]:
    """Another process that owns `folder` until its standard input closes."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def finish(child: subprocess.Popen[str]) -> None:
    child.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state.create(tmp_path / "state")
    return tmp_path / "state"


def test_a_state_is_owned_while_the_context_lasts(folder: Path) -> None:
    assert state.owner(folder) is None
    with state.own(folder, "http://127.0.0.1:8000"):
        assert state.owner(folder) == state.Owner(os.getpid(), "http://127.0.0.1:8000")
    assert state.owner(folder) is None
    with state.own(folder):
        assert state.owner(folder) == state.Owner(os.getpid(), None)


def test_a_second_owner_in_the_same_process_is_refused(folder: Path) -> None:
    with state.own(folder), pytest.raises(StateInUse, match=str(os.getpid())), state.own(folder):
        pass


def test_the_refusal_names_the_owner_and_what_to_do(folder: Path) -> None:
    child = holder(folder)
    try:
        with pytest.raises(StateInUse) as refused, state.own(folder):
            pass
        assert str(child.pid) in refused.value.message
        assert str(folder) in refused.value.message
        assert "sightline serve" in refused.value.message
    finally:
        finish(child)


def test_the_refusal_names_the_address_of_a_server(folder: Path) -> None:
    child = holder(folder, "http://127.0.0.1:4321")
    try:
        assert state.owner(folder) == state.Owner(child.pid, "http://127.0.0.1:4321")
        with pytest.raises(StateInUse, match=r"http://127\.0\.0\.1:4321"), state.own(folder):
            pass
    finally:
        finish(child)


def test_the_note_of_a_killed_owner_is_no_lock(folder: Path) -> None:
    child = holder(folder, "http://127.0.0.1:4321")
    child.send_signal(signal.SIGKILL)
    finish(child)
    assert json.loads((folder / "owner.json").read_text())["pid"] == child.pid
    assert state.owner(folder) is None
    with state.own(folder):
        assert state.owner(folder) == state.Owner(os.getpid(), None)


def test_an_owner_without_a_note_is_still_an_owner(folder: Path) -> None:
    with state.own(folder):
        (folder / "owner.json").write_text("{")
        assert state.owner(folder) == state.Owner(0, None)
        with pytest.raises(StateInUse, match="another process"), state.own(folder):
            pass


def test_a_folder_that_never_was_a_state_is_refused_and_left_alone(tmp_path: Path) -> None:
    misspelt = tmp_path / "stat"
    with pytest.raises(SettingsError, match="stat"):
        state.require(misspelt)
    assert not misspelt.exists()
    assert state.owner(misspelt) is None
    with pytest.raises(SettingsError, match="no Sightline state"):
        state.require(tmp_path)


def test_a_created_state_is_private_and_may_be_created_again(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    state.create(folder)
    state.require(folder)


def test_a_state_of_another_format_is_refused(folder: Path) -> None:
    for marker in ('{"format": 99}', "not json", "[]"):
        (folder / "sightline.json").write_text(marker)
        with pytest.raises(SettingsError, match="format"):
            state.require(folder)
        with pytest.raises(SettingsError, match="format"):
            state.create(folder)


def test_a_file_is_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="is a file"):
        state.create(tmp_path / "file")
    with pytest.raises(SettingsError, match="no Sightline state"):
        state.require(tmp_path / "file")
