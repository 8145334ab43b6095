"""Words as the graph counts them: 32-bit numbers, so that a sentence is an array.

The words are those of `core.text.tokens` (stemmed, no stop words, Chinese as characters and pairs);
what differs is speed: each distinct word is stemmed once. Knows nothing of names.
"""

import hashlib
import re
import zlib
from array import array
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from core.text import CJK, STOP_WORDS, normalize, stem, tokens

# A Chinese run is one word, apart from Latin letters even where no space is printed.
_WORD = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_WORD_ASCII = re.compile(r"[^\W_]+")
_REMEMBERED = 400_000  # distinct words; about 60 MB


class Plain(NamedTuple):
    """A text in lower case, no character moved, and its words."""

    text: str
    words: list[str]

    @classmethod
    def of(cls, text: str) -> "Plain":
        if text.isascii():
            low = text.lower()
            return cls(low, _WORD_ASCII.findall(low))
        low = normalize(text.lower())
        if len(low) != len(text):
            low = "".join(one if len(one := normalize(char.lower())) == 1 else char for char in text)
        return cls(low, _WORD.findall(low))

    def running(self) -> str:
        """The words two spaces apart, one before and behind: neighbours share no space."""
        return f" {'  '.join(self.words)} "

    def places(self) -> list[tuple[int, int]]:
        """Where the words stand."""
        return [match.span() for match in _WORD.finditer(self.text)]


def words_of(name: str) -> list[str]:
    """The words of a normalised name."""
    return _WORD.findall(name)


def numbers_of(words: Iterable[str]) -> bytes:
    """The terms of these lower-case words, in order: uint32, little endian."""
    return array("I", chain.from_iterable(map(_numbers.__getitem__, words))).tobytes()


def numbers_of_word(word: str) -> tuple[int, ...]:
    """The terms of one lower-case word: none for a stop word, several for a Chinese run."""
    return _numbers[word]


def hash64(text: str) -> int:
    """63 bits of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


class _Numbers(dict[str, tuple[int, ...]]):
    def __missing__(self, word: str) -> tuple[int, ...]:
        if len(self) > _REMEMBERED:
            self.clear()
        if word.isascii() and word.isalnum():  # what `tokens` would say, without its generality
            found = [] if word in STOP_WORDS else [stem(word)]
        else:
            found = tokens(word)
        numbers = self[word] = tuple(zlib.crc32(token.encode()) for token in found)
        return numbers


_numbers = _Numbers()
