"""The field's words: names of statement lines and clinical tests that mean one thing.

The words themselves stand in `core/glossary/*.toml`, which a domain expert extends; no rule names one.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from core.glossary import load_glossary
from core.text import CJK, label_terms, normalize, telling_term, tokens


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
    return frozenset(label_terms(text)) | {f"={concept}" for concept in concepts_of(text)}


@cache
def _names() -> tuple[Mapping[str, str], re.Pattern[str]]:
    names = {_plain(name): term.name for term in load_glossary().terms.values() for name in term.names}
    chinese = [name for name in names if re.match(f"[{CJK}]", name)]
    others = names.keys() - chinese
    return names, re.compile(rf"(?<!\w)(?:{_any_of(others)})(?!\w)|(?:{_any_of(chinese)})")


def _any_of(names: Iterable[str]) -> str:
    """A pattern for the longest of the names that stands at a place. Their shared beginnings are tried once: some 40 times as
    fast as one alternative for each name.
    """
    tree: dict[str, Any] = {}
    for name in names:
        node = tree
        for char in name:
            node = node.setdefault(char, {})
        node[_ENDS] = {}
    return _written(tree) or "(?!)"


_ENDS = ""


def _written(node: Mapping[str, Any]) -> str:
    following = [re.escape(char) + _written(node[char]) for char in sorted(node) if char != _ENDS]
    if not following:
        return ""
    return f"(?:{'|'.join(following)}){'?' if _ENDS in node else ''}"


def _plain(text: str) -> str:
    """Lower case, without apostrophes; commas, dashes and white space as one space."""
    return " ".join(re.sub(r"[\s,_-]+", " ", re.sub(r"['’]", "", normalize(text).lower())).split())


@lru_cache(maxsize=4096)
def words_of(concept: str) -> frozenset[str]:
    """The stems of all names of an entry."""
    return frozenset(
        token for name, identity in _names()[0].items() if identity == concept for token in tokens(name)
    )


@lru_cache(maxsize=4096)
def telling_terms_of(concept: str) -> frozenset[str]:
    """Those (`core.text.telling_term`) of all names of an entry."""
    return frozenset(map(telling_term, load_glossary().terms[concept].names))


def units_of(concept: str) -> frozenset[str]:
    """The units that values of an entry are printed in; none where any will do."""
    return load_glossary().terms[concept].units


@cache
def units_of_tests() -> frozenset[str]:
    """The units of all entries that have some, without those in which goods are weighed and measured."""
    return frozenset().union(*(term.units for term in load_glossary().terms.values())) - _OF_GOODS


_OF_GOODS = frozenset({"kg", "g", "m", "cm", "s"})
