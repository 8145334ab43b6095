"""How much of a question stands in a text: terms in matching form, weighted by how rare they are.

Works on words alone, English and Chinese; meaning beyond shared stems, a few groups of words for
movement, and shared beginnings is the dense encoder's work.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from core.text import tokens

# Words that say in which direction something moved count as one: "fell" answers "why the decline".
MOVES = {
    "↓": "fall fell fallen declin decreas drop lower reduc reduct shrink shrank contract down slump weaken deterior "
    "下降 减少 降低 下滑 回落 走低 下跌 缩减",
    "↑": "rise rose risen increas grow grew grown growth higher improv gain up expand climb 上升 增长 增加 提高 提升 上涨 扩大",
    "↕": "chang move movement vari variat fluctuat develop 变化 变动 波动",
}
_MOVE = {word: sign for sign, words in MOVES.items() for word in words.split()}

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
            "made",
            "make",
            "take",
            "mani",
            "much",
            "happen",
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


def canonical(term: str) -> str:
    """The term, or the sign of the movement that it names."""
    return _MOVE.get(term, term)


@lru_cache(maxsize=8192)
def terms_of(text: str) -> frozenset[str]:
    """All terms of a text, movements as signs, with the beginnings of long words ("econo~")."""
    found = {canonical(term) for term in tokens(text)}
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


def weights(terms: Iterable[str], passages: Sequence[Collection[str]]) -> dict[str, float]:
    """The weight of each term: its inverse frequency among `passages` (as `terms_of` gives them)."""
    count = len(passages)
    weighted: dict[str, float] = {}
    for term in map(canonical, terms):
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
