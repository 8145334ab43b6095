"""Pixels -> what is drawn in them: rectangles, rules, lines and discs. Edges are known to about half a pixel.

Charts are printed in flat colours: each colour that covers enough is looked at alone. Filled rectangles
are bars (or a legend's samples), thin ones rules, a thin winding line a curve; colours that make up a
disc are wedges. Knows no words.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.types import Box
from ingest.charts.drawn import Bar, Colour, Curve, Drawn, Wedge
from ingest.ocr.pictures import Picture

Mask = NDArray[np.bool_]
Bytes = NDArray[Any]  # of bytes: OpenCV's masks

COLOURS = 1 << 15
_SAMPLE = 4000  # pixels of which a colour is the median

_LEAST_SHARE = 0.0004  # of the pixels, that a colour covers
_MOST_COLOURS = 24
_MOST_THIN = 5  # colours of nothing but rules, letters and soft edges, that are looked at for rules
_SAME = 10  # of 255: the tolerance of a flat colour
_BACKGROUND_SHARE = 0.5  # of the picture's area that a component's box covers
_FULL = 0.9  # of its box, that a rectangle fills
_LEAST_SIDE = 4  # pixels of a bar
_LEAST_AREA, _MOST_PARTS = 8, 400  # pixels of a stretch of one colour, and how many of them are looked at
_LEAST_SECTOR, _MOST_SECTORS = 16, 16  # pixels across, and how many
_BETWEEN_SECTORS = 8  # pixels at most, of a line or of paper
_LEAST_WEDGE = 0.01  # of the largest; letters on it are smaller
_LEAST_RECTANGLE = 0.97  # of its box, that no sector fills
_WHITE_SECTOR = 245
_SOFT = 90  # of 255: the tolerance of a line with soft edges
_SHORTEST_CURVE = 12  # pixels
_LONGEST_GAP, _END = 40, 12  # pixels: where others cross a line, and from which its direction is told
_BROKEN = 0.3  # of a line's columns, in which its ink is in several pieces
_MARKED = 0.5  # of its height: what covers less in most columns is a thin line with a mark on it
_DARK = 70  # of 255: an outline
_THIN = 3  # pixels; thinner is a rule
_COLOURFUL = 40  # between the strongest and the weakest channel
_CONTRAST = 48  # of 255, in a channel: a line is drawn to be seen, so it differs from its paper


class Part(NamedTuple):
    """A connected stretch of one colour; the box in pixels, ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int
    area: int
    mask: Mask | None

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0


def colours_of(picture: Picture) -> NDArray[np.uint16]:
    """The five upper bits of each channel as one number below `COLOURS`."""
    coarse = (picture >> 3).astype(np.uint16)
    return np.asarray(coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2], np.uint16)


