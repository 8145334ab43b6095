"""Growth: what a search costs, and what an index takes, from ten thousand passages to hundreds of thousands.

The passages are grown from those of the folder (`corpus.jsonl`; `bench/grown.py` says what of them is real
and what is made) and go through the write path that serves users into one state, which is measured at each
size: searches end to end, with the shares of their legs, memory, bytes on disk, and the rate at which the
last passages came in (without an encoder's forward pass, which `bench ingest` measures). Questions are those
of `queries.jsonl`, asked with the names of a world of the corpus; where there are none, the titles are asked for.
A full run takes half an hour of one core; `--sizes 10000,25000` a few minutes.

CPU time is this process's. `graph` is the whole of the graph's part, the dense scores of its second hop
among it; `embed`, `dense` and `sparse` are those of the first search and of the search inside named documents.
"""

import argparse
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table
from sqlalchemy import Engine

from api.assemble import Sightline, open_sightline
from bench.grown import Grown, GrownEmbedder
from bench.meter import bytes_on_disk
from bench.report import Report
from bench.retrieval import document_of, objects_of, state_of
from core.database import migrate, open_engine
from core.measure import percentile
from core.settings import Settings
from core.types import DEFAULT_TENANT, Access, Chunk, Document
from ingest.chunk import Chunker
from ingest.pipeline import RECORDS_AT_ONCE
from kg.store import GraphStore
from rag.bridged import GraphSearch
from rag.index.embed import open_embedder
from rag.inside import InsideSearch
from rag.retrieve import Retriever

SIZES = (10_000, 25_000, 125_000, 300_000)
MOST_READ = 2_000  # passages of the folder that are grown from; the encoder reads each of them
QUESTIONS = 150
WARM_UP = 5
BEYOND = 10_000_000  # the number of a passage that no size reaches
CHANGED = 6  # documents that come, change and go at each size
BUILT = 6_000  # passages at most, of which a graph is built alone, in steps of those of the write path
STEP = 1_000
FEWEST = 0.95  # documents for each missing passage that are added at a time: some have two passages
LEGS = ("embed", "dense", "sparse", "graph", "inside", "check", "hydrate")
SPACES = {"text": "dense", "words": "sparse"}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=_sizes, default=SIZES, metavar="N,N", help="passages, ascending")
    parser.add_argument(
        "--keep", type=Path, metavar="STATE", help="keep the index there, and use it if it is there already"
    )


def run(options: argparse.Namespace) -> Report:
    settings = Settings(state=Path())
    encoder = open_embedder(settings.embedder, languages=frozenset({"en"}))
    chunker = Chunker(count_tokens=encoder.count_tokens, max_tokens=encoder.max_tokens)
    records = list(islice(objects_of(options.data / "corpus.jsonl"), MOST_READ))
    grown = Grown(records, encoder.chunks([_passage(chunker, document_of(one)) for one in records]))
    embedder = GrownEmbedder(encoder, grown)
    questions = _questions(options.data, records)[: options.limit or QUESTIONS]
    metrics: dict[str, float] = {}
    with (
        state_of(options.keep) as state,
        open_sightline(Settings(state=state), embedder=embedder) as sightline,
    ):
        for size in options.sizes:
            found = build(sightline, grown, size)
            found |= searches(sightline, _asked(questions, grown, _documents(sightline)))
            found |= changes(sightline, chunker, grown)
            found |= held(sightline, state)
            metrics |= {f"{name}@{size}": value for name, value in found.items()}
            if size == options.sizes[0]:
                # Before the process holds gigabytes: what is built here is small and stands alone.
                metrics["graph_passages_per_core_second"] = graph_rate(grown, chunker, min(BUILT, size))
    metrics["one_document_visible_ms"] = metrics[f"one_document_visible_ms@{options.sizes[-1]}"]
    Console().print(growth(metrics, options.sizes))
    return Report(
        bench="scale",
        data=options.data.resolve().name,
        metrics=metrics,
        settings={
            "sizes": ",".join(map(str, options.sizes)),
            "passages_read": len(records),
            "questions": len(questions),
            "embedder": embedder.name,
        },
    )


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in text.split(","))
    if sizes[0] < 1 or any(after <= before for before, after in pairwise(sizes)):
        raise argparse.ArgumentTypeError(f"{text!r} is no ascending list of sizes, such as 10000,25000")
    return sizes


