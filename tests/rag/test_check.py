"""The check after every answerer: claims for figures, marks, what is withheld."""

import pytest

from core.types import PUBLIC, Answer, Chunk, Citation, Claim, Cost, Evidence
from rag.check import Unsupported, checked

TEXT = "Revenue was $500 million in 2023. Operating income was $80 million in 2023."


def evidence(text: str = TEXT) -> tuple[Evidence, ...]:
    chunk = Chunk("c", "d", 1, 0, "t", PUBLIC, "text", "", (), text, ())
    return (Evidence("S1", chunk, 1.0, frozenset({"sparse"})),)


def answer(text: str, *, model: str = "a-model", claims: tuple[Claim, ...] = (), **given: object) -> Answer:
    return Answer(text, "answered", claims=claims, evidence=evidence(), cost=Cost("x", model), **given)  # type: ignore[arg-type]


def test_what_the_evidence_bears_out_stays_as_it_is() -> None:
    found = checked(answer("Revenue was $0.5 billion in 2023 [S1]."), "mark")
    assert found.text == "Revenue was $0.5 billion in 2023 [S1]."
    assert (found.status, found.reason) == ("answered", "")
    assert [claim.status for claim in found.claims] == ["supported", "quoted"]


def test_a_wrong_figure_is_marked_where_it_stands() -> None:
    found = checked(answer("Revenue was $900 million in 2023 [S1]."), "mark")
    assert found.text == "Revenue was $900 million [unverified] in 2023 [S1]."
    assert found.status == "partial"
    assert "1 figure" in found.reason
    wrong = next(claim for claim in found.claims if claim.status == "unsupported")
    assert found.text[wrong.start : wrong.end] == "$900 million"


def test_a_wrong_figure_is_withheld_where_that_is_asked() -> None:
    found = checked(answer("Revenue was $900 million in 2023 and $80 million."), "withhold")
    assert "900" not in found.text
    assert "[withheld: unverified] in 2023" in found.text
    assert "withheld" in found.reason


def test_what_comes_behind_a_mark_moves_along() -> None:
    said = "Revenue was $900 million in 2023. Operating income was $80 million in 2023."
    second = said.index("Operating")
    citation = Citation("S1", second, len(said), "c", TEXT[34:], 34, len(TEXT), ())
    ways: tuple[Unsupported, ...] = ("mark", "withhold")
    for way in ways:
        found = checked(answer(said, citations=(citation,)), way)
        moved = found.citations[0]
        assert found.text[moved.start : moved.end] == said[second:]
        eighty = next(claim for claim in found.claims if found.text[claim.start : claim.end] == "$80 million")
        assert eighty.status == "quoted"


def test_chinese_answers_are_marked_in_chinese() -> None:
    found = checked(answer("2023年营业收入为９亿元。"), "mark", "zh")
    assert found.text == "2023年营业收入为９亿元［未核实］。"
    assert "1处" in found.reason


def test_what_the_calculator_derived_keeps_its_own_claim() -> None:
    said = "(500 - 80) = 420 million"
    whole = Claim(0, len(said), "derived", said)
    kept = checked(answer(said, model="", claims=(whole,)), "withhold")
    assert kept.text == said
    assert {claim.status for claim in kept.claims} <= {"derived", "quoted"}
    assert checked(answer(said, claims=(whole,)), "mark").status == "partial"  # a model's word is no proof


def test_a_copied_row_is_quoted_however_its_table_reads() -> None:
    said = "Depth 35,4 at the weir"
    found = checked(answer(said, model="", claims=(Claim(0, len(said), "quoted"),)), "withhold")
    assert found.status == "answered"


@pytest.mark.parametrize("status", ["not_found", "refused"])
def test_an_answer_that_says_nothing_is_left_alone(status: str) -> None:
    said = Answer("Not in the documents for 2031.", status, evidence=evidence())  # type: ignore[arg-type]
    assert checked(said, "mark") is said


def test_the_reason_of_a_partial_answer_is_no_claim() -> None:
    reason = "The documents speak of revenue, but not for 2031."
    said = Answer(
        f"Revenue was $500 million in 2023 [S1]. {reason}", "partial", evidence=evidence(), reason=reason
    )
    found = checked(said, "withhold")
    assert found.text == said.text
    assert found.reason == reason
