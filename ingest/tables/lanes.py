"""Text columns of a page, so that a table beside a paragraph is not read together with it.

Only paragraphs make lanes: lines of many words that fill the same width again and again. A table's
own columns never do. What is not covered: pages of three and more text columns (they are cut once),
and lanes without a single paragraph in them.
"""

import itertools
from collections.abc import Sequence

from ingest.tables.lines import Line, Piece
from ingest.tables.numbers import is_wide

PROSE_WORDS = 5
PROSE_LINES = 5  # lines of prose on one side that make a lane
FILLED = 0.6  # share of the lines of a paragraph that reach its right edge
FAR_APART = 4  # lines without prose between two of a lane


def lanes_of(lines: Sequence[Line], page_width: float) -> list[list[Line]]:
    """The lines of each lane from top to bottom; one lane where the page is not in columns."""
    prose = [
        (number, piece)
        for number, line in enumerate(lines)
        for piece in line.pieces
        if _is_prose(piece) and 0.2 * page_width < piece.x1 - piece.x0 < 0.62 * page_width
    ]
    if len(prose) < PROSE_LINES:
        return [list(lines)]
    gutter = _gutter(lines, prose)
    if gutter is None:
        return [list(lines)]
    beside = _beside(lines, [number for number, _piece in prose], gutter)
    left: list[Line] = []
    right: list[Line] = []
    whole: list[Line] = []
    for number, line in enumerate(lines):
        if number not in beside:
            whole.append(line)
            continue
        for lane, pieces in (
            (left, [piece for piece in line.pieces if piece.x1 <= gutter]),
            (right, [piece for piece in line.pieces if piece.x0 >= gutter]),
        ):
            if pieces:
                lane.append(Line(pieces, line.em))
    return [lane for lane in (whole, left, right) if lane]


def _is_prose(piece: Piece) -> bool:
    return not piece.kind and (
        len(piece.words) >= PROSE_WORDS and (len(piece.text) > 25 or is_wide(piece.text[:3]))
    )


def _gutter(lines: Sequence[Line], prose: Sequence[tuple[int, Piece]]) -> float | None:
    """The x between two text columns: paragraphs end (or begin) at it, and little runs over it."""
    best, most = None, PROSE_LINES - 1
    for x, support in _candidates(lines, prose):
        over = sum(piece.x0 < x < piece.x1 for _number, piece in prose)
        if support > most and support > over:
            best, most = x, support
    return best


def _candidates(lines: Sequence[Line], prose: Sequence[tuple[int, Piece]]) -> list[tuple[float, int]]:
    """Places right behind the right edge, or right before the left edge, of paragraphs."""
    found = []
    for edge in sorted({round(piece.x0) for _number, piece in prose}):
        block = [(number, piece) for number, piece in prose if abs(piece.x0 - edge) < 3]
        if not _is_paragraph(lines, block):
            continue
        right = max(piece.x1 for _number, piece in block)
        behind = [piece.x0 for number, _p in block for piece in lines[number].pieces if piece.x0 > right]
        before = [piece.x1 for number, _p in block for piece in lines[number].pieces if piece.x1 < edge]
        if behind:
            found.append(((right + min(behind)) / 2, len(block)))
        if before:
            found.append(((edge + max(before)) / 2, len(block)))
    return found


def _is_paragraph(lines: Sequence[Line], block: Sequence[tuple[int, Piece]]) -> bool:
    """Line after line to the same right edge, and no numbers behind: labels are neither."""
    if len(block) < PROSE_LINES:
        return False
    right = max(piece.x1 for _number, piece in block)
    full = [number for number, piece in block if piece.x1 > right - 2.5 * lines[number].em]
    if len(full) < FILLED * len(block):
        return False
    valued = sum(
        any(other.kind and other.x0 > right for other in lines[number].pieces) for number, _piece in block
    )
    runs = sum(after == before + 1 for before, after in itertools.pairwise(full))
    return valued < 0.3 * len(block) and runs >= 0.5 * len(full)


def _beside(lines: Sequence[Line], prose: Sequence[int], gutter: float) -> set[int]:
    """The lines that lie beside paragraphs and do not run over the gutter."""
    clear = [not any(piece.x0 < gutter < piece.x1 for piece in line.pieces) for line in lines]
    marked = sorted({number for number in prose if clear[number]})
    beside: set[int] = set()
    for before, after in itertools.pairwise(marked):
        if after - before <= FAR_APART:
            beside.update(number for number in range(before, after + 1) if clear[number])
    return beside
