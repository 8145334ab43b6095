"""Weights that say how likely an answer is right: fitted on signs whose worth is known."""

from bench.fit_sure import Judged, at_half, fit
from rag.numbers.sure import Signs, likely_right


def judged(number: int, score: float, right: float) -> Judged:
    return Judged(f"context {number}", right, 0.5, Signs("change", score, 0.5, 1.0))


ROWS = [judged(number, number / 10, float(number > 10)) for number in range(21)]


def test_what_speaks_for_an_answer_gets_a_weight_above_zero() -> None:
    weights = fit(ROWS)
    assert weights["score"] > 0
    assert at_half(ROWS, weights) == 1


def test_what_no_table_answers_is_the_least_sure() -> None:
    unsigned = [Judged("context", 1.0, 0.9, None)] * 21
    assert at_half([*ROWS, *unsigned], fit(ROWS)) == 10 / 21


def test_a_row_that_fits_better_is_likelier_right() -> None:
    doubtful, sure = Signs("look_up", 1.0, 0.1, 0.5), Signs("look_up", 2.0, 1.0, 1.0)
    assert 0 < likely_right(doubtful) < 0.6 < 0.85 < likely_right(sure) < 1
