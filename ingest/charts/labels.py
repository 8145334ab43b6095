"""Which words of a chart name what: categories under the bars, series in the legend, the title."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from core.types import Box
from ingest.charts.drawn import Colour, Drawn, middle, unlike
from ingest.words import Word

_APART = 2.5  # of the height: words of one name stand closer
_TO_NAME = 2.2  # of the height: from a sample, or the mark in the middle of one, to its name
_SPACE = 0.7  # of the height: from one word of a name to the next
_ROW = 6.0  # points: samples of one row of a legend
_BELOW = 0.4  # of the plot's height: labels stand no deeper


@dataclass(frozen=True, slots=True)
class Category:
    """`centre` is its place along the axis; `words` its name in reading order."""

    centre: float
    words: tuple[Word, ...]


def categories_below(
    words: Sequence[Word], spans: Sequence[tuple[float, float]] | None, plot: Box, error: float
) -> list[Category] | None:
    """The names under the plot, one for each of `spans` (from, to); without spans, one for each label.

    None where there are none, or they do not fit the spans.
    """
    below = [
        word
        for word in words
        if middle(word.box)[1] >= plot.y1 + 2 + error
        and word.box.y0 <= plot.y1 + max(24.0, _BELOW * plot.height)
    ]
    if not below:
        return None
    first = _first_row(below)
    labels = _joined(first)
    if spans is None:
        return [Category(middle_of(label), tuple(label)) for label in labels]
    centres = [(left + right) / 2 for left, right in spans]
    pitch = min((b - a for a, b in pairwise(centres)), default=plot.width)
    if pitch <= 0:
        return None
    named: dict[int, list[Word]] = {}
    if len(labels) == len(centres):
        named = dict(enumerate(labels))
        if any(
            abs(middle_of(label) - centre) > 1.1 * pitch
            for label, centre in zip(labels, centres, strict=True)
        ):
            return None
    else:
        for word in first:
            at = min(range(len(centres)), key=lambda index: abs(centres[index] - middle(word.box)[0]))
            if abs(centres[at] - middle(word.box)[0]) <= 0.6 * pitch + 2:
                named.setdefault(at, []).append(word)
        if any(_are_of_two(words) for words in named.values()):
            return None
    for word in below:
        # A second line of a label stands under the first, within its own pitch.
        if word in first:
            continue
        at = min(range(len(centres)), key=lambda index: abs(centres[index] - middle(word.box)[0]))
        if (
            at in named
            and len(spans) > 1
            and abs(centres[at] - middle(word.box)[0]) < 0.45 * pitch
            and 0 <= word.box.y0 - max(other.box.y1 for other in named[at]) < 0.8 * word.box.height
            and word.box.width < pitch
        ):
            named[at].append(word)
    if len(named) < len(centres):
        named = _counted_on(named, len(centres))
    if len(named) < len(centres):
        return None
    return [Category(centre, tuple(named[at])) for at, centre in enumerate(centres)]


def _are_of_two(row: Sequence[Word]) -> bool:
    """Words of one name stand close together; where they do not, a bar between them was not seen."""
    return any(
        right.box.x0 - left.box.x1 > _APART * max(left.box.height, right.box.height)
        for left, right in pairwise(row)
    )


def _first_row(below: Sequence[Word]) -> list[Word]:
    """The words of the line next to the plot; words aslant reach further down, but begin on it."""
    top = min(word.box.y0 for word in below)
    high = median(word.box.height for word in below)
    return sorted((word for word in below if word.box.y0 <= top + 0.6 * high), key=lambda word: word.box.x0)


def _joined(row: Sequence[Word]) -> list[list[Word]]:
    """Words of one label stand close together."""
    labels: list[list[Word]] = []
    for word in row:
        if labels and word.box.x0 - labels[-1][-1].box.x1 < 0.45 * min(word.box.height, 14.0):
            labels[-1].append(word)
        else:
            labels.append([word])
    return labels


def phrases(words: Sequence[Word]) -> list[list[Word]]:
    """Words of one line that stand close together, as one text each."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: middle(word.box)[1]):
        if lines and abs(middle(word.box)[1] - middle(lines[-1][0].box)[1]) <= 0.4 * word.box.height:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [text for line in lines for text in _joined(sorted(line, key=lambda word: word.box.x0))]


