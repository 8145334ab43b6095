"""DICOM: what the record says, what a frame shows, and that no identifier gets past the reader."""

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from core.errors import UnreadableFile
from core.types import Content
from ingest.limits import Limits
from ingest.readers import DICOM, REGISTRY, detect

CANARY = "Canarywoman"
Pictures = dict[str, bytes]


@pytest.fixture
def pictures() -> Pictures:
    return {}


@pytest.fixture
def read(pictures: Pictures) -> Callable[[Path], Content]:
    def sink(image: bytes) -> str:
        pictures[key := f"{len(pictures):064x}"] = image
        return key

    def read(path: Path) -> Content:
        assert detect(path, "anything") == DICOM
        return REGISTRY[DICOM].reader(Limits())(path, sink)

    return read


def slice_of(frames: np.ndarray, **attributes: object) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.Modality, dataset.Laterality, dataset.BodyPartExamined = "CT", "L", "KNEE"
    dataset.PixelSpacing = [0.5, 0.75]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    if frames.ndim == 3:
        dataset.NumberOfFrames = len(frames)
    dataset.PixelData = frames.astype("<i2").tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def saved(dataset: FileDataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def grey(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image))).astype(int)


def record(content: Content) -> str:
    return next(block.text for block in content.pages[0].blocks if block.kind == "record")


RAMP = np.tile(np.arange(-100, 201, 10), (8, 1))  # -100 ... 200


def test_a_frame_is_shown_in_the_window_of_the_file(
    tmp_path: Path, read: Callable[[Path], Content], pictures: Pictures
) -> None:
    dataset = slice_of(RAMP, WindowCenter=50, WindowWidth=101, RescaleSlope=1, RescaleIntercept=0)
    content = read(saved(dataset, tmp_path / "a"))
    (shown,) = map(grey, pictures.values())
    assert shown[0, 0] == 0
    assert shown[0, -1] == 255
    assert shown[0, 15] == pytest.approx(127, abs=2)  # the value 50
    assert shown[0, 10] <= 1  # 0, the lower end
    assert "Window: center 50, width 101" in record(content)


def test_monochrome1_is_turned_round(
    tmp_path: Path, read: Callable[[Path], Content], pictures: Pictures
) -> None:
    read(saved(slice_of(RAMP, PhotometricInterpretation="MONOCHROME1"), tmp_path / "a"))
    (shown,) = map(grey, pictures.values())
    assert (shown[0, 0], shown[0, -1]) == (255, 0)


def test_spacing_laterality_and_uids_are_kept(tmp_path: Path, read: Callable[[Path], Content]) -> None:
    content = read(saved(slice_of(RAMP), tmp_path / "a"))
    text = record(content)
    assert "Pixel spacing: 0.5 mm between rows, 0.75 mm between columns" in text
    assert "Laterality: L" in text
    assert content.title == "CT Image, Knee, left"
    assert (content.meta["study"], content.meta["series"]) == ("1.2.3", "1.2.3.4")
    readings = content.pages[0].blocks[1].readings
    assert [(one.attribute, one.value, one.unit) for one in readings] == [("Pixel spacing", "0.5", "mm")]


def test_each_frame_is_a_page(tmp_path: Path, read: Callable[[Path], Content], pictures: Pictures) -> None:
    content = read(saved(slice_of(np.stack([RAMP, RAMP + 1, RAMP + 2])), tmp_path / "a"))
    assert [page.number for page in content.pages] == [1, 2, 3]
    assert [page.blocks[-1].anchor for page in content.pages] == ["frame 1", "frame 2", "frame 3"]
    assert [page.image for page in content.pages] == list(pictures)
    assert (content.pages[0].width, content.pages[0].height) == RAMP.shape[::-1]


def test_no_identifier_gets_past_the_reader(
    tmp_path: Path, read: Callable[[Path], Content], pictures: Pictures
) -> None:
    dataset = slice_of(
        RAMP,
        PatientName=f"{CANARY}^Anna",
        PatientID=f"{CANARY}-17",
        PatientBirthDate="19500102",
        StudyDescription=f"for {CANARY}",
        InstitutionName=f"{CANARY} Hospital",
        BurnedInAnnotation="NO",
    )
    inner = Dataset()
    inner.PersonName = f"{CANARY}^Bert"
    dataset.ContentSequence = Sequence(
        [text_item("Finding", f"Mrs {CANARY.upper()} has a cyst of 4 mm."), inner]
    )
    block = dataset.private_block(0x0009, "MAKER", create=True)
    block.add_new(1, "LO", CANARY)
    content = read(saved(dataset, tmp_path / "a"))
    packed = msgspec.msgpack.encode(content)
    assert CANARY.lower().encode() not in packed.lower()
    assert b"19500102" not in packed
    assert all(CANARY.encode() not in image for image in pictures.values())
    text = "\n".join(block.text for block in content.pages[0].blocks)
    assert "Finding: Mrs [removed] has a cyst of 4 mm." in text
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyDescription", "InstitutionName"):
        assert keyword in content.meta["removed"]
    assert content.meta["removed_private"] == "2"
    assert content.meta["burned_in_annotation"] == "NO"


def text_item(concept: str, text: str) -> Dataset:
    name, item = Dataset(), Dataset()
    name.CodeMeaning = concept
    item.ValueType, item.TextValue, item.ConceptNameCodeSequence = "TEXT", text, Sequence([name])
    return item


def test_pictures_with_burned_in_annotations_are_not_kept(
    tmp_path: Path, read: Callable[[Path], Content], pictures: Pictures
) -> None:
    content = read(saved(slice_of(RAMP, BurnedInAnnotation="YES"), tmp_path / "a"))
    assert not pictures
    assert "burned into them" in record(content)


def test_a_picture_that_cannot_be_shown_is_said_to_be_so(
    tmp_path: Path, read: Callable[[Path], Content], pictures: Pictures
) -> None:
    dataset = slice_of(RAMP)
    dataset.PixelData = dataset.PixelData[:100]
    content = read(saved(dataset, tmp_path / "a"))
    assert not pictures
    assert "Its picture cannot be shown: its pixels cannot be decoded" in record(content)


def test_a_huge_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, read: Callable[[Path], Content]
) -> None:
    content = read(saved(slice_of(RAMP, Rows=60000, Columns=60000), tmp_path / "a"))
    assert "3,600,000,000 pixels" in record(content)


def test_a_file_that_says_nothing_fails(tmp_path: Path, read: Callable[[Path], Content]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    with pytest.raises(UnreadableFile):
        read(path)


@pytest.mark.data
def test_the_samples_are_read_or_fail_with_a_reason(
    data: Path, read: Callable[[Path], Content], pictures: Pictures
) -> None:
    shown = {"CT_small.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "examples_overlay.dcm", "rtdose.dcm"}
    said = {"JPEG-lossy.dcm": "no decoder", "MR_truncated.dcm": "8130", "badVR.dcm": "1A"}
    said |= {
        "rtplan.dcm": "holds no picture",
        "waveform_ecg.dcm": "waveform",
        "reportsi.dcm": "structured report",
    }
    for name in shown:
        content = read(data / "dicom" / name)
        assert all(page.image in pictures for page in content.pages)
        assert grey(pictures[content.pages[0].image or ""]).std() > 1
    for name, words in said.items():
        assert words in record(read(data / "dicom" / name))
    with pytest.raises(UnreadableFile, match="says nothing about itself"):
        read(data / "dicom" / "nested_priv_SQ.dcm")
