"""What counts as a clear end of a hostile file, and a whole run through a server."""

from argparse import Namespace
from pathlib import Path

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from api.schemas import File
from api.service import refused
from bench.hostile import run, trouble_of


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.7\nnothing follows")
    return path


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    path = tmp_path / "locked.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 72, "Nobody reads this.")
    canvas.save()
    return path


def failed(path: Path, reason: str) -> File:
    return refused(path, reason)


def test_a_reason_that_names_the_cause_is_clear(broken: Path, locked: Path) -> None:
    assert not trouble_of(broken, failed(broken, "the PDF is damaged or cut off: it cannot be opened"), 1)
    assert not trouble_of(broken, failed(broken, "reading stopped at the memory limit of 1500 MB"), 1)
    assert not trouble_of(locked, failed(locked, "the PDF is locked: it needs a password to be opened"), 1)


def test_locked_and_broken_are_told_apart(broken: Path, locked: Path) -> None:
    assert trouble_of(broken, failed(broken, "it needs a password to be opened"), 1)
    assert trouble_of(locked, failed(locked, "the PDF is damaged or cut off"), 1)


@pytest.mark.parametrize(
    "reason",
    ["", "failed", "the reader failed: TypeError: 'NoneType' object", "reading stopped at the limit"],
)
def test_a_reason_that_explains_nothing_is_not(broken: Path, reason: str) -> None:
    assert trouble_of(broken, failed(broken, reason), 1)


def test_an_empty_success_and_a_slow_end_are_not(broken: Path) -> None:
    ready = failed(broken, "").model_copy(update={"stage": "ready", "pages_total": 1, "chunks": 2})
    assert not trouble_of(broken, ready, 1)
    assert trouble_of(broken, ready, 61)
    assert trouble_of(broken, ready.model_copy(update={"chunks": 0}), 1)


def test_a_folder_goes_through_a_server_that_stays_alive(broken: Path, locked: Path) -> None:
    (broken.parent / "good.txt").write_text("The pump delivers 40 litres a minute.", "utf-8")
    report = run(Namespace(data=broken.parent, limit=None, cpu_seconds=30, wall_seconds=50, memory_mb=1500))
    counts = {
        name: report.metrics[name] for name in ("files", "worker_deaths", "unclear", "succeeded", "failed")
    }
    assert counts == {"files": 3, "worker_deaths": 0, "unclear": 0, "succeeded": 1, "failed": 2}
