"""The DICOM files of a folder: a series is one document, known under the names of all of its files."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from api.assemble import Sightline
from api.bundles import Bundle, grouped, packed, with_siblings
from api.documents import accepted_file
from api.service import Here
from api.watch import SETTLED, Watch
from core.types import Access
from tests.api.test_watch import Days, Lines, nothing, remove
from tests.ingest.readers.test_dicom import slice_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


def put(path: Path, height: float = 0.0, series: str = "1.2.3.4") -> Path:
    dataset = slice_of(
        np.full((4, 6), 50),
        SeriesInstanceUID=series,
        ImagePositionPatient=[0, 0, height],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    )
    dataset.save_as(path, enforce_file_format=True)
    return path


def named(sightline: Sightline) -> dict[str, list[str]]:
    """The names of each document, by its title."""
    files = sightline.catalog.list_files("a")
    return {file.title: sorted(Path(n).name for n in sightline.catalog.names("a", file.id)) for file in files}


def take(sightline: Sightline, *paths: Path) -> None:
    service = Here(sightline, Access("a"))
    shown: Any = Lines()
    for item in grouped(paths):
        accepted_file(service, item, shown, lambda _seconds: None)


def test_files_of_one_series_in_one_folder_belong_together(folder: Path) -> None:
    (folder / "other").mkdir()
    one, two = put(folder / "b"), put(folder / "a")
    elsewhere, lone = put(folder / "other" / "c"), put(folder / "d", series="9.9")
    note = folder / "note.txt"
    note.write_text("words")
    broken = folder / "broken.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    assert grouped([note, one, elsewhere, two, lone, broken, folder / "gone"]) == [
        note, Bundle((two, one)), elsewhere, lone, broken, folder / "gone",
    ]  # fmt: skip
    assert with_siblings([one, note], lambda path: path != two) == [one, note]
    assert with_siblings([one, note], lambda _path: True) == [Bundle((two, one)), note]


def test_the_archive_of_the_same_files_is_the_same(folder: Path, tmp_path: Path) -> None:
    bundle = Bundle((put(folder / "a"), put(folder / "b")))
    first = packed(bundle, tmp_path).read_bytes()
    os.utime(folder / "a", (0, 0))
    assert packed(bundle, tmp_path).read_bytes() == first


def test_a_series_is_one_document_under_the_names_of_all_of_its_files(empty: Sightline, folder: Path) -> None:
    files = [put(folder / f"IM{number}.dcm", number) for number in range(3)]
    take(empty, *files)
    assert named(empty) == {"CT Image, Knee, left: 3 files": ["IM0.dcm", "IM1.dcm", "IM2.dcm"]}
    (file,) = empty.catalog.list_files("a")
    assert (Path(file.source).name, file.status, file.pages_done) == ("IM0.dcm", "ready", 3)
    take(empty, *files)
    assert empty.catalog.list_files("a") == [file]


def test_a_series_that_grows_takes_the_place_of_what_was_there(empty: Sightline, folder: Path) -> None:
    files = [put(folder / f"IM{number}.dcm", number) for number in range(3)]
    take(empty, files[1])
    assert named(empty) == {"CT Image, Knee, left": ["IM1.dcm"]}
    take(empty, *files[:2])
    assert named(empty) == {"CT Image, Knee, left: 2 files": ["IM0.dcm", "IM1.dcm"]}
    take(empty, *files)
    assert named(empty) == {"CT Image, Knee, left: 3 files": ["IM0.dcm", "IM1.dcm", "IM2.dcm"]}


def test_over_http_a_document_keeps_names_beside_its_own(
    empty: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(empty)
    upload = {"file": ("a.txt", b"Margins fell.")}
    file = client.post("/v1/files", files=upload, data={"source": "a", "also": ["b", "c"]}).json()
    assert file["source"] == "a"
    assert empty.catalog.names("a", file["id"]) == ["b", "c", "a"]
    refused = client.post("/v1/files", files=upload, data={"source": "a", "also": ["b" * 601]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "source")


def follow(sightline: Sightline, folder: Path, *days: tuple[float, Callable[[], Iterable[Path]]]) -> None:
    service, ticks = Here(sightline, Access("a")), Days(*days)
    lines: Any = Lines()
    watching = Watch(
        service,
        [folder],
        take=lambda item: accepted_file(service, item, lines, lambda _seconds: None),
        shown=lines,
        delete_missing=True,
        clock=ticks.clock,
    )
    watching.run(ticks)


@pytest.mark.parametrize("gone", [0, 1])
def test_a_watched_series_is_what_its_folder_holds(empty: Sightline, folder: Path, gone: int) -> None:
    files = [folder.resolve() / f"IM{number}.dcm" for number in range(3)]
    seen = []

    def come() -> Iterable[Path]:
        return [put(path, number) for number, path in enumerate(files)]

    def look() -> Iterable[Path]:
        seen.append([len(names) for names in named(empty).values()])
        return ()

    settle = (SETTLED, nothing), (SETTLED, nothing), (SETTLED, nothing), (0.0, nothing), (0.0, look)
    rest = [path for path in files if path != files[gone]]
    follow(empty, folder, (0, come), *settle, (0, remove(files[gone])), *settle, (0, remove(*rest)), *settle)
    assert seen == [[3], [2], []]
