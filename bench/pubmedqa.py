"""Yes-no questions of medicine with their abstract given: yes, no or maybe, as PubMedQA asks them.

The folder is a judged set whose questions carry `answer` ("yes", "no", "maybe") and whose record has the question's
id. The abstract goes through the chunker of every upload; the solver that serves users answers. A question that it
leaves to others counts as wrong unless the answer is "maybe". The rule's weights were fitted on the questions whose
id hashes to an even number: `accuracy_fitted` is theirs, `accuracy_unseen` that of the others. Users are shown the
verdicts that are sure enough: `shown` is their share, `accuracy_shown` how many of them are right.
"""

import argparse
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from hashlib import md5
from typing import Any

from bench.report import Report, mean, percentile
from bench.retrieval import document_of, read_set
from bench.verify import tokens_about
from core.types import Access, Evidence
from ingest.chunk import Chunker
from rag.plan import plan
from rag.row import Task
from rag.yes_no import SURE, Ruling, rule

_MEANS = {"yes": "yes", "no": "no", "unclear": "maybe"}


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
        is_right = float(_MEANS[found.verdict if found else "unclear"] == question["answer"])
        half = "unseen" if int(md5(str(question["_id"]).encode()).hexdigest(), 16) % 2 else "fitted"
        right[half].append(is_right)
        if found:
            right["given"].append(is_right)
        if found and found.sure >= SURE:
            right["shown"].append(is_right)
    every = right["fitted"] + right["unseen"]
    majority = Counter(question["answer"] for question in questions).most_common(1)[0][1]
    return Report(
        "pubmedqa",
        options.data.resolve().name,
        {
            "accuracy": mean(every),
            **{f"accuracy_{name}": mean(values) for name, values in right.items() if values},
            "majority": majority / len(questions),
            "ruled": ruled / len(questions),
            "shown": len(right["shown"]) / len(questions),
            "cpu_ms_p50": percentile(milliseconds, 0.5),
        },
        {"questions": len(questions), "model": "none"},
    )


def answered(question: Mapping[str, Any], record: Mapping[str, Any]) -> Ruling | None:
    """The solver's verdict over the record's passages, or None."""
    chunker = Chunker(count_tokens=tokens_about, max_tokens=256)
    chunks = [measured.chunk for measured in chunker.split(document_of(record))]
    evidence = tuple(
        Evidence(f"S{number}", replace(chunk, ordinal=number), 1.0, frozenset())
        for number, chunk in enumerate(chunks, 1)
    )
    return rule(Task(plan(question["text"]), evidence, Access()))
