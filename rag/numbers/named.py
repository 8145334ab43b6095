"""QUESTION + TABLE -> the two series of a ratio that the question names and the table does not print: "current ratio".

Which lines a ratio is made of, and under which labels tables print them, stands in the glossary
(`core/glossary/finance.toml`). What is not covered: ratios of more than two lines, and of means.
"""

import re
from typing import NamedTuple

from core.glossary import Line, Ratio, load_glossary, plain
from core.table import Series, TypedTable


class NamedRatio(NamedTuple):
    part: Series
    whole: Series
    as_percentage: bool


def named_ratio(question: str, table: TypedTable) -> NamedRatio | None:
    """None where the question names none, where a row has its name, or where one of its lines is not there."""
    glossary = load_glossary()
    ratio = next((named.term for named in glossary.named(question) if isinstance(named.term, Ratio)), None)
    formula = re.fullmatch(r"(\w+) / (\w+)", ratio.formula) if ratio else None
    if ratio is None or formula is None:
        return None
    if any(ratio.asked.search(plain(series.label)) for series in table.series):
        return None
    part, whole = (_series_of(glossary.lines[name], table) for name in formula.groups())
    return NamedRatio(part, whole, ratio.unit == "%") if part and whole else None


def _series_of(line: Line, table: TypedTable) -> Series | None:
    """The surest row of amounts."""
    ranked = [
        (rank, number)
        for number, series in enumerate(table.series)
        if not series.is_percentage and (rank := line.rank(plain(series.label))) is not None
    ]
    return table.series[min(ranked)[1]] if ranked else None
