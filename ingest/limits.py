"""What a process that reads a stranger's file may use. Knows nothing of what is read."""

import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_MEGABYTE = 1 << 20
_NEW_USER = 0x10000000  # CLONE_NEWUSER and CLONE_NEWNET of sched.h; os.unshare comes with Python 3.12
_NEW_NETWORK = 0x40000000
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl.h


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_mb` is address space, `max_pixels` the largest picture that is decoded or drawn, `file_mb`
    the largest file that is written, `processes` how many it may start, threads included. An archive
    may have `archive_entries` members, unpack to `archive_mb` and to `archive_ratio` times its size, all
    counted with the archives in it, and be nested `archive_depth` deep.
    """

    memory_mb: int = 1500
    cpu_seconds: int = 600
    wall_seconds: int = 900
    max_pixels: int = 40_000_000
    file_mb: int = 256
    processes: int = 64
    archive_entries: int = 10_000
    archive_mb: int = 1000
    archive_ratio: int = 200
    archive_depth: int = 3


_confined_at: list[float] = []  # when the limits were put on this process, if they were


def exhausted(limits: Limits) -> str:
    """Why this process should begin nothing long any more, or "" while it may.

    Nine tenths of a limit leave room to hand over what was read until then. The wall's time counts from
    `confine`: a process that reads in its own has other things to do than this file.
    """
    if time.process_time() > 0.9 * limits.cpu_seconds:
        return f"not read: the limit of {limits.cpu_seconds} CPU seconds for one file was reached"
    if _confined_at and time.monotonic() - _confined_at[0] > 0.9 * limits.wall_seconds:
        return f"not read: the limit of {limits.wall_seconds} seconds for one file was reached"
    return ""


def confine(limits: Limits, parent: int) -> None:
    """Puts the limits on this process, for good. Call it before anything else is imported.

    The network goes away only where the kernel lets a process leave it; all the rest always holds.
    `parent`: who started this process, and whose end is its own.
    """
    _confined_at.append(time.monotonic())
    running = _tasks_of(os.getuid())  # in a new user namespace all others look like this one
    _leave_the_network()
    _die_with(parent)
    memory = limits.memory_mb * _MEGABYTE
    _lower(resource.RLIMIT_AS, memory)
    # The soft limit kills with SIGXCPU, which the parent can name; the hard one catches whoever ignores it.
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 2)
    _lower(resource.RLIMIT_FSIZE, limits.file_mb * _MEGABYTE)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, 64)
    # The kernel counts all that this user runs; root it does not stop.
    _lower(resource.RLIMIT_NPROC, running + limits.processes)
    os.umask(0o077)


def _lower(what: int, soft: int, hard: int | None = None) -> None:
    _, ceiling = resource.getrlimit(what)
    wanted = soft if hard is None else hard
    allowed = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    resource.setrlimit(what, (min(soft, allowed), allowed))


def _leave_the_network() -> None:
    unshare = getattr(ctypes.CDLL(None), "unshare", None)  # Linux only
    if unshare and unshare(_NEW_NETWORK) != 0:
        unshare(_NEW_USER | _NEW_NETWORK)


def _die_with(parent: int) -> None:
    """Also when it was killed; where the kernel cannot do that, the other limits end this process."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only
    if prctl:
        prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it was asked for
        os._exit(1)


def _tasks_of(user: int) -> int:
    """Processes and threads that a user runs, as far as they can be seen."""
    tasks = 0
    for process in Path("/proc").glob("[0-9]*/task"):
        try:
            if process.stat().st_uid == user:
                tasks += sum(1 for _ in process.iterdir())
        except OSError:
            continue  # it has ended
    return tasks