class Pixels:
    """A picture of `scale` pixels to the point, looked at colour by colour. Lines cost most, so they wait."""

    def __init__(self, picture: Picture, scale: float) -> None:
        import cv2

        self._picture, self._scale = picture, scale
        self._planes: list[Bytes] = [np.asarray(plane) for plane in cv2.split(picture)]
        self._paper = np.median(picture.reshape(-1, 3)[:: max(1, picture.size // 60000)], axis=0)
        self._keys = colours_of(picture)
        counts = np.bincount(self._keys.ravel(), minlength=COLOURS)
        self._cells = np.flatnonzero(counts)
        self._colours = list(_flat_colours(picture, self._keys.ravel(), counts))
        self._masks: dict[Colour, Mask] = {}
        self._found: dict[Colour, list[Curve]] = {}

    def drawn(self) -> Drawn:
        """Everything but the lines."""
        drawn = Drawn([], error=0.5 / self._scale, precise=False)
        pieces: list[tuple[Part, Colour]] = []
        blue, green, red = self._planes
        dark: Mask = np.maximum(np.maximum(blue, green), red) < _DARK
        for colour, solid in self._solids():
            for part in _shapes(_without_gaps(solid), colour):
                if part.width * part.height > _BACKGROUND_SHARE * solid.size:
                    continue
                _sort_in(part, colour, dark, drawn, self._scale)
                if part.mask is not None:
                    pieces.append((part, colour))
        drawn.wedges = _wedges(pieces, self._scale)
        return drawn

    def _solids(self) -> Iterator[tuple[Colour, Bytes]]:
        thin = 0
        for colour in self._colours:
            solid = _close_to(self._picture, colour, _SAME)
            thick = _is_thick(solid)
            thin += not thick
            if thick or thin <= _MOST_THIN:
                yield colour, solid

    def is_crossed(self, width: float, rise: float) -> bool:
        """Does a line run at least so far across and up or down? In points."""
        return any(
            curve.width >= width and curve.rise >= rise
            for ink in self._inks
            if self._could_cross(ink, width * self._scale, rise * self._scale)
            for curve in self._curves(ink)
        )

    def curves(self) -> list[Curve]:
        return [curve for ink in self._inks for curve in self._curves(ink)]

    @cached_property
    def _inks(self) -> list[Colour]:
        return _inks(self._colours, self._paper)

    def _could_cross(self, ink: Colour, width: float, rise: float) -> bool:
        """A look at half the resolution, at which what hangs together still does."""
        half = np.ascontiguousarray(_joined(self._mask(ink))[::2, ::2])
        _, _, across, high, _ = _stretches(half, connectivity=4)[0].T
        return bool(((2 * across >= width - 2) & (2 * high >= rise - 2)).any())

    def _mask(self, ink: Colour) -> Mask:
        """An ink with its soft edges: what is nearer to it than to the paper, and of no other colour's edge."""
        if ink not in self._masks:
            own = self._off_mixtures[self._colours.index(ink)]
            others = np.delete(self._off_mixtures, self._colours.index(ink), axis=0)
            away = np.abs(self._shades - np.array(ink[::-1], np.float32))
            is_ink = np.zeros(COLOURS, np.bool_)
            is_ink[self._cells] = (
                (away.max(axis=1) <= _SOFT)
                & (away.sum(axis=1) < np.abs(self._shades - self._paper).sum(axis=1))
                & (own <= others.min(axis=0, initial=np.inf) + _SAME)
            )
            self._masks[ink] = is_ink[self._keys]
        return self._masks[ink]

    @cached_property
    def _shades(self) -> NDArray[np.float32]:
        """(n, 3): the middles of the cells of colours that are found in the picture."""
        cells = self._cells
        return np.stack([cells >> 10, cells >> 5 & 31, cells & 31], axis=1).astype(np.float32) * 8 + 3.5

    @cached_property
    def _off_mixtures(self) -> NDArray[np.float32]:
        """(colours, n): how far each shade is from a mixture of the colour and the paper."""
        from_paper = self._shades - np.asarray(self._paper, np.float32)
        ways = [np.array(colour[::-1], np.float32) - self._paper for colour in self._colours]
        return np.stack([_off_mixture(from_paper, way) for way in ways])

    def _curves(self, ink: Colour) -> list[Curve]:
        if ink not in self._found:
            self._found[ink] = _chained(list(_curves(self._mask(ink), ink, self._scale)), self._scale)
        return self._found[ink]


def _flat_colours(picture: Picture, keys: NDArray[np.uint16], counts: NDArray[Any]) -> Iterator[Colour]:
    """The colours that cover most, as red, green, blue; the same colour only once."""
    ends, order = np.cumsum(counts), np.argsort(keys, kind="stable")
    found = np.zeros((0, 3))
    pixels = picture.reshape(-1, 3)
    for at in np.argsort(counts)[::-1][: 3 * _MOST_COLOURS]:
        if counts[at] < max(1, _LEAST_SHARE * keys.size) or len(found) >= _MOST_COLOURS:
            return
        centre = np.array([at >> 10, at >> 5 & 31, at & 31]) * 8 + 3.5  # no pixel of it is farther away
        if _is_among(centre, found, _SAME - 3.5):
            continue
        own = order[ends[at] - counts[at] : ends[at] : 1 + counts[at] // _SAMPLE]
        median = np.median(pixels[own], axis=0)
        if not _is_among(median, found, _SAME):
            found = np.vstack([found, median])
            blue, green, red = (round(float(channel)) for channel in median)
            yield red, green, blue


def _is_among(colour: NDArray[Any], others: NDArray[Any], tolerance: float) -> bool:
    return bool((np.abs(others - colour).max(axis=1) <= tolerance).any())


def _inks(colours: Sequence[Colour], paper: NDArray[Any]) -> list[Colour]:
    """The colours that lines may be drawn in. Soft edges are a mixture of an ink and the paper.

    `paper` as blue, green, red.
    """
    ground = paper[::-1]
    able = [colour for colour in colours if _stands_out(colour, ground)]
    found: list[Colour] = []
    for colour in sorted(able, key=lambda colour: -float(np.abs(ground - np.array(colour)).sum())):
        if not any(_is_mixture(np.array(colour), np.array(ink), ground) for ink in found):
            found.append(colour)
    return found


def _is_mixture(colour: NDArray[Any], ink: NDArray[Any], paper: NDArray[Any]) -> bool:
    """... that the mask of `ink` holds already."""
    way = ink - paper
    along = float((colour - paper) @ way) / float(way @ way)
    near = np.abs(colour - ink).max() <= _SOFT - _SAME
    return bool(near and np.abs(paper + along * way - colour).max() <= 2 * _SAME)


def _off_mixture(from_paper: NDArray[Any], way: NDArray[Any]) -> NDArray[Any]:
    """How far colours, given from the paper's on, are from the stretch from the paper along `way`."""
    length = float(way @ way)
    if length <= 3 * _SAME**2:  # the paper itself
        return np.full(len(from_paper), np.inf)
    along = np.clip(from_paper @ way / length, 0.0, 1.0)
    return np.asarray(np.abs(from_paper - along[:, None] * way).max(axis=1))


def _stands_out(colour: Colour, paper: NDArray[Any]) -> bool:
    seen = bool(np.abs(paper - np.array(colour)).max() >= _CONTRAST)
    return seen and (max(colour) - min(colour) >= _COLOURFUL or max(colour) < 90)


def _close_to(picture: Picture, colour: Colour, tolerance: int) -> Bytes:
    """255 where a pixel is within `tolerance` of a colour in each channel, else 0."""
    import cv2

    wanted = np.array(colour[::-1], np.int16)
    low, high = np.clip(wanted - tolerance, 0, 255), np.clip(wanted + tolerance, 0, 255)
    return np.asarray(cv2.inRange(picture, low.astype(np.uint8), high.astype(np.uint8)))


def _without_gaps(mask: Bytes) -> Bytes:
    """Grid lines that shine through a bar do not cut it."""
    import cv2

    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)))


def _is_thick(mask: Bytes) -> bool:
    """Does a bar fit into it anywhere? Rules, letters and soft edges are thinner."""
    import cv2

    inner = cv2.erode(mask, np.ones((_LEAST_SIDE, _LEAST_SIDE), np.uint8), borderValue=0)
    return bool(cv2.hasNonZero(inner))


class _Labelled(NamedTuple):
    """The largest connected stretches of a mask: `stats` as `_stretches` gives them, on `labels` that begin at x, y."""

    stats: NDArray[Any]
    numbers: NDArray[Any]
    labels: NDArray[Any]
    x: int
    y: int

    def part(self, at: int, *, with_mask: bool) -> Part:
        left, top, width, height, area = (int(value) for value in self.stats[at])
        inside = self.labels[top : top + height, left : left + width] == self.numbers[at]
        x, y = self.x + left, self.y + top
        return Part(x, y, x + width, y + height, area, inside if with_mask else None)


def _labelled(mask: Bytes) -> _Labelled:
    import cv2

    x, y, width, height = cv2.boundingRect(mask)
    inner = mask[y : y + height, x : x + width]
    if not inner.size:
        return _Labelled(np.zeros((0, 5), int), np.zeros(0, int), inner, x, y)
    stats, labels = _stretches(inner, connectivity=4)
    order = np.argsort(stats[:, 4])[::-1][:_MOST_PARTS]
    order = order[stats[order, 4] >= _LEAST_AREA]
    return _Labelled(stats[order], order + 1, labels, x, y)


def _stretches(mask: Bytes, connectivity: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, 5): left, top, width, height and area of each connected stretch; (height, width): its number, from 1.

    What cv2.connectedComponentsWithStats answers, counted run by run instead of pixel by pixel: in a fourth
    of its time.
    """
    import cv2

    count, labels = cv2.connectedComponents(mask, connectivity=connectivity)
    if count < 2:
        return np.zeros((0, 5), int), np.asarray(labels)
    height, width = mask.shape
    between = np.zeros(
        (height, width + 1), np.bool_
    )  # an empty column behind the last: no run goes over the edge
    np.not_equal(mask, 0, out=between[:, :width])
    flat = between.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate([[0], ends]) if flat[0] else ends
    (y, left), right = np.divmod(ends[::2], width + 1), ends[1::2] % (width + 1)
    number = np.asarray(labels)[y, left]
    order = np.argsort(number, kind="stable")
    first = np.searchsorted(number[order], np.arange(1, count))
    last = np.append(first[1:], len(order)) - 1
    y, left, right = y[order], left[order], right[order]
    x0, x1 = np.minimum.reduceat(left, first), np.maximum.reduceat(right, first)
    area = np.add.reduceat(right - left, first)
    return np.stack([x0, y[first], x1 - x0, y[last] - y[first] + 1, area], axis=1), np.asarray(labels)


def parts_of(mask: Bytes) -> Iterator[Part]:
    found = _labelled(mask)
    for at in range(len(found.numbers)):
        yield found.part(at, with_mask=True)


def boxes_of(mask: Bytes, heights: tuple[int, int]) -> NDArray[Any]:
    """(n, 4): the boxes of the connected stretches whose heights lie between, as x0, y0, x1, y1."""
    left, top, width, height, _ = _stretches(mask, connectivity=8)[0].T
    able = (height >= heights[0]) & (height <= heights[1])
    boxes: NDArray[Any] = np.stack([left, top, left + width, top + height], axis=1)[able]
    return boxes


def _shapes(mask: Bytes, colour: Colour) -> Iterator[Part]:
    """Rectangles and rules without their masks; with it what may be a sector."""
    found = _labelled(mask)
    width, height, area = (found.stats[:, at] for at in (2, 3, 4))
    short, long, full = np.minimum(width, height), np.maximum(width, height), area / (width * height)
    solid = (full >= _FULL) & (short >= _THIN)
    rules = (short <= _THIN) & (long > 4 * _THIN)
    sectors = (short > _LEAST_SECTOR) & (full <= _LEAST_RECTANGLE) & (min(colour) < _WHITE_SECTOR)
    for at in np.flatnonzero(solid | rules | sectors).tolist():
        yield found.part(at, with_mask=bool(sectors[at]))


def _sort_in(part: Part, colour: Colour, dark: Mask, drawn: Drawn, scale: float) -> None:
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
    drawn.bars.append(Bar(_with_outline(part, dark, scale), colour))


def _with_outline(part: Part, dark: Mask, scale: float) -> Box:
    """The rectangle's edges in the middle of its outline, where one is drawn around it."""
    middle_x, middle_y = (part.x0 + part.x1) // 2, (part.y0 + part.y1) // 2

    def half(pixels: Mask) -> float:
        """Half the thickness of the dark stretch with which a run of pixels begins."""
        run = pixels.tolist()
        return run.index(False) / 2 if False in run else 0.0

    up = half(dark[max(0, part.y0 - 5) : part.y0, middle_x][::-1]) if part.y0 else 0.0
    down = half(dark[part.y1 : part.y1 + 5, middle_x])
    left = half(dark[middle_y, max(0, part.x0 - 5) : part.x0][::-1]) if part.x0 else 0.0
    right = half(dark[middle_y, part.x1 : part.x1 + 5])
    return Box(
        (part.x0 - left) / scale, (part.y0 - up) / scale, (part.x1 + right) / scale, (part.y1 + down) / scale
    )


# ---------------------------------------------------------------- lines


def _joined(mask: Mask) -> Bytes:
    """Dashes and dots of a line as one stretch."""
    import cv2

    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((3, 7), np.uint8)))


