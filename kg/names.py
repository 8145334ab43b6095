"""Names: the forms under which a thing is known, and finding known forms in running text.

Knows nothing of documents or rows. The forms of a title follow research on bridge retrieval: the
whole, the part before a trailing parenthesis, the part before the first comma, the part without
the legal form of a company.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from core.text import CJK, STOP_WORDS, normalize_name
from kg.words import Plain, hash64, hashes64, words_of

_PARENTHESIS = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_LEGAL_FORMS = [
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "ltd",
    "limited",
    "llc",
    "llp",
    "lp",
    "plc",
    "gmbh",
    "ag",
    "sa",
    "nv",
    "spa",
    "ab",
    "oy",
    "holding",
    "holdings",
    "group",
]
_IS_LEGAL_FORM = frozenset(_LEGAL_FORMS)
_LEGAL_FORM = re.compile(rf"(?:,?\s+(?:{'|'.join(_LEGAL_FORMS)})\b\.?)+$", re.IGNORECASE)
_LEGAL_FORM_CJK = re.compile(
    r"(?:[(（][^()（）]{1,8}[)）])?(?:股份|集团|控股)*(?:有限责任公司|有限公司|公司)$"
)
_IS_CJK = re.compile(f"[{CJK}]")
PROPER = frozenset({"name", "organisation", "person"})  # kinds of proper name
_LONGEST_FORM = 80  # characters; what is longer is a sentence, not a name
_MUCH_LARGER = 2  # times as many names


@lru_cache(maxsize=200_000)
def name_of(surface: str) -> str:
    """`core.text.normalize_name`, remembered."""
    if surface.isascii() and surface.replace(" ", "").isalnum() and "  " not in surface:
        return surface.lower().strip()
    return normalize_name(surface)


def forms_of(surface: str) -> Iterator[tuple[str, bool]]:
    """The normalised forms of a title or defined name, the whole first: (form, it is the whole).

    What stands in a trailing parenthesis tells namesakes apart and is not a part of the name.
    """
    if surface.isascii() and surface.replace(" ", "").isalnum() and not _ends_in_legal_form(surface):
        name = name_of(surface)
        if name:
            yield name, True
        return
    whole = surface.strip()
    base = _without_parenthesis(whole)
    forms = [(whole, True), (base, True)]
    if "," in base:
        forms.append((base.split(",", 1)[0].strip(), False))
    if _ends_in_legal_form(base):
        forms.append((_LEGAL_FORM.sub("", base), False))
    elif base.endswith("公司"):
        forms.append((_LEGAL_FORM_CJK.sub("", base), False))
    if not surface.isascii():
        forms += [(without_accents(form), is_whole) for form, is_whole in forms]
    seen = {""}
    for number, (form, is_whole) in enumerate(forms):
        name = name_of(form)
        if name not in seen and (number == 0 or len(name) >= 4 or _IS_CJK.search(name)):
            seen.add(name)
            yield name, is_whole


def _without_parenthesis(name: str) -> str:
    return _PARENTHESIS.sub("", name) if name.endswith((")", "）")) else name


def _ends_in_legal_form(name: str) -> bool:
    return name[name.rfind(" ") + 1 :].lower().rstrip(".") in _IS_LEGAL_FORM


def short_form(name: str) -> str:
    """The normalised name without a trailing parenthesis and the legal form of a company."""
    base = _without_parenthesis(name.strip())
    if base.endswith("公司"):
        return name_of(_LEGAL_FORM_CJK.sub("", base))
    return name_of(_LEGAL_FORM.sub("", base) if _ends_in_legal_form(base) else base)


def without_accents(text: str) -> str:
    """As it is typed on a keyboard that has no accents."""
    parts = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


def is_linkable(name: str) -> bool:
    """True for a name that is looked for in running text: at least two words that tell something.

    A single word is not: print shows it where it is a name, and where print does not, it is a word.
    """
    if len(name) > _LONGEST_FORM:
        return False
    if not name.isascii() and _IS_CJK.search(name):
        return len(name) >= 3
    return " " in name and sum(word not in STOP_WORDS for word in name.split(" ")) > 1


class _Part(NamedTuple):
    names: list[str]
    automaton: ahocorasick_rs.AhoCorasick


class NameMatcher:
    """Finds known names in text, longest first from the left (Aho-Corasick over words).

    Names may be added at any time: new ones get an automaton of their own, and one that is not much larger than
    what came after it is built again with that, so that a name is built anew only as often as their number doubles.
    Not safe for writing from several threads.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._known: dict[str, None] = {}
        self._recent: list[str] = []
        self._parts: list[_Part] = []
        self.add(names)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __len__(self) -> int:
        return len(self._known)

    def add(self, names: Iterable[str]) -> list[str]:
        """Those of the names that were not known before."""
        new = [name for name in dict.fromkeys(names) if name not in self._known]
        self._known.update(dict.fromkeys(new))
        self._recent.extend(new)
        return new

    def discard(self, names: Iterable[str]) -> None:
        for name in names:
            self._known.pop(name, None)

    def find(self, running: str) -> list[tuple[int, int, str]]:
        """(start, end, name) of the known names in `Plain.running()` of a sentence, positions in that."""
        self._build()
        found = [
            (start, end, part.names[number])
            for part in self._parts
            for number, start, end in part.automaton.find_matches_as_indexes(running, overlapping=True)
        ]
        return _longest([one for one in found if one[2] in self._known]) if found else found

    def find_in_lines(self, texts: Sequence[str]) -> Iterator[tuple[int, int, list[tuple[int, int, str]]]]:
        """Of many texts, each several sentences in lines: (which text, which of its lines, what `find` finds in
        it), where there is something. All are searched at once.
        """
        together = "\n".join(texts)
        ends = list(accumulate(len(text) + 1 for text in texts))
        line_begins = groupby(self.find(together), lambda match: together.rfind("\n", 0, match[0]) + 1)
        for begin, those in line_begins:
            at = bisect_right(ends, begin)
            line = together.count("\n", ends[at - 1] if at else 0, begin)
            yield at, line, [(start - begin, end - begin, name) for start, end, name in those]

    @staticmethod
    def placed(found: Iterable[tuple[int, int, str]], sentence: Plain) -> list[tuple[int, int, str]]:
        """What was found, with positions in the sentence itself."""
        words, places = sentence.words, sentence.places()
        running = sentence.running()
        placed = []
        number, at = 0, 1  # the word, and where it begins in the running text
        for padded_start, padded_end, name in found:
            start = padded_start + (running[padded_start] == " ")
            end = padded_end - (running[padded_end - 1] == " ")
            while at + len(words[number]) <= start:
                at += len(words[number]) + 2
                number += 1
            last, behind = number, at
            while behind + len(words[last]) < end:
                behind += len(words[last]) + 2
                last += 1
            placed.append((places[number][0] + start - at, places[last][0] + end - behind, name))
        return placed

    def _build(self) -> None:
        """Takes the new names in."""
        if not self._recent:
            return
        names, self._recent = self._recent, []
        while self._parts and len(self._parts[-1].names) < _MUCH_LARGER * len(names):
            names = self._parts.pop().names + names
        names = [name for name in dict.fromkeys(names) if name in self._known]
        if names:
            self._parts.append(
                _Part(names, ahocorasick_rs.AhoCorasick(map(_pattern, names), store_patterns=False))
            )


