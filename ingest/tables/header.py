"""The header of a table without a grid: which lines above the values name the columns, and how.

Lines of one column are joined ("September 25," over "2021"); what is centred over several columns,
or has a rule under all of them, covers them ("Years Ended"). What is not covered: headers set
slantwise, and names that stand under their column.
"""

from collections.abc import Sequence

from ingest.tables.columns import Frame
from ingest.tables.context import is_caption
from ingest.tables.lines import Line
from ingest.tables.numbers import Kind, dated, is_period, is_unit, kind_of
from ingest.tables.rows import Part, Row, absorb
from ingest.tables.rulings import Rule
from ingest.tables.spaced import Region

FAR = 2.6  # ems of white space over which a header still belongs to its columns
NEAR = 0.9  # ems: lines this close belong together
MOST_LABELS = 4  # section labels between the header and the first value


def header_top(lines: Sequence[Line], region: Region, used: int, frame: Frame, across: Sequence[Rule]) -> int:
    """The first line of the table whose first line of values is `region.first`.

    Upwards from there come labels ("ASSETS") and lines that stand over the columns. Labels without
    a header over them belong to the table if they are close, and not the end of a paragraph.
    """
    top = region.first
    labels: list[int] = []
    for probe in range(region.first - 1, used - 1, -1):
        line, below = lines[probe], lines[probe + 1]
        gap = (below.y0 - line.y1) / max(line.em, below.em)
        if gap > FAR or is_caption(line):
            break
        if len(line.pieces) == 1 and is_unit(line.text):
            continue
        if _is_label(line, frame):
            labels.append(probe)
            if len(labels) > MOST_LABELS:
                break
        elif _ends_caption(lines, probe, used):
            break
        elif names_columns(line, frame) and (
            len(line.pieces) > 1
            or (gap < 1.6 and (not labels or dated(line.text)))
            or _underlined(line, below, across)
        ):
            top = probe
            labels = []
        else:
            if labels and gap < NEAR:
                labels = _behind_gap(lines, labels)
            break
    if top == region.first and top > used and _heads_years(lines[top - 1], lines[top]):
        return top - 1
    if top == region.first:
        for probe in labels:
            if lines[probe + 1].y0 - lines[probe].y1 > NEAR * lines[probe].em or probe + 1 != top:
                break
            top = probe
    return top


def _heads_years(line: Line, below: Line) -> bool:
    """Is it "Year Ended June 30," over a column of years?"""
    return len(line.pieces) == 1 and dated(line.text) and is_period(below.pieces[0].text)


def _ends_caption(lines: Sequence[Line], number: int, used: int) -> bool:
    """Is this the second or third line of a caption ("Table 2: ...")?"""
    line = lines[number]
    if len(line.pieces) > 1:
        return False
    return any(
        is_caption(other) and any(abs(piece.x0 - line.x0) < 0.5 * line.em for piece in other.pieces)
        for other in lines[max(used, number - 2) : number]
    )


def _underlined(line: Line, below: Line, across: Sequence[Rule]) -> bool:
    """Is there a rule under the line that is wider than an underline of its words?"""
    return any(
        line.middle < y < below.y0 + 0.5 * below.em
        and x0 < line.x0 + line.em
        and x1 > line.x1 - line.em
        and x1 - x0 > line.x1 - line.x0 + 1.5 * line.em
        for y, x0, x1 in across
    )


def _behind_gap(lines: Sequence[Line], labels: list[int]) -> list[int]:
    """The labels below the first wide space: those above it end the paragraph before the table."""
    for position in range(len(labels) - 1, 0, -1):
        above, below = lines[labels[position]], lines[labels[position - 1]]
        if below.y0 - above.y1 > NEAR * above.em:
            return labels[:position]
    return []


def _is_label(line: Line, frame: Frame) -> bool:
    left, first_value = frame.extents[0][0], frame.extents[1][0]
    return (
        len(line.pieces) == 1
        and left - 2 * line.em <= line.x0 < frame.cuts[0]
        and line.x1 <= first_value + line.em
    )


