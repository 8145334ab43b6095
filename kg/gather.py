"""PASSAGES -> COLUMNS AND NAMES: all that one write puts into the rows, made as arrays at once.

The columns are those that reading the rows back would give, so that a process need not read what it has
just written. Knows nothing of SQL; what stands in a text is found by `extract.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.arrays import KINDS, ROLES, Columns, DocumentRow, Ids, Ints, Texts, distinct, pieces
from kg.extract import Passage
from kg.graph import LateRow
from kg.names import entity_ids, name_ids
from kg.spans import Found

_Told = tuple[str, str, str, str]
"""(name, kind, context, as it is printed)"""

_SURFACE = 200  # characters of a printed name that are kept


class Entities(NamedTuple):
    """The names that a write found, by id, each field a list. `passages` and `subjects`: in how many of its
    passages one is newly mentioned, and of how many it is what they are about.
    """

    ids: Ids
    names: Sequence[str]
    kinds: Sequence[str]
    contexts: Sequence[str]
    surfaces: Sequence[str]
    passages: NDArray[np.int64]
    subjects: NDArray[np.int64]


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
    entities: Entities


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
    entities = _entities(mentions, subjects, late)
    own = distinct(np.concatenate([mentions.entity, subjects.entity]))
    named = np.searchsorted(entities.ids, own).tolist()
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
        entity_ids=own,
        names=Texts.of(map(entities.names.__getitem__, named)),
        kinds=np.array([_KINDS[entities.kinds[at]] for at in named], np.uint8),
    )
    return Gathered(columns, flat, entities)


def _owners(sizes: Sequence[int]) -> Ints:
    return np.repeat(np.arange(len(sizes), dtype=np.int32), np.array(sizes, np.int64))


def _places(places: Iterable[tuple[int, int]]) -> Ints:
    return np.fromiter(chain.from_iterable(places), np.int32).reshape(-1, 2)


# ---------------------------------------------------------------- mentions and subjects


class _Mentions(NamedTuple):
    """In the order of the rows. `told`: of each entity (name, kind, context, surface)."""

    passage: Ints
    sentence: Ints
    entity: Ids
    place: Ints  # (n, 2)
    told: dict[int, _Told]


def _mentions(tenant: str, passages: Sequence[Passage]) -> _Mentions:
    found = [one for passage in passages for one in passage.found]
    owner = _owners([len(passage.found) for passage in passages])
    place = _places(map(_PLACE, found))
    keys = list(map(_IDENTITY, found))
    first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1)))  # where each is printed first
    ids = entity_ids(tenant, list(first))
    number = dict(zip(first, range(len(first))))
    entity = ids[np.fromiter(map(number.__getitem__, keys), np.int64, len(keys))]
    sentence = _sentences(passages, owner, place)
    order = np.lexsort((-place[:, 1], entity, place[:, 0], sentence))  # the longest of each beginning first
    same = np.stack([sentence[order], place[order, 0], entity[order]])
    kept = order[np.concatenate([[True], (same[:, 1:] != same[:, :-1]).any(axis=0)])] if len(order) else order
    told = _told(passages, owner, found, dict(zip(first.values(), ids.tolist())))
    return _Mentions(owner[kept], sentence[kept], entity[kept], place[kept], told)


_PLACE, _IDENTITY = itemgetter(0, 1), itemgetter(2, 3, 4)


def _told(
    passages: Sequence[Passage], owner: Ints, found: Sequence[Found], first: Mapping[int, int]
) -> dict[int, _Told]:
    """`first`: by the number of a mention the entity that it is the first of."""
    told: dict[int, _Told] = {}
    owners = owner.tolist()
    for at in sorted(first):
        entity = first[at]
        start, stop, name, kind, context = found[at]
        known = told.get(entity)
        if known is None:
            surface = passages[owners[at]].text[start:stop]
            told[entity] = (name, kind, context, surface[:_SURFACE])
        elif known[1] == "name":  # what was evident later
            told[entity] = (known[0], kind, *known[2:])
    return told


def _sentences(passages: Sequence[Passage], owner: Ints, place: Ints) -> Ints:
    """In which sentence of all each mention stands."""
    sentence_of = _owners([len(passage.places) for passage in passages])
    starts = np.fromiter((start for passage in passages for start, _ in passage.places), np.int64)
    keys = (sentence_of.astype(np.int64) << 32) | starts
    wanted = (owner.astype(np.int64) << 32) | place[:, 0]
    return (np.searchsorted(keys, wanted, side="right") - 1).astype(np.int32)


class _Subjects(NamedTuple):
    """In the order of the rows. `told`: as of mentions."""

    passage: Ints
    entity: Ids
    role: NDArray[np.uint8]
    whole: NDArray[np.bool_]
    told: dict[int, _Told]


def _subjects(tenant: str, passages: Sequence[Passage]) -> _Subjects:
    subjects = [one for passage in passages for one in passage.subjects.values()]
    owner = _owners([len(passage.subjects) for passage in passages])
    named = dict(zip(reversed([one.name for one in subjects]), reversed(subjects)))
    ids = name_ids(tenant, named)
    numbers = dict(zip(named, ids.tolist()))
    entity = np.array([numbers[one.name] for one in subjects], np.int64)
    order = np.lexsort((entity, owner))
    return _Subjects(
        owner[order],
        entity[order],
        np.array([_ROLES[one.role] for one in subjects], np.uint8)[order],
        np.array([one.whole for one in subjects], np.bool_)[order],
        {numbers[name]: (name, "name", "", one.surface[:_SURFACE]) for name, one in named.items()},
    )


_ROLES = {role: number for number, role in enumerate(ROLES)}
_KINDS = {kind: number for number, kind in enumerate(KINDS)}


# ---------------------------------------------------------------- names


def _entities(mentions: _Mentions, subjects: _Subjects, late: Sequence[LateMention]) -> Entities:
    """An entity is told of as a mention prints it, else as a key does."""
    of_late = {one.row.entity: (one.row.name, one.row.kind, "", one.surface[:_SURFACE]) for one in late}
    told = {**subjects.told, **of_late, **mentions.told}
    numbers = sorted(told)
    ids = np.array(numbers, np.int64)
    ordered = list(map(told.__getitem__, numbers))
    names, kinds, contexts, surfaces = ([one[field] for one in ordered] for field in range(4))
    late_first = np.array([one.row.entity for one in late if one.first], np.int64)
    return Entities(
        ids,
        names,
        kinds,
        contexts,
        surfaces,
        _counted(ids, mentions.entity, mentions.passage)
        + np.bincount(np.searchsorted(ids, late_first), minlength=len(ids)),
        np.bincount(np.searchsorted(ids, subjects.entity), minlength=len(ids)),
    )


def _counted(ids: Ids, entity: Ids, passage: Ints) -> NDArray[np.int64]:
    """In how many passages each of the ids is mentioned."""
    pairs = distinct((np.searchsorted(ids, entity) << 32) | passage)
    return np.bincount(pairs >> 32, minlength=len(ids))