# ---------------------------------------------------------------- passages and questions


def _passage(chunker: Chunker, document: Document) -> Chunk:
    """The first of the document."""
    return chunker.split(document)[0].chunk


def _questions(folder: Path, records: Sequence[Mapping[str, Any]]) -> list[str]:
    file = folder / "queries.jsonl"
    if file.exists():
        return [question["text"] for question in objects_of(file)]
    return [f"What is said about {record['title']}?" for record in records if record.get("title")]


def _asked(questions: Sequence[str], grown: Grown, documents: int) -> list[str]:
    """Each question in one of the worlds that the corpus has, so that it asks for names that are there."""
    worlds = grown.worlds(documents)
    return [grown.renamed(question, number % worlds) for number, question in enumerate(questions)]


# ---------------------------------------------------------------- the index


def build(sightline: Sightline, grown: Grown, size: int) -> dict[str, float]:
    """Adds documents until the index holds this many passages; the last may bring more than one."""
    before = held = sightline.store.count(DEFAULT_TENANT)
    began = time.process_time()
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(f"growing to {size:,} passages", total=size, completed=held)
        while held < size:
            first = _documents(sightline)
            more = max(1, int(FEWEST * (size - held)))
            sightline.pipeline.index_documents(
                grown.documents(first, first + more),
                partial(_advance, progress, task, held),
            )
            held = sightline.store.count(DEFAULT_TENANT)
    took = time.process_time() - began
    began = time.process_time()
    sightline.graph.graph(DEFAULT_TENANT)
    return {
        "passages": held,
        **({"passages_per_core_second": (held - before) / took} if held > before else {}),
        "graph_read_seconds": time.process_time() - began,
    }


def _advance(progress: Progress, task: TaskID, held: int, done: int) -> None:
    progress.update(task, completed=held + done)


def _documents(sightline: Sightline) -> int:
    """How many there are; their numbers go from 0."""
    return sightline.catalog.counts()["ready"]


def held(sightline: Sightline, state: Path) -> dict[str, float]:
    """What the process and its graph hold, and the state on the disk."""
    return {
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "graph_mb": sightline.graph.graph(DEFAULT_TENANT).memory() / 1e6,
        "disk_mb": bytes_on_disk(state) / 1e6,
    }


def graph_rate(grown: Grown, chunker: Chunker, passages: int) -> float:
    """Passages per second of one core: from chunks to rows, and from rows to the arrays that are walked."""
    chunks = [_passage(chunker, document) for document in grown.documents(0, passages)]
    with _empty_graph() as (engine, graph):
        began = time.process_time()
        for start in range(0, len(chunks), RECORDS_AT_ONCE):
            rows = [(one.doc_id, one.version, [one]) for one in chunks[start : start + RECORDS_AT_ONCE]]
            with engine.begin() as connection:
                graph.write_many(connection, DEFAULT_TENANT, rows)
        graph.graph(DEFAULT_TENANT)
        return passages / (time.process_time() - began)


@contextmanager
def _empty_graph() -> Iterator[tuple[Engine, GraphStore]]:
    with TemporaryDirectory(prefix="bench-") as folder:
        engine = open_engine(f"sqlite:///{folder}/graph.db")
        migrate(engine)
        yield engine, GraphStore(engine)
        engine.dispose()


# ---------------------------------------------------------------- searches