def _pattern(name: str) -> str:
    """The name as it stands in running text: words two spaces apart, so that neighbours do not
    share one; a Chinese end needs no space, because a Chinese word has no end.
    """
    if name.isascii():
        return f" {name.replace(' ', '  ')} "
    words = words_of(name)
    left = "" if _IS_CJK.match(name) else " "
    right = "" if _IS_CJK.match(name[-1]) else " "
    return f"{left}{'  '.join(words)}{right}"


def _longest(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    kept: list[tuple[int, int, str]] = []
    for item in sorted(found, key=lambda item: (item[0], -item[1])):
        if not kept or item[0] >= kept[-1][1]:
            kept.append(item)
    return kept


def entity_id(tenant: str, name: str, kind: str = "name", context: str = "") -> int:
    """The number of an entity in the rows: made from its identity, never looked up.

    All kinds of proper name share one identity, because evidence of the kind comes and goes.
    """
    return hash64(_identity(tenant, name, kind, context))


def entity_ids(tenant: str, named: Sequence[tuple[str, str, str]]) -> NDArray[np.int64]:
    """As `entity_id`, of each (name, kind, context)."""
    return hashes64([_identity(tenant, *one) for one in named])


def name_ids(tenant: str, names: Iterable[str]) -> NDArray[np.int64]:
    """As `entity_id`, of each name."""
    before, behind = _identity(tenant, "\n", "name", "").split("\n")
    return hashes64([f"{before}{name}{behind}" for name in names])


def _identity(tenant: str, name: str, kind: str, context: str) -> str:
    return f"{tenant}\0{'name' if kind in PROPER else kind}\0{name}\0{context}"
