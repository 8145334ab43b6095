"""The ingest bench accounts for every file, every page and every second."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.ingest import STAGES, beside_langchain, files_of, run
from bench.report import Report

PEER = """\
import json, os, sys
assert sys.argv[1:] == ["ingest"]
folder = os.path.join(os.environ["DATA"], "financebench", "pdfs")
pages = sum(len(open(os.path.join(folder, f"{name}.pdf")).read()) for name in os.environ["PDFS"].split(","))
print("loading")
print(json.dumps({"pages_per_core_s": pages, "embed_share": 0.5, "peak_rss_mb": 900}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "one.md").write_text(
        "# Bolts\n\nThe M8 bolt bears 9 kN.\n\n# Nuts\n\nThe nut is of brass.\n", "utf-8"
    )
    (folder / "two.txt").write_text("The crane was inspected on 3 May.\n", "utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing follows")
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return run(Namespace(data=folder, only=None, limit=None, beside_langchain=None))


def test_every_file_and_page_is_accounted_for(report: Report) -> None:
    assert report.metrics["files"] == 3
    assert report.metrics["files_failed"] == 1
    assert report.metrics["pages_ingested"] == 2
    assert report.metrics["pages_total"] == report.metrics["pages_ingested"] + report.metrics["pages_failed"]
    assert report.metrics["tokens_seen"] > 0
    assert report.metrics["tokens_dropped"] == 0


def test_the_shares_are_fractions_and_add_up_to_one(report: Report) -> None:
    shares = [report.metrics[f"{name}_share"] for name in ("embedder", *STAGES, "rest")]
    assert sum(shares) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares)
    assert report.metrics["embedder_share"] > 0


def test_time_memory_and_disk_are_measured(report: Report) -> None:
    assert report.metrics["cpu_seconds"] > 0.05
    assert report.metrics["pages_per_core_second"] == pytest.approx(2 / report.metrics["cpu_seconds"])
    assert report.metrics["peak_rss_mb"] >= report.metrics["largest_process_rss_mb"] > 50
    assert report.metrics["bytes_per_page"] > 100


def test_only_the_named_files_are_taken(folder: Path) -> None:
    assert [path.name for path in files_of(folder, "two,broken")] == ["broken.pdf", "two.txt"]


def test_a_folder_without_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "--data", str(tmp_path)]) == 1
    assert "holds no such files" in capsys.readouterr().err


def test_a_peer_is_run_on_the_same_files_and_compared(tmp_path: Path) -> None:
    (tmp_path / "peer.py").write_text(PEER, "utf-8")
    (tmp_path / "ten.pdf").write_text("0123456789", "utf-8")
    metrics = beside_langchain(Path(sys.executable), tmp_path / "peer.py", [tmp_path / "ten.pdf"], 40)
    assert metrics["langchain_pages_per_core_second"] == 10
    assert metrics["times_langchain"] == 4


def test_a_peer_that_fails_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "peer.py").write_text('print(\'{"failed": "no model"}\')', "utf-8")
    with pytest.raises(ValueError, match="no model"):
        beside_langchain(Path(sys.executable), tmp_path / "peer.py", [], 40)


def test_the_comparison_takes_pdfs_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = ["--beside-langchain", sys.executable, "peer.py"]
    assert main(["ingest", "--data", str(folder), *beside]) == 1
    assert "PDFs" in capsys.readouterr().err