def middle_of(label: Sequence[Word]) -> float:
    return (label[0].box.x0 + label[-1].box.x1) / 2


def _counted_on(named: dict[int, list[Word]], count: int) -> dict[int, list[Word]]:
    """Years of which only some are printed: the others follow from them."""
    years = {
        at: int(words[0].text)
        for at, words in named.items()
        if len(words) == 1 and words[0].text.isdecimal() and len(words[0].text) == 4
    }
    if len(years) < 2 or len(years) < len(named):
        return named
    (first, begun), *rest = sorted(years.items())
    last, ended = rest[-1]
    step, left_over = divmod(ended - begun, last - first)
    if left_over or any(year != begun + step * (at - first) for at, year in years.items()):
        return named
    model = named[first][0]
    return {
        at: named.get(at) or [model._replace(text=str(begun + step * (at - first)))] for at in range(count)
    }


def legend_names(colours: Sequence[Colour], drawn: Drawn, plot: Box) -> tuple[str, ...]:
    """The words beside a sample of each colour; "series 2" where there are none."""
    return tuple(
        " ".join(word.text for word in named[1]) if named else f"series {number}"
        for number, named in enumerate(_named(colours, drawn, plot), 1)
    )


def legend_order(colours: Sequence[Colour], drawn: Drawn, plot: Box) -> list[int]:
    """The colours' indexes as the legend has them, row by row; as they are where it does not name them all."""
    found = _named(colours, drawn, plot)
    tops = [(round(one[0].y0 / _ROW), one[0].x0) for one in found if one]
    if len(tops) < len(colours):
        return list(range(len(colours)))
    return sorted(range(len(colours)), key=lambda at: tops[at])


def _named(colours: Sequence[Colour], drawn: Drawn, plot: Box) -> list[tuple[Box, list[Word]] | None]:
    """For each colour its sample in the legend and the words beside it."""
    samples = [
        (bar.box, bar.colour)
        for bar in drawn.bars
        if bar.box.width < 0.2 * plot.width and bar.box.height < 24
    ]
    samples += [
        (curve.box, curve.colour)
        for curve in drawn.curves
        if curve.box.width < 0.2 * plot.width and curve.box.height < 8
    ]
    named = [(box, shade, words) for box, shade in samples if (words := _words_right_of(box, drawn.words))]
    return [
        next(((box, words) for box, shade, words in named if unlike(shade, colour) <= 24), None)
        for colour in colours
    ]


def _words_right_of(sample: Box, words: Sequence[Word]) -> list[Word]:
    """The text that begins beside a legend's sample."""
    y = middle(sample)[1]
    line = sorted(
        (word for word in words if word.box.y0 <= y <= word.box.y1 and word.box.x0 >= sample.x1 - 1),
        key=lambda word: word.box.x0,
    )
    found: list[Word] = []
    edge = sample.x1
    for word in line:
        reach = (_SPACE if found else _TO_NAME) * word.box.height
        if word.box.x0 - edge > reach:
            break
        found.append(word)
        edge = word.box.x1
    return found


def title_above(words: Sequence[Word], hull: Box, taken: set[int]) -> tuple[Word, ...]:
    """The line of text next above what is drawn, if it stands over it."""
    above = [
        word
        for word in words
        if id(word) not in taken
        and middle(word.box)[1] <= hull.y0
        and hull.x0 - 20 <= middle(word.box)[0] <= hull.x1 + 20
    ]
    if not above:
        return ()
    lowest = max(above, key=lambda word: word.box.y1)
    if hull.y0 - lowest.box.y1 > 40:
        return ()
    line = [
        word
        for word in above
        if min(word.box.y1, lowest.box.y1) - max(word.box.y0, lowest.box.y0) > 0.5 * lowest.box.height
    ]
    return tuple(sorted(line, key=lambda word: word.box.x0))