def _curves(mask: Mask, colour: Colour, scale: float) -> Iterator[Curve]:
    """Thin stretches of a colour, its soft edges with it, as the middle of each column of pixels."""
    found = _labelled(_joined(mask))
    for at in np.flatnonzero(found.stats[:, 2] >= _SHORTEST_CURVE).tolist():
        part = found.part(at, with_mask=True)
        inside = mask[part.y0 : part.y1, part.x0 : part.x1] & np.asarray(part.mask)
        ink = np.count_nonzero(inside)
        if ink == 0:
            continue
        rows, columns = inside.sum(axis=1), inside.sum(axis=0)
        filled = ink > 0.35 * part.width * part.height and part.height > 14
        if filled and np.median(columns) > _MARKED * part.height:
            continue
        if part.height > 6 and _bands(rows > 0.8 * part.width) > (2 * part.height < part.width):
            continue  # a grid or a frame; one band with a mark on it is the sample of a legend
        used = np.flatnonzero(columns)
        if len(used) < 0.6 * part.width or _thickness(inside, int(ink)) > max(14.0, 0.04 * mask.shape[0]):
            continue
        pieces = inside[0].astype(int) + (inside[1:] > inside[:-1]).sum(axis=0)
        if (pieces > 1).sum() > _BROKEN * len(used):
            continue  # letters, outlines
        heights = np.arange(part.height)[:, None]
        middles = (inside * heights).sum(axis=0)[used] / columns[used] + part.y0 + 0.5
        points = tuple(
            ((part.x0 + x + 0.5) / scale, y / scale)
            for x, y in zip(used.tolist(), middles.tolist(), strict=True)
        )
        yield Curve(points, colour)


