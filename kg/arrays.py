"""One block of passages as arrays: what the query path walks.

A `Segment` is built once from rows and never changes. Passages, sentences and entities have local
numbers, from 0, in the order of the rows; the ids of entities are those of the rows, so that the
segments of one graph speak of the same things. Knows nothing of SQL or of questions.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Ids = NDArray[np.int64]
Words = NDArray[np.uint32]

KINDS = (
    "name",
    "organisation",
    "person",
    "quantity",
    "period",
    "ticker",
    "metric",
    "drug",
    "diagnosis",
    "laboratory",
)
ROLES = ("title", "section", "caption", "lead", "defined", "term")
TERM = ROLES.index("term")  # a name that a passage defines, but is not about

_REMEMBERED = 64  # sets of labels

K1, B = 0.9, 0.4  # BM25 as research on bridge retrieval set it
HEADING_COUNTS = 2  # a heading's words count as often
STEP = 255 / (K1 + 1)  # BM25 weights are kept in a byte each


class DocumentRow(NamedTuple):
    """A document of a segment. `number` is its id in the rows."""

    number: int
    doc_id: str
    version: int
    access: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of whole documents, each list in the order of its primary key.

    passages: (document, passage, chunk_id, heading words)
    sentences: (document, passage, sentence, start, stop, words)
    mentions: (document, passage, sentence, start, entity, stop), in any order
    subjects: (document, passage, entity, role, whole)
    entities: (id, name, kind), all that the mentions and subjects speak of, perhaps more
    """

    documents: Sequence[DocumentRow]
    passages: Sequence[Any]
    sentences: Sequence[Any]
    mentions: Sequence[Any]
    subjects: Sequence[Any]
    entities: Sequence[Any]


def _offsets(sizes: Sequence[int] | NDArray[Any]) -> Ids:
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts


class Texts(NamedTuple):
    """Many short texts in one block of memory."""

    starts: Ids
    block: NDArray[np.uint8]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        encoded = [text.encode() for text in texts]
        return cls(_offsets([len(text) for text in encoded]), np.frombuffer(b"".join(encoded), np.uint8))

    @classmethod
    def join(cls, parts: Sequence["Texts"]) -> "Texts":
        return cls(*_joined([(part.starts, part.block) for part in parts]))

    def text(self, number: int) -> str:
        return self.block[self.starts[number] : self.starts[number + 1]].tobytes().decode()

    def texts(self, numbers: NDArray[Any]) -> list[str]:
        """As `text`, of many."""
        block = self.block.data
        begins, ends = self.starts[numbers].tolist(), self.starts[numbers + 1].tolist()
        return [str(block[begin:end], "utf-8") for begin, end in zip(begins, ends)]

    def all(self) -> list[str]:
        block, bounds = self.block.tobytes(), self.starts.tolist()
        return [block[begin:end].decode() for begin, end in pairwise(bounds)]

    def select(self, numbers: NDArray[Any]) -> "Texts":
        return Texts(*_selected(self.starts, self.block, numbers))


class Columns(NamedTuple):
    """The rows as arrays: all of a segment that cannot be made from the rest of it."""

    documents: tuple[DocumentRow, ...]
    document_of: Ints  # of each passage, an index into documents
    ordinals: Ints
    chunk_ids: Texts
    heading_starts: Ids  # of each passage
    headings: Words
    passage_of: Ints  # of each sentence
    places: Ints  # (sentences, 2): characters of the chunk's text
    word_starts: Ids  # of each sentence
    words: Words
    mention_sentence: Ints
    mention_entity: Ids
    mention_places: Ints  # (mentions, 2)
    subject_passage: Ints
    subject_entity: Ids
    subject_role: NDArray[np.uint8]  # index into ROLES
    subject_whole: NDArray[np.bool_]
    entity_ids: Ids  # ascending
    names: Texts
    kinds: NDArray[np.uint8]  # index into KINDS