class Watched:
    """A part whose calls are timed: CPU milliseconds of the last search, by leg.

    What one leg asks of another counts for both: `graph` has the dense scores of its second hop within.
    """

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = defaultdict(float)

    def part(self, whole: Any, **legs: str) -> Any:
        """`whole` with those of its methods timed that are given, each under a leg's name."""
        return _Part(whole, {method: self.timed(leg, getattr(whole, method)) for method, leg in legs.items()})

    def timed(self, leg: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            found = call(*arguments, **named)
            name = leg or SPACES.get(arguments[0], arguments[0])
            self.milliseconds[name] += 1000 * (time.process_time() - began)
            return found

        return timed


class _Part:
    def __init__(self, whole: Any, timed: Mapping[str, Callable[..., Any]]) -> None:
        self._whole = whole
        self._timed = timed

    def __getattr__(self, name: str) -> Any:
        return self._timed.get(name) or getattr(self._whole, name)


def searches(sightline: Sightline, questions: Sequence[str]) -> dict[str, float]:
    watched = Watched()
    store = watched.part(sightline.store, search="", cosines="", get="hydrate")
    embedder = watched.part(sightline.embedder, query="embed")
    retriever = Retriever(
        embedder,
        sightline.sparse,
        store,
        watched.part(sightline.catalog, live="check"),
        watched.part(GraphSearch(sightline.graph, store), join="graph"),
        inside=watched.part(InsideSearch(sightline.router, embedder, sightline.sparse, store), join="inside"),
    )
    search = watched.timed("search", retriever.search)
    for question in questions[:WARM_UP]:
        search(question, access=Access())
    spent: list[dict[str, float]] = []
    for question in questions:
        watched.milliseconds.clear()
        search(question, access=Access())
        spent.append(dict(watched.milliseconds))
    return {
        f"{leg}_cpu_ms_p{share}": percentile([one.get(leg, 0.0) for one in spent], share / 100)
        for leg in ("search", *LEGS)
        for share in (50, 99)
    }


# ---------------------------------------------------------------- change


def changes(sightline: Sightline, chunker: Chunker, grown: Grown) -> dict[str, float]:
    """Wall milliseconds until a document that comes, changes and goes is seen so; the slowest of the three,
    each the median of some. `one_document_visible_ms`: from the graph's rows, in a transaction that is synced
    to the disk, to the arrays that a search walks. `one_document_searched_ms`: from a document without vectors
    to a search that finds it (or no more), its own time among it.
    """
    documents = list(grown.documents(BEYOND, BEYOND + CHANGED))
    rows, whole = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for document in documents:
        for kind, version in (("come", 1), ("change", 2), ("go", 0)):
            rows[kind].append(_rows_change(sightline, chunker, document, version))
    for document in documents:
        for kind in ("come", "go"):
            whole[kind].append(_document_changes(sightline, document, comes=kind == "come"))
    return {
        "one_document_visible_ms": max(median(times) for times in rows.values()),
        "one_document_searched_ms": max(median(times) for times in whole.values()),
    }


def _rows_change(sightline: Sightline, chunker: Chunker, document: Document, version: int) -> float:
    """`version` 0: the document goes."""
    chunks = [piece.chunk for piece in chunker.split(replace(document, version=version))]
    began = time.perf_counter()
    with sightline.engine.begin() as connection:
        if version:
            sightline.graph.write(connection, document.tenant, document.id, version, chunks)
        else:
            sightline.graph.delete(connection, document.tenant, document.id)
    seen = sightline.graph.graph(document.tenant).documents.get(document.id)
    took = 1000 * (time.perf_counter() - began)
    if (seen.version if seen else 0) != version:
        raise ValueError(f"version {version} of {document.source} is not the one that is seen: {seen}")
    return took


def _document_changes(sightline: Sightline, document: Document, *, comes: bool) -> float:
    began = time.perf_counter()
    if comes:
        sightline.pipeline.index_documents([document])
    else:
        sightline.pipeline.delete(document.tenant, document.id)
    hits = sightline.retriever.search(f"What is said about {document.title}?", access=Access())
    took = 1000 * (time.perf_counter() - began)
    if any(hit.chunk.doc_id == document.id for hit in hits) != comes:
        raise ValueError(
            f"{document.source} is {'not ' * comes}found though it has {'come' if comes else 'gone'}"
        )
    return took


# ---------------------------------------------------------------- the table


def growth(metrics: Mapping[str, float], sizes: Sequence[int]) -> Table:
    """A line for each figure, a column for each size."""
    table = Table(title="growth", title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    for name in dict.fromkeys(key.partition("@")[0] for key in metrics if "@" in key):
        table.add_row(name, *(_shown(metrics.get(f"{name}@{size}")) for size in sizes))
    return table


def _shown(value: float | None) -> str:
    """Nothing where nothing was measured: what was kept did not grow."""
    return "" if value is None else f"{value:,.1f}"