def names_columns(line: Line, frame: Frame) -> bool:
    """Does the line stand over the columns: several short pieces, or one that is not over the labels?"""
    left, right = frame.extents[0][0], frame.extents[-1][1]
    if line.x0 < left - 2 * line.em or (len(line.pieces) == 1 and line.x0 >= right):
        return False
    over = line.pieces if len(line.pieces) == 1 else line.pieces[1:]
    if (over[0].x0 + over[0].x1) / 2 < frame.cuts[0]:
        return False
    if len(line.pieces) == 1:
        if line.x0 < frame.cuts[0] - line.em:
            return False
        # What is centred over the whole table, labels included, is its title.
        middle = (line.x0 + line.x1) / 2
        title = abs(middle - (left + right) / 2) < 1.5 * line.em
        return line.x1 <= right + 3 * line.em and not (title and line.x0 < frame.extents[1][0])
    return all(piece.x1 - piece.x0 < 0.6 * (right - left) for piece in line.pieces)


# ---------------------------------------------------------------- header lines into header rows


def header_height(rows: Sequence[Row]) -> int:
    """How many leading rows name the columns: all before the first that holds values."""
    named = False
    for number, row in enumerate(rows):
        values = row.values
        if row.only_label:
            if named and not _goes_on(rows[number + 1 : number + 2]):
                return number
            if not named and _heads_periods(row, rows[number + 1 : number + 2]):
                return number + 1
            continue
        if _holds_values(row):
            return number if named else 0
        named = named or bool(values)
    return 0 if len(rows) < 2 else 1


def _goes_on(following: Sequence[Row]) -> bool:
    """Does the header go on behind a line that stands over the labels alone?"""
    return any(len(row.values) > 1 and not row.has_value() for row in following)


def _heads_periods(row: Row, following: Sequence[Row]) -> bool:
    label = following[0].label if following else None
    return label is not None and is_period(label.text) and dated(row.parts[0].text)


def _holds_values(row: Row) -> bool:
    numbers = [part for part in row.values if kind_of(part.text) is Kind.NUMBER]
    nils = [part for part in row.values if kind_of(part.text) is Kind.NIL]
    if not numbers:
        return bool(nils) and row.label is not None and len(nils) == len(row.values)
    if row.label is None and len(row.values) > 2 * (len(numbers) + len(nils)):
        return False
    periods = sum(is_period(part.text) for part in numbers)
    if periods == len(numbers):
        label = row.label.text if row.label else ""
        return bool(label) and (kind_of(label) is Kind.NUMBER or bool(nils)) and not is_unit(label)
    return True


def level_headers(rows: Sequence[Row], frame: Frame, rules: Sequence[Rule]) -> list[Row]:
    """Header lines into header rows: stacked lines of one column joined, spanning ones kept apart."""
    levels: list[Row] = []
    for number, row in enumerate(rows):
        _spread(row, rows[number + 1 :], frame, rules)
        if levels and _stacks(levels[-1], row, rules):
            absorb(levels[-1], row)
        else:
            levels.append(row)
    for level in levels:
        level.header = True
    return levels


def _stacks(above: Row, row: Row, rules: Sequence[Rule]) -> bool:
    """No part of one spans several parts of the other, no rule between, and the lines are close."""
    if row.y0 - above.y1 > 0.9 * row.em:
        return False
    if any(
        above.y1 - 0.4 * row.em < y < row.y0 + 0.4 * row.em
        for y, x0, x1 in rules
        if x0 < row.parts[-1].x1 and x1 > row.parts[0].x0
    ):
        return False
    for one, other in ((above, row), (row, above)):
        for part in one.parts:
            under = [p for p in other.parts if p.first <= part.last and p.last >= part.first]
            if len(under) > 1 or (under and (under[0].first, under[0].last) != (part.first, part.last)):
                return False
    return True


