"""Reads strangers' files in a child process that can neither harm nor outlive its limits.

The parent calls `read_file`; the child is `main`, below. The child gets an empty environment, the file
as an open descriptor that only reads, no network where the kernel permits, hard limits on memory, CPU,
processes, file size and time, and ends with its parent; what it found comes back as MessagePack in the scratch folder, images beside it as files named by their sha256.
Whatever happens to the child, the parent gets a `Content` or an error with a reason that a person
can act on. What is not covered: a hole in the kernel, and reading other files of the same user.
"""

import errno
import gc
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from core.errors import (
    BackendError,
    InputError,
    LockedFile,
    NotFound,
    SightlineError,
    TooLarge,
    UnreadableFile,
    UnsupportedFormat,
)
from core.memory import collection_paused
from core.types import Box, Content
from ingest.limits import Limits, confine

__all__ = ["Interrupted", "Limits", "draw_page", "read_file"]

_LOOK = 0.25  # seconds between looks at `stop`
_RESULT = "result"
_ERROR = "error"
_ERRORS: dict[str, type[SightlineError]] = {
    error.code: error
    for error in (InputError, LockedFile, NotFound, TooLarge, UnreadableFile, UnsupportedFormat)
}
# Isolated and without `site` Python starts in a third of the CPU time.
_START = "import json, sys; sys.path[:0] = json.loads(sys.argv[1]); from ingest.sandbox import main; main(sys.argv[2])"
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MB of the address space that is limited
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "XDG_CACHE_HOME": ".",  # a library's cache goes with the folder
}


# ---------------------------------------------------------------- the parent


class Stop(Protocol):
    def is_set(self) -> bool:
        """Whether reading should end now; asked a few times a second."""
        ...


class Interrupted(BaseException):
    """The process is stopping. Not an `Exception`: it is no outcome of the work, which goes on later."""


def read_file(path: Path, *, name: str, limits: Limits, scratch: Path, stop: Stop | None = None) -> Content:
    """What stands in the file at `path`, which its owner calls `name`.

    Images that the reader found lie in `scratch` afterwards, named by the sha256 of their bytes.
    Raises UnreadableFile, LockedFile, UnsupportedFormat or TooLarge; BackendError when somebody killed the
    child; Interrupted once `stop` is set.
    """
    import msgspec

    with tempfile.TemporaryDirectory(dir=scratch, prefix="read-") as name_of_folder:
        folder = Path(name_of_folder)
        result = _run({"task": "read"}, path=path, name=name, limits=limits, folder=folder, stop=stop)
        try:
            with collection_paused():
                content = msgspec.msgpack.decode(result, type=Content)
        except msgspec.DecodeError as error:
            raise UnreadableFile(f"reading {name!r} gave a damaged result: {error}") from error
        for found in folder.glob("*.image"):
            # The child had a stranger's file in its hands: its word for the hash is not enough.
            found.replace(scratch / hashlib.sha256(found.read_bytes()).hexdigest())
        return content


def draw_page(
    path: Path,
    *,
    name: str,
    page: int,
    boxes: Sequence[Box],
    limits: Limits,
    width: int,
    picture: bool = False,
) -> bytes:
    """A PNG of one page with `boxes` drawn. See `ingest.render.render_page`."""
    with tempfile.TemporaryDirectory(prefix="sightline-draw-") as folder:
        task = {
            "task": "draw",
            "page": page,
            "boxes": [list(box) for box in boxes],
            "width": width,
            "picture": picture,
        }
        return _run(task, path=path, name=name, limits=limits, folder=Path(folder))


class _End(NamedTuple):
    """How a child ended. `code` is negative for a signal, as in `subprocess`."""

    code: int
    peak_mb: float
    cpu_seconds: float
    timed_out: bool


def _run(
    task: dict[str, Any], *, path: Path, name: str, limits: Limits, folder: Path, stop: Stop | None = None
) -> bytes:
    """The bytes that the child left as its result, or the error that it left or died of."""
    try:
        # NONBLOCK: a pipe is opened without waiting for who writes into it.
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableFile(f"the file cannot be read: {error.strerror or error}") from error
    try:
        return _ask_child(task, source, name=name, limits=limits, folder=folder, stop=stop)
    finally:
        os.close(source)


def _ask_child(
    task: dict[str, Any], source: int, *, name: str, limits: Limits, folder: Path, stop: Stop | None
) -> bytes:
    request = {**task, "source": source, "name": name, "limits": asdict(limits), "parent": os.getpid()}
    root = str(Path(__file__).parents[1])
    imports = [root, *(entry for entry in sys.path if entry and entry != root)]
    command = [sys.executable, "-I", "-S", "-c", _START, json.dumps(imports), json.dumps(request)]
    end = _wait_for(command, source, folder, limits, stop)
    if (folder / _ERROR).exists():
        told = json.loads((folder / _ERROR).read_bytes())
        raise _ERRORS.get(told["code"], UnreadableFile)(told["message"])
    if end.code == -signal.SIGKILL and not end.timed_out:
        # Nothing that lies in the file for certain: another attempt may do.
        raise BackendError("reading was killed, most likely because the machine ran out of memory")
    if end.code != 0 or not (folder / _RESULT).exists():
        raise UnreadableFile(_reason(end, limits, folder))
    return (folder / _RESULT).read_bytes()


