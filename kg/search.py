"""QUESTION + BASE SCORES -> the ranking with what the graph can reach, each with its path.

Bridge expansion (research on graph retrieval, section 6): passages about the things that the question
names are lifted; of the best of them every sentence is weighed by the words of the question that it
holds, and the names in it lead on to the passages about them, and to passages that mention them and
hold the rest of the question; twice. No model; a dense score for the second hop may be handed in.
Knows nothing of vectors or stores.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from core.types import Access, Step
from kg.arrays import KINDS, Ids, Ints, distinct, found_in, position, strongest
from kg.graph import Floats, Graph, Mask, Places, Postings
from kg.link import Link, link
from kg.words import Plain, numbers_of

Cosine = Callable[[Collection[str]], Mapping[str, float]]
"""The cosine of the question to each of these chunks; those that it cannot tell are left out."""

_Values = NDArray[np.float64]  # made here, because a function within one makes its types anew at each call
_SOME_SIZE = 1_000  # passages
_LEADS = np.array([kind not in ("quantity", "period", "metric") for kind in KINDS])  # kinds that lead on


@dataclass(frozen=True, slots=True)
class Settings:
    """One setting for all corpora ("joint" in the research; what differs from it was chosen on the
    development sets and on harmlessness where nothing has to be bridged).
    """

    about: float = 1.2  # a passage about a thing that the question names
    part: float = 0.7  # ... known under a part of its key
    one_word: float = 0.35  # a name of no word; each word adds
    each_word: float = 0.325
    sharpness: float = 1.5  # of the choice between several passages about one thing
    crowd: float = 0.5  # power of their number that divides
    mention: float = 0.2  # a passage that mentions it
    mention_df: int = 50
    namesake: float = 0.3  # left of a passage that holds only the words of a name, not the thing
    front: int = 4  # passages that are read in each round
    loose: float = 0.2  # weight of one that has nothing to do with what the question names
    ground: float = 0.4  # weight of a sentence that holds no word of the question
    to_about: float = 1.7
    to_about_ground: float = 0.7
    to_mention: float = 1.2
    to_mention_ground: float = 0.15
    to_mention_df: int = 100
    rarity: float = 0.35  # power of the document frequency that divides
    dense: float = 0.5  # share of the dense score in the second hop
    rescored: int = 60  # candidates of a round that are given to the dense score
    second_round: float = 0.7
    most: float = 0.8  # how near to the best a passage comes by what leads to it alone
    repeat: float = 0.85  # for each further passage about the same thing


JOINT = Settings()
STATED = Settings(about=0, mention=0, most=0.3, namesake=1, repeat=1)
"""For a statement: it says all that is to be checked, so what the words found stays ahead, and what the
graph reaches comes behind.
"""


class Way(Sequence[Step]):
    """The steps that lead to a passage, put into words when somebody looks: of hundreds a few are shown."""

    __slots__ = ("_passage", "_steps", "_walk")

    def __init__(self, walk: "_Walk", passage: int) -> None:
        self._walk = walk
        self._passage = passage
        self._steps: tuple[Step, ...] | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        if self._steps is None:
            self._steps = self._walk.steps(self._passage)
        return self._steps

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        return self.steps[index]

    def __len__(self) -> int:
        return len(self.steps)

    def __bool__(self) -> bool:
        return True


class Bridged(NamedTuple):
    """`path` leads here from the question or from a passage that the base found; it is empty for
    what the graph did not touch. `passage`: its number in the graph, -1 for what the graph does not know.
    """

    chunk_id: str
    score: float
    passage: int = -1
    path: Sequence[Step] = ()


def bridge(
    graph: Graph,
    question: str,
    base: Mapping[str, float],
    *,
    access: Access,
    documents: Collection[str] | None = None,
    cosine: Cosine | None = None,
    limit: int = 100,
    settings: Settings = JOINT,
) -> "Ranking":
    """The best `limit` of what the base found and the graph reached, best first, ties by chunk id.

    `documents`: no others are walked through. `base`: scores from 0 to 1 by chunk id. The scores that come back have its scale, and may exceed 1.
    """
    visible = graph.visible(access, documents)
    walk = _Walk(graph, question, base, visible, cosine, settings)
    walk.lift()
    first = walk.front(walk.score)
    loose = np.where(walk.lifted[first] >= 0, 1, settings.loose)
    walk.read(first, loose * walk.score[first] / walk.top)
    second = walk.front(walk.reached, but=first)
    walk.read(second, settings.second_round * walk.reached[second])
    return walk.ranking(limit)


class Ranking(Sequence[Bridged]):
    """Best first. What stands in a place is put together when somebody looks: of hundreds a few are shown."""

    __slots__ = ("_passages", "_scores", "_walk")

    def __init__(self, walk: "_Walk", passages: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        self._walk = walk
        self._passages = passages
        self._scores = scores

    def __len__(self) -> int:
        return len(self._passages)

    @overload
    def __getitem__(self, index: int) -> Bridged: ...
    @overload
    def __getitem__(self, index: slice) -> "Ranking": ...
    def __getitem__(self, index: int | slice) -> "Bridged | Ranking":
        if isinstance(index, slice):
            return Ranking(self._walk, self._passages[index], self._scores[index])
        (one,) = self._walk.bridged(self._passages[[index]], self._scores[[index]])
        return one

    def __iter__(self) -> Iterator[Bridged]:
        return iter(self._walk.bridged(self._passages, self._scores))


class _Reached(NamedTuple):
    """How passages were reached in one round, one in each place."""

    source: Ints  # passage
    entity: Ids
    place: Ints  # (n, 2) in the source's text


class _Walk:
    """One question on its way through the graph. Arrays are by passage number."""

    def __init__(
        self,
        graph: Graph,
        question: str,
        base: Mapping[str, float],
        visible: Mask,
        cosine: Cosine | None,
        settings: Settings,
    ) -> None:
        self.graph = graph
        self.settings = settings
        self.cosine = cosine
        self.visible = visible
        self.score = np.zeros(graph.size, np.float32)
        passages = graph.locate(base)
        values = np.fromiter(base.values(), np.float32, len(base))
        known = passages >= 0
        self.base = dict(zip(passages.tolist(), base))  # chunk by passage
        self.outside = [chunk_id for chunk_id, there in zip(base, known.tolist()) if not there]
        self.outside_score = [
            base[chunk_id] for chunk_id in self.outside
        ]  # what the graph does not know keeps it
        passages, values = passages[known], values[known]
        seen = visible[passages]
        self.score[passages[seen]] = values[seen]
        self.found = self.score > 0
        self.top = max(1e-6, float(self.score.max(initial=0)))
        self.named = link(graph, question, self.visible)
        self.links = self.named.links
        self.words = _Words(graph, question, self.links)
        self.reached = np.zeros(graph.size, np.float32)
        self.via = np.full(graph.size, -1, np.int64)  # place in `ways`
        self.lifted = np.full(graph.size, -1, np.int64)  # index of the link
        self.ways: list[_Reached] = []
        self.cosines: dict[int, float] = {}  # by passage, as far as they were asked for

    # ------------------------------------------------------------ what the question names

    def lift(self) -> None:
        """Raises the passages that are about, or mention, what the question names."""
        if not self.links:
            return
        settings, graph = self.settings, self.graph
        about = self.named.about
        df = graph.frequency(self.named.places)
        rarity = _rarity(graph, df)
        seen = self.visible[about.passage]
        owner, passage, whole = about.owner[seen], about.passage[seen], about.whole[seen]
        if len(owner):
            words = np.array([one.name.count(" ") + 1 for one in self.links])
            worth = settings.about * rarity * np.minimum(1, settings.one_word + settings.each_word * words)
            fit = self.words.fit[passage] / _best_of(owner, self.words.fit[passage], len(words))[owner]
            crowd = np.bincount(owner, minlength=len(words))[owner] ** settings.crowd
            bonus = worth[owner] * np.where(whole, 1, settings.part) * fit**settings.sharpness / crowd
            self._add(owner, passage, bonus)
        mentioning, there = self.named.mentioning
        rare = ((df > 0) & (df <= settings.mention_df))[mentioning]
        mentioning, there = _pairs(mentioning[rare], there[rare], self.visible)
        self._add(mentioning, there, settings.mention * rarity[mentioning])
        sure = set(owner[whole].tolist())
        self._lower_namesakes([number for number in sorted(sure) if " " in self.links[number].name])
        self.top = max(self.top, float(self.score.max(initial=0)))

    def _lower_namesakes(self, sure: list[int]) -> None:
        """A name is matched as a name: a passage that has some of its words, but neither is about the
        thing nor mentions it, keeps the score of the other words. `sure`: numbers of links.
        """
        if not sure:
            return
        those = np.zeros(len(self.links), np.bool_)
        those[sure] = True
        owner, passage = self.named.mentioning
        concerned = np.zeros(self.graph.size, np.bool_)
        concerned[self.named.about.passage[those[self.named.about.owner]]] = True
        concerned[passage[those[owner]]] = True
        others = ((self.score > 0) & ~concerned).nonzero()[0]
        without = self.words.lexical_without([self.links[number] for number in sure])
        share = np.minimum(1, without[others] / np.maximum(1e-6, self.words.lexical[others]))
        kept = self.settings.namesake
        self.score[others] *= kept + (1 - kept) * share

    def _add(self, owner: NDArray[np.int64], passage: Ints, bonus: NDArray[np.float64]) -> None:
        np.add.at(self.score, passage, bonus.astype(np.float32))
        self.lifted[passage[::-1]] = owner[::-1]

    # ------------------------------------------------------------ from sentence to name to passage

    def front(self, score: Floats, but: Ints | None = None) -> Ints:
        """The best passages to read next."""
        wanted = score > 0
        if but is not None:
            wanted[but] = False
        found = wanted.nonzero()[0]
        worth = score[found]
        if len(found) > self.settings.front:
            best = worth >= np.partition(worth, -self.settings.front)[-self.settings.front]
            found, worth = found[best], worth[best]
        return found[(-worth).argsort(kind="stable")][: self.settings.front].astype(np.int32)

    def read(self, front: Ints, weight: Floats) -> None:
        """Follows the names in the sentences of these passages; keeps the best way to each passage."""
        graph, settings = self.graph, self.settings
        owner, sentences = graph.sentences(front)
        mentions = graph.mentions(sentences)
        relevance = settings.ground + self.words.share(sentences)
        strength = (weight[owner] * relevance)[mentions.owner]
        entities, best = strongest(mentions.entity, strength)  # the mention that speaks for each entity
        places = graph.places(entities)
        leads = _LEADS[graph.kinds(places)] & (strength[best] > 0)
        for one in self.links:
            leads &= entities != one.entity
        kept = leads.nonzero()[0]
        if not len(kept):
            return
        best = best[kept]
        source = front[owner[mentions.owner[best]]]
        owner, target, value = self._targets(places.select(kept), strength[best])
        other = target != source[owner]
        owner, target, value = owner[other], target[other], value[other]
        targets, chosen = strongest(target, value)
        better = value[chosen] > self.reached[targets]
        targets, chosen = targets[better], chosen[better]
        self.reached[targets] = value[chosen]
        self.via[targets] = owner[chosen] + sum(len(way.source) for way in self.ways)
        self.ways.append(_Reached(source, mentions.entity[best], mentions.place[best]))

    def _targets(
        self, entities: Places, strength: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Ints, NDArray[np.float64]]:
        """(index into entities, passage, value) of everything that the entities lead to."""
        graph, settings = self.graph, self.settings
        df = graph.frequency(entities)
        power = strength * _rarity(graph, df)
        about = graph.about(entities)
        seen = self.visible[about.passage]
        about_owner, about_target, whole = about.owner[seen], about.passage[seen], about.whole[seen]
        near = ((df >= 2) & (df <= settings.to_mention_df)).nonzero()[0]
        owner, target = graph.mentioning(entities.select(near))
        owner, target = _pairs(near[owner], target, self.visible)

        crowd = np.bincount(about_owner, minlength=len(df))[about_owner]
        to_about = settings.to_about * power[about_owner] * np.where(whole, 1, settings.part)
        to_about = to_about / crowd**settings.crowd
        to_mention = settings.to_mention * power[owner] / df[owner] ** settings.rarity

        def values(fit: Floats) -> _Values:
            ground = settings.to_about_ground
            count = len(to_about)
            return np.concatenate(
                [
                    to_about * (ground + (1 - ground) * fit[:count]),
                    to_mention * (settings.to_mention_ground + fit[count:]),
                ]
            )

        targets = np.concatenate([about_target, target])
        fit = self.words.rest_fit[targets]
        value = values(fit)
        if self.cosine is not None:
            value = values(self._with_dense(fit, targets, value))
        return np.concatenate([about_owner, owner]), targets, value

    def _with_dense(self, fit: Floats, targets: Ints, value: NDArray[np.float64]) -> Floats:
        """The fit of the targets, lexical and dense together for the best of them."""
        assert self.cosine is not None
        share = self.settings.dense
        best = distinct(targets[(-value).argsort(kind="stable")[: self.settings.rescored]])
        new = [passage for passage in best.tolist() if passage not in self.cosines]
        if new:
            chunks = dict(zip(self.graph.chunk_ids(np.array(new)), new))
            cosines = self.cosine(chunks)
            self.cosines.update((chunks[one], value) for one, value in cosines.items() if one in chunks)
        fit = fit * np.float32(1 - share)
        found = [passage for passage in best.tolist() if passage in self.cosines]
        if found:
            close = np.array([self.cosines[passage] for passage in found], np.float32)
            middle, most = float(_median(close)), float(close.max())
            index, at = found_in(np.array(found, np.int32), targets)
            fit[index] += (share * np.clip((close - middle) / max(1e-6, most - middle), 0, 1))[at]
        return fit

    # ------------------------------------------------------------ result

    def ranking(self, limit: int) -> Ranking:
        """What the graph does not know has the places -1, -2, ... of `outside`."""
        found = ((self.score > 0) | (self.reached > 0)).nonzero()[0]
        score = self.score[found]
        total = score + np.minimum(self.reached[found], self.settings.most) * (self.top - score)
        wanted = 2 * limit + 20  # more than asked for: repeats are lowered
        if wanted < len(found):
            best = np.argpartition(-total, wanted)[:wanted]
            found, total = found[best], total[best]
        order = np.lexsort((found, -total))
        found, total = found[order], total[order]
        scores = total * self._repeats(found.astype(np.int32))
        if limit < len(found):  # ids, which decide between equals, only of what may be among the best
            kept = scores >= np.partition(scores, -limit)[-limit]
            found, scores = found[kept], scores[kept]
        passages = np.concatenate([found, -1 - np.arange(len(self.outside))])
        worth = np.concatenate([scores.astype(np.float64), self.outside_score])
        order = self._in_order(passages, worth)[:limit]
        return Ranking(self, passages[order], worth[order])

    def _in_order(self, passages: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """The places of the best first, equal ones by chunk id."""
        order = (-scores).argsort(kind="stable")
        ordered = scores[order]
        equal = np.concatenate([[False], ordered[1:] == ordered[:-1], [False]])  # to the one before
        tied = (equal[1:] | equal[:-1]).nonzero()[0]
        if len(tied):
            run = (~equal[:-1]).cumsum()[tied]
            ids = self._chunk_ids(passages[order[tied]])
            order[tied] = [place for _, _, place in sorted(zip(run.tolist(), ids, order[tied].tolist()))]
        return order

    def bridged(self, passages: NDArray[np.int64], scores: NDArray[np.float64]) -> list[Bridged]:
        known = passages >= 0
        touched = np.zeros(len(passages), np.bool_)
        touched[known] = (self.lifted[passages[known]] >= 0) | (self.via[passages[known]] >= 0)
        return [
            Bridged(chunk_id, score, max(passage, -1), Way(self, passage) if has_way else ())
            for chunk_id, score, passage, has_way in zip(
                self._chunk_ids(passages), scores.tolist(), passages.tolist(), touched.tolist()
            )
        ]

    def _chunk_ids(self, passages: NDArray[np.int64]) -> list[str]:
        """Of those that the base found it has told the ids."""
        known = [
            self.base.get(passage, "") if passage >= 0 else self.outside[-1 - passage]
            for passage in passages.tolist()
        ]
        new = np.array([not chunk_id for chunk_id in known], np.bool_)
        others = iter(self.graph.chunk_ids(passages[new]))
        return [chunk_id or next(others) for chunk_id in known]

    def _repeats(self, passages: Ints) -> Floats:
        """What each passage, best first, is worth beside the better ones about the same thing."""
        subjects = self.graph.subject(passages)
        order = subjects.argsort(kind="stable")
        ordered = subjects[order]
        first = ordered.searchsorted(ordered)  # of those about the same thing
        better = np.empty(len(passages), np.int64)
        better[order] = np.arange(len(passages)) - first
        repeated = np.where(subjects >= 0, better, 0)
        worth: Floats = (self.settings.repeat**repeated).astype(np.float32)
        return worth

    def steps(self, passage: int) -> tuple[Step, ...]:
        """The way to the passage, from the question or from what the base found."""
        chain, number = self._chain(passage)
        ways = [self._way(at) for at in reversed(chain)]
        names = self.graph.names(np.array([entity for _, entity, _, _ in ways], np.int64))
        steps = [
            Step(self.graph.chunk_id(source), start, stop, name)
            for (source, _, start, stop), name in zip(ways, names)
        ]
        if number >= 0:
            one = self.links[number]
            steps.insert(0, Step("", one.start, one.stop, one.name))
        return tuple(steps)

    def _way(self, at: int) -> tuple[int, int, int, int]:
        """(source, entity, start, stop) of a place in all `ways`."""
        for way in self.ways:
            if at < len(way.source):
                start, stop = way.place[at].tolist()
                return int(way.source[at]), int(way.entity[at]), start, stop
            at -= len(way.source)
        raise IndexError(at)

    def _chain(self, passage: int) -> tuple[list[int], int]:
        """(ways back to what the question names or the base found, index of the link or -1)."""
        chain: list[int] = []
        while self.lifted[passage] < 0 and (at := int(self.via[passage])) >= 0 and at not in chain:
            chain.append(at)
            passage = self._way(at)[0]
            if self.found[passage]:
                break
        return chain, int(self.lifted[passage])


class _Words:
    """The words of the question, all of them and the rest that is not part of a name.

    `lexical` is the BM25 of each passage for all words; `fit` and `rest_fit`, from 0 to 1, for all
    and for the rest.
    """

    def __init__(self, graph: Graph, question: str, links: list[Link]) -> None:
        self.graph = graph
        self.question = question
        self._known: dict[int, tuple[Postings, float]] = {}  # where each word stands, and its idf
        words = _distinct(question)
        self._look_up(words)
        self.rest = _distinct(self._without(links)) if links else words
        rest = self._weighed(self.rest)
        self.rest_idf = np.array([idf for _, idf in rest], np.float32)
        self.rest_lexical = graph.lexical(rest)
        self.rest_fit = _scaled(self.rest_lexical)
        self.lexical = self._lexical(words)
        self.fit = _scaled(self.lexical)

    def lexical_without(self, links: list[Link]) -> Floats:
        """The BM25 of each passage for the question without these names."""
        return self._lexical(_distinct(self._without(links)))

    def _lexical(self, words: NDArray[np.uint32]) -> Floats:
        """Of the words, among which the rest of the question is."""
        more = words[position(self.rest, words) < 0]
        return self.graph.lexical(self._weighed(more), self.rest_lexical)

    def _weighed(self, words: NDArray[np.uint32]) -> list[tuple[Postings, float]]:
        new = [word for word in words.tolist() if word not in self._known]
        if new:  # a part of a word, where a name ends within it
            self._look_up(np.array(new, np.uint32))
        return [self._known[word] for word in words.tolist()]

    def _look_up(self, words: NDArray[np.uint32]) -> None:
        postings = self.graph.postings(words)
        idf = _idf(self.graph, np.array([one.passages for one in postings], np.int64))
        self._known.update(zip(words.tolist(), zip(postings, idf.tolist())))

    def _without(self, links: list[Link]) -> str:
        text = self.question
        for one in links:
            text = text[: one.start] + " " * (one.stop - one.start) + text[one.stop :]
        return text

    def share(self, sentences: Ints) -> NDArray[np.float64]:
        """The share of the rest of the question, by weight, that stands in each sentence."""
        total = float(self.rest_idf.sum())
        if not total:
            return np.zeros(len(sentences))
        owner, words = self.graph.words(sentences)
        index, at = found_in(self.rest, words)
        pairs = distinct((owner[index] << 32) | at)
        held = np.bincount(pairs >> 32, self.rest_idf[pairs & 0xFFFFFFFF], len(sentences))
        return np.minimum(1, held / total)


def _distinct(text: str) -> NDArray[np.uint32]:
    return distinct(np.frombuffer(numbers_of(Plain.of(text).words), np.uint32))


def _idf(graph: Graph, df: NDArray[np.int64]) -> Floats:
    idf: Floats = np.log1p((graph.size - df + 0.5).clip(0) / (df + 0.5)).astype(np.float32)
    return idf


def _median(values: Floats) -> Any:
    """As `np.median`, in a tenth of its time for a few."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _scaled(scores: Floats) -> Floats:
    most = float(scores.max(initial=0))
    return scores / np.float32(most) if most else scores


def _rarity(graph: Graph, df: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much a name tells, from 0 to 1: ln(1 + P / df) / ln(1 + P), with P as in a library of some
    size, because in a small one nothing is frequent.
    """
    size = max(graph.size, _SOME_SIZE)
    rarity: NDArray[np.float64] = np.log1p(size / np.maximum(df, 1)) / np.log1p(size)
    return rarity


def _best_of(owner: NDArray[np.int64], value: Floats, count: int) -> Floats:
    best = np.full(count, 1e-6, np.float32)
    np.maximum.at(best, owner, value)
    return best


def _pairs(owner: NDArray[np.int64], passage: Ints, visible: Mask) -> tuple[NDArray[np.int64], Ints]:
    """Each visible (owner, passage) once."""
    seen = visible[passage]
    pairs = distinct((owner[seen].astype(np.int64) << 32) | passage[seen])
    return pairs >> 32, (pairs & 0xFFFFFFFF).astype(np.int32)
