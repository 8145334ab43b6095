"""The latency bench asks a server of its own, one caller and eight."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from bench.latency import question_file, read_questions, run, served
from bench.report import Report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("files")
    (folder / "crane.md").write_text(
        "# The crane\n\n## Inspection\n\nThe crane was inspected on 3 May.\n\n## Load\n\nIt bears 9 kN.\n",
        "utf-8",
    )
    return run(Namespace(data=folder, questions=None, limit=4))


def test_questions_are_made_from_the_sections_where_none_are_given(report: Report) -> None:
    assert report.settings["questions"] == 2
    assert report.settings["pages"] == 1


def test_waiting_and_cost_are_told_for_one_caller_and_for_eight(report: Report) -> None:
    metrics = report.metrics
    for name in ("search", "ask"):
        for callers in (1, 8):
            assert 0 < metrics[f"{name}_{callers}_wall_ms_p50"] <= metrics[f"{name}_{callers}_wall_ms_p99"]
        assert 0 < metrics[f"{name}_1_cpu_ms_p50"] <= metrics[f"{name}_1_cpu_ms_p99"]
        assert metrics[f"{name}_8_cpu_ms_mean"] > 0
    assert metrics["cpu_ms_p50"] == metrics["ask_1_cpu_ms_p50"]
    assert metrics["cpu_ms_p99"] == metrics["ask_1_cpu_ms_p99"]


def test_a_file_of_questions_beside_the_data_or_above_it_is_found(tmp_path: Path) -> None:
    (tmp_path / "pdfs").mkdir()
    assert question_file(tmp_path) is None
    (tmp_path / "queries.jsonl").write_text(
        json.dumps({"text": "When was the crane inspected?"}) + "\n", "utf-8"
    )
    assert question_file(tmp_path) == question_file(tmp_path / "pdfs") == tmp_path / "queries.jsonl"
    assert read_questions(tmp_path / "queries.jsonl") == ["When was the crane inspected?"]


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no state")
    with pytest.raises(ValueError, match="is a file"), served(tmp_path / "file"):
        pass
