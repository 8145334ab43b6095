"""A page as a picture, with boxes drawn: what a person sees behind a citation.

PDF pages and images have one of their own; of other formats those have whose reader kept a picture of
the page (a frame of a video, a drawing). The drawing happens in the same kind of limited
child process as reading (`ingest.sandbox`): `render_page` is what others call, `draw` is the child's part.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import NotFound
from core.types import Box
from ingest.limits import Limits

_OUTLINE = (20, 110, 230)  # blue, green, red: an orange that is seen on paper and on pictures
_HIGHLIGHT = (90, 220, 255)
_MARGIN = 1.5  # points around a box, so that the outline does not touch the letters


def is_drawable(media_type: str) -> bool:
    """Can a page be drawn from the file itself?"""
    from ingest.readers import JPEG, PDF, PNG, TIFF, WEBP

    return media_type in {PDF, PNG, JPEG, TIFF, WEBP}


def render_page(
    path: Path,
    *,
    name: str,
    page: int,
    boxes: Sequence[Box],
    limits: Limits,
    width: int = 1000,
    picture: bool = False,
) -> bytes:
    """A PNG of page `page` (from 1), `width` pixels wide, with `boxes` (points) highlighted.

    With `picture` the file at `path` is the picture that a reader kept of the page (`Page.image`).
    Smaller where `limits.max_pixels` would be passed. Raises NotFound for a page that does not exist
    or a format without pages, UnreadableFile and LockedFile as reading does.
    """
    from ingest.sandbox import draw_page

    return draw_page(path, name=name, page=page, boxes=boxes, limits=limits, width=width, picture=picture)


def draw(path: Path, name: str, page: int, boxes: Sequence[Box], width: int, limits: Limits) -> bytes:
    """The child's part of `render_page`."""
    from ingest.ocr import png
    from ingest.readers import PDF, REGISTRY, detect

    media_type = detect(path, name)
    if media_type == PDF:
        picture, scale = _pdf_page(path, page, width, limits)
    elif is_drawable(media_type):
        picture, scale = _image_page(path, page, width, limits)
    else:
        raise NotFound(f"{name!r} is {REGISTRY[media_type].description}: it has no page that can be shown")
    return png(_with_boxes(picture, scale, boxes))


def draw_picture(path: Path, boxes: Sequence[Box], width: int, limits: Limits) -> bytes:
    """The child's part for a picture that a reader kept: one pixel is one point."""
    from PIL import Image

    from ingest.ocr import png
    from ingest.readers.image import pictures

    (found, _, _) = next(iter(pictures(path, limits)))
    with Image.open(path) as kept:
        scale = found.shape[1] / kept.width
    return png(_with_boxes(*_sized(found, scale, width, limits), boxes))


def _pdf_page(path: Path, number: int, width: int, limits: Limits) -> tuple[Any, float]:
    from ingest.readers import pdfium

    document = pdfium.open_document(path)
    if not 1 <= number <= len(document):
        raise NotFound(f"page {number} does not exist: the document has pages 1 to {len(document)}")
    with pdfium.open_page(document, number - 1) as page:
        across, _ = pdfium.frame_of(page).size
        return pdfium.draw(page, width / across, limits.max_pixels)


def _image_page(path: Path, number: int, width: int, limits: Limits) -> tuple[Any, float]:
    from ingest.readers.image import pictures

    for picture, scale, _ in pictures(path, limits, only=number):
        return _sized(picture, scale, width, limits)
    raise NotFound(f"page {number} does not exist in this image")


def _sized(picture: Any, scale: float, width: int, limits: Limits) -> tuple[Any, float]:
    """`width` pixels wide, and its pixels per point then."""
    import cv2

    height, across = picture.shape[:2]
    share = min(width / across, math.sqrt(limits.max_pixels / (across * height)))
    size = max(1, round(across * share)), max(1, round(height * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=how), scale * share


def _with_boxes(picture: Any, scale: float, boxes: Sequence[Box]) -> Any:
    """`boxes` multiplied in as a highlighter would, with an outline. `scale` is pixels per point."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    marked = picture.copy()
    thick = max(1, round(width / 700))
    for box in dict.fromkeys(boxes):
        x0, y0 = (max(0, round((low - _MARGIN) * scale)) for low in (box.x0, box.y0))
        x1, y1 = (
            min(width - 1, round((box.x1 + _MARGIN) * scale)),
            min(height - 1, round((box.y1 + _MARGIN) * scale)),
        )
        if x0 >= x1 or y0 >= y1:
            continue
        area = marked[y0:y1, x0:x1].astype(np.uint16) * np.array(_HIGHLIGHT, np.uint16) // 255
        marked[y0:y1, x0:x1] = area.astype(np.uint8)
        cv2.rectangle(marked, (x0, y0), (x1, y1), _OUTLINE, thick)
    return marked
