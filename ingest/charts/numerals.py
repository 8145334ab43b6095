"""In which style the numbers of one chart are printed, and all its words in the one that `axis.printed` reads.

"1 500", "1.500" and "1,500" are one number, and so are "1,5" and "1.5": which sign groups and which one is
the decimal mark is told by all numbers of the chart together, and by its axis. Where they do not tell,
words stay as they are.
"""

import re
from collections.abc import Iterator, Sequence

from ingest.charts.axis import Scale, fit, side_numbers
from ingest.charts.drawn import middle
from ingest.words import Word

_SPACES = str.maketrans("\u00a0\u202f\u2009’", "   '")
_HEAD = re.compile(r"[(]?[-−–+]?[$€£¥￥]?\d{1,3}")
_GROUP = re.compile(r"\d{3}(?:[.,]\d+)?(?:[kKmMbB%)]|bn|tn)?")
_FULL_GROUP = re.compile(r"\d{3}")
_GROUP_SPACE = 1.0  # of the height: the widest gap in "1 500"; a figure 1 is narrow, and its box with it
_TICK_TOLERANCE = 1.5  # points from its place on the axis
_NUMBER = re.compile(
    r"(?P<before>[(]?[-−–+]?[$€£¥￥]?)(?P<number>\d[\d., ']*\d)(?P<after>\s*(?:[kKmMbB%)]|bn|tn|万|亿)?%?)"
)
_DECIMAL_COMMA = re.compile(r"(?:0|[1-9][\d. ']*),(?:\d{1,2}|\d{4,})|0,\d+|\d{1,3}(?:\.\d{3})+,\d+")
_GROUPING_COMMA = re.compile(
    r"\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|[\d,]*\.(?:\d{1,2}|\d{4,})|\d[\d,]*,\d{3}\.\d+"
)
_DOTTED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_WHOLE = re.compile(r"0|[1-9]\d{0,2}")
_LEAST_AGREEING = 2


def in_one_style(words: Sequence[Word]) -> list[Word]:
    """The words of a chart; numbers without spaces between their groups, with a point as decimal mark."""
    words = _with_groups_joined([_with_plain_spaces(word) for word in words])
    numbers = [match["number"] for word in words if (match := _NUMBER.fullmatch(word.text))]
    if _has_decimal_comma(numbers):
        return [_rewritten(word, drop=". '", point=",") for word in words]
    if _has_grouping_points(words, numbers):
        return [_rewritten(word, drop=".") for word in words]
    return words


def _with_plain_spaces(word: Word) -> Word:
    text = word.text.translate(_SPACES)
    return word if text == word.text else word._replace(text=text)


def _rewritten(word: Word, *, drop: str, point: str = "") -> Word:
    """Without the signs in `drop`, and with a point for each `point`."""
    match = _NUMBER.fullmatch(word.text)
    if not match:
        return word
    number = match["number"].translate(str.maketrans(point, "." * len(point), drop))
    return word._replace(text=f"{match['before']}{number}{match['after']}")


# ---------------------------------------------------------------- groups parted by spaces


def _with_groups_joined(words: list[Word]) -> list[Word]:
    """Two words, "1" and "500", are one number where the axis counts in even steps only if they are."""
    runs = _groups_of(words)
    joined = [_joined(run) for run in runs]
    parts = {id(word) for run in runs for word in run}
    whole = [*(word for word in words if id(word) not in parts), *joined]
    return whole if joined and _is_counted_with(joined, whole) else words


def _groups_of(words: Sequence[Word]) -> list[list[Word]]:
    """Runs of words that could be the groups of one number: a head of one to three digits, then three each."""
    runs: list[list[Word]] = []
    last: Word | None = None
    for word in sorted(words, key=lambda word: (round(middle(word.box)[1]), word.box.x0)):
        if last and _GROUP.fullmatch(word.text) and _is_next_to(last, word):
            runs[-1].append(word)
            last = word if _FULL_GROUP.fullmatch(word.text) else None
            continue
        last = word if _HEAD.fullmatch(word.text) else None
        if last:
            runs.append([word])
    return [run for run in runs if len(run) > 1]


def _is_next_to(left: Word, right: Word) -> bool:
    high = max(left.box.height, right.box.height)
    level = abs(middle(left.box)[1] - middle(right.box)[1]) <= 0.25 * high
    return level and 0 <= right.box.x0 - left.box.x1 <= _GROUP_SPACE * high


def _joined(run: Sequence[Word]) -> Word:
    box = run[0].box
    for word in run[1:]:
        box = box.union(word.box)
    return run[0]._replace(text="".join(word.text for word in run), box=box)


def _is_counted_with(joined: Sequence[Word], words: Sequence[Word]) -> bool:
    """Two that agree are enough; one only where no number of the axis disagrees."""
    boxes = {word.box for word in joined}
    return any(
        sum(label in boxes for label in scale.labels) >= (1 if scale.ticks == numbers else _LEAST_AGREEING)
        for scale, numbers in _axes(words)
    )


def _axes(words: Sequence[Word]) -> Iterator[tuple[Scale, int]]:
    """Each scale that counts in even steps, and how many numbers stand in its column or row."""
    for vertical in (True, False):
        for group in side_numbers(words, vertical=vertical):
            scale = fit(group, _TICK_TOLERANCE, even=True)
            if scale:
                yield scale, len(group)


# ---------------------------------------------------------------- commas and points


def _has_decimal_comma(numbers: Sequence[str]) -> bool:
    """Do at least two numbers say so, and none the opposite?"""
    agreeing = sum(bool(_DECIMAL_COMMA.fullmatch(number)) for number in numbers)
    return agreeing >= _LEAST_AGREEING and not any(_GROUPING_COMMA.fullmatch(number) for number in numbers)


def _has_grouping_points(words: Sequence[Word], numbers: Sequence[str]) -> bool:
    """Does an axis count whole numbers, some of them with points before the last three digits?

    Decimals are printed to as many places on all of an axis, and to no more than it needs: beside "0" or
    "500", "1.000" is a thousand, and so it is where nothing but "1.500" and "2.000" stands beside it.
    """
    if not any(_DOTTED.fullmatch(number) for number in numbers):
        return False
    if any("." in number and not _DOTTED.fullmatch(number) for number in numbers):
        return False
    printed_at = {word.box: word.text for word in words}
    whole = [_rewritten(word, drop=".") for word in words]
    for scale, _ in _axes(whole):
        labels = [_digits(printed_at[label]) for label in scale.labels]
        if any(map(_DOTTED.fullmatch, labels)) and (
            any(map(_WHOLE.fullmatch, labels)) or all(label.endswith("0") for label in labels)
        ):
            return True
    return False


def _digits(text: str) -> str:
    match = _NUMBER.fullmatch(text)
    return match["number"] if match else text
