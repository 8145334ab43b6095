"""Pixels and the words read in them -> a chart as it is drawn. Edges are known to about half a pixel.

Charts are printed in flat colours: each colour that covers enough is looked at alone. Filled rectangles
are bars (or a legend's samples), thin ones rules, a thin winding line a curve; colours that make up a
disc are wedges. Numbers that stand alone at the axes, which OCR of whole pages overlooks, are read again.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.types import Box
from ingest import ocr
from ingest.charts.axis import printed
from ingest.charts.chart import Chart
from ingest.charts.drawn import Bar, Colour, Curve, Drawn, Wedge, middle
from ingest.charts.interpret import area_of, could_be_bars, interpret, long_curves, standing, transposed
from ingest.words import Word

Mask = NDArray[np.bool_]

_LEAST_SHARE = 0.0004  # of the pixels, that a colour covers
_MOST_COLOURS = 24
_SAME = 10  # of 255: the tolerance of a flat colour
_BACKGROUND_SHARE = 0.5  # of the picture's area that a component's box covers
_FULL = 0.9  # of its box, that a rectangle fills
_LEAST_SIDE = 4  # pixels of a bar
_DARK = 70  # of 255: an outline
_LINE_POINTS = 60  # pixels across that a chart's line has at least
_LEAST_BARS_SHARE = 0.005  # of the picture, that bars cover
_LEAST_RISE = 0.04  # of the picture's height: an axis, a frame and a line of text rise less
_MOST_WORDS = 60  # that are read again
_THIN = 3  # pixels; thinner is a rule
_COLOURFUL = 40  # between the strongest and the weakest channel
_CONTRAST = 48  # of 255, in a channel: a line is drawn to be seen, so it differs from its paper
_MOST_COLOURS_FLAT = 0.55  # of the pixels that the flat colours of a chart cover at least


class _Part(NamedTuple):
    """A connected stretch of one colour; the box in pixels, ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int
    area: int
    mask: Mask

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0


def chart_of(
    picture: ocr.Picture, words: Sequence[Word], scale: float, shapes: Drawn | None = None
) -> Chart | None:
    """The chart that fills `picture` (`scale` pixels to the point; words in points), or None.

    `shapes`: what `shapes_of` found in it, if that was asked already.
    """
    drawn = shapes or shapes_of(picture, scale)
    if drawn is None:
        return None
    words = [word for word in words if any(map(str.isalnum, word.text))]
    drawn.bars = [bar for bar in drawn.bars if not _is_of_a_letter(bar.box, words)]
    drawn.words = [*words, *_lone_words(picture, words, drawn, scale)]
    return interpret(drawn)


def _is_of_a_letter(box: Box, words: Sequence[Word]) -> bool:
    """A stem or a bar of a letter is a filled rectangle, too."""
    x, y = middle(box)
    return any(
        word.box.x0 - 1 <= x <= word.box.x1 + 1
        and word.box.y0 - 1 <= y <= word.box.y1 + 1
        and box.height <= word.box.height
        and box.width <= word.box.width
        for word in words
    )


def shapes_of(picture: ocr.Picture, scale: float) -> Drawn | None:
    """A look before any OCR: bars of different heights, a disc of wedges, or a line across; None without."""
    if not could_be_chart(picture):
        return None
    drawn = _drawn(picture, scale)
    height, width = (side / scale for side in picture.shape[:2])
    return drawn if _has_shapes(drawn, width, height) else None


def _has_shapes(drawn: Drawn, width: float, height: float) -> bool:
    """`width` and `height` of the picture, in points."""
    if drawn.wedges:
        return True
    for view in (drawn, transposed(drawn)):
        bars = standing(view)
        # Stems of letters and the gaps of a hatching stand on one line, too.
        if could_be_bars(bars, view) and area_of(bars) >= _LEAST_BARS_SHARE * width * height:
            return True
    xs = [x for box in (*(bar.box for bar in drawn.bars), *drawn.rules) for x in (box.x0, box.x1)]
    across = max(xs) - min(xs) if xs else 0.0
    return any(
        len(curve.points) > _LINE_POINTS
        and curve.points[-1][0] - curve.points[0][0] > 0.4 * across
        and _rise(curve) >= _LEAST_RISE * height
        for curve in long_curves(drawn)
    )


def _rise(curve: Curve) -> float:
    ys = [y for _, y in curve.points]
    return max(ys) - min(ys)


def could_be_chart(picture: ocr.Picture) -> bool:
    """Flat colours cover most of it, and some of them are not the paper: the cheapest look."""
    small = picture[::4, ::4]
    _, counts = np.unique(_keys(small), return_counts=True)
    counts = np.sort(counts)[::-1]
    total = small.shape[0] * small.shape[1]
    return bool(counts[:8].sum() > _MOST_COLOURS_FLAT * total and len(counts) > 1)


def _keys(picture: ocr.Picture) -> NDArray[np.int64]:
    coarse = (picture >> 3).astype(np.int64)
    found: NDArray[np.int64] = coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]
    return found


