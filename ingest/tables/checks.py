"""Is it a table, how sure is that, and do its numbers add up?

Refused: contents pages, the axes of charts, prose that a few numbers cut into columns. What is not
covered: differences ("gross profit = revenue - cost"), sums over columns, rounded totals.
"""

import itertools
import re
from collections.abc import Sequence
from decimal import Decimal

from ingest.tables.lines import Piece
from ingest.tables.numbers import Kind, is_period, kind_of, value_of
from ingest.tables.rows import Part, Row
from ingest.tables.table import Sum

_BULLETS = frozenset("•▪■◦‣●○–-*·➢")
_ENTRY = re.compile(
    r"(?:item|part|note|article|chapter|section|exhibit|appendix)\b|第|附注|附录", re.IGNORECASE
)
_PAGE = re.compile(r"\bpages?\b|页", re.IGNORECASE)
_TOTAL = re.compile(r"(?:grand )?total\b|[合总總小]\s*[计計]", re.IGNORECASE)
MOST_PAGES = 2000
LONG_CELL = 14  # words: longer texts beside numbers are prose
MOST_PARTS = 60  # rows that a total may sum up


def mixed_cells(parts: Sequence[Part]) -> int:
    """Cells in which a number stands apart from other words on the same line: a boundary was missed."""
    return sum(_apart(one, other) for part in parts for one, other in zip(part.pieces, part.pieces[1:]))


def _apart(one: Piece, other: Piece) -> bool:
    same_line = min(one.y1, other.y1) - max(one.y0, other.y0) > 0.5 * (one.y1 - one.y0)
    return same_line and other.kind is Kind.NUMBER and other.x0 > one.x1


def plausible(rows: Sequence[Row], width: int) -> bool:
    """Does what white space alone has shown deserve the name of a table?"""
    body = [row for row in rows if not row.header]
    valued = [row for row in body if row.has_value()]
    if not valued or mixed_cells([part for row in rows for part in row.parts]) > len(rows) // 5:
        return False
    named = [row for row in valued if row.label is not None or len(row.values) > 1]
    if len(named) < 2 and not (len(body) < len(rows) and any(_is_label(row) for row in named)):
        return False
    return not (_is_contents(rows, width) or _is_chart(body, width) or _is_prose(body))


def _is_label(row: Row) -> bool:
    return row.label is not None and kind_of(row.label.text) is Kind.WORDS


def plausible_words(rows: Sequence[Row], width: int) -> bool:
    """A table of words alone: most squares filled, most texts short."""
    filled = sum(len(row.parts) for row in rows)
    texts = [part.text for row in rows for part in row.parts]
    if sum(text[:1] in _BULLETS for text in texts) > 0.3 * len(texts) or _is_contents(rows, width):
        return False
    words = sorted(len(text.split()) for text in texts)
    return len(rows) > 2 and filled >= 0.6 * len(rows) * width and words[len(words) // 2] <= 6


def _is_contents(rows: Sequence[Row], width: int) -> bool:
    """One column of numbers, whole and never falling, that no header but "Page" names."""
    entries = [row for row in rows if not row.header and row.has_value()]
    names = " ".join(part.text for row in rows if row.header for part in row.values)
    if (
        width > 4
        or (names and not _PAGE.search(names))
        or any(is_total(row.parts[0].text) for row in entries)
    ):
        return False
    numbers = [row.parts[-1].text for row in entries if row.parts[-1].first > 0]
    pages = [int(text) for text in numbers if text.isdigit()]
    if len(pages) < 0.9 * len(entries) or max(pages, default=0) > MOST_PAGES:
        return False
    if any(kind_of(part.text) is Kind.NUMBER for row in entries for part in row.values[:-1]):
        return False
    listed = sum(_ENTRY.match(row.parts[0].text) is not None for row in entries) > len(entries) // 2
    falling = sum(before > after for before, after in itertools.pairwise(pages))
    return (
        len(pages) >= (2 if listed else 4) and (listed or len(set(pages)) > 2) and falling <= len(pages) // 12
    )


def _is_chart(body: Sequence[Row], width: int) -> bool:
    """Axes: no labels, and each column of numbers counts down in even steps; or the last line counts."""
    columns = [[part.text for row in body if (part := row.at(column))] for column in range(width)]
    numbers = [texts for texts in columns if 2 * sum(map(_is_number, texts)) > len(texts)]
    if numbers and numbers[0] is columns[0] and all(_even_steps(texts, falling=True) for texts in numbers):
        return True
    last = [piece for part in body[-1].parts for piece in part.pieces] if body else []
    return len(last) > 3 and bool(last[0].kind) and _even_steps([piece.text for piece in last], falling=False)


def _is_number(text: str) -> bool:
    return kind_of(text) is Kind.NUMBER


def _even_steps(texts: Sequence[str], *, falling: bool) -> bool:
    known = [value for text in texts if (value := value_of(text)) is not None]
    if len(known) < 4 or len(known) < 0.7 * len(texts) or any(is_period(text) for text in texts):
        return False
    steps = {after - before for before, after in itertools.pairwise(known)}
    step = steps.pop()
    return not steps and step != 0 and (step < 0 or not falling)


def _is_prose(body: Sequence[Row]) -> bool:
    """Long texts in the columns of values."""
    values = [part for row in body for part in row.values]
    long = sum(len(part.text.split()) > LONG_CELL for part in values)
    return long > 0.34 * len(body) and not any(
        part.pieces[0].kind is Kind.NUMBER for part in values if part.first > 1
    )


# ---------------------------------------------------------------- sums


def is_total(label: str) -> bool:
    return bool(_TOTAL.match(label))


def sums_of(rows: Sequence[Sequence[str]], header_rows: int) -> tuple[Sum, ...]:
    """Totals that add up exactly: a number that is the sum of two or more numbers right above it.

    A total that was found stands for its parts in the totals below it.
    """
    found = []
    for column in range(1, len(rows[0]) if rows else 0):
        values: list[tuple[int, Decimal]] = []
        for row in range(header_rows, len(rows)):
            value = value_of(rows[row][column])
            if value is None or is_period(rows[row][column]):
                continue
            parts = _parts(values, value)
            if parts:
                found.append(Sum(row, column, tuple(number for number, _value in values[-parts:])))
                del values[-parts:]
            values.append((row, value))
    return tuple(found)


def _parts(values: Sequence[tuple[int, Decimal]], total: Decimal) -> int:
    """How many of the last values sum up to `total`; 0 if none do."""
    if total == 0:
        return 0
    reached = Decimal(0)
    terms = 0
    for count, (_row, value) in enumerate(reversed(values[-MOST_PARTS:]), 1):
        reached += value
        terms += value != 0
        if terms > 1 and reached == total:
            return count
    return 0


def confidence_of(
    rows: Sequence[Sequence[str]], header_rows: int, sums: Sequence[Sum], *, ruled: bool
) -> float:
    """From 0 to 1. Rules, full rows, a header and totals that add up each raise it."""
    body = rows[header_rows:]
    filled = sum(bool(text) for row in body for text in row) / max(sum(len(row) for row in body), 1)
    score = 0.4 + 0.2 * ruled + 0.15 * (header_rows > 0) + 0.15 * filled + 0.05 * (len(body) > 3)
    return round(min(1.0, score + 0.1 * min(len(sums), 3)), 2)
