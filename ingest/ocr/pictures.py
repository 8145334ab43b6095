"""Pixels as arrays: what is paper and what is ink. Knows no text."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# OpenCV's types do not say which kind of number an array holds.
Picture = NDArray[Any]  # bytes (height, width, 3): blue, green, red
Grey = NDArray[Any]  # bytes (height, width)
Corners = NDArray[Any]  # floats (4, 2)
Map = NDArray[Any]  # floats (2, 3): an affine map of points (x, y, 1)

_FAINTEST = 24  # of 255: a smaller step between darkest and lightest is paper


def ink_of(grey: Grey, side: int) -> Grey:
    """Dark on light as white on black, at most `side` pixels wide or high."""
    import cv2

    scale = min(1.0, side / max(grey.shape))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, ink = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    return ink if ink.mean() < 127 else 255 - ink


def printed_area(picture: Picture) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is on the paper, with a margin; all 0 for an empty page."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    ink = ink_of(grey, 1000)
    step = grey.shape[0] / ink.shape[0]
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if grey.max() - grey.min() < _FAINTEST or not len(rows):
        return 0, 0, 0, 0
    margin = 32 / step
    height, width = grey.shape
    return (
        max(0, int((rows[0] - margin) * step)),
        min(height, math.ceil((rows[-1] + 1 + margin) * step)),
        max(0, int((columns[0] - margin) * step)),
        min(width, math.ceil((columns[-1] + 1 + margin) * step)),
    )


def is_blank(picture: Picture) -> bool:
    top, bottom, _, _ = printed_area(picture)
    return top == bottom


def png(picture: Picture) -> bytes:
    import cv2

    done, encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise MemoryError
    return bytes(encoded.tobytes())
