"""What a document speaks of: sentences, names, typed entities, and what each passage is about.

No model: patterns of print (capitals, quotation marks, brackets, defined terms), English and Chinese.
Mentions of names that other documents introduced are found by `link`, with the names handed in.
Knows nothing of databases. What is not found: names in lower case that nothing introduces, and
pronouns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.text import sentences
from core.types import Chunk
from kg.definitions import Definition, definitions
from kg.names import NameMatcher, is_linkable, name_of
from kg.spans import names
from kg.subjects import Subject, subjects_of
from kg.typed import hints, typed
from kg.words import Plain, numbers_of


class Found(NamedTuple):
    """Characters [start, stop) of the chunk's text name an entity."""

    start: int
    stop: int
    name: str
    kind: str
    context: str = ""


@dataclass(slots=True)
class Sentence:
    """Characters [start, stop) of the chunk's text."""

    start: int
    stop: int
    plain: Plain
    words: bytes  # uint32, without stop words
    found: list[Found]


@dataclass(slots=True)
class Passage:
    """One chunk as the graph sees it."""

    chunk_id: str
    ordinal: int
    text: str
    heading: bytes  # the words of title and section
    sentences: list[Sentence]
    subjects: dict[str, Subject]


def extract(chunks: Sequence[Chunk]) -> list[Passage]:
    """The passages of one document, names resolved within it."""
    defined = [list(definitions(chunk.text)) for chunk in chunks]
    passages = [_passage(chunk, terms) for chunk, terms in zip(chunks, defined)]
    resolve(passages, [term for terms in defined for term in terms])
    return passages


def _passage(chunk: Chunk, defined: Sequence[Definition]) -> Passage:
    cells = chunk.kind == "table"
    parts = lines(chunk.text) if chunk.kind in _BY_LINE else sentences(chunk.text)
    read = [_sentence(chunk.text, start, stop, cells=cells) for start, stop in parts]
    return Passage(
        chunk_id=chunk.id,
        ordinal=chunk.ordinal,
        text=chunk.text,
        heading=numbers_of(Plain.of(chunk.heading).words),
        sentences=read,
        subjects=subjects_of(chunk, defined),
    )


_BY_LINE = frozenset({"table", "list", "record", "code"})


def lines(text: str) -> list[tuple[int, int]]:
    """Positions of the lines that are not empty: the sentences of a table or a list."""
    return [match.span() for match in _LINE.finditer(text)]


_LINE = re.compile(r"\S[^\n]*")


def _sentence(text: str, start: int, stop: int, *, cells: bool) -> Sentence:
    printed = text[start:stop]
    plain = Plain.of(printed)
    found = [Found(start + a, start + b, name, "name") for a, b, name in names(printed)]
    kinds = hints(plain.words)
    if kinds:
        found += [
            Found(start + a, start + b, name, kind)
            for a, b, name, kind in typed(printed, plain, kinds, cells=cells)
        ]
    return Sentence(start, stop, plain, numbers_of(plain.words), found)


# ---------------------------------------------------------------- names within one document


def resolve(passages: Sequence[Passage], terms: Iterable[Definition]) -> None:
    """Adds to every mention of a defined term the mention of what it stands for."""
    defined: dict[str, str] = {}
    for term in terms:
        if name_of(term.short):
            defined.setdefault(name_of(term.short), name_of(term.long))
    if defined:
        _expand(passages, defined)


def _expand(passages: Sequence[Passage], defined: Mapping[str, str]) -> None:
    matcher = NameMatcher(defined)
    for passage in passages:
        for sentence in passage.sentences:
            known = {(found.start, found.name) for found in sentence.found}
            for start, stop, name in matcher.find(sentence.plain):
                at = sentence.start + start
                capital = passage.text[at]
                if (capital.isupper() or not capital.isascii()) and (at, defined[name]) not in known:
                    sentence.found.append(Found(at, sentence.start + stop, defined[name], "name"))


# ---------------------------------------------------------------- names of other documents


def link(passages: Iterable[Passage], known: NameMatcher) -> None:
    """Adds the mentions of known names to the sentences that do not have them yet."""
    for passage in passages:
        for sentence in passage.sentences:
            found = linked(passage.text, sentence.start, sentence.plain, known)
            if found:
                present = {(other.start, other.name) for other in sentence.found}
                sentence.found += [one for one in found if (one.start, one.name) not in present]


def linked(text: str, at: int, sentence: Plain, known: NameMatcher) -> list[Found]:
    """The known names in the sentence that begins at character `at`: of several words, or printed
    with a capital.
    """
    return [
        Found(at + start, at + stop, name, "name")
        for start, stop, name in known.find(sentence)
        if " " in name or not text[at + start].islower()
    ]


def linkable(passages: Iterable[Passage]) -> Iterator[str]:
    """The names that other passages may mention: everything that some passage is about."""
    for passage in passages:
        for name in passage.subjects:
            if is_linkable(name):
                yield name
