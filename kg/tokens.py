"""Sentences token by token: what stands between two spaces is looked at once, however often it comes.

A library repeats itself: of sixty tokens in a passage a handful are new. What a token says (its words, their
numbers, what it may be a part of) is made when it is met, and a sentence puts together what its tokens say.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

from kg.spans import Places
from kg.typed import kinds_of
from kg.words import learn, lowered, words_of

_REMEMBERED = 4_000_000  # characters of distinct tokens; about 120 MB


class Token(NamedTuple):
    """`running`: its words as `NameMatcher.find` reads them; `terms`: their numbers, uint32, without stop words;
    `kinds`: of which kinds a typed entity may be because of it.
    """

    running: str
    terms: bytes
    kinds: frozenset[str]


class _Met:
    """The tokens that were met. Begun anew when they are many; who reads them keeps the old."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.characters = 0


_met = _Met()


def read(text: str) -> Token:
    """What a text says: its tokens as one."""
    return read_sentences(text, [(0, len(text))])[0]


def read_sentences(text: str, places: Places) -> list[Token]:
    """As `read`, of each sentence of a text, characters [start, stop)."""
    low = lowered(text)
    tokens = [low[start:stop].split() for start, stop in places]
    met = _met_or_learned(list(chain.from_iterable(tokens)))
    if not met:
        return [_NOTHING] * len(places)
    running, terms, kinds = zip(*met)
    ends = list(accumulate(map(len, tokens)))
    return [
        Token("".join(running[first:end]), b"".join(terms[first:end]), _NO_KIND.union(*kinds[first:end]))
        for first, end in zip([0, *ends], ends)
    ]


def running(sentences: Iterable[Token]) -> str:
    """A line for each sentence, as `NameMatcher.find_in_lines` reads them."""
    return "\n".join([one.running for one in sentences])


_NO_KIND = frozenset[str]()
_NOTHING = Token("", b"", _NO_KIND)


def _met_or_learned(tokens: Sequence[str]) -> list[Token]:
    try:
        return list(map(_met.tokens.__getitem__, tokens))
    except KeyError:
        return list(map(_learned(tokens).__getitem__, tokens))


def _learned(tokens: Iterable[str]) -> Mapping[str, Token]:
    """Keeps those of the tokens that were not met before; gives all of them."""
    if _met.characters > _REMEMBERED:
        _met.tokens, _met.characters = {}, 0
    known = _met.tokens
    words = {
        token: [token] if token.isascii() and token.isalpha() else words_of(token)
        for token in tokens
        if token not in known
    }
    terms = learn(chain.from_iterable(words.values()))
    for token, own in words.items():
        if len(own) == 1:
            running, numbers = f" {own[0]} ", terms[own[0]]
        else:
            running, numbers = f" {'  '.join(own)} " if own else "", b"".join(map(terms.__getitem__, own))
        known[token] = Token(running, numbers, kinds_of(token, own))
    _met.characters += sum(map(len, words))
    return known
