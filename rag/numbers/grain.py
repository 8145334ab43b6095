"""QUESTION + PERIOD -> the year, quarter, month or day that is asked for: "in which year" over daily values asks for years."""

import re
from collections.abc import Collection
from typing import Literal

Grain = Literal["year", "quarter", "month", "day"]

_ASKED: tuple[tuple[Grain, re.Pattern[str]], ...] = (
    ("year", re.compile(r"\b(?:which|what|how many) (?:of the )?(?:\w+ )?(?:years?|FY)\b|哪一?年|几年|多少年", re.IGNORECASE)),
    ("quarter", re.compile(r"\b(?:which|what|how many) (?:\w+ )?quarters?\b|哪一?个?季度|几个季度", re.IGNORECASE)),
    ("month", re.compile(r"\b(?:which|what|how many) (?:\w+ )?months?\b|哪一?个?月|几个月", re.IGNORECASE)),
    ("day", re.compile(r"\b(?:which|what|how many) (?:\w+ )?(?:days?|dates?)\b|哪一?[天日]|几天|多少天", re.IGNORECASE)),
)  # fmt: skip


def grain_asked(question: str) -> Grain | None:
    """None where any period will do."""
    return next((grain for grain, pattern in _ASKED if pattern.search(question)), None)


def in_grain(label: str, grain: Grain | None) -> str:
    """The label of the period of that grain in which it lies; itself where it is no finer, or any grain will do."""
    month = re.match(r"(\d{4})-(\d\d)\b", label)
    match grain:
        case "year":
            return label[:4]
        case "quarter" if month:
            return f"{month[1]}-Q{(int(month[2]) + 2) // 3}"
        case "month" if month:
            return month[0]
    return label


_FEW = 12  # dates of months' or quarters' ends in one table


def are_daily(labels: Collection[str]) -> bool:
    """Are these the days of a long series?"""
    return sum(1 for label in set(labels) if re.fullmatch(r"\d{4}-\d\d-\d\d", label)) > _FEW
