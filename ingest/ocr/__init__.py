"""Pixels -> words with boxes: PP-OCRv6 (small), the models inside the rapidocr wheel, on OpenVINO.

A page is set upright and straight first, from its pixels: its characters may be read perfectly and
still stand in the wrong order where it is turned by half a degree. Words come back in the pixels of
the straightened picture, with the map back to the picture that was given.

Only detection and recognition are the models'. What is around them follows PP-OCR (DB
post-processing, arXiv:1911.08947; greedy CTC decoding), but the boxes of words are cut at the ink of
the line. Nothing is ever downloaded: `rapidocr` itself, which could, is not imported.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.types import Box
from ingest.layout import Back, Sheet
from ingest.ocr.lines import TextLine, detect
from ingest.ocr.pictures import Map, Picture, is_blank, png
from ingest.ocr.reading import read_lines, voted
from ingest.ocr.upright import quarter_turned, skew, straightened
from ingest.ocr.words import half_width, words_of
from ingest.words import Word

__all__ = [
    "FEW_WORDS",
    "MOST_PIXELS",
    "Picture",
    "Recognition",
    "half_width",
    "is_blank",
    "png",
    "read_boxes",
    "recognize",
    "sheet_of",
    "skew",
]

FEW_WORDS = 25  # with fewer it is a picture with words in it, with more a page of text
MOST_PIXELS = 12_000_000  # of a picture that is read: A4 at 350 dpi; more adds nothing but memory


class Recognition(NamedTuple):
    """Words (text, box, type size) on a straight picture of `width` x `height` pixels.

    `back` maps its points to the picture that was given.
    """

    words: list[tuple[str, Box, float]]
    width: int
    height: int
    back: Map


def sheet_of(picture: Picture, number: int, scale: float, *, upright: bool = False) -> Sheet:
    """Page `number` read from its picture, which has `scale` pixels to the point.

    `upright`: it is known to stand upright and straight.
    """
    found = recognize(picture, upright=upright)
    height, width = (side / scale for side in picture.shape[:2])
    (a, b, c), (d, e, f) = found.back.tolist()
    return Sheet(
        number,
        found.width / scale,
        found.height / scale,
        words=[
            Word(text, Box(*(side / scale for side in box)), size / scale) for text, box, size in found.words
        ],
        back=Back(a, b, c / scale, d, e, f / scale, width, height),
        recognized=True,
    )


def recognize(picture: Picture, *, upright: bool = False) -> Recognition:
    """All words of a page. An empty list where nothing is written."""
    straight, back = (picture, np.eye(2, 3)) if upright else straightened(picture, np.eye(2, 3))
    lines = detect(straight)
    turn = 0 if upright else _quarter_turns(straight, lines)
    if turn:
        turned, back = quarter_turned(picture, turn)
        straight, back = straightened(turned, back)
        lines = detect(straight)
    readings = voted(straight, lines, read_lines(straight, lines))
    words = [word for line, reading in zip(lines, readings) for word in words_of(straight, line, reading)]
    return Recognition(words, straight.shape[1], straight.shape[0], back)


def read_boxes(picture: Picture, boxes: Sequence[Box], *, roughly: bool = False) -> list[str]:
    """What is written in each of the boxes (pixels), which are known to hold one line of text each.

    `roughly`: good enough to see whether there are numbers, not to say which.
    """
    corners = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32) for x0, y0, x1, y1 in boxes]
    readings = read_lines(picture, [TextLine(four) for four in corners], roughly=roughly)
    return [reading.text.strip() for reading in readings]


def _quarter_turns(picture: Picture, lines: Sequence[TextLine]) -> int:
    """By how many quarters counterclockwise the page must be turned to stand upright.

    Judged by how surely the longest lines are read. Chinese written in columns is read as a turned
    page, too: its characters lie on their sides then, as they do in what the recogniser was trained on.
    """
    if not lines:
        return 0
    longest = sorted(lines, key=lambda line: -line.length)[:6]
    if sum(line.length for line in lines if line.tall) > 0.5 * sum(line.length for line in lines):
        tall = [line for line in longest if line.tall]
        down, up = _sureness(picture, tall), _sureness(picture, [line.flipped() for line in tall])
        return 1 if down >= up else 3
    sure = _sureness(picture, longest)
    return 2 if sure < 0.8 and _sureness(picture, [line.flipped() for line in longest]) > sure + 0.1 else 0


def _sureness(picture: Picture, lines: Sequence[TextLine]) -> float:
    return float(np.mean([found.sureness for found in read_lines(picture, lines)] or [0.0]))