def _bands(rows: Mask) -> int:
    return int(rows[0]) + int((rows[1:] > rows[:-1]).sum())


def _chained(pieces: Sequence[Curve], scale: float) -> list[Curve]:
    """A line that others cross is in pieces: those that go on where another one ended are one curve."""
    chains: list[Curve] = []
    for piece in sorted(pieces, key=lambda piece: piece.points[0][0]):
        before = next((chain for chain in chains if _goes_on(chain, piece, scale)), None)
        if before:
            chains.remove(before)
        chains.append(_chain(before, piece) if before else piece)
    return chains


def _chain(before: Curve, after: Curve) -> Curve:
    end = before.points[-1][0]
    return before._replace(points=(*before.points, *(point for point in after.points if point[0] > end)))


def _goes_on(before: Curve, after: Curve, scale: float) -> bool:
    """Do both ends point at one another over the gap?"""
    (x0, y0), (x1, y1) = before.points[-1], after.points[0]
    gap = x1 - x0
    if not -3 / scale <= gap <= _LONGEST_GAP / scale or after.points[-1][0] <= x0:
        return False
    (left, high), (right, low) = before.points[-_END:][0], after.points[:_END][-1]
    rising = (y0 - high) / max(x0 - left, 1 / scale)
    falling = (low - y1) / max(right - x1, 1 / scale)
    return abs(y0 + rising * gap / 2 - (y1 - falling * gap / 2)) <= (6 / scale + abs(gap) / 2)


