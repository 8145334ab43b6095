"""The commands about documents as a whole: recount, cancel, retry, pause. They speak to a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.assemble import Sightline
from api.documents import accepted_file
from api.service import Here
from core.settings import Settings
from core.types import Access
from rag.index.files import FileStatus, Job
from tests.api.small import Busy, add, listening, small
from tests.api.test_cli import Run, run

__all__ = ["run"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path / "state"))
    with listening(sightline):
        yield sightline
    sightline.close()


def test_a_recount_says_what_was_wrong_and_repairs_it(run: Run, served: Sightline) -> None:
    at = ("--state", served.settings.state)
    file_id = add(served, "a.txt", "Margins fell.")
    assert "everything adds up" in run("status", "--verify", *at).out
    served.store.delete("a", file_id)
    shown = run("status", "--verify", *at)
    assert shown.code == 0
    assert all(word in shown.out for word in ("a.txt", "vectors", "read again"))
    assert served.store.count("a") == 1


def test_a_recount_that_cannot_repair_everything_ends_with_1(run: Run, served: Sightline) -> None:
    at = ("--state", served.settings.state)
    file_id = add(served, "a.txt", "Margins fell.")
    served.media.delete("a", served.catalog.get("a", file_id).content_hash)
    told = run("status", "--verify", *at, "--json")
    assert (told.code, told.json["lost"], told.json["repaired"]) == (1, [file_id], [])
    assert "send it again" in run("status", "--verify", *at).out
    add(served, "a.txt", "Margins fell.")
    assert run("status", "--verify", *at).code == 0


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path / "state", max_queued=2), jobs=Busy())
    with listening(sightline):
        yield sightline
    sightline.close()


def queued(sightline: Sightline, name: str) -> FileStatus:
    return sightline.pipeline.accept("a", name, name.encode())


def test_what_waits_is_cancelled_and_tried_again(run: Run, busy: Sightline, tmp_path: Path) -> None:
    at = ("--state", busy.settings.state)
    file = queued(busy, "a.txt")
    done = run("cancel", "a.txt", *at, "--json")
    assert (done.code, [one["stage"] for one in done.json["cancelled"]]) == (0, ["cancelled"])
    assert "cancelled a.txt" in done.err
    assert "cancelled" in run("status", "a.txt", *at).out
    again = run("cancel", "a.txt", "nowhere.txt", *at, "--json")
    assert (again.code, len(again.json["failed"])) == (1, 2)
    assert "is cancelled; only what waits" in again.err

    busy.turns.pause("a")
    done = run("retry", "a.txt", *at, "--json")
    assert (done.code, [(one["id"], one["stage"]) for one in done.json["files"]]) == (
        0,
        [(file.id, "queued")],
    )
    assert "paused" in done.err
    assert run("retry", "a.txt", *at).code == 1


def test_a_failed_file_is_read_again_and_its_end_waited_for(run: Run, served: Sightline) -> None:
    at = ("--state", served.settings.state)
    file = queued(served, "a.txt")
    served.catalog.fail(Job("a", file.id, 1), "the disk was full")
    served.attempts.note(Job("a", file.id, 1), "publishing", "the disk was full")
    shown = run("status", "a.txt", *at).out
    assert "a.txt, version 1, publishing, " in shown
    assert "the disk was full" in shown
    done = run("retry", "a.txt", *at, "--json")
    assert (done.code, [one["stage"] for one in done.json["files"]]) == (0, ["ready"])


def test_ingestion_is_paused_and_goes_on(run: Run, busy: Sightline, tmp_path: Path) -> None:
    at = ("--state", busy.settings.state)
    assert run("pause", *at, "--json").json["paused"] is True
    (tmp_path / "b.txt").write_text("Costs rose.")
    sent = run("ingest", tmp_path / "b.txt", *at, "--json")
    assert (sent.code, sent.json["ready"], sent.json["failed"]) == (0, 0, 0)
    assert "waits for `sightline resume`" in sent.err
    assert run("status", *at, "--json").json["paused"] is True
    assert "ingestion is paused" in run("status", *at).out
    assert "1 documents wait" in run("resume", *at).err
    assert run("status", *at, "--json").json["paused"] is False


def test_a_full_queue_is_waited_for(busy: Sightline, tmp_path: Path) -> None:
    first, second = queued(busy, "a.txt"), queued(busy, "b.txt")
    (tmp_path / "c.txt").write_text("Costs rose.")
    waited: list[float] = []
    told: list[str] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            busy.catalog.cancel("a", first.id)

    class Shown:
        def tell(self, line: str) -> None:
            told.append(line)

    file = accepted_file(Here(busy, Access("a")), tmp_path / "c.txt", Shown(), pause)  # type: ignore[arg-type]
    assert file.stage == "queued"
    assert len(waited) == 2
    assert told == ["2 documents wait to be read, no more are taken; waiting for room"]
    assert busy.turns.waiting("a") == 2
    assert second.id in {one.id for one in busy.catalog.list_files("a")}


def test_compacting_says_what_it_freed(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    assert run("pause", "--state", folder).code == 0
    assert run("compact", "--state", folder).err.startswith("nothing of what was deleted is left")
    sightline = small(Settings(state=folder))
    with listening(sightline):
        told = run("compact", "--state", folder, "--json")
    sightline.close()
    assert told.code == 0
    assert told.json["bytes_before"] >= told.json["bytes_after"] > 0
