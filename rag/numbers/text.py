"""PARAGRAPHS -> the sentence, span, list or amount that answers. Copies; never rephrases.

By words and cues alone. What is not covered: answers that stand in two sentences, and paraphrase.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.period import find_periods
from core.quantity import FoundQuantity, Quantity, find
from core.text import normalize, sentences
from rag.numbers.glossary import matching_terms
from rag.numbers.question import Asked, is_definition, subject_words
from rag.numbers.told import change_told, told


@dataclass(frozen=True, slots=True)
class Found:
    """`texts` as printed; `score` says how well the sentence fits, `paragraph` counts from 0. `covered`: the share of
    the question's terms that the sentence says.
    """

    texts: tuple[str, ...]
    score: float
    sentence: str
    paragraph: int
    quantity: Quantity | None = None
    covered: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    paragraph: int
    terms: frozenset[str]
    years: frozenset[str]


@dataclass(frozen=True, slots=True)
class OverTime:
    """The amounts that one sentence tells for the asked years, in their order."""

    score: float
    sentence: str
    amounts: Sequence[FoundQuantity]


_MOST_READ = 8  # sentences, best first


class Reader:
    """The sentences of the paragraphs, with the rarity of their terms."""

    def __init__(self, paragraphs: Sequence[str]) -> None:
        self._sentences = [
            _Sentence(
                piece,
                number,
                matching_terms(piece),
                frozenset(str(item.period.year) for item in find_periods(piece)),
            )
            for number, paragraph in enumerate(paragraphs)
            for piece in _pieces(normalize(paragraph))
        ]
        counts: dict[str, int] = {}
        for sentence in self._sentences:
            for term in sentence.terms:
                counts[term] = counts.get(term, 0) + 1
        self._rarity = {
            term: math.log(1 + (len(self._sentences) + 1) / (count + 0.5)) for term, count in counts.items()
        }

    def best(self, asked: Asked) -> Found | None:
        """What answers in the best sentence, or nothing where there are no sentences."""
        ranked = self._ranked(asked)
        if not ranked:
            return None
        score, sentence = ranked[0]
        texts, quantity = _answer_in(asked, sentence.text)
        terms = matching_terms(subject_words(asked.question))
        covered = len(terms & sentence.terms) / max(1, len(terms))
        return Found(texts, score, sentence.text, sentence.paragraph, quantity, covered)

    def over_time(self, asked: Asked, years: Sequence[str]) -> OverTime | None:
        """The sentence that fits best among those that tell an amount for each of the years."""
        terms = matching_terms(subject_words(asked.question))
        for score, sentence in self._ranked(asked)[:_MOST_READ]:
            of_all = [
                each
                for each in told(sentence.text, _marked(sentence.text))
                if each.amounts.keys() >= set(years)
            ]
            if of_all:
                best = max(of_all, key=lambda each: len(terms & _before(sentence.text, each.start)))
                return OverTime(score, sentence.text, [best.amounts[year] for year in years])
        return None

    def moved(self, asked: Asked) -> Found | None:
        """The change that a sentence states of just what is asked ("Interest income increased $1.2 million")."""
        terms = matching_terms(subject_words(asked.question))
        for score, sentence in self._ranked(asked)[:_MOST_READ]:
            stated = change_told(sentence.text, _amounts(sentence.text))
            if stated and terms <= matching_terms(stated[1]):
                item, _ = stated
                return Found(
                    (_printed(sentence.text, item),), score, sentence.text, sentence.paragraph, item.quantity
                )
        return None

    def _ranked(self, asked: Asked) -> list[tuple[float, _Sentence]]:
        terms = matching_terms(subject_words(asked.question))
        years = {period[:4] for period in asked.periods}
        scores = [self._score(asked, sentence, terms, years) for sentence in self._sentences]
        if asked.operation == "cause":
            scores = self._with_sentence_before(scores)
        return sorted(zip(scores, self._sentences, strict=True), key=lambda item: -item[0])

    def _with_sentence_before(self, scores: Sequence[float]) -> list[float]:
        """A sentence that states a cause ("The increase was due to ...") leans on the one before it."""
        leaning = list(scores)
        for position, (before, sentence) in enumerate(pairwise(self._sentences), start=1):
            if before.paragraph == sentence.paragraph and _CAUSE_CUE.search(sentence.text):
                leaning[position] = max(scores[position], 0.4 + 0.6 * scores[position - 1] - 0.05)
        return leaning

    def _score(self, asked: Asked, sentence: _Sentence, terms: frozenset[str], years: set[str]) -> float:
        weights = {term: self._rarity.get(term, 2.0) for term in terms}
        total = math.fsum(weights.values()) or 1.0
        score = math.fsum(weight for term, weight in weights.items() if term in sentence.terms) / total
        if years:
            score += 0.15 * len(years & sentence.years) / len(years)
        if sentence.text.rstrip().endswith(":") or not re.search(
            r"[.!?。！？;；][\"'”’)]*\s*$", sentence.text
        ):
            score -= 0.3  # an announcement or a heading
        if re.search(r"\btables?\b|表", asked.question) and _ABOUT_TABLE.search(sentence.text):
            score += 0.5
        if asked.operation == "cause" and _CAUSE_CUE.search(sentence.text):
            score += 0.25
        if is_definition(asked.question) and _begins_with(sentence.text, terms):
            score += 0.3
        if _wants_amount(asked) and any(not _is_plain(item.quantity) for item in _amounts(sentence.text)):
            score += 0.15
        return score


def _begins_with(sentence: str, terms: frozenset[str]) -> bool:
    """Is the sentence about the term: is it named before its verb?"""
    verb = re.search(r"\b(?:is|are|consists?|includes?|means?|refers?|represents?|comprises?)\b", sentence)
    return verb is not None and bool(terms) and terms <= matching_terms(sentence[: min(verb.start(), 80)])


_ABOUT_TABLE = re.compile(
    r"\b(?:tables?|following|as follows|below|summari[sz]ed?)\b|下表|以下", re.IGNORECASE
)


def _pieces(paragraph: str) -> list[str]:
    return [paragraph[start:end] for start, end in sentences(paragraph)]


# ---------------------------------------------------------------- what of the sentence answers

_CAUSE_CUE = re.compile(
    r"\b(?:due (?:primarily |mainly |largely |in part )?to|because|as a result of|attributable to|attributed to|driven by|reflecting|reflects"
    r"|reflected|resulting from|resulted from|caused by|result of|offset by)\s+|由于|因为|归因于|得益于|受",
    re.IGNORECASE,
)
_DEFINED = re.compile(
    r"\b(?:is|are|was|were)?\s*(?:defined as|consists? (?:primarily |principally |mainly )?of|consisted (?:primarily |principally )?of|comprised of|composed of|comprises?|includes?|included|excludes?|excluded|allows?|allowed|refers? to|based on|determined (?:by|using|based on|on)|calculated (?:as|by|using|based on)|represents?|represented|relates? (?:primarily )?to|related (?:primarily )?to|means|computed (?:by|using)|measured (?:by|using|at))\b\s*",
    re.IGNORECASE,
)
_HOW = re.compile(r"\b(?P<cue>by|using|based on|through|in accordance with|on an?|as|at)\s+", re.IGNORECASE)
_WHEN = re.compile(
    r"\b(?:(?:\d{1,2}\s+)?(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+(?:\d{1,2},?\s+)?(?:19|20)\d\d|(?:the )?(?:first|second|third|fourth) quarter of (?:fiscal )?(?:19|20)\d\d|(?:fiscal )?(?:19|20)\d\d)\b|(?:19|20)\d\d年(?:\d{1,2}月(?:\d{1,2}日)?)?",
    re.IGNORECASE,
)


def _answer_in(asked: Asked, sentence: str) -> tuple[tuple[str, ...], Quantity | None]:
    question = asked.question
    if asked.operation == "cause":
        return (_cause(question, sentence),), None
    if re.match(
        r"^(?:when|in which year|which year|what year|from when)\b|何时|什么时候", question, re.IGNORECASE
    ) and (dates := _dates(asked, sentence)):
        return (dates[0],), None
    several = asked.respectively and len(asked.periods) > 1
    if several and (of_each := _of_each_year(asked, sentence, _marked(sentence))):
        return tuple(_printed(sentence, item) for item in of_each), of_each[0].quantity
    if _wants_amount(asked):
        chosen = _chosen_amounts(asked, sentence)
        if chosen:
            quantities = [item.quantity for item in chosen]
            return tuple(_printed(sentence, item) for item in chosen), quantities[0]
    if (
        asked.operation == "list"
        or re.search(r"\bwhat (?:are|were) (?:the|some)\b|哪些", question, re.IGNORECASE)
    ) and (items := _items(asked, sentence)):
        return items, None
    if re.match(r"^who\b", question, re.IGNORECASE) and (whom := _person(asked, sentence)):
        return (whom,), None
    if _HOW_OFTEN.search(question) and (often := _OFTEN.search(sentence)):
        return (often.group(),), None
    if _HOW_LONG.search(question) and (long := _DURATION.search(sentence)):
        return (long.group(),), None
    if re.match(r"^when\b", question, re.IGNORECASE) and (condition := _condition(sentence)):
        return (condition,), None
    if _WHERE.search(question) and (place := _PLACE.search(sentence)):
        return (place["place"],), None
    if re.search(r"\bsymbol\b", question, re.IGNORECASE) and (symbol := _SYMBOL.search(sentence)):
        return (symbol["symbol"],), None
    if re.match(r"^how\b", question, re.IGNORECASE) and (span := _how(asked, sentence)):
        return (span,), None
    return (_definition(asked, sentence),), None


def _wants_amount(asked: Asked) -> bool:
    if asked.operation in ("cause", "text", "list"):
        return bool(re.match(r"^how (?:much|many|long)", asked.question, re.IGNORECASE))
    if (
        asked.operation == "look_up"
        and asked.periods
        and re.match(r"^what (?:is|was|were|are)\b", asked.question, re.IGNORECASE)
    ):
        return True
    return bool(
        re.search(
            r"\bhow (?:much|many)\b|\b(?:amount|total|value|rate|price|number|percentage|percent|cost|costs|expenses?|revenues?|income|balance|fee|fees|profit|loss|sales|cash|margin|benefit|obligations?|assets|liabilities|period|term|provision|contributions?)\b|多少|金额|比例",
            asked.question, re.IGNORECASE,
        )
    )  # fmt: skip


def _cause(question: str, sentence: str) -> str:
    """To "why" the sentence, which says what moved as well; to "what caused" the cause alone."""
    cue = _CAUSE_CUE.search(sentence)
    if cue is None or re.match(r"^why\b", question, re.IGNORECASE):
        return _trimmed(sentence)
    if re.search(
        r"\b(?:due to|driven by|attributable to|attributed to|caused by|reasons?)\W*$",
        question,
        re.IGNORECASE,
    ):
        return _trimmed(sentence[cue.end() :])
    degree = re.search(r"\b(?:primarily|mainly|largely|principally|partly)\s+$", sentence[: cue.start()])
    return _trimmed(sentence[degree.start() if degree else cue.start() :])


_WHERE = re.compile(r"^where\b|\b(?:which|what) (?:stock )?(?:market|exchange)\b", re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:located|based|headquartered|incorporated|listed|traded|trading|quoted) (?:in|at|on) (?:the )?"
    r"(?P<place>[A-Z][\w.’'-]*(?:,? (?:of |and )?[A-Z][\w.’'-]*)*)"
)
_SYMBOL = re.compile(r"\bsymbols? [“\"‘'](?P<symbol>[A-Z][A-Z0-9.]*?)\.?[”\"’']")
_HOW_OFTEN = re.compile(r"\bhow (?:often|frequently)\b|\bfrequency\b|多久一次|频率", re.IGNORECASE)
_OFTEN = re.compile(
    r"\b(?:semi-?annual|bi-?annual|annual|quarterly|monthly|weekly|daily|yearly)(?:ly)?(?: basis)?\b"
    r"|\b(?:once|twice) (?:a|an|per|every|each) (?:\w+ )?(?:year|quarter|month|week|day)\b"
    r"|\b(?:each|every) (?:\w+ )?(?:years?|quarters?|months?|weeks?|days?)\b|每(?:年|季度|月|周|日|天)",
    re.IGNORECASE,
)
_HOW_LONG = re.compile(
    r"\bhow long\b|\b(?:what|which) duration\b|^over (?:what|how many)\b|^what (?:is|was|are|were) the \b.*\b(?:duration|term|period|life|lives)\b|多长时间|期限",
    re.IGNORECASE,
)
_COUNT = r"(?:\d[\d.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_DURATION = re.compile(
    rf"\b{_COUNT}(?:\s*(?:to|-|–|and|or)\s*{_COUNT})?[\s-]+(?:year|month|week|day)s?\b|\d+(?:至|-|到)?\d*(?:年|个月|天)",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:only )?(?:when|if|upon|once|after|until|as soon as)\b", re.IGNORECASE)


def _condition(sentence: str) -> str:
    """The clause that says on which condition; at the head of a sentence up to its comma."""
    match = _CONDITION.search(sentence)
    if match is None:
        return ""
    clause = sentence[match.start() :]
    return _trimmed(clause.split(",")[0] if not match.start() else clause)


_NAME = r"[A-Z][\w.'’-]+(?:\s+[A-Z][\w.'’-]*){1,3}"


_OFFICE = re.compile(
    r"\b(?:officer|president|director|company|committee|board|chair\w*|ethics|corporate|finance)\b",
    re.IGNORECASE,
)


def _person(asked: Asked, sentence: str) -> str:
    """Who did it ("by Ernst & Young"), or the name beside the office that is asked for."""
    if whom := _BY_WHOM.search(sentence):
        return whom[1]
    office = re.search(
        r"\bwho (?:is|was|are|were) (?:the |our )?(?:company['’]s |current |group['’]s )*(?P<office>[^?]+)",
        asked.question,
        re.IGNORECASE,
    )
    title = re.sub(r"\b(?:of|at|in|for|since|as) .*", "", office["office"]).strip() if office else ""
    at = sentence.lower().find(title.lower()) if title else -1
    if at < 0:
        return ""
    lead = sentence[max(0, at - 60) : at]
    beside = re.search(rf"(?P<name>{_NAME})\W*$", lead)
    before = [beside["name"]] if beside else re.findall(_NAME, lead)
    after = re.match(rf"[\s,:–-]*(?P<name>{_NAME})", sentence[at + len(title) :])
    named = [*reversed(before), *([after["name"]] if after else [])]
    name = next((each for each in named if not _OFFICE.search(each)), "")
    return re.sub(r"^(?:Mr|Ms|Mrs|Dr|Prof)\.?\s+", "", name)


_SHOWN = re.compile(r"(.{8,}?)\s+(?:was|were|is|are) as follows\s*:?\s*$", re.IGNORECASE)
_BY_WHOM = re.compile(r"\bby ((?:the |our )?[A-Z][\w.'’-]*(?:\s+(?:of(?: the)?\s+)?[A-Z][\w.'’-]*)*)")


def _definition(asked: Asked, sentence: str) -> str:
    subject = matching_terms(subject_words(asked.question))
    for match in _DEFINED.finditer(sentence):
        before = matching_terms(sentence[: match.start()])
        if subject and len(subject & before) >= 0.5 * len(subject):
            return _trimmed(sentence[match.end() :])
    if (shown := _SHOWN.match(sentence)) and re.search(r"\btables?\b", asked.question, re.IGNORECASE):
        return _trimmed(shown[1])
    copula = re.search(r"\b(?:is|are|was|were)\s+", sentence)
    if copula and re.match(r"^(?:what|when) (?:is|are|was|were)\b", asked.question, re.IGNORECASE):
        before = matching_terms(sentence[: copula.start()])
        if subject and len(subject & before) >= 0.5 * len(subject):
            return _trimmed(sentence[copula.end() :])
    return re.sub(r"^\(\d{1,2}\)\s+", "", sentence.strip())


def _how(asked: Asked, sentence: str) -> str:
    terms = matching_terms(subject_words(asked.question))
    for match in _HOW.finditer(sentence):
        before = matching_terms(sentence[: match.start()])
        if terms and len(terms & before) >= 0.5 * len(terms):
            start = match.end() if match["cue"].lower() in ("as", "based on") else match.start()
            return _trimmed(sentence[start:])
    return ""


def _trimmed(text: str) -> str:
    return re.sub(r"^\(?[\diI]{1,3}\)\s+", "", text.strip()).rstrip(".。;；,，").strip()


_BREAK = re.compile(
    r";\s*(?:and\s+|or\s+)?|,\s+(?:and\s+|or\s+)?|\s+and\s+|、|；|以及|\s*\((?:[ivx]+|[a-h]|\d)\)\s*",
    re.IGNORECASE,
)


_ANNOUNCING = (  # the surest first
    re.compile(r":\s+(?=\S)|："),
    re.compile(
        r"\b(?:includ(?:e|es|ed|ing)|comprised? (?:primarily |mainly )?of|consist(?:s|ed)? (?:primarily |mainly )?of|such as|as follows)\b\s*|包括",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?:are|were|following)\b\s*", re.IGNORECASE),
)


def _items(asked: Asked, sentence: str) -> tuple[str, ...]:
    """The items of an enumeration after the words that announce it."""
    start = 0
    cue = next(filter(None, (pattern.search(sentence) for pattern in _ANNOUNCING)), None)
    if cue:
        start = cue.end()
    body = sentence[start:]
    numbered = re.split(r"\s*\(?(?:[ivx]{1,4}|[a-h]|\d)\)\s+", body)
    if len(numbered) > 2:
        items = [re.sub(r"[,;]?\s*(?:and|or)?\s*$", "", piece) for piece in numbered[1:]]
    else:
        items = _BREAK.split(body if body.count(";") == 0 else body.replace(" and ", " and "))
        if body.count(";"):
            items = re.split(r";\s*(?:and\s+|or\s+)?", body)
    kept = [_trimmed(item) for item in items if item and _trimmed(item)]
    return tuple(kept) if 1 < len(kept) <= 12 else ()


# ---------------------------------------------------------------- dates and amounts


def _dates(asked: Asked, sentence: str) -> list[str]:
    found = [match.group() for match in _WHEN.finditer(sentence)]
    return [
        date for date in found if not any(year in date for year in (p[:4] for p in asked.periods))
    ] or found


_RATE = re.compile(r"\b(?:rates?|margins?|yields?|shares?|proportion)\b|率|占比", re.IGNORECASE)
_LEFT = 90  # characters before an amount that say what it is of


def _amounts(sentence: str) -> list[FoundQuantity]:
    taken = [(item.start, item.end) for item in find_periods(sentence)]
    return [
        item for item in find(sentence)
        if not any(start < item.end and end > item.start for start, end in taken) and not _is_reference(sentence, item)
    ]  # fmt: skip


def _marked(sentence: str) -> list[FoundQuantity]:
    """The amounts with a currency, unit or scale; all where none has one."""
    amounts = _amounts(sentence)
    return [item for item in amounts if not _is_plain(item.quantity)] or amounts


def _before(sentence: str, at: int) -> frozenset[str]:
    return matching_terms(sentence[max(0, at - _LEFT) : at])


def _is_plain(quantity: Quantity) -> bool:
    return not (quantity.unit or quantity.currency or quantity.scale)


def _is_reference(sentence: str, item: FoundQuantity) -> bool:
    """True for the number of a note, an item, a topic or a standard."""
    before = sentence[max(0, item.start - 14) : item.start]
    return bool(
        re.search(
            r"\b(?:notes?|items?|topics?|asc|asu|level|no\.?|step|part|section|tier|ifrs|ias|phase)\s*$",
            before,
            re.IGNORECASE,
        )
    )


def _chosen_amounts(asked: Asked, sentence: str) -> list[FoundQuantity]:
    amounts = _amounts(sentence)
    if asked.as_percentage or re.search(r"\brates?\b", asked.question, re.IGNORECASE):
        amounts = [item for item in amounts if item.quantity.unit in ("%", "pp")] or amounts
    else:
        marked = [item for item in amounts if not _is_plain(item.quantity) and item.quantity.unit != "%"]
        amounts = marked or amounts
    if len(amounts) < 2:
        return amounts
    terms = matching_terms(subject_words(asked.question))
    if of_each := _of_each_year(asked, sentence, amounts):
        return of_each
    nearest = max(amounts, key=lambda item: _nearness(sentence, item, terms))
    return [nearest]


def _of_each_year(asked: Asked, sentence: str, amounts: Sequence[FoundQuantity]) -> list[FoundQuantity]:
    """The amounts that the sentence tells for the asked years, in their order; none where it lacks one."""
    wanted = [period[:4] for period in asked.periods]
    fitting = [each for each in told(sentence, amounts) if wanted and each.amounts.keys() >= set(wanted)]
    if not fitting:
        return []
    terms = matching_terms(subject_words(asked.question))
    best = max(fitting, key=lambda each: len(terms & _before(sentence, each.start)))
    return [best.amounts[year] for year in wanted]


def _nearness(sentence: str, item: FoundQuantity, terms: frozenset[str]) -> float:
    left = matching_terms(sentence[max(0, item.start - 70) : item.start])
    right = matching_terms(sentence[item.end : item.end + 45])
    return len(terms & left) + 0.8 * len(terms & right)


def _printed(sentence: str, item: FoundQuantity) -> str:
    """The amount as printed with its unit, without what stands before the number ("more than")."""
    printed = sentence[item.start : item.end]
    match = re.search(r"(?:US\$|HK\$|USD|RMB|EUR|[$€£¥])?\s?\(?\d", printed)
    return printed[match.start() if match else 0 :].strip()
