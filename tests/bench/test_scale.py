"""The growth bench: its corpus is the same in each run, and it goes through the path that serves users."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.__main__ import main
from bench.grown import Grown, proper_words
from core.types import Vector

RECORDS = [
    {
        "title": name,
        "text": f"{name} lies by the sea. It was built by {other} in 1900. Ships come to it. Few stay there.",
    }
    for name, other in [("Arnholt", "Bregna"), ("Bregna", "Corvik"), ("Corvik", "Arnholt")]
]


@pytest.fixture
def vectors() -> Vector:
    return np.asarray(np.eye(3, 8), np.float32)


def test_the_first_world_is_the_real_one(vectors: Vector) -> None:
    grown = Grown(RECORDS, vectors)
    assert [grown.record(number)["text"] for number in range(3)] == [one["text"] for one in RECORDS]
    assert np.array_equal(grown.vector(1), vectors[1])


def test_another_world_has_other_names_and_the_same_links(vectors: Vector) -> None:
    grown = Grown(RECORDS, vectors)
    first, second = grown.record(3), grown.record(4)
    assert first["title"] not in {record["title"] for record in RECORDS}
    assert f"built by {second['title']}" in first["text"]
    assert Grown(RECORDS, vectors).record(3) == first
    assert np.linalg.norm(grown.vector(3)) == pytest.approx(1.0, abs=1e-5)


def test_a_word_of_many_titles_is_no_name() -> None:
    titles = [f"The River {letter}orvan" for letter in "ABCDEFGHIJ"]
    assert "river" not in proper_words(titles)
    assert "corvan" in proper_words(titles)


def test_each_size_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"_id": str(number), **record}) for number, record in enumerate(RECORDS)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert main(["scale", "--data", str(tmp_path), "--sizes", "20,40", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]
    for size in (20, 40):
        assert size <= metrics[f"passages@{size}"] <= size + 1
        assert metrics[f"search_cpu_ms_p50@{size}"] > 0
        assert metrics[f"disk_mb@{size}"] > 0
    assert metrics["graph_passages_per_core_second"] > 0
