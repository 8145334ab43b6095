"""How many of the right records the retriever finds, on any folder of judged questions.

The folder holds `corpus.jsonl` ({"_id", "title", "text"}, for a table also "table": rows of cells),
`queries.jsonl` ({"_id", "text"}) and `qrels.tsv` (query-id, corpus-id, score; a header line). Every
record becomes a document of one block and goes the way of every document: chunks, vectors, graph
rows, an index in a temporary state directory; the retriever that serves users ranks its passages.
A record ranks where its best passage does.
"""

import argparse
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress

from api.assemble import Sightline, open_sightline
from bench.report import Report, mean
from core.ids import content_hash, document_id
from core.measure import percentile
from core.settings import Settings
from core.types import DEFAULT_TENANT, PUBLIC, Access, Block, Content, Document, Page
from ingest.readers.tabletext import table_block

RANKS = (1, 2, 5, 10)
PASSAGES = 30  # asked for, so that ten records come of them where records have several passages

Judgements = Mapping[str, Mapping[str, float]]  # question id -> record id -> how relevant, above 0


@dataclass(frozen=True, slots=True)
class JudgedSet:
    records: Sequence[Mapping[str, Any]]
    questions: Sequence[Mapping[str, Any]]
    judgements: Judgements


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-graph", action="store_true", help="without the knowledge graph")
    parser.add_argument("--no-titles", action="store_true", help="records lose their titles")
    parser.add_argument(
        "--keep", type=Path, metavar="STATE", help="keep the index there, and use it if it is there already"
    )


def run(options: argparse.Namespace) -> Report:
    judged = read_set(options.data)
    questions = judged.questions[: options.limit]
    with state_of(options.keep) as state, open_sightline(Settings(state=state)) as sightline:
        names = index(sightline, judged.records, titles=not options.no_titles)
        rankings, milliseconds = _search(sightline, questions, names, graph=not options.no_graph)
        metrics = {
            **figures(rankings, judged.judgements),
            "cpu_ms_p50": percentile(milliseconds, 0.50),
            "cpu_ms_p99": percentile(milliseconds, 0.99),
        }
        return Report(
            bench="retrieval",
            data=options.data.resolve().name,
            metrics=metrics,
            settings={
                "records": len(judged.records),
                "questions": len(questions),
                "embedder": sightline.embedder.name,
                "graph": not options.no_graph,
                "titles": not options.no_titles,
            },
        )


@contextmanager
def state_of(kept: Path | None) -> Iterator[Path]:
    """Where the index lies: in a folder that is removed afterwards, unless one is named."""
    if kept:
        yield kept
        return
    with TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder) / "state"


# ---------------------------------------------------------------- the data


def read_set(folder: Path) -> JudgedSet:
    """Questions without a judgement are left out. Raises ValueError when nothing is left."""
    questions, judgements = read_questions(folder)
    return JudgedSet(list(objects_of(folder / "corpus.jsonl")), questions, judgements)


def read_questions(folder: Path) -> tuple[list[dict[str, Any]], Judgements]:
    """As `read_set`, without the records."""
    judgements: dict[str, dict[str, float]] = defaultdict(dict)
    with (folder / "qrels.tsv").open(encoding="utf-8") as lines:
        next(lines, None)
        for line in lines:
            question, record, relevance = line.rstrip("\n").split("\t")
            if float(relevance) > 0:
                judgements[question][record] = float(relevance)
    questions = [item for item in objects_of(folder / "queries.jsonl") if item["_id"] in judgements]
    if not questions:
        raise ValueError(f"no question of {folder / 'queries.jsonl'} is judged in qrels.tsv")
    return questions, judgements


def objects_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def document_of(record: Mapping[str, Any], *, titles: bool = True) -> Document:
    """A record as a document of one page with one block."""
    rows = record.get("table")
    block = table_block(rows, anchor="") if rows else Block("text", record["text"])
    identity = content_hash(json.dumps([record["_id"], record["text"]]).encode())
    return Document(
        id=document_id(DEFAULT_TENANT, identity),
        tenant=DEFAULT_TENANT,
        source=record["_id"],
        version=1,
        title=record.get("title", "") if titles else "",
        access=PUBLIC,
        content=Content("application/json", (Page(1, (block,)),)),
    )


# ---------------------------------------------------------------- the run


def index(sightline: Sightline, records: Sequence[Mapping[str, Any]], *, titles: bool) -> dict[str, str]:
    """Record id by document id."""
    documents = {record["_id"]: document_of(record, titles=titles) for record in records}
    with _progress() as progress:
        task = progress.add_task("indexing", total=len(documents))
        sightline.pipeline.index_documents(
            documents.values(), lambda done: progress.update(task, completed=done)
        )
    return {document.id: name for name, document in documents.items()}


def _search(
    sightline: Sightline, questions: Sequence[Mapping[str, Any]], names: Mapping[str, str], *, graph: bool
) -> tuple[dict[str, list[str]], list[float]]:
    """The records of each question, best first, and the CPU milliseconds that each search took."""
    access = Access()
    retriever = sightline.retriever
    retriever.search(questions[0]["text"], access=access, graph=graph)  # what is loaded once is no search
    rankings: dict[str, list[str]] = {}
    milliseconds: list[float] = []
    with _progress() as progress:
        for question in progress.track(questions, description="searching"):
            began = time.process_time()
            hits = retriever.search(question["text"], access=access, limit=PASSAGES, graph=graph)
            milliseconds.append(1000 * (time.process_time() - began))
            found = dict.fromkeys(names[hit.chunk.doc_id] for hit in hits)
            rankings[question["_id"]] = list(found)[: max(RANKS)]
    return rankings, milliseconds


def _progress() -> Progress:
    return Progress(console=Console(file=sys.stderr), transient=True)


# ---------------------------------------------------------------- the figures


def figures(rankings: Mapping[str, Sequence[str]], judgements: Judgements) -> dict[str, float]:
    """Means over the questions, each from 0 to 1."""
    judged = [(ranking, judgements[question]) for question, ranking in rankings.items()]
    return {
        **{f"recall@{rank}": mean([recall(found, right, rank) for found, right in judged]) for rank in RANKS},
        "ndcg@10": mean([ndcg(found, right, 10) for found, right in judged]),
        "mrr@10": mean([reciprocal_rank(found, right, 10) for found, right in judged]),
    }


def recall(found: Sequence[str], right: Mapping[str, float], rank: int) -> float:
    """The share of the right records among the first `rank`."""
    return len(right.keys() & set(found[:rank])) / len(right)


def ndcg(found: Sequence[str], right: Mapping[str, float], rank: int) -> float:
    """With linear gains, as trec_eval and BEIR count."""
    gained = sum(right.get(record, 0.0) / math.log2(place + 2) for place, record in enumerate(found[:rank]))
    best = sorted(right.values(), reverse=True)[:rank]
    return gained / sum(gain / math.log2(place + 2) for place, gain in enumerate(best))


def reciprocal_rank(found: Sequence[str], right: Mapping[str, float], rank: int) -> float:
    return next((1 / place for place, record in enumerate(found[:rank], start=1) if record in right), 0.0)
