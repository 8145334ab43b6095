"""The bench of yes-no questions, on a set of three made-up ones."""

import argparse
import json
from pathlib import Path

import pytest

from bench import pubmedqa
from bench.fit_stance import fit, read
from rag.stance import FEATURES

QUESTIONS = [
    ("1", "Does zinc shorten colds?", "Zinc significantly shortened colds (p < 0.01). Zinc was effective against colds.", "yes"),
    ("2", "Does zinc prevent colds?", "There was no difference in colds. Zinc did not prevent colds (p = 0.6).", "no"),
    ("3", "What is zinc?", "Zinc is a metal.", "maybe"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def write(name: str, rows: list[dict[str, object]]) -> None:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    write("corpus.jsonl", [{"_id": n, "title": "", "text": text} for n, _, text, _ in QUESTIONS])
    write("queries.jsonl", [{"_id": n, "text": asked, "answer": a} for n, asked, _, a in QUESTIONS])
    lines = [f"{n}\t{n}\t1" for n, *_ in QUESTIONS]
    (tmp_path / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n")
    return tmp_path


def test_verdicts_are_counted_and_a_question_left_to_others_is_maybe(folder: Path) -> None:
    metrics = pubmedqa.run(argparse.Namespace(data=folder, limit=None)).metrics
    assert metrics["accuracy"] == 1.0
    assert metrics["ruled"] == pytest.approx(2 / 3)
    assert metrics["accuracy_unseen"] == 1.0
    assert "accuracy_fitted" not in metrics


def test_weights_are_fitted_on_what_can_be_ruled_on(folder: Path) -> None:
    labelled = read(folder)
    assert [each.identity for each in labelled] == ["1", "2"]
    weights = fit([*labelled, *labelled, *labelled], 1.0)
    assert set(weights["features"]) == set(FEATURES)
    assert "zinc" in weights["question"]
