"""DICOM: what was taken and how, as a record; each frame as a picture; a report's own text.

Only what `_HARMLESS` lists leaves the header, so that no identifier can reach the index; what was left
out is named in the record and in `meta`, without its values (`ingest.readers.identifiers`). Words burned
into the pixels are never read, and where the file says that there are any, its pictures are not kept.
Places are frames, "header" and "report"; one point is one pixel. The file itself is kept as it came.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import TooLarge, UnreadableFile
from core.ports import ImageSink
from core.types import Block, Box, Content, Page, Reading
from ingest.limits import Limits, exhausted
from ingest.readers import dicom_picture as picture
from ingest.readers.identifiers import identifying, names, private_count, struck

MOST_FRAMES = 200  # of one file that are kept as pictures, evenly spread

# Attribute, how it is called in the record, unit. Nothing else leaves the header.
_HARMLESS: tuple[tuple[str, str, str], ...] = (
    ("SOPClassUID", "Kind of object", ""),
    ("Modality", "Modality", ""),
    ("BodyPartExamined", "Body part", ""),
    ("Laterality", "Laterality", ""),
    ("ImageLaterality", "Image laterality", ""),
    ("ViewPosition", "View position", ""),
    ("PatientPosition", "Patient position", ""),
    ("PatientOrientation", "Patient orientation", ""),
    ("ImageType", "Image type", ""),
    ("Manufacturer", "Manufacturer", ""),
    ("ManufacturerModelName", "Model", ""),
    ("MagneticFieldStrength", "Magnetic field strength", "T"),
    ("ScanningSequence", "Scanning sequence", ""),
    ("SequenceVariant", "Sequence variant", ""),
    ("RepetitionTime", "Repetition time", "ms"),
    ("EchoTime", "Echo time", "ms"),
    ("FlipAngle", "Flip angle", "deg"),
    ("KVP", "Tube voltage", "kV"),
    ("XRayTubeCurrent", "Tube current", "mA"),
    ("ExposureTime", "Exposure time", "ms"),
    ("Exposure", "Exposure", "mAs"),
    ("ConvolutionKernel", "Convolution kernel", ""),
    ("SliceThickness", "Slice thickness", "mm"),
    ("SpacingBetweenSlices", "Spacing between slices", "mm"),
    ("SliceLocation", "Slice location", "mm"),
    ("ImagePositionPatient", "Image position", "mm"),
    ("ImageOrientationPatient", "Image orientation", ""),
    ("Rows", "Rows", ""),
    ("Columns", "Columns", ""),
    ("NumberOfFrames", "Number of frames", ""),
    ("PhotometricInterpretation", "Photometric interpretation", ""),
    ("BitsStored", "Bits stored", ""),
    ("RescaleSlope", "Rescale slope", ""),
    ("RescaleIntercept", "Rescale intercept", ""),
    ("DoseUnits", "Dose units", ""),
    ("DoseGridScaling", "Dose grid scaling", ""),
    ("SeriesNumber", "Series number", ""),
    ("AcquisitionNumber", "Acquisition number", ""),
    ("InstanceNumber", "Instance number", ""),
    ("FrameOfReferenceUID", "Frame of reference UID", ""),
    ("StudyInstanceUID", "Study UID", ""),
    ("SeriesInstanceUID", "Series UID", ""),
    ("SOPInstanceUID", "Instance UID", ""),
)
_SPACINGS = (("PixelSpacing", "Pixel spacing"), ("ImagerPixelSpacing", "Imager pixel spacing"))
_MEASURED = frozenset({"mm", "ms", "T", "kV", "mA", "mAs", "deg"})
_META = {
    "StudyInstanceUID": "study",
    "SeriesInstanceUID": "series",
    "SOPInstanceUID": "instance",
    "Modality": "modality",
}
_BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    OSError,
    EOFError,
    IndexError,
)
_SR_VALUES = frozenset({"TEXT", "CODE", "NUM", "DATE", "CONTAINER"})


class Line(NamedTuple):
    """A line of the record; `reading` where it holds a measured value."""

    text: str
    reading: Reading | None = None


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    """Raises UnreadableFile for a file that is no DICOM object or says nothing about itself."""
    with warnings.catch_warnings():
        # Values that break a rule of the standard are warned about; they are shown as they are.
        warnings.simplefilter("ignore")
        return _read(opened(path), sink, limits)


def opened(path: Path, *, header: bool = False) -> Any:
    """The dataset, of which pixels are read when they are asked for; with `header` without them."""
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    try:
        dataset = dcmread(path, force=True, stop_before_pixels=header)
    except InvalidDicomError as error:
        raise UnreadableFile(f"it is no DICOM file: {error}") from error
    except (*_BROKEN, BytesLengthException) as error:
        raise UnreadableFile(f"the DICOM file is damaged or cut off: {str(error)[:200]}") from error
    if "TransferSyntaxUID" not in dataset.file_meta:
        # Files from before the header of DICOM files had one: how they were read says how they are written.
        explicit = not dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    return dataset


def _read(dataset: Any, sink: ImageSink, limits: Limits) -> Content:
    removed = sorted(identifying(dataset))
    lines = list(lines_of(dataset))
    told = list(_report_text(dataset))
    if not any(value_of(dataset, keyword) for keyword in ("SOPClassUID", "Modality", "Rows")) and not told:
        raise UnreadableFile(
            "the DICOM header is damaged or says nothing about itself: no kind of object, no modality and no picture"
        )
    frames, about = frames_of(dataset, sink, limits)
    leftout = left_out(dataset, removed)
    record = "\n".join([*(line.text for line in lines), *about, *leftout])
    readings = tuple(line.reading for line in lines if line.reading)
    title = title_of(dataset)
    blocks = [
        Block("heading", title, level=1),
        Block("record", record, anchor="header", readings=readings),
        *told,
    ]
    pages = list(_pages(blocks, frames))
    meta = {name: value_of(dataset, keyword) for keyword, name in _META.items()}
    meta |= {
        "removed": ", ".join(removed),
        "removed_private": str(private_count(dataset)),
        "burned_in_annotation": value_of(dataset, "BurnedInAnnotation") or "not said",
    }
    return Content(
        "application/dicom", tuple(pages), title, {key: text for key, text in meta.items() if text}
    )


# ---------------------------------------------------------------- the header


def value_of(dataset: Any, keyword: str) -> str:
    """As text, "" where it is absent or cannot be read."""
    try:
        element = dataset.get_item(keyword) and dataset[keyword]
        if element is None or element.value is None:
            return ""
        value = element.value
        if element.VR == "UI" and keyword == "SOPClassUID":
            return str(value.name)
        if element.VM > 1:
            return ", ".join(str(one) for one in value)
        return " ".join(str(value).split())
    except _BROKEN:
        return ""


def lines_of(dataset: Any) -> Iterator[Line]:
    for keyword, name, unit in _HARMLESS:
        text = value_of(dataset, keyword)
        if text and keyword != "NumberOfFrames":
            reading = _measured(name, text, unit) if unit in _MEASURED else None
            yield Line(f"{name}: {text} {unit}".rstrip(), reading)
        if keyword == "SliceLocation":
            yield from _spacing(dataset)
    window = picture.window_of(dataset)
    if window:
        yield Line(f"Window: {window}")


def _spacing(dataset: Any) -> Iterator[Line]:
    """Between rows, between columns, in mm; of an enhanced object from its functional groups."""
    measures = picture.functional(dataset, 0, "PixelMeasuresSequence")
    for source in (dataset, measures):
        for keyword, name in _SPACINGS if source is not None else ():
            between = value_of(source, keyword).split(", ")
            if len(between) == 2:
                text = f"{name}: {between[0]} mm between rows, {between[1]} mm between columns"
                yield Line(text, _measured(name, between[0], "mm"))
    if measures is not None and (thick := value_of(measures, "SliceThickness")):
        yield Line(f"Slice thickness: {thick} mm", _measured("Slice thickness", thick, "mm"))


def _measured(name: str, text: str, unit: str) -> Reading | None:
    from decimal import Decimal, InvalidOperation

    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return Reading(name, str(value), f"{text} {unit}", unit, method="dicom") if value.is_finite() else None


def title_of(dataset: Any) -> str:
    kind = (
        value_of(dataset, "SOPClassUID").removesuffix(" Storage")
        or value_of(dataset, "Modality")
        or "DICOM object"
    )
    part = value_of(dataset, "BodyPartExamined").capitalize()
    side = {"L": "left", "R": "right"}.get(
        value_of(dataset, "Laterality") or value_of(dataset, "ImageLaterality"), ""
    )
    return ", ".join(text for text in (kind, part, side) if text)


def left_out(dataset: Any, removed: Sequence[str]) -> Iterator[str]:
    private = private_count(dataset)
    if removed:
        yield f"Removed before indexing (DICOM PS3.15 basic profile, values not kept): {', '.join(removed)}"
    if private:
        yield f"Removed before indexing: {private} private attributes"
    yield f"Burned-in annotation: {value_of(dataset, 'BurnedInAnnotation') or 'not said by the file'}"


# ---------------------------------------------------------------- a report's own text


def _report_text(dataset: Any) -> Iterator[Block]:
    """The tree of a structured report, without what names somebody."""
    told = names(dataset)
    lines = [f"{'  ' * level}{struck(line, told)}" for level, line in _tree(dataset, 0)]
    if lines:
        yield Block("heading", "Report", level=2)
        yield Block("list", "\n".join(lines), anchor="report")


def _tree(item: Any, level: int) -> Iterator[tuple[int, str]]:
    if level > 20:
        return
    for part in item.get("ContentSequence") or []:
        kind = value_of(part, "ValueType")
        concept = _meaning(part, "ConceptNameCodeSequence")
        if kind in _SR_VALUES and not re.search(r"\bName\b", concept):
            value = _content_value(part, kind)
            if value or kind == "CONTAINER":
                yield level, f"{concept}: {value}".rstrip(": ")
        yield from _tree(part, level + 1)


def _content_value(part: Any, kind: str) -> str:
    if kind == "TEXT":
        return value_of(part, "TextValue")
    if kind == "CODE":
        return _meaning(part, "ConceptCodeSequence")
    if kind == "NUM":
        measured = next(iter(part.get("MeasuredValueSequence") or []), None)
        if measured is None:
            return ""
        unit = next(iter(measured.get("MeasurementUnitsCodeSequence") or []), None)
        return f"{value_of(measured, 'NumericValue')} {value_of(unit, 'CodeValue') if unit is not None else ''}".strip()
    return ""


def _meaning(part: Any, keyword: str) -> str:
    code = next(iter(part.get(keyword) or []), None)
    return value_of(code, "CodeMeaning") if code is not None else ""


# ---------------------------------------------------------------- its pictures


class Frame(NamedTuple):
    number: int  # from 1
    image: str
    width: int
    height: int


def frames_of(
    dataset: Any, sink: ImageSink, limits: Limits, most: int = MOST_FRAMES
) -> tuple[list[Frame], list[str]]:
    """The frames that are kept, `most` of them, and lines about what is there and what could not be shown."""
    if not any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return [], [f"It holds no picture ({_what_instead(dataset)})"]
    if value_of(dataset, "BurnedInAnnotation").upper() == "YES":
        return [], ["Its pictures are not kept: the file says that annotations are burned into them"]
    kept: list[Frame] = []
    try:
        total = picture.frame_count(dataset)
        wanted = spread(total, most)
        for number, pixels in zip(wanted, picture.pictures(dataset, wanted, limits)):
            height, width = pixels.shape[:2]
            kept.append(Frame(number + 1, sink(png(pixels)), width, height))
            if exhausted(limits):
                break
    except (UnreadableFile, TooLarge) as error:
        return kept, [f"Its picture cannot be shown: {error.message}"]
    about = [f"Frames: {total}"] if total > 1 else []
    if len(kept) < total:
        about.append(f"Of {total} frames {len(kept)} are kept as pictures")
    return kept, about


def spread(total: int, most: int) -> list[int]:
    """Which of `total` things are kept where `most` may be, from 0, evenly spread."""
    count = min(total, most)
    return [index * total // count for index in range(count)]


def _what_instead(dataset: Any) -> str:
    if "WaveformSequence" in dataset:
        return "a waveform, which is not drawn"
    if "ContentSequence" in dataset:
        return "a structured report"
    if "EncapsulatedDocument" in dataset:
        return f"an encapsulated document, {value_of(dataset, 'MIMETypeOfEncapsulatedDocument')}, which is not read"
    return "a header alone"


def png(pixels: Any) -> bytes:
    import io

    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def _pages(blocks: Sequence[Block], frames: Sequence[Frame]) -> Iterator[Page]:
    """The record stands on the first frame's page."""
    if not frames:
        yield Page(1, tuple(blocks))
        return
    for position, frame in enumerate(frames):
        whole = Box(0.0, 0.0, float(frame.width), float(frame.height))
        figure = Block("figure", "", whole, image=frame.image, anchor=f"frame {frame.number}")
        label = str(frame.number) if len(frames) > 1 else ""
        shown = (*blocks, figure) if position == 0 else (figure,)
        yield Page(frame.number, shown, whole.width, whole.height, label, frame.image)
