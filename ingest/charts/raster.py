"""Pixels and the words read in them -> a chart, behind a gate: reading words costs a hundred times what a look
at the shapes does.

Numbers that stand alone at the axes, which OCR of whole pages overlooks, are read again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.types import Box
from ingest import ocr
from ingest.charts.axis import in_line, printed
from ingest.charts.chart import Chart
from ingest.charts.drawn import Drawn, hull_of, middle
from ingest.charts.interpret import (
    Standing,
    could_have_scale,
    interpret,
    plots_of,
    standing,
    standing_of,
    transposed,
)
from ingest.charts.lines import long_curves
from ingest.charts.pixels import COLOURS, Pixels, boxes_of, colours_of, parts_of
from ingest.words import Word

_LINE_POINTS = 60  # pixels across that a chart's line has at least
_LEAST_BARS_SHARE = 0.01  # of the picture, that bars cover
_LEAST_SECOND = 0.05  # of the highest column of bars, that the second one reaches
_LEAST_RISE = 0.04  # of the picture's height: an axis, a frame and a line of text rise less
_MOST_WORDS = 60  # that are read again
_LETTER = (6, 28)  # pixels: the least and the largest height, at the resolution at which charts are drawn
_HIGHEST_LETTER = 4  # times as high as most words
_USUAL_SCALE = 150 / 72
_LONGEST_NUMBER = 6  # times as long as high
_MOST_NUMBERS = 16  # beside a plot
_FIRST_NUMBERS = 4  # that are read first: what the recogniser takes at once
_TICK_REACH = 14.0  # points behind a number
_LEAST_TICK, _THICKEST_TICK = 3, 4  # pixels
_INK = 60  # of 255, by which it differs from the paper
_MOST_COLOURS_FLAT = 0.55  # of the pixels that the flat colours of a chart cover at least


def chart_of(
    picture: ocr.Picture, words: Sequence[Word], scale: float, shapes: Drawn | None = None
) -> Chart | None:
    """The chart that fills `picture` (`scale` pixels to the point; words in points), or None.

    `shapes`: what `shapes_of` found in it, if that was asked already.
    """
    drawn = shapes or shapes_of(picture, scale)
    if drawn is None:
        return None
    words = [_without_tick(word) for word in _legible(words)]
    drawn.bars = [bar for bar in drawn.bars if not _is_of_a_letter(bar.box, words)]
    ink = _ink(picture)
    lone = [_without_tick(word) for word in _lone_words(picture, ink, words, drawn, scale)]
    drawn.words = [_on_its_ink(word, ink, scale) if printed(word) else word for word in [*words, *lone]]
    drawn.rules += [tick for word in drawn.words if printed(word) for tick in _ticks_at(word, ink, scale)]
    return interpret(drawn)


def _legible(words: Sequence[Word]) -> list[Word]:
    """Without strokes, and without bars that are read as a 1 or an l."""
    usual = float(np.median([word.box.height for word in words] or [0.0]))
    return [
        word
        for word in words
        if any(map(str.isalnum, word.text))
        and (len(word.text) > 1 or word.box.height <= _HIGHEST_LETTER * usual)
    ]


def _without_tick(word: Word) -> Word:
    """A tick of the axis right behind a name is read as a dash."""
    return word._replace(text=word.text.rstrip("-–—"))


def _ticks_at(number: Word, ink: Any, scale: float) -> list[Box]:
    """The short level stroke that stands right behind a number, up to some points into the plot."""
    x0, y0, y1 = round(number.box.x1 * scale) + 1, round(number.box.y0 * scale), round(number.box.y1 * scale)
    if y0 < 0 or y1 - y0 < 3:
        return []
    strip = ink[y0:y1, x0 : x0 + round(_TICK_REACH * scale)] > 0
    strip = strip[:, strip.mean(axis=0) < 0.8]  # without the line of the axis
    rows = np.flatnonzero(strip.sum(axis=1) >= _LEAST_TICK)
    if not len(rows) or rows[-1] - rows[0] >= _THICKEST_TICK:
        return []
    top, bottom = (y0 + float(rows[0])) / scale, (y0 + float(rows[-1]) + 1) / scale
    return [Box(number.box.x1, top, number.box.x1 + _TICK_REACH, bottom)]


def _on_its_ink(number: Word, ink: Any, scale: float) -> Word:
    """The box of a number from the upper to the lower edge of its digits: their middle is at the tick."""
    x0, y0, x1, y1 = (max(0, round(side * scale)) for side in number.box)
    rows = np.flatnonzero(ink[y0:y1, x0:x1].any(axis=1))
    if not len(rows):
        return number
    top, bottom = (y0 + float(rows[0])) / scale, (y0 + float(rows[-1]) + 1) / scale
    return number._replace(box=number.box._replace(y0=top, y1=bottom))


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
    pixels = Pixels(picture, scale)
    drawn = pixels.drawn()
    height, width = (side / scale for side in picture.shape[:2])
    filled = bool(drawn.wedges) or any(
        _are_bars(standing_of(view), width * height) for view in (drawn, transposed(drawn))
    )
    across, rise = 0.4 * _across(drawn), _LEAST_RISE * height
    if not filled and not pixels.is_crossed(max(across, _LINE_POINTS / scale), rise):
        return None
    drawn.curves = pixels.curves()
    crossed = any(
        len(curve.points) > _LINE_POINTS and curve.width > across and curve.rise >= rise
        for curve in long_curves(drawn)
    )
    return drawn if filled or crossed else None


def _across(drawn: Drawn) -> float:
    """How far bars and rules reach from left to right, in points."""
    xs = [x for box in (*(bar.box for bar in drawn.bars), *drawn.rules) for x in (box.x0, box.x1)]
    return max(xs) - min(xs) if xs else 0.0


def _are_bars(found: Standing | None, area: float) -> bool:
    """Stems of letters and the gaps of a hatching stand on one line, too."""
    if found is None or len(found.columns) < 2:
        return False
    covered = sum(bar.box.width * bar.box.height for bar in found.bars)
    heights = sorted(sum(bar.box.height for bar in column) for column in found.columns)
    return covered >= _LEAST_BARS_SHARE * area and heights[-2] >= _LEAST_SECOND * heights[-1]


def could_be_chart(picture: ocr.Picture) -> bool:
    """Flat colours cover most of it, and some of them are not the paper: the cheapest look."""
    small = picture[::4, ::4]
    counts = np.sort(np.bincount(colours_of(small).ravel(), minlength=COLOURS))[::-1]
    return bool(counts[:8].sum() > _MOST_COLOURS_FLAT * counts.sum() and counts[1] > 0)


# ---------------------------------------------------------------- words that stand alone


def has_scale(picture: ocr.Picture, drawn: Drawn, scale: float) -> bool:
    """The second look: are there numbers by which it could be read? Only those beside it are read for that."""
    if drawn.wedges:
        return True
    bars = [Box(*(side * scale for side in bar.box)) for bar in drawn.bars]
    least, largest = _LETTER
    largest = round(largest * max(1.0, scale / _USUAL_SCALE))
    found = [Box(*corners) for corners in boxes_of(_ink(picture), (least, largest)).tolist()]
    letters = [box for box in found if not any(_covers(bar, box) for bar in bars)]
    if len(letters) < 2:
        return False
    found = [box for box in _side_by_side(letters) if box.width <= _LONGEST_NUMBER * box.height]
    has_enough_bars = could_have_scale(drawn)  # for a scale by the numbers at them
    words: list[Word] = []
    for plot, upright in plots_of(drawn):
        x0, y0, x1, y1 = (side * scale for side in plot)
        away = [
            (max(x0 - box.x1, box.x0 - x1) if upright else max(y0 - box.y1, box.y0 - y1), box)
            for box in found
        ]
        near = [box for distance, box in sorted(away) if distance >= -2]
        words += _numbers(picture, in_line(near, vertical=upright)[:_MOST_NUMBERS], scale)
        if has_enough_bars and words:
            return True
    if has_enough_bars:
        near = sorted(found, key=lambda box: min(_between(bar, box) for bar in bars))
        return bool(_numbers(picture, near[:_MOST_NUMBERS], scale))
    drawn.words = words
    return could_have_scale(drawn)


def _numbers(picture: ocr.Picture, boxes: Sequence[Box], scale: float) -> list[Word]:
    """What stands in the boxes, likeliest first; nothing where none of the first few is a number."""
    first = _read(picture, boxes[:_FIRST_NUMBERS], scale)
    if not any(printed(word) for word in first):
        return []
    return [*first, *_read(picture, boxes[_FIRST_NUMBERS:], scale)]


def _between(bar: Box, box: Box) -> float:
    """How far apart they are, in the direction in which it is more."""
    return max(bar.x0 - box.x1, box.x0 - bar.x1, bar.y0 - box.y1, box.y0 - bar.y1)


def _covers(bar: Box, box: Box) -> bool:
    """... up to its outline."""
    return all(abs(one - other) <= 4 for one, other in zip(bar, box, strict=True))


def _side_by_side(letters: Sequence[Box]) -> list[Box]:
    """Letters on one line as close as those of a word, as one box each."""
    lines: list[list[Box]] = []
    for letter in sorted(letters, key=lambda box: box.y0 + box.y1):
        if lines and abs(middle(letter)[1] - middle(lines[-1][0])[1]) <= 0.4 * lines[-1][0].height:
            lines[-1].append(letter)
        else:
            lines.append([letter])
    found = []
    for line in lines:
        word = None
        for letter in sorted(line):
            if word and letter.x0 - word.x1 <= 0.9 * max(word.height, letter.height):
                word = word.union(letter)
                continue
            if word:
                found.append(word)
            word = letter
        found += [word] if word else []
    return found


def _ink(picture: ocr.Picture) -> Any:
    """255 where it differs from the paper, as its border shows it."""
    import cv2

    grey: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    paper = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    return cv2.threshold(cv2.absdiff(grey, np.full_like(grey, paper)), _INK, 255, cv2.THRESH_BINARY)[1]


def _read(picture: ocr.Picture, boxes: Sequence[Box], scale: float) -> list[Word]:
    grown = [Box(x0 - 3, y0 - 3, x1 + 3, y1 + 3) for x0, y0, x1, y1 in boxes]
    read = zip(ocr.read_boxes(picture, grown, roughly=True), boxes, strict=True)
    return [
        _without_tick(Word(text, Box(*(side / scale for side in box)), box.height / scale))
        for text, box in read
        if text
    ]


def _lone_words(
    picture: ocr.Picture, ink: Any, words: Sequence[Word], drawn: Drawn, scale: float
) -> list[Word]:
    """Ink of the height of a word, beside and below what is drawn, that was not read: read by itself."""
    plot = _plot(drawn)
    if not words or plot is None:
        return []
    import cv2

    high = float(np.median([word.box.height for word in words])) * scale
    ink = ink.copy()
    for word in words:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        ink[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = 0
    joined = cv2.dilate(ink, np.ones((1, max(1, round(high / 3))), np.uint8))
    left, right, bottom = plot.x0 * scale + 2, plot.x1 * scale - 2, plot.y1 * scale + 2
    found = [
        Box(part.x0 - 1, part.y0 - 1, part.x1 + 1, part.y1 + 1)
        for part in parts_of(np.asarray(joined))
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
        widest = max((curve.width for curve in drawn.curves), default=0.0)
        boxes = [curve.box for curve in drawn.curves if curve.width > 0.6 * widest]
    if not boxes:
        return None
    return hull_of(boxes)
