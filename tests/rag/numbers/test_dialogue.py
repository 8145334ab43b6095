"""Conversations about numbers: look-ups, steps with earlier values, and what cannot be answered."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest

import core.quantity
import rag.numbers.calc
from core.types import PUBLIC, Chunk, Evidence
from rag.numbers.dialogue import Dialogue
from rag.numbers.said import said

TABLE = "in millions | 2021 | 2020 | 2019\nnet sales | 1250 | 1000 | 900\ncost of sales | 700 | 640 | 610\nincome taxes | 55 | 40 | 36"
PROSE = "Research expense was $80 million and $64 million in 2021 and 2020, respectively."


def dialogue(*texts: str) -> Dialogue:
    return Dialogue(
        [
            Evidence(
                f"S{n}",
                Chunk(f"c{n}", "d", 1, n, "t", PUBLIC, "table" if "|" in text else "text", "", (), text, ()),
                1.0,
                frozenset(),
            )
            for n, text in enumerate(texts, 1)
        ]
    )


def values(*questions: str) -> list[Decimal | None]:
    talk = dialogue(TABLE, PROSE)
    return [talk.ask(question).value for question in questions]


@pytest.mark.parametrize(
    ("questions", "last"),
    [
        (("what were the net sales in 2021?", "and in 2020?"), "1000"),
        (("what were the net sales in 2021?", "and in 2020?", "what was, then, the change over the year?"), "250"),
        (
            (
                "what was the change in net sales from 2020 to 2021?",
                "and how much does this change represent in relation to the net sales in 2020, in percentage?",
            ),
            "0.25",
        ),
        (
            (
                "what were the net sales in 2021?",
                "what were they in 2020?",
                "what is the net change?",
                "what was the 2020 value?",
                "what is the net change divided by the 2020 value?",
            ),
            "0.25",
        ),
        (("what was the research expense in 2021?", "and in 2020?", "what is the sum of those years?"), "144"),
        (("what were the income taxes in 2021?", "what is that times 100?"), "5500"),
    ],
)  # fmt: skip
def test_a_turn_goes_on_from_the_turns_before(questions: tuple[str, ...], last: str) -> None:
    assert values(*questions)[-1] == Decimal(last)


def test_a_step_shows_its_operands_and_the_values_that_it_rests_on() -> None:
    talk = dialogue(TABLE)
    for question in ("what were the net sales in 2021?", "and in 2020?"):
        talk.ask(question)
    turn = talk.ask("what was, then, the change over the year?")
    assert turn.step == "difference"
    assert [operand.quantity.value for operand in turn.operands] == [Decimal(1250), Decimal(1000)]
    assert {fit.value.raw for fit in turn.fits} == {"1250", "1000"}


def test_without_values_a_turn_has_none() -> None:
    assert dialogue("Nothing is printed here.").ask("what were the net sales in 2021?").value is None


def test_a_turn_in_chinese_is_read_as_one_in_english() -> None:
    assert {"change", "percentage"} <= said("那么百分比变化是多少？").cues


ENDS = "in millions | 2021 | 2020\nhighest share price | 45 | 40\nlowest share price | 31 | 28"


def test_the_end_that_is_asked_for_is_the_one_that_is_taken() -> None:
    talk = dialogue(ENDS)
    questions = (
        "what was the highest share price in 2021?",
        "and the lowest?",
        "what was, then, the variation between them?",
    )
    assert [talk.ask(question).value for question in questions] == [Decimal(45), Decimal(31), Decimal(14)]


def test_what_is_wanted_is_known_by_any_word_for_it() -> None:
    assert said("what was the fluctuation in revenue?").asking == ("change",)
    asked = said("how much does that decrease represent in relation to the combined sales?")
    assert asked.side_asking == (("change", "ratio"), ("sum",))


def test_the_number_of_a_name_and_of_a_date_is_not_one_to_compute_with() -> None:
    assert said("what is the value of the s&p 500 less 100?").numbers == (Decimal(100),)
    asked = said("what was the closing price as of 12/31/10?")
    assert (asked.numbers, asked.periods) == ((), ("2010-12-31",))


def test_sides_and_years_of_a_relation() -> None:
    asked = said("how much does the revenue in 2014 represent in relation to the one in 2013?")
    assert asked.side_periods == (("2014",), ("2013",))
    assert asked.sides[0] == "revenue"


@pytest.mark.parametrize("module", [rag.numbers.calc, core.quantity])
def test_values_are_computed_without_floats(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))  # type: ignore[attr-defined]
    floats = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert floats == []
