"""Reading order: the regions of a page, each one column wide."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from core.types import Block, Box
from ingest.layout.lines import Run, rows_of


class Solid:
    """A table or a figure: read as one."""

    __slots__ = ("block", "x0", "x1", "y0", "y1")

    def __init__(self, block: Block, box: Box) -> None:
        self.block = block
        self.x0, self.y0, self.x1, self.y1 = box


Atom = Run | Solid
_GUTTER = 0.8  # of the type size: narrower ones part no columns
_COLUMN_WIDTH = 0.15  # of the page's width
_COLUMN_LINES = 3
_COLUMN_WORDS = 2.0  # in the mean of its lines, and their length: less are the cells of a form
_COLUMN_EMS = 8.0
_FULL_LINE = 0.75  # of the longest line nearby; half of a column's lines are as long
_DEEPEST = 3
_MOST_FLOATS = 0.4  # of the columns' lines; more is a column of its own


def columns_of(atoms: Sequence[Atom], page_width: float, depth: int = 0) -> Iterator[list[Atom]]:
    """Regions in reading order, each one column wide.

    A page is cut at the gutter that most pairs of neighbours have between them. What lies across it
    parts the page into sections one below the other, unless text flows around it on both sides
    (a caption, a picture): then it floats, and is read after the columns.
    """
    cut = _gutter(atoms) if depth < _DEEPEST else None
    if cut is None:
        yield list(atoms)
        return
    across = [atom for atom in atoms if atom.x0 < cut < atom.x1]
    aside = [atom for atom in atoms if not atom.x0 < cut < atom.x1]
    floats = [atom for atom in across if _is_float(atom, aside, cut)]
    if len(floats) > _MOST_FLOATS * len(aside):
        floats = []
    floating = {id(atom) for atom in floats}
    wide: list[Atom] = []
    for section, spanner in _sections(aside, [atom for atom in across if id(atom) not in floating]):
        left = [atom for atom in section if atom.x1 <= cut]
        right = [atom for atom in section if atom.x0 >= cut]
        if _are_columns(left, right, page_width):
            yield from columns_of(wide, page_width, depth + 1) if wide else ()
            left, wide = _without_tail(left, right, at_end=spanner is None)
            yield from columns_of(left, page_width, depth + 1)
            yield from columns_of(right, page_width, depth + 1)
            beside = [atom for atom in floats if _overlap(atom, _hull(section)) > 0]
            if beside:
                yield beside
                floats = [atom for atom in floats if not any(atom is other for other in beside)]
        else:
            wide += section
        if spanner is not None:
            wide.append(spanner)
    wide += floats
    if len(wide) == len(atoms):
        yield wide
    elif wide:
        yield from columns_of(wide, page_width, depth + 1)


def _gutter(atoms: Sequence[Atom]) -> float | None:
    """The x that lies between most neighbours, weighted by how high they stand beside one another."""
    narrowest = _GUTTER * median([atom.size for atom in atoms if isinstance(atom, Run)] or [10.0])
    ordered = sorted((atom for atom in atoms if _is_texty(atom)), key=lambda atom: atom.y0)
    edges: list[tuple[float, int, float]] = []
    pairs = 0
    for position, one in enumerate(ordered):
        for other in ordered[position + 1 :]:
            if other.y0 >= one.y1:
                break
            shared = _overlap(one, other)
            left, right = (one, other) if one.x0 <= other.x0 else (other, one)
            if right.x0 - left.x1 >= narrowest and shared > 0.2 * min(one.y1 - one.y0, other.y1 - other.y0):
                edges += [(left.x1, 0, shared), (right.x0, 1, shared)]
                pairs += _COLUMN_LINES if isinstance(one, Solid) or isinstance(other, Solid) else 1
    if pairs < _COLUMN_LINES:
        return None
    edges.sort()
    best = weight = 0.0
    cut = None
    for (x, closes, shared), (following, _, _) in pairwise(edges):
        weight += -shared if closes else shared
        if weight > best and following - x >= 0.5 * narrowest:
            best, cut = weight, (x + following) / 2
    return cut


def _is_texty(atom: Atom) -> bool:
    return isinstance(atom, Solid) or len(atom.words) >= _COLUMN_WORDS


def _overlap(one: Atom, other: "Atom | Box") -> float:
    return min(one.y1, other.y1) - max(one.y0, other.y0)


def _hull(atoms: Sequence[Atom]) -> Box:
    return Box(
        min(atom.x0 for atom in atoms),
        min(atom.y0 for atom in atoms),
        max(atom.x1 for atom in atoms),
        max(atom.y1 for atom in atoms),
    )


def _is_float(atom: Atom, others: Sequence[Atom], cut: float) -> bool:
    beside = [other for other in others if _overlap(atom, other) > 0]
    return any(other.x1 <= cut and other.x1 <= atom.x0 for other in beside) and any(
        other.x0 >= cut and other.x0 >= atom.x1 for other in beside
    )


def _sections(aside: Sequence[Atom], spanners: Sequence[Atom]) -> Iterator[tuple[list[Atom], Atom | None]]:
    """What stands above each spanner and below the one before it; last, what is below all of them."""
    rest = sorted(aside, key=lambda atom: atom.y0 + atom.y1)
    for spanner in sorted(spanners, key=lambda atom: atom.y0 + atom.y1):
        count = bisect_left(rest, spanner.y0 + spanner.y1, key=lambda atom: atom.y0 + atom.y1)
        yield rest[:count], spanner
        rest = rest[count:]
    yield rest, None


def _are_columns(left: Sequence[Atom], right: Sequence[Atom], page_width: float) -> bool:
    if not (left and right and _is_column(left, page_width) and _is_column(right, page_width)):
        return False
    one, other = _hull(left), _hull(right)
    return min(one.y1, other.y1) - max(one.y0, other.y0) >= 0.3 * min(one.height, other.height)


def _is_column(atoms: Sequence[Atom], page_width: float) -> bool:
    """Wide enough, and of lines that are long enough, to be read downwards."""
    if _hull(atoms).width < _COLUMN_WIDTH * page_width:
        return False
    runs = [atom for atom in atoms if isinstance(atom, Run)]
    if len(runs) < len(atoms):
        return True
    rows = rows_of(runs)
    words = sum(len(run.words) for run in runs)
    ems = sum((run.x1 - run.x0) / run.size for run in runs)
    widths = [row[-1].x1 - row[0].x0 for row in rows]
    # Among its neighbours, since a column may flow around something.
    full = sum(width >= _FULL_LINE * max(widths[max(0, at - 2) : at + 3]) for at, width in enumerate(widths))
    return (
        len(rows) >= _COLUMN_LINES
        and words >= _COLUMN_WORDS * len(rows)
        and ems >= _COLUMN_EMS * len(rows)
        and 2 * full >= len(rows)
    )


def _without_tail(
    left: Sequence[Atom], right: Sequence[Atom], *, at_end: bool
) -> tuple[list[Atom], list[Atom]]:
    """The left column, and what stands under both columns apart from them: it belongs to what follows.

    At the end of a page only a last line does: else it is the longer column.
    """
    ordered = sorted(left, key=lambda atom: atom.y0)
    bottom = max(atom.y1 for atom in right)
    for position in range(1, len(ordered)):
        atom = ordered[position]
        above = max(before.y1 for before in ordered[:position])
        if atom.y0 > bottom and atom.y0 - above > 0.8 * (atom.y1 - atom.y0):
            if at_end and ordered[-1].y0 > atom.y1:
                continue
            return ordered[:position], ordered[position:]
    return ordered, []