def _wait_for(command: list[str], source: int, folder: Path, limits: Limits, stop: Stop | None) -> _End:
    with (folder / "stderr").open("wb") as stderr:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=folder,
            env=_ENVIRONMENT,
            start_new_session=True,
            pass_fds=(source,),
        )
    try:
        timed_out = not _ended_within(child.pid, limits.wall_seconds, stop)
    finally:
        # The child is not reaped yet, so that its number cannot belong to anybody else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return _End(child.returncode, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, timed_out)


def _ended_within(pid: int, seconds: float, stop: Stop | None) -> bool:
    """Raises Interrupted once `stop` is set."""
    deadline = time.monotonic() + seconds
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    try:
        while (left := deadline - time.monotonic()) > 0:
            if stop is not None and stop.is_set():
                raise Interrupted
            if handle is not None:
                if select.select([handle], [], [], min(left, _LOOK))[0]:
                    return True
            elif os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return True
            else:
                time.sleep(0.01)
    finally:
        if handle is not None:
            os.close(handle)
    return False


def _reason(end: _End, limits: Limits, folder: Path) -> str:
    """Why a child died that could not say so itself."""
    if end.timed_out:
        return f"reading stopped at the time limit of {limits.wall_seconds} seconds"
    if end.code == -signal.SIGXCPU or (end.code < 0 and end.cpu_seconds >= limits.cpu_seconds):
        return f"reading stopped at the limit of {limits.cpu_seconds} CPU seconds"
    if end.code == -signal.SIGXFSZ:
        return _too_much(limits)
    # Native code aborts when memory is refused; how much it had asked for cannot be known, so that
    # a large part of the limit in use is taken as the sign.
    if end.code in {-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL, -signal.SIGSEGV} and (
        end.peak_mb > 0.5 * limits.memory_mb
    ):
        return _out_of_memory(limits)
    if end.code < 0:
        return f"the file makes its reader crash ({signal.Signals(-end.code).name}); it is broken or hostile"
    last = (folder / "stderr").read_text("utf-8", "replace").strip().splitlines()[-1:]
    return f"reading failed with exit code {end.code}: {' '.join(last)[:300]}"


def _too_much(limits: Limits) -> str:
    return f"reading stopped: what was found takes more than {limits.file_mb} MB"


def _out_of_memory(limits: Limits) -> str:
    return f"reading stopped at the memory limit of {limits.memory_mb} MB"


# ---------------------------------------------------------------- the child


def main(request: str) -> None:
    """Does the one thing that it was asked for and leaves `result` or `error` in the current folder."""
    asked = json.loads(request)
    limits = Limits(**asked["limits"])
    confine(limits, asked["parent"])
    # A short life with few cycles: looking for them takes a tenth of the time.
    gc.disable()
    try:
        result = _read(asked, limits) if asked["task"] == "read" else _draw(asked, limits)
        Path(_RESULT).write_bytes(result)
    except SightlineError as error:
        _tell(error.code, error.message)
    except OSError as error:
        too_large = error.errno == errno.EFBIG
        _tell(
            UnreadableFile.code,
            _too_much(limits) if too_large else f"the file cannot be read: {error.strerror or error}",
        )
    except MemoryError:
        _tell(UnreadableFile.code, _out_of_memory(limits))
    except RecursionError:
        _tell(UnreadableFile.code, "the file is nested too deeply to be read")
    except Exception as error:  # noqa: BLE001 the edge of the worker: a defect of a reader fails one file
        _tell(UnreadableFile.code, f"the reader failed: {type(error).__name__}: {str(error)[:300]}")
    # Libraries need no tidy end, and theirs cost time.
    os._exit(0)


def _read(asked: dict[str, Any], limits: Limits) -> bytes:
    import msgspec

    from ingest.readers import REGISTRY, detect

    path = _source(asked)
    media_type = detect(path, asked["name"])
    content = REGISTRY[media_type].reader(limits)(path, _keep)
    return msgspec.msgpack.encode(content)


def _source(asked: dict[str, Any]) -> Path:
    """The descriptor, as libraries can open it: again and again, each time from its beginning."""
    return Path(f"/dev/fd/{asked['source']}")


def _keep(image: bytes) -> str:
    """The sink of the child: an image becomes a file of the current folder."""
    key = hashlib.sha256(image).hexdigest()
    Path(f"{key}.image").write_bytes(image)
    return key


def _draw(asked: dict[str, Any], limits: Limits) -> bytes:
    from ingest.render import draw, draw_picture

    boxes = [Box(*box) for box in asked["boxes"]]
    if asked["picture"]:
        return draw_picture(_source(asked), boxes, asked["width"], limits)
    return draw(_source(asked), asked["name"], asked["page"], boxes, asked["width"], limits)


def _tell(code: str, message: str) -> None:
    Path(_ERROR).write_text(json.dumps({"code": code, "message": message}))