@dataclass(frozen=True, slots=True)
class Segment:
    """Ragged arrays come as (starts, values): the values of i are values[starts[i]:starts[i + 1]]."""

    columns: Columns
    document_numbers: Ids  # of the documents, in their order
    chunk_hashes: Ids  # ascending
    chunk_order: Ints  # the passages of these hashes
    sentence_starts: Ints  # of each passage
    mention_starts: Ints  # of each sentence
    mentioned: Ints  # of each mention, an index into entity_ids
    mentioning_starts: Ints  # of each entity
    mentioning: Ints  # passages, without repetition
    about_starts: Ints  # of each entity
    about: Ints  # indices of subjects
    subject_of: Ints  # of each passage: the entity that it is about before all, or -1
    terms: Words  # ascending
    posting_starts: Ids
    postings: Ints  # passages
    weights: NDArray[np.uint8]  # BM25 without idf, times STEP
    _allowed: dict[frozenset[str], NDArray[np.bool_]] = field(default_factory=dict)

    def allowed(self, labels: frozenset[str]) -> NDArray[np.bool_]:
        """True for each passage whose document carries one of the labels; remembered."""
        mask = self._allowed.get(labels)
        if mask is None:
            documents = [not labels.isdisjoint(document.access) for document in self.columns.documents]
            mask = np.array(documents, np.bool_)[self.columns.document_of]
            if len(self._allowed) >= _REMEMBERED:
                self._allowed.clear()
            self._allowed[labels] = mask
        return mask

    @property
    def size(self) -> int:
        """Passages, deleted ones included."""
        return len(self.columns.ordinals)

    def locate(self, hashes: Ids) -> tuple[NDArray[np.int64], Ints]:
        """(index into hashes, passage) of the chunks of these `hashes` that are here."""
        index, at = found_in(self.chunk_hashes, hashes)
        return index, self.chunk_order[at]

    def postings_of(self, words: Words) -> list[tuple[int, int]]:
        """(begin, end) of the postings of each word; nothing is between where there are none."""
        spans = [(0, 0)] * len(words)
        index, at = found_in(self.terms, words)
        begins, ends = self.posting_starts[at].tolist(), self.posting_starts[at + 1].tolist()
        for number, begin, end in zip(index.tolist(), begins, ends):
            spans[number] = begin, end
        return spans

    def has_in_order(self, passage: int, words: Words) -> bool:
        """Whether the words stand in the text of the passage one behind the other."""
        first, last = self.sentence_starts[passage : passage + 2].tolist()
        begin, end = self.columns.word_starts[first], self.columns.word_starts[last]
        return words.tobytes() in self.columns.words[begin:end].tobytes()

    def memory(self) -> int:
        """Bytes of the arrays."""
        own = sum(
            value.nbytes for name in self.__slots__ if isinstance(value := getattr(self, name), np.ndarray)
        )
        columns = sum(value.nbytes for value in self.columns if isinstance(value, np.ndarray))
        texts = (value for value in self.columns if isinstance(value, Texts))
        return own + columns + sum(text.block.nbytes + text.starts.nbytes for text in texts)


def hashes(chunk_ids: Collection[str]) -> Ids:
    """Python's own: another one in every process, but these arrays are of this one, and it is fast."""
    return np.fromiter(map(hash, chunk_ids), np.int64, len(chunk_ids))


def position(ascending: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.int64]:
    """Where each of `wanted` stands in `ascending`; -1 where it does not."""
    if not len(ascending):
        return np.full(len(wanted), -1, np.int64)
    at = ascending.searchsorted(wanted)
    np.minimum(at, len(ascending) - 1, out=at)
    at[ascending[at] != wanted] = -1
    return at


