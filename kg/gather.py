"""PASSAGES -> COLUMNS AND NAMES: all that one write puts into the rows, made as arrays at once.

The columns are those that reading the rows back would give, so that a process need not read what it has
just written. Knows nothing of SQL; what stands in a text is found by `extract.py`.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.arrays import KINDS, ROLES, Columns, DocumentRow, Ids, Ints, Texts, pieces
from kg.extract import Passage
from kg.graph import LateRow
from kg.names import entity_id

_SURFACE = 200  # characters of a printed name that are kept


class Entity(NamedTuple):
    """A name as a write found it. `passages` and `subjects`: in how many of its passages it is newly
    mentioned, and of how many it is what they are about.
    """

    id: int
    name: str
    kind: str
    context: str
    surface: str
    passages: int
    subjects: int


class LateMention(NamedTuple):
    """A mention in a passage that was written before. `first`: the first of this entity in it."""

    row: LateRow
    document: int
    passage: int
    surface: str
    first: bool


class Gathered(NamedTuple):
    """`passages` in the order of the columns; `entities` by id, of the late mentions as well."""

    columns: Columns
    passages: Sequence[Passage]
    entities: Sequence[Entity]


def gather(
    tenant: str,
    documents: Sequence[DocumentRow],
    passages: Sequence[Sequence[Passage]],
    late: Sequence[LateMention] = (),
) -> Gathered:
    """`passages` of each document."""
    order = sorted(range(len(documents)), key=lambda at: documents[at].number)
    ordered = [sorted(passages[at], key=attrgetter("ordinal")) for at in order]
    flat = list(chain.from_iterable(ordered))
    mentions = _mentions(tenant, flat)
    subjects = _subjects(tenant, flat)
    entities = _entities(flat, mentions, subjects, late)
    of_passages = np.unique(np.concatenate([mentions.entity, subjects.entity]))
    known = {one.id: one for one in entities}
    named = [known[number] for number in of_passages.tolist()]
    heading_starts, headings = pieces([passage.heading for passage in flat])
    word_starts, words = pieces([words for passage in flat for words in passage.words])
    columns = Columns(
        documents=tuple(documents[at] for at in order),
        document_of=_owners([len(some) for some in ordered]),
        ordinals=np.array([passage.ordinal for passage in flat], np.int32),
        chunk_ids=Texts.of(passage.chunk_id for passage in flat),
        heading_starts=heading_starts,
        headings=headings,
        passage_of=_owners([len(passage.places) for passage in flat]),
        places=_places(place for passage in flat for place in passage.places),
        word_starts=word_starts,
        words=words,
        mention_sentence=mentions.sentence,
        mention_entity=mentions.entity,
        mention_places=mentions.place,
        subject_passage=subjects.passage,
        subject_entity=subjects.entity,
        subject_role=subjects.role,
        subject_whole=subjects.whole,
        entity_ids=of_passages,
        names=Texts.of(one.name for one in named),
        kinds=np.array([KINDS.index(one.kind) for one in named], np.uint8),
    )
    return Gathered(columns, flat, entities)


def _owners(sizes: Sequence[int]) -> Ints:
    return np.repeat(np.arange(len(sizes), dtype=np.int32), np.array(sizes, np.int64))


def _places(places: Iterator[tuple[int, int]]) -> Ints:
    return np.fromiter(chain.from_iterable(places), np.int32).reshape(-1, 2)


# ---------------------------------------------------------------- mentions and subjects


class _Mentions(NamedTuple):
    """In the order of the rows. `first`: of each (name, kind, context) its id and where it is printed
    first: (id, passage, start, stop), in the order of print.
    """

    passage: Ints
    sentence: Ints
    entity: Ids
    place: Ints  # (n, 2)
    first: dict[tuple[str, str, str], tuple[int, int, int, int]]


def _mentions(tenant: str, passages: Sequence[Passage]) -> _Mentions:
    found = [one for passage in passages for one in passage.found]
    owner = _owners([len(passage.found) for passage in passages])
    place = _places((start, stop) for start, stop, *_ in found)
    keys = [one[2:] for one in found]
    first: dict[tuple[str, str, str], tuple[int, int, int, int]] = {}
    for key, at, (start, stop) in zip(keys, owner.tolist(), place.tolist()):
        if key not in first:
            first[key] = (entity_id(tenant, *key), at, start, stop)
    entity = np.fromiter((first[key][0] for key in keys), np.int64, len(keys))
    sentence = _sentences(passages, owner, place)
    order = np.lexsort((-place[:, 1], entity, place[:, 0], sentence))  # the longest of each beginning first
    same = np.stack([sentence[order], place[order, 0], entity[order]])
    kept = order[np.concatenate([[True], (same[:, 1:] != same[:, :-1]).any(axis=0)])] if len(order) else order
    return _Mentions(owner[kept], sentence[kept], entity[kept], place[kept], first)


def _sentences(passages: Sequence[Passage], owner: Ints, place: Ints) -> Ints:
    """In which sentence of all each mention stands."""
    sentence_of = _owners([len(passage.places) for passage in passages])
    starts = np.fromiter((start for passage in passages for start, _ in passage.places), np.int64)
    keys = (sentence_of.astype(np.int64) << 32) | starts
    wanted = (owner.astype(np.int64) << 32) | place[:, 0]
    return (np.searchsorted(keys, wanted, side="right") - 1).astype(np.int32)


class _Subjects(NamedTuple):
    """In the order of the rows. `first`: of each entity (name, passage, surface)."""

    passage: Ints
    entity: Ids
    role: NDArray[np.uint8]
    whole: NDArray[np.bool_]
    first: dict[int, tuple[str, int, str]]


def _subjects(tenant: str, passages: Sequence[Passage]) -> _Subjects:
    numbers: dict[str, int] = {}
    first: dict[int, tuple[str, int, str]] = {}
    rows = []
    for at, passage in enumerate(passages):
        for name, role, whole, surface in passage.subjects.values():
            number = numbers.get(name)
            if number is None:
                number = numbers[name] = entity_id(tenant, name)
                first[number] = (name, at, surface)
            rows.append((at, number, _ROLES[role], whole))
    rows.sort()
    passage_of, entity, role_of, is_whole = zip(*rows) if rows else ((), (), (), ())
    return _Subjects(
        np.array(passage_of, np.int32),
        np.array(entity, np.int64),
        np.array(role_of, np.uint8),
        np.array(is_whole, np.bool_),
        first,
    )


_ROLES = {role: number for number, role in enumerate(ROLES)}


# ---------------------------------------------------------------- names


class _Told:
    """What is known of an entity so far; `at`: the passage that has printed it first."""

    __slots__ = ("at", "context", "kind", "name", "surface")

    def __init__(self, name: str, kind: str, context: str, surface: str, at: int) -> None:
        self.name, self.kind, self.context, self.surface, self.at = name, kind, context, surface, at


def _entities(
    passages: Sequence[Passage], mentions: _Mentions, subjects: _Subjects, late: Sequence[LateMention]
) -> list[Entity]:
    told: dict[int, _Told] = {}
    for one in late:
        told.setdefault(one.row.entity, _Told(one.row.name, one.row.kind, "", one.surface, -1))
    for (name, kind, context), (number, at, start, stop) in mentions.first.items():
        known = told.get(number)
        if known is None:
            told[number] = _Told(name, kind, context, passages[at].text[start:stop], at)
        elif known.kind == "name":
            known.kind = kind
    for number, (name, at, surface) in subjects.first.items():
        known = told.get(number)
        if known is None or at < known.at:
            told[number] = _Told(name, known.kind if known else "name", "", surface, at)
    numbers = sorted(told)
    ids = np.array(numbers, np.int64)
    mentioned = _counted(ids, mentions.entity, mentions.passage)
    mentioned += np.bincount(
        np.searchsorted(ids, [one.row.entity for one in late if one.first]), minlength=len(ids)
    )
    about = np.bincount(np.searchsorted(ids, subjects.entity), minlength=len(ids))
    return [
        Entity(number, one.name, one.kind, one.context, one.surface[:_SURFACE], in_passages, of_passages)
        for number, one, in_passages, of_passages in zip(
            numbers, map(told.__getitem__, numbers), mentioned.tolist(), about.tolist()
        )
    ]


def _counted(ids: Ids, entity: Ids, passage: Ints) -> NDArray[np.int64]:
    """In how many passages each of the ids is mentioned."""
    pairs = np.unique((np.searchsorted(ids, entity) << 32) | passage)
    return np.bincount(pairs >> 32, minlength=len(ids))
