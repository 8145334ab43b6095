"""PNG, JPEG, TIFF (a page for each of its pictures) and WebP: words by OCR, the picture itself kept.

Lengths are points at the resolution that the file claims, so that a box means the same here as in a
PDF; a claim that no page could have is not believed.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import TooLarge, UnreadableFile
from core.ports import ImageSink
from core.types import Block, Box, Content, Page, Span
from ingest import ocr
from ingest.layout import Sheet, lay_out, title_of
from ingest.layout.sheet import Back
from ingest.limits import Limits, exhausted

_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
_MOST_PAGES = 2000
_PAGE_INCHES = (2.0, 60.0)  # how long the longer side of a page may be
_USUAL_INCHES = 11.0  # where the file does not say, or says nonsense
_EXIF_TURN = 0x0112
_STRAIGHT = 1e-3


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    """Raises TooLarge for more pixels than `limits` allow, before any is decoded."""
    sheets: list[Sheet] = []
    for number, (picture, scale, kept) in enumerate(pictures(path, limits), 1):
        problem = exhausted(limits)
        image = sink(kept)
        sheet = Sheet(number, problem=problem) if problem else _recognized(picture, number, scale, image)
        sheet.image = image
        sheets.append(sheet)
    pages = tuple(with_figure(page) for page in lay_out(sheets))
    return Content(media_type_of(path), pages, title_of("", pages))


def _recognized(picture: ocr.Picture, number: int, scale: float, image: str) -> Sheet:
    """A picture's words and, where it is a chart, its values.

    A chart is looked for first and read as it stands: its lines would be taken for lines of a skewed text.
    """
    from ingest.charts.chart import block_of
    from ingest.charts.raster import chart_of, has_scale, shapes_of

    shapes = shapes_of(picture, scale)
    if shapes is None:
        return ocr.sheet_of(picture, number, scale)
    upright = has_scale(picture, shapes, scale)
    sheet = ocr.sheet_of(picture, number, scale, upright=upright)
    chart = chart_of(picture, sheet.words, scale, shapes) if _is_straight(sheet.back) else None
    if chart:
        sheet.charts.append(block_of(chart, number, image))
    return sheet if chart or not upright else ocr.sheet_of(picture, number, scale)


def _is_straight(back: Back | None) -> bool:
    """A chart that lies askew is not measured."""
    return back is None or (abs(back.b) < _STRAIGHT and abs(back.a - 1) < _STRAIGHT)


def media_type_of(path: Path) -> str:
    from PIL import Image

    with Image.open(path, formats=_FORMATS) as image:
        return _MEDIA_TYPES[str(image.format)]


def pictures(
    path: Path, limits: Limits, only: int | None = None
) -> Iterator[tuple[ocr.Picture, float, bytes]]:
    """Each picture of the file: turned as its camera says, its pixels per point, and encoded as PNG or JPEG.

    `only` is the number, from 1, of the one that is wanted.
    """
    from PIL import Image, ImageOps

    # The check against our own limit stands before any decoding; Pillow's is for those who have none.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path, formats=_FORMATS) as image:
            for index in range(
                min(getattr(image, "n_frames", 1), _MOST_PAGES) if image.format == "TIFF" else 1
            ):
                if only is not None and index + 1 != only:
                    continue
                image.seek(index)
                _check_size(image, limits)
                scale = _pixels_per_point(image)
                turned = image.getexif().get(_EXIF_TURN, 1) != 1
                upright = ImageOps.exif_transpose(image)
                kept = (
                    _encoded(upright, str(image.format))
                    if turned or image.format not in {"PNG", "JPEG"}
                    else path.read_bytes()
                )
                small = _reduced(_on_white(upright))
                yield (
                    np.ascontiguousarray(np.asarray(small)[:, :, ::-1]),
                    scale * small.width / upright.width,
                    kept,
                )
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableFile(f"the picture is damaged or cut off: {error}") from error


def _check_size(image: Any, limits: Limits) -> None:
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise TooLarge(
            f"the picture has {image.width} x {image.height} = {pixels:,} pixels; at most {limits.max_pixels:,} are read"
        )


def _pixels_per_point(image: Any) -> float:
    longer = float(max(image.width, image.height))
    claimed = float(image.info.get("dpi", (0, 0))[0] or 0)
    if claimed and _PAGE_INCHES[0] <= longer / claimed <= _PAGE_INCHES[1]:
        return claimed / 72
    return longer / _USUAL_INCHES / 72


def _on_white(image: Any) -> Any:
    """RGB; what is transparent shows the white of a page."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        image = image.convert("F").point(lambda value: value / 256).convert("L")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def _reduced(image: Any) -> Any:
    """The picture with no more pixels than reading needs."""
    share = math.sqrt(ocr.MOST_PIXELS / (image.width * image.height))
    return (
        image
        if share >= 1
        else image.resize((int(image.width * share), int(image.height * share)), reducing_gap=2.0)
    )


def _encoded(image: Any, source: str) -> bytes:
    """As JPEG what was lossy before, as PNG what was not."""
    target = io.BytesIO()
    if source in {"JPEG", "MPO", "WEBP"} and image.mode in {"RGB", "L", "CMYK"}:
        image.convert("RGB").save(target, "JPEG", quality=92)
    else:
        plain = image.mode in {"1", "L", "P", "RGB", "RGBA", "LA"}
        (image if plain else _on_white(image)).save(target, "PNG")
    return target.getvalue()


def with_figure(page: Page) -> Page:
    """The picture as a figure block: with its words, or before them where they are a text of their own."""
    if page.problem:
        return page
    whole = Box(0.0, 0.0, page.width, page.height)
    charts = tuple(block for block in page.blocks if block.readings)
    page = replace(page, blocks=tuple(block for block in page.blocks if not block.readings))
    if sum(len(block.spans) for block in page.blocks) >= ocr.FEW_WORDS:
        return replace(page, blocks=(Block("figure", "", whole, image=page.image), *page.blocks, *charts))
    text = ""
    spans: list[Span] = []
    for block in page.blocks:
        at = len(text) + 1 if text else 0
        text = f"{text}\n{block.text}" if text else block.text
        spans += [Span(start + at, end + at, number, box) for start, end, number, box in block.spans]
    return replace(page, blocks=(Block("figure", text, whole, tuple(spans), image=page.image), *charts))
