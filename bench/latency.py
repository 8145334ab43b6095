"""Latency: what one caller and eight callers at once wait for `ask` and `search`, and what they cost.

The files are ingested into a state of its own; then `sightline serve` answers over it in a process of
its own, as for users, and is asked over loopback. Wall time is the caller's; CPU time is the
server's process alone: per question with one caller, on average with eight.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx

from api import terminal
from api.assemble import open_sightline
from api.schemas import MODEL
from api.service import Here
from bench.ingest import take_in
from bench.meter import process_seconds
from bench.report import Report
from core.measure import percentile
from core.settings import Settings
from core.types import Access

CALLERS = (1, 8)
QUESTIONS = 50  # asked of each kind by each number of callers, unless --limit says otherwise
WARM_UP = 3

_SERVE = "import sys; from api.cli import main; sys.exit(main())"


class Server(NamedTuple):
    url: str
    process: int


Ask = Callable[[httpx.Client, str], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--questions",
        type=Path,
        metavar="FILE",
        help='lines of {"text": ...}; default: queries.jsonl in the folder or above it, else made from the sections',
    )


def run(options: argparse.Namespace) -> Report:
    file = options.questions or question_file(options.data)
    wanted = options.limit or QUESTIONS
    with TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(state=Path(folder) / "state")
        with open_sightline(settings) as sightline:
            paths = [path for path in terminal.expand([options.data]) if path != file]
            files = [one for one in take_in(sightline, paths) if one.stage == "ready"]
            asked = (
                read_questions(file)
                if file
                else _about(Here(sightline, Access()), [one.title for one in files])
            )
            embedder = sightline.embedder.name
        if not asked:
            raise ValueError("there are no questions; name a file of them with --questions")
        with served(settings.state) as server:
            metrics = figures(server, asked[:wanted])
    return Report(
        bench="latency",
        data=options.data.resolve().name,
        metrics=metrics,
        settings={
            "files": len(files),
            "pages": sum(one.pages_done for one in files),
            "questions": len(asked[:wanted]),
            "embedder": embedder,
        },
    )


# ---------------------------------------------------------------- questions


def question_file(folder: Path) -> Path | None:
    found = (place / "queries.jsonl" for place in (folder, folder.resolve().parent))
    return next((file for file in found if file.exists()), None)


def read_questions(file: Path) -> list[str]:
    return [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines() if line.strip()]


def _about(service: Here, titles: Sequence[str]) -> list[str]:
    """One question for each section that a search for the titles finds."""
    hits = [hit for title in titles for hit in service.search(title, 50).data]
    sections = dict.fromkeys((hit.document.title, hit.section[-1]) for hit in hits if hit.section)
    return [f"What does {title} say about {section}?" for title, section in sections]


# ---------------------------------------------------------------- the server


@contextmanager
def served(state: Path) -> Iterator[Server]:
    """`sightline serve` on any free port, its log thrown away. Raises ValueError when it does not start."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, "serve", "--json", "--port", "0", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # settings in the caller's environment could name another state's database
        env={"PATH": os.defpath, "HOME": str(state)},
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        told = json.loads(line) if line else {}
        if "url" not in told:
            raise ValueError(f"the server did not start: {told or process.wait()}")
        yield Server(told["url"], process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def ask(http: httpx.Client, question: str) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": question}]}
    http.post("/v1/chat/completions", json=body).raise_for_status()


def search(http: httpx.Client, question: str) -> None:
    http.post("/v1/search", json={"query": question}).raise_for_status()


# ---------------------------------------------------------------- the figures


def figures(server: Server, questions: Sequence[str]) -> dict[str, float]:
    """`cpu_ms_p50` and `cpu_ms_p99` are those of ask with one caller."""
    metrics: dict[str, float] = {}
    for name, call in (("search", search), ("ask", ask)):
        for callers in CALLERS:
            for metric, value in measured(server, call, questions, callers).items():
                metrics[f"{name}_{callers}_{metric}"] = value
    headline = {name: metrics[f"ask_1_{name}"] for name in ("cpu_ms_p50", "cpu_ms_p99")}
    return {**headline, **metrics}


def measured(server: Server, call: Ask, questions: Sequence[str], callers: int) -> dict[str, float]:
    with httpx.Client(base_url=server.url, timeout=600, trust_env=False) as http:

        def timed(question: str) -> tuple[float, float]:
            cpu, began = process_seconds(server.process), time.perf_counter()
            call(http, question)
            return 1000 * (time.perf_counter() - began), 1000 * (process_seconds(server.process) - cpu)

        for question in questions[:WARM_UP]:
            call(http, question)
        cpu, began = process_seconds(server.process), time.perf_counter()
        with ThreadPoolExecutor(callers) as pool:
            times = list(pool.map(timed, questions))
        took = time.perf_counter() - began
        cost = process_seconds(server.process) - cpu
    walls, costs = [wall for wall, _ in times], [cost for _, cost in times]
    # What several callers cost at once cannot be told apart: of them only the mean is known.
    alone = {"cpu_ms_p50": percentile(costs, 0.50), "cpu_ms_p99": percentile(costs, 0.99)}
    return {
        "wall_ms_p50": percentile(walls, 0.50),
        "wall_ms_p99": percentile(walls, 0.99),
        **(alone if callers == 1 else {"cpu_ms_mean": 1000 * cost / len(questions)}),
        "per_second": len(questions) / took,
    }
