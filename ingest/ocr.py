"""Pixels -> words with boxes: PP-OCRv6 (small), the models inside the rapidocr wheel, on OpenVINO.

A page is set upright and straight first, from its pixels: its characters may be read perfectly and
still stand in the wrong order where it is turned by half a degree. Words come back in the pixels of
the straightened picture, with the map back to the picture that was given.

Only detection and recognition are the models'. What is around them follows PP-OCR (DB
post-processing, arXiv:1911.08947; greedy CTC decoding), but the boxes of words are cut at the ink of
the line. Nothing is ever downloaded: `rapidocr` itself, which could, is not imported.
"""

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsError
from core.text import CJK
from core.types import Box
from ingest.layout import Back, Sheet
from ingest.words import Word

# OpenCV's types do not say which kind of number an array holds.
Picture = NDArray[Any]  # bytes (height, width, 3): blue, green, red
Grey = NDArray[Any]  # bytes (height, width)
Corners = NDArray[Any]  # floats (4, 2)
Map = NDArray[Any]  # floats (2, 3): an affine map of points (x, y, 1)


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


def sheet_of(picture: Picture, number: int, scale: float) -> Sheet:
    """Page `number` read from its picture, which has `scale` pixels to the point."""
    found = recognize(picture)
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


def recognize(picture: Picture) -> Recognition:
    """All words of a page. An empty list where nothing is written."""
    straight, back = _straightened(picture, np.eye(2, 3))
    lines = _detect(straight)
    turn = _quarter_turns(straight, lines)
    if turn:
        turned, back = _turned(picture, turn)
        straight, back = _straightened(turned, back)
        lines = _detect(straight)
    readings = _voted(straight, lines, _read(straight, lines))
    words = [word for line, reading in zip(lines, readings) for word in _words(straight, line, reading)]
    return Recognition(words, straight.shape[1], straight.shape[0], back)


def read_boxes(picture: Picture, boxes: Sequence[Box]) -> list[str]:
    """What is written in each of the boxes (pixels), which are known to hold one line of text each."""
    corners = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32) for x0, y0, x1, y1 in boxes]
    return [reading.text.strip() for reading in _read(picture, [_TextLine(four) for four in corners])]


def is_blank(picture: Picture) -> bool:
    top, bottom, _, _ = _printed(picture)
    return top == bottom


def png(picture: Picture) -> bytes:
    import cv2

    done, encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise MemoryError
    return bytes(encoded.tobytes())


# ---------------------------------------------------------------- the models

_MODELS = "rapidocr"
_THREADS = 2


class _Models(NamedTuple):
    detector: Any
    recognizer: Any
    characters: list[str]


@lru_cache(maxsize=1)
def _models() -> _Models:
    import cv2
    import openvino

    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    package = find_spec(_MODELS)
    if package is None or package.origin is None:
        raise SettingsError("the package 'rapidocr', which holds the OCR models, is not installed")
    folder = Path(package.origin).parent / "models"
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": _THREADS, "NUM_STREAMS": 1})
    detector = core.compile_model(core.read_model(folder / "PP-OCRv6_det_small.onnx"), "CPU")
    model = core.read_model(folder / "PP-OCRv6_rec_small.onnx")
    characters = str(model.get_rt_info(["framework", "character"]).value).splitlines()
    recognizer = core.compile_model(model, "CPU")
    # Index 0 is CTC's blank, the last one the space, which the list leaves out.
    return _Models(detector.create_infer_request(), recognizer.create_infer_request(), ["", *characters, " "])


