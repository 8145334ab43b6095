"""Printed lines of a page, and in each line the pieces that stand apart.

A piece is a run of words with only word spaces between them: what one cell holds of one line. A
currency sign, a bracket or a percent sign that is printed apart belongs to its number.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from core.types import Box
from ingest.tables.numbers import (
    BRACKETS,
    CLOSERS,
    CURRENCY,
    PREFIXES,
    Kind,
    is_leader,
    is_wide,
    joined_text,
    kind_of,
)
from ingest.words import Word

SAME_LINE = 0.35  # of the smaller height: how far the middles of two words of a line may lie apart
WORD_SPACE = 0.85  # of an em: the widest space inside a cell's text
NUMBER_SPACE = 0.55  # the same between digits: columns of numbers stand close
MOST_MARKS = 6  # on one line
MARK_OVERLAP = 0.3  # of a mark's height, with the word before it
MINUS_SPACE = 0.4
SIGN_SPACE = 24.0  # a currency sign stands at the left edge of its column


class Piece:
    """`words` are indexes into the page's words, left to right; leaders (dots) are not counted
    in the extent. `core` is where the number itself begins, behind its currency sign.
    """

    __slots__ = ("core", "kind", "text", "words", "x0", "x1", "y0", "y1")

    def __init__(self, words: list[int], box: Box, text: str) -> None:
        self.words = words
        self.x0, self.y0, self.x1, self.y1 = box
        self.core = self.x0
        self.text = text
        self.kind = kind_of(text)

    def absorb(self, other: "Piece") -> None:
        if other.kind is Kind.NUMBER and self.kind is not Kind.NUMBER:
            self.core = other.core
        self.words += other.words
        self.x0, self.x1 = min(self.x0, other.x0), max(self.x1, other.x1)
        self.y0, self.y1 = min(self.y0, other.y0), max(self.y1, other.y1)
        self.text = joined_text([self.text, other.text])
        self.kind = kind_of(self.text)

    def __repr__(self) -> str:
        return f"<{self.text!r} {self.x0:.0f}-{self.x1:.0f}>"


class Line:
    """One printed line; `em` is its type size in points."""

    __slots__ = ("em", "pieces", "y0", "y1")

    def __init__(self, pieces: list[Piece], em: float) -> None:
        self.pieces = pieces
        self.em = em
        self.y0 = min(piece.y0 for piece in pieces)
        self.y1 = max(piece.y1 for piece in pieces)

    @property
    def x0(self) -> float:
        return self.pieces[0].x0

    @property
    def x1(self) -> float:
        return max(piece.x1 for piece in self.pieces)

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def text(self) -> str:
        return joined_text([piece.text for piece in self.pieces])

    def __repr__(self) -> str:
        return f"{self.y0:.0f}: {self.pieces}"


def lines_of(
    words: Sequence[Word], indexes: Iterable[int] | None = None, *, upright: bool = True
) -> list[Line]:
    """The lines from top to bottom. Words turned by 90 degrees are left out if `upright`."""
    tall = []
    for index in range(len(words)) if indexes is None else indexes:
        text, (x0, y0, x1, y1), _size, _bold = words[index]
        height = y1 - y0
        if not text or (upright and height > 2.5 * (x1 - x0) and len(text) > 2):
            continue
        tall.append((y0 + y1, x0, height, index))
    tall.sort()
    rows: list[_Printed] = []
    row: _Printed = []
    middle = height = reach = 0.0
    for double, x0, own, index in tall:
        smaller = own if own < height else height  # noqa: FURB136 half the time of min(), at each word
        if double - middle > reach * smaller or not row:
            row = []
            rows.append(row)
            middle, height, reach = double, own, 2 * SAME_LINE
        elif own > height:
            # The taller word tells better where the line runs than a dash or a superscript does.
            middle, height = double, own
        row.append((x0, index, own))
    return [_line(words, row) for row in _marks_joined(words, rows)]


_Printed = list[tuple[float, int, float]]  # the left edges, indexes and heights of a line's words


def _marks_joined(words: Sequence[Word], rows: list[_Printed]) -> list[_Printed]:
    """Raised and lowered marks ("(1)") go back to the line of the word that they stand at."""
    joined: list[_Printed] = []
    for number, row in enumerate(rows):
        if len(row) > MOST_MARKS or not all(_is_mark(words[index]) for _x0, index, _height in row):
            joined.append(row)
            continue
        after = rows[number + 1] if number + 1 < len(rows) else []
        homes = [joined[-1] if joined else [], after]
        shared = [min(_stands_at(words, index, home) for _x0, index, _height in row) for home in homes]
        if max(shared) <= MARK_OVERLAP:
            joined.append(row)
        else:
            homes[shared[1] > shared[0]].extend(row)
    return joined


def _is_mark(word: Word) -> bool:
    return len(word.text) <= 6 and not word.text.isalpha()


def _stands_at(words: Sequence[Word], index: int, home: _Printed) -> float:
    """The share of a small word's height that it shares with the word of `home` right before it."""
    box = words[index].box
    for _x0, other, _height in home:
        near = words[other].box
        if box.height < 0.9 * near.height and -0.1 * near.height < box.x0 - near.x1 < 0.35 * near.height:
            return (min(box.y1, near.y1) - max(box.y0, near.y0)) / box.height
    return 0.0


