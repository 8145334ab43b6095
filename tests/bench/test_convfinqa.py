"""The bench of conversations, on two made-up ones, and the fit of its weights."""

import argparse
import json
from decimal import Decimal
from pathlib import Path

import pytest

from bench import convfinqa
from bench.convfinqa import executed, repaired, same
from bench.fit_moves import fit, turns_of
from bench.retrieval import read_set
from rag.numbers.moves import read_weights

TURNS = [
    ["what were the net sales in 2021?", "and in 2020?", "what was, then, the change over the year?"],
    ["what were the income taxes in 2021?", "what is that times 100?"],
]
PROGRAMS = [["ans = 1250", "ans = 1000", "ans = 1250 - 1000"], ["ans = 55", "x0 = 55; ans = x0 * 100"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def write(name: str, rows: list[dict[str, object]]) -> None:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    table = "in millions | 2021 | 2020\nnet sales | $ 1250 | $ 1000\nincome taxes | 55 | 40"
    write("corpus.jsonl", [{"_id": "p", "title": "", "text": table, "table": table, "prose": "no prose . "}])
    questions: list[dict[str, object]] = [
        {"_id": f"q{n}", "text": turns[-1], "turns": turns, "meta": {"programs": programs}}
        for n, (turns, programs) in enumerate(zip(TURNS, PROGRAMS, strict=True))
    ]
    write("queries.jsonl", questions)
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq0\tp\t1\nq1\tp\t1\n")
    return tmp_path


def test_each_conversation_is_led_by_its_own_answers(folder: Path) -> None:
    report = convfinqa.run(argparse.Namespace(data=folder, limit=None, weights=None))
    assert report.metrics["execution_accuracy"] == 1.0
    assert report.metrics["all_turns_accuracy_unseen"] == 1.0
    assert report.settings["questions_on_fitted_pages"] == 0


def test_fitted_weights_answer_what_they_were_fitted_on_and_mark_it(folder: Path, tmp_path: Path) -> None:
    seen = list(turns_of(read_set(folder), "all"))
    assert len(seen) == 5
    weights = fit(seen * 4, 0.1, rounds=20)
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({**weights, "fitted": {"pages": [convfinqa.mark("p")]}}))
    assert read_weights(path).fitted_on == {convfinqa.mark("p")}


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("ans = 60.94 - 25.14", Decimal("35.80")),
        ("x0 = 15 - 19; ans = x0 / 20", Decimal("-0.2")),
        ("ans = 15.7%", Decimal("0.157")),
        ("ans = 2 / 0", None),
        ("ans = 2 > 1", None),
    ],
)
def test_a_program_is_executed_exactly(program: str, value: Decimal | None) -> None:
    assert executed(program) == value


def test_values_are_the_same_to_five_decimals() -> None:
    assert same(Decimal("0.333333"), Decimal("0.33333")) == 1.0
    assert same(Decimal("0.3334"), Decimal("0.33333")) == 0.0
    assert same(None, Decimal(1)) == 0.0


def test_marks_of_the_sets_making_are_undone() -> None:
    assert repaired("a | 2014 | 2013\nb | $ 2014 | -3 ( 3 )", prose=False) == "a | 2014 | 2013\nb | - | -3"
    text = "sales rose to $ 5 million . costs of the u.s . unit fell in december 312012 ."
    assert (
        repaired(text, prose=True)
        == "sales rose to $5 million. Costs of the u.s. unit fell in december 31, 2012."
    )
