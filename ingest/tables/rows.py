"""Lines into rows: pieces put into columns, wrapped lines joined.

A row is what a person would read as one: a label that runs over two lines is one row; a heading
inside the table ("ASSETS:") is a row that has only a label.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from core.types import Box
from ingest.tables.columns import Frame
from ingest.tables.lines import Line, Piece
from ingest.tables.numbers import Kind, joined_text, kind_of
from ingest.words import Word

OVERLAP = 0.3  # of the lower of two lines' heights


@dataclass(slots=True)
class Part:
    """Pieces that fill columns `first` to `last` of a row."""

    first: int
    last: int
    pieces: list[Piece]

    @property
    def text(self) -> str:
        return joined_text([piece.text for piece in self.pieces])

    @property
    def x0(self) -> float:
        return min(piece.x0 for piece in self.pieces)

    @property
    def x1(self) -> float:
        return max(piece.x1 for piece in self.pieces)


@dataclass(slots=True)
class Row:
    """`parts` from left to right, none over another. `header`: names columns, holds no values."""

    parts: list[Part]
    y0: float
    y1: float
    em: float
    header: bool = False
    lines: int = 1

    @property
    def label(self) -> Part | None:
        return self.parts[0] if self.parts and self.parts[0].first == 0 else None

    @property
    def values(self) -> list[Part]:
        return [part for part in self.parts if part.first > 0]

    @property
    def only_label(self) -> bool:
        return len(self.parts) == 1 and self.parts[0].first == 0

    def has_value(self) -> bool:
        return any(piece.kind for part in self.parts if part.first for piece in part.pieces)

    def at(self, column: int) -> Part | None:
        return next((part for part in self.parts if part.first <= column <= part.last), None)


def place(
    words: Sequence[Word],
    line: Line,
    frame: Frame,
    left: int = 0,
    right: int | None = None,
    *,
    heading: bool = False,
) -> Row:
    """The pieces of a line in their columns. A piece over a boundary is cut where there is room.

    Only columns `left` to `right` are used. A heading stands over the middles of its columns; what
    else there is stands inside its column.
    """
    right = len(frame) - 1 if right is None else right
    parts: list[Part] = []
    for number, piece in enumerate(line.pieces):
        for bit in _cut(words, piece, frame, line.em):
            if heading:
                first, last = frame.under(bit.x0, bit.x1)
            else:
                first, last = frame.reach(bit.core, bit.x1, 0.15 * line.em)
            first, last = min(max(first, left), right), max(min(last, right), left)
            if first == 0 and last > 0 and number == 0 and not bit.kind:
                # A label that runs over empty squares stays a label.
                last = 0
            _put(parts, Part(first, last, [bit]))
    return Row(parts, line.y0, line.y1, line.em)


def _put(parts: list[Part], part: Part) -> None:
    """Adds at the right end. What begins in the column where the last part ends keeps its other columns."""
    if parts and part.first <= parts[-1].last:
        if part.last > parts[-1].last:
            part.first = parts[-1].last + 1
        else:
            parts[-1].pieces += part.pieces
            return
    parts.append(part)


def _cut(words: Sequence[Word], piece: Piece, frame: Frame, em: float) -> list[Piece]:
    """Cuts a piece at column boundaries that fall into the spaces between its words."""
    first, last = frame.reach(piece.core, piece.x1, 0.15 * em)
    if first == last or len(piece.words) < 2 or (piece.core > piece.x0 and piece.kind):
        return [piece]
    bits: list[list[int]] = [[]]
    for index in piece.words:
        box = words[index].box
        if bits[-1]:
            before = words[bits[-1][-1]].box
            gap = box.x0 - before.x1
            left, right = frame.strip((before.x0 + before.x1) / 2), frame.strip((box.x0 + box.x1) / 2)
            if left != right and gap > 0.45 * em:
                bits.append([])
        bits[-1].append(index)
    if len(bits) == 1:
        return [piece]
    return [_piece(words, bit) for bit in bits]


def _piece(words: Sequence[Word], indexes: list[int]) -> Piece:
    box = words[indexes[0]].box
    for index in indexes[1:]:
        box = box.union(words[index].box)
    return Piece(indexes, Box(*box), joined_text([words[index].text for index in indexes]))


# ---------------------------------------------------------------- wrapped lines


def joined(rows: list[Row], frame: Frame) -> list[Row]:
    """Rows of the body, wrapped lines joined to the row that they belong to."""
    if len(rows) < 2:
        return rows
    pitch = _Pitch(rows)
    margin = _Margin(rows, frame)
    result: list[Row] = []
    for number, row in enumerate(rows):
        last = result[-1] if result else None
        following = rows[number + 1] if number + 1 < len(rows) else None
        if last and _belongs(last, row, following, pitch, margin):
            absorb(last, row)
        else:
            result.append(row)
    return result


class _Pitch:
    """How far apart lines stand: inside a wrapped cell, and from row to row."""

    def __init__(self, rows: Sequence[Row]) -> None:
        steps = sorted(after.y1 - before.y1 for before, after in itertools.pairwise(rows))
        valued = sorted(
            after.y1 - before.y1
            for before, after in itertools.pairwise(rows)
            if before.has_value() and after.has_value()
        )
        self.tight = steps[len(steps) // 10]
        self.row = valued[len(valued) // 2] if valued else steps[len(steps) // 2]

    def wraps(self, before: Row, after: Row) -> bool | None:
        """True and False where the spacing tells, None where it does not."""
        step = after.y1 - before.y1
        if step > 1.9 * max(before.em, after.em) + 2:
            return False
        if self.row > 1.2 * self.tight and step < 0.5 * (self.row + self.tight):
            return True
        if step > 1.15 * self.row:
            return False
        return None


class _Margin:
    """The x that labels do not pass: where a label line had to break."""

    def __init__(self, rows: Sequence[Row], frame: Frame) -> None:
        self._values = frame.extents[1][0]
        edges = [row.label.x1 for row in rows if row.label and (row.values or row.label.x1 <= self._values)]
        self._edges = sorted(edges, reverse=True) or [frame.extents[0][1]]

    def broke(self, label: Part, word: float, em: float) -> bool:
        """Was there no room for `word` (its width) behind the label?

        The longest label tells nothing of the margin, unless it comes near the values.
        """
        limit = self._edges[0]
        if label.x1 >= limit - 0.1 and len(self._edges) > 1:
            limit = self._edges[1]
        if limit < label.x0 + 0.6 * (self._values - label.x0):
            return False
        end = label.x1 + 0.25 * em + word
        return end > limit + 0.3 * em and (label.x1 < limit + 1.5 * em or end > self._values - em)


def _belongs(last: Row, row: Row, following: Row | None, pitch: _Pitch, margin: _Margin) -> bool:
    """Is `row` the continuation of `last`?"""
    if last.y1 - row.y0 > OVERLAP * min(last.y1 - last.y0, row.y1 - row.y0) and not _collide(last, row):
        return True  # set a little higher or lower: still beside each other
    spacing = pitch.wraps(last, row)
    if spacing is False or not row.parts or not last.parts:
        return False
    label, own = last.label, row.label
    if own is None:
        if not row.has_value():
            return bool(last.values)
        # Values without a label: a total, unless they stand half-way down a wrapped label.
        if following is None or not (last.only_label and following.only_label):
            return False
        return spacing is True and pitch.wraps(row, following) is True
    if label is None:
        return row.only_label and last.lines > 1
    if last.values and row.values and (row.has_value() or not last.has_value()):
        return spacing is True and not row.has_value() and _continues(label, own, row.em, margin)
    if label.text.rstrip().endswith((":", "：")):
        return False
    if own.x0 < label.x0 - 0.5 * row.em or kind_of(own.text) is Kind.NUMBER:
        return False
    if last.only_label and row.values:
        return _continues(label, own, row.em, margin)
    if row.only_label:
        starts_small = own.text[:1].islower() or own.text[:1] in "(（"
        if own.text[:1] in "(（" and own.text[-1:] in ")）":
            return True
        if not starts_small and last.values and _begins(row, following, margin):
            return False
        return _continues(label, own, row.em, margin) and (starts_small or spacing is True or last.only_label)
    return False


def _begins(row: Row, following: Row | None, margin: _Margin) -> bool:
    """May the label just as well be the beginning of the next row?"""
    if following is None or following.label is None or not following.values or row.label is None:
        return False
    return _continues(row.label, following.label, row.em, margin)


def _collide(one: Row, other: Row) -> bool:
    return any(one.at(column) for part in other.parts for column in range(part.first, part.last + 1))


def _continues(label: Part, own: Part, em: float, margin: _Margin) -> bool:
    """A line broke because its next word did not fit, or the next line goes on in small letters."""
    first = own.pieces[0].text.split(" ", 1)[0]
    width = (own.pieces[0].x1 - own.pieces[0].x0) * len(first) / max(len(own.pieces[0].text), 1)
    small = own.text[:1].islower() or label.text.rstrip().endswith((",", " and", " of", "、", "，"))
    return small or margin.broke(label, width, em)


def absorb(row: Row, more: Row) -> None:
    """Adds the parts of a line below to a row, column by column."""
    for part in more.parts:
        home = row.at(part.first)
        if home and home.first <= part.first and part.last <= home.last:
            home.pieces += part.pieces
        elif home is None and all(row.at(column) is None for column in range(part.first, part.last + 1)):
            row.parts.append(part)
        else:
            (home or row.parts[-1]).pieces.extend(part.pieces)
    row.parts.sort(key=lambda part: part.first)
    row.y1 = max(row.y1, more.y1)
    row.lines += more.lines
