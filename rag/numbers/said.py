"""ONE TURN OF A CONVERSATION -> what its words say: subject, sides, periods, cues.

"how much does the 2014 revenue represent in relation to the 2013 one?" has two sides with a year each;
"and in 2005?" has a year and no subject. Knows nothing of the turns before, nor of any page.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.period import find_periods
from core.text import normalize
from rag.numbers.glossary import matching_terms
from rag.numbers.question import subject_words


@dataclass(frozen=True, slots=True)
class Said:
    """`words`: stems that name something, beyond pronouns, periods and operations; `phrase`: the text of them.

    `sides`: the phrases on the left and right of a dividing word, or none; `side_periods` likewise; `divided`: how
    clearly they stand apart, "by a word" ("in relation to", "ratio of .. to") or "loosely" ("and", "from .. to").
    `numbers`: plain numbers that the turn gives itself ("divided by 3"). `moved`: 1 for "the following
    year", -1 for "the year before". `asking`: what it wants done, by the words for it ("change", "ratio"); `side_asking`
    likewise of each side. `cues`: its words in ones, twos and threes, years as <y> and numbers as <n>.
    """

    question: str
    words: tuple[str, ...]
    phrase: str
    sides: tuple[str, ...]
    periods: tuple[str, ...]
    side_periods: tuple[tuple[str, ...], ...]
    divided: str
    numbers: tuple[Decimal, ...]
    moved: int
    asking: tuple[str, ...]
    side_asking: tuple[tuple[str, ...], ...]
    cues: frozenset[str]


_ANAPHORA = re.compile(
    r"\b(?:and|so|then|now|also|what|about|how|much|that|this|these|those|they|them|their|it|its|same|such|former|latter|two|both|again|value|values|figure|figures|amount|number|numbers|year|years|period|time|times|over|previous|prior|following|next|subsequent|precedent|only|just|represent\w*|relation|respect|relative|terms?|be|does|did|do|was|were|is|are|percentual|percent\w*|divided|portion|part|fraction|ratio|proportion|rate|chang\w*|difference|increas\w*|decreas\w*|declin\w*|grow\w*|variation|sum|average|mean|combined|including|if|you|we|i|consider\w*|calculate|taking|account|would|will|should|when|one|ones|between|among|from|to|since|until|with|without|equivalent|multiplied|result|total|entire|whole|specifically|actual|net|less|plus|more|becomes?|converted|thousands?|millions?|billions?|dollars)\b",
    re.IGNORECASE,
)
_DIVIDES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:in relation to|relative to|with respect to|divided by|in comparison (?:to|with)|compared (?:to|with)|as an? (?:\w+ )?(?:percent\w*|portion|part|share|fraction|proportion|%) (?:of|over|to)|(?:minus|less|plus|multiplied by|subtracted (?:by|from)|but for)\b|than\b)",
        r"\b(?:ratio|proportion|portion|percent\w*|share|fraction)\b.* (?:to|over)\b",
        r"\b(?:out of|over (?!the (?:\w+ )?(?:years?|periods?|time)|that (?:year|period|time)|this (?:year|period|time)|\w+ (?:years|months)))",
        r"\bbetween\b.+?\band\b",
        r"\b(?:portion|percent\w*|share|part|fraction|proportion) of\b.+?\b(?:is|are|was|were|does|did|do|came|comes|relates?d?|represents?|consists?)\b",
        r"\b(?:represent\w*|from)\b.+?\b(?:of|to)\b",
        r"\b(?:and|to|of)\b",
    )
]
_CLEAR = (0, 1, 2, 4)
_NEXT = re.compile(
    r"\b(?:following|next|subsequent) (?:year|quarter|period)\b|\byear (?:after|later)\b|次年|下一年",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:previous|prior|preceding|precedent) (?:year|quarter|period)\b|\byear (?:before|earlier)\b|上一?年|前一年",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.$,])\$? ?(\d[\d,]*(?:\.\d+)?)(?![\w,.]*\d)(?! ?(?:%|percent))", re.IGNORECASE)
# Names that end in a number.
_NUMBERED = re.compile(
    r"\b(?:s ?& ?p|russell|nasdaq|fortune|topix|ftse|nikkei|form|section|topic|note|level|tier|class|fas|sfas|ifrs|asc) ?(?:no\. ?)?\d+"
)
_WORDS_OF_NUMBER = {
    "half": 2,
    "third": 3,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "ten": 10,
    "hundred": 100,
    "one": 1,
    "thousand": 1000,
    "thousands": 1000,
    "million": 10**6,
    "millions": 10**6,
}
# What is wanted of the values. One word of a class tells of the others, which a fit has seen too seldom.
_ASKING = {
    name: re.compile(rf"\b(?:{words})\b")
    for name, words in {
        "change": r"chang\w*|differ\w*|varia\w*|fluctuat\w*|increas\w*|decreas\w*|declin\w*|grow\w*|grew|rise|rose|fell|fall|drop\w*|reduc\w*|gain\w*",
        "relative": r"(?:percent\w*|relative|rate of|growth rate) (?:of )?(?:the )?(?:chang\w*|differ\w*|varia\w*|fluctuat\w*|increas\w*|decreas\w*|declin\w*|grow\w*|drop\w*|reduc\w*|return)|growth rate|rate of (?:growth|return)|return on investment|roi",
        "ratio": r"ratios?|proportion|portion|fraction|share of|part of|(?:percent\w*|%) (?:of|over|to|in relation)|as an? percent\w*|represent\w*|relation to|relative to|divided by|constitut\w*|account\w* for|per",
        "sum": r"sum|combined|together|plus|added|adding|including|both|aggregate",
        "mean": r"average|mean",
        "rest": r"less|minus|subtract\w*|excluding|excluded|without|except|net of",
        "times": r"times|multipl\w*|product of",
    }.items()
}
# Chinese cues in the words that the weights know.
_SPOKEN = (
    ("增长率", " growth rate percentage change "), ("百分比变化", " percentage change "), ("百分比", " percentage "), ("百分之", " percentage "),
    ("变化", " change "), ("变动", " change "), ("增长了", " increase "), ("差额", " difference "), ("差", " difference "), ("总和", " sum "), ("合计", " total sum "),
    ("平均", " average "), ("占", " represent in relation to "), ("比例", " ratio "), ("除以", " divided by "), ("乘以", " times "), ("减去", " less "),
    ("多少", " what was "), ("那么", " so "), ("呢", " and what about "), ("这", " this "), ("那", " that "),
)  # fmt: skip


def said(question: str) -> Said:
    text = _DATE.sub(_spelled, " ".join(normalize(question).lower().split()))
    spoken = text
    for chinese, english in _SPOKEN:
        spoken = spoken.replace(chinese, english)
    spoken = " ".join(spoken.split())
    sides, divided = _sides(spoken)
    return Said(
        text,
        tuple(sorted(_metric(text))),
        named_in(text),
        tuple(named_in(side) for side in sides),
        periods_in(text),
        tuple(periods_in(side) for side in sides),
        divided,
        tuple(dict.fromkeys(_numbers(spoken))),
        1 if _NEXT.search(text) else -1 if _BEFORE.search(text) else 0,
        asking_in(spoken),
        tuple(asking_in(side) for side in sides),
        frozenset(_cues(spoken)),
    )


def named_in(text: str) -> str:
    """The words that may name a row, without those that point back."""
    return subject_words(_ANAPHORA.sub(" ", text))


def periods_in(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.period.label for item in find_periods(text)))


def asking_in(text: str) -> tuple[str, ...]:
    return tuple(name for name, pattern in _ASKING.items() if pattern.search(text))


def _metric(text: str) -> list[str]:
    return [term for term in matching_terms(named_in(text)) if not term.startswith("=")]


def _sides(text: str) -> tuple[tuple[str, ...], str]:
    """What stands before and after the first dividing word, the clearest kind of word first."""
    for number, pattern in enumerate(_DIVIDES):
        match = pattern.search(text)
        if match is None:
            continue
        head, inside, tail = text[: match.start()], match.group(), text[match.end() :]
        if len(inside.split()) > 4:  # the words between the two parts of the pattern are the left side
            head = f"{head} {inside.rsplit(' ', 1)[0]}"
        if len(tail) > 2 and len(head) > 2:
            return (head, tail), "by a word" if number in _CLEAR else "loosely"
    return (), ""


def _numbers(text: str) -> Iterator[Decimal]:
    bare = _NUMBERED.sub(" ", text)
    for found in reversed(find_periods(bare)):
        bare = f"{bare[: found.start]} {bare[found.end :]}"
    for match in _NUMBER.finditer(bare):
        yield Decimal(match[1].replace(",", ""))
    for word in re.findall(r"[a-z]+", bare):
        if word in _WORDS_OF_NUMBER:
            yield Decimal(_WORDS_OF_NUMBER[word])


def _cues(text: str) -> Iterator[str]:
    words: Sequence[str] = re.findall(r"<y>|<n>|[a-z]+|%|&", _NUMERAL.sub(_mask, text))
    for match in _GIVEN.finditer(text):
        yield f"<{match[1]} a number>"
    padded = ["<s>", *words, "</s>"]
    for size in (1, 2, 3):
        for start in range(len(padded) - size + 1):
            yield " ".join(padded[start : start + size])


_DATE = re.compile(r"\b(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])/((?:19|20)?\d\d)\b")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def _spelled(match: re.Match[str]) -> str:
    """12/31/10 with the name of its month, which comes first, as reports in dollars write it."""
    year = match[3] if len(match[3]) == 4 else f"20{match[3]}" if int(match[3]) < 50 else f"19{match[3]}"
    return f"{_MONTHS[int(match[1]) - 1]} {int(match[2])}, {year}"


_NUMERAL = re.compile(r"\d[\d,.]*")
_GIVEN = re.compile(
    r"\b(less|minus|plus|times|divided by|multiplied by|over)\b (?:an? |the )?(?:(?:assumed|initial|original|starting) )*\$? ?"
    r"(?!(?:19|20)\d\d\b)(?=\d)"
)


def _mask(match: re.Match[str]) -> str:
    return " <y> " if re.fullmatch(r"(?:19|20)\d\d", match.group()) else " <n> "
