"""Words -> the series of a table that they name, best first. Lexical: stems, pairs of characters, glossary."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.table import Series, TypedTable
from rag.numbers.glossary import concept_of, matching_terms
from rag.numbers.question import subject_words, without_periods

_CHANGE_COLUMN = re.compile(
    r"\b(?:change|variance|increase|decrease|growth|vs)\b|变动|变化|增减|同比|增长", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Match:
    series: Series
    score: float


class Matcher:
    """The series of one table, with the rarity of their terms."""

    def __init__(self, table: TypedTable) -> None:
        self.table = table
        self._labels = [_terms(series.label) for series in table.series]
        self._sections = [_terms(series.section) for series in table.series]
        self._headings = [_terms(_numerals(series.heading)) for series in table.series]
        counts: dict[str, int] = {}
        for parts in zip(self._labels, self._sections, self._headings, strict=True):
            for term in frozenset().union(*parts):
                counts[term] = counts.get(term, 0) + 1
        total = len(table.series)
        self._rarity = {term: math.log(1 + (total + 1) / (count + 0.5)) for term, count in counts.items()}

    def rank(
        self,
        words: str,
        *,
        periods: Sequence[str] = (),
        change_column: bool = False,
        percentage: bool | None = None,
    ) -> list[Match]:
        """All series by how well `words` name them and whether they hold the `periods`."""
        terms = _terms(subject_words(words))
        raw = _terms(_numerals(without_periods(words)))
        plain = plain_words(words)
        matches = []
        for index, series in enumerate(self.table.series):
            score = self._score(index, terms, raw)
            if series.label and plain_words(series.label) in plain:
                score += 0.35
            score -= 0.8 * _missing(series, periods)
            if _CHANGE_COLUMN.search(series.heading) and not change_column:
                score -= 0.5
            if percentage is False and series.is_percentage:
                score -= 0.8
            elif percentage and not series.is_percentage:
                score -= 0.15
            matches.append(Match(series, score))
        return sorted(matches, key=lambda match: -match.score)

    def named(self, series: Series, words: str) -> float:
        """How much of the words' weight the series says in label, section and heading."""
        index = next(number for number, each in enumerate(self.table.series) if each is series)
        own = self._labels[index] | self._sections[index] | self._headings[index]
        return self._recall(_terms(subject_words(words)), own)

    @staticmethod
    def named_at(heading: Sequence[str], question: str) -> int:
        """Where the question says all words of the heading in a row, or -1; -1 for no words."""
        words = plain_words(_numerals(" ".join(heading)))
        return plain_words(_numerals(question)).find(words) if words.strip() else -1

    def _score(self, index: int, terms: Collection[str], raw: Collection[str]) -> float:
        label, section, heading = self._labels[index], self._sections[index], self._headings[index]
        series = self.table.series[index]
        own = self._share(label, terms)
        if not label and series.is_total and "total" in terms:
            own = 0.8
        elif not label and not section:  # the rows are periods: their columns say what they are of
            own = self._share(heading, raw)
        if (concept := concept_of(series.label)) and f"={concept}" in terms:
            own = max(own, 0.8)
        return (
            own
            + 0.9 * self._recall(terms, label | section | heading)
            + 0.55 * self._share(section, terms)
            + 0.5 * self._share(heading, raw)
        )

    def _share(self, part: Collection[str], terms: Collection[str]) -> float:
        """How much of the part's weight the terms name."""
        total = math.fsum(self._rarity[term] for term in part)
        return math.fsum(self._rarity[term] for term in part if term in terms) / total if total else 0.0

    def _recall(self, terms: Collection[str], part: Collection[str]) -> float:
        """How much of the terms' weight stands in the part; terms unknown to the table count a little."""
        known = {term: self._rarity.get(term, 1.0) for term in terms}
        total = math.fsum(known.values())
        return math.fsum(weight for term, weight in known.items() if term in part) / total if total else 0.0


_NOT = re.compile(r"\bnon[- ](?=[a-z])", re.IGNORECASE)


def _terms(text: str) -> frozenset[str]:
    """As `matching_terms`, but "non-vested" is one word: a row "Vested" does not hold half of it."""
    concepts = {term for term in matching_terms(text) if term.startswith("=")}
    return matching_terms(_NOT.sub("non", text)) | concepts


_NUMERALS = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "ten": "10",
}


def _numerals(text: str) -> str:
    """Number words as digits: "less than one year" stands over a column as "Less than 1 year"."""
    return re.sub(r"[A-Za-z]+", lambda match: _NUMERALS.get(match.group().lower(), match.group()), text)


def _missing(series: Series, periods: Sequence[str]) -> float:
    """The share of the asked periods that the series does not hold."""
    if not periods or set(series.cells) == {""}:
        return 0.0 if not periods else 0.3
    return sum(period_key(series.cells, period) is None for period in periods) / len(periods)


def period_key(cells: Mapping[str, object], period: str) -> str | None:
    """The key under which the cells hold the period: itself, or the one that lies inside its year."""
    if period in cells:
        return period
    same_year = [
        key
        for key in cells
        if key[:4] == period[:4] and (len(period) == 4 or len(key) == 4 or _fits(key, period))
    ]
    # "January 1, 2018" opens the year: what is asked of 2018 stands at its end.
    closing = [key for key in same_year if not key.endswith("-01-01")]
    return same_year[0] if len(same_year) == 1 else closing[0] if len(closing) == 1 else None


def _fits(key: str, period: str) -> bool:
    """True when a date closes the period or the other way round ("2019-12-31", "2019-12", "2019-Q4")."""
    one, other = (_quarter_of(label) if "-Q" in period + key else label for label in (key, period))
    return one.startswith(other) or other.startswith(one)


def _quarter_of(label: str) -> str:
    """The quarter in which a date or month lies; of others the label itself."""
    month = re.match(r"(\d{4})-(\d\d)\b", label)
    return f"{month[1]}-Q{(int(month[2]) + 2) // 3}" if month else label


def plain_words(text: str) -> str:
    """The words in lower case with a space on each side, so that whole words compare."""
    words = re.findall(r"[^\W_]+", _NOT.sub("non", text.lower()))
    return f" {' '.join(words)} "
