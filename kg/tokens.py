"""Sentences token by token: what stands between two spaces is looked at once, however often it comes.

A library repeats itself: of sixty tokens in a passage a handful are new. What a token says (its words, their
numbers, what it may be a part of) is made when it is met, and a sentence puts together what its tokens say.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

from kg.spans import Places
from kg.typed import is_plain, kinds_of, kinds_of_plain
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


def terms_of(text: str) -> bytes:
    """The terms of a text, as `read` gives them."""
    return b"".join([token.terms for token in _met_or_learned(lowered(text).split())])


def read_sentences(text: str, places: Places) -> list[Token]:
    """As `read`, of each sentence of a text, characters [start, stop)."""
    low = lowered(text)
    tokens = [low[start:stop].split() for start, stop in places]
    met = _met_or_learned(list(chain.from_iterable(tokens)))
    if not met:
        return [_NOTHING] * len(places)
    running, terms, kinds = zip(*met)
    told = any(kinds)
    ends = list(accumulate(map(len, tokens)))
    return [
        Token(
            "".join(running[first:end]),
            b"".join(terms[first:end]),
            _NO_KIND.union(*kinds[first:end]) if told else _NO_KIND,
        )
        for first, end in zip([0, *ends], ends)
    ]


def running(sentences: Iterable[Token]) -> str:
    """A line for each sentence, as `NameMatcher.find_in_lines` reads them."""
    return "\n".join([one.running for one in sentences])


_BESIDE_WORDS = ".,;:!?()\"'"
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
    plain: dict[str, str] = {}  # a word with a comma behind it says what the word says
    others: dict[str, list[str]] = {}
    for token in tokens:
        if token not in known:
            word = token.strip(_BESIDE_WORDS)
            if not (word.isascii() and word.isalpha() and is_plain(word)):
                others[token] = words_of(token)
            elif word in known:
                known[token] = known[word]
                _met.characters += len(token)
            else:
                plain[token] = word
    terms = learn(chain(plain.values(), chain.from_iterable(others.values())))
    for token, word in plain.items():
        known[token] = Token(f" {word} ", terms[word], kinds_of_plain(word))
    for token, own in others.items():
        running = f" {'  '.join(own)} " if own else ""
        known[token] = Token(running, b"".join(map(terms.__getitem__, own)), kinds_of(token, own))
    _met.characters += sum(map(len, plain)) + sum(map(len, others))
    return known
