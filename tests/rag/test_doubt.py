"""How sure it is that the evidence is about what is asked: names, bridges, rivals, periods."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import rag.doubt
from core.types import Access, Chunk, Evidence, Step
from rag.doubt import ENOUGH, SIGNS, Subjects, likelihood, names_strangers, signs
from rag.plan import plan
from rag.relevance import Question, Scored
from rag.row import Task
from rag.support import missing, reason_of
from rag.units import units_of
from tests.rag.conftest import make_passage

BANK = make_passage("The Larkspur Bank has its seat in Fern Hollow.", doc="bank", title="Larkspur Bank")
TOWN = make_passage("Fern Hollow is a town founded in 1820 by Ada Quill.", doc="town", title="Fern Hollow")
CHINESE = make_passage("张世平是一位足球运动员，1998年入选国家队。", doc="player", title="张世平")
ROWS = [make_passage(f"Ferry {n} sails daily.", doc=f"ferry{n}", title=f"Ferry {n}") for n in range(9)]


def read(question: str, *chunks: Chunk, scores: tuple[float, ...] = ()) -> tuple[Question, Scored]:
    evidence = [
        Evidence(f"S{n}", chunk, scores[n - 1] if scores else 1 / n, frozenset({"dense"}))
        for n, chunk in enumerate(chunks, 1)
    ]
    asked = Question(plan(question), evidence)
    units = (unit for item in evidence for unit in units_of(item))
    return asked, max((asked.score(unit) for unit in units), key=lambda item: item.score)


def subjects(question: str, *chunks: Chunk) -> Subjects:
    return Subjects(read(question, *chunks)[0])


def test_a_name_is_known_as_written_in_parts_or_not_at_all() -> None:
    named = subjects("Who founded the seat of the Larkspur Bank?", BANK, TOWN)
    assert named.names == ("Larkspur Bank",)
    assert named.known("Larkspur Bank") == 1
    assert named.known("LARKSPUR BANK") == 1
    assert named.known("Larkspur Savings Bank") == pytest.approx(0.6)
    assert named.known("Pemberton Trust") == 0


def test_accents_are_not_told_apart() -> None:
    player = make_passage("Akinoshū Kenji was a wrestler.", title="Akinoshū Kenji")
    assert subjects("Where was Akinoshu Kenji born?", player).unknown == []


def test_a_chinese_name_that_differs_by_one_character_is_another_one() -> None:
    question = "张世昌哪年入选国家队？"
    named = subjects(question, CHINESE)
    assert named.unknown == ["张世昌"]
    assert named.mistaken_for("张世昌") == "张世平"
    asked, best = read(question, CHINESE)
    assert likelihood(asked, best, "words") < ENOUGH
    reason = reason_of([missing(asked, best, "words")], "zh")
    assert reason.startswith("找到的内容没有提到“张世昌”")
    assert reason.endswith("文档中有“张世平”。")
    assert subjects("张世平哪年入选国家队？", CHINESE).unknown == []


def test_a_chinese_subject_that_nobody_speaks_of_is_a_stranger() -> None:
    assert subjects("赵鹏在哪年入选国家队？", CHINESE).unknown == ["赵鹏"]
    assert subjects("赵鹏在哪年入选国家队？", BANK).unknown == []  # an English document may speak of him


def test_a_bridge_between_two_passages_counts_as_one() -> None:
    question = "When was the town with the seat of the Larkspur Bank founded by Ada Quill?"
    asked, best = read(question, BANK, TOWN)
    alone = signs(asked, best)["joined"]
    step = Step(BANK.id, 30, 41, "fern hollow")
    bridged = [asked.evidence[0], replace(asked.evidence[1], path=(step,))]
    joined = signs(Question(asked.plan, bridged), best)["joined"]
    assert joined > alone
    assert joined > 0.9


def test_the_best_passage_stands_apart_from_the_eighth() -> None:
    near = read("Does a ferry sail daily?", *ROWS, scores=(1.0,) * 9)
    far = read("Does a ferry sail daily?", *ROWS, scores=(1.0, *(0.1,) * 8))
    few = read("Does a ferry sail daily?", *ROWS[:3])
    assert signs(*near)["apart"] == 0
    assert signs(*far)["apart"] == pytest.approx(0.9)
    assert 0.3 < signs(*few)["apart"] < 0.8
    assert likelihood(*near, "words") < likelihood(*far, "words")


def test_every_sign_has_its_name_and_lies_between_0_and_1() -> None:
    asked, best = read("What did the Larkspur Bank earn in 1999?", BANK, TOWN)
    found = signs(asked, replace(best, cosine=0.5))
    assert set(found) < set(SIGNS)
    assert all(0 <= value <= 1 for value in found.values())
    assert found["period_unknown"] == 1
    assert "meaning" not in signs(asked, replace(best, cosine=None))


def test_solvers_that_calculate_stay_away_from_another_firm() -> None:
    evidence = (Evidence("S1", BANK, 1.0, frozenset({"dense"})),)
    assert names_strangers(Task(plan("How much did Pemberton Trust earn?"), evidence, Access()))
    assert not names_strangers(Task(plan("How much did the Larkspur Bank earn?"), evidence, Access()))


def test_the_weights_that_are_shipped_keep_their_direction() -> None:
    read = json.loads(Path(rag.doubt.__file__).with_name("doubt.json").read_text("utf-8"))
    assert set(read["weights"]) == {"en", "zh", "en all-MiniLM-L6-v2"}
    for weights in read["weights"].values():
        assert set(weights["of"]) <= set(SIGNS)
        assert all(weights["of"][name] >= 0 for name in ("covered", "joined", "named", "verbatim", "apart"))
        assert all(
            weights["of"][name] <= 0 for name in ("absent", "strange", "period_unknown", "period_other")
        )
    for sets in read["left_out"].values():
        assert all(
            each["refusal_precision"] > 0.75 and each["refusal_recall"] > 0.65 for each in sets.values()
        )