def _drawn(picture: ocr.Picture, scale: float) -> Drawn:
    drawn = Drawn([], error=0.5 / scale, precise=False)
    pieces: list[tuple[_Part, Colour]] = []
    paper = np.median(picture.reshape(-1, 3)[:: max(1, picture.size // 60000)], axis=0)
    for colour in _flat_colours(picture):
        solid = _close_to(picture, colour, _SAME)
        for part in _parts(_without_gaps(solid)):
            if part.width * part.height > _BACKGROUND_SHARE * picture.shape[0] * picture.shape[1]:
                continue
            _sort_in(part, colour, picture, drawn, scale)
            pieces.append((part, colour))
        if _stands_out(colour, paper):
            drawn.curves += _curves(picture, colour, paper, scale)
    drawn.wedges = _wedges(pieces, scale)
    return drawn


def _flat_colours(picture: ocr.Picture) -> Iterator[Colour]:
    """The colours that cover most, as red, green, blue; the same colour only once."""
    _, inverse, counts = np.unique(_keys(picture), return_inverse=True, return_counts=True)
    found: list[NDArray[np.float64]] = []
    least = _LEAST_SHARE * inverse.size
    pixels = picture.reshape(-1, 3)
    flat = inverse.ravel()
    for at in np.argsort(counts)[::-1][: 3 * _MOST_COLOURS]:
        if counts[at] < least or len(found) >= _MOST_COLOURS:
            return
        mean = np.median(pixels[flat == at], axis=0)
        if all(np.abs(mean - other).max() > _SAME for other in found):
            found.append(mean)
            blue, green, red = (round(float(channel)) for channel in mean)
            yield red, green, blue


def _stands_out(colour: Colour, paper: NDArray[Any]) -> bool:
    """`paper` as blue, green, red."""
    seen = bool(np.abs(paper[::-1] - np.array(colour)).max() >= _CONTRAST)
    return seen and (max(colour) - min(colour) >= _COLOURFUL or max(colour) < 90)


def _close_to(picture: ocr.Picture, colour: Colour, tolerance: int) -> Mask:
    import cv2

    wanted = np.array(colour[::-1], np.int16)
    low, high = np.clip(wanted - tolerance, 0, 255), np.clip(wanted + tolerance, 0, 255)
    found: Mask = np.asarray(cv2.inRange(picture, low.astype(np.uint8), high.astype(np.uint8))) > 0
    return found


def _without_gaps(mask: Mask) -> Mask:
    """Grid lines that shine through a bar do not cut it."""
    import cv2

    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    found: Mask = np.asarray(closed) > 0
    return found


def _parts(mask: Mask) -> Iterator[_Part]:
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return
    for at in np.argsort(stats[1:, cv2.CC_STAT_AREA])[::-1][:400] + 1:
        x, y, width, height, area = (int(value) for value in stats[at])
        if area < 8:
            return
        inside = labels[y : y + height, x : x + width] == at
        yield _Part(x, y, x + width, y + height, area, inside)


def _sort_in(part: _Part, colour: Colour, picture: ocr.Picture, drawn: Drawn, scale: float) -> None:
    box = Box(part.x0 / scale, part.y0 / scale, part.x1 / scale, part.y1 / scale)
    if min(part.width, part.height) <= _THIN:
        if max(part.width, part.height) > 4 * _THIN:
            drawn.rules.append(box)
            return
        if part.width <= _THIN:
            return
    elif part.area < _FULL * part.width * part.height:
        return
    if part.width < _LEAST_SIDE or min(colour) >= 248:
        return
    drawn.bars.append(Bar(_with_outline(part, picture, scale), colour))


def _with_outline(part: _Part, picture: ocr.Picture, scale: float) -> Box:
    """The rectangle's edges in the middle of its outline, where one is drawn around it."""
    middle_x, middle_y = (part.x0 + part.x1) // 2, (part.y0 + part.y1) // 2

    def half(pixels: NDArray[Any]) -> float:
        """Half the thickness of the dark stretch with which a run of pixels begins."""
        dark = pixels.max(axis=-1) < _DARK
        return int(np.argmin(dark)) / 2 if not dark.all() else 0.0

    up = half(picture[max(0, part.y0 - 5) : part.y0, middle_x][::-1]) if part.y0 else 0.0
    down = half(picture[part.y1 : part.y1 + 5, middle_x])
    left = half(picture[middle_y, max(0, part.x0 - 5) : part.x0][::-1]) if part.x0 else 0.0
    right = half(picture[middle_y, part.x1 : part.x1 + 5])
    return Box(
        (part.x0 - left) / scale, (part.y0 - up) / scale, (part.x1 + right) / scale, (part.y1 + down) / scale
    )


# ---------------------------------------------------------------- lines


def _curves(picture: ocr.Picture, colour: Colour, paper: NDArray[Any], scale: float) -> Iterator[Curve]:
    """Thin stretches of a colour, its soft edges with it, as the middle of each column of pixels."""
    import cv2

    near = _close_to(picture, colour, 90)
    mask = near & (_distance(picture, np.array(colour[::-1])) < _distance(picture, paper))
    joined = cv2.dilate(mask.astype(np.uint8), np.ones((3, 7), np.uint8)) > 0
    for part in _parts(np.asarray(joined)):
        inside = mask[part.y0 : part.y1, part.x0 : part.x1] & part.mask
        ink = int(inside.sum())
        if part.width < 12 or ink == 0 or (ink > 0.35 * part.width * part.height and part.height > 14):
            continue
        rows = inside.sum(axis=1)
        if rows.max() > 0.8 * part.width and part.height > 6:
            continue  # a grid or a frame
        columns = inside.sum(axis=0)
        used = np.flatnonzero(columns)
        thick = float(np.median(columns[used]))
        if len(used) < 0.6 * part.width or thick > max(14.0, 0.04 * picture.shape[0]):
            continue
        heights = np.arange(part.height)[:, None]
        middles = (inside * heights).sum(axis=0)[used] / columns[used] + part.y0 + 0.5
        points = tuple(
            ((part.x0 + int(x) + 0.5) / scale, float(y) / scale) for x, y in zip(used, middles, strict=True)
        )
        yield Curve(points, colour)


def _distance(picture: ocr.Picture, colour: NDArray[Any]) -> NDArray[Any]:
    """(height, width): how far each pixel is from a colour, summed over the channels."""
    channels = [np.abs(picture[..., at].astype(np.int16) - int(colour[at])) for at in range(3)]
    total: NDArray[Any] = channels[0] + channels[1] + channels[2]
    return total


# ---------------------------------------------------------------- pies


def _wedges(pieces: Sequence[tuple[_Part, Colour]], scale: float) -> list[Wedge]:
    """The parts that together fill a disc, or none."""
    import cv2

    large = [
        (part, colour) for part, colour in pieces if min(part.width, part.height) > 16 and min(colour) < 245
    ]
    large = [(part, colour) for part, colour in large if not part.area > 0.97 * part.width * part.height]
    if not 2 <= len(large) <= 16:
        return []
    x0, y0 = min(part.x0 for part, _ in large), min(part.y0 for part, _ in large)
    x1, y1 = max(part.x1 for part, _ in large), max(part.y1 for part, _ in large)
    areas = []
    for part, _ in large:
        contours, _hierarchy = cv2.findContours(
            part.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        areas.append(max(cv2.contourArea(contour) for contour in contours))
    total = sum(areas)
    if not (0.94 < (x1 - x0) / (y1 - y0) < 1.06 and 0.7 < total / ((x1 - x0) * (y1 - y0)) < 0.8):
        return []
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    radius = (x1 - x0) / 2
    found = []
    for (part, colour), area in zip(large, areas, strict=True):
        ys, xs = np.nonzero(part.mask)
        away = np.array([xs.mean() + part.x0 - centre[0], ys.mean() + part.y0 - centre[1]])
        along = away / max(float(np.hypot(*away)), 1e-6) * radius / 2
        at = ((centre[0] + float(along[0])) / scale, (centre[1] + float(along[1])) / scale)
        found.append(Wedge(colour, area / total, (centre[0] / scale, centre[1] / scale), at))
    return found


# ---------------------------------------------------------------- words that stand alone


def _lone_words(picture: ocr.Picture, words: Sequence[Word], drawn: Drawn, scale: float) -> list[Word]:
    """Ink of the height of a word, beside and below what is drawn, that was not read: read by itself."""
    plot = _plot(drawn)
    if not words or plot is None:
        return []
    import cv2

    high = float(np.median([word.box.height for word in words])) * scale
    grey: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    paper = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    ink = np.abs(grey.astype(np.int16) - paper) > 60
    for word in words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        ink[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = False
    joined = cv2.dilate(ink.astype(np.uint8), np.ones((1, max(1, round(high / 3))), np.uint8)) > 0
    left, right, bottom = plot.x0 * scale + 2, plot.x1 * scale - 2, plot.y1 * scale + 2
    found = [
        Box(part.x0 - 1, part.y0 - 1, part.x1 + 1, part.y1 + 1)
        for part in _parts(np.asarray(joined))
        if (part.x1 <= left or part.x0 >= right or part.y0 >= bottom)
        and 0.4 * high <= part.height <= 1.4 * high
        and part.width <= 10 * high
    ][:_MOST_WORDS]
    read = zip(ocr.read_boxes(picture, found), found, strict=True)
    return [
        Word(text, Box(*(side / scale for side in box)), box.height / scale)
        for text, box in read
        if text and (printed(Word(text, box)) or (box.y0 >= bottom and len(text) > 1))
    ]


def _plot(drawn: Drawn) -> Box | None:
    """What the bars or the longest lines cover."""
    boxes = [bar.box for bar in standing(drawn)]
    if len(boxes) < 2 or max(box.height for box in boxes) < 20:
        widest = max((curve.points[-1][0] - curve.points[0][0] for curve in drawn.curves), default=0.0)
        boxes = [
            Box(curve.points[0][0], min(ys), curve.points[-1][0], max(ys))
            for curve in drawn.curves
            if curve.points[-1][0] - curve.points[0][0] > 0.6 * widest
            for ys in [[y for _, y in curve.points]]
        ]
    if not boxes:
        return None
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return Box(min(x0s), min(y0s), max(x1s), max(y1s))
