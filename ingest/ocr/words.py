"""Lines cut into words, each with its box drawn in to the ink."""

import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.text import CJK
from core.types import Box
from ingest.ocr.lines import TextLine
from ingest.ocr.pictures import Picture
from ingest.ocr.reading import COLUMN, LINE_HEIGHT, SURE_LINE, Reading, crop_of

_WIDE = re.compile(f"[{CJK}\u3000-\u303f\uff00-\uffef]")
_GAP = 0.5  # of a line's height: a wider gap parts words even where no space was read


class _Piece(NamedTuple):
    """A word of a reading: its text and its first and last character's middles, in pixels of the crop."""

    text: str
    first: float
    last: float


def words_of(picture: Picture, line: TextLine, reading: Reading) -> list[tuple[str, Box, float]]:
    if reading.sureness < SURE_LINE or not reading.text.strip():
        return []
    crop, back = crop_of(picture, line)
    height = crop.shape[0]
    inked, top, bottom = _ink_of_line(crop)
    middles = [(column + 0.5) * COLUMN * height / LINE_HEIGHT for column in reading.columns]
    text = half_width(reading.text)
    pieces = list(_pieces(text, middles, inked, height))
    top, bottom, size = _type_box(text, top, bottom)
    found = []
    edges = _edges(pieces, inked)
    for piece, (left, right) in zip(pieces, edges):
        corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]]) @ back.T
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        found.append((piece.text, Box(float(x0), float(y0), float(x1), float(y1)), size))
    return found


_TALL_LETTERS = re.compile(r"[A-Z0-9bdfhklt!?&$%()\[\]{}|/]")
_HANGING_LETTERS = re.compile(r"[gjpqy,;()\[\]{}|/Q$]")


def _type_box(text: str, top: float, bottom: float) -> tuple[float, float, float]:
    """Ascent, descent and size of the type whose ink fills a line from `top` to `bottom`.

    The ink of "eon" is half as high as that of "Egon"; the type is the same. The shares are those of
    common faces: capitals .72 of the size, small letters .5, descent .21.
    """
    height = bottom - top
    if _WIDE.search(text):
        return top - 0.04 * height, bottom + 0.04 * height, height / 0.92
    up = 0.72 if _TALL_LETTERS.search(text) else 0.5
    down = 0.21 if _HANGING_LETTERS.search(text) else 0.0
    size = height / (up + down)
    return top - (0.75 - up) * size, bottom + (0.21 - down) * size, size


def _ink_of_line(crop: Picture) -> tuple[NDArray[np.bool_], float, float]:
    """Which columns of a line hold ink, and the heights between which its ink lies."""
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = grey <= level if np.median(border) > level else grey > level
    ink[_rules(ink)] = False
    inked = ink.sum(axis=0) >= max(1, 0.04 * len(ink))
    top, bottom = _main_band(ink.sum(axis=1))
    return inked, float(top), float(bottom)


def _rules(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows of a line that belong to a rule over or under it: ink that runs on where letters end."""
    height, width = ink.shape
    if width < 2 * height:
        return np.zeros(height, bool)
    # An opening keeps only runs of at least half of the width.
    import cv2

    long = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, width // 2), np.uint8)).any(
        axis=1
    )
    return np.convolve(long, [1, 1, 1], "same") > 0


def _main_band(rows: NDArray[np.int64]) -> tuple[int, int]:
    """From where to where the rows with most ink reach; specks and rests of rules lie apart from them."""
    filled = rows > 0
    marks = np.flatnonzero(np.diff(np.concatenate([[0], filled, [0]])))
    bands = list(zip(marks[::2].tolist(), marks[1::2].tolist()))
    if not bands:
        return 0, len(rows)
    main = max(range(len(bands)), key=lambda at: rows[slice(*bands[at])].sum())
    first = last = main
    near = 0.15 * len(rows)  # the dot of an i, the stroke of an accent
    while first > 0 and bands[first][0] - bands[first - 1][1] <= near:
        first -= 1
    while last + 1 < len(bands) and bands[last + 1][0] - bands[last][1] <= near:
        last += 1
    return bands[first][0], bands[last][1]


def _pieces(text: str, middles: Sequence[float], inked: NDArray[np.bool_], height: int) -> Iterator[_Piece]:
    """Cuts a line at spaces, at wide gaps of the ink, and around each Chinese character."""
    start = 0
    for position in range(len(text) + 1):
        after = text[position : position + 1]
        before = text[position - 1 : position] if position else ""
        cut = (
            not after
            or not before
            or " " in (before, after)
            or _WIDE.match(before)
            or _WIDE.match(after)
            or _widest_gap(inked, middles[position - 1], middles[position])[1] > _GAP * height
        )
        if cut:
            if text[start:position].strip():
                yield _Piece(text[start:position], middles[start], middles[position - 1])
            start = position


def _widest_gap(inked: NDArray[np.bool_], start: float, end: float) -> tuple[float, float]:
    """The middle and the width of the widest run of columns without ink between two positions."""
    between = inked[max(0, int(start)) : max(0, math.ceil(end))]
    marks = np.flatnonzero(np.concatenate([[True], between, [True]]))
    widths = np.diff(marks) - 1
    if not len(widths) or widths.max() <= 0:
        return (start + end) / 2, 0.0
    widest = int(widths.argmax())
    return int(start) + float(marks[widest]) + widths[widest] / 2, float(widths[widest])


def _edges(pieces: Sequence[_Piece], inked: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Left and right of each piece: between neighbours at the widest gap, then drawn in to the ink.

    A Chinese character keeps its whole square: the ink of "，" fills a quarter of it.
    """
    cuts = [
        0.0,
        *(_widest_gap(inked, one.last, other.first)[0] for one, other in itertools.pairwise(pieces)),
        float(len(inked)),
    ]
    edges = []
    for piece, (left, right) in zip(pieces, itertools.pairwise(cuts)):
        written = int(left) + np.flatnonzero(inked[int(left) : max(int(left) + 1, math.ceil(right))])
        first, last = (float(written[0]), float(written[-1]) + 1) if len(written) else (left, right)
        inner_left = left if _WIDE.match(piece.text) and left else first
        inner_right = right if _WIDE.match(piece.text) and right < len(inked) else last
        edges.append((inner_left, inner_right))
    return edges


_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_BETWEEN_DIGITS = frozenset("，．：／－")


def half_width(text: str) -> str:
    """NFKC for the full-width forms of numbers: "１，２３４．５％" is 1,234.5%; prose keeps its "，"."""
    if not _FULL_WIDTH.search(text):
        return text
    found = list(text)
    for index, char in enumerate(text):
        plain = unicodedata.normalize("NFKC", char)
        if plain.isalnum() or char == "％":
            found[index] = plain
    for index, char in enumerate(text):
        around = (found[index - 1] if index else "", found[index + 1] if index + 1 < len(found) else "")
        if char in _BETWEEN_DIGITS and all("0" <= neighbour <= "9" for neighbour in around):
            found[index] = unicodedata.normalize("NFKC", char)
    return "".join(found)