def _infer(model: Any, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The model's answer; it lies in the model's own memory until the next question."""
    try:
        model.infer([pixels])
    except RuntimeError as error:
        # OpenVINO has no type of its own for this.
        if "alloc" in str(error):
            raise MemoryError from error
        raise
    answer: NDArray[np.float32] = model.get_output_tensor().data
    return answer


def _normalized(picture: Picture) -> NDArray[np.float32]:
    """(height, width, 3) bytes -> (3, height, width) in [-1, 1], as both models were trained."""
    return (picture.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)


# ---------------------------------------------------------------- upright and straight

_WIDEST_SKEW = 8.0  # degrees
_SMALLEST_SKEW = 0.08
_STRIPS = 3


def _straightened(picture: Picture, back: Map) -> tuple[Picture, Map]:
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
    coarse = _ink(grey, 600)
    best = max(
        (step / 2 for step in range(int(-2 * _WIDEST_SKEW), int(2 * _WIDEST_SKEW) + 1)),
        key=lambda a: _sharpness(coarse, a),
    )
    fine = _ink(grey, 1600)
    best = max((best + step / 10 for step in range(-6, 7)), key=lambda a: _sharpness(fine, a))
    best = max((best + step / 40 for step in range(-4, 5)), key=lambda a: _sharpness(fine, a))
    # Turning blurs, and so costs sharpness: a gain in spite of it is a real one.
    return float(best) if _sharpness(fine, best) > 1.02 * _sharpness(fine, 0.0) else 0.0


def _ink(grey: Grey, side: int) -> Grey:
    """Dark on light as white on black, at most `side` pixels wide or high."""
    import cv2

    scale = min(1.0, side / max(grey.shape))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, ink = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    return ink if ink.mean() < 127 else 255 - ink


def _sharpness(ink: Grey, angle: float) -> float:
    """Strip by strip: the lines of columns side by side do not stand at the same heights."""
    import cv2

    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    straight = cv2.warpAffine(ink, turn, (width, height), flags=cv2.INTER_LINEAR)
    strips = np.array_split(straight, _STRIPS, axis=1)
    return sum(float((np.diff(strip.sum(axis=1, dtype=np.float64)) ** 2).sum()) for strip in strips)


def _turned(picture: Picture, quarters: int) -> tuple[Picture, Map]:
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


def _quarter_turns(picture: Picture, lines: "Sequence[_TextLine]") -> int:
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


def _sureness(picture: Picture, lines: "Sequence[_TextLine]") -> float:
    return float(np.mean([found.sureness for found in _read(picture, lines)] or [0.0]))


# ---------------------------------------------------------------- where text is

_LONGEST_SIDE = 1408  # pixels of the page as the detector sees it
_SHORTEST_SIDE = 736
_LARGEST_SCALE = 3.0
_STEP = 128  # sides are multiples of it: like the recogniser's, each new shape costs memory for good
_FEW_LINES = 5
_FAINTEST = 24  # of 255: a smaller step between darkest and lightest is paper
_TEXT = 0.3  # probability of a pixel
_SURE_TEXT = 0.5  # in the mean of a line's box
_GROWN = 1.6  # the detector finds the core of a line, smaller than the line
_MOST_LINES = 5000


class _TextLine(NamedTuple):
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

    def shifted(self, left: float, top: float, right: float, bottom: float) -> "_TextLine":
        """Its edges moved by so many pixels."""
        moves = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return _TextLine(self.corners + np.array(moves, np.float32))

    def flipped(self) -> "_TextLine":
        return _TextLine(np.roll(self.corners, 2, axis=0))


def _detect(picture: Picture) -> list[_TextLine]:
    """The lines of text, in no order.

    The network weighs all of what it sees: on a large and nearly empty page it overlooks the one line
    that is there. So it is shown only what is printed on, and where it found next to nothing, smaller.
    """
    top, bottom, left, right = _printed(picture)
    if top == bottom:
        return []
    printed = np.ascontiguousarray(picture[top:bottom, left:right])
    lines = _detect_at(printed, _LONGEST_SIDE)
    if len(lines) < _FEW_LINES:
        lines = max(lines, _detect_at(printed, _LONGEST_SIDE // 2), key=len)
    return [_TextLine(line.corners + np.array([left, top], np.float32)) for line in lines]


def _printed(picture: Picture) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is on the paper, with a margin; all 0 for an empty page."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    ink = _ink(grey, 1000)
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


def _detect_at(picture: Picture, longest: int) -> list[_TextLine]:
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
        _TextLine(corners * stretch)
        for contour in contours[:_MOST_LINES]
        for corners in _box_of(contour, likely)
    ]


def _probability(picture: Picture) -> NDArray[np.float32]:
    """(height, width): for each pixel the probability that it belongs to text.

    The whole page at once, though it takes memory: the network weighs all of what it sees, and takes
    the empty half of a page, seen alone, for text.
    """
    return np.array(_infer(_models().detector, _normalized(picture)[np.newaxis])[0, 0])


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


# ---------------------------------------------------------------- what it says

_LINE_HEIGHT = 48  # pixels of a line as the recogniser sees it
_COLUMN = 8  # pixels of the line for each of the recogniser's columns
# Lines and their width in a batch. Each new shape costs address space for good (the code that OpenVINO
# makes for it), so that there are few.
_BATCHES = ((6, 320), (4, 480), (3, 640), (2, 960), (1, 1280), (1, 1920), (1, 2880))
_SURE_LINE = 0.5


class _Reading(NamedTuple):
    """`columns[i]` is where character i of `text` stands, in the recogniser's columns."""

    text: str
    columns: list[int]
    sureness: float


def _read(picture: Picture, lines: Sequence[_TextLine]) -> list[_Reading]:
    """The text of each line, in the order given."""
    crops = [_scaled(_crop(picture, line)[0]) for line in lines]
    order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1])
    readings: dict[int, _Reading] = {}
    while order:
        count, width = next(shape for shape in _BATCHES if crops[order[-1]].shape[1] <= shape[1])
        batch, order = order[-count:], order[:-count]
        pixels = np.zeros((count, 3, _LINE_HEIGHT, width), np.float32)
        for row, index in enumerate(batch):
            pixels[row, :, :, : crops[index].shape[1]] = _normalized(crops[index])
        readings.update(zip(batch, _decoded(pixels)))
    return [readings[index] for index in range(len(crops))]


