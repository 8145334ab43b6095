"""What a document speaks of: sentences, names, typed entities, and what each passage is about.

No model: patterns of print (capitals, quotation marks, brackets, defined terms), English and Chinese.
Mentions of names that other documents introduced are found by `link`, with the names handed in.
Knows nothing of databases. What is not found: names in lower case that nothing introduces, and
pronouns.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from core.text import STOP_WORDS, sentences
from core.types import Chunk
from kg.definitions import Definition, definitions
from kg.names import NameMatcher, is_linkable, name_of, short_form
from kg.spans import Found, Places, in_order, names
from kg.subjects import Subject, subjects_of
from kg.tokens import read_sentences, running, terms_of
from kg.typed import persons, typed
from kg.words import Plain


@dataclass(slots=True)
class Passage:
    """One chunk as the graph sees it. Characters are those of the chunk's text."""

    chunk_id: str
    ordinal: int
    text: str
    heading: bytes  # the words of title and section
    places: list[tuple[int, int]]  # of its sentences, in order: characters [start, stop)
    running: str  # its words in lower case, a line for each sentence, as `NameMatcher.find` reads them
    words: list[bytes]  # their numbers: uint32, without stop words
    found: list[Found]  # in the order of the sentences
    subjects: dict[str, Subject]

    def mentions(self) -> Iterator[tuple[int, Found]]:
        """(number of the sentence, mention)."""
        starts = [start for start, _ in self.places]
        for one in self.found:
            yield bisect_right(starts, one[0]) - 1, one


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
    if _is_storable("\n".join([chunk.text, chunk.title, *chunk.section])):
        return chunk
    return replace(
        chunk,
        text=_NOT_STORABLE.sub(" ", chunk.text),
        title=_NOT_STORABLE.sub(" ", chunk.title),
        section=tuple(_NOT_STORABLE.sub(" ", part) for part in chunk.section),
    )


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _passage(chunk: Chunk, defined: Sequence[Definition]) -> Passage:
    text = chunk.text
    places = lines(text) if chunk.kind in _BY_LINE else sentences(text)
    said = read_sentences(text, places)
    return Passage(
        chunk_id=chunk.id,
        ordinal=chunk.ordinal,
        text=text,
        heading=terms_of(chunk.heading),
        places=places,
        running=running(said),
        words=[one.terms for one in said],
        found=_found(text, places, [one.kinds for one in said], cells=chunk.kind == "table"),
        subjects=subjects_of(chunk, defined),
    )


_BY_LINE = frozenset({"table", "list", "record", "code"})


def lines(text: str) -> list[tuple[int, int]]:
    """Positions of the lines that are not empty: the sentences of a table or a list."""
    return [match.span() for match in _LINE.finditer(text)]


_LINE = re.compile(r"\S[^\n]*")


def _found(text: str, places: Places, kinds: Sequence[AbstractSet[str]], *, cells: bool) -> list[Found]:
    """What the sentences mention; `kinds` of each: what typed entities it may hold."""
    found = names(text, places)
    if not any(kinds):
        return found
    printed = len(found)
    for (start, stop), some in zip(places, kinds):
        if some:
            found += typed(text[start:stop], start, some, cells=cells)
    with_roles = [place for place, some in zip(places, kinds) if "role" in some]
    known = persons(text, found, with_roles) if with_roles else found
    return in_order(known, places) if len(known) > printed else known


# ---------------------------------------------------------------- names within one document


def _expand(passages: Sequence[Passage], terms: Iterable[Definition]) -> None:
    """Adds to every mention of a defined term the mention of what it stands for."""
    defined: dict[str, str] = {}
    for term in terms:
        short = name_of(term.short)
        if short and short not in STOP_WORDS:
            defined.setdefault(short, name_of(term.long))
    for passage, those in _matches(passages, NameMatcher(defined)):
        _add(
            passage,
            [
                (start, stop, defined[name], "name", "")
                for start, stop, name in those
                if not passage.text[start].islower()
            ],
        )


def _organisation(terms: Iterable[Definition], title: str) -> str:
    """Whose document it is, where it says so: "Acme Holdings Inc. (the "Company")"."""
    for term in terms:
        if term.role == "defined":
            return short_form(term.long)
    short = short_form(title)
    return short if short != name_of(title) else ""


def _tell_apart(passages: Sequence[Passage], organisation: str) -> None:
    """Gives the persons of an organisation's document its name as context: the John Smith of one firm
    is not the John Smith of another.
    """
    if not organisation:
        return
    people = {name for passage in passages for _, _, name, kind, _ in passage.found if kind == "person"}
    for passage in passages if people else ():
        passage.found = [
            (start, stop, name, "person", organisation)
            if name in people
            else (start, stop, name, kind, context)
            for start, stop, name, kind, context in passage.found
        ]


# ---------------------------------------------------------------- names of other documents


def link(passages: Sequence[Passage], known: NameMatcher) -> None:
    """Adds the mentions of known names to the sentences that do not have them yet."""
    for passage, those in _matches(passages, known, again=False):
        _add(passage, [(start, stop, name, "name", "") for start, stop, name in those])


def _matches(
    passages: Sequence[Passage], known: NameMatcher, *, again: bool = True
) -> Iterator[tuple[Passage, list[tuple[int, int, str]]]]:
    """Known names, one sentence after the other, with their places in the chunk; `again`: those too that
    print has shown already.
    """
    for which, number, those in known.find_in_lines([passage.running for passage in passages]):
        passage = passages[which]
        new = those if again else [one for one in those if not _stands(passage, number, one[2])]
        if new:
            at, stop = passage.places[number]
            placed = known.placed(new, Plain.of(passage.text[at:stop]))
            yield passage, [(at + start, at + end, name) for start, end, name in placed]


def _stands(passage: Passage, number: int, name: str) -> bool:
    """Whether print has shown the name in this sentence."""
    start, stop = passage.places[number]
    return any(one[2] == name and start <= one[0] < stop for one in passage.found)


def _add(passage: Passage, found: list[Found]) -> None:
    """Each behind what its sentence has."""
    if found:
        passage.found = in_order(passage.found + found, passage.places)


def linkable(passages: Iterable[Passage]) -> Iterator[str]:
    """The names that other passages may mention: everything that some passage is about."""
    for passage in passages:
        for name in passage.subjects:
            if is_linkable(name):
                yield name
