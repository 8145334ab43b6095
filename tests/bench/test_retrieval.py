"""The figures of the retrieval bench, and the harness around it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import main
from bench.report import Report
from bench.retrieval import document_of, figures, ndcg, read_set, recall, reciprocal_rank
from core.measure import machine, percentile


def test_recall_is_the_share_of_the_right_records() -> None:
    assert recall(["a", "b", "c"], {"a": 1, "c": 1}, 2) == 0.5
    assert recall(["a", "b", "c"], {"a": 1, "c": 1}, 5) == 1.0


def test_ndcg_takes_the_grade_and_the_place() -> None:
    assert ndcg(["a", "b"], {"a": 2, "b": 1}, 10) == 1.0
    # 1/log2(2) + 2/log2(3) over 2/log2(2) + 1/log2(3)
    assert ndcg(["b", "a"], {"a": 2, "b": 1}, 10) == pytest.approx(
        (1 + 2 / 1.58496) / (2 + 1 / 1.58496), 1e-5
    )
    assert ndcg([], {"a": 1}, 10) == 0.0


def test_the_first_right_record_counts() -> None:
    assert reciprocal_rank(["x", "y", "a"], {"a": 1}, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"] * 10 + ["a"], {"a": 1}, 10) == 0.0


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), min_size=1),
)
def test_figures_are_shares(found: list[str], right: dict[str, float]) -> None:
    counted = figures({"q": found}, {"q": right})
    assert all(0 <= value <= 1 + 1e-9 for value in counted.values())
    assert counted["recall@1"] <= counted["recall@2"] <= counted["recall@5"] <= counted["recall@10"]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert sum(1 for value in values if value <= found) >= share * len(values)
    smaller = [value for value in values if value < found]
    assert len(smaller) < share * len(values)


def test_the_machine_is_described_without_its_name() -> None:
    assert set(machine()) == {"processor", "cores", "memory_gb", "system", "python"}


def test_a_report_is_one_line_of_json_with_finite_numbers() -> None:
    report = Report("retrieval", "set", {"recall@5": 0.5}, {"graph": True}, {"cores": 2})
    assert json.loads(report.to_json()) == {
        "bench": "retrieval",
        "data": "set",
        "metrics": {"recall@5": 0.5},
        "settings": {"graph": True},
        "machine": {"cores": 2},
    }
    with pytest.raises(ValueError, match="JSON"):
        Report("retrieval", "set", {"recall@5": float("nan")}).to_json()


SET: dict[str, list[dict[str, Any]]] = {
    "corpus.jsonl": [
        {"_id": "r1", "title": "Harbour", "text": "The harbour opens at six."},
        {"_id": "r2", "title": "Margin", "text": "Gross margin fell to 35.4 % because of rare earths."},
        {"_id": "r3", "title": "", "text": " | 2024\nSales | 5", "table": [["", "2024"], ["Sales", "5"]]},
    ],
    "queries.jsonl": [
        {"_id": "q1", "text": "Why did the gross margin fall?"},
        {"_id": "q2", "text": "What were sales in 2024?"},
        {"_id": "q3", "text": "nobody judged this"},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, objects in SET.items():
        (tmp_path / name).write_text("\n".join(json.dumps(item) for item in objects), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tr2\t1\nq2\tr3\t2\nq2\tr1\t0\n", encoding="utf-8"
    )
    return tmp_path


def test_only_judged_questions_are_asked(folder: Path) -> None:
    judged = read_set(folder)
    assert [question["_id"] for question in judged.questions] == ["q1", "q2"]
    assert judged.judgements == {"q1": {"r2": 1.0}, "q2": {"r3": 2.0}}


def test_a_record_with_a_table_becomes_a_table() -> None:
    (block,) = document_of(SET["corpus.jsonl"][2]).content.pages[0].blocks
    assert (block.kind, block.text) == ("table", " | 2024\nSales | 5")
    assert document_of(SET["corpus.jsonl"][1], titles=False).title == ""


def test_the_bench_runs_the_projects_own_index_and_retriever(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrieval", "--data", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["metrics"]["recall@1"] == 1.0
    assert found["metrics"]["cpu_ms_p50"] > 0
    assert (found["bench"], found["data"]) == ("retrieval", folder.name)
    assert found["settings"]["questions"] == 2


def test_a_folder_that_is_not_there_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrieval", "--data", str(tmp_path / "nowhere")]) == 1
    assert "nowhere is no folder" in capsys.readouterr().err
