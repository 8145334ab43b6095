"""Many DICOM files together: studies, series, slices in order, and places that point at the slice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import generate_uid

from core.types import Block, Content, Page
from ingest.limits import Limits
from ingest.readers import ZIP, archive, dicom_series
from ingest.readers.dicom_series import Member, ordered
from tests.ingest.readers.test_dicom import slice_of
from tests.ingest.readers.test_parts import packed

CANARY = "Canarywoman"
FLAT = [1, 0, 0, 0, 1, 0]
Read = Callable[..., Content]


@pytest.fixture
def pictures() -> list[bytes]:
    return []


@pytest.fixture
def read(tmp_path: Path, pictures: list[bytes]) -> Read:
    def sink(image: bytes) -> str:
        pictures.append(image)
        return f"{len(pictures):064x}"

    def read(members: dict[str, bytes]) -> Content:
        path = tmp_path / "a.zip"
        path.write_bytes(packed(members))
        content = archive.read(path, sink, limits=Limits())
        assert content.media_type == ZIP
        assert [page.number for page in content.pages] == list(range(1, len(content.pages) + 1))
        return content

    return read


def dicom(tmp_path: Path, grey: int = 0, **attributes: Any) -> bytes:
    """A slice whose pixels are all `grey`, of a window from 0 to 100."""
    attributes = {"PatientName": CANARY, "WindowCenter": 50, "WindowWidth": 101, **attributes}
    dataset = slice_of(np.full((4, 6), grey), **attributes)
    path = tmp_path / "slice"
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def stack(tmp_path: Path, heights: dict[str, float], **attributes: Any) -> dict[str, bytes]:
    """Slices by name, at these heights in mm."""
    return {
        name: dicom(
            tmp_path,
            InstanceNumber=number,
            ImagePositionPatient=[0, 0, height],
            ImageOrientationPatient=FLAT,
            SliceLocation=height,
            **attributes,
        )
        for number, (name, height) in enumerate(heights.items(), 1)
    }


def block(page: Page, kind: str, at: int = 0) -> Block:
    return [one for one in page.blocks if one.kind == kind][at]


def test_slices_are_one_series_in_the_order_of_their_positions(
    tmp_path: Path, read: Read, pictures: list[bytes]
) -> None:
    content = read(stack(tmp_path, {"b/1.dcm": 5.0, "b/2.dcm": 0.0, "b/3.dcm": 2.5}))
    assert content.title == "CT Image, Knee, left: 3 files"
    assert content.meta == {"study": "1.2.3"}
    assert [page.label for page in content.pages] == [
        "series 1, slice 1 of 3, b/2.dcm",
        "series 1, slice 2 of 3, b/3.dcm",
        "series 1, slice 3 of 3, b/1.dcm",
    ]
    assert len(pictures) == len({page.image for page in content.pages}) == 3
    first = content.pages[0]
    assert [(one.text, one.level) for one in first.blocks if one.kind == "heading"] == [
        ("Study 1.2.3, 1 series", 1),
        ("CT Image, Knee, left: 3 slices", 2),
    ]
    common, own = block(first, "record"), block(first, "record", 1)
    assert (common.anchor, own.anchor) == ("series 1, header", first.label)
    for words in ("Modality: CT", "Series UID: 1.2.3.4", "3 slices, ordered by position", "PatientName"):
        assert words in common.text
    assert "Distance between neighbouring slices: 2.5 mm" in common.text
    assert "Slice location" not in common.text
    assert own.text.startswith("Slice 1 of 3\n")
    assert "Slice location: 0.0 mm" in own.text
    assert "Modality" not in own.text
    assert [(one.attribute, one.value, one.anchor) for one in own.readings] == [("Slice location", "0.0", "")]
    assert CANARY not in repr(content)
    assert {one.anchor for page in content.pages[1:] for one in page.blocks} == {
        page.label for page in content.pages[1:]
    }


def test_series_of_a_study_stand_together_by_their_numbers(tmp_path: Path, read: Read) -> None:
    late = stack(tmp_path, {"x1": 1, "x2": 2}, SeriesInstanceUID="1.9", SeriesNumber=9)
    early = stack(tmp_path, {"a1": 1, "a2": 2}, SeriesInstanceUID="1.2", SeriesNumber=2)
    alone = dicom(tmp_path, SeriesInstanceUID="1.5", SeriesNumber=5)
    other = stack(tmp_path, {"o1": 1, "o2": 2}, StudyInstanceUID="7.7", SeriesInstanceUID="7.1")
    members = {"note.txt": b"words", **late, "lone": alone, **early, **other}
    content = read(members)
    assert content.title == ""  # there is more in it than one study
    assert [page.label for page in content.pages] == [
        "part 1: note.txt",
        "study 1, series 1, slice 1 of 2, a1",
        "study 1, series 1, slice 2 of 2, a2",
        "study 1, series 2, lone",
        "study 1, series 3, slice 1 of 2, x1",
        "study 1, series 3, slice 2 of 2, x2",
        "study 2, series 1, slice 1 of 2, o1",
        "study 2, series 1, slice 2 of 2, o2",
    ]
    assert block(content.pages[1], "heading").text == "Study 1.2.3, 3 series"
    assert {one.anchor for one in content.pages[3].blocks} == {
        "study 1, series 2, lone", "study 1, series 2, lone, header", "study 1, series 2, lone, frame 1",
    }  # fmt: skip


def test_names_of_files_and_folders_do_not_tell_the_patient(tmp_path: Path, read: Read) -> None:
    patient = {"PatientName": f"{CANARY}^Ann", "PatientID": "4711"}
    members = stack(tmp_path, {f"{CANARY}_ANN_4711/IM_1": 0.0, "x/IM_2": 1.0}, **patient)
    content = read(members)
    assert [page.label.partition(", ")[2] for page in content.pages] == [
        "slice 1 of 2, [removed] [removed] [removed]/IM 1", "slice 2 of 2, x/IM_2",
    ]  # fmt: skip
    alone = read({f"{CANARY}/IM_1": next(iter(members.values()))})
    assert CANARY not in repr(content) + repr(alone)
    assert alone.pages[0].label == "part 1: [removed]/IM 1"


def test_a_picture_that_came_twice_is_shown_once_and_said_so(tmp_path: Path, read: Read) -> None:
    members = stack(tmp_path, {"1": 0.0, "2": 1.0})
    content = read({**members, "copy of 2": members["2"]})
    assert len(content.pages) == 2
    assert "1 files hold a picture that is there already" in block(content.pages[0], "record").text


def test_a_film_keeps_its_frames_and_a_lone_file_is_a_part(tmp_path: Path, read: Read) -> None:
    film = slice_of(np.zeros((3, 4, 6)))
    film.save_as(tmp_path / "film", enforce_file_format=True)
    content = read({"film": (tmp_path / "film").read_bytes(), "slice": dicom(tmp_path)})
    assert [page.label for page in content.pages] == [
        "series 1, film, frame 1", "series 1, film, frame 2", "series 1, film, frame 3", "series 1, slice",
    ]  # fmt: skip
    assert [page.label for page in read({"slice": dicom(tmp_path)}).pages] == ["part 1: slice"]


def test_what_cannot_be_read_of_a_series_fails_alone(tmp_path: Path, read: Read) -> None:
    members = stack(tmp_path, {"1": 0.0, "2": 1.0, "3": 2.0})
    members["2"] = members["2"][:-20]  # its pixels are cut off
    members["broken"] = b"\0" * 128 + b"DICM" + b"\xff" * 40
    content = read(members)
    assert "Its picture cannot be shown" in content.pages[1].blocks[0].text
    assert [bool(page.image) for page in content.pages] == [True, False, True, False]
    assert content.pages[3].problem.startswith("part 4: broken: ")


def test_without_positions_the_numbers_then_the_names_order(tmp_path: Path, read: Read) -> None:
    numbered = {name: dicom(tmp_path, InstanceNumber=number) for name, number in (("a", 10), ("b", 9))}
    assert [page.label for page in read(numbered).pages] == [
        "series 1, picture 1 of 2, b", "series 1, picture 2 of 2, a",
    ]  # fmt: skip
    named = {name: dicom(tmp_path, SOPInstanceUID=generate_uid()) for name in ("b", "a")}
    assert [page.label.rpartition(" ")[2] for page in read(named).pages] == ["a", "b"]


def test_slices_in_a_tilted_plane_are_ordered_along_its_normal(tmp_path: Path) -> None:
    sagittal = [0, 1, 0, 0, 0, -1]  # its normal is (-1, 0, 0)
    members = []
    for number, across in enumerate([3.0, -4.0, 1.0]):
        path = tmp_path / str(number)
        path.write_bytes(
            dicom(tmp_path, ImagePositionPatient=[across, 9 * number, 0], ImageOrientationPatient=sagittal)
        )
        found = dicom_series.member(path, str(number))
        assert isinstance(found, Member)
        members.append(found)
    slices, by = ordered(members)
    assert ([one.name for one in slices], by) == (["0", "2", "1"], "position")
