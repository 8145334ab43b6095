"""Ingestion: a folder of files through the write path that serves users, in a state of its own.

The CPU time of the whole is this process and its children, from the first file taken in to the closed
state. What a worker does once, at its start (loading the encoder, opening the state and the queue), is
counted apart, as `start_cpu_seconds`. The rest divides into

    reading     the child processes that read files, and the thread that waits for them
    embedding   the encoder's forward pass: the threads that the encoder's runtime made for itself
    indexing    the thread that makes chunks, counts tokens and writes points, without the forward pass
    publishing, sweeping    the threads of those stages
    the rest    the queue, the tokenizer's own threads, and watching the memory

so the shares add up to 1. `--beside-langchain` runs LangChain + Chroma on the same PDFs afterwards.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from api import terminal
from api.assemble import Sightline, open_sightline
from api.schemas import File
from api.service import Here, refused
from bench.meter import (
    Memory,
    bytes_on_disk,
    children_seconds,
    cpu_seconds,
    thread_seconds,
    threads,
    watched_memory,
)
from bench.report import Report
from core.errors import InputError
from core.settings import Settings
from core.types import DEFAULT_TENANT, Access

STAGES = ("read", "index", "publish", "sweep")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", metavar="NAME,NAME", help="only the files with these names (without their ending)"
    )
    parser.add_argument(
        "--beside-langchain",
        nargs=2,
        type=Path,
        metavar=("PYTHON", "SCRIPT"),
        help="the Python of an environment with LangChain and Chroma, and the script that ingests with it",
    )


def run(options: argparse.Namespace) -> Report:
    paths = files_of(options.data, options.only)[: options.limit]
    if not paths:
        raise ValueError(f"{options.data} holds no such files")
    if options.beside_langchain and any(path.suffix.lower() != ".pdf" for path in paths):
        raise ValueError("--beside-langchain compares on PDFs; leave the other files out with --only")
    with TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(state=Path(folder) / "state")
        metrics = ingest(settings, paths)
        embedder = metrics.pop("embedder")
    if options.beside_langchain:
        python, script = options.beside_langchain
        metrics |= beside_langchain(python, script, paths, metrics["pages_per_core_second"])
    return Report(
        bench="ingest",
        data=options.data.resolve().name,
        metrics=metrics,
        settings={"files": len(paths), "embedder": embedder, "threads": settings.threads},
    )


def files_of(folder: Path, only: str | None) -> list[Path]:
    paths = terminal.expand([folder])
    names = set(only.split(",")) if only else None
    return [path for path in paths if names is None or path.stem in names]


# ---------------------------------------------------------------- ours


def ingest(settings: Settings, paths: Sequence[Path]) -> dict[str, Any]:
    """The metrics, and beside them the name of the embedder."""
    stages = StageClock()
    with watched_memory() as memory:
        opening = cpu_seconds()
        with open_sightline(settings) as sightline:
            before = threads()
            embedder = sightline.embedder
            forward = threads() - before
            stages.put_around(sightline.pipeline)
            sightline.open("jobs")
            began, cpu, children = time.perf_counter(), cpu_seconds(), children_seconds()
            start = cpu - opening
            embedding = thread_seconds(forward)
            files = take_in(sightline, paths)
            totals = counted(sightline, files)
            embedding = thread_seconds(forward) - embedding
            name, seen, dropped = embedder.name, embedder.tokens_seen, embedder.tokens_dropped
        cpu, children = cpu_seconds() - cpu, children_seconds() - children
        wall = time.perf_counter() - began
    if not totals["pages_ingested"]:
        raise ValueError("no page could be ingested")
    return {
        "embedder": name,
        "pages_per_core_second": totals["pages_ingested"] / cpu,
        **shares(cpu, embedding, children, stages),
        **memory_figures(memory),
        "bytes_per_page": bytes_on_disk(settings.state) / totals["pages_ingested"],
        "cpu_seconds": cpu,
        "start_cpu_seconds": start,
        "wall_seconds": wall,
        **totals,
        "tokens_seen": seen,
        "tokens_dropped": dropped,
    }


def take_in(sightline: Sightline, paths: Sequence[Path]) -> list[File]:
    """As `sightline ingest` does it, with its progress on standard error."""
    service = Here(sightline, Access())
    with terminal.progress(len(paths)) as shown:
        accepted = []
        for path in paths:
            try:
                accepted.append(service.accept(path))
            except InputError as error:
                accepted.append(refused(path, error.message))
                shown.finished(accepted[-1])
        waiting = {file.id for file in accepted if file.id}
        finished = {file.id: file for file in service.follow(waiting, shown.changed)}
    return [finished.get(file.id, file) for file in accepted]


def counted(sightline: Sightline, files: Sequence[File]) -> dict[str, int]:
    """What became of every file and page; two files with the same content count once."""
    different = {file.id or file.source: file for file in files}.values()
    failed = [file for file in different if file.stage != "ready"]
    for file in failed:
        print(f"failed: {file.filename}: {file.status_details}", file=sys.stderr)
    found = sightline.catalog.statuses(DEFAULT_TENANT, [file.id for file in different if file.id])
    return {
        "files": len(different),
        "files_failed": len(failed),
        "pages_total": sum(file.pages_total for file in found.values()),
        "pages_ingested": sum(file.pages_done for file in found.values()),
        "pages_failed": sum(file.pages_failed for file in found.values()),
        "chunks": sum(file.chunks for file in found.values()),
    }


class StageClock:
    """CPU seconds of the threads of the stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self._adding = Lock()

    def put_around(self, pipeline: Any) -> None:
        for name in STAGES:
            setattr(pipeline, name, self._timed(getattr(pipeline, name)))

    def _timed(self, stage: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(stage)
        def timed(*arguments: Any) -> Any:
            began = time.thread_time()
            try:
                return stage(*arguments)
            finally:
                with self._adding:
                    self.seconds[stage.__name__] += time.thread_time() - began

        return timed


def shares(cpu: float, embedding: float, children: float, stages: StageClock) -> dict[str, float]:
    """`children` are those that read: this process has no others."""
    spent = {**stages.seconds, "read": stages.seconds["read"] + children}
    # Without threads of its own (torch) the forward pass runs in the stage's thread: it is not told apart.
    told = {"embedder_share": embedding / cpu} if embedding else {}
    told |= {f"{name}_share": seconds / cpu for name, seconds in spent.items()}
    return {**told, "rest_share": 1 - sum(told.values())}


def memory_figures(memory: Memory) -> dict[str, float]:
    return {"peak_rss_mb": memory.peak_mb, "largest_process_rss_mb": memory.largest_mb}


# ---------------------------------------------------------------- a peer, on the same files


def beside_langchain(python: Path, script: Path, paths: Sequence[Path], ours: float) -> dict[str, float]:
    """Its pages per core-second on these PDFs, and how many times that ours are.

    Raises ValueError when it fails: then there is nothing to compare with.
    """
    with TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "financebench" / "pdfs"  # where the script looks
        data.mkdir(parents=True)
        for path in paths:
            (data / path.name).symlink_to(path.resolve())
        given = {
            "DATA": folder,
            "OUT": str(Path(folder) / "out"),
            "PDFS": ",".join(path.stem for path in paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.defpath,
            "HOME": folder,
        }
        done = subprocess.run(
            [python.absolute(), script.absolute(), "ingest"],
            env=given,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found = json.loads(lines[-1]) if lines else {}
    if done.returncode or "pages_per_core_s" not in found:
        raise ValueError(f"{script.name} failed: {found.get('failed', f'exit code {done.returncode}')}")
    theirs = float(found["pages_per_core_s"])
    return {
        "langchain_pages_per_core_second": theirs,
        "langchain_embedder_share": float(found["embed_share"]),
        "langchain_peak_rss_mb": float(found["peak_rss_mb"]),
        "times_langchain": ours / theirs,
    }
