"""Pictures inside other files: kept as PNG or JPEG, if they are within the limit of pixels."""

import io
from pathlib import PurePath

from core.ports import ImageSink
from core.types import Block, Box
from ingest.limits import Limits

_SMALLEST = 16  # pixels: what is smaller is a bullet or a line
_KEPT = frozenset({"PNG", "JPEG"})


def keep_picture(data: bytes, sink: ImageSink, limits: Limits) -> str | None:
    """The key of a picture; None for what Pillow cannot open (EMF, SVG), is too large, or a mere dot."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before decoding
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > limits.max_pixels or max(picture.size) < _SMALLEST:
                return None
            if picture.format in _KEPT:
                picture.verify()
                return sink(data)
            target = io.BytesIO()
            picture.convert("RGBA").save(target, "PNG")
            return sink(target.getvalue())
    except (OSError, SyntaxError, ValueError, EOFError):
        return None


def figure(alt: str, key: str | None, anchor: str, box: Box | None = None) -> Block | None:
    """The block of a picture; None where there is neither picture nor words."""
    words = " ".join(alt.split())
    if PurePath(words).suffix.lower() in {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emf", ".tif", ".tiff"}:
        words = ""  # Office puts the name of the file where nobody wrote a description
    return Block("figure", words, box, image=key, anchor=anchor) if words or key else None