def found_in(ascending: NDArray[Any], wanted: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(index into wanted, where it stands in `ascending`) of those that stand there."""
    if not len(ascending):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    at = ascending.searchsorted(wanted)
    np.minimum(at, len(ascending) - 1, out=at)
    index = (ascending[at] == wanted).nonzero()[0]
    return index, at[index]


def ragged(
    starts: NDArray[Any], index: NDArray[Any], owners: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For the values of each of `index`: (which of them, or of `owners`, where the value stands)."""
    begin = starts[index].astype(np.int64, copy=False)
    counts = starts[index + 1] - begin
    # Methods, not numpy's functions of the same name: a question comes here fifty times with short arrays.
    owner = (np.arange(len(index)) if owners is None else owners).repeat(counts)
    where = (begin - counts.cumsum() + counts).repeat(counts)
    where += np.arange(len(where))
    return owner, where


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Each value once, ascending, in a fifth of the time that `np.unique` takes for a few."""
    ordered = np.sort(values)
    return ordered[_first_of_each(ordered)]


def strongest(keys: NDArray[Any], worth: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """(key, where it stands with the highest worth, the first such) of each key, ascending."""
    order = np.lexsort((-worth, keys))
    ordered = keys[order]
    first = _first_of_each(ordered)
    return ordered[first], order[first]


def _first_of_each(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    first = np.empty(len(ordered), np.bool_)
    first[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


class Late(NamedTuple):
    """Mentions that came to a segment after it was built. `sentence` ascending."""

    sentence: Ints
    entity: Ids
    places: Ints  # (n, 2)
    entity_ids: Ids  # ascending
    names: Texts
    kinds: NDArray[np.uint8]


NO_LATE = Late(
    np.zeros(0, np.int32),
    np.zeros(0, np.int64),
    np.zeros((0, 2), np.int32),
    np.zeros(0, np.int64),
    Texts.of([]),
    np.zeros(0, np.uint8),
)


def join_late(one: Late, other: Late) -> Late:
    sentence = np.concatenate([one.sentence, other.sentence])
    order = np.argsort(sentence, kind="stable")
    ids, first = np.unique(np.concatenate([one.entity_ids, other.entity_ids]), return_index=True)
    return Late(
        sentence[order],
        np.concatenate([one.entity, other.entity])[order],
        np.concatenate([one.places, other.places])[order],
        ids,
        Texts.join([one.names, other.names]).select(first),
        _kinds(ids, [(one.entity_ids, one.kinds), (other.entity_ids, other.kinds)]),
    )


def fold(columns: Columns, late: Late) -> Columns:
    """The columns with the late mentions among the others."""
    if not len(late.sentence):
        return columns
    sentence = np.concatenate([columns.mention_sentence, late.sentence])
    order = np.argsort(sentence, kind="stable")
    ids, first = np.unique(np.concatenate([columns.entity_ids, late.entity_ids]), return_index=True)
    return columns._replace(
        mention_sentence=sentence[order],
        mention_entity=np.concatenate([columns.mention_entity, late.entity])[order],
        mention_places=np.concatenate([columns.mention_places, late.places])[order],
        entity_ids=ids,
        names=Texts.join([columns.names, late.names]).select(first),
        kinds=_kinds(ids, [(columns.entity_ids, columns.kinds), (late.entity_ids, late.kinds)]),
    )


def from_rows(rows: Rows) -> Columns:
    numbers = np.array([document.number for document in rows.documents], np.int64)
    order = np.argsort(numbers)
    passages = _integers(rows.passages, 2)
    keys = _key(passages[0], passages[1])
    sentences = _integers(rows.sentences, 5)
    passage_of = np.searchsorted(keys, _key(sentences[0], sentences[1])).astype(np.int32)
    first_sentence = _starts(passage_of, len(keys))
    mentions = _integers(rows.mentions, 6)
    mention_passage = np.searchsorted(keys, _key(mentions[0], mentions[1]))
    mention_sentence = first_sentence[mention_passage] + mentions[2].astype(np.int32)
    in_order = np.lexsort((mentions[3], mention_sentence))
    subjects = _integers(rows.subjects, 3)
    heading_starts, headings = pieces([row[3] for row in rows.passages])
    word_starts, words = pieces([row[5] for row in rows.sentences])
    entities = sorted(rows.entities, key=itemgetter(0))
    return Columns(
        documents=tuple(rows.documents),
        document_of=order[np.searchsorted(numbers[order], passages[0])].astype(np.int32),
        ordinals=passages[1].astype(np.int32),
        chunk_ids=Texts.of(row[2] for row in rows.passages),
        heading_starts=heading_starts,
        headings=headings,
        passage_of=passage_of,
        places=np.stack(sentences[3:5], axis=1).astype(np.int32),
        word_starts=word_starts,
        words=words,
        mention_sentence=mention_sentence[in_order],
        mention_entity=mentions[4][in_order],
        mention_places=np.stack([mentions[3], mentions[5]], axis=1).astype(np.int32)[in_order],
        subject_passage=np.searchsorted(keys, _key(subjects[0], subjects[1])).astype(np.int32),
        subject_entity=subjects[2],
        subject_role=np.array([ROLES.index(row[3]) for row in rows.subjects], np.uint8),
        subject_whole=np.array([bool(row[4]) for row in rows.subjects], np.bool_),
        entity_ids=np.array([row[0] for row in entities], np.int64),
        names=Texts.of(row[1] for row in entities),
        kinds=np.array([KINDS.index(row[2]) for row in entities], np.uint8),
    )


def select(columns: Columns, live: NDArray[np.bool_]) -> Columns:
    """The columns of the passages that are live (bool, one for each)."""
    if live.all():
        return columns
    passages = np.flatnonzero(live)
    sentences = np.flatnonzero(live[columns.passage_of])
    mentions = np.flatnonzero(live[columns.passage_of[columns.mention_sentence]])
    subjects = np.flatnonzero(live[columns.subject_passage])
    kept = np.unique(columns.document_of[passages])
    used = np.isin(
        columns.entity_ids,
        np.concatenate([columns.mention_entity[mentions], columns.subject_entity[subjects]]),
    )
    heading_starts, headings = _selected(columns.heading_starts, columns.headings, passages)
    word_starts, words = _selected(columns.word_starts, columns.words, sentences)
    return Columns(
        documents=tuple(columns.documents[number] for number in kept.tolist()),
        document_of=np.searchsorted(kept, columns.document_of[passages]).astype(np.int32),
        ordinals=columns.ordinals[passages],
        chunk_ids=columns.chunk_ids.select(passages),
        heading_starts=heading_starts,
        headings=headings,
        passage_of=np.searchsorted(passages, columns.passage_of[sentences]).astype(np.int32),
        places=columns.places[sentences],
        word_starts=word_starts,
        words=words,
        mention_sentence=np.searchsorted(sentences, columns.mention_sentence[mentions]).astype(np.int32),
        mention_entity=columns.mention_entity[mentions],
        mention_places=columns.mention_places[mentions],
        subject_passage=np.searchsorted(passages, columns.subject_passage[subjects]).astype(np.int32),
        subject_entity=columns.subject_entity[subjects],
        subject_role=columns.subject_role[subjects],
        subject_whole=columns.subject_whole[subjects],
        entity_ids=columns.entity_ids[used],
        names=columns.names.select(np.flatnonzero(used)),
        kinds=columns.kinds[used],
    )


def join(parts: Sequence[Columns]) -> Columns:
    """One after another."""
    if len(parts) == 1:
        return parts[0]
    passages = _offsets([len(part.ordinals) for part in parts])
    sentences = _offsets([len(part.passage_of) for part in parts])
    documents = _offsets([len(part.documents) for part in parts])
    heading_starts, headings = _joined([(part.heading_starts, part.headings) for part in parts])
    word_starts, words = _joined([(part.word_starts, part.words) for part in parts])
    ids, first = np.unique(np.concatenate([part.entity_ids for part in parts]), return_index=True)

    def shifted(name: str, by: Ids) -> Ints:
        moved = [getattr(part, name) + offset for part, offset in zip(parts, by.tolist())]
        return np.concatenate(moved).astype(np.int32)

    def whole(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Columns(
        documents=tuple(document for part in parts for document in part.documents),
        document_of=shifted("document_of", documents),
        ordinals=whole("ordinals"),
        chunk_ids=Texts.join([part.chunk_ids for part in parts]),
        heading_starts=heading_starts,
        headings=headings,
        passage_of=shifted("passage_of", passages),
        places=whole("places"),
        word_starts=word_starts,
        words=words,
        mention_sentence=shifted("mention_sentence", sentences),
        mention_entity=whole("mention_entity"),
        mention_places=whole("mention_places"),
        subject_passage=shifted("subject_passage", passages),
        subject_entity=whole("subject_entity"),
        subject_role=whole("subject_role"),
        subject_whole=whole("subject_whole"),
        entity_ids=ids,
        names=Texts.join([part.names for part in parts]).select(first),
        kinds=_kinds(ids, [(part.entity_ids, part.kinds) for part in parts]),
    )


def _kinds(ids: Ids, parts: Sequence[tuple[Ids, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """The kind of each entity: the last that was evident, as in the rows."""
    kinds = np.zeros(len(ids), np.uint8)
    for known, kind in parts:
        evident = kind > 0
        kinds[np.searchsorted(ids, known[evident])] = kind[evident]
    return kinds


def build(columns: Columns) -> Segment:
    """What the query path needs, made from the columns."""
    size, entities = len(columns.ordinals), len(columns.entity_ids)
    mentioned = np.searchsorted(columns.entity_ids, columns.mention_entity).astype(np.int32)
    subject = np.searchsorted(columns.entity_ids, columns.subject_entity).astype(np.int32)
    pairs = distinct(_key(mentioned, columns.passage_of[columns.mention_sentence]))
    by_subject = np.lexsort((columns.subject_passage, subject))
    chunk_hashes = hashes(columns.chunk_ids.all())
    by_hash = np.argsort(chunk_hashes)
    heading_of = np.repeat(np.arange(size, dtype=np.int32), np.diff(columns.heading_starts))
    terms, posting_starts, postings, weights = _postings(
        np.concatenate([columns.words, *[columns.headings] * HEADING_COUNTS]),
        np.concatenate(
            [np.repeat(columns.passage_of, np.diff(columns.word_starts)), *[heading_of] * HEADING_COUNTS]
        ),
        size,
    )
    return Segment(
        columns=columns,
        document_numbers=np.array([document.number for document in columns.documents], np.int64),
        chunk_hashes=chunk_hashes[by_hash],
        chunk_order=by_hash.astype(np.int32),
        sentence_starts=_starts(columns.passage_of, size),
        mention_starts=_starts(columns.mention_sentence, len(columns.passage_of)),
        mentioned=mentioned,
        mentioning_starts=_starts(pairs >> 32, entities),
        mentioning=(pairs & 0xFFFFFFFF).astype(np.int32),
        about_starts=_starts(subject[by_subject], entities),
        about=by_subject.astype(np.int32),
        subject_of=_first_subject(columns, subject),
        terms=terms,
        posting_starts=posting_starts,
        postings=postings,
        weights=weights,
    )


def _integers(rows: Sequence[Any], count: int) -> list[Ids]:
    """The first `count` columns, all integers."""
    flat = np.fromiter((value for row in rows for value in row[:count]), np.int64, len(rows) * count)
    return list(flat.reshape(-1, count).T)


def _key(high: NDArray[Any], low: NDArray[Any]) -> Ids:
    keys: Ids = (high.astype(np.int64) << 32) | low.astype(np.int64)
    return keys


def _starts(owners: NDArray[Any], size: int) -> Ints:
    """`owners` ascending: where the items of each of `size` owners begin, and the end."""
    return np.searchsorted(owners, np.arange(size + 1)).astype(np.int32)


def pieces(words: Sequence[bytes]) -> tuple[Ids, Words]:
    """(starts, words) of the words of many pieces of text."""
    return _offsets([len(some) // 4 for some in words]), np.frombuffer(b"".join(words), np.uint32)


def _selected(starts: Ids, values: NDArray[Any], index: NDArray[Any]) -> tuple[Ids, NDArray[Any]]:
    _, at = ragged(starts, index)
    return _offsets(starts[index + 1] - starts[index]), values[at]


def _joined(parts: Sequence[tuple[Ids, NDArray[Any]]]) -> tuple[Ids, NDArray[Any]]:
    sizes = np.concatenate([np.diff(starts) for starts, _ in parts])
    return np.concatenate([[0], np.cumsum(sizes)]), np.concatenate([values for _, values in parts])


def _first_subject(columns: Columns, subject: Ints) -> Ints:
    """Of each passage the entity of its first whole key: a title before a section before a lead."""
    best = np.full(len(columns.ordinals), -1, np.int32)
    kept = np.flatnonzero(columns.subject_whole)
    order = kept[np.lexsort((columns.subject_role[kept], columns.subject_passage[kept]))][::-1]
    best[columns.subject_passage[order]] = subject[order]  # of repeated places numpy keeps the last, the best
    return best


def _postings(words: Words, passage: Ints, size: int) -> tuple[Words, Ids, Ints, NDArray[np.uint8]]:
    """(terms, starts, passages, weights) of words and the passages that they stand in."""
    length = np.bincount(passage, minlength=size)
    norm = K1 * (1 - B + B * length / max(1.0, float(length.mean()) if size else 1.0))
    keys = (words.astype(np.uint64) << np.uint64(32)) | passage.astype(np.uint64)
    keys.sort()
    first = _first_of_each(keys).nonzero()[0]
    frequency = np.diff(first, append=len(keys))
    keys = keys[first]
    postings = (keys & np.uint64(0xFFFFFFFF)).astype(np.int32)
    term_of = (keys >> np.uint64(32)).astype(np.uint32)
    starts = _first_of_each(term_of).nonzero()[0]
    weights = frequency * (K1 + 1) / (frequency + norm[postings])
    return (
        term_of[starts],
        np.append(starts, len(keys)).astype(np.int64),
        postings,
        np.rint(weights * STEP).astype(np.uint8),
    )
