"""Words as the graph counts them: 32-bit numbers, so that a sentence is an array.

The words are those of `core.text.tokens` (stemmed, no stop words, Chinese as characters and pairs);
what differs is speed: each distinct word is stemmed once. Knows nothing of names.
"""

import hashlib
import re
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.text import CJK, STOP_WORDS, normalize, stems, tokens

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
        low = lowered(text)
        return cls(low, words_of(low))

    def running(self) -> str:
        """The words two spaces apart, one before and behind: neighbours share no space."""
        return f" {'  '.join(self.words)} "

    def places(self) -> list[tuple[int, int]]:
        """Where the words stand."""
        return [match.span() for match in _WORD.finditer(self.text)]


def lowered(text: str) -> str:
    """The text in lower case and normalised, no character moved."""
    if text.isascii():
        return text.lower()
    low = normalize(text.lower())
    if len(low) == len(text):
        return low
    return "".join(one if len(one := normalize(char.lower())) == 1 else char for char in text)


def words_of(low: str) -> list[str]:
    """The words of a lower-case text."""
    return (_WORD_ASCII if low.isascii() else _WORD).findall(low)


def numbers_of(words: Sequence[str]) -> bytes:
    """The terms of these lower-case words, in order: uint32, little endian."""
    try:
        return b"".join(map(_met.terms.__getitem__, words))
    except KeyError:
        return b"".join(map(learn(words).__getitem__, words))


def hash64(text: str) -> int:
    """63 bits of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def hashes64(texts: Iterable[str]) -> NDArray[np.int64]:
    """`hash64` of each."""
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return (np.frombuffer(b"".join(digests), "<u8") >> np.uint64(1)).astype(np.int64)


class _Met:
    """The terms of each word that was met. Begun anew when they are many; who reads them keeps the old."""

    def __init__(self) -> None:
        self.terms: dict[str, bytes] = {}


_met = _Met()


def learn(words: Iterable[str]) -> Mapping[str, bytes]:
    """Keeps the numbers of those words that were not met before, which is cheaper together than one by one;
    gives those of all of them.
    """
    wanted = set(words)
    if len(_met.terms) > _REMEMBERED:
        _met.terms = {}
    known = _met.terms
    new = wanted.difference(known)
    if not new:
        return known
    plain = [word for word in new if word.isascii() and word.isalnum() and word not in STOP_WORDS]
    # What `tokens` would say of these, without its generality.
    stemmed = dict(zip(plain, stems(plain)))
    for word in new:
        one = stemmed.get(word)
        terms = [one] if one is not None else tokens(word)
        known[word] = array("I", [zlib.crc32(term.encode()) for term in terms]).tobytes()
    return known
