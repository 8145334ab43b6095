"""The field's words: names of statement lines and clinical tests that mean one thing.

The words themselves stand in `core/glossary/*.toml`, which a domain expert extends; no rule names one.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from core.glossary import load_glossary
from core.text import CJK, normalize, tokens


@lru_cache(maxsize=16384)
def concepts_of(text: str) -> frozenset[str]:
    """The ids of the entries that the text names; a longer name hides the shorter ones inside it."""
    names, pattern = _names()
    plain = _plain(text)
    return frozenset(names[match.group()] for match in pattern.finditer(plain))


@lru_cache(maxsize=16384)
def concept_of(label: str) -> str:
    """The id of the entry whose name the whole label is ("Net sales", not "Net sales by region"), or ""."""
    return _names()[0].get(_plain(label), "")


@lru_cache(maxsize=16384)
def matching_terms(text: str) -> frozenset[str]:
    """Stems and character pairs of the text, and "=id" for each thing that it names."""
    words = tokens(_STRAY.sub(" ", text))
    single = [word for word in words if len(word) > 1 or word.isalpha()]
    return frozenset(single) | {f"={concept}" for concept in concepts_of(text)}


_STRAY = re.compile(r"['’]s\b|['’]")


@cache
def _names() -> tuple[Mapping[str, str], re.Pattern[str]]:
    names = {_plain(name): term.name for term in load_glossary().terms.values() for name in term.names}
    longest_first = sorted(names, key=len, reverse=True)
    written = (
        re.escape(name) if re.match(f"[{CJK}]", name) else rf"(?<!\w){re.escape(name)}(?!\w)"
        for name in longest_first
    )
    return names, re.compile("|".join(written))


def _plain(text: str) -> str:
    """Lower case, without apostrophes; commas, dashes and white space as one space."""
    return " ".join(re.sub(r"[\s,_-]+", " ", re.sub(r"['’]", "", normalize(text).lower())).split())


@lru_cache(maxsize=4096)
def words_of(concept: str) -> frozenset[str]:
    """The stems of all names of an entry."""
    return frozenset(
        token for name, identity in _names()[0].items() if identity == concept for token in tokens(name)
    )


def units_of(concept: str) -> frozenset[str]:
    """The units that values of an entry are printed in; none where any will do."""
    return load_glossary().terms[concept].units


@cache
def units_of_tests() -> frozenset[str]:
    """The units of all entries that have some, without those in which goods are weighed and measured."""
    return frozenset().union(*(term.units for term in load_glossary().terms.values())) - _OF_GOODS


_OF_GOODS = frozenset({"kg", "g", "m", "cm", "s"})
