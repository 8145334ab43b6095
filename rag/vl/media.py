"""IMAGE PART -> PIL IMAGE within the pixel budget. Decoded by PIL alone; sizes are read before pixels."""

import base64
import binascii
import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from core.errors import InputError, TooLarge, UnreadableFile

DECODED_PIXELS = 40_000_000  # an image above this is refused before it is decoded

ImageSource = Image.Image | bytes | str  # str: a data URI


@dataclass(frozen=True, slots=True)
class Picture:
    """`key`: hash of the pixels; `note`: what was done to the image, empty if nothing."""

    image: Image.Image
    key: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Video:
    """Frames with the second at which each was shown, rising."""

    frames: tuple[Image.Image, ...]
    seconds: tuple[float, ...]


def open_picture(source: ImageSource, budget: int, crop: Sequence[float] | None = None) -> Picture:
    """`crop`: x0, y0, x1, y1 in pixels of the source; `budget`: pixels that the model is given at most.

    Raises UnreadableFile for what is no image, TooLarge above DECODED_PIXELS, InputError for a crop
    that leaves the image.
    """
    opened = source if isinstance(source, Image.Image) else _opened(source)
    width, height = opened.size
    if width * height > DECODED_PIXELS:
        raise TooLarge(f"an image of {width} x {height} pixels; at most {DECODED_PIXELS:,} are decoded")
    if min(width, height) == 0:
        raise UnreadableFile(f"an image of {width} x {height} pixels holds nothing")
    try:
        image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableFile(f"the image is broken: {error}") from error
    if crop is not None:
        image = _cropped(image, crop)
    return _within(image, budget)


def open_video(frames: Sequence[ImageSource], seconds: Sequence[float], budget: int) -> Video:
    """`budget`: pixels of one frame. Raises as `open_picture`, and InputError for frames without times."""
    if not frames or len(frames) != len(seconds):
        raise InputError(f"a video of {len(frames)} frames and {len(seconds)} times; one for each is needed")
    if any(later <= earlier for earlier, later in itertools.pairwise(seconds)) or seconds[0] < 0:
        raise InputError(f"the seconds of a video must rise from 0 or later, not {list(seconds)}")
    pictures = [open_picture(frame, budget).image for frame in frames]
    if len({picture.size for picture in pictures}) > 1:
        raise InputError("the frames of a video must be of one size")
    return Video(tuple(pictures), tuple(seconds))


def _opened(source: bytes | str) -> Image.Image:
    try:
        return Image.open(BytesIO(_data(source) if isinstance(source, str) else source))
    except Image.DecompressionBombError as error:  # PIL's own limit, above ours; it has read the header alone
        raise TooLarge(f"{error}; at most {DECODED_PIXELS:,} pixels are decoded") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UnreadableFile("these bytes are no image that can be read (PNG, JPEG, WebP ...)") from error


def _data(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    if not head.startswith("data:") or not comma or not head.endswith(";base64"):
        raise InputError(f"{uri[:40]!r} is no data URI; images come as 'data:image/png;base64,...'")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise UnreadableFile(f"the data URI of an image is broken: {error}") from error


def _cropped(image: Image.Image, crop: Sequence[float]) -> Image.Image:
    x0, y0, x1, y1 = crop
    if not (0 <= x0 < x1 <= image.width and 0 <= y0 < y1 <= image.height):
        raise InputError(
            f"crop {list(crop)} does not lie in an image of {image.width} x {image.height} pixels"
        )
    return image.crop((math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)))


def _within(image: Image.Image, budget: int) -> Picture:
    note = ""
    if image.width * image.height > budget:
        share = math.sqrt(budget / (image.width * image.height))
        size = max(1, int(image.width * share)), max(1, int(image.height * share))
        note = f"an image of {image.width} x {image.height} pixels was scaled to {size[0]} x {size[1]}"
        image = image.resize(size, Image.Resampling.LANCZOS)
    seen = hashlib.sha256(f"{image.size}".encode())
    seen.update(image.tobytes())
    return Picture(image, seen.hexdigest(), note)
