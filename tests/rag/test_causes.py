"""Causes of the same attribute and period, not merely sentences with the same words."""

import pytest

from core.types import Answer, Chunk, Evidence
from rag.causes import effect_of, is_cause_of, states_cause
from rag.extractive import ExtractiveAnswerer
from rag.plan import plan
from tests.fakes import WordEmbedder
from tests.rag.conftest import make_passage


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("The margin fell because diesel doubled.", "The margin fell"),
        ("Because diesel doubled, the margin fell.", " the margin fell."),
        ("Higher diesel prices led to a lower margin.", " a lower margin."),
        ("由于柴油涨价，毛利率下降。", "毛利率下降。"),
        ("柴油涨价导致毛利率下降。", "毛利率下降。"),
        ("毛利率下降主要是柴油涨价。", "毛利率下降"),
        ("The margin fell.", ""),
    ],
)
def test_what_is_caused_stands_on_one_side_of_the_cue(text: str, effect: str) -> None:
    assert effect_of(text) == effect
    assert states_cause(text) == bool(effect)


def test_the_cause_itself_is_not_what_is_caused() -> None:
    text = "The margin fell because revenue from tickets was lower."
    assert is_cause_of(text, {"margin"}, ())
    assert not is_cause_of(text, {"revenu"}, ())


def test_a_sentence_that_refers_back_is_about_the_one_before() -> None:
    assert is_cause_of("The decline was due to higher prices.", {"margin"}, {"margin", "fell"})
    assert not is_cause_of("The decline of revenue was due to higher prices.", {"tax"}, {"margin"})


CAUSES = make_passage(
    "Revenue fell in 2023 because two ferries were in dry dock. "
    "The operating margin fell to 12.5 % in 2022 because crews were paid more. "
    "The operating margin fell to 9.1 % in 2023 because the price of diesel doubled. "
    "Operating costs of the margin call system rose in 2023 due to a new supplier.",
    doc="letter",
    title="Letter of Lakeside Ferries",
)
ELSEWHERE = make_passage(
    "In 2023 the operating margin also suffered, mainly due to a strike at the yard.",
    doc="note",
    title="Note",
)
CHINESE = make_passage(
    "2023年收入下降，主要是两艘渡轮进坞。2022年营业利润率下降，主要是人工成本上升。2023年营业利润率下降，主要是柴油价格翻倍。",
    doc="信",
    title="湖滨渡轮",
)


def ask(question: str, *chunks: Chunk) -> Answer:
    evidence = [Evidence(f"S{n}", chunk, 1 / n, frozenset({"dense"})) for n, chunk in enumerate(chunks, 1)]
    return ExtractiveAnswerer(WordEmbedder()).answer(plan(question), evidence)


def test_a_why_brings_every_cause_of_that_attribute_in_that_period_and_no_other() -> None:
    answer = ask("Why did the operating margin fall in 2023?", CAUSES, ELSEWHERE)
    assert "the price of diesel doubled. [S1]" in answer.text
    assert "a strike at the yard. [S2]" in answer.text
    for other in ("dry dock", "crews", "new supplier"):
        assert other not in answer.text


def test_the_same_attribute_in_another_year_has_another_cause() -> None:
    answer = ask("Why did the operating margin fall in 2022?", CAUSES, ELSEWHERE)
    assert "crews were paid more" in answer.text
    assert "diesel" not in answer.text


def test_another_attribute_of_the_same_year_has_another_cause() -> None:
    answer = ask("Why did revenue fall in 2023?", CAUSES, ELSEWHERE)
    assert "dry dock" in answer.text
    assert "diesel" not in answer.text


@pytest.mark.parametrize(
    ("question", "cause", "others"),
    [
        ("2023年营业利润率为什么下降？", "柴油", ("进坞", "人工")),
        ("2022年营业利润率为什么下降？", "人工", ("进坞", "柴油")),
        ("2023年收入下降的原因是什么？", "进坞", ("柴油", "人工")),
    ],
)
def test_chinese_causes_are_told_apart_likewise(question: str, cause: str, others: tuple[str, ...]) -> None:
    answer = ask(question, CHINESE)
    assert cause in answer.text
    assert not any(other in answer.text for other in others)
