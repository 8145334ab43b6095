"""The fit of the decision to refuse: signs keep their direction, a set is judged by weights that have not seen it."""

import pytest

from bench.fit_doubt import Labelled, figures_of, fit, left_out
from rag.doubt import SIGNS


def rows(name: str, count: int = 40) -> list[Labelled]:
    """Half of them answerable: those of which most is covered, and whose name stands there."""
    made = []
    for number in range(count):
        due = number % 2 == 1
        share = (number % 7) / 20
        signs = {
            "covered": 0.9 - share if not due else 0.2 + share,
            "verbatim": 0.0 if due and number % 3 else 1.0,
            "absent": 0.4 if due else 0.0,
            "apart": 0.5,
        }
        made.append(Labelled(f"{name}{number}", "near_miss" if due else "answerable", "en", signs))
    return made


def test_signs_speak_as_they_may() -> None:
    weights = fit([rows("a")], SIGNS)["of"]
    assert set(weights) == set(SIGNS)
    assert weights["covered"] >= 1
    assert weights["verbatim"] >= 0
    assert weights["absent"] <= -1
    assert weights["strange"] <= -5


def test_sets_and_halves_are_judged_by_the_others() -> None:
    several = dict(left_out({"a": rows("a"), "b": rows("b")}, SIGNS))
    alone = dict(left_out({"a": rows("a")}, SIGNS))
    assert set(several) == {"a", "b"}
    assert several["a"]["questions"] == alone["a"]["questions"] == 40
    assert several["a"]["refusal_precision"] > 0.9
    assert alone["a"]["refusal_recall"] > 0.9


def test_figures_count_refusals() -> None:
    first, due, other, missed = rows("a", 4)
    told = figures_of([(first, 0.9), (due, 0.1), (other, 0.2), (missed, 0.8)])
    assert told == {"questions": 4, "refusal_precision": 0.5, "refusal_recall": pytest.approx(0.5)}