def _thickness(stroke: Mask, area: int) -> float:
    """In pixels, of a stroke however steep: it has two sides, each as long as it is."""
    import cv2

    inner = cv2.erode(stroke.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    return 2 * area / max(1, area - cv2.countNonZero(inner))


# ---------------------------------------------------------------- pies


def _wedges(pieces: Sequence[tuple[Part, Colour]], scale: float) -> list[Wedge]:
    """The parts that together fill a disc, or none."""
    for group in _touching(pieces):
        found = _disc(group, scale)
        if found:
            return found
    return []


def _touching(pieces: Sequence[tuple[Part, Colour]]) -> list[list[tuple[Part, Colour]]]:
    """Those that lie side by side, the largest group first; letters of a title lie apart."""
    groups: list[list[tuple[Part, Colour]]] = []
    for piece in pieces:
        near = [group for group in groups if any(_are_near(piece[0], other) for other, _ in group)]
        groups = [group for group in groups if group not in near]
        groups.append([piece, *(one for group in near for one in group)])
    return sorted(groups, key=lambda group: -sum(part.area for part, _ in group))


def _are_near(one: Part, other: Part) -> bool:
    between = max(one.x0 - other.x1, other.x0 - one.x1), max(one.y0 - other.y1, other.y0 - one.y1)
    return max(between) <= _BETWEEN_SECTORS


def _disc(pieces: Sequence[tuple[Part, Colour]], scale: float) -> list[Wedge]:
    import cv2

    largest = max(part.area for part, _ in pieces)
    large = [(part, colour) for part, colour in pieces if part.area >= _LEAST_WEDGE * largest]
    if not 2 <= len(large) <= _MOST_SECTORS:
        return []
    x0, y0 = min(part.x0 for part, _ in large), min(part.y0 for part, _ in large)
    x1, y1 = max(part.x1 for part, _ in large), max(part.y1 for part, _ in large)
    areas = []
    for part, _ in large:
        contours, _hierarchy = cv2.findContours(
            np.asarray(part.mask, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        areas.append(max(cv2.contourArea(contour) for contour in contours))
    total = sum(areas)
    if not (0.94 < (x1 - x0) / (y1 - y0) < 1.06 and 0.7 < total / ((x1 - x0) * (y1 - y0)) < 0.8):
        return []
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    radius = (x1 - x0) / 2
    found = []
    for (part, colour), area in zip(large, areas, strict=True):
        ys, xs = np.nonzero(np.asarray(part.mask))
        away = np.array([xs.mean() + part.x0 - centre[0], ys.mean() + part.y0 - centre[1]])
        along = away / max(float(np.hypot(*away)), 1e-6) * radius / 2
        at = ((centre[0] + float(along[0])) / scale, (centre[1] + float(along[1])) / scale)
        found.append(Wedge(colour, area / total, (centre[0] / scale, centre[1] / scale), at))
    return found
