"""SENTENCE -> the amounts that it prints, and which of them is asked for.

An amount is no date and no number of a note. Nothing is computed: what several years' amounts give is `prose.py`'s work.
"""

import re
from collections.abc import Sequence

from core.period import find_periods
from core.quantity import FoundQuantity, Quantity, find
from rag.numbers.glossary import matching_terms
from rag.numbers.question import Asked, subject_words
from rag.numbers.told import told


def wants_amount(asked: Asked) -> bool:
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


def chosen_amounts(asked: Asked, sentence: str) -> list[FoundQuantity]:
    amounts = amounts_in(sentence)
    if asked.as_percentage or re.search(r"\brates?\b", asked.question, re.IGNORECASE):
        amounts = [item for item in amounts if item.quantity.unit in ("%", "pp")] or amounts
    else:
        marked = [item for item in amounts if not is_plain(item.quantity) and item.quantity.unit != "%"]
        amounts = marked or amounts
    if len(amounts) < 2:
        return amounts
    terms = matching_terms(subject_words(asked.question))
    if of_each := of_each_year(asked, sentence, amounts):
        return of_each
    nearest = max(amounts, key=lambda item: _nearness(sentence, item, terms))
    return [nearest]


def of_each_year(asked: Asked, sentence: str, amounts: Sequence[FoundQuantity]) -> list[FoundQuantity]:
    """The amounts that the sentence tells for the asked years, in their order; none where it lacks one."""
    wanted = [period[:4] for period in asked.periods]
    fitting = [each for each in told(sentence, amounts) if wanted and each.amounts.keys() >= set(wanted)]
    if not fitting:
        return []
    terms = matching_terms(subject_words(asked.question))
    best = max(fitting, key=lambda each: len(terms & terms_before(sentence, each.start)))
    return [best.amounts[year] for year in wanted]


def _nearness(sentence: str, item: FoundQuantity, terms: frozenset[str]) -> float:
    left = matching_terms(sentence[max(0, item.start - 70) : item.start])
    right = matching_terms(sentence[item.end : item.end + 45])
    return len(terms & left) + 0.8 * len(terms & right)


def amounts_in(sentence: str) -> list[FoundQuantity]:
    taken = [(item.start, item.end) for item in find_periods(sentence)]
    return [
        item for item in find(sentence)
        if not any(start < item.end and end > item.start for start, end in taken) and not _is_reference(sentence, item)
    ]  # fmt: skip


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


def marked(sentence: str) -> list[FoundQuantity]:
    """The amounts with a currency, unit or scale; all where none has one."""
    amounts = amounts_in(sentence)
    return [item for item in amounts if not is_plain(item.quantity)] or amounts


def is_plain(quantity: Quantity) -> bool:
    return not (quantity.unit or quantity.currency or quantity.scale)


_LEFT = 90  # characters before an amount that say what it is of


def terms_before(sentence: str, at: int) -> frozenset[str]:
    return matching_terms(sentence[max(0, at - _LEFT) : at])


def printed(sentence: str, item: FoundQuantity) -> str:
    """The amount as printed with its unit, without what stands before the number ("more than")."""
    printed = sentence[item.start : item.end]
    match = re.search(r"(?:US\$|HK\$|USD|RMB|EUR|[$€£¥])?\s?\(?\d", printed)
    return printed[match.start() if match else 0 :].strip()
