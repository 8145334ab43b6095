"""The one command of all benches: reads the options, runs the bench, prints its report."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from rich.console import Console

from bench.report import Report, show
from core.errors import SightlineError

# Imported when asked for: one bench's libraries are no other's concern.
BENCHES = {
    "retrieval": "records found for questions, by relevance judgements",
    "scale": "what a search costs and an index takes as it grows from 10,000 to 300,000 passages",
    "ingest": "pages of files per second of one core, and what they cost",
    "latency": "wall and CPU time of ask and search, for one caller and for many",
    "abstain": "refusals to questions that the documents answer, and to others that they do not",
    "verify": "wrong statements about filings that pass the check, and right ones that do not",
    "pubmedqa": "yes, no or maybe to medical questions with their abstract given",
    "tatqa": "numeric questions over a table and its paragraphs, as TAT-QA scores them",
    "convfinqa": "conversations about one page of a report, computed turn by turn",
    "hostile": "broken, locked and oversized files: do all end clear, and the server alive?",
    "ocr": "words, numbers and reading order of pictures and scans with a known text",
    "financebench": "pages found and figures computed for questions about filings",
    "charts": "values read from charts, drawn and pictured",
    "tables": "cells and rows of printed tables, as the PDF reader hands them on",
    "crash": "what is lost, doubled or half visible when processes die, at each point and at random",
    "erasure": "what is left of deleted documents, under random use and races",
    "vl": "batching, caches and expert telemetry of the local sparse model, as ratios",
    "moe": "the sparse layer and packed experts, as ratios of CPU time",
    "miniature": "right answers of the miniature on charts that it has never seen",
    "policy": "cost and quality of answers by how often the model is asked",
}
# These make what they measure on.
OWN_DATA = frozenset({"crash", "erasure", "vl", "moe", "miniature", "policy"})


class Bench(Protocol):
    def add_options(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> Report:
        """Raises SightlineError, ValueError or OSError for data that it cannot use."""
        ...


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    benches = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    given = sys.argv[1:] if arguments is None else list(arguments)
    for name, purpose in BENCHES.items():
        options = benches.add_parser(name, help=purpose, description=purpose)
        options.add_argument(
            "--data", type=Path, required=name not in OWN_DATA, metavar="DIR", help="folder to measure on"
        )
        options.add_argument("--limit", type=int, metavar="N", help="only the first N questions or files")
        options.add_argument("--json", action="store_true", help="one JSON object on the last line")
        if name in given[:1]:
            _bench(name).add_options(options)
    return _run(parser.parse_args(given))


def _run(options: argparse.Namespace) -> int:
    try:
        if options.data and not options.data.is_dir():
            raise ValueError(f"{options.data} is no folder")  # noqa: TRY301 reported as all others
        report = _bench(options.bench).run(options)
    except (SightlineError, ValueError, OSError) as error:
        print(f"bench {options.bench}: {error}", file=sys.stderr)
        return 1
    show(report, Console())
    if options.json:
        print(report.to_json())
    return 0


def _bench(name: str) -> Bench:
    return cast("Bench", import_module(f"bench.{name}"))


if __name__ == "__main__":
    sys.exit(main())
