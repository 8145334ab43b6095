"""Answers are judged by what they say first, and a point of the curve is the mean over its questions."""

import pytest

from bench.policy import Asked, Outcome, figures, is_right
from core.types import Answer

LABELS = ("A", "B", "C")


@pytest.mark.parametrize(
    ("text", "results", "choices", "right"),
    [
        ("B [S1]", ("B",), LABELS, True),
        ("C is lower than B [S1]", ("B",), LABELS, False),
        ("Q4 (value): 87 [S1]", ("87",), (), True),
        ("[S2] Ember revenue was 699. [S1]", ("699",), (), True),
        ("5 [unverified] 2 [S1]", ("2",), (), False),
        ("Ember revenue was 699. [S1] Alba cash was 120. [S2]", ("120", "699"), (), True),
        ("Ember revenue was 699. [S1]", ("120", "699"), (), False),
    ],
)
def test_the_first_number_or_label_counts(
    text: str, results: tuple[str, ...], choices: tuple[str, ...], right: bool
) -> None:
    assert is_right(Answer(text, "answered"), Asked("a", "?", results, choices)) is right


def test_a_refusal_is_not_right() -> None:
    assert not is_right(Answer("Not in the documents: 87.", "not_found"), Asked("a", "?", ("87",)))


def test_a_point_is_the_mean() -> None:
    found = [Outcome(True, False, True, 2_000_000_000, 0.2), Outcome(False, True, False, 0, 0.1)]
    assert figures(found) == pytest.approx(
        {
            "right": 0.5,
            "refused": 0.5,
            "asked_model": 0.5,
            "gflop_per_question": 1.0,
            "cpu_ms_per_question": 150.0,
        }
    )
