"""Questions about filings: is the page found that answers, and is the figure that is computed right.

The folder holds `pdfs/`, `queries.jsonl` ({"_id", "text", "answer", "question_type"}) and `qrels.tsv` (query-id,
DOCUMENT#pN, score; N counts pages from 0; a header line). All PDFs go the way of every file. The pages of
a question are those of the passages that the retriever ranks, each where its best passage does.
"""

import argparse
import re
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePath
from typing import Any

from rich.console import Console
from rich.progress import Progress

from api.assemble import Sightline, open_sightline
from bench.ingest import take_in
from bench.meter import SearchClock
from bench.report import Report, mean
from bench.retrieval import read_questions, recall, state_of
from core.measure import percentile
from core.settings import Settings
from core.types import Access, Answer, Hit

RANKS = (1, 5, 10)
PASSAGES = 60  # asked for, so that ten pages come of them
KINDS = {"metrics-generated": "metrics", "domain-relevant": "domain", "novel-generated": "novel"}

Judgements = Mapping[str, Mapping[str, float]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", choices=tuple(TASKS), default="pages", help="what is measured")
    parser.add_argument(
        "--keep", type=Path, metavar="STATE", help="state directory that is used again, and kept"
    )


def run(options: argparse.Namespace) -> Report:
    questions, judgements = read_questions(options.data)
    questions = questions[: options.limit]
    paths = sorted((options.data / "pdfs").glob("*.pdf"))
    if not paths:
        raise ValueError(f"no PDF in {options.data / 'pdfs'}")
    with state_of(options.keep) as state, open_sightline(Settings(state=state)) as sightline:
        names = _indexed(sightline, paths)
        metrics = TASKS[options.task](sightline, questions, judgements, names)
        return Report(
            bench=f"financebench {options.task}",
            data=options.data.resolve().name,
            metrics=metrics,
            settings={
                "documents": len(paths),
                "questions": len(questions),
                "embedder": sightline.embedder.name,
                "kept": options.keep is not None,
            },
        )


def _indexed(sightline: Sightline, paths: Sequence[Path]) -> dict[str, str]:
    """Name of each document by its id; what the state holds already is not read again."""
    files = take_in(sightline, paths)
    failed = [f"{file.source}: {file.status_details}" for file in files if file.stage != "ready"]
    if failed:
        raise ValueError(f"{len(failed)} of {len(files)} files could not be read; {failed[0]}")
    return {file.id: PurePath(path).stem for file, path in zip(files, paths, strict=True)}


# ---------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True)
class Ranked:
    kind: str
    pages: Sequence[str]
    right: Mapping[str, float]

    @property
    def documents(self) -> list[str]:
        return list(dict.fromkeys(page.rpartition("#")[0] for page in self.pages))

    def right_among(self, count: int) -> float:
        """1 when a document of the right pages is among the first `count`."""
        wanted = {page.rpartition("#")[0] for page in self.right}
        return float(not wanted.isdisjoint(self.documents[:count]))


def pages(
    sightline: Sightline,
    questions: Sequence[Mapping[str, Any]],
    judgements: Judgements,
    names: Mapping[str, str],
) -> dict[str, float]:
    retriever, access = sightline.retriever, Access()
    retriever.search(questions[0]["text"], access=access)  # what is loaded once is no search
    ranked: list[Ranked] = []
    milliseconds: list[float] = []
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        for question in progress.track(questions, description="searching"):
            began = time.process_time()
            hits = retriever.search(question["text"], access=access, limit=PASSAGES)
            milliseconds.append(1000 * (time.process_time() - began))
            ranked.append(Ranked(_kind(question), _pages_of(hits, names), judgements[question["_id"]]))
    return {
        **figures(ranked),
        "cpu_ms_p50": percentile(milliseconds, 0.5),
        "cpu_ms_p99": percentile(milliseconds, 0.99),
    }


def _kind(question: Mapping[str, Any]) -> str:
    kind = str(question.get("question_type", ""))
    return KINDS.get(kind, kind)


def _pages_of(hits: Sequence[Hit], names: Mapping[str, str]) -> list[str]:
    """The pages on which the passages begin, best first, as the judgements write them."""
    found = (
        f"{names[hit.chunk.doc_id]}#p{hit.chunk.places[0].page - 1}"
        for hit in hits
        if hit.chunk.places and hit.chunk.places[0].page
    )
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------- answers


def answers(
    sightline: Sightline,
    questions: Sequence[Mapping[str, Any]],
    _judgements: Judgements,
    _names: Mapping[str, str],
) -> dict[str, float]:
    """The metrics questions, asked as a user asks them: the value right, wrong, or none given."""
    asked = [question for question in questions if _kind(question) == "metrics"]
    if not asked:
        raise ValueError("no metrics question among those asked")
    assistant, access = sightline.assistant, Access()
    sightline.retriever.search(asked[0]["text"], access=access)  # what is loaded once is no answer
    clock = SearchClock(sightline.retriever)
    outcomes: list[str] = []
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        for question in progress.track(asked, description="asking"):
            with clock.call():
                answer = assistant.answer(question["text"], access=access)
            outcomes.append(judged(answer, str(question["answer"])))
            if outcomes[-1] != "right":
                print(f"{outcomes[-1]} ({question['answer']}): {answer.text}", file=sys.stderr)
    found = {
        f"metrics_{name}": mean([float(outcome == kind) for outcome in outcomes])
        for name, kind in (("accuracy", "right"), ("wrong", "wrong"), ("abstained", "abstained"))
    }
    return {**found, **clock.figures}


_NUMBER = re.compile(r"(?<![\w.,])-?\d[\d,]*(?:\.\d+)?")
_NO_VALUE = re.compile(r"\[S\d+\]|\bFY\d{4}(?:-FY\d{4})?")


def judged(answer: Answer, gold: str) -> str:
    """Right where a value that is given, before any "=", is the gold one in its printed precision."""
    if answer.status not in ("answered", "partial"):
        return "abstained"
    right, step = printed(gold)
    said = _NO_VALUE.sub(" ", answer.text).split("=")[0]
    values = [Decimal(number.replace(",", "")) for number in _NUMBER.findall(said)]
    return "right" if any(abs(value - right) <= step / 2 for value in values) else "wrong"


def printed(gold: str) -> tuple[Decimal, Decimal]:
    """The value and the worth of its last printed place; zeros at the end of an amount print nothing.

    Raises ValueError for what is no number.
    """
    text = re.sub(r"[$,%\s]", "", gold)
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"the answer {gold!r} is no number") from error
    exponent = (value.normalize() if "$" in gold else value).as_tuple().exponent
    return value, Decimal(1).scaleb(min(0, int(exponent)))


def figures(ranked: Sequence[Ranked]) -> dict[str, float]:
    found = {f"recall@{rank}": mean([recall(one.pages, one.right, rank) for one in ranked]) for rank in RANKS}
    by_kind: dict[str, list[Ranked]] = defaultdict(list)
    for one in ranked:
        by_kind[one.kind].append(one)
    for kind in KINDS.values():
        if by_kind[kind]:
            found[f"{kind}_recall@5"] = mean([recall(one.pages, one.right, 5) for one in by_kind[kind]])
    found["document_first"] = mean([one.right_among(1) for one in ranked])
    found["document_in_3"] = mean([one.right_among(3) for one in ranked])
    return found


TASKS = {"pages": pages, "answers": answers}
