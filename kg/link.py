"""Which things a question names: its word sequences that the graph knows, longest first from the left.

Knows nothing of scores. Names are recognised by print (a capital), by length (three words), or,
where the whole question is written small, by being what some passage is about.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from core.text import CJK, STOP_WORDS
from kg.graph import Graph, Mask
from kg.names import entity_id, entity_ids, name_of
from kg.tokens import read
from kg.typed import typed
from kg.words import Plain

_LONGEST = 10  # words of a name
_LONGEST_CJK = 20  # characters of a name
_IS_CJK = re.compile(f"[{CJK}]")
_QUESTION_WORDS = STOP_WORDS | {"name", "is", "was", "are", "were", "tell", "give", "list", "find", "compare"}


_LINKED_KINDS = frozenset({"ticker", "drug", "diagnosis", "laboratory"})


class Link(NamedTuple):
    """Characters [start, stop) of the question name an entity."""

    start: int
    stop: int
    name: str
    entity: int


def link(graph: Graph, question: str, visible: Mask) -> list[Link]:
    """The entities that the question names, in order of their place. A name that stands in no visible
    passage is not known.
    """
    spans = list(_spans(question))
    ids = entity_ids(graph.tenant, [(name, "name", "") for _, _, name in spans])
    known = graph.known(ids)
    small = question[1:].islower() and not _IS_CJK.search(question)
    found = [
        Link(start, stop, name, int(entity))
        for (start, stop, name), entity, there in zip(spans, ids.tolist(), known.tolist())
        if there and _is_named(question, start, stop, name, small=small)
    ]
    found += _codes(graph, question)
    found = _seen(graph, found, visible)
    return [one for one in _longest(found) if not _only_opens(graph, question, one)]


def _seen(graph: Graph, links: list[Link], visible: Mask) -> list[Link]:
    if not links:
        return links
    places = graph.places(np.array([one.entity for one in links], np.int64))
    owner, passage = graph.mentioning(places)
    about = graph.about(places)
    seen = {*owner[visible[passage]].tolist(), *about.owner[visible[about.passage]].tolist()}
    return [one for number, one in enumerate(links) if number in seen]


def _codes(graph: Graph, question: str) -> list[Link]:
    """Tickers, drugs and codes, which are known by their pattern."""
    marks = typed(question, 0, read(question).kinds)
    return [
        Link(start, stop, name, entity_id(graph.tenant, name, kind))
        for start, stop, name, kind, _ in marks
        if kind in _LINKED_KINDS
    ]


def _only_opens(graph: Graph, question: str, one: Link) -> bool:
    """True for a single word whose capital may be that of the sentence, and that nothing is about."""
    word = question[one.start : one.stop]
    if (
        question[: one.start].strip(" \"'“‘¿(")
        or " " in one.name
        or not word[1:].islower()
        or not word.isascii()
    ):
        return False
    return not graph.about(np.array([one.entity], np.int64)).whole.any()


def _spans(question: str) -> Iterator[tuple[int, int, str]]:
    """(start, stop, name) of every word sequence; of Chinese, every sequence of characters."""
    plain = Plain.of(question)
    words = list(zip(plain.words, plain.places()))
    for first, (word, (start, _)) in enumerate(words):
        if _IS_CJK.match(word):
            for left in range(len(word)):
                for right in range(left + 2, min(len(word), left + _LONGEST_CJK) + 1):
                    yield start + left, start + right, word[left:right]
        for _, (_, end) in words[first : first + _LONGEST]:
            yield start, end, name_of(question[start:end])


def _is_named(question: str, start: int, stop: int, name: str, *, small: bool) -> bool:
    words = name.split(" ")
    if _IS_CJK.search(name):
        return True
    if _QUESTION_WORDS.issuperset(words) or len(name) < 3 or name.isdigit():
        return False
    if len(words) >= 3:
        return True
    if small and len(words) > 1:
        return not any(word in STOP_WORDS for word in words)
    return any(question[start + at].isupper() for at in _word_starts(question[start:stop]))


def _word_starts(text: str) -> list[int]:
    return [match.start() for match in re.finditer(r"\w+", text)]


def _longest(links: list[Link]) -> list[Link]:
    kept: list[Link] = []
    for one in sorted(links, key=lambda one: (one.start, -one.stop)):
        if not kept or one.start >= kept[-1].stop:
            kept.append(one)
    return kept