_LOW_LINE = 26  # pixels: in lower lines a comma and a point differ by one pixel or two
_SHORT_LINE = 15  # times as long as high: cells of tables; sentences would take too long
_DECIMAL = re.compile(r"\d[.,]|[.,]\d")
_GROUPED = re.compile(r"\d([.,])\d{3}(?!\d)")
_SHIFTS = ((0, 0, 1, 1), (-2, 0, 2, 0), (2, 0, -2, 0), (0, -1, 0, -1))  # left, top, right, bottom in pixels


def _voted(picture: Picture, lines: Sequence[_TextLine], readings: Sequence[_Reading]) -> list[_Reading]:
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
        for at, again in zip(doubtful, _read(picture, [lines[at].shifted(*shift) for at in doubtful])):
            ballots[at].append(again)
    signs = Counter(sign for reading in readings for sign in _GROUPED.findall(reading.text))
    favoured = "," if signs[","] >= 5 * max(1, signs["."]) else ""

    def votes(at: int, ballot: _Reading) -> tuple[float, float]:
        usual = 1.5 if favoured in _GROUPED.findall(ballot.text) else 0.0
        return sum(other.text == ballot.text for other in ballots[at]) + usual, ballot.sureness

    voted = list(readings)
    for at in doubtful:
        voted[at] = max(ballots[at], key=partial(votes, at))
    return voted


def _crop(picture: Picture, line: _TextLine) -> tuple[Picture, Map]:
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
    scaled = max(8, math.ceil(_LINE_HEIGHT * width / height))
    return cv2.resize(crop, (min(scaled, _BATCHES[-1][1]), _LINE_HEIGHT))


def _decoded(pixels: NDArray[np.float32]) -> Iterator[_Reading]:
    models = _models()
    chances = _infer(models.recognizer, pixels)
    best = chances.argmax(axis=2)
    sure = np.take_along_axis(chances, best[:, :, np.newaxis], axis=2)[:, :, 0]
    for indexes, sureness in zip(best, sure):
        fresh = np.ones(len(indexes), bool)
        fresh[1:] = indexes[1:] != indexes[:-1]
        columns = np.flatnonzero(fresh & (indexes != 0))
        text = "".join(models.characters[indexes[column]] for column in columns)
        yield _Reading(text, columns.tolist(), float(sureness[columns].mean()) if len(columns) else 0.0)


# ---------------------------------------------------------------- words

_WIDE = re.compile(f"[{CJK}\u3000-\u303f\uff00-\uffef]")
_GAP = 0.5  # of a line's height: a wider gap parts words even where no space was read


class _Piece(NamedTuple):
    """A word of a reading: its text and its first and last character's middles, in pixels of the crop."""

    text: str
    first: float
    last: float


def _words(picture: Picture, line: _TextLine, reading: _Reading) -> list[tuple[str, Box, float]]:
    if reading.sureness < _SURE_LINE or not reading.text.strip():
        return []
    crop, back = _crop(picture, line)
    height = crop.shape[0]
    inked, top, bottom = _ink_of_line(crop)
    middles = [(column + 0.5) * _COLUMN * height / _LINE_HEIGHT for column in reading.columns]
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
