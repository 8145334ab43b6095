"""Calendar dates and fiscal periods as values: found in text, compared, printed. English and Chinese.

A period is a stretch of a reporting calendar ("FY2018", "Q3 2023", "six months ended June 30, 2023")
or a date. It knows the label that a company gives it, not when that company's year begins: whether
"fiscal 2023" ends in January 2024 is for the reader of the document to say (`ends`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

PeriodKind = Literal["year", "half", "quarter", "month", "months", "date"]


@dataclass(frozen=True, slots=True)
class Period:
    """`part`: the quarter (1-4), half (1-2), month (1-12), or for "months" how many months.

    `ends` is set where a closing date is printed; `estimate` for 2024E or 预计; `fiscal` where the
    text says so.
    """

    kind: PeriodKind
    year: int
    part: int = 0
    ends: date | None = None
    fiscal: bool = False
    estimate: bool = False

    @property
    def label(self) -> str:
        """The short form: 2018, 2018-H1, 2018-Q3, 2018-07, 2018-9M, 2018-07-31."""
        match self.kind:
            case "year":
                return f"{self.year}"
            case "half":
                return f"{self.year}-H{self.part}"
            case "quarter":
                return f"{self.year}-Q{self.part}"
            case "month":
                return f"{self.year}-{self.part:02}"
            case "months":
                return f"{self.year}-{self.part}M"
            case "date":
                assert self.ends is not None
                return self.ends.isoformat()

    def covers(self, other: "Period") -> bool:
        """True when `other` is this period, or a shorter one inside the same year that it contains."""
        if self.kind == other.kind == "date":
            return self.ends == other.ends
        if self.year != other.year:
            return False
        return self.kind == "year" or self.label == other.label

    def same(self, other: "Period") -> bool:
        """The same stretch of time, whatever the wording: "year ended Dec 31, 2018" is "2018"."""
        return (self.kind, self.year, self.part) == (other.kind, other.year, other.part) and (
            self.kind != "date" or self.ends == other.ends
        )

    def before(self) -> "Period":
        """The comparable period one year earlier (同比)."""
        ends = _year_before(self.ends) if self.ends else None
        return replace(self, year=self.year - 1, ends=ends, estimate=False)

    def preceding(self) -> "Period":
        """The period just before this one (环比): the quarter before, the month before, else the year."""
        longest = {"quarter": 4, "half": 2, "month": 12}.get(self.kind)
        if longest is None:
            return self.before()
        year, part = (self.year, self.part - 1) if self.part > 1 else (self.year - 1, longest)
        return replace(self, year=year, part=part, ends=None, estimate=False)


class FoundPeriod(NamedTuple):
    """Characters [start, end) of the text name `period`."""

    start: int
    end: int
    period: Period


def find_periods(text: str) -> list[FoundPeriod]:
    """All periods and dates of `text`, in order; longer readings win ("Q3 2023" is not also 2023)."""
    found = sorted(_all(text), key=lambda item: (item.start, item.start - item.end))
    kept: list[FoundPeriod] = []
    for item in found:
        if not kept or item.start >= kept[-1].end:
            kept.append(item)
    return kept


def parse_period(text: str) -> Period | None:
    """The period that the whole of `text` is, or None."""
    stripped = text.strip()
    for item in find_periods(stripped):
        if item.start == 0 and item.end == len(stripped):
            return item.period
    return None


# ---------------------------------------------------------------- reading

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_YEAR2 = r"(?P<year>(?:19|20)\d\d|'?\d\d)"
_ORDINAL = r"(?P<ordinal>first|second|third|fourth|1st|2nd|3rd|4th)"
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_COUNT = r"(?P<count>three|six|nine|twelve|3|6|9|12)"
_COUNTS = {"three": 3, "six": 6, "nine": 9, "twelve": 12}
_CHINESE_DIGITS = {char: digit for digit, char in enumerate("〇一二三四五六七八九")} | {"零": 0}
_CN_YEAR = r"(?P<year>(?:19|20)\d\d|[二一][〇零一二三四五六七八九]{3})\s*(?:财年|财政年度|会计年度|年度|年)"
_ENDING = rf"(?:ended|ending)\s+{_MONTH}\s+(?P<day>\d{{1,2}}),?\s+{_YEAR}"
_ESTIMATE = r"(?P<estimate>\s?E\b)?"

Build = Callable[[re.Match[str]], Period | None]


def _all(text: str) -> Iterator[FoundPeriod]:
    if not _CAN_HOLD_A_YEAR.search(text):
        return
    folded = text.casefold()
    absent = [trigger for trigger in _TRIGGERS if not trigger(folded)]
    for pattern, build, trigger in _RULES:
        if trigger in absent:
            continue
        for match in pattern.finditer(text):
            period = build(match)
            if period is not None:
                yield FoundPeriod(match.start(), match.end(), period)


# What a text must hold for a rule to find anything in it: cheap to ask of the folded text, and most texts hold none of
# them. Patterns that ignore case try at every letter, and take a dotless "ı" for an "i": the words asked for have none.
_CAN_HOLD_A_YEAR = re.compile(r"\d\d|[二一][〇零一二三四五六七八九]{3}")
_SHORT_NUMBER = re.compile(r"[qh][\s\-/']*\d|\d[qh]")
_SHORT_WORDS = ("fy", "scal", "quarter", "half")


def _names_a_month(folded: str) -> bool:
    return any(month in folded for month in _MONTHS)


def _is_short(folded: str) -> bool:
    return any(word in folded for word in _SHORT_WORDS) or _SHORT_NUMBER.search(folded) is not None


Trigger = Callable[[str], object]
_chinese: Trigger = re.compile(r"[年财会]").search
_split_date: Trigger = re.compile(r"\d[-/]\d").search
_TRIGGERS: tuple[Trigger, ...] = (_names_a_month, _chinese, _is_short, _split_date)

Rule = tuple[re.Pattern[str], Build, "Trigger | None"]


def _rule(pattern: str, build: Build, flags: int = re.IGNORECASE) -> Rule:
    trigger = next((trigger for sign, trigger in _BY_SIGN if sign in pattern), None)
    return re.compile(pattern, flags), build, trigger


_BY_SIGN = (
    (_MONTH, _names_a_month),
    (_CN_YEAR, _chinese),
    ("(?P<quarter>", _is_short),
    ("(?P<half>", _is_short),
    ("FY", _is_short),
    ("fiscal", _is_short),
    ("(?P<day>", _split_date),
)


def _year(text: str) -> int:
    if text[0] in "二一":
        return int("".join(str(_CHINESE_DIGITS[char]) for char in text))
    digits = int(text.lstrip("'"))
    if digits >= 100:
        return digits
    return 2000 + digits if digits < 70 else 1900 + digits


def _month(match: re.Match[str]) -> int:
    return _MONTHS.index(match["month"][:3].casefold()) + 1


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year_before(day: date) -> date:
    return (
        day.replace(year=day.year - 1, day=28)
        if (day.month, day.day) == (2, 29)
        else day.replace(year=day.year - 1)
    )


def _as_date(year: int, month: int, day: int) -> Period | None:
    found = _date(year, month, day)
    return None if found is None else Period("date", year, ends=found)


def _year_ended(match: re.Match[str]) -> Period | None:
    ends = _date(_year(match["year"]), _month(match), int(match["day"]))
    if ends is None:
        return None
    # A year that closes in the first days of January is the year before (52/53-week calendars).
    year = ends.year - 1 if (ends.month, ends.day) <= (1, 12) else ends.year
    return Period("year", year, ends=ends, fiscal="fiscal" in match.group().lower())


def _quarter_ended(match: re.Match[str]) -> Period | None:
    ends = _date(_year(match["year"]), _month(match), int(match["day"]))
    if ends is None:
        return None
    months = _count(match["count"]) if match.groupdict().get("count") else 3
    if months == 12:
        return Period("year", ends.year, ends=ends)
    if months == 3:
        # A quarter may close a few days into the next month.
        closing = ends.month if ends.day > 12 else ends.month - 1 or 12
        year = ends.year if closing <= ends.month else ends.year - 1
        return Period("quarter", year, (closing + 2) // 3, ends=ends)
    return Period("months", ends.year, months, ends=ends)


def _count(word: str) -> int:
    return _COUNTS.get(word.lower()) or int(word)


def _fiscal_year(match: re.Match[str]) -> Period:
    return Period("year", _year(match["year"]), fiscal=True, estimate=bool(match.groupdict().get("estimate")))


def _quarter(match: re.Match[str]) -> Period:
    groups = match.groupdict()
    part = int(groups["quarter"]) if groups.get("quarter") else _ORDINALS[groups["ordinal"].lower()]
    return Period("quarter", _year(match["year"]), part, estimate=bool(groups.get("estimate")))


def _half(match: re.Match[str]) -> Period:
    groups = match.groupdict()
    part = int(groups["half"]) if groups.get("half") else _ORDINALS[groups["ordinal"].lower()]
    return Period("half", _year(match["year"]), part)


def _chinese_quarter(match: re.Match[str]) -> Period:
    return Period(
        "quarter", _year(match["year"]), "一二三四".find(match["quarter"]) + 1 or int(match["quarter"])
    )


def _chinese_half(match: re.Match[str]) -> Period:
    return Period("half", _year(match["year"]), 1 if match["half"] == "上" else 2)


def _chinese_months(match: re.Match[str]) -> Period:
    return Period("months", _year(match["year"]), {"三": 3, "九": 9}[match["count"]])


_NOT_AFTER_DIGIT = r"(?<![\d.,$€£¥])"
_RULES: list[Rule] = [
    # the longest wordings first; `find_periods` settles overlaps by start and length
    _rule(rf"\b(?:fiscal\s+)?years?\s+{_ENDING}", _year_ended),
    _rule(rf"\b(?:52|53)[- ]weeks?\s+{_ENDING}", _year_ended),
    _rule(rf"\b{_COUNT}\s+months?\s+{_ENDING}", _quarter_ended),
    _rule(rf"\b(?:fiscal\s+)?quarters?\s+{_ENDING}", _quarter_ended),
    _rule(
        rf"\b{_ORDINAL}[- ]quarter(?:\s+(?:of|in|for))?(?:\s+the)?(?:\s+(?:fiscal|financial|FY))?(?:\s+year)?\s*,?\s*{_YEAR}",
        _quarter,
    ),
    _rule(
        rf"\b(?:(?:fiscal|financial|FY)\s?(?:year\s+)?)?{_YEAR}(?:['’]s)?,?[ ]{_ORDINAL}[- ]quarter\b",
        _quarter,
    ),
    _rule(rf"\b{_ORDINAL}[- ]half(?:\s+of)?(?:\s+(?:fiscal|FY))?(?:\s+year)?\s*{_YEAR}", _half),
    _rule(
        rf"\bQ(?P<quarter>[1-4])[\s\-/']*(?:of\s+)?(?:FY\s?|fiscal\s+)?{_YEAR2}{_ESTIMATE}(?!\d)", _quarter
    ),
    _rule(rf"\b(?P<quarter>[1-4])Q[\s\-/']*(?:FY\s?)?{_YEAR2}{_ESTIMATE}(?!\d)", _quarter),
    _rule(rf"\b{_YEAR}[\s\-/]*Q(?P<quarter>[1-4])\b", _quarter),
    _rule(rf"\bH(?P<half>[12])[\s\-/']*(?:FY\s?)?{_YEAR2}(?!\d)", _half),
    _rule(rf"\b(?P<half>[12])H[\s\-/']*{_YEAR2}(?!\d)", _half),
    _rule(rf"\bFY[\s\-]?{_YEAR2}{_ESTIMATE}(?!\d)", _fiscal_year),
    _rule(rf"\bfiscal(?:\s+year)?\s+{_YEAR}\b", _fiscal_year),
    _rule(
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}\b",
        lambda m: _as_date(_year(m["year"]), _month(m), int(m["day"])),
    ),
    _rule(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH},?\s+{_YEAR}\b",
        lambda m: _as_date(_year(m["year"]), _month(m), int(m["day"])),
    ),
    _rule(rf"\b{_MONTH}\s+{_YEAR}\b", lambda m: Period("month", _year(m["year"]), _month(m))),
    _rule(
        r"(?<!\d)(?P<year>(?:19|20)\d\d)-(?P<m>\d\d)-(?P<day>\d\d)(?!\d)",
        lambda m: _as_date(int(m["year"]), int(m["m"]), int(m["day"])),
    ),
    _rule(
        r"(?<!\d)(?P<m>\d{1,2})/(?P<day>\d{1,2})/(?P<year>(?:19|20)\d\d)(?!\d)",
        lambda m: _as_date(int(m["year"]), int(m["m"]), int(m["day"])),
    ),
    # Chinese
    _rule(
        rf"{_CN_YEAR}\s*(?P<m>\d{{1,2}})\s*月\s*(?P<day>\d{{1,2}})\s*日",
        lambda m: _as_date(_year(m["year"]), int(m["m"]), int(m["day"])),
    ),
    _rule(rf"{_CN_YEAR}\s*第?(?P<quarter>[一二三四1-4])季度?", _chinese_quarter),
    _rule(rf"{_CN_YEAR}\s*(?P<half>[上下])半年(?:度)?", _chinese_half),
    _rule(rf"{_CN_YEAR}\s*前(?P<count>[三九])(?:个月)", _chinese_months),
    _rule(
        rf"{_CN_YEAR}\s*(?P<m>1[0-2]|[1-9])\s*月(?!\s*\d{{1,2}}\s*日)",
        lambda m: Period("month", _year(m["year"]), int(m["m"])),
    ),
    _rule(_CN_YEAR, lambda m: Period("year", _year(m["year"]), fiscal="财" in m.group())),
    # a bare year, not a part of a longer number
    _rule(
        rf"{_NOT_AFTER_DIGIT}\b(?P<year>(?:19[5-9]|20[0-4])\d)(?P<estimate>E|A)?\b(?![.,]\d|\s*(?:%|percent))",
        lambda m: Period("year", int(m["year"]), estimate=m["estimate"] in ("E", "e")),
        flags=0,
    ),
]
