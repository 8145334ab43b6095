"""PASSAGES -> which pages are the statements: income statement, balance sheet, cash flow statement.

A statement is known by its rows (`core/glossary`): most of those that nearly every such page has stand
there, each with a value for at least two periods. Knows nothing of what the values mean. What is not
covered: a statement that goes over several pages counts by each page's own rows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.glossary import Glossary, Statement, plain
from core.types import Chunk
from rag.index.keys import StatementPage

NEAR = 6  # pages within which the statements of a report stand together
ENOUGH = 0.6  # score from which the best page of a document is its statement
MOST = 3  # pages that are kept for each statement
BESIDE = 0.45  # score that the second and third page need

_TITLE, _NOTES, _TOGETHER, _PROSE, _STRANGER, _FEW = (
    0.5,
    0.15,
    0.2,
    0.03,
    0.5,
    0.5,
)  # what speaks for a page, and against it
_LONG = 160  # characters from which a line is prose
_NUMBER = re.compile(r"\(?[-–—]?\s?(?:[$€£¥]|us\$|rmb)?\s?\(?\d[\d,]*(?:\.\d+)?\)?|[-–—]+", re.IGNORECASE)
_TRAILING = re.compile(
    r"(?:\s(?:[$€£¥]\s?)?\(?(?:\d[\d,]*(?:\.\d+)?|[–—-])\)?){2,}\s*$"
)  # values at the end of a line
_SEE_NOTES = re.compile(
    r"(?:accompanying|see|the) notes .{0,60}(?:integral part|consolidated|financial)|see (?:accompanying )?notes|附注为"
)


@dataclass(slots=True)
class _Page:
    first: int
    last: int
    labels: list[str] = field(default_factory=list)  # of rows with at least two values, plain
    lines: list[str] = field(default_factory=list)  # all lines in order, plain


def find_statements(chunks: Sequence[Chunk], glossary: Glossary) -> list[StatementPage]:
    """The pages of one document that are statements, for each statement the best first."""
    pages = _pages(chunks)
    scores = {
        name: {number: score for number, page in pages.items() if (score := _score(page, one)) >= BESIDE}
        for name, one in glossary.statements.items()
    }
    found: list[StatementPage] = []
    for name, scored in scores.items():
        others = [
            number
            for other in scores
            if other != name
            for number, score in scores[other].items()
            if score > 1
        ]
        raised = {
            number: score + _TOGETHER * any(abs(number - other) <= NEAR for other in others)
            for number, score in scored.items()
            # One statement holds rows of another: only a page that is surely both counts for both.
            if score > 1 or all(score >= other.get(number, 0.0) for other in scores.values())
        }
        best = sorted(raised, key=lambda number: (-raised[number], number))
        if best and raised[best[0]] >= ENOUGH:
            found += [
                StatementPage(name, number, round(raised[number], 3), pages[number].first, pages[number].last)
                for number in best[:MOST]
            ]
    return found


def _score(page: _Page, statement: Statement) -> float:
    """About 1 and more for a statement, below `BESIDE` for nearly all other pages."""
    if len(page.labels) < 3:
        return 0.0
    rows = sum(1 for row in statement.rows if any(row.search(label) for label in page.labels))
    if rows < 3:
        return 0.0
    score = rows / len(statement.rows)
    head = page.lines[:14]
    if any(len(line) < _LONG and statement.titles.search(line) for line in head):
        score += _TITLE
    if any(_SEE_NOTES.search(line) for line in page.lines):
        score += _NOTES
    if any(len(line) < _LONG and statement.strangers.search(line) for line in head):
        score -= _STRANGER
    if len(page.labels) < 6:
        score -= _FEW
    return score - _PROSE * sum(1 for line in page.lines if len(line) > _LONG)


def _pages(chunks: Sequence[Chunk]) -> Mapping[int, _Page]:
    """By page number; a passage belongs to the page on which it begins."""
    pages: dict[int, _Page] = {}
    sections: dict[int, set[str]] = defaultdict(set)
    for chunk in chunks:
        number = chunk.places[0].page if chunk.places else None
        if number is None:
            continue
        page = pages.setdefault(number, _Page(chunk.ordinal, chunk.ordinal))
        page.last = chunk.ordinal
        for heading in chunk.section[-1:]:
            if heading not in sections[number]:
                sections[number].add(heading)
                page.lines.append(plain(heading))
        for label, values in rows_of(chunk.text):
            page.lines.append(label)
            if values >= 2:
                page.labels.append(label)
    return pages


def rows_of(text: str) -> Iterator[tuple[str, int]]:
    """Each line of a passage in plain form without its values, and how many values it ends with."""
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.split(" | ")]
        if len(cells) > 1:
            yield plain(cells[0]), _values(cells[1:])
        elif len(line) < _LONG and (match := _TRAILING.search(line)) and re.search(r"[^\W\d]", line):
            yield plain(line[: match.start()]), len(match[0].split())
        elif line.strip():
            yield plain(line), 0


def _values(cells: Iterable[str]) -> int:
    return sum(1 for cell in cells if cell and _NUMBER.fullmatch(cell.rstrip("%").strip()))
