"""The bench of verification, on statements about one made-up table."""

import random
from collections import Counter

from bench.statements import RIGHT, WRONG, Statement, statements_of
from bench.verify import figures, judge
from core.types import PUBLIC, Chunk

TEXT = (
    "In millions | 2021 | 2020 | 2019\nNet sales | 1,250.4 | 1,000.2 | 900.7\nCost of sales | 700.1 | 640.9 | 610.3\n"
    "Research and development | 80.6 | 64.2 | 51.8\nIncome taxes | 55.7 | 40.4 | 36.9"
)
TABLE = Chunk("c1", "d", 1, 0, "Annual report", PUBLIC, "table", "Income statement", (), TEXT, ())


def said(text: str, kind: str) -> Statement:
    return Statement(text, kind, kind in RIGHT, (TABLE,))


def test_a_wrong_digit_is_rejected_and_the_printed_value_accepted() -> None:
    made = [said("Net sales were 1,250.4 million in 2021.", "printed"), said("Net sales were 1,750.4 million in 2021.", "digit")]  # fmt: skip
    wrong, milliseconds = judge(made, show=False)
    assert wrong == Counter()
    assert len(milliseconds) == 2
    assert figures(made, wrong)["wrong_accepted"] == figures(made, wrong)["right_rejected"] == 0.0


def test_what_is_judged_wrongly_is_counted_by_kind() -> None:
    made = [said("a", "printed"), said("b", "rounded"), said("c", "digit"), said("d", "digit")]
    found = figures(made, Counter({"rounded": 1, "digit": 1}))
    assert found["right_rejected"] == 0.5
    assert found["right_rejected_rounded"] == 1.0
    assert found["wrong_accepted"] == found["wrong_accepted_digit"] == 0.5


def test_statements_are_made_of_cells_in_known_kinds() -> None:
    made = [each for seed in range(8) for each in statements_of([TABLE], random.Random(seed), 2)]
    assert made
    assert {each.kind for each in made} <= {*RIGHT, *WRONG}
    assert all(each.is_right == (each.kind in RIGHT) for each in made)
