"""The questions of the abstain bench, its figures, and a run over a small set."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import main
from bench.abstain import KINDS, Outcome, asked_of, figures, risk_by_coverage, sets_in
from bench.retrieval import JudgedSet

TOWNS = ["Alder Point", "Birch Haven", "Cedar Falls", "Dune Harbor", "Elm Grove", "Fern Hollow", "Gull Rock"]
RECORDS: list[dict[str, Any]] = [
    {"_id": f"r{number}", "title": town, "text": f"The ferry of {town} was built in {1950 + number}."}
    for number, town in enumerate(TOWNS)
]
QUESTIONS: list[dict[str, Any]] = [
    {"_id": f"q{number}", "text": f"Did the ferry of {town} run in {1950 + number}?"}
    for number, town in enumerate(TOWNS)
]
JUDGED = JudgedSet(RECORDS, QUESTIONS, {f"q{number}": {f"r{number}": 1.0} for number in range(len(TOWNS))})


def test_what_answers_the_second_half_is_not_there() -> None:
    made = asked_of(JUDGED)
    there = {record["_id"] for record in made.records}
    answerable = [question for question in made.questions if question.kind == "answerable"]
    assert answerable
    assert all(question.right <= there for question in answerable)
    assert len(made.records) == len(answerable)
    others = [question for question in made.questions if question.kind == "other_document"]
    assert others
    assert not any(
        town in question.text for question in others for town in (r["title"] for r in made.records)
    )


def test_questions_without_an_answer_are_as_many_as_those_with_one_at_most() -> None:
    made = asked_of(JUDGED)
    answerable = sum(question.kind == "answerable" for question in made.questions)
    assert len(made.questions) - answerable <= answerable


def test_a_moved_year_stands_in_no_record_and_a_changed_name_in_none() -> None:
    made = asked_of(JUDGED)
    stated = " ".join(record["title"] + record["text"] for record in made.records)
    moved = [question for question in made.questions if question.kind == "other_period"]
    missed = [question for question in made.questions if question.kind == "near_miss"]
    assert moved
    assert all(question.text[-5:-1] not in stated for question in moved)
    assert not any(town in question.text for question in missed for town in TOWNS if town in stated)


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        asked_of(JudgedSet(RECORDS[:1], QUESTIONS[:1], JUDGED.judgements))


def test_a_perfect_run() -> None:
    found = figures([Outcome("answerable", False, True, 0.9), Outcome("near_miss", True, False, 0.1)])
    assert found["refusal_precision"] == found["refusal_recall"] == 1.0
    assert found["risk"] == 0.0
    assert found["coverage@risk.05"] == 0.5


outcomes = st.builds(
    Outcome, st.sampled_from(KINDS), st.booleans(), st.booleans(), st.floats(0, 1, allow_nan=False)
)


@given(st.lists(outcomes, min_size=1))
def test_figures_are_shares_and_the_curve_ends_with_all(found: list[Outcome]) -> None:
    assert all(0 <= value <= 1 for value in figures(found).values())
    curve = risk_by_coverage(found)
    wrong = sum(not each.right for each in found)
    assert curve[-1] == (1.0, wrong / len(found))


def written(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, lines in (("corpus", RECORDS), ("queries", QUESTIONS)):
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    judged = "".join(f"q{number}\tr{number}\t1\n" for number in range(len(TOWNS)))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return folder


def test_the_bench_asks_the_whole_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["abstain", "--data", str(written(tmp_path)), "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["metrics"]["refused_answerable"] == 0.0
    assert report["metrics"]["refused_other_document"] > 0.5
    assert report["settings"]["answerable"] >= 1


def test_sets_in_one_folder_are_asked_alone_and_counted_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ferries", "ships"):
        written(tmp_path / name)
    (tmp_path / "pictures").mkdir()
    assert main(["abstain", "--data", str(tmp_path), "--limit", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["settings"]["sets"] == 2
    assert report["settings"]["answerable"] == 2
    assert report["metrics"]["refusal_recall@ferries"] == report["metrics"]["refusal_recall@ships"]


def test_a_folder_without_a_set_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["abstain", "--data", str(tmp_path)]) == 1
    assert "holds all of corpus.jsonl, queries.jsonl, qrels.tsv" in capsys.readouterr().err


def test_of_a_folder_of_sets_some_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ferries", "ships"):
        written(tmp_path / name)
    assert sets_in(tmp_path, "ships") == [tmp_path / "ships"]
    assert main(["abstain", "--data", str(tmp_path), "--only", "ships,boats"]) == 1
    assert "boats does not hold all of corpus.jsonl" in capsys.readouterr().err
