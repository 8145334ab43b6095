"""PLAN -> HITS: a dense and a sparse search and the graph under one access filter, in one ranking.

Scores of the two legs are brought to [0, 1] over their first hundred and mixed by a weight that
depends on whether the encoder knows the question's language (a leg that does not understand the
question must not vote: on Chinese, equal ranks of an English encoder cost 37 points of recall), and
on whether the legs agree: where one of them went astray, the words tell which.
From what the two found the graph goes on to passages that only a name connects with the question
(`rag/bridged.py`); each such hit carries its path.
Every hit is checked again after the search: may the caller see it, and is its version live.
Knows nothing of stores or encoders beyond their ports.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import fmean, pstdev
from typing import NamedTuple, Protocol

from core.ports import Embedder, Reranker, SparseEncoder, VectorStore
from core.text import tokens
from core.types import Access, Chunk, Hit, Scored, Step, Vector, Via
from rag.plan import Plan, plan

RERANKED = 30  # hits that a reranker reads
DEPTH = 100  # candidates of each leg; min-max needs the tail to know what "not relevant" scores

DENSE_SHARE = 0.45  # where the encoder knows the language and the legs agree
UNTRUSTED = 0.1  # ... and where the encoder does not know the language
ASTRAY = 0.25  # the share of a leg that found something else than what is asked
# Legs whose best common passage stands lower than this in one of them, from 0 to 1, may have found different things:
# one question in 1,200 of seven sets here, and more where there are very many passages.
AGREED = 0.2
# They have, if to the encoder the first of what words found are no nearer than the others: by this part of a
# standard deviation. Where one leg answers another question that is so for six in ten, else for one in fifty.
NEARER = 0.2
FIRST, ASKED = 10, 40
HELD = 0.25  # of the question's terms: what the best passage by words has, where words are on the track
OFF_PAGE = 0.45  # the highest score of a passage that is not on the page that the question names


class Live(Protocol):
    """What retrieval needs of the catalogue."""

    def live(self, tenant: str, doc_ids: Collection[str]) -> Mapping[str, int]:
        """The live version of each of the tenant's documents that has one."""
        ...

    def known_at(self, tenant: str, day: date) -> frozenset[str]:
        """The tenant's live documents that were known at the end of this day."""
        ...


class Candidate(NamedTuple):
    chunk_id: str
    doc_id: str
    version: int
    score: float
    legs: Mapping[Via, float]
    path: Sequence[Step] = ()


class Reaching(Protocol):
    """What retrieval needs of `rag.bridged.GraphSearch`."""

    def join(
        self, question: str, found: Sequence[Candidate], vector: Vector | None, scope: "Scope"
    ) -> Sequence[Candidate]:
        """`found`, and what the graph reaches from it. `vector` None: do not ask the encoder."""
        ...


class Inside(Protocol):
    """What retrieval needs of `rag.inside.InsideSearch`."""

    def join(
        self, asked: Plan, found: Sequence[Candidate], access: Access, *, whole: Plan
    ) -> Sequence[Candidate]:
        """`found`, and before it what the documents hold that the question names, or the `whole` of it."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a search looks. `documents` None: in all that the caller may see."""

    access: Access
    documents: frozenset[str] | None = None


