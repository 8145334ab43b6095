"""How much of a question stands in a text: terms in matching form, weighted by how rare they are.

Works on words alone, English and Chinese; meaning beyond shared stems, a few groups of words for
movement, and shared beginnings is the dense encoder's work.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from core.text import tokens
from rag.movement import MOVES, canonical, moves_of

# Stems that many questions carry and few answers repeat.
_LIGHT = frozenset(
    [
        *(
            "amount",
            "name",
            "call",
            "use",
            "kind",
            "type",
            "have",
            "make",
            "take",
            "mani",
            "much",
            "happen",
            "level",
            "valu",
            "given",
            "patient",
        ),
        *(
            "main",
            "import",
            "relat",
            "regard",
            "主要",
            "名字",
            "叫做",
            "称为",
            "属于",
            "进行",
            "使用",
            "具体",
            "情况",
        ),
    ]
)
_BEGINNING = 5


@lru_cache(maxsize=8192)
def terms_of(text: str) -> frozenset[str]:
    """All terms of a text, movements as signs, with the beginnings of long words ("econo~")."""
    terms = frozenset(tokens(text))
    moves = moves_of(text, terms)
    found = {canonical(term, moves) for term in terms}
    if "↓" in found or "↑" in found:
        found.add("↕")
    return frozenset(found | {_beginning(term) for term in found if _is_long(term)})


def _is_long(term: str) -> bool:
    return len(term) > _BEGINNING and term.isascii() and term.isalpha()


def is_beginning(term: str) -> bool:
    """True for the beginning of a word among the terms of a text."""
    return term.endswith("~")


def _beginning(term: str) -> str:
    return f"{term[:_BEGINNING]}~"


def weights(terms: Collection[str], passages: Sequence[Collection[str]], said: str = "") -> dict[str, float]:
    """The weight of each term: its inverse frequency among `passages` (as `terms_of` gives them). `said`: what the terms are of."""
    count = len(passages)
    moves = moves_of(said, terms)
    weighted: dict[str, float] = {}
    for term in (canonical(term, moves) for term in terms):
        having = sum(1 for passage in passages if term in passage)
        rarity = math.log(1 + (count + 1) / (having + 0.5))
        weighted[term] = rarity * (0.4 if term in _LIGHT or term in MOVES else 1.0)
    return weighted


def held(term: str, text: Collection[str]) -> float:
    """1 for the term itself, 0.6 for a word that begins alike, 0 for neither."""
    if term in text:
        return 1.0
    return 0.6 if _is_long(term) and _beginning(term) in text else 0.0


def coverage(
    weighted: Mapping[str, float], text: Collection[str], *around: tuple[Collection[str], float]
) -> float:
    """The share of the weight that stands in the text, from 0 to 1.

    `around` gives texts that it rests on (its heading, its passage), each with the part that counts.
    """
    total = sum(weighted.values())
    if not total:
        return 0.0
    found = 0.0
    for term, weight in weighted.items():
        best = held(term, text)
        for context, share in around:
            if best < share:
                best = max(best, share * held(term, context))
        found += weight * best
    return found / total
