"""The graph of one tenant as it was at one moment: segments of arrays, and what of them is live.

A `Graph` never changes; `with_changes` gives the next one and shares the arrays, so a reader keeps a
consistent view while documents come and go. Passages and sentences have numbers that hold for this
graph only; entities and chunks have ids that last. Knows nothing of SQL; who may see what is a
mask that every walk is handed.

A deleted passage disappears from every walk at once; the frequencies of names and words count it
until its segment is merged.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.types import Access
from kg.arrays import (
    KINDS,
    NO_LATE,
    ROLES,
    STEP,
    TERM,
    Columns,
    DocumentRow,
    Ids,
    Ints,
    Late,
    Segment,
    Texts,
    build,
    distinct,
    fold,
    found_in,
    hashes,
    join,
    join_late,
    position,
    ragged,
    select,
)

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

_MOST_MERGED = 20_000  # passages: a merge that a query waits for never touches more
_MOST_LATE = 1_000  # mentions that a segment carries beside its arrays
_MUCH_LARGER = 2  # times as many passages: what stays beside a newer segment
_MOST_CHANGED = 2_000  # documents beside those that graphs share
_SMALL = 250  # passages: built again in 1.5 ms, while every query pays half as much for a further segment


class Mentions(NamedTuple):
    """Mentions, one in each place of the arrays. `owner` is an index into what was asked for."""

    owner: NDArray[np.int64]
    sentence: Ints
    entity: Ids
    place: Ints  # (n, 2)


class LateRow(NamedTuple):
    """A mention in a passage that was there before the name was known."""

    chunk_id: str
    sentence: int  # of the passage
    start: int
    stop: int
    entity: int
    name: str
    kind: str


class Identity(NamedTuple):
    """Which ids are one entity, and what tells namesakes apart."""

    same: Mapping[int, tuple[int, ...]]
    contexts: Mapping[int, str]


class Abouts(NamedTuple):
    """Passages that are about an entity. `owner` is an index into the entities asked for."""

    owner: NDArray[np.int64]
    passage: Ints
    whole: Mask


class Places(NamedTuple):
    """Entities, and where each segment has them. `ids`: they and, behind them, what is the same; `owner`: of
    which of the entities each id is; `found`: (index into ids, local number) of those that each segment has.
    """

    entities: Ids
    owner: NDArray[np.int64]
    ids: Ids
    found: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]

    def select(self, kept: NDArray[np.int64]) -> "Places":
        """Of some of the entities, by ascending index."""
        number = np.full(len(self.entities), -1, np.int64)
        number[kept] = np.arange(len(kept))
        owner = number[self.owner]
        wanted = owner >= 0
        place = wanted.cumsum() - 1  # of those that are wanted, among them
        found = []
        for index, local in self.found:
            chosen = wanted[index]
            found.append((place[index[chosen]], local[chosen]))
        return Places(self.entities[kept], owner[wanted], self.ids[wanted], tuple(found))


class Postings(NamedTuple):
    """Where the postings of a word are: (begin, end) in each segment, in how many passages together."""

    spans: tuple[tuple[int, int], ...]
    passages: int


class Run(NamedTuple):
    """The words of a name. `in_order`: they have to stand one behind the other (Chinese words overlap)."""

    words: NDArray[np.uint32]
    entity: int
    in_order: bool


class Documents(Mapping[str, DocumentRow]):
    """The live documents by doc_id: many that graphs share, and beside them what has changed since (None: gone),
    so that a change costs as much as changed.
    """

    __slots__ = ("_changed", "_shared", "_size")

    def __init__(
        self,
        shared: Mapping[str, DocumentRow] | None = None,
        changed: Mapping[str, DocumentRow | None] | None = None,
    ) -> None:
        self._shared = shared or {}
        self._changed = changed or {}
        self._size = len(self._shared) + sum(
            (row is not None) - (doc_id in self._shared) for doc_id, row in self._changed.items()
        )

    def __getitem__(self, doc_id: str) -> DocumentRow:
        row = self._changed[doc_id] if doc_id in self._changed else self._shared[doc_id]
        if row is None:
            raise KeyError(doc_id)
        return row

    def __iter__(self) -> Iterator[str]:
        yield from (doc_id for doc_id in self._shared if doc_id not in self._changed)
        yield from (doc_id for doc_id, row in self._changed.items() if row is not None)

    def __len__(self) -> int:
        return self._size

    def with_changes(self, gone: Collection[str], added: Iterable[DocumentRow]) -> "Documents":
        changed = {**self._changed, **dict.fromkeys(gone), **{row.doc_id: row for row in added}}
        found = Documents(self._shared, changed)
        return found if len(changed) <= _MOST_CHANGED else Documents(dict(found))


@dataclass(frozen=True, eq=False)
class Graph:
    """`documents` are the live ones by doc_id. `live` has a bool for each passage of each segment, `late` the mentions that came after it was
    built; `same` the other ids of an entity that has
    several (homonyms that were merged, a name and the person that it means), which every walk
    follows as well; `contexts` what tells an entity from its namesakes.
    """

    tenant: str
    generation: int
    documents: Documents = field(default_factory=Documents)
    segments: tuple[Segment, ...] = ()
    live: tuple[Mask, ...] = ()
    late: tuple[Late, ...] = ()
    same: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    contexts: Mapping[int, str] = field(default_factory=dict)

    # ------------------------------------------------------------ numbers

    @cached_property
    def _passage_offsets(self) -> list[int]:
        return list(accumulate((segment.size for segment in self.segments), initial=0))

    @cached_property
    def _sentence_offsets(self) -> list[int]:
        return list(accumulate((len(segment.columns.passage_of) for segment in self.segments), initial=0))

    @property
    def size(self) -> int:
        """Passages, those included that were deleted and not yet merged away."""
        return self._passage_offsets[-1]

    def memory(self) -> int:
        """Bytes of all arrays."""
        return sum(segment.memory() for segment in self.segments)

    def locate(self, chunk_ids: Collection[str]) -> Ints:
        """The live passages of these chunks; -1 where there is none."""
        found = np.full(len(chunk_ids), -1, np.int32)
        wanted = hashes(chunk_ids)
        for segment, live, offset in zip(self.segments, self.live, self._passage_offsets):
            index, local = segment.locate(wanted)
            there = live[local]
            found[index[there]] = local[there] + np.int32(offset)
        return found

    def chunk_id(self, passage: int) -> str:
        segment, local = self._of(self._passage_offsets, passage)
        return segment.columns.chunk_ids.text(local)

    def chunk_ids(self, passages: NDArray[Any]) -> list[str]:
        """The chunk of each of the passages."""
        if len(self.segments) == 1:
            return self.segments[0].columns.chunk_ids.texts(passages)
        found = [""] * len(passages)
        for segment, offset in zip(self.segments, self._passage_offsets):
            asked = _within(passages, offset, segment.size)
            texts = segment.columns.chunk_ids.texts(passages[asked] - offset)
            for number, text in zip(asked.tolist(), texts):
                found[number] = text
        return found

    def document(self, passage: int) -> DocumentRow:
        segment, local = self._of(self._passage_offsets, passage)
        return segment.columns.documents[int(segment.columns.document_of[local])]

    def ordinal(self, passage: int) -> int:
        """The chunk's number in its document."""
        segment, local = self._of(self._passage_offsets, passage)
        return int(segment.columns.ordinals[local])

    def passages_of(self, doc_id: str) -> Ints:
        """The live passages of a document, in order."""
        found = [np.zeros(0, np.int32)]
        document = self.documents.get(doc_id)
        for segment, live, offset in zip(self.segments, self.live, self._passage_offsets):
            if document is not None:
                local = np.flatnonzero(_owned(segment, [document.number]) & live)
                found.append(local.astype(np.int32) + offset)
        return np.concatenate(found)

    def sentence(self, sentence: int) -> tuple[int, int, int]:
        """(passage, start, stop) of a sentence."""
        number = bisect_right(self._sentence_offsets, sentence) - 1
        columns, local = self.segments[number].columns, sentence - self._sentence_offsets[number]
        start, stop = columns.places[local].tolist()
        return int(columns.passage_of[local]) + self._passage_offsets[number], start, stop

    def _of(self, offsets: list[int], number: int) -> tuple[Segment, int]:
        at = bisect_right(offsets, number) - 1
        return self.segments[at], number - offsets[at]

    # ------------------------------------------------------------ who may see what

    def visible(self, access: Access, documents: Collection[str] | None = None) -> Mask:
        """True for each live passage whose document carries one of the caller's labels, and is one of
        `documents` where they are given.
        """
        if access.tenant != self.tenant:
            return np.zeros(self.size, np.bool_)
        parts = [segment.allowed(access.labels) & live for segment, live in zip(self.segments, self.live)]
        if documents is not None:
            numbers = [self.documents[doc_id].number for doc_id in documents if doc_id in self.documents]
            parts = [part & _owned(segment, numbers) for segment, part in zip(self.segments, parts)]
        return np.concatenate(parts) if parts else np.zeros(0, np.bool_)

    # ------------------------------------------------------------ entities

    def known(self, entities: Ids) -> Mask:
        """True for each id that some passage mentions or is about."""
        found = np.zeros(len(entities), np.bool_)
        for segment, late in zip(self.segments, self.late):
            found |= position(segment.columns.entity_ids, entities) >= 0
            found |= position(late.entity_ids, entities) >= 0
        if self.same:
            found |= np.fromiter(
                (entity in self.same for entity in entities.tolist()), np.bool_, len(entities)
            )
        return found

    def _all(self, entities: Ids) -> tuple[NDArray[np.int64], Ids]:
        """(index into entities, id) of the entities and of what is the same."""
        owners = np.arange(len(entities))
        more = [
            (number, other)
            for number, entity in enumerate(entities.tolist() if self.same else ())
            for other in self.same.get(entity, ())
        ]
        if not more:
            return owners, entities
        extra = np.array(more, np.int64)
        return np.concatenate([owners, extra[:, 0]]), np.concatenate([entities, extra[:, 1]])

    def names(self, entities: Ids) -> list[str]:
        """The name of each of the entities; empty where the graph does not know it."""
        names = [""] * len(entities)
        for segment, late in zip(self.segments, self.late):
            for table in (segment.columns, late) if len(late.entity_ids) else (segment.columns,):
                for number, at in enumerate(position(table.entity_ids, entities).tolist()):
                    if at >= 0 and not names[number]:
                        names[number] = table.names.text(at)
        return names

    def places(self, entities: Ids) -> "Places":
        """Where the segments have the entities: to be asked once by who asks several things of them."""
        index, ids = self._all(entities)
        found = tuple(found_in(segment.columns.entity_ids, ids) for segment in self.segments)
        return Places(entities, index, ids, found)

    def _placed(self, entities: "Ids | Places") -> "Places":
        return entities if isinstance(entities, Places) else self.places(entities)

    def kinds(self, entities: "Ids | Places") -> NDArray[np.uint8]:
        """Index into `kg.arrays.KINDS` for each of the entities."""
        placed = self._placed(entities)
        kinds = np.zeros(len(placed.entities), np.uint8)
        for segment, late, (index, local) in zip(self.segments, self.late, placed.found):
            own = index < len(kinds)  # the first are the entities themselves
            _take_evident(kinds, index[own], segment.columns.kinds[local[own]])
            if len(late.entity_ids):
                entity, at = found_in(late.entity_ids, placed.entities)
                _take_evident(kinds, entity, late.kinds[at])
        return kinds

    def frequency(self, entities: "Ids | Places") -> NDArray[np.int64]:
        """How many passages mention each of the entities."""
        placed = self._placed(entities)
        counts = np.zeros(len(placed.entities), np.int64)
        for segment, (index, local) in zip(self.segments, placed.found):
            sizes = segment.mentioning_starts[local + 1] - segment.mentioning_starts[local]
            np.add.at(counts, placed.owner[index], sizes)
        if self._late_parts:
            owner, passage = self._late_mentioning(placed)
            if len(owner):
                pairs = distinct((owner << 32) | passage)
                counts += np.bincount(pairs >> 32, minlength=len(placed.entities))
        return counts

    def mentioning(self, entities: "Ids | Places") -> tuple[NDArray[np.int64], Ints]:
        """(index into entities, passage) for every passage that mentions one of them; a passage may
        come twice.
        """
        placed = self._placed(entities)
        owners, passages = [], []
        if self._late_parts:
            owner, passage = self._late_mentioning(placed)
            owners, passages = [owner], [passage]
        for segment, offset, (index, local) in zip(self.segments, self._passage_offsets, placed.found):
            if len(local):
                owner, where = ragged(segment.mentioning_starts, local, placed.owner[index])
                owners.append(owner)
                passages.append(segment.mentioning[where] + np.int32(offset))
        return _together(owners, np.int64), _together(passages, np.int32)

    @cached_property
    def _late_parts(self) -> list[tuple[Segment, Late, int]]:
        """Those segments that have late mentions."""
        return [
            (segment, late, offset)
            for segment, late, offset in zip(self.segments, self.late, self._passage_offsets)
            if len(late.sentence)
        ]

    def _late_mentioning(self, placed: "Places") -> tuple[NDArray[np.int64], Ints]:
        owners, passages = [], []
        order = placed.ids.argsort(kind="stable")
        ids = placed.ids[order]
        for segment, late, offset in self._late_parts:
            if not len(found_in(late.entity_ids, ids)[0]):
                continue
            begin, end = (ids.searchsorted(late.entity, side) for side in ("left", "right"))
            mention, at = _between(begin, end)  # who asks twice for an entity is told twice
            owners.append(placed.owner[order[at]])
            passages.append(segment.columns.passage_of[late.sentence[mention]] + np.int32(offset))
        return _together(owners, np.int64), _together(passages, np.int32)

    def about(self, entities: "Ids | Places") -> Abouts:
        """Every passage that is about one of the entities."""
        placed = self._placed(entities)
        owners, passages, whole = [], [], []
        for segment, offset, (index, local) in zip(self.segments, self._passage_offsets, placed.found):
            if len(local):
                owner, where = ragged(segment.about_starts, local, placed.owner[index])
                subjects = segment.about[where]
                wanted = segment.columns.subject_role[subjects] != TERM
                subjects = subjects[wanted]
                owners.append(owner[wanted])
                passages.append(segment.columns.subject_passage[subjects] + np.int32(offset))
                whole.append(segment.columns.subject_whole[subjects])
        return Abouts(_together(owners, np.int64), _together(passages, np.int32), _together(whole, np.bool_))

    def subject(self, passages: Ints) -> Ids:
        """The entity that each passage is about before all; -1 where there is none."""
        found = np.full(len(passages), -1, np.int64)
        for segment, offset in zip(self.segments, self._passage_offsets):
            asked = _within(passages, offset, segment.size)
            at = segment.subject_of[passages[asked] - offset]
            known = at >= 0
            found[asked[known]] = segment.columns.entity_ids[at[known]]
        return found

    def subjects(self, passages: Ints) -> Iterator[tuple[int, int, str, bool]]:
        """(passage, entity, role, whole) of everything that the passages are about."""
        for segment, offset in zip(self.segments, self._passage_offsets):
            columns = segment.columns
            asked = passages[(passages >= offset) & (passages < offset + segment.size)] - offset
            for at in np.flatnonzero(np.isin(columns.subject_passage, asked)).tolist():
                role = ROLES[columns.subject_role[at]]
                passage, entity = int(columns.subject_passage[at]) + offset, int(columns.subject_entity[at])
                yield passage, entity, role, bool(columns.subject_whole[at])

    # ------------------------------------------------------------ passages and their sentences

    def sentences(self, passages: Ints) -> tuple[NDArray[np.int64], Ints]:
        """(index into passages, sentence) for every sentence of the passages, in order."""
        owners, found = [], []
        for at, (segment, offset) in enumerate(zip(self.segments, self._passage_offsets)):
            asked = _within(passages, offset, segment.size)
            if len(asked):
                owner, where = ragged(segment.sentence_starts, passages[asked] - offset, asked)
                owners.append(owner)
                found.append(where.astype(np.int32) + np.int32(self._sentence_offsets[at]))
        return _together(owners, np.int64), _together(found, np.int32)

    def mentions(self, sentences: Ints) -> Mentions:
        """The mentions in these sentences."""
        owners, entities, places = [], [], []
        for number, segment, asked, local in self._by_segment(sentences):
            owner, where = ragged(segment.mention_starts, local, asked)
            owners.append(owner)
            entities.append(segment.columns.mention_entity[where])
            places.append(segment.columns.mention_places[where])
            late = self.late[number]
            if len(late.sentence):
                begin, end = (late.sentence.searchsorted(local, side) for side in ("left", "right"))
                owner, where = _between(begin, end)
                owners.append(asked[owner])
                entities.append(late.entity[where])
                places.append(late.places[where])
        owner = _together(owners, np.int64)
        place = _together(places, np.int32) if places else np.zeros((0, 2), np.int32)
        return Mentions(owner, sentences[owner], _together(entities, np.int64), place)

    def words(self, sentences: Ints) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """(index into sentences, word) for every word of the sentences."""
        owners, words = [], []
        for _, segment, asked, local in self._by_segment(sentences):
            owner, where = ragged(segment.columns.word_starts, local, asked)
            owners.append(owner)
            words.append(segment.columns.words[where])
        return _together(owners, np.int64), _together(words, np.uint32)

    def _by_segment(self, sentences: Ints) -> Iterable[tuple[int, Segment, NDArray[np.int64], Ints]]:
        """Of each segment that has some of the sentences: (its number, it, index into sentences, local number)."""
        for number, (segment, offset) in enumerate(zip(self.segments, self._sentence_offsets)):
            asked = _within(sentences, offset, len(segment.columns.passage_of))
            if len(asked):
                yield number, segment, asked, sentences[asked] - offset

    # ------------------------------------------------------------ words

    def postings(self, words: NDArray[np.uint32]) -> list[Postings]:
        """Of each word, which is in no order."""
        spans = [segment.postings_of(words) for segment in self.segments]
        by_word = zip(*spans) if spans else [()] * len(words)
        return [Postings(own, sum(end - begin for begin, end in own)) for own in by_word]

    def lexical(self, words: Sequence[tuple[Postings, float]], scores: Floats | None = None) -> Floats:
        """BM25 of every passage for these words (each once), each with its idf. `scores`: of other words,
        which it is added to.
        """
        scores = np.zeros(self.size, np.float32) if scores is None else scores.copy()
        for number, (segment, offset) in enumerate(zip(self.segments, self._passage_offsets)):
            own = scores[offset : offset + segment.size]
            for postings, idf in words:
                begin, end = postings.spans[number]
                if begin < end:
                    own[segment.postings[begin:end]] += segment.weights[begin:end] * np.float32(idf / STEP)
        return scores

    def holding(self, runs: Sequence[Run]) -> list[list[tuple[int, int]]]:
        """For each run of words (document, ordinal) of the live passages that hold all of them and are not
        known to mention the entity, in order.
        """
        found: list[list[tuple[int, int]]] = [[] for _ in runs]
        if not runs:
            return found
        words = np.concatenate([run.words for run in runs])
        starts = np.cumsum([0, *[len(run.words) for run in runs]])
        entities = np.array([run.entity for run in runs], np.int64)
        for segment, live in zip(self.segments, self.live):
            run_of, passages = _holding(segment, words, starts)
            kept = live[passages]
            run_of, passages = _not_mentioning(segment, entities, run_of[kept], passages[kept])
            columns = segment.columns
            for at, passage in zip(run_of.tolist(), passages.tolist()):
                if not runs[at].in_order or segment.has_in_order(passage, runs[at].words):
                    document = columns.documents[int(columns.document_of[passage])]
                    found[at].append((document.number, int(columns.ordinals[passage])))
        return [sorted(places) for places in found]

    def subject_names(self) -> list[str]:
        """The names that some passage is about."""
        found: dict[str, None] = {}
        for segment in self.segments:
            counts = np.diff(segment.about_starts)
            found.update(
                (segment.columns.names.text(number), None) for number in np.flatnonzero(counts).tolist()
            )
        return list(found)

    # ------------------------------------------------------------ change

    def with_changes(
        self,
        *,
        generation: int,
        added: Columns | None = None,
        gone: Collection[str] = (),
        late: Sequence[LateRow] = (),
        identity: Identity | None = None,
    ) -> "Graph":
        """The graph with the documents `gone` (doc_ids) taken out, those of `added` put in, and the
        mentions `late` added to what stays.
        """
        numbers = [self.documents[doc_id].number for doc_id in gone if doc_id in self.documents]
        live = [
            mask & ~_owned(segment, numbers) if numbers else mask
            for segment, mask in zip(self.segments, self.live)
        ]
        parts = list(zip(self.segments, live, self._with_late(late)))
        if added is not None and len(added.ordinals):
            segment = build(added)
            parts.append((segment, np.ones(segment.size, np.bool_), NO_LATE))
        parts = _tidy(parts)
        return Graph(
            tenant=self.tenant,
            generation=generation,
            documents=self.documents.with_changes(gone, added.documents if added else ()),
            segments=tuple(segment for segment, _, _ in parts),
            live=tuple(mask for _, mask, _ in parts),
            late=tuple(mentions for _, _, mentions in parts),
            same=self.same if identity is None else identity.same,
            contexts=self.contexts if identity is None else identity.contexts,
        )

    def _with_late(self, rows: Sequence[LateRow]) -> list[Late]:
        """The late mentions of each segment, with those of `rows` among them."""
        if not rows:
            return list(self.late)
        found = []
        wanted = hashes([row.chunk_id for row in rows])
        for segment, mask, known in zip(self.segments, self.live, self.late):
            index, passages = segment.locate(wanted)
            there = mask[passages]
            kept = [rows[number] for number in index[there].tolist()]
            new = _late(segment, kept, passages[there]) if kept else NO_LATE
            found.append(join_late(known, new))
        return found