class Retriever:
    def __init__(
        self,
        embedder: Embedder,
        sparse: SparseEncoder,
        store: VectorStore,
        catalog: Live,
        graph: Reaching | None = None,
        inside: Inside | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._embedder = embedder
        self._sparse = sparse
        self._store = store
        self._catalog = catalog
        self._graph = graph
        self._inside = inside
        self._reranker = reranker

    def search(
        self,
        question: str | Plan,
        *,
        access: Access,
        limit: int = 10,
        graph: bool = True,
        as_of: date | None = None,
    ) -> list[Hit]:
        """The best passages, best first; equal scores by chunk id. `graph`: follow names from passage
        to passage. `as_of`: only in documents that were known then.
        """
        asked = plan(question) if isinstance(question, str) else question
        scope = Scope(access, self.known(access, as_of))
        best: dict[str, Hit] = {}
        for part in asked.parts or (asked,):
            for hit in self._best(part, scope, limit, graph=graph, whole=asked):
                if hit.chunk.id not in best or hit.score > best[hit.chunk.id].score:
                    best[hit.chunk.id] = hit
        return sorted(best.values(), key=lambda hit: (-hit.score, hit.chunk.id))[:limit]

    def known(self, access: Access, as_of: date | None) -> frozenset[str] | None:
        """The documents that were known on this day; None, all, where no day is asked for."""
        return None if as_of is None else self._catalog.known_at(access.tenant, as_of)

    def _best(self, asked: Plan, scope: "Scope", limit: int, *, graph: bool, whole: Plan) -> list[Hit]:
        if self._reranker is None:
            return self._search(asked, scope, limit, graph=graph, whole=whole)
        hits = self._search(asked, scope, max(limit, RERANKED), graph=graph, whole=whole)
        scores = self._reranker.rank(asked.without_pages, [hit.chunk for hit in hits[:RERANKED]])
        return reordered(hits, scores)[:limit]

    def _search(self, asked: Plan, scope: "Scope", limit: int, *, graph: bool, whole: Plan) -> list[Hit]:
        access = scope.access
        candidates = self._candidates(asked, scope, graph=graph)
        if self._inside:
            candidates = self._inside.join(asked, candidates, access, whole=whole)
        if scope.documents is not None:
            candidates = [item for item in candidates if item.doc_id in scope.documents]
        if asked.pages:
            return self._on_pages(candidates, asked.pages, access)[:limit]
        found: list[Hit] = []
        for start in range(0, len(candidates), max(1, limit)):
            # Nearly always the first round does: few hits fall to the second look.
            found += self._seen(candidates[start : start + limit], access)
            if len(found) >= limit:
                break
        return found[:limit]

    def _candidates(self, asked: Plan, scope: "Scope", *, graph: bool) -> Sequence[Candidate]:
        text = asked.without_pages
        vector = self._embedder.query(text)
        words = self._sparse.query(text)
        access, within = scope.access, scope.documents
        dense = self._store.search("text", vector, access=access, limit=DEPTH, doc_ids=within)
        sparse = self._store.search("words", words, access=access, limit=DEPTH, doc_ids=within)
        share = self._dense_share(asked, vector, dense, sparse, access)
        found = fuse(dense, sparse, share)
        if not graph or self._graph is None:
            return found
        return self._graph.join(text, found, vector if share > UNTRUSTED else None, scope)

    def _dense_share(
        self, asked: Plan, vector: Vector, dense: Sequence[Scored], sparse: Sequence[Scored], access: Access
    ) -> float:
        """By the language of the question, and by what the legs found."""
        if asked.language not in self._embedder.languages:
            return UNTRUSTED
        if not dense or not sparse or agreement(dense, sparse) >= AGREED:
            return DENSE_SHARE
        if self._nearer(vector, [item.chunk_id for item in sparse[:ASKED]], access) >= NEARER:
            return DENSE_SHARE
        # What the encoder means cannot be checked; whether the words stand there, can.
        terms = set(tokens(asked.without_pages))
        best = self._store.get([sparse[0].chunk_id], access=access)
        held = max((len(terms.intersection(tokens(chunk.indexed_text))) for chunk in best), default=0)
        return ASTRAY if held >= HELD * len(terms) else 1 - ASTRAY

    def _nearer(self, vector: Vector, chunk_ids: Sequence[str], access: Access) -> float:
        """How much nearer to the question the first of the passages are than the others, in standard deviations of
        the others; 0 where there are too few.
        """
        if len(chunk_ids) < 2 * FIRST:
            return 0.0
        near = self._store.cosines("text", vector, frozenset(chunk_ids), access=access)
        cosines = [near.get(chunk_id, 0.0) for chunk_id in chunk_ids]
        first, others = cosines[:FIRST], cosines[FIRST:]
        return (fmean(first) - fmean(others)) / (pstdev(others) or 1.0)

    def _seen(self, candidates: Sequence[Candidate], access: Access) -> list[Hit]:
        """The passages of live versions that the caller may see, whatever the store let through."""
        versions = self._catalog.live(access.tenant, frozenset(item.doc_id for item in candidates))
        live = [item for item in candidates if versions.get(item.doc_id) == item.version]
        found = self._store.get([item.chunk_id for item in live], access=access)
        chunks = {chunk.id: chunk for chunk in found if access.allows(chunk)}
        return [
            Hit(chunks[item.chunk_id], item.score, item.legs, tuple(item.path))
            for item in live
            if item.chunk_id in chunks
        ]

    def _on_pages(self, candidates: Sequence[Candidate], pages: Collection[int], access: Access) -> list[Hit]:
        """All candidates; those on a named page come first."""
        hits = self._seen(candidates, access)
        on_page = [replace(hit, score=0.5 + hit.score / 2) for hit in hits if _stands_on(hit.chunk, pages)]
        elsewhere = [
            replace(hit, score=OFF_PAGE * hit.score) for hit in hits if not _stands_on(hit.chunk, pages)
        ]
        return [*on_page, *elsewhere]


def reordered(hits: Sequence[Hit], scores: Sequence[float]) -> list[Hit]:
    """The first hits by these scores, equal ones as they were; the others follow.

    The hits change places, the fused scores stay where they are: scores of rerankers have no scale
    that could be compared with anything.
    """
    order = sorted(range(len(scores)), key=lambda number: (-scores[number], number))
    first = [
        replace(hits[number], score=hits[place].score, legs={**hits[number].legs, "rerank": scores[number]})
        for place, number in enumerate(order)
    ]
    return [*first, *hits[len(scores) :]]


def _stands_on(chunk: Chunk, pages: Collection[int]) -> bool:
    return any(place.page in pages for place in chunk.places)


def fuse(dense: Sequence[Scored], sparse: Sequence[Scored], dense_share: float) -> list[Candidate]:
    """Convex combination of min-max normalised scores; best first, equal scores by id.

    A candidate that a leg did not find counts as that leg's last one, 0. Source: Bruch et al. 2022,
    "An analysis of fusion functions for hybrid retrieval"; ahead of reciprocal ranks on 11 of 12
    English sets here.
    """
    known = {item.chunk_id: item for item in (*dense, *sparse)}
    worth: dict[str, float] = {}
    legs: dict[str, dict[Via, float]] = {}
    for item, scaled in zip(dense, _scaled([item.score for item in dense])):
        worth[item.chunk_id] = dense_share * scaled
        legs[item.chunk_id] = {"dense": item.score}
    for item, scaled in zip(sparse, _scaled([item.score for item in sparse])):
        chunk_id, score = item.chunk_id, (1 - dense_share) * scaled
        if chunk_id in worth:
            worth[chunk_id] += score
            legs[chunk_id]["sparse"] = item.score
        else:
            worth[chunk_id] = score
            legs[chunk_id] = {"sparse": item.score}
    ranked = sorted([(-score, chunk_id) for chunk_id, score in worth.items()])
    return [
        Candidate(chunk_id, known[chunk_id].doc_id, known[chunk_id].version, -score, legs[chunk_id])
        for score, chunk_id in ranked
    ]


def agreement(dense: Sequence[Scored], sparse: Sequence[Scored]) -> float:
    """How high the best passage that both found stands in the one where it stands lower, from 0 to 1."""
    by_meaning = dict(zip([item.chunk_id for item in dense], _scaled([item.score for item in dense])))
    by_words = zip([item.chunk_id for item in sparse], _scaled([item.score for item in sparse]))
    return max((min(by_meaning.get(chunk_id, 0.0), scaled) for chunk_id, scaled in by_words), default=0.0)


def _scaled(scores: Sequence[float]) -> list[float]:
    """Brought to [0, 1]; where all are equal, 1."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]
