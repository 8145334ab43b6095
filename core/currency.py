"""WHOSE SIGN IT IS: "¥" is the yuan or the yen, "kr" the crown of four countries; words beside it tell.

A sign that nothing tells of stays a sign: "¥" in place of an ISO 4217 code says that it is one of both, and nothing
converts or adds it to either. What is not covered: "$", which is the US dollar unless a letter stands before it.
"""

import re

from core.text import language_of

# What words say about a shared sign. "元" after another country's name is that country's.
_TELLING = {
    "¥": {
        "JPY": re.compile(
            r"\b(?:JPY|yen|Japan(?:ese)?)\b|JP¥|円|日元|日圆|日本|[\u3041-\u30fa]", re.IGNORECASE
        ),
        "CNY": re.compile(
            r"\b(?:CNY|RMB|yuan|renminbi|China|Chinese)\b|CN¥|人民[币幣]|中国|(?<![日美欧港澳加韩台公单多])元(?![年旦素])",
            re.IGNORECASE,
        ),
    },
    "kr": {
        "SEK": re.compile(r"\b(?:SEK|Sweden|Swedish|Sverige|svensk\w*)\b", re.IGNORECASE),
        "NOK": re.compile(r"\b(?:NOK|Norway|Norwegian|Norge|norsk\w*)\b", re.IGNORECASE),
        "DKK": re.compile(r"\b(?:DKK|Denmark|Danish|Danmark|dansk\w*)\b", re.IGNORECASE),
        "ISK": re.compile(r"\b(?:ISK|Iceland(?:ic)?|Ísland)\b", re.IGNORECASE),
    },
}
YUAN_OR_YEN = "¥"


def settled(unit: str, *texts: object) -> str:
    """The currency of a sign that several share: the one that the first telling text tells of, else "".

    Other units are returned as they are. A text that tells of two of its currencies settles nothing. The
    words of a later text (its `str`) are looked at only where the ones before tell nothing.
    """
    if unit not in _TELLING:
        return unit
    for text in map(str, texts):
        told = [code for code, words in _TELLING[unit].items() if words.search(text)]
        if told:
            return told[0] if len(told) == 1 else ""
    return ""


def of_sign(currency: str, *texts: str) -> str:
    """As `settled`, the nearest text first; a "¥" of which no word tells is the yuan in Chinese text, else stays "¥"."""
    if currency != YUAN_OR_YEN:
        return currency
    told = settled(currency, *texts)
    if told:
        return told
    unsaid = not any(words.search(text) for text in texts for words in _TELLING[currency].values())
    return "CNY" if unsaid and any(language_of(text) == "zh" for text in texts) else YUAN_OR_YEN
