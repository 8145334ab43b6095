"""A watched folder, with changes and a clock of the test's own."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from api.assemble import Sightline
from api.bundles import Item, path_of
from api.cli import main
from api.schemas import File
from api.service import Here, refused
from api.watch import SETTLED, Stopped, Watch
from core.settings import Settings
from core.types import Access
from tests.api.small import Busy, small

ROOT = Path(__file__).parents[2]


class Lines:
    def __init__(self) -> None:
        self.told: list[str] = []

    def changed(self, file: File) -> None:
        self.told.append(f"{file.stage} {file.filename}")

    def tell(self, line: str) -> None:
        self.told.append(line)


class Days:
    """Ticks of a watch: before each something is done, and a while passes."""

    def __init__(self, *days: tuple[float, Callable[[], Iterable[Path]]]) -> None:
        self.days = days
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def __iter__(self) -> Iterator[Iterable[Path]]:
        for seconds, act in self.days:
            self.now += seconds
            yield act()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "watched"
    folder.mkdir()
    return folder


def watch(sightline: Sightline, folder: Path, days: Days, **options: Any) -> tuple[Watch, list[str]]:
    service, lines = Here(sightline, Access("a")), Lines()
    watching = Watch(
        service,
        [folder],
        take=lambda item: service.accept(path_of(item)),
        shown=lines,
        clock=days.clock,
        **options,
    )
    watching.run(days)
    return watching, lines.told


def write(*paths: Path, text: str = "Margins fell.") -> Callable[[], Iterable[Path]]:
    def act() -> Iterable[Path]:
        for path in paths:
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{text} {path.name}")
        return paths

    return act


def remove(*paths: Path) -> Callable[[], Iterable[Path]]:
    def act() -> Iterable[Path]:
        for path in paths:
            path.unlink()
        return paths

    return act


def nothing() -> Iterable[Path]:
    return ()


def sources(sightline: Sightline, folder: Path) -> set[str]:
    files = Here(sightline, Access("a")).files()
    return {str(Path(file.source).relative_to(folder.resolve())) for file in files}


def test_what_is_there_and_what_comes_is_read_once_it_stands_still(empty: Sightline, folder: Path) -> None:
    write(folder / "old.txt")()
    seen: list[set[str]] = []

    def look() -> Iterable[Path]:
        seen.append(sources(empty, folder))
        return ()

    days = Days(
        (0, write(folder / "new.txt")),
        (SETTLED / 2, write(folder / "new.txt", text="It is still being written.")),
        (SETTLED / 2, nothing),
        (0.0, look),
        (SETTLED / 2, nothing),
        (0.0, look),
    )
    watching, told = watch(empty, folder, days)
    assert seen == [{"old.txt"}, {"old.txt", "new.txt"}]
    assert watching.taken == 2
    assert {"ready old.txt", "ready new.txt"} <= set(told)


def test_what_comes_while_the_watch_is_set_up_is_not_missed(empty: Sightline, folder: Path) -> None:
    """It is there before the first tick, and no tick names it."""

    def unnoticed() -> Iterable[Path]:
        write(folder / "a.txt")()
        return ()

    watch(empty, folder, Days((0, unnoticed), (SETTLED, nothing)))
    assert sources(empty, folder) == {"a.txt"}


def test_a_changed_file_takes_the_place_of_the_old_one(empty: Sightline, folder: Path) -> None:
    path = folder / "a.txt"
    write(path, text="The ferry is called Otter.")()
    days = Days(
        (0, nothing),
        (SETTLED, nothing),
        (0, write(path, text="The ferry is called Heron.")),
        (SETTLED, nothing),
    )
    watch(empty, folder, days)
    (file,) = Here(empty, Access("a")).files()
    assert "Heron" in empty.media.get("a", empty.catalog.get("a", file.id).content_hash).decode()


def test_hidden_and_unfinished_files_are_left_out(empty: Sightline, folder: Path) -> None:
    left_out = [folder / name for name in (".git/a.txt", ".b.txt", "~$c.docx", "d.part", "e.tmp")]
    act = write(*left_out, folder / "sub" / "f.txt")
    watch(empty, folder, Days((0, act), (SETTLED, nothing)))
    assert sources(empty, folder) == {"sub/f.txt"}


def test_a_folder_that_is_moved_in_is_read_with_all_below_it(empty: Sightline, folder: Path) -> None:
    def moved() -> Iterable[Path]:
        write(folder.parent / "sub" / "a.txt")()
        return [(folder.parent / "sub").rename(folder / "sub")]

    watch(empty, folder, Days((0, moved), (SETTLED, nothing)))
    assert sources(empty, folder) == {"sub/a.txt"}


@pytest.mark.parametrize(("delete_missing", "left"), [(True, {"b.txt"}), (False, {"a.txt", "b.txt"})])
def test_what_is_gone_is_deleted_where_that_is_wanted(
    empty: Sightline, folder: Path, *, delete_missing: bool, left: set[str]
) -> None:
    write(folder / "a.txt", folder / "b.txt")()
    days = Days(
        (0, nothing), (SETTLED, nothing), (0, remove(folder / "a.txt")), (SETTLED, nothing),
    )  # fmt: skip
    watching, told = watch(empty, folder, days, delete_missing=delete_missing)
    assert sources(empty, folder) == left
    assert watching.deleted == 2 - len(left)
    assert any(line.startswith("deleted ") for line in told) == delete_missing


def test_a_file_that_is_replaced_by_renaming_is_not_deleted_in_between(
    empty: Sightline, folder: Path
) -> None:
    path = folder / "a.txt"
    write(path)()
    days = Days(
        (0, nothing),
        (SETTLED, nothing),
        (0, remove(path)),
        (SETTLED / 2, write(path)),
        (SETTLED, nothing),
    )
    watching, _ = watch(empty, folder, days, delete_missing=True)
    assert (watching.deleted, sources(empty, folder)) == (0, {"a.txt"})


def test_a_folder_that_is_gone_deletes_all_that_was_below_it(empty: Sightline, folder: Path) -> None:
    write(folder / "sub" / "a.txt", folder / "sub" / "b.txt", folder / "c.txt")()

    def gone() -> Iterable[Path]:
        remove(folder / "sub" / "a.txt", folder / "sub" / "b.txt")()
        (folder / "sub").rmdir()
        return [folder / "sub"]

    watch(empty, folder, Days((0, nothing), (SETTLED, gone), (SETTLED, nothing)), delete_missing=True)
    assert sources(empty, folder) == {"c.txt"}


@pytest.mark.parametrize("is_mounted", [True, False])
def test_what_went_while_nobody_watched_is_deleted_unless_all_is_gone(
    empty: Sightline, folder: Path, *, is_mounted: bool
) -> None:
    write(folder / "a.txt", folder / "b.txt")()
    watch(empty, folder, Days((0, nothing), (SETTLED, nothing)))
    (folder / "a.txt").unlink()
    if not is_mounted:
        (folder / "b.txt").unlink()
    watch(empty, folder, Days((0, nothing), (SETTLED, nothing)), delete_missing=True)
    assert sources(empty, folder) == ({"b.txt"} if is_mounted else {"a.txt", "b.txt"})


def test_a_watch_that_waits_for_room_stops_when_it_is_told_to(empty: Sightline, folder: Path) -> None:
    write(folder / "a.txt")()

    def full(_item: Item) -> File:
        raise Stopped

    days = Days((0, nothing), (SETTLED, nothing), (0, write(folder / "b.txt")))
    service = Here(empty, Access("a"))
    Watch(service, [folder], take=full, shown=Lines(), clock=days.clock).run(days)
    assert not (folder / "b.txt").exists()


def test_a_file_that_is_deleted_while_it_waits_is_followed_no_more(tmp_path: Path, folder: Path) -> None:
    sightline = small(Settings(state=tmp_path / "state"), jobs=Busy())
    write(folder / "a.txt", folder / "b.txt")()

    def deleted() -> Iterable[Path]:
        first, second = sightline.catalog.list_files("a")
        sightline.pipeline.delete("a", first.id)
        sightline.catalog.cancel("a", second.id)
        return ()

    _, told = watch(sightline, folder, Days((0, nothing), (SETTLED, nothing), (0, deleted), (0, nothing)))
    assert sorted(line.split()[0] for line in told) == ["cancelled", "queued", "queued"]
    sightline.close()


def test_a_file_that_cannot_be_taken_does_not_stop_the_watch(empty: Sightline, folder: Path) -> None:
    write(folder / "a.txt", folder / "b.txt")()
    service = Here(empty, Access("a"))
    days = Days((0, nothing), (SETTLED, nothing))
    watching = Watch(
        service,
        [folder],
        take=lambda item: (
            refused(path_of(item), "no") if path_of(item).name == "a.txt" else service.accept(path_of(item))
        ),
        shown=Lines(),
        clock=days.clock,
    )
    watching.run(days)
    assert sources(empty, folder) == {"b.txt"}


@pytest.mark.parametrize("arguments", [("nowhere", "--watch"), (".", "--delete-missing")])
def test_watching_what_is_no_folder_is_wrong_use(
    tmp_path: Path, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", *arguments, "--state", str(tmp_path / "state")]) == 2
    assert "watch" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_watching_process_ends_in_order_when_it_is_told_to(tmp_path: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "api.cli", "ingest", "--watch", str(folder), "--json"]
    command += ["--state", str(tmp_path / "state")]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stderr
        patience = Timer(60, watching.kill)
        patience.start()
        assert watching.stderr.readline().startswith("watching ")
        (folder / "a.txt").write_text("Margins fell.")
        assert watching.stderr.readline() == "ready a.txt, 1 pages\n"
        watching.send_signal(signal.SIGTERM)
        out, err = watching.communicate()
        patience.cancel()
    assert (watching.returncode, err) == (0, "")
    assert json.loads(out) == {"taken": 1, "deleted": 0}
