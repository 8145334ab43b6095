"""Turning a picture upright and straight, from its pixels alone."""

import math

import numpy as np

from ingest.ocr.pictures import Grey, Map, Picture, ink_of

_WIDEST_SKEW = 8.0  # degrees
_SMALLEST_SKEW = 0.08
_STRIPS = 3


def straightened(picture: Picture, back: Map) -> tuple[Picture, Map]:
    import cv2

    angle = skew(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    if abs(angle) < _SMALLEST_SKEW:
        return picture, back
    height, width = picture.shape[:2]
    forward = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cosine, sine = abs(forward[0, 0]), abs(forward[0, 1])
    across, down = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    forward[:, 2] += (across - width) / 2, (down - height) / 2
    paper = tuple(
        float(value)
        for value in np.median(picture[:: max(1, height // 50), :: max(1, width // 50)], axis=(0, 1))
    )
    straight = cv2.warpAffine(picture, forward, (across, down), flags=cv2.INTER_LINEAR, borderValue=paper)
    return straight, _after(back, cv2.invertAffineTransform(forward))


def skew(grey: Grey) -> float:
    """The angle in degrees by which the picture must be turned (counterclockwise) for its lines to lie flat.

    By projection profile: of all angles the one where the sums of rows change most from row to row.
    """
    height, width = grey.shape
    if min(height, width) < 40:
        return 0.0
    coarse = ink_of(grey, 600)
    best = max(
        (step / 2 for step in range(int(-2 * _WIDEST_SKEW), int(2 * _WIDEST_SKEW) + 1)),
        key=lambda a: _sharpness(coarse, a),
    )
    fine = ink_of(grey, 1600)
    best = max((best + step / 10 for step in range(-6, 7)), key=lambda a: _sharpness(fine, a))
    best = max((best + step / 40 for step in range(-4, 5)), key=lambda a: _sharpness(fine, a))
    # Turning blurs, and so costs sharpness: a gain in spite of it is a real one.
    return float(best) if _sharpness(fine, best) > 1.02 * _sharpness(fine, 0.0) else 0.0


def _sharpness(ink: Grey, angle: float) -> float:
    """Strip by strip: the lines of columns side by side do not stand at the same heights."""
    import cv2

    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    straight = cv2.warpAffine(ink, turn, (width, height), flags=cv2.INTER_LINEAR)
    strips = np.array_split(straight, _STRIPS, axis=1)
    return sum(float((np.diff(strip.sum(axis=1, dtype=np.float64)) ** 2).sum()) for strip in strips)


def quarter_turned(picture: Picture, quarters: int) -> tuple[Picture, Map]:
    """The picture turned counterclockwise by quarters, and the map of its points to the picture given."""
    height, width = picture.shape[:2]
    back = {
        1: [[0, -1, width], [1, 0, 0]],
        2: [[-1, 0, width], [0, -1, height]],
        3: [[0, 1, 0], [-1, 0, height]],
    }[quarters]
    return np.ascontiguousarray(np.rot90(picture, quarters)), np.array(back, float)


def _after(outer: Map, inner: Map) -> Map:
    """The map that does `inner` first."""
    both: Map = np.vstack([outer, [0, 0, 1]]) @ np.vstack([inner, [0, 0, 1]])
    return both[:2]
