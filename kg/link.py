"""Which things a question names: its word sequences that the graph knows, longest first from the left.

Knows nothing of scores. Names are recognised by print (a capital), by length (three words), or,
where the whole question is written small, by being what some passage is about.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.text import CJK, STOP_WORDS, normalize
from kg.arrays import Ints
from kg.graph import Abouts, Graph, Mask, Places
from kg.names import entity_id, name_ids, name_of
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


class Named(NamedTuple):
    """What a question names, in order of its place, and where the graph has it. Owners are numbers of links."""

    links: list[Link]
    places: Places
    about: Abouts
    mentioning: tuple[NDArray[np.int64], Ints]

    @classmethod
    def of(cls, graph: Graph, links: list[Link]) -> "Named":
        places = graph.places(np.array([one.entity for one in links], np.int64))
        return cls(links, places, graph.about(places), graph.mentioning(places))

    def select(self, kept: list[int]) -> "Named":
        """Of some of the links, by ascending number."""
        if len(kept) == len(self.links):
            return self
        number = np.full(len(self.links), -1, np.int64)
        number[kept] = np.arange(len(kept))
        about_owner, owner = number[self.about.owner], number[self.mentioning[0]]
        about, mentioning = about_owner >= 0, owner >= 0
        return Named(
            [self.links[one] for one in kept],
            self.places.select(np.array(kept, np.int64)),
            Abouts(about_owner[about], self.about.passage[about], self.about.whole[about]),
            (owner[mentioning], self.mentioning[1][mentioning]),
        )

    def seen(self, visible: Mask) -> set[int]:
        """The links to what some visible passage mentions or is about."""
        owner, passage = self.mentioning
        return {*owner[visible[passage]].tolist(), *self.about.owner[visible[self.about.passage]].tolist()}


def link(graph: Graph, question: str, visible: Mask) -> Named:
    """The entities that the question names. A name that stands in no visible passage is not known."""
    spans = list(_spans(question))
    ids = name_ids(graph.tenant, [name for _, _, name in spans])
    small = question[1:].islower() and not _IS_CJK.search(question)
    found = [
        Link(*spans[number], int(ids[number]))
        for number in graph.known(ids).nonzero()[0].tolist()
        if _is_named(question, *spans[number], small=small)
    ]
    found += _codes(graph, question)
    found.sort(key=lambda one: (one.start, -one.stop))
    candidates = Named.of(graph, found)
    longest = _longest(found, sorted(candidates.seen(visible)))
    return candidates.select([one for one in longest if not _only_opens(candidates, question, one)])


def _codes(graph: Graph, question: str) -> list[Link]:
    """Tickers, drugs and codes, which are known by their pattern."""
    marks = typed(question, 0, read(question).kinds)
    return [
        Link(start, stop, name, entity_id(graph.tenant, name, kind))
        for start, stop, name, kind, _ in marks
        if kind in _LINKED_KINDS
    ]


def _only_opens(candidates: Named, question: str, number: int) -> bool:
    """True for a single word whose capital may be that of the sentence, and that nothing is about."""
    one = candidates.links[number]
    word = question[one.start : one.stop]
    if (
        question[: one.start].strip(" \"'“‘¿(")
        or " " in one.name
        or not word[1:].islower()
        or not word.isascii()
    ):
        return False
    about = candidates.about
    return not about.whole[about.owner == number].any()


def _spans(question: str) -> Iterator[tuple[int, int, str]]:
    """(start, stop, name) of every word sequence; of Chinese, every sequence of characters."""
    plain = Plain.of(question)
    words = list(zip(plain.words, plain.places()))
    plainly = _is_plain(question, plain)
    for first, (word, (start, _)) in enumerate(words):
        if _IS_CJK.match(word):
            for left in range(len(word)):
                for right in range(left + 2, min(len(word), left + _LONGEST_CJK) + 1):
                    yield start + left, start + right, word[left:right]
        name = ""
        for other, (_, end) in words[first : first + _LONGEST]:
            if plainly:
                name = f"{name} {other}" if name else other
            yield start, end, name if plainly else name_of(question[start:end])


def _is_plain(question: str, plain: Plain) -> bool:
    """Whether the name of some words of the question is these words with a space between them: nothing is
    to be normalised, no word ends but where letters end, and what is small does not hang on what follows.
    """
    if question.isascii():
        return True
    return (
        plain.text == question.lower()
        and normalize(question) == question
        and "Σ" not in question
        and not _IS_CJK.search(question)
    )


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


def _longest(links: list[Link], numbers: list[int]) -> list[int]:
    """Those of the numbers whose links are the longest from the left."""
    kept: list[int] = []
    for number in numbers:
        if not kept or links[number].start >= links[kept[-1]].stop:
            kept.append(number)
    return kept
