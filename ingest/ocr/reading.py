"""What lines of text say: the recogniser with greedy CTC decoding, and a vote where numbers are doubtful."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.ocr.lines import TextLine
from ingest.ocr.models import infer, normalized, recognizer
from ingest.ocr.pictures import Map, Picture

LINE_HEIGHT = 48  # pixels of a line as the recogniser sees it
COLUMN = 8  # pixels of the line for each of the recogniser's columns
# Lines and their width in a batch. Each new shape costs address space for good (the code that OpenVINO
# makes for it), so that there are few.
_BATCHES = ((6, 320), (4, 480), (3, 640), (2, 960), (1, 1280), (1, 1920), (1, 2880))
_SHORT = ((4, 96), (4, 192), (2, 320))
SURE_LINE = 0.5


class Reading(NamedTuple):
    """`columns[i]` is where character i of `text` stands, in the recogniser's columns."""

    text: str
    columns: list[int]
    sureness: float


def read_lines(picture: Picture, lines: Sequence[TextLine], *, roughly: bool = False) -> list[Reading]:
    """The text of each line, in the order given.

    `roughly`: short ones without the empty space behind them that the recogniser was trained with; a third
    of the work, and now and then a letter less right.
    """
    batches = (*_SHORT, *_BATCHES) if roughly else _BATCHES
    crops = [_scaled(crop_of(picture, line)[0]) for line in lines]
    order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1])
    readings: dict[int, Reading] = {}
    while order:
        count, width = next(shape for shape in batches if crops[order[-1]].shape[1] <= shape[1])
        batch, order = order[-count:], order[:-count]
        pixels = np.zeros((count, 3, LINE_HEIGHT, width), np.float32)
        for row, index in enumerate(batch):
            pixels[row, :, :, : crops[index].shape[1]] = normalized(crops[index])
        readings.update(zip(batch, _decoded(pixels)))
    return [readings[index] for index in range(len(crops))]


_LOW_LINE = 26  # pixels: in lower lines a comma and a point differ by one pixel or two
_SHORT_LINE = 15  # times as long as high: cells of tables; sentences would take too long
_DECIMAL = re.compile(r"\d[.,]|[.,]\d")
_GROUPED = re.compile(r"\d([.,])\d{3}(?!\d)")
_SHIFTS = ((0, 0, 1, 1), (-2, 0, 2, 0), (2, 0, -2, 0), (0, -1, 0, -1))  # left, top, right, bottom in pixels


def voted(picture: Picture, lines: Sequence[TextLine], readings: Sequence[Reading]) -> list[Reading]:
    """Numbers in low lines are read again from slightly other cuts, and the majority counts.

    Where the page groups its thousands with commas, a reading that does so has one vote and a half more.
    """
    doubtful = [
        at
        for at, line in enumerate(lines)
        if min(line.width, line.height) < _LOW_LINE
        and line.length < _SHORT_LINE * _LOW_LINE
        and _DECIMAL.search(readings[at].text)
    ]
    ballots = {at: [readings[at]] for at in doubtful}
    for shift in _SHIFTS if doubtful else ():
        for at, again in zip(doubtful, read_lines(picture, [lines[at].shifted(*shift) for at in doubtful])):
            ballots[at].append(again)
    signs = Counter(sign for reading in readings for sign in _GROUPED.findall(reading.text))
    favoured = "," if signs[","] >= 5 * max(1, signs["."]) else ""

    def votes(at: int, ballot: Reading) -> tuple[float, float]:
        usual = 1.5 if favoured in _GROUPED.findall(ballot.text) else 0.0
        return sum(other.text == ballot.text for other in ballots[at]) + usual, ballot.sureness

    voted = list(readings)
    for at in doubtful:
        voted[at] = max(ballots[at], key=partial(votes, at))
    return voted


def crop_of(picture: Picture, line: TextLine) -> tuple[Picture, Map]:
    """The line's pixels, text running to the right, and the map of its points to the picture."""
    import cv2

    # Whole pixels: a flat line is then cut out as it is, and interpolation costs commas at low resolution.
    start, right, _, down = np.round(np.roll(line.corners, -1, axis=0) if line.tall else line.corners).astype(
        int
    )
    if (
        abs(right[1] - start[1]) <= 0.1 * abs(down[1] - start[1])
        and start[0] < right[0]
        and start[1] < down[1]
    ):
        x0, x1 = sorted((max(0, min(start[0], down[0])), right[0]))
        y0, y1 = sorted((max(0, min(start[1], right[1])), max(down[1], down[1] + right[1] - start[1])))
        flat = picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
        if flat.size:
            return np.ascontiguousarray(flat), np.array([[1, 0, x0], [0, 1, y0]], float)
    width = max(1, round(float(np.linalg.norm(right - start))))
    height = max(1, round(float(np.linalg.norm(down - start))))
    square = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    back = cv2.getAffineTransform(square, np.array([start, right, down], np.float32))
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, back, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE), back


def _scaled(crop: Picture) -> Picture:
    import cv2

    height, width = crop.shape[:2]
    scaled = max(8, math.ceil(LINE_HEIGHT * width / height))
    return cv2.resize(crop, (min(scaled, _BATCHES[-1][1]), LINE_HEIGHT))


def _decoded(pixels: NDArray[np.float32]) -> Iterator[Reading]:
    model = recognizer()
    chances = infer(model.request, pixels)
    best = chances.argmax(axis=2)
    sure = np.take_along_axis(chances, best[:, :, np.newaxis], axis=2)[:, :, 0]
    for indexes, sureness in zip(best, sure):
        fresh = np.ones(len(indexes), bool)
        fresh[1:] = indexes[1:] != indexes[:-1]
        columns = np.flatnonzero(fresh & (indexes != 0))
        text = "".join(model.characters[indexes[column]] for column in columns)
        yield Reading(text, columns.tolist(), float(sureness[columns].mean()) if len(columns) else 0.0)
