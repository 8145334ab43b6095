"""What a document speaks of: sentences, names, typed entities, and what each passage is about.

No model: patterns of print (capitals, quotation marks, brackets, defined terms), English and Chinese.
Mentions of names that other documents introduced are found by `link`, with the names handed in.
Knows nothing of databases. What is not found: names in lower case that nothing introduces, and
pronouns.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.text import STOP_WORDS, sentences
from core.types import Chunk
from kg.definitions import Definition, definitions
from kg.names import NameMatcher, is_linkable, name_of, short_form
from kg.spans import Found, names
from kg.subjects import Subject, subjects_of
from kg.typed import hints, persons, typed
from kg.words import Plain, numbers_of


@dataclass(slots=True)
class Sentence:
    """Characters [start, stop) of the chunk's text."""

    start: int
    stop: int
    running: str  # its words in lower case, as `NameMatcher.find` reads them
    words: bytes  # their numbers: uint32, without stop words
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
    chunks = [_storable(chunk) for chunk in chunks]
    defined = [list(definitions(chunk.text)) for chunk in chunks]
    passages = [_passage(chunk, terms) for chunk, terms in zip(chunks, defined)]
    terms = [term for terms in defined for term in terms]
    if terms:
        _expand(passages, terms)
    _tell_apart(passages, _organisation(terms, chunks[0].title if chunks else ""))
    return passages


_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")  # what broken files bring and no database takes


def _storable(chunk: Chunk) -> Chunk:
    if not any(_NOT_STORABLE.search(text) for text in (chunk.text, chunk.title, *chunk.section)):
        return chunk
    return replace(
        chunk,
        text=_NOT_STORABLE.sub(" ", chunk.text),
        title=_NOT_STORABLE.sub(" ", chunk.title),
        section=tuple(_NOT_STORABLE.sub(" ", part) for part in chunk.section),
    )


def _passage(chunk: Chunk, defined: Sequence[Definition]) -> Passage:
    text = chunk.text
    parts = lines(text) if chunk.kind in _BY_LINE else sentences(text)
    cells = chunk.kind == "table"
    return Passage(
        chunk_id=chunk.id,
        ordinal=chunk.ordinal,
        text=text,
        heading=numbers_of(Plain.of(chunk.heading).words),
        sentences=[_sentence(text, start, stop, cells=cells) for start, stop in parts],
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
    found = names(printed, start)
    kinds = hints(plain.words)
    if kinds:
        found += typed(printed, start, plain, kinds, cells=cells)
        if "role" in kinds:
            found = persons(text, found)
    return Sentence(start, stop, plain.running(), numbers_of(plain.words), found)


# ---------------------------------------------------------------- names within one document


def _expand(passages: Sequence[Passage], terms: Iterable[Definition]) -> None:
    """Adds to every mention of a defined term the mention of what it stands for."""
    defined: dict[str, str] = {}
    for term in terms:
        short = name_of(term.short)
        if short and short not in STOP_WORDS:
            defined.setdefault(short, name_of(term.long))
    matcher = NameMatcher(defined)
    for passage, sentence, start, stop, name in _matches(passages, matcher, again=True):
        if not passage.text[start].islower():
            sentence.found.append((start, stop, defined[name], "name", ""))


def _organisation(terms: Iterable[Definition], title: str) -> str:
    """Whose document it is, where it says so: "Acme Holdings Inc. (the "Company")"."""
    for term in terms:
        if term.role == "defined":
            return short_form(term.long)
    return short_form(title) if short_form(title) != name_of(title) else ""


def _tell_apart(passages: Sequence[Passage], organisation: str) -> None:
    """Gives the persons of an organisation's document its name as context: the John Smith of one firm
    is not the John Smith of another.
    """
    if not organisation:
        return
    people = {
        name
        for passage in passages
        for sentence in passage.sentences
        for _, _, name, kind, _ in sentence.found
        if kind == "person"
    }
    for passage in passages if people else ():
        for sentence in passage.sentences:
            sentence.found = [
                (start, stop, name, "person", organisation)
                if name in people
                else (start, stop, name, kind, context)
                for start, stop, name, kind, context in sentence.found
            ]


# ---------------------------------------------------------------- names of other documents


def link(passages: Iterable[Passage], known: NameMatcher) -> None:
    """Adds the mentions of known names to the sentences that do not have them yet."""
    for _, sentence, start, stop, name in _matches(passages, known, again=False):
        sentence.found.append((start, stop, name, "name", ""))


def _matches(
    passages: Iterable[Passage], known: NameMatcher, *, again: bool
) -> Iterator[tuple[Passage, Sentence, int, int, str]]:
    """Known names with their places in the chunk; `again`: those too that print has shown already."""
    for passage in passages:
        for sentence in passage.sentences:
            matched = known.find(sentence.running)
            if matched:
                present = set() if again else {found[2] for found in sentence.found}
                new = [match for match in matched if match[2] not in present]
                if new:
                    plain = Plain.of(passage.text[sentence.start : sentence.stop])
                    for start, stop, name in known.placed(new, plain):
                        yield passage, sentence, sentence.start + start, sentence.start + stop, name


def linkable(passages: Iterable[Passage]) -> Iterator[str]:
    """The names that other passages may mention: everything that some passage is about."""
    for passage in passages:
        for name in passage.subjects:
            if is_linkable(name):
                yield name
