"""Hostile files: broken, locked, oversized ones, each through the server that serves users.

A server of its own (`sightline serve`, with the limits of a reading process that are given) takes the
files one after another over HTTP. A file ends clear when it is ready with pages and passages, or
failed with a reason that names what is wrong: a password where there is one and nowhere else, the
limit where one was passed, and never only that something in our code went wrong. A server that dies
is counted, and another takes the rest.
"""

import argparse
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from api import terminal
from api.client import There
from api.schemas import File
from api.service import refused
from bench.meter import watched_memory
from bench.report import Report
from core.errors import BackendError, SightlineError
from core.settings import PREFIX

LONGEST = 60.0  # seconds from the upload to the end
_START = 120.0  # seconds for a server to begin

# What a reason says that names no cause in the file: a defect of ours, or a death without an explanation.
_VAGUE = re.compile(
    r"the reader failed|exit code|damaged result|was killed|internal|Traceback|crash", re.IGNORECASE
)
_LOCKED = re.compile(r"password|locked|encrypted", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\b(?!.*\d)", re.IGNORECASE)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cpu-seconds", type=int, default=30, help="limit of a reading process")
    parser.add_argument("--wall-seconds", type=int, default=50, help="limit of a reading process")
    parser.add_argument("--memory-mb", type=int, default=1500, help="address space of a reading process")


def run(options: argparse.Namespace) -> Report:
    paths = terminal.expand([options.data])[: options.limit]
    if not paths:
        raise ValueError(f"{options.data} holds no files")
    limits = {
        "read_cpu_seconds": options.cpu_seconds,
        "read_wall_seconds": options.wall_seconds,
        "read_memory_mb": options.memory_mb,
    }
    with watched_memory() as memory:
        ends, deaths = through_servers(paths, limits)
    for end in ends:
        if end.trouble:
            print(f"unclear: {end.file.filename}: {end.trouble}", file=sys.stderr)
    return Report(
        bench="hostile",
        data=options.data.resolve().name,
        metrics={
            "files": len(ends),
            "worker_deaths": deaths,
            "unclear": sum(1 for end in ends if end.trouble),
            "succeeded": sum(1 for end in ends if end.file.stage == "ready"),
            "failed": sum(1 for end in ends if end.file.stage == "failed"),
            "slowest_seconds": max(end.seconds for end in ends),
            "peak_rss_mb": memory.peak_mb,
        },
        settings=limits,
    )


# ---------------------------------------------------------------- how a file ended


@dataclass(frozen=True, slots=True)
class End:
    """`trouble` says why the end of the file is not clear; it is empty when it is."""

    file: File
    seconds: float
    trouble: str = ""


def trouble_of(path: Path, file: File, seconds: float) -> str:
    """Why this end tells its owner nothing, or something wrong; "" for a clear one."""
    reason = file.status_details or ""
    if seconds > LONGEST:
        return f"it took {seconds:.0f} seconds"
    if file.stage == "ready":
        return "" if file.pages_total and file.chunks else "it is ready, and holds nothing"
    if file.stage != "failed":
        return f"it is still {file.stage}"
    if len(reason) < 10 or _VAGUE.search(reason):
        return f"the reason names no cause in the file: {reason!r}"
    if bool(_LOCKED.search(reason)) not in locked(path):
        return f"locked and broken are mixed up: {reason!r}"
    if _LIMIT.search(reason):
        return f"the reason names no limit: {reason!r}"
    return ""


_YES, _NO, _EITHER = frozenset({True}), frozenset({False}), frozenset({True, False})


def locked(path: Path) -> frozenset[bool]:
    """Does the file need a password? Asked of other libraries than those that read it.

    Both where it is encrypted and the other library finds its way in: engines differ about such files.
    """
    content = path.read_bytes()
    if b"%PDF-" in content[:1024]:
        return _locked_pdf(path)
    if content[:2] == b"PK":
        return _locked_zip(path)
    return _YES if "EncryptedPackage".encode("utf-16-le") in content else _NO


def _locked_pdf(path: Path) -> frozenset[bool]:
    import pikepdf

    try:
        with pikepdf.open(path) as document:
            return _EITHER if document.is_encrypted else _NO
    except pikepdf.PasswordError:
        return _YES
    except (pikepdf.PdfError, RuntimeError):
        return _NO


def _locked_zip(path: Path) -> frozenset[bool]:
    try:
        with zipfile.ZipFile(path) as archive:
            return _YES if any(member.flag_bits & 1 for member in archive.infolist()) else _NO
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return _NO


# ---------------------------------------------------------------- servers that take the files


def through_servers(paths: Sequence[Path], limits: dict[str, int]) -> tuple[list[End], int]:
    """The end of every file, and how many servers died of one."""
    ends: list[End] = []
    deaths = 0
    while len(ends) < len(paths):
        with server(limits) as (process, there):
            for path in paths[len(ends) :]:
                ends.append(take_in(there, path))
                print(_line(ends[-1]), file=sys.stderr)
                if process.poll() is not None:
                    deaths += 1
                    break
    return ends, deaths


def take_in(there: There, path: Path, tries: int = 2) -> End:
    began = time.monotonic()
    try:
        accepted = there.accept(path)
        (file,) = there.follow([accepted.id], lambda _: None)
    except BackendError as error:
        if tries > 1:  # a connection that was idle may be closed under a request; taking in twice is as once
            return take_in(there, path, tries - 1)
        return End(refused(path, error.message), time.monotonic() - began, f"the server: {error.message}")
    except SightlineError as error:
        file = refused(path, error.message)
    seconds = time.monotonic() - began
    return End(file, seconds, trouble_of(path, file, seconds))


@contextmanager
def server(limits: dict[str, int]) -> Iterator[tuple[subprocess.Popen[str], There]]:
    """`sightline serve` on a state of its own. Raises BackendError when it does not start."""
    given = [f"SIGHTLINE_{name.upper()}={value}" for name, value in limits.items()]
    with TemporaryDirectory(prefix="bench-") as folder:
        serve = [
            sys.executable,
            "-m",
            "api.cli",
            "serve",
            "--state",
            f"{folder}/state",
            "--port",
            "0",
            "--json",
        ]
        with (Path(folder) / "log").open("w") as log:
            # the variable of the tests is no setting of the server
            cleared = ["-u", f"{PREFIX}TEST_POSTGRES"]
            process = subprocess.Popen(
                ["env", *cleared, *given, *serve], stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            if not told:
                said = (Path(folder) / "log").read_text("utf-8", "replace")[-300:]
                raise BackendError(f"the server did not start: {said}")
            there = There(json.loads(told)["url"], key="")
            try:
                yield process, there
            finally:
                there.close()
        finally:
            process.terminate()
            process.communicate(timeout=_START)


def _line(end: End) -> str:
    file = end.file
    found = (
        f"{file.pages_total} pages, {file.chunks} passages" if file.stage == "ready" else file.status_details
    )
    return f"{end.seconds:5.1f} s  {file.stage:6} {file.filename}: {found}"
