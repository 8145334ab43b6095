"""`sightline experts`: the answer, the table and the heat map."""

import json
from pathlib import Path

import pytest
from PIL import Image

from api.cli import main
from rag.vl.miniature.charts import Chart


def test_it_answers_and_shows_which_experts_worked(
    miniature: Path, charts: list[Chart], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charts[0].image.save(tmp_path / "chart.png")
    given = ["experts", str(miniature), "How many bars?", "--image", str(tmp_path / "chart.png")]
    assert main([*given, "--png", str(tmp_path / "map.png"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["answer"] == str(len(charts[0].values))
    assert sum(told["experts"]["image"][0]) == 2 * 48
    with Image.open(tmp_path / "map.png") as image:
        assert image.width > 100
    assert main(given) == 0
    assert "entropy" in capsys.readouterr().out
