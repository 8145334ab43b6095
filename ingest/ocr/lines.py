"""Where lines of text are: DB post-processing (arXiv:1911.08947) of the detector's map."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.ocr.models import detector, infer, normalized
from ingest.ocr.pictures import Corners, Picture, printed_area

_LONGEST_SIDE = 1408  # pixels of the page as the detector sees it
_SHORTEST_SIDE = 736
_LARGEST_SCALE = 3.0
_STEP = 128  # sides are multiples of it: like the recogniser's, each new shape costs memory for good
_FEW_LINES = 5
_TEXT = 0.3  # probability of a pixel
_SURE_TEXT = 0.5  # in the mean of a line's box
_GROWN = 1.6  # the detector finds the core of a line, smaller than the line
_MOST_LINES = 5000


class TextLine(NamedTuple):
    """A turned rectangle; `corners` (4, 2) clockwise from where the text begins, in pixels."""

    corners: Corners

    @property
    def length(self) -> float:
        return max(self.width, self.height)

    @property
    def width(self) -> float:
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def height(self) -> float:
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    @property
    def tall(self) -> bool:
        return self.height >= 1.5 * self.width

    def shifted(self, left: float, top: float, right: float, bottom: float) -> "TextLine":
        """Its edges moved by so many pixels."""
        moves = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return TextLine(self.corners + np.array(moves, np.float32))

    def flipped(self) -> "TextLine":
        return TextLine(np.roll(self.corners, 2, axis=0))


def detect(picture: Picture) -> list[TextLine]:
    """The lines of text, in no order.

    The network weighs all of what it sees: on a large and nearly empty page it overlooks the one line
    that is there. So it is shown only what is printed on, and where it found next to nothing, smaller.
    """
    top, bottom, left, right = printed_area(picture)
    if top == bottom:
        return []
    printed = np.ascontiguousarray(picture[top:bottom, left:right])
    lines = _detect_at(printed, _LONGEST_SIDE)
    if len(lines) < _FEW_LINES:
        lines = max(lines, _detect_at(printed, _LONGEST_SIDE // 2), key=len)
    return [TextLine(line.corners + np.array([left, top], np.float32)) for line in lines]


def _detect_at(picture: Picture, longest: int) -> list[TextLine]:
    import cv2

    height, width = picture.shape[:2]
    scale = min(
        max(1.0, min(_SHORTEST_SIDE / min(height, width), _LARGEST_SCALE)), longest / max(height, width)
    )
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, (across, down))
    right, below = (-(-side // _STEP) * _STEP - side for side in (across, down))
    likely = _probability(cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE))[:down, :across]
    mask = cv2.dilate((likely > _TEXT).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    stretch = np.array([width / across, height / down], np.float32)
    return [
        TextLine(corners * stretch)
        for contour in contours[:_MOST_LINES]
        for corners in _box_of(contour, likely)
    ]


def _probability(picture: Picture) -> NDArray[np.float32]:
    """(height, width): for each pixel the probability that it belongs to text.

    The whole page at once, though it takes memory: the network weighs all of what it sees, and takes
    the empty half of a page, seen alone, for text.
    """
    return np.array(infer(detector(), normalized(picture)[np.newaxis])[0, 0])


def _box_of(contour: NDArray[Any], likely: NDArray[np.float32]) -> Iterator[Corners]:
    """The grown box of a contour, if it is text."""
    import cv2

    center, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < 3:
        return
    core = cv2.boxPoints((center, (width, height), angle))
    if _mean_inside(likely, core) < _SURE_TEXT:
        return
    grown = _GROWN * width * height / (2 * (width + height))
    yield _clockwise(cv2.boxPoints((center, (width + 2 * grown, height + 2 * grown), angle)))


def _mean_inside(likely: NDArray[np.float32], corners: Corners) -> float:
    import cv2

    height, width = likely.shape
    x0, y0 = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    mask = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - (x0, y0)).astype(np.int32)], 1)
    return float(cv2.mean(likely[y0 : y1 + 1, x0 : x1 + 1], mask)[0])


def _clockwise(corners: Corners) -> Corners:
    """Top left, top right, bottom right, bottom left."""
    left, right = np.split(corners[np.argsort(corners[:, 0], kind="stable")], 2)
    top_left, bottom_left = left[np.argsort(left[:, 1])]
    top_right, bottom_right = right[np.argsort(right[:, 1])]
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
