"""PASSAGE -> VALUES: every amount that it prints, with what it is about and where it stands.

Cells of tables by their headings (`core.table`), amounts of sentences by the words of their clause.
One reading for all: ingestion keeps these as facts, the answerer calculates with them. What is not
covered: amounts whose subject stands in an earlier sentence, and tables without " | " between cells.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from core.period import FoundPeriod, find_periods
from core.quantity import FoundQuantity, Quantity, find
from core.quantity import with_currency as quantity_with_currency
from core.scales import scale_of_prose
from core.table import TypedTable, read_table
from core.text import CJK, normalize, sentences

_LONGEST_LABEL = 80  # characters of the words that name an amount of running text


@dataclass(frozen=True, slots=True)
class Value:
    """A quantity at characters [start, end) of the passage, in the unit [unit_start, unit_end): its row
    or sentence.

    `label`, `section` and `heading` say what it is, without the period; `words` are the whole row or
    clause. `kind`: "cell", or of a sentence "amount", "change" (a rise or fall), "share".
    """

    start: int
    end: int
    unit_start: int
    unit_end: int
    quantity: Quantity
    raw: str
    label: str
    section: str
    heading: str
    period: str
    words: str
    kind: str
    scale_known: bool = True

    @property
    def name(self) -> str:
        """What the value is of: "Segment results: Gross margin, Flow Metering"."""
        own = ", ".join(part for part in (self.label, self.heading) if part)
        return ": ".join(part for part in (self.section, own) if part)


class PrintedCell(NamedTuple):
    text: str
    start: int
    end: int


def values_of(text: str, *, is_table: bool, heading: str = "") -> list[Value]:
    """In reading order. `heading`: title and section over the passage; a period there holds for what
    has none of its own, and its words tell whose "¥" it is where those of the passage do not.
    """
    return [with_currency(value, text, heading) for value in _values_of(text, heading, is_table=is_table)]


def with_currency(value: Value, *texts: str) -> Value:
    """As `core.quantity.with_currency`, for a value."""
    quantity = quantity_with_currency(value.quantity, *texts)
    return value if quantity is value.quantity else replace(value, quantity=quantity)


def _values_of(text: str, heading: str, *, is_table: bool) -> list[Value]:
    plain = normalize(text)
    if len(plain) != len(text):  # positions must hold in the text as it is
        plain = text
    lines = printed_rows(plain) if is_table or plain.count("|") > 2 else []
    if len(lines) < 2:
        return list(_of_sentences(plain, _period_over(heading)))
    prose = [line for line in plain.split("\n") if line.count("|") == 0 and line.strip()]
    table = read_table([[cell.text for cell in line] for line in lines], [*prose, heading])
    found = list(_of_table(table, lines, _period_over(" > ".join([heading, *prose]))))
    if not is_table:  # sentences around rows that no reader marked as a table
        beside = "\n".join(" " * len(line) if "|" in line else line for line in plain.split("\n"))
        found += _of_sentences(beside, _period_over(heading))
    return sorted(found, key=lambda value: value.start)


# ---------------------------------------------------------------- tables

_BEGINS_AMOUNT = re.compile(r"[\d(.]")
_BEFORE = frozenset("$€£¥￥(")
_AFTER = frozenset(["%", ")", ")%", "％", "pp", "pts"])


def printed_rows(text: str) -> list[list[PrintedCell]]:
    """The lines with " | ", cell by cell. A sign that was printed apart goes with its number."""
    rows: list[list[PrintedCell]] = []
    position = 0
    for line in text.split("\n"):
        if "|" in line:
            rows.append(_with_signs(list(_cells(line, position))))
        position += len(line) + 1
    return rows


def _cells(line: str, position: int) -> Iterator[PrintedCell]:
    for piece in line.split("|"):
        stripped = piece.strip()
        start = position + len(piece) - len(piece.lstrip())
        yield PrintedCell(stripped, start, start + len(stripped))
        position += len(piece) + 1


def _with_signs(cells: list[PrintedCell]) -> list[PrintedCell]:
    for index in range(1, len(cells)):
        cell = cells[index]
        if cell.text in _AFTER and cells[index - 1].text[-1:].isdigit():
            before = cells[index - 1]
            cells[index - 1] = PrintedCell(f"{before.text}{cell.text}", before.start, cell.end)
            cells[index] = PrintedCell("", cell.start, cell.start)
        elif cell.text in _BEFORE and index + 1 < len(cells) and _BEGINS_AMOUNT.match(cells[index + 1].text):
            after = cells[index + 1]
            cells[index + 1] = PrintedCell(f"{cell.text}{after.text}", cell.start, after.end)
            cells[index] = PrintedCell("", cell.start, cell.start)
    return cells


def _of_table(table: TypedTable, lines: Sequence[Sequence[PrintedCell]], period: str) -> Iterator[Value]:
    for cell in table.cells:
        row, column = cell.at
        printed = lines[row][column]
        filled = [each for each in lines[row] if each.text]
        yield Value(
            printed.start, printed.end, filled[0].start, filled[-1].end,
            cell.quantity, cell.raw, cell.label, cell.section, cell.heading, cell.period or period,
            f"{cell.section} {cell.label} {cell.heading}", "cell", cell.scale_known,
        )  # fmt: skip


@lru_cache(maxsize=1024)
def _period_over(heading: str) -> str:
    """The period that the innermost heading with one names; "" where it names several."""
    for part in reversed(heading.split(" > ")):
        labels = {item.period.label for item in find_periods(part)}
        if labels:
            return labels.pop() if len(labels) == 1 else ""
    return ""


# ---------------------------------------------------------------- sentences

_DIGIT = re.compile(rf"\d|[{CJK}]")
_REFERENCE = re.compile(
    r"\b(?:notes?|items?|topics?|pages?|figures?|tables?|sections?|asc|asu|levels?|no\.?|steps?|parts?|tiers?|ifrs|ias|phases?|chapters?|exhibits?|rules?|form|jan(?:uary)?|feb(?:ruary)?|march|april|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?\s*$|[#§第图表]\s*$",
    re.IGNORECASE,
)
_MOVED = re.compile(
    r"\b(?:increas|decreas|grew|grow|ris|rose|fell|fall|declin|drop|up|down|improv|chang|higher|lower|gain|los)\w*\b[^.;]{0,40}$"
    r"|(?:增长|增加|上升|提高|下降|减少|下滑|同比|环比)[^，。；]{0,6}$",
    re.IGNORECASE,
)
_UP_TO = re.compile(r"\b(?:to|at|from|of)\s*$|[至到为从由]\s*$", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:was|were|is|are|be|been|had|has|have|will|would|rose|fell|grew|increased|decreased|declined|dropped|improved|amounted|totall?ed|reached|came|remained|stood|includ\w+|represent\w*|earned|reported|recorded|recognized|generated|paid|received|compris\w+|exceed\w*|cost|delivered|used|employ\w*|equal\w*|climbed|slipped)\b"
    r"|为|是|达到?|共计|合计|增长|增加|上升|提高|下降|减少|约",
    re.IGNORECASE,
)
_CLAUSE_BREAK = re.compile(
    r"[;:；：，]|,\s(?!\d{3})|\b(?:while|whereas|but|compared (?:to|with)|versus)\b", re.IGNORECASE
)


def _of_sentences(text: str, period: str) -> Iterator[Value]:
    scale = scale_of_prose(text) if "in " in text or "单位" in text else None
    for start, end in sentences(text):
        sentence = text[start:end]
        if _DIGIT.search(sentence):
            for value in _of_sentence(sentence, period):
                quantity = value.quantity
                if scale and not (quantity.scale or quantity.unit) and quantity.currency:
                    quantity = quantity.scaled(scale)
                yield replace(
                    value, start=start + value.start, end=start + value.end,
                    unit_start=start, unit_end=end, quantity=quantity,
                )  # fmt: skip


# Times of the day, alone or after a date, and codes of laboratory tests (LOINC).
_NO_AMOUNT = re.compile(
    r"(?<![\d:])\d{1,2}:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?(?![\d:])|\(\d{3,5}-\d\)"
)


def _of_sentence(sentence: str, period: str) -> Iterator[Value]:
    found = find(sentence)
    if not found:
        return
    periods = find_periods(sentence)
    others = [(each.start, each.end) for each in periods]
    others += [match.span() for match in _NO_AMOUNT.finditer(sentence)]
    amounts = [
        item for item in found
        if not any(start < item.end and end > item.start for start, end in others)
        and not _REFERENCE.search(sentence[max(0, item.start - 14) : item.start])
    ]  # fmt: skip
    aligned = _aligned(sentence, amounts, periods)
    for index, item in enumerate(amounts):
        left = amounts[index - 1].end if index else 0
        right = amounts[index + 1].start if index + 1 < len(amounts) else len(sentence)
        before = sentence[left : item.start]
        own = aligned[index] or period
        yield Value(
            item.start, item.end, 0, len(sentence), item.quantity, sentence[item.start : item.end].strip(),
            _label(sentence, item.start, periods), "", "", own,
            f"{sentence[max(0, item.start - 110):item.start]} {sentence[item.end:min(right, item.end + 60)]}",
            _kind(before, item.quantity),
        )  # fmt: skip


def _kind(before: str, quantity: Quantity) -> str:
    # The word stands within 40 characters of the end.
    if _MOVED.search(before, max(0, len(before) - 100)) and not _UP_TO.search(before):
        return "change"
    return "share" if quantity.unit == "%" else "amount"


def _aligned(sentence: str, amounts: Sequence[FoundQuantity], periods: Sequence[FoundPeriod]) -> list[str]:
    """The period of each amount: in order where a sentence has as many periods in a row as amounts
    ("$5 and $4 in 2019 and 2018, respectively"), else the one in its own clause, else the nearest.
    """
    labels = [item.period.label for item in periods]
    if not labels:
        return [""] * len(amounts)
    distinct = list(dict.fromkeys(labels))
    if len(distinct) == 1:
        return [distinct[0]] * len(amounts)
    if amounts and len(amounts) % len(distinct) == 0 and _in_one_run(sentence, periods):
        return [distinct[index % len(distinct)] for index in range(len(amounts))]
    breaks = [match.start() for match in _CLAUSE_BREAK.finditer(sentence)]
    return [_nearest(item, periods, breaks) for item in amounts]


def _in_one_run(sentence: str, periods: Sequence[FoundPeriod]) -> bool:
    between = [sentence[one.end : other.start] for one, other in pairwise(periods)]
    return all(
        re.fullmatch(r"[\s,，、]*(?:and|to|及|和|与|、)?[\s,]*(?:fiscal|fy)?\s*", gap, re.IGNORECASE)
        for gap in between
    )


def _nearest(item: FoundQuantity, periods: Sequence[FoundPeriod], breaks: Sequence[int]) -> str:
    def distance(period: FoundPeriod) -> int:
        low, high = (period.end, item.start) if period.end <= item.start else (item.end, period.start)
        crossed = bisect_left(breaks, high) - bisect_left(breaks, low)
        return high - low + 60 * crossed

    return min(periods, key=distance).period.label


_LEADING = re.compile(
    r"^(?:\W|\b(?:the|a|an|our|its|their|in|for|at|of|on|by|and|or|to|from|with|as|during|we|which|that|this|these|about|approximately|company['’]?s?|year|years|ended|fiscal|against|after)\b)+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?:\W|\b(?:the|a|an|of|in|for|at|on|by|and|or|to|from|with|as|was|were|is|are|about|approximately|respectively|year|ended|fiscal|than|more|less)\b)+$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w{2}|[一-鿿]")
_CHINESE_WORD = re.compile(f"[{CJK}]{{2}}")
_AMOUNT = re.compile(r"\(?[\d.,]+\)?\s?%?")


def _label(sentence: str, position: int, periods: Sequence[FoundPeriod]) -> str:
    """The words that name the amount at `position`: what stands before the last verb, in its clause."""
    before = sentence[:position]
    for item in reversed([each for each in periods if each.end <= position]):
        before = f"{before[: item.start]} {before[item.end :]}"
    clauses = [piece for piece in _CLAUSE_BREAK.split(before) if _WORDS.search(piece)]
    for clause in reversed(clauses):
        verb = _VERB.search(clause)
        named = clause[: verb.start()] if verb else clause
        named = _AMOUNT.sub(" ", named)
        named = _TRAILING.sub("", _LEADING.sub("", " ".join(named.split())))
        if len(named) > 2 or _CHINESE_WORD.search(named):
            return named[-_LONGEST_LABEL:].partition(" ")[2] if len(named) > _LONGEST_LABEL else named
    return ""