Part = tuple[Segment, Mask, Late]


def _late(segment: Segment, rows: Sequence[LateRow], passages: Ints) -> Late:
    sentence = segment.sentence_starts[passages] + np.array([row.sentence for row in rows], np.int32)
    order = np.argsort(sentence, kind="stable")
    names = {row.entity: row for row in rows}
    ids = sorted(names)
    return Late(
        sentence=sentence[order],
        entity=np.array([row.entity for row in rows], np.int64)[order],
        places=np.array([[row.start, row.stop] for row in rows], np.int32)[order],
        entity_ids=np.array(ids, np.int64),
        names=Texts.of(names[number].name for number in ids),
        kinds=np.array([KINDS.index(names[number].kind) for number in ids], np.uint8),
    )


def _between(begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(index, value) for every value from begin[index] to end[index]."""
    counts = end - begin
    owner = np.repeat(np.arange(len(begin)), counts)
    return owner, np.arange(len(owner)) + np.repeat(begin - (np.cumsum(counts) - counts), counts)


def _holding(
    segment: Segment, words: NDArray[np.uint32], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Ints]:
    """(run, passage) where all words of a run stand in a passage, ascending; run i has the words
    [starts[i], starts[i + 1]). The rarest word of each names the passages, the others have to be there too.
    """
    at = position(segment.terms, words)
    known = np.logical_and.reduceat(at >= 0, starts[:-1])
    run_of = np.repeat(np.arange(len(known)), np.diff(starts))
    kept = known[run_of]
    at, run_of = at[kept], run_of[kept]
    order = np.lexsort((segment.posting_starts[at + 1] - segment.posting_starts[at], run_of))
    at, run_of = at[order], run_of[order]
    rank = np.arange(len(at)) - np.searchsorted(run_of, run_of)

    def pairs(those: Mask) -> NDArray[np.int64]:
        owner, where = ragged(segment.posting_starts, at[those])
        return (run_of[those][owner] << 32) | segment.postings[where]

    found = pairs(rank == 0)
    for number in range(1, int(rank.max(initial=0)) + 1):
        asked = (rank == number) & np.isin(run_of, found >> 32)
        without = ~np.isin(found >> 32, run_of[asked])
        found = found[without | (position(pairs(asked), found) >= 0)]
    return found >> 32, (found & 0xFFFFFFFF).astype(np.int32)


def _not_mentioning(
    segment: Segment, entities: Ids, run_of: NDArray[np.int64], passages: Ints
) -> tuple[NDArray[np.int64], Ints]:
    """The pairs without those whose passage is known to mention the run's entity."""
    asked = np.unique(run_of)
    there, at = found_in(segment.columns.entity_ids, entities[asked])
    owner, where = ragged(segment.mentioning_starts, at)
    mentioned = (asked[there][owner] << 32) | segment.mentioning[where]
    new = position(mentioned, (run_of << 32) | passages) < 0
    return run_of[new], passages[new]


def _owned(segment: Segment, numbers: Collection[int]) -> Mask:
    """True for each passage of these documents."""
    owned: Mask = np.isin(segment.document_numbers, list(numbers))[segment.columns.document_of]
    return owned


def _within(numbers: NDArray[Any], offset: int, count: int) -> NDArray[np.int64]:
    """Which of the numbers are those of a segment."""
    return ((numbers >= offset) & (numbers < offset + count)).nonzero()[0]


def _take_evident(kinds: NDArray[np.uint8], index: NDArray[np.int64], found: NDArray[np.uint8]) -> None:
    evident = found > 0
    kinds[index[evident]] = found[evident]


def _together(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _tidy(parts: list[Part]) -> list[Part]:
    """Without empty segments; late mentions folded in where they are many; the newest segments
    merged, like the levels of a log.
    """
    kept = [_folded(part) for part in parts if part[1].any()]
    tail = _mergeable([int(mask.sum()) for _, mask, _ in kept])
    if tail > 1:
        kept[-tail:] = [_built([_live_columns(part) for part in kept[-tail:]])]
    return kept


def _folded(part: Part) -> Part:
    segment, _, late = part
    many = len(late.sentence) > max(_MOST_LATE, len(segment.mentioned) // 8)
    return _built([_live_columns(part)]) if many else part


def _live_columns(part: Part) -> Columns:
    segment, mask, late = part
    return select(fold(segment.columns, late), mask)


def _built(columns: Sequence[Columns]) -> Part:
    segment = build(join(columns))
    return segment, np.ones(segment.size, np.bool_), NO_LATE


def _mergeable(sizes: list[int]) -> int:
    """How many of the last segments should become one: each that is not much larger than all behind it, so
    that few segments are walked, and a passage is built again only as often as what it stands in doubles.
    """
    if not sizes:
        return 0
    total, count = sizes[-1], 1
    for size in reversed(sizes[:-1]):
        if size > max(_SMALL, _MUCH_LARGER * total) or total + size > _MOST_MERGED:
            break
        total, count = total + size, count + 1
    return count
