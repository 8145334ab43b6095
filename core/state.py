"""Who owns the state directory: one process at a time, and how others find it.

Knows the marker, the lock and the owner's note; nothing of what else lies there. The lock is
flock(2): the kernel lets go of it when its process ends, however it ends, so a note that a killed
process left behind locks nobody out. Not covered: network file systems without flock, Windows.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError, StateInUse

FORMAT = 1

_MARKER = "sightline.json"
_LOCK = "lock"
_NOTE = "owner.json"
# `owner` holds the lock for a moment when it looks; one look must not be taken for an owner.
_ATTEMPTS, _PAUSE = 10, 0.02


@dataclass(frozen=True, slots=True)
class Owner:
    """`url`: where the owner answers over HTTP; None when it is no server. `pid` 0: not known."""

    pid: int
    url: str | None


def create(state: Path) -> None:
    """Makes `state` a state directory, readable by its owner alone; does nothing if it is one."""
    if _format(state) is not None:
        require(state)
        return
    if state.exists() and not state.is_dir():
        raise SettingsError(f"state {str(state)!r} is a file; name a directory")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(state / _MARKER, {"format": FORMAT})


def require(state: Path) -> None:
    """Raises SettingsError where nothing was ever ingested: a misspelt name must not look empty."""
    found = _format(state)
    if found is None:
        raise SettingsError(
            f"no Sightline state in {str(state)!r}; ingest something there first, or name another "
            "directory with --state or SIGHTLINE_STATE"
        )
    if found != FORMAT:
        raise SettingsError(
            f"the state in {str(state)!r} has format {found!r}, this version reads {FORMAT}; "
            "use the version that wrote it, or ingest into a new directory"
        )


@contextmanager
def own(state: Path, url: str | None = None) -> Iterator[None]:
    """Holds the state directory for this process; `url` is where it can be asked meanwhile.

    Raises StateInUse, naming the owner, when another process (or this one) holds it.
    """
    lock = os.open(state / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, state)
        _write(state / _NOTE, {"pid": os.getpid(), "url": url})
        try:
            yield
        finally:
            (state / _NOTE).unlink(missing_ok=True)
    finally:
        os.close(lock)


def owner(state: Path) -> Owner | None:
    """The process that holds the state directory now, or None."""
    try:
        lock = os.open(state / _LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _note(state)
    finally:
        os.close(lock)
    return None


def _take(lock: int, state: Path) -> None:
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return
    raise StateInUse(_in_use(state, _note(state)))


def _in_use(state: Path, holder: Owner) -> str:
    who = f"process {holder.pid}" if holder.pid else "another process"
    if holder.url:
        return f"state {str(state)!r} is served by {who} at {holder.url}; ask it there, or stop it"
    return (
        f"state {str(state)!r} is in use by {who}; wait until it ends, or run `sightline serve` once: "
        "commands go through a running server"
    )


def _note(state: Path) -> Owner:
    try:
        note = json.loads((state / _NOTE).read_text("utf-8"))
        return Owner(int(note["pid"]), note["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return Owner(0, None)  # the owner has the lock but has not written its note yet


def _format(state: Path) -> object:
    try:
        return json.loads((state / _MARKER).read_text("utf-8")).get("format", 0)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, AttributeError):
        return "unreadable"


def _write(path: Path, value: object) -> None:
    """Whole or not at all: a reader never sees half a note."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(value) + "\n", "utf-8")
    fresh.replace(path)
