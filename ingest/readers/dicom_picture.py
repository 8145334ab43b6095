"""The pixels of a DICOM object as grey or colour pictures, shown as the file says.

Stored values -> modality transform (rescale or table) -> window (the first that the file gives, linear,
exact or sigmoid, or its table) -> 8 bits; MONOCHROME1 is turned round, palettes and YBR become RGB.
Without a window the whole range of the frame is shown. JPEG 2000 and RLE are decoded by pylibjpeg,
8-bit JPEG by Pillow; JPEG-LS and 12-bit JPEG have no decoder here, and are said to have none.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TooLarge, UnreadableFile
from ingest.limits import Limits

_VIEW = (
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
)
_FUNCTIONAL = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
_BROKEN = (
    ValueError,
    AttributeError,
    KeyError,
    TypeError,
    RuntimeError,
    NotImplementedError,
    IndexError,
    OSError,
)


def frame_count(dataset: Any) -> int:
    try:
        return max(1, int(dataset.get("NumberOfFrames") or 1))
    except (ValueError, TypeError) as error:
        raise UnreadableFile(f"its number of frames cannot be read: {error}") from error


def pictures(dataset: Any, wanted: list[int], limits: Limits) -> Iterator[NDArray[np.uint8]]:
    """The frames with these numbers, from 0: (height, width) or (height, width, 3), red first.

    Raises UnreadableFile with what is wrong, TooLarge for a frame with more pixels than `limits` allow.
    """
    from pydicom.pixels.utils import iter_pixels

    _check(dataset, limits)
    try:
        for number, raw in zip(wanted, iter_pixels(dataset, indices=wanted)):
            yield _shown(raw, dataset, number)
    except _BROKEN as error:
        raise UnreadableFile(_reason(dataset, error)) from error


def window_of(dataset: Any, number: int = 0) -> str:
    """Centre and width that frame `number` is shown with, or ""."""
    view = _view(dataset, number)
    centers, widths = _list(view.get("WindowCenter")), _list(view.get("WindowWidth"))
    return f"center {float(centers[0]):g}, width {float(widths[0]):g}" if centers and widths else ""


def functional(dataset: Any, number: int, sequence: str) -> Any:
    """The item of a functional group for frame `number`, the frame's own before the shared one; or None."""
    groups = [*_list(dataset.get("PerFrameFunctionalGroupsSequence"))[number : number + 1]]
    groups += _list(dataset.get("SharedFunctionalGroupsSequence"))[:1]
    for group in groups:
        if items := _list(group.get(sequence)):
            return items[0]
    return None


def _check(dataset: Any, limits: Limits) -> None:
    try:
        height, width = int(dataset.Rows), int(dataset.Columns)
    except (AttributeError, ValueError, TypeError) as error:
        raise UnreadableFile(f"the size of its picture is not said: {error}") from error
    if height * width > limits.max_pixels:
        raise TooLarge(
            f"its picture has {width} x {height} = {width * height:,} pixels; at most {limits.max_pixels:,} are read"
        )


def _reason(dataset: Any, error: Exception) -> str:
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    name = syntax.name if syntax is not None else "no transfer syntax"
    if "decode" in str(error) and syntax is not None and syntax.is_compressed:
        return f"there is no decoder here for its pixels ({name}), or they are damaged"
    return f"its pixels cannot be decoded ({name}): {' '.join(str(error).split())[:200]}"


def _view(dataset: Any, number: int) -> Any:
    """The attributes that say how frame `number` is shown."""
    from pydicom import Dataset

    view = Dataset()
    for source in (dataset, *(functional(dataset, number, sequence) for sequence in _FUNCTIONAL)):
        for keyword in _VIEW:
            if source is not None and keyword in source:
                view[keyword] = source[keyword]
    for keyword in ("BitsStored", "PixelRepresentation", "PhotometricInterpretation"):
        if keyword in dataset:
            view[keyword] = dataset[keyword]
    return view


def _shown(raw: NDArray[Any], dataset: Any, number: int) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

    kind = str(dataset.get("PhotometricInterpretation", ""))
    if kind == "PALETTE COLOR":
        return _eight_bits(
            apply_color_lut(raw, dataset), 0, 2 ** int(dataset.RedPaletteColorLookupTableDescriptor[2])
        )
    if raw.ndim == 3:
        return _eight_bits(raw, 0, 2 ** int(dataset.BitsStored))
    view = _view(dataset, number)
    values = apply_modality_lut(raw, view)
    if "VOILUTSequence" in view:
        low, high = 0.0, 2.0 ** int(view.VOILUTSequence[0].LUTDescriptor[2]) - 1
    elif "WindowCenter" in view and "WindowWidth" in view:
        # What lies far below and far above the window shows which values it spreads to.
        with np.errstate(over="ignore"):
            low, high = sorted(apply_voi_lut(np.array([-1e9, 1e9]), view, index=0).tolist())
    else:
        low, high = float(values.min()), float(values.max())
    values = np.asarray(apply_voi_lut(values, view, index=0), np.float64)
    grey = _eight_bits(values, low, high if high > low else low + 1)
    return 255 - grey if kind == "MONOCHROME1" else grey


def _eight_bits(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    spread = (values.astype(np.float32) - low) * (255.0 / (high - low))
    shown: NDArray[np.uint8] = np.clip(spread, 0, 255).astype(np.uint8)
    return shown


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
