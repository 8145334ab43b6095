"""What work costs: CPU seconds and memory of this process and of all that it starts.

Reads /proc, so it needs Linux. Knows nothing of what is measured.
"""

import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import Event, Thread
from typing import Any

from core.measure import percentile

PAUSE = 0.25  # seconds between looks at the memory; each costs well under a millisecond

_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended, to the microsecond."""
    return time.process_time() + children_seconds()


def children_seconds() -> float:
    """User and system time of the children that have ended, to the microsecond."""
    # os.times() counts in ticks of ten milliseconds
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def threads() -> frozenset[int]:
    """The threads of this process, by the kernel's number."""
    return frozenset(int(task.name) for task in Path("/proc/self/task").iterdir())


def thread_seconds(numbers: frozenset[int]) -> float:
    """CPU time so far of those of the threads that still live."""
    nanoseconds = 0
    for number in numbers:
        try:
            text = Path(f"/proc/self/task/{number}/schedstat").read_text("ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        nanoseconds += int(text.split()[0])
    return nanoseconds / 1e9


def process_seconds(process: int) -> float:
    """CPU time so far of another process, threads that have ended included; to the nanosecond."""
    # MAKE_PROCESS_CPUCLOCK(process, CPUCLOCK_SCHED) of linux/posix-timers.h: what clock_getcpuclockid(3) gives
    return time.clock_gettime((~process << 3) | 2)


class SearchClock:
    """CPU milliseconds of each call of this process, and of each without its searches: what comes after retrieval."""

    def __init__(self, retriever: Any) -> None:
        self.whole: list[float] = []
        self.after_search: list[float] = []
        self._searching = 0.0
        search = retriever.search

        @wraps(search)
        def timed(*given: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return search(*given, **named)
            finally:
                self._searching += time.process_time() - began

        retriever.search = timed

    @contextmanager
    def call(self) -> Iterator[None]:
        self._searching, began = 0.0, time.process_time()
        yield
        spent = time.process_time() - began
        self.whole.append(1000 * spent)
        self.after_search.append(1000 * (spent - self._searching))

    @property
    def figures(self) -> dict[str, float]:
        """Raises ValueError before the first call."""
        return cpu_figures(self.whole, self.after_search)


def cpu_figures(whole: Sequence[float], after_search: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile of the CPU milliseconds of calls. Raises ValueError where there are none."""
    return {
        f"{name}_{share}": percentile(values, worth)
        for name, values in (("cpu_ms", whole), ("answer_cpu_ms", after_search))
        for share, worth in (("p50", 0.5), ("p99", 0.99))
    }


class Memory:
    """`peak_mb`: the most that this process and its children held together; `largest_mb`: one process."""

    def __init__(self) -> None:
        self.peak_mb = 0.0

    @property
    def largest_mb(self) -> float:
        kilobytes = max(
            resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        return kilobytes / 1024

    def look(self) -> None:
        held = sum(_resident(process) for process in [os.getpid(), *_descendants(os.getpid())])
        self.peak_mb = max(self.peak_mb, held / 1e6)


@contextmanager
def watched_memory() -> Iterator[Memory]:
    memory, stop = Memory(), Event()

    def watch() -> None:
        while not stop.wait(PAUSE):
            memory.look()

    watcher = Thread(target=watch, name="memory", daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        stop.set()
        watcher.join()
        memory.look()
        # what grew and went between two looks
        memory.peak_mb = max(memory.peak_mb, memory.largest_mb * 1.048576)


def bytes_on_disk(folder: Path) -> int:
    """What the files take on the disk: files with holes count what is written."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _descendants(process: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            numbers = [int(number) for number in children.read_text("ascii").split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for number in numbers:
            found += [number, *_descendants(number)]
    return found
