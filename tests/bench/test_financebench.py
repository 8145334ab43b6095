"""The figures of the filings bench on rankings whose scores are known."""

import pytest

from bench.financebench import Ranked, figures, judged
from core.types import Answer


def test_pages_and_documents_are_counted_by_kind() -> None:
    ranked = [
        Ranked("metrics", ["A#p1", "A#p2", "B#p1"], {"A#p2": 1.0, "A#p9": 1.0}),
        Ranked("novel", ["B#p1", "C#p3", "A#p4"], {"A#p4": 1.0}),
    ]
    found = figures(ranked)
    assert found["recall@1"] == 0
    assert found["recall@5"] == pytest.approx(0.75)
    assert found["metrics_recall@5"] == pytest.approx(0.5)
    assert found["novel_recall@5"] == 1
    assert "domain_recall@5" not in found
    assert (found["document_first"], found["document_in_3"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("text", "gold", "outcome"),
    [
        ("FY2018 capital expenditure: USD 1,577 million [S1]", "$1577.00", "right"),
        ("FY2018 property: USD 8.74 billion [S1]", "$8.70", "right"),
        ("FY2019 turnover: 24.26 = 6,489 / 267.5 [S1]", "24.26", "right"),
        ("FY2019 turnover: 24.27 = 24.26 / 1 [S1]", "24.26", "wrong"),
        ("FY2016-FY2017 change of revenue: -3.7 % [S1]", "-3.7%", "right"),
        ("FY2016-FY2017 change of revenue: 3.7 % [S1]", "-3.7%", "wrong"),
        ("Sales grew. [S1]", "5", "wrong"),
    ],
)
def test_a_value_is_right_within_the_printed_precision(text: str, gold: str, outcome: str) -> None:
    assert judged(Answer(text, "answered"), gold) == outcome
    assert judged(Answer(text, "not_found"), gold) == "abstained"


def test_an_answer_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="is no number"):
        judged(Answer("5", "answered"), "five")
