"""WORDS -> ONE TERM FOR ONE MEANING: "fell", "decline" and "下降" are "↓"; so are rises, "↑", and changes of any kind, "↕"; a word that the
glossary knows in several writings is one of them ("hemoglobin" is "haemoglobin", "paid" is "pay").

A word that moves in some texts and is a thing in others ("sales contracted", "the contract was signed") counts by how it stands there.
English and Chinese. What is not covered: the same ambiguity in words that are not listed.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from types import MappingProxyType

from core.glossary import load_glossary
from core.text import stem

# Words that say in which direction something moved count as one: "fell" answers "why the decline".
MOVES = {
    "↓": "fell fallen declin decreas reduc reduct shrink shrank shrunk slump weaken deterior "
    "下降 减少 降低 下滑 回落 走低 下跌 缩减",
    "↑": "risen increas grow grew grown growth improv expand 上升 增长 增加 提高 提升 上涨 扩大",
    "↕": "chang fluctuat 变化 变动 波动",
}
_MOVE = {word: sign for sign, words in MOVES.items() for word in words.split()}

# Words that move in some texts and are things in others, and how they stand where they move: sales contract, and a contract is signed.
_BY = r"(?:\s+\w+ly)?\s+(?:by|from|to)\b"
_AMOUNT = r"\s+(?:by\s+|to\s+|from\s+)?[$€£¥]?\s?\d"
_WENT = r"\b(?:was|were|is|are|been|went|goes?|gone|going|came|trend\w+|edged|moved|moving)\s+(?:\w+\s+)?"
_ASKED = r"\b(?:did|does|do|will|would|has|have|had)\b[^.?!]{1,60}?"  # "did sales ...", with the verb behind
_THING = r"(?<!\bthe )(?<!\bthis )(?<!\ba )(?<!\bof )(?<!\bin )(?<!\blast )"
_FACING: Mapping[str, tuple[str, str]] = {
    "fall": ("↓", rf"\bfalling\b|\bfalls?(?:{_BY}|{_AMOUNT}|\s+(?:in|of)\s+(?!\d|the (?:eld|old))\w+|\s+of\s+[$€£¥]?[\d.,]+\s*(?:%|per|point|basis|[mb]illion))|{_ASKED}(?<!\bthe )(?<!\bin )\bfall\b"
             r"|(?<!\bin )(?<!\bin the )\bthe (?:\w+ )?fall\b(?!\s+(?:risk|prevention|injur|season|semester|of \d))"),
    "drop": ("↓", rf"\bdropp(?:ed|ing)\b(?!\s+out)|\bdrops?(?:{_BY}|{_AMOUNT}|\s+in\b)|{_ASKED}(?<!\beye )\bdrop\b(?!\s*-?\s*out)"),
    "contract": ("↓", rf"\bcontract(?:ed|ing)?(?:{_BY}|{_AMOUNT})|\bcontracting\b(?!\s+(?:part|out|with|for|stat))"
                 r"|(?<!\bthe )(?<!\bof )\bcontracted\b(?!\s+(?:with|out|for|to|a|an|the|work|serv|part))"
                 r"|\b(?:did|does|will|would)\s+(?!\w*\s*(?:sign|end|win))(?:\w+\s+){1,3}?(?<!\bthe )(?<!\ba )(?<!\bthis )contract\b(?=\s*(?:\?|in\b|by\b|from\b|over\b|during\b))"),
    "lower": ("↓", r"\blower(?:ed|ing)\b|\b(?:was|were|is|are|be|been)\s+(?:\w+\s+)?lower\b|\blower\b(?!\s+(?:[\w-]+\s+)?"
              r"(?:limb|extremit|back|leg|lobe|lip|jaw|abdom|respirat|tract|house|court|bound|limit|end|part|half|left|right|level|floor|deck"
              r"|case|class|middle|motor|urinary|quadrant|face|arm|plant|vertebr|animal|school)\w*)"),
    "down": ("↓", rf"{_WENT}down\b(?!\s+(?:payment|to the))|\bdown(?:\s+by)?{_AMOUNT}|\bdown from\b|\bslow\w* down\b"),
    "rise": ("↑", r"\brise\b(?!\s+to\s+(?:an?|the|many|new)\b)|\brises\b|\brising\b"),
    "rose": ("↑", rf"{_THING}\brose\b(?!\s+(?:garden|bush|oil|water|petal|hip|wood|bengal))"),
    "climb": ("↑", rf"\bclimb(?:ed|s|ing)?(?:{_BY}|{_AMOUNT})|{_ASKED}\bclimb\b"),
    "higher": ("↑", r"\bhigher\b(?!\s+(?:educ|school|court|order|plant|vertebr|animal|degree)\w*)"),
    "gain": ("↑", rf"\bgain(?:ed|ing)\b|\bgains?(?:{_BY}|{_AMOUNT}|\s+in\b)|\bweight gain\b|{_ASKED}\bgain\b(?=\s*(?:\?|in\b))"),
    "up": ("↑", rf"{_WENT}up\b(?!\s+(?:to|with|for)\b)|\bup(?:\s+by)?\s+[$€£¥]?\s?\d|\bup from\b"),
    "develop": ("↕", r"\bhow (?:did|do|does|has|have|had)\b[^.?!]*\bdevelop(?:ed)?\b(?=\s*(?:\?|$|in\b|over\b|from\b|since\b|between\b|during\b|after\b|compared\b))"),
    "move": ("↕", rf"{_ASKED}\bmoved?\b(?=\s*(?:\?|$|in\b|over\b|between\b|during\b))|\bmov(?:ed|es)(?:{_AMOUNT})"),
    "movement": ("↕", r"\bmovements? (?:in|of|during|between|on)\b"),
    "vari": ("↕", r"\b(?:vary|varies|varied)\b"),
    "variat": ("↕", rf"\bvariations? (?:in|of|between|from|over)\b(?!\s+(?:the )?(?:gene|sequence|dna|allele)\w*)|{_ASKED}\bvariation\b"),
}  # fmt: skip
_WHERE_IT_MOVES = {
    stem: (sign, re.compile(pattern, re.IGNORECASE)) for stem, (sign, pattern) in _FACING.items()
}


def moves_of(text: str, terms: Collection[str]) -> dict[str, str]:
    """Of the terms of a text those that say in it that something moved, with the sign: "contract" of "sales contracted"."""
    return {
        term: sign
        for term in _WHERE_IT_MOVES.keys() & terms
        for sign, pattern in [_WHERE_IT_MOVES[term]]
        if pattern.search(text)
    }


def canonical(term: str, moves: Mapping[str, str] = MappingProxyType({})) -> str:
    """The term in its first writing, or the sign of the movement that it names. `moves`: of the text that it is of."""
    return moves.get(term) or _MOVE.get(term) or _writings().get(term, term)


def one_writing(terms: Iterable[str]) -> frozenset[str]:
    """Each term in its first writing; those of movement stay as they are."""
    return frozenset(_writings().get(term, term) for term in terms)


@cache
def _writings() -> Mapping[str, str]:
    """The stem of the first writing by the stems of the others."""
    words = load_glossary().words.values()
    return {stem(writing): stem(word.name) for word in words for writing in word.writings}
