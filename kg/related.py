"""Documents that are about the same things as one document: a random walk with return from its passages
(personalised PageRank) over the passages and names around them.

For exploring, not for ranking answers: on questions the bridge of `search.py` is better and cheaper.
The walk stays in a neighbourhood of bounded size, so its cost does not grow with the corpus.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.types import Access
from kg.arrays import KINDS, Ids, Ints
from kg.graph import Graph

_LEADS = np.array([kind not in ("quantity", "period", "metric") for kind in KINDS])
_MOST_PASSAGES = 5_000
_MOST_DF = 300  # a name in more passages relates everything to everything
_RETURN = 0.5  # probability of starting again
_STEPS = 20
_SHOWN = 8  # names that explain a relation


@dataclass(frozen=True, slots=True)
class Related:
    """`score` is relative to the best, from 0 to 1; `names` are the rarest things that both mention."""

    doc_id: str
    score: float
    names: tuple[str, ...]


def related(graph: Graph, doc_id: str, *, access: Access, limit: int = 10) -> list[Related]:
    """The documents nearest to this one, best first; empty where the caller may not see it."""
    visible = graph.visible(access)
    seeds = graph.passages_of(doc_id)
    seeds = seeds[visible[seeds]]
    if not len(seeds):
        return []
    passages = _around(graph, seeds, visible)
    rank = _walk(graph, passages, len(seeds))
    scores: defaultdict[str, float] = defaultdict(float)
    for passage, score in zip(passages[len(seeds) :].tolist(), rank[len(seeds) :].tolist()):
        scores[graph.document(passage).doc_id] += score
    best = sorted(scores, key=lambda other: (-scores[other], other))[:limit]
    if not best:
        return []
    own = set(_names_in(graph, seeds).tolist())
    top = scores[best[0]]
    return [
        Related(other, scores[other] / top, _shared(graph, own, other)) for other in best if scores[other] > 0
    ]


def _around(graph: Graph, seeds: Ints, visible: NDArray[np.bool_]) -> Ints:
    """The seeds, then the passages that share most with them."""
    entities = _names_in(graph, seeds)
    df = graph.frequency(entities)
    entities, df = entities[(df > 1) & (df <= _MOST_DF)], df[(df > 1) & (df <= _MOST_DF)]
    owner, passages = graph.mentioning(entities)
    weight = np.bincount(passages, 1 / df[owner], graph.size)
    weight[seeds] = 0
    weight[~visible] = 0
    found = np.flatnonzero(weight)
    found = found[np.lexsort((found, -weight[found]))][:_MOST_PASSAGES]
    return np.concatenate([seeds, found]).astype(np.int32)


def _names_in(graph: Graph, passages: Ints) -> Ids:
    _, sentences = graph.sentences(passages)
    entities: Ids = np.unique(graph.mentions(sentences).entity)
    leading: Ids = entities[_LEADS[graph.kinds(entities)]]
    return leading


def _walk(graph: Graph, passages: Ints, seeds: int) -> NDArray[np.float64]:
    """The PageRank of the passages, the first `seeds` of them being where the walk returns to."""
    owner, sentences = graph.sentences(passages)
    mentions = graph.mentions(sentences)
    row = owner[mentions.owner]
    entities, column = np.unique(mentions.entity, return_inverse=True)
    df = graph.frequency(entities)
    leads = _LEADS[graph.kinds(entities)] & (df > 1) & (df <= _MOST_DF)
    pairs = np.unique((row[leads[column]] << 32) | column[leads[column]])
    row, column = pairs >> 32, pairs & 0xFFFFFFFF
    weight = np.log1p(graph.size / np.maximum(df, 1))[column]
    size, names = len(passages), len(entities)
    from_passage = weight / np.bincount(row, weight, size)[row]
    from_name = 1 / np.bincount(column, minlength=names)[column]
    start = np.zeros(size)
    start[:seeds] = 1 / seeds
    rank = start
    for _ in range(_STEPS):
        on_names = np.bincount(column, rank[row] * from_passage, names)
        rank = _RETURN * start + (1 - _RETURN) * np.bincount(row, on_names[column] * from_name, size)
    return rank


def _shared(graph: Graph, own: set[int], doc_id: str) -> tuple[str, ...]:
    theirs = _names_in(graph, graph.passages_of(doc_id))
    both = np.array([entity for entity in theirs.tolist() if entity in own], np.int64)
    rarest = both[np.argsort(graph.frequency(both), kind="stable")][:_SHOWN]
    return tuple(graph.names(rarest))
