"""SENTENCE -> the words of it that answer: a cause, a definition, a person, a place, a time, a list; or an amount of it.

Works on one sentence, by the form of the question and the cues of the sentence. Which sentence is `text.py`'s finding, and
which amount is `printed.py`'s.
"""

import re

from core.quantity import Quantity
from rag.numbers.glossary import matching_terms
from rag.numbers.printed import chosen_amounts, marked, of_each_year, printed, wants_amount
from rag.numbers.question import Asked, subject_words


def answer_in(asked: Asked, sentence: str) -> tuple[tuple[str, ...], Quantity | None]:
    question = asked.question
    if asked.operation == "cause":
        return (_cause(question, sentence),), None
    if re.match(
        r"^(?:when|in which year|which year|what year|from when)\b|何时|什么时候", question, re.IGNORECASE
    ) and (dates := _dates(asked, sentence)):
        return (dates[0],), None
    several = asked.respectively and len(asked.periods) > 1
    if several and (of_each := of_each_year(asked, sentence, marked(sentence))):
        return tuple(printed(sentence, item) for item in of_each), of_each[0].quantity
    if wants_amount(asked):
        chosen = chosen_amounts(asked, sentence)
        if chosen:
            quantities = [item.quantity for item in chosen]
            return tuple(printed(sentence, item) for item in chosen), quantities[0]
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


CAUSE_CUE = re.compile(
    r"\b(?:due (?:primarily |mainly |largely |in part )?to|because|as a result of|attributable to|attributed to|driven by|reflecting|reflects"
    r"|reflected|resulting from|resulted from|caused by|result of|offset by)\s+|由于|因为|归因于|得益于|受",
    re.IGNORECASE,
)


def _cause(question: str, sentence: str) -> str:
    """To "why" the sentence, which says what moved as well; to "what caused" the cause alone."""
    cue = CAUSE_CUE.search(sentence)
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


_WHEN = re.compile(
    r"\b(?:(?:\d{1,2}\s+)?(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+(?:\d{1,2},?\s+)?(?:19|20)\d\d|(?:the )?(?:first|second|third|fourth) quarter of (?:fiscal )?(?:19|20)\d\d|(?:fiscal )?(?:19|20)\d\d)\b|(?:19|20)\d\d年(?:\d{1,2}月(?:\d{1,2}日)?)?",
    re.IGNORECASE,
)


def _dates(asked: Asked, sentence: str) -> list[str]:
    found = [match.group() for match in _WHEN.finditer(sentence)]
    return [
        date for date in found if not any(year in date for year in (p[:4] for p in asked.periods))
    ] or found


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


_NAME = r"[A-Z][\w.'’-]+(?:\s+[A-Z][\w.'’-]*){1,3}"
_OFFICE = re.compile(
    r"\b(?:officer|president|director|company|committee|board|chair\w*|ethics|corporate|finance)\b",
    re.IGNORECASE,
)
_BY_WHOM = re.compile(r"\bby ((?:the |our )?[A-Z][\w.'’-]*(?:\s+(?:of(?: the)?\s+)?[A-Z][\w.'’-]*)*)")


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


_WHERE = re.compile(r"^where\b|\b(?:which|what) (?:stock )?(?:market|exchange)\b", re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:located|based|headquartered|incorporated|listed|traded|trading|quoted) (?:in|at|on) (?:the )?"
    r"(?P<place>[A-Z][\w.’'-]*(?:,? (?:of |and )?[A-Z][\w.’'-]*)*)"
)
_SYMBOL = re.compile(r"\bsymbols? [“\"‘'](?P<symbol>[A-Z][A-Z0-9.]*?)\.?[”\"’']")
_HOW = re.compile(r"\b(?P<cue>by|using|based on|through|in accordance with|on an?|as|at)\s+", re.IGNORECASE)


def _how(asked: Asked, sentence: str) -> str:
    match = _behind_subject(_HOW, _subject(asked), sentence)
    if match is None:
        return ""
    return _trimmed(sentence[match.end() if match["cue"].lower() in ("as", "based on") else match.start() :])


_DEFINED = re.compile(
    r"\b(?:is|are|was|were)?\s*(?:defined as|consists? (?:primarily |principally |mainly )?of|consisted (?:primarily |principally )?of|comprised of|composed of|comprises?|includes?|included|excludes?|excluded|allows?|allowed|refers? to|based on|determined (?:by|using|based on|on)|calculated (?:as|by|using|based on)|represents?|represented|relates? (?:primarily )?to|related (?:primarily )?to|means|computed (?:by|using)|measured (?:by|using|at))\b\s*",
    re.IGNORECASE,
)
_SHOWN = re.compile(r"(.{8,}?)\s+(?:was|were|is|are) as follows\s*:?\s*$", re.IGNORECASE)


def _definition(asked: Asked, sentence: str) -> str:
    subject = _subject(asked)
    if match := _behind_subject(_DEFINED, subject, sentence):
        return _trimmed(sentence[match.end() :])
    if (shown := _SHOWN.match(sentence)) and re.search(r"\btables?\b", asked.question, re.IGNORECASE):
        return _trimmed(shown[1])
    copula = re.search(r"\b(?:is|are|was|were)\s+", sentence)
    asks_what = re.match(r"^(?:what|when) (?:is|are|was|were)\b", asked.question, re.IGNORECASE)
    if copula and asks_what and _holds(sentence[: copula.start()], subject):
        return _trimmed(sentence[copula.end() :])
    return re.sub(r"^\(\d{1,2}\)\s+", "", sentence.strip())


def _subject(asked: Asked) -> frozenset[str]:
    return matching_terms(subject_words(asked.question))


def _behind_subject(pattern: re.Pattern[str], subject: frozenset[str], sentence: str) -> re.Match[str] | None:
    """The first match with what is asked about before it."""
    return next(
        (match for match in pattern.finditer(sentence) if _holds(sentence[: match.start()], subject)), None
    )


def _holds(text: str, subject: frozenset[str]) -> bool:
    """Half of the words of what is asked about, at least."""
    return bool(subject) and len(subject & matching_terms(text)) >= 0.5 * len(subject)


def _trimmed(text: str) -> str:
    return re.sub(r"^\(?[\diI]{1,3}\)\s+", "", text.strip()).rstrip(".。;；,，").strip()
