"""Numeric questions over one table and its paragraphs: exact match and F1 with scale, as TAT-QA scores.

The folder is a judged set (see `bench/retrieval.py`) whose records carry `ctx`: a question is given
the table and the paragraphs of its own context, so the answerer is measured without retrieval. The
scorer follows TAT-QA's published metric, rounding and joining included.
"""

import argparse
import re
import string
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import Report, mean
from bench.retrieval import read_set
from core.measure import percentile
from rag.numbers.answer import NumberAnswer, answer_over


@dataclass(frozen=True, slots=True)
class Judged:
    kind: str
    origin: str
    operation: str
    exact: float
    f1: float
    scale: float
    confidence: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none of its own."""


def run(options: argparse.Namespace) -> Report:
    judged = read_set(options.data)
    contexts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in judged.records:
        contexts[record["ctx"]].append(record)
    questions = judged.questions[: options.limit]
    results, milliseconds = [], []
    for question in questions:
        began = time.process_time()
        answer = answered(question, contexts[question["ctx"]])
        milliseconds.append(1000 * (time.process_time() - began))
        results.append(judge(question, answer))
    return Report(
        bench="tatqa",
        data=options.data.resolve().name,
        metrics={**figures(results), "cpu_ms_p50": percentile(milliseconds, 0.5), "cpu_ms_p99": percentile(milliseconds, 0.99)},
        settings={"questions": len(questions), "contexts": len({question["ctx"] for question in questions}), "model": "none"},
    )  # fmt: skip


def answered(question: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> NumberAnswer:
    tables = [record["table"] for record in records if record.get("table")]
    paragraphs = [record["text"] for record in records if not record.get("table")]
    return answer_over(question["text"], tables, paragraphs)


def judge(question: Mapping[str, Any], answer: NumberAnswer) -> Judged:
    gold = question["answer"]
    golds = [str(item) for item in gold] if isinstance(gold, list) else [str(gold)]
    scale = scale_name(answer)
    exact, f1 = score(golds, question["scale"], answer.texts, scale)
    if question["answer_type"] in ("arithmetic", "count"):
        f1 = exact
    return Judged(
        question["answer_type"], question["answer_from"], answer.operation, exact, f1, float(scale == question["scale"]), answer.confidence
    )  # fmt: skip


def scale_name(answer: NumberAnswer) -> str:
    """The scale in TAT-QA's words."""
    if answer.unit in ("%", "pp"):
        return "percent"
    return {3: "thousand", 6: "million", 9: "billion"}.get(answer.scale, "")


def figures(results: Sequence[Judged]) -> dict[str, float]:
    surest = sorted(results, key=lambda result: -result.confidence)[: max(1, len(results) // 2)]
    found = {
        "em": mean([result.exact for result in results]),
        "f1": mean([result.f1 for result in results]),
        "em_at_half": mean([result.exact for result in surest]),
        "scale_accuracy": mean([result.scale for result in results]),
    }
    for kind in ("arithmetic", "span", "multi-span", "count"):
        of_kind = [result for result in results if result.kind == kind]
        if of_kind:
            name = kind.replace("-", "_")
            found[f"em_{name}"] = mean([result.exact for result in of_kind])
            if kind not in ("arithmetic", "count"):
                found[f"f1_{name}"] = mean([result.f1 for result in of_kind])
    return found


# ---------------------------------------------------------------- TAT-QA's scorer

_STRIPPED = frozenset("'\"\\$€£¥%(),[]")
_SCALES = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "percent": 0.01}


def score(golds: Sequence[str], gold_scale: str, found: Sequence[str], scale: str) -> tuple[float, float]:
    """Exact match and F1. Source: tatqa_metric.py of github.com/NExTplusplus/TAT-QA (MIT)."""
    if not found:
        return 0.0, 0.0
    gold = _joined(golds, gold_scale)
    predicted = [_joined(found, scale)]
    if len(found) == 1 and not scale and "%" not in found[0] and is_number(found[0]):
        number = to_number(found[0])
        if number is not None:
            predicted.append(f"{number:.4f}")
    pairs = [_compared(each, gold) for each in predicted]
    return max(exact for exact, _ in pairs), max(f1 for _, f1 in pairs)


def _joined(answers: Sequence[str], scale: str) -> str:
    parts = []
    for answer in sorted(answers):
        number = to_number(answer) if is_number(answer) else None
        if number is None:
            parts.append(f"{answer} {scale}" if scale else answer)
        elif "%" in answer:
            parts.append(f"{number:.4f}")
        else:
            parts.append(f"{round(number, 2) * _scale(scale):.4f}")
    return " ".join(parts)


def _compared(predicted: str, gold: str) -> tuple[float, float]:
    one, other = _normalized(predicted), _normalized(gold)
    mine, right = set(one.split()), set(other.split())
    exact = float(one == other)
    both = len(mine & right)
    precision = both / len(mine) if mine else 1.0
    recall = both / len(right) if right else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return exact, round(max(f1, exact), 2)


def _normalized(text: str) -> str:
    parts = []
    for token in text.split(" "):
        word = token.lower()
        if not is_number(word):
            word = "".join(char for char in word if char not in string.punctuation)
        if is_number(word):
            word = str(to_number(word))
        word = " ".join(re.sub(r"\b(a|an|the)\b", " ", word).split())
        if word:
            parts.append(word)
    return " ".join(parts)


def _scale(text: str) -> float:
    return next((value for name, value in _SCALES.items() if name in text.lower()), 1.0)


def is_number(text: str) -> bool:
    words = " ".join("".join(char for char in word if char not in _STRIPPED) for word in text.split()).split()
    if not words:
        return False
    try:
        number = float(words[0])
    except ValueError:
        return False
    return number == number and not (len(words) > 1 and _scale(words[1]) == 1.0)


def to_number(text: str) -> float | None:
    match = re.search(
        r"[+-]?\d+(?:\.\d+)?|[+-]?\.\d+", "".join(char for char in text if char not in _STRIPPED)
    )
    if match is None:
        return None
    worded = re.search(r"[\d.]+\s?[a-zA-Z]+", text)
    sign = -1 if re.search(r"\([\d.\s]+\)", text.strip()) else 1
    percent = 0.01 if re.search(r"[\d.\s]+%", text.strip()) else 1.0
    return round(float(match.group()) * (_scale(worded.group()) if worded else 1.0) * sign * percent, 4)
