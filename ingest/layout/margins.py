"""Running headers and footers, found over all pages of a document, and the page labels in them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from ingest.layout.lines import Line, Run, rows_of
from ingest.layout.sheet import Sheet

_EDGE_LINES = 4  # at the top and at the bottom of a page
_SAME_HEIGHT = 6.0  # points by which a running header may move
_VALUE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d(?!\d)|\d{1,3}(?:,\d{3})+|\d+\.\d)")  # a year or an amount
_NUMBER = re.compile(r"(?<![\w.,$])(?:([A-Z]{1,3})[-–])?(\d{1,4})(?![\w%]|[.,]\d)")
_ROMAN = re.compile(r"[ivxlc]{1,7}$", re.IGNORECASE)
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_ONLY_NUMBER = re.compile(
    r"\W*(?:page|p\.?|第)?\s*(?:[A-Z]{1,3}[-–])?(?:\d{1,4}|[ivxlc]{1,7})\s*页?\s*(?:(?:of|/|共)\s*\d{1,4}\s*页?)?\W*$",
    re.IGNORECASE,
)


class Margin(NamedTuple):
    """`taken` are the ids of the runs that do not belong to the page's own text."""

    taken: frozenset[int]
    label: str


class _EdgeLine(NamedTuple):
    sheet: int
    key: tuple[bool, str]
    middle: float
    line: Line
    text: str


class _Numbering(NamedTuple):
    """Pages are labelled alike where prefix, kind and distance from the true number agree."""

    prefix: str
    roman: bool
    offset: int


def margins_of(sheets: Sequence[Sheet], runs: Sequence[list[Run]]) -> list[Margin]:
    edges = [_edge_lines(number, sheet, own) for number, (sheet, own) in enumerate(zip(sheets, runs))]
    repeated = _repeated([line for own in edges for line in own], len(sheets))
    votes = Counter(
        numbering for own in edges for numbering in {n for line in own for n, _ in _numbers(line, sheets)}
    )
    margins = []
    for sheet, own in zip(sheets, edges):
        label, label_line = _label(own, sheets, votes)
        taken = [line.line for line in own if id(line.line) in repeated or line.line is label_line]
        if len({id(line.line) for line in own}) == len(taken) and any(
            line is not label_line for line in taken
        ):
            taken = []  # it is all that the page says: "This page intentionally left blank"
        margins.append(
            Margin(frozenset(id(run) for line in taken for run in line.runs), label or sheet.label)
        )
    return margins


def _edge_lines(number: int, sheet: Sheet, runs: list[Run]) -> list[_EdgeLine]:
    """The first and the last lines of a page: what repeats among them over pages is not its own."""
    by_height = sorted(runs, key=lambda run: run.y0 + run.y1)
    found = []
    # A line may be made of several runs; four times as many reach far enough on real pages.
    for at_top, nearest in ((True, by_height[: 4 * _EDGE_LINES]), (False, by_height[-4 * _EDGE_LINES :])):
        rows = [row for row in rows_of(nearest) if (row[0].y0 < sheet.height / 2) == at_top]
        for row in rows[:_EDGE_LINES] if at_top else rows[-_EDGE_LINES:]:
            line = Line(row)
            text = line.text
            if len(_VALUE.findall(text)) > 1:
                continue  # of a table: the head and the rows of a statement are alike on page after page
            shape = "#" if _ROMAN.match(text) else re.sub(r"\d+", "#", text.lower())
            found.append(_EdgeLine(number, (at_top, shape), (line.y0 + line.y1) / 2, line, text))
    return found


def _repeated(lines: Sequence[_EdgeLine], pages: int) -> set[int]:
    """The ids of lines that stand at the same height of several pages, numbers aside."""
    alike: dict[tuple[bool, str], list[_EdgeLine]] = defaultdict(list)
    for line in lines:
        alike[line.key].append(line)
    found: set[int] = set()
    for group in alike.values():
        usual = median(line.middle for line in group)
        same = [line for line in group if abs(line.middle - usual) <= _SAME_HEIGHT]
        count = len({line.sheet for line in same})
        if count >= 3 or (count == 2 and pages <= 4):
            found.update(id(line.line) for line in same)
    return found


def _numbers(line: _EdgeLine, sheets: Sequence[Sheet]) -> Iterator[tuple[_Numbering, str]]:
    """What page label a line may hold, as printed and as a numbering of the document."""
    page = sheets[line.sheet].number
    if _ROMAN.match(line.text):
        yield _Numbering("", True, _roman(line.text) - page), line.text
    for match in _NUMBER.finditer(line.text):
        yield _Numbering(match[1] or "", False, int(match[2]) - page), match.group()


def _roman(text: str) -> int:
    digits = [_ROMAN_DIGITS[char] for char in text.lower()]
    return sum(-one if one < following else one for one, following in pairwise([*digits, 0]))


def _label(
    own: Sequence[_EdgeLine], sheets: Sequence[Sheet], votes: Counter[_Numbering]
) -> tuple[str, Line | None]:
    """The label printed on a page, and the line that holds nothing else."""
    found = [
        (votes[numbering], numbering, text, line)
        for line in own
        for numbering, text in _numbers(line, sheets)
    ]
    # A single page cannot be outvoted, but a number that is its own page number needs no vote.
    sure = [
        (count, numbering.offset == 0, only, text, line)
        for count, numbering, text, line in found
        for only in [_ONLY_NUMBER.match(line.text) is not None]
        if count >= 3 or (only and (count == 2 or numbering.offset == 0))
    ]
    if not sure:
        return "", None
    _, _, only, text, line = max(sure, key=lambda candidate: candidate[:3])
    return text, line.line if only else None
