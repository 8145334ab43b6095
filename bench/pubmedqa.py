"""Yes-no questions of medicine with their abstract given: yes, no or maybe, as PubMedQA asks them.

The folder is a judged set whose questions carry `answer` ("yes", "no", "maybe") and whose record has the question's
id. The abstract goes through the chunker of every upload; the solver that serves users answers. A question that it
leaves to others counts as wrong unless the answer is "maybe". The weights were fitted on labelled questions
(`bench/fit_stance.py`): `accuracy_fitted` is of those among the set's, `accuracy_unseen` of the others, and only the
latter says what other questions would give; `accuracy_out_of_fold` is what the fit found on the former, each judged by
weights that had not seen it. Users are shown the verdicts that are sure enough and whose document speaks of the question
enough: `shown` is their share, `accuracy_shown` how many of them are right.
"""

import argparse
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from hashlib import md5
from typing import Any

from bench.report import Report, mean
from bench.retrieval import document_of, read_set
from bench.verify import tokens_about
from core.measure import percentile
from core.types import Access, Evidence
from ingest.chunk import Chunker
from rag.plan import plan
from rag.row import Task
from rag.stance import Verdict, fitted_on, out_of_fold
from rag.yes_no import Ruling, is_shown, rule

MEANS: Mapping[Verdict, str] = {"yes": "yes", "no": "no", "unclear": "maybe"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none of its own."""


def run(options: argparse.Namespace) -> Report:
    judged = read_set(options.data)
    records = {str(record["_id"]): record for record in judged.records}
    questions = [item for item in judged.questions if str(item["_id"]) in records][: options.limit]
    if not questions:
        raise ValueError(f"no question of {options.data} has a record of its own id")
    right: dict[str, list[float]] = {"fitted": [], "unseen": [], "given": [], "shown": []}
    milliseconds, ruled = [], 0
    for question in questions:
        began = time.process_time()
        found = answered(question, records[str(question["_id"])])
        milliseconds.append(1000 * (time.process_time() - began))
        ruled += found is not None
        is_right = float(MEANS[found.verdict if found else "unclear"] == question["answer"])
        right["fitted" if mark(str(question["_id"])) in fitted_on() else "unseen"].append(is_right)
        if found:
            right["given"].append(is_right)
        if found and is_shown(found):
            right["shown"].append(is_right)
    every = right["fitted"] + right["unseen"]
    majority = Counter(question["answer"] for question in questions).most_common(1)[0][1]
    return Report(
        "pubmedqa",
        options.data.resolve().name,
        {
            "accuracy": mean(every),
            **{f"accuracy_{name}": mean(values) for name, values in right.items() if values},
            **({"accuracy_out_of_fold": out_of_fold()} if right["fitted"] else {}),
            "majority": majority / len(questions),
            "ruled": ruled / len(questions),
            "shown": len(right["shown"]) / len(questions),
            "cpu_ms_p50": percentile(milliseconds, 0.5),
        },
        {"questions": len(questions), "model": "rag/stance.json, log-linear", "fitted": len(right["fitted"])},
    )


def answered(question: Mapping[str, Any], record: Mapping[str, Any]) -> Ruling | None:
    """The solver's verdict over the record's passages, or None."""
    return rule(task_of(question, record))


def task_of(question: Mapping[str, Any], record: Mapping[str, Any]) -> Task:
    """The question with all passages of its abstract."""
    chunker = Chunker(count_tokens=tokens_about, max_tokens=256)
    chunks = [measured.chunk for measured in chunker.split(document_of(record))]
    evidence = tuple(
        Evidence(f"S{number}", replace(chunk, ordinal=number), 1.0, frozenset())
        for number, chunk in enumerate(chunks, 1)
    )
    return Task(plan(question["text"]), evidence, Access())


def mark(identity: str) -> str:
    """Eight letters by which a question that was seen in fitting is known."""
    return md5(identity.encode()).hexdigest()[:8]
