"""A few deaths, as `python -m bench crash` tries all of them: on each database, with one process and several."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SettingsError
from ingest.crashpoints import POINTS, dies_at, nothing
from tests.conftest import POSTGRES

ROOT = Path(__file__).parents[2]


def crash(*options: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench", "crash", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    metrics: dict[str, float] = json.loads(done.stdout.splitlines()[-1])["metrics"]
    return metrics


@pytest.mark.parametrize(
    ("database", "workers", "points", "kills"),
    [
        ("sqlite", "1", "after_delete_points", "1"),
        pytest.param("postgres", "2", "after_publish", "1", marks=pytest.mark.postgres),
    ],
)
def test_nothing_is_lost_doubled_or_half_visible(
    database: str, workers: str, points: str, kills: str
) -> None:
    if database == "postgres" and not POSTGRES:
        pytest.skip("no Postgres (set SIGHTLINE_TEST_POSTGRES to its URL; .ci/run does)")
    metrics = crash(
        "--databases",
        database,
        "--workers",
        workers,
        "--points",
        points,
        "--kills",
        kills,
        "--postgres",
        POSTGRES,
    )
    wrong = {name: metrics[name] for name in ("lost", "doubled", "half_visible")}
    assert wrong == {"lost": 0, "doubled": 0, "half_visible": 0}
    assert metrics["rounds"] == len(points.split(",")) + int(kills)


def test_a_point_ends_the_process_without_a_word() -> None:
    program = "from ingest.crashpoints import dies_at\nr = dies_at('after_upsert')\nr('after_flush')\nprint('on')\nr('after_upsert')\nprint('never')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (137, "")
    assert "never" not in done.stdout


def test_without_a_point_nothing_happens() -> None:
    assert dies_at("") is nothing
    assert len(POINTS) >= 12


def test_an_unknown_point_is_refused() -> None:
    with pytest.raises(SettingsError, match="'after_lunch'; known: after_keep_file"):
        dies_at("after_lunch")
