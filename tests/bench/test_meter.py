"""The meters of the benches count what the kernel counts."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.meter import (
    SearchClock,
    bytes_on_disk,
    cpu_seconds,
    process_seconds,
    thread_seconds,
    threads,
    watched_memory,
)


def burn(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def test_a_child_counts_once_it_has_ended() -> None:
    before = cpu_seconds()
    burning = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", burning], check=True)
    assert 0.2 <= cpu_seconds() - before < 2


def test_a_thread_is_counted_apart_from_the_others() -> None:
    before = threads()
    go, done, end = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        go.wait()
        burn(0.1)
        done.set()
        end.wait()

    worker = threading.Thread(target=work)
    worker.start()
    mine = threads() - before
    idle = thread_seconds(mine)
    go.set()
    done.wait()
    spent = thread_seconds(mine) - idle
    end.set()
    worker.join()
    assert len(mine) == 1
    # the kernel adds a running thread's time at its ticks
    assert 0.05 < spent < 0.3


def test_another_process_is_measured_while_it_lives() -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\nwhile time.process_time() < 0.1: pass\nprint(flush=True)\ninput()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    assert 0.09 < process_seconds(child.pid) < 1
    child.communicate(b"\n")


def test_memory_counts_this_process_and_its_children_together() -> None:
    holding = "x = bytearray(60_000_000)\nprint(flush=True)\ninput()"
    with watched_memory() as memory:
        memory.look()
        alone = memory.peak_mb
        child = subprocess.Popen(
            [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        memory.look()
        child.communicate(b"\n")
    assert memory.peak_mb > alone + 55
    assert memory.largest_mb > 10


def test_a_hole_in_a_file_takes_no_disk(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(os.urandom(100_000))
    with (tmp_path / "hollow").open("wb") as file:
        file.truncate(10_000_000)
    assert 100_000 <= bytes_on_disk(tmp_path) < 1_000_000


def test_what_a_search_costs_is_told_apart_from_what_comes_after_it() -> None:
    class Searching:
        def search(self) -> str:
            burn(0.05)
            return "found"

    retriever = Searching()
    clock = SearchClock(retriever)
    with clock.call():
        assert retriever.search() == "found"
        burn(0.02)
    (whole,), (after,) = clock.whole, clock.after_search
    assert whole >= 70
    assert 20 <= after <= whole - 50
    assert clock.figures["answer_cpu_ms_p99"] == after
