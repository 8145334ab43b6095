"""A layout of a drawing as a picture: ezdxf says which lines and areas it is made of, Pillow draws them.

Coordinates of the drawing become pixels of a picture `_LONGEST` wide or high on white paper. Knows no
text; `Drawing.box_of` says where on the picture an entity lies.
"""

import io
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from core.types import Box

_LONGEST = 1600  # pixels
_MARGIN = 20.0
_MOST_PARTS = 400_000  # lines and areas that are drawn
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Drawing:
    """`picture` is a PNG of `width` x `height` pixels, empty where there is nothing to draw."""

    picture: bytes
    width: float
    height: float
    left: float
    top: float
    scale: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.left) * self.scale + _MARGIN, (self.top - y) * self.scale + _MARGIN

    def box_of(self, entity: Any) -> Box | None:
        """On the picture; None for what lies outside or cannot be measured."""
        from ezdxf import bbox

        try:
            extents = bbox.extents([entity], fast=True)
        except _BROKEN:
            return None
        if not self.picture or not extents.has_data:
            return None
        x0, y1 = self.point(extents.extmin.x, extents.extmin.y)
        x1, y0 = self.point(extents.extmax.x, extents.extmax.y)
        inside = x1 >= 0 and y1 >= 0 and x0 <= self.width and y0 <= self.height
        return Box(max(x0, 0.0), max(y0, 0.0), min(x1, self.width), min(y1, self.height)) if inside else None


NOTHING = Drawing(b"", 0.0, 0.0, 0.0, 0.0, 1.0)


def draw(document: Any, layout: Any) -> Drawing:
    """`NOTHING` where no entity can be drawn."""
    from ezdxf.addons.drawing.config import BackgroundPolicy, Configuration
    from ezdxf.addons.drawing.frontend import Frontend
    from ezdxf.addons.drawing.properties import RenderContext
    from ezdxf.addons.drawing.recorder import Recorder

    recorder = Recorder()
    config = Configuration(background_policy=BackgroundPolicy.WHITE)
    try:
        Frontend(RenderContext(document), recorder, config=config).draw_layout(layout)
        player = recorder.player()
        extents = player.bbox()
    except _BROKEN:
        return NOTHING
    if not extents.has_data:
        return NOTHING
    across, down = extents.size.x, extents.size.y
    longest = max(across, down)
    if not 0 < longest < 1e12:
        return NOTHING
    scale = (_LONGEST - 2 * _MARGIN) / longest
    frame = Drawing(
        b"",
        float(round(across * scale + 2 * _MARGIN)),
        float(round(down * scale + 2 * _MARGIN)),
        extents.extmin.x,
        extents.extmax.y,
        scale,
    )
    picture = _png(player.recordings(), frame)
    return Drawing(picture, frame.width, frame.height, frame.left, frame.top, frame.scale)


def _png(recordings: Iterable[Any], frame: Drawing) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (int(frame.width), int(frame.height)), "white")
    canvas = ImageDraw.Draw(image)
    for number, (record, properties) in enumerate(recordings):
        if number >= _MOST_PARTS:
            break
        with suppress(ValueError, ArithmeticError):  # a shape without an extent shows nothing
            _add(canvas, record, str(properties.color)[:7], frame)
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def _add(canvas: Any, record: Any, color: str, frame: Drawing) -> None:
    from ezdxf.addons.drawing import recorder

    def pixels(vertices: Iterable[Any]) -> list[tuple[float, float]]:
        return [frame.point(vertex.x, vertex.y) for vertex in vertices]

    match record:
        case recorder.PointsRecord():
            points = pixels(record.points.vertices())
            if len(points) == 1:
                canvas.point(points, fill=color)
            elif len(points) == 2:
                canvas.line(points, fill=color)
            else:
                canvas.polygon(points, fill=color)
        case recorder.SolidLinesRecord():
            points = pixels(record.lines.vertices())
            for start, end in zip(points[::2], points[1::2]):
                canvas.line([start, end], fill=color)
        case recorder.PathRecord():
            canvas.line(pixels(record.path.to_path().flattening(1 / frame.scale)), fill=color)
        case recorder.FilledPathsRecord():
            for path in record.paths:
                points = pixels(path.to_path().flattening(1 / frame.scale))
                if len(points) >= 3:
                    canvas.polygon(points, fill=color)
