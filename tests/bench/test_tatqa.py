"""The scorer of TAT-QA, on triples whose scores are known, and the floors of the bench."""

from argparse import Namespace
from pathlib import Path

import pytest

from bench import tatqa
from bench.tatqa import score


@pytest.mark.parametrize(
    ("gold", "gold_scale", "found", "scale", "exact", "f1"),
    [
        (["-12.6"], "million", ["-12.60"], "million", 1, 1),
        (["-12.6"], "million", ["-12.6"], "thousand", 0, 0),
        (["-22.22"], "percent", ["-22.22"], "percent", 1, 1),
        (["$1,496.5"], "million", ["1496.5"], "million", 1, 1),
        (["$2.5 million"], "", ["2.5"], "million", 1, 1),
        (["22.22"], "percent", ["0.2222"], "", 1, 1),
        (["34%"], "", ["34%"], "percent", 1, 1),
        (["2019", "2018"], "", ["2018", "2019"], "", 1, 1),
        (["2019", "2018"], "", ["2019"], "", 0, 0.67),
        (["the Board of Directors"], "", ["Board of Directors"], "", 1, 1),
        (["by the Board"], "", ["Board"], "", 0, 0.67),
        (["(31.5)"], "", ["-31.5"], "", 1, 1),
        (["5"], "", [], "", 0, 0),
    ],
)
def test_known_triples_score_as_published(
    gold: list[str], gold_scale: str, found: list[str], scale: str, exact: float, f1: float
) -> None:
    assert score(gold, gold_scale, found, scale) == (exact, f1)


@pytest.mark.data
def test_the_floors_hold_on_a_part_of_the_development_set(data: Path) -> None:
    report = tatqa.run(Namespace(data=data / "tatqa_dev", limit=250))
    assert report.metrics["em"] >= 0.57
    assert report.metrics["f1"] >= 0.65
    assert report.metrics["em_arithmetic"] >= 0.66
    assert report.metrics["em_at_half"] >= 0.80