def _spread(row: Row, below: Sequence[Row], frame: Frame, rules: Sequence[Rule]) -> None:
    """Widens a header over the columns that it is centred on, or that the rule under it covers."""
    width = len(frame)
    if _spread_evenly(row, below, width):
        return
    for part in row.parts:
        if part.first == 0 or (kind_of(part.text) is Kind.NUMBER and not is_period(part.text)):
            continue
        ruled = _ruled_under(part, row, frame, rules)
        if ruled:
            first, last = ruled
        elif below:
            first, last = _centred(part, row, below, frame, width)
        else:
            continue
        if (
            all(row.at(c) in (None, part) for c in range(first, last + 1))
            and first <= part.first
            and last >= part.last
        ):
            part.first, part.last = first, last


def _spread_evenly(row: Row, below: Sequence[Row], width: int) -> bool:
    """Two years over six columns have three each, if each stands over its own three."""
    over = [part for part in row.parts if part.first > 0]
    each, rest = divmod(width - 1, max(len(over), 1))
    if len(over) < 2 or rest or each < 2 or not below:
        return False
    groups = [range(1 + number * each, 1 + (number + 1) * each) for number in range(len(over))]
    if not all(part.first in group and part.last in group for part, group in zip(over, groups)):
        return False
    if sum(below[-1].at(column) is not None for column in range(1, width)) < width - 1:
        return False
    for part, group in zip(over, groups):
        part.first, part.last = group[0], group[-1]
    return True


def _ruled_under(part: Part, row: Row, frame: Frame, rules: Sequence[Rule]) -> tuple[int, int] | None:
    for y, x0, x1 in rules:
        if (
            row.y1 - 0.4 * row.em <= y <= row.y1 + 0.9 * row.em
            and x0 <= part.x0 + row.em
            and x1 >= part.x1 - row.em
        ):
            inside = [c for c, (a, b) in enumerate(frame.extents) if x0 - row.em < (a + b) / 2 < x1 + row.em]
            if inside and inside[0] > 0 and inside[-1] > inside[0]:
                return inside[0], inside[-1]
    return None


def _stands_on(part: Part, under: Part | None, em: float) -> bool:
    """Is this the line above `under` in one header of several lines: both set to the same edge or middle?"""
    if (
        under is None
        or is_period(part.text)
        or is_period(under.text)
        or kind_of(under.text) is not Kind.WORDS
    ):
        return False
    if part.x1 - part.x0 > 1.6 * (under.x1 - under.x0) + em:
        return False
    middles = abs(part.x0 + part.x1 - under.x0 - under.x1) / 2
    return min(middles, abs(part.x0 - under.x0), abs(part.x1 - under.x1)) < 0.7 * em


def _centred(part: Part, row: Row, below: Sequence[Row], frame: Frame, width: int) -> tuple[int, int]:
    """The columns whose common middle is nearest to the part's, if no other part stands over them."""
    under_of = [next((p for other in below if (p := other.at(column))), None) for column in range(width)]
    middle = (part.x0 + part.x1) / 2
    best = (part.first, part.last)
    if _stands_on(part, below[0].at(part.first), row.em):
        return best
    own = frame.extents[part.first][0], frame.extents[part.last][1]
    least = abs(middle - (own[0] + own[1]) / 2) - 0.3 * row.em
    if part.x1 - part.x0 > 1.6 * (own[1] - own[0]) + row.em:
        least = 2.5 * row.em  # too wide for the column below it
    for first in range(part.first, 0, -1):
        if first < part.first and row.at(first) is not None:
            break
        for last in range(part.last, width):
            if last > part.last and row.at(last) is not None:
                break
            if last == first or under_of[first] is None or under_of[last] is None:
                continue
            kinds = {is_period(p.text) for c in range(first, last + 1) if (p := under_of[c])}
            off = abs(middle - (frame.extents[first][0] + frame.extents[last][1]) / 2)
            if len(kinds) == 1 and off < min(least + 0.1 * row.em * (last - first), 2.5 * row.em):
                best, least = (first, last), off
    return best
