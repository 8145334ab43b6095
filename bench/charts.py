"""Charts as vectors and as pictures: are their values read, and is none given wrongly with confidence?

The folder has `gt.json` (name -> {"kind", "cats", "v"}: the values by category, a list for each series
where there are several) and for each name a PDF, a PNG or both. Each file goes through the reader that
serves users. Right means: every value of every series in its order, under its category.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.report import Report
from core.types import Block, Reading
from ingest.charts.chart import SURE
from ingest.limits import Limits
from ingest.readers import REGISTRY, detect

EXACT = 0.005  # of the value: what a vector chart must come to
CLOSE = 0.05  # of the value: what a picture must come to


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wrong`: values given with confidence and more than 5 % off, or under no such category."""

    found: bool
    exact: bool
    close: bool
    wrong: int
    sure: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none of its own."""


def run(options: argparse.Namespace) -> Report:
    truth = json.loads((options.data / "gt.json").read_text("utf-8"))
    names = sorted(truth)[: options.limit]
    began = time.process_time()
    vectors = _judged(options.data, names, truth, ".pdf")
    rasters = _judged(options.data, names, truth, ".png")
    seconds = time.process_time() - began
    everything = [*vectors, *rasters]
    return Report(
        bench="charts",
        data=options.data.resolve().name,
        metrics={
            "vector_charts": len(vectors),
            "vector_found": sum(one.found for one in vectors),
            "vector_exact": sum(one.exact for one in vectors),
            "raster_charts": len(rasters),
            "raster_found": sum(one.found for one in rasters),
            "raster_within_5_percent": sum(one.close for one in rasters),
            "confident_wrong": sum(one.wrong for one in everything),
            "confident_values": sum(one.sure for one in everything),
            "cpu_seconds_per_chart": seconds / max(1, len(everything)),
        },
        settings={"exact": EXACT, "confident": SURE},
    )


def _judged(folder: Path, names: Sequence[str], truth: Mapping[str, Any], suffix: str) -> list[Outcome]:
    return [
        judge(blocks_of(path), truth[name])
        for name in names
        if (path := (folder / name).with_suffix(suffix)).is_file()
    ]


def blocks_of(path: Path) -> list[Block]:
    """What the reader makes of the file."""
    reader = REGISTRY[detect(path, path.name)].reader(Limits())
    content = reader(path, lambda data: sha256(data).hexdigest())
    return [block for page in content.pages for block in page.blocks]


def judge(blocks: Sequence[Block], truth: Mapping[str, Any]) -> Outcome:
    wanted = truth["v"] if isinstance(truth["v"][0], list) else [truth["v"]]
    charts = [block for block in blocks if block.readings]
    if not charts:
        return Outcome(found=False, exact=False, close=False, wrong=0, sure=0)
    chart = charts[0]
    names = [_plain(row[0]) for row in chart.rows[1:]]
    categories = [_plain(name) for name in truth["cats"]]
    sure = [reading for reading in chart.readings if reading.confidence >= SURE]
    fitting = names == categories and len(chart.rows[0]) - 1 == len(wanted)
    shares = [
        _off(cell, value)
        for column, series in enumerate(wanted, 1)
        for row, value in zip(chart.rows[1:], series, strict=False)
        for cell in [row[column] if column < len(row) else ""]
    ]
    complete = fitting and len(shares) == len(wanted) * len(categories)
    return Outcome(
        found=True,
        exact=complete and all(share <= EXACT for share in shares),
        close=complete and all(share <= CLOSE for share in shares),
        wrong=sum(not _is_true(reading, categories, wanted) for reading in sure),
        sure=len(sure),
    )


def _off(cell: str, value: float) -> float:
    """How far a cell is from the value, as a share of it; 1 where there is no number."""
    try:
        given = float(cell)
    except ValueError:
        return 1.0
    return abs(given - value) / max(abs(value), 1e-9)


def _is_true(reading: Reading, categories: Sequence[str], wanted: Sequence[Sequence[float]]) -> bool:
    name = _plain(reading.subject or reading.period)
    return any(
        _off(reading.value, series[at]) <= CLOSE
        for series in wanted
        for at, category in enumerate(categories)
        if category == name
    )


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