def _line(words: Sequence[Word], row: _Printed) -> Line:
    row.sort()
    em = _em(words[max(row, key=itemgetter(2))[1]])
    wide, narrow = WORD_SPACE * em, NUMBER_SPACE * em
    pieces: list[Piece] = []
    run: list[int] = []
    texts: list[str] = []
    x0 = y0 = x1 = y1 = dots = 0.0
    digit = led = False
    for _x, index, _height in row:
        text, (a, top, b, bottom), _size, _bold = words[index]
        first = text[0]
        if first in ".…·_" and run and a - dots < 1.5 * em and is_leader(text):
            run.append(index)
            led = True
            dots = b
            continue
        starts_digit = first.isdigit() or (len(text) > 1 and text[1].isdigit())
        if run and (
            led
            or (text in CURRENCY and texts[-1] not in BRACKETS)
            or a - x1 > (narrow if digit and starts_digit else wide)
        ):
            pieces.append(Piece(run, Box(x0, y0, x1, y1), joined_text(texts)))
            run = []
            texts = []
            led = False
        if run:
            # Written out, not min() and max(): this is the innermost loop of every page.
            if b > x1:
                x1 = b
            if top < y0:
                y0 = top
            if bottom > y1:
                y1 = bottom
        else:
            x0, y0, x1, y1 = a, top, b, bottom
        run.append(index)
        texts.append(text)
        dots = b
        digit = text[-1].isdigit()
    pieces.append(Piece(run, Box(x0, y0, x1, y1), joined_text(texts)))
    if len(pieces) > 1:
        pieces = _signs_joined(pieces, em)
    return Line(pieces, em)


def _em(word: Word) -> float:
    """The type size of a word. Where none is given, or one that cannot be, the height tells it."""
    height = word.box.height
    return word.size if 0.5 * height <= word.size <= 1.8 * height else 0.85 * height


def _signs_joined(pieces: list[Piece], em: float) -> list[Piece]:
    """Signs printed apart join the number that they belong to."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined:
            last = joined[-1]
            gap = piece.x0 - last.x1
            opens = last.text in CURRENCY and gap < SIGN_SPACE * em and piece.kind is not Kind.WORDS
            opens = opens or (last.text in BRACKETS and gap < em and piece.kind is Kind.NUMBER)
            # A dash before a number is a minus only where it is close: else it is a cell of its own.
            opens = opens or (last.text in PREFIXES and gap < MINUS_SPACE * em and piece.text[0].isdigit())
            closes = piece.text in CLOSERS and gap < 1.6 * em and last.kind is not Kind.WORDS
            # "合      计" is one word, spaced out.
            spread = (
                gap < 4 * em and len(last.words) == len(piece.words) == 1 and is_wide(last.text + piece.text)
            )
            if opens or closes or spread:
                last.absorb(piece)
                continue
        joined.append(piece)
    return joined
