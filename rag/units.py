"""A passage as units: the sentences, list items and table rows that an answer can quote.

Reads a chunk's text and says how a unit is shown to a person. Does not judge which unit answers.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.period import find_periods
from core.text import CJK, sentences
from core.types import Chunk, Evidence, Language
from rag.grid import Cell, Row, read_grid
from rag.match import terms_of
from rag.movement import one_writing

_LONGEST = 500  # characters of a unit; a longer one is cut at a line, a semicolon or a comma
_MOST_CELLS = 6  # values of a row that are shown when the question singles out none


@dataclass(frozen=True, slots=True)
class Unit:
    """Characters [start, end) of the passage of `evidence`.

    What its words rest on: `heading` (title and section path; for a row also section and head of
    its table) and `before` (the sentence before). `periods` are those of its own words, or of a row's
    column headings; `periods_around` those of the sentence before, else the heading.
    """

    evidence: Evidence
    start: int
    end: int
    terms: frozenset[str]
    heading: frozenset[str]
    before: frozenset[str]
    periods: frozenset[str]
    periods_around: frozenset[str]
    row: Row | None = None
    scale: str = ""

    @property
    def key(self) -> tuple[str, int]:
        return (self.evidence.key, self.start)

    @property
    def text(self) -> str:
        return self.evidence.chunk.text[self.start : self.end]

    @property
    def pages(self) -> frozenset[int]:
        places = self.evidence.chunk.places_of(self.start, self.end)
        return frozenset(place.page for place in places if place.page is not None)


def units_of(evidence: Evidence) -> list[Unit]:
    chunk = evidence.chunk
    return list(_rows(evidence) if chunk.kind == "table" else _sentences(evidence))


def _sentences(evidence: Evidence) -> Iterator[Unit]:
    chunk = evidence.chunk
    heading = terms_of(chunk.heading)
    before: frozenset[str] = frozenset()
    around = heading_periods = period_labels(chunk.heading)
    for start, end in _spans(chunk):
        text = chunk.text[start:end]
        terms, periods = terms_of(text), period_labels(text)
        yield Unit(evidence, start, end, terms, heading, before, periods, around)
        before, around = terms, periods or heading_periods


def _rows(evidence: Evidence) -> Iterator[Unit]:
    chunk = evidence.chunk
    grid = read_grid(chunk.text)
    head = terms_of(chunk.heading) | terms_of(grid.head)
    around = period_labels(f"{chunk.heading}\n{grid.head}")
    for row in grid.rows:
        columns = " | ".join(cell.column for cell in row.cells)
        yield Unit(
            evidence,
            row.start,
            row.end,
            terms=terms_of(" ".join([row.label, row.section, *(cell.text for cell in row.cells)])),
            heading=head,
            before=frozenset(),
            periods=period_labels(f"{row.label} | {row.section} | {columns}"),
            periods_around=around,
            row=row,
            scale=grid.scale,
        )


def period_labels(text: str) -> frozenset[str]:
    """The periods of a text as labels: "2018", "2018-Q3", "2018-07-31"."""
    return frozenset(item.period.label for item in find_periods(text))


def years_of(labels: Collection[str]) -> frozenset[str]:
    """The years that periods lie in."""
    return frozenset(label[:4] for label in labels)


def _spans(chunk: Chunk) -> list[tuple[int, int]]:
    """Sentences; in lists and records lines; what is too long cut at its own breaks."""
    text = chunk.text
    spans = sentences(text)
    if chunk.kind in ("list", "record", "code"):
        spans = [piece for start, end in spans for piece in _split(text, start, end, r"\n")]
    for breaks in (r"\n", r"[;；]", r"[,，、]"):
        spans = [
            piece
            for start, end in spans
            for piece in (_split(text, start, end, breaks) if end - start > _LONGEST else [(start, end)])
        ]
    return spans


def _split(text: str, start: int, end: int, breaks: str) -> list[tuple[int, int]]:
    cuts = [start, *(start + match.end() for match in re.finditer(breaks, text[start:end])), end]
    pieces: list[tuple[int, int]] = []
    for left, right in pairwise(cuts):
        piece = text[left:right]
        if re.search(r"\w", piece):
            begin = left + len(piece) - len(piece.lstrip())
            pieces.append((begin, begin + len(piece.strip())))
    return pieces


# ---------------------------------------------------------------- shown to a person

_BREAK_IN_CHINESE = re.compile(rf"(?<=[{CJK}，。；：、])\s*\n\s*(?=[{CJK}])")
_BULLET = re.compile(r"^(?:[-*•·–▪◦●○■]\s+)+")


def shown(unit: Unit, *, periods: Collection[str], terms: Collection[str], language: Language) -> str:
    """A sentence in one line, or a row as "Gross margin (2023): 15.4 %".

    Of a row the values under the asked `periods` are shown, else those of the same years, else those
    under a heading that the question's `terms` name, else all of a short row.
    """
    if unit.row is None:
        line = " ".join(_BREAK_IN_CHINESE.sub("", unit.text).split())
        return _BULLET.sub("", line)
    cells = _chosen(unit.row, periods, terms)
    return _row_line(unit.row, cells, unit.scale, language)


def _chosen(row: Row, periods: Collection[str], terms: Collection[str]) -> Sequence[Cell]:
    labels = [period_labels(cell.column) for cell in row.cells]
    exact = [cell for cell, found in zip(row.cells, labels) if not found.isdisjoint(periods)]
    years = years_of(periods)
    near = [cell for cell, found in zip(row.cells, labels) if not years_of(found).isdisjoint(years)]
    if exact or near:
        return exact or near
    label, asked = terms_of(f"{row.label} {row.section}"), one_writing(terms)
    named = [cell for cell in row.cells if (terms_of(cell.column) & asked) - label]
    return named or row.cells[:_MOST_CELLS]


def _is_scaled(scale: str, columns: Sequence[str], cells: Sequence[Cell]) -> bool:
    """True when what the head says of the numbers holds for these and is not said yet."""
    exceptions = re.search(r"unless|except|otherwise|除", scale, re.IGNORECASE)
    shares = any(re.search(r"[%％]", cell.text) for cell in cells)
    return not exceptions and not shares and not any(scale in column for column in columns)


def _row_line(row: Row, cells: Sequence[Cell], scale: str, language: Language) -> str:
    open_, close, colon, comma = ("（", "）", "：", "，") if language == "zh" else (" (", ")", ": ", ", ")
    label = row.label or row.section
    columns = [cell.column for cell in cells]
    about = [
        row.section if row.label else "",
        columns[0] if len(cells) == 1 else "",
        scale if _is_scaled(scale, columns, cells) else "",
    ]
    about = [part for part in about if part]
    title = f"{label}{open_}{comma.join(about)}{close}" if about else label
    if len(cells) == 1:
        return f"{title}{colon}{cells[0].text}"
    if cells and all(period_labels(cell.column) for cell in cells):
        values = comma.join(f"{cell.text}{open_}{cell.column}{close}" for cell in cells)
    else:
        values = comma.join(f"{cell.column} {cell.text}".strip() for cell in cells)
    return f"{title}{colon}{values}" if values else title
