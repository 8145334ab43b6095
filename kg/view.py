"""The graph as people work with it: NetworkX, files, neighbourhoods, paths with their sentences.

Nodes carry `type` (document, passage, name), edges carry `relation` and where they come from. NetworkX
is imported inside the functions; algorithms that take long go to the backend that is named, by
NetworkX's own dispatch (nx-parallel, nx-cugraph). Every function sees only what `access` allows.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, NotFound
from core.types import Access
from kg.arrays import KINDS, Ids, Ints
from kg.graph import Graph, Mask
from kg.names import entity_id, name_of

Format = Literal["json", "graphml"]

_HUB = 500  # passages: a path does not go through a name that stands in more
_MOST_VISITED = 20_000


class Quote(NamedTuple):
    """Characters [start, stop) of a chunk: the sentence that says it."""

    chunk_id: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Hop:
    """`name` and `other` stand in one passage; one quote where one sentence has both, else two."""

    name: str
    other: str
    quotes: tuple[Quote, ...]


# ---------------------------------------------------------------- NetworkX


def networkx_graph(graph: Graph, *, access: Access, passages: Ints | None = None) -> Any:
    """A `networkx.Graph` of these passages (all that the caller may see), their documents and names.

    Nodes: doc_id (type document), chunk_id (type passage, ordinal), "kind:name" or "kind:name@context"
    (type name, kind, name, context, passages). Edges: "part of"; "mentions" with count and sentences
    as "number:start-stop" in order; "about" with role, whole.
    """
    import networkx

    visible = graph.visible(access)
    chosen = np.flatnonzero(visible).astype(np.int32) if passages is None else passages[visible[passages]]
    made = networkx.Graph(tenant=graph.tenant)
    for passage in chosen.tolist():
        document, chunk_id = graph.document(passage), graph.chunk_id(passage)
        made.add_node(document.doc_id, type="document", version=document.version)
        made.add_node(chunk_id, type="passage", ordinal=graph.ordinal(passage))
        made.add_edge(chunk_id, document.doc_id, relation="part of")
    labels = _Labels(graph, visible)
    owner, sentences = graph.sentences(chosen)
    mentions = graph.mentions(sentences)
    subjects = list(graph.subjects(chosen))
    labels.add(made, np.concatenate([mentions.entity, np.array([one[1] for one in subjects], np.int64)]))
    found: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    first = np.searchsorted(owner, np.arange(len(chosen)))
    number = np.arange(len(sentences)) - first[owner]
    for entity, sentence, (start, stop) in zip(
        mentions.entity.tolist(), mentions.owner.tolist(), mentions.place.tolist()
    ):
        found[int(owner[sentence]), entity].append(f"{number[sentence]}:{start}-{stop}")
    for (at, entity), places in found.items():
        chunk_id = graph.chunk_id(int(chosen[at]))
        made.add_edge(
            chunk_id, labels[entity], relation="mentions", count=len(places), sentences=",".join(places)
        )
    for passage, entity, role, whole in subjects:
        edge = made.edges.get((graph.chunk_id(passage), labels[entity]), {})
        relation = "mentions, about" if edge.get("relation", "").startswith("mentions") else "about"
        made.add_edge(graph.chunk_id(passage), labels[entity], relation=relation, role=role, whole=whole)
    return made


class _Labels(dict[int, str]):
    """Readable keys of entities; an entity that has several ids has one key."""

    def __init__(self, graph: Graph, visible: Mask) -> None:
        super().__init__()
        self._graph = graph
        self._visible = visible

    def add(self, made: Any, entities: Ids) -> None:
        graph = self._graph
        new = np.array(sorted(set(entities.tolist()) - self.keys()), np.int64)
        kinds, names, counts = graph.kinds(new), graph.names(new), _seen_in(graph, new, self._visible)
        for entity, kind, name, count in zip(new.tolist(), kinds.tolist(), names, counts.tolist()):
            others = [other for other in graph.same.get(entity, ()) if entity in graph.same.get(other, ())]
            known = next((self[other] for other in others if other in self), "")
            context = graph.contexts.get(entity, "")
            key = known or f"{KINDS[kind]}:{name}" + (f"@{context}" if context else "")
            self[entity] = key
            if not known:
                made.add_node(key, type="name", kind=KINDS[kind], name=name, context=context, passages=count)


def _seen_in(graph: Graph, entities: Ids, visible: Mask) -> NDArray[np.int64]:
    """How many of the visible passages mention each of the entities: a count over all would tell of
    passages that the caller may not see.
    """
    owner, passage = graph.mentioning(entities)
    seen = visible[passage]
    pairs = np.unique((owner[seen] << 32) | passage[seen])
    return np.bincount(pairs >> 32, minlength=len(entities))


def written(made: Any, format: Format) -> str:  # noqa: A002
    """A `networkx.Graph` as node-link JSON or GraphML. Raises InputError for another format."""
    import networkx

    if format == "graphml":
        out = BytesIO()
        networkx.write_graphml_xml(made, out)
        return out.getvalue().decode()
    if format == "json":
        return json.dumps(networkx.node_link_data(made, edges="edges"), ensure_ascii=False)
    raise InputError(f"format {format!r} is not known; known: 'json', 'graphml'", param="format")


def communities(made: Any, *, backend: str = "", seed: int = 0) -> list[set[str]]:
    """Groups of nodes that hang together (Louvain), the largest first.

    `backend` is a name of NetworkX's dispatch. Raises InputError where it is not installed.
    """
    import networkx

    known = sorted({"networkx", *networkx.utils.backends.backends})
    if backend and backend not in known:
        raise InputError(f"graph backend {backend!r} is not installed; installed: {known}", param="backend")
    found = networkx.community.louvain_communities(made, seed=seed, **_dispatch(backend))
    return sorted((set(group) for group in found), key=lambda group: (-len(group), min(group)))


def _dispatch(backend: str) -> dict[str, str]:
    return {"backend": backend} if backend else {}


# ---------------------------------------------------------------- around one name


def neighbourhood(graph: Graph, name: str, *, access: Access, passages: int = 50) -> Any:
    """The `networkx.Graph` of the passages that mention or are about a name, with all that they name.

    Raises NotFound where no passage that the caller may see has the name.
    """
    visible = graph.visible(access)
    entity = np.array([_find(graph, name, visible)], np.int64)
    about = graph.about(entity).passage
    _, mentioning = graph.mentioning(entity)
    found = np.array(list(dict.fromkeys([*about.tolist(), *mentioning.tolist()])), np.int32)
    return networkx_graph(graph, access=access, passages=found[visible[found]][:passages])


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A name that stands in `passages` visible passages together with the one asked for; one quote
    where a sentence has both, else the sentences of one passage that has both.
    """

    name: str
    kind: str
    context: str
    passages: int
    quotes: tuple[Quote, ...]


def neighbours(graph: Graph, name: str, *, access: Access, limit: int = 20) -> list[Neighbour]:
    """The names that stand most often beside this one, rarer ones first among equals.

    Raises NotFound where no passage that the caller may see has the name.
    """
    visible = graph.visible(access)
    entity = _find(graph, name, visible)
    passages = _around(graph, entity, visible)
    owner, sentences = graph.sentences(passages)
    mentions = graph.mentions(sentences)
    members = {entity, *graph.same.get(entity, ())}
    beside = np.unique(mentions.entity)
    beside = beside[_LEADS[graph.kinds(beside)] & ~np.isin(beside, list(members))]
    pairs = np.unique(np.stack([mentions.entity, owner[mentions.owner]]), axis=1)
    counts: Counter[int] = Counter(pairs[0].tolist())
    df = dict(zip(beside.tolist(), _seen_in(graph, beside, visible).tolist()))
    first = {other: int(passages[at]) for other, at in zip(pairs[0].tolist()[::-1], pairs[1].tolist()[::-1])}
    best = sorted(beside.tolist(), key=lambda other: (-counts[other], df[other], other))[:limit]
    chosen = np.array(best, np.int64)
    return [
        Neighbour(
            called,
            KINDS[kind],
            graph.contexts.get(other, ""),
            counts[other],
            _hop(graph, entity, other, first[other]).quotes,
        )
        for other, called, kind in zip(best, graph.names(chosen), graph.kinds(chosen).tolist())
    ]


def _around(graph: Graph, entity: int, visible: Mask) -> Ints:
    """The visible passages that mention the entity or are about it; not too many."""
    ids = np.array([entity], np.int64)
    _, mentioning = graph.mentioning(ids)
    found: Ints = np.unique(np.concatenate([graph.about(ids).passage, mentioning]))
    return found[visible[found]][:_HUB]


def _find(graph: Graph, name: str, visible: Mask) -> int:
    for kind in dict.fromkeys(KINDS):
        entity = entity_id(graph.tenant, name_of(name), kind)
        ids = np.array([entity], np.int64)
        if visible[graph.mentioning(ids)[1]].any() or visible[graph.about(ids).passage].any():
            return entity
    raise NotFound(f"no passage names {name!r}", param="name")


# ---------------------------------------------------------------- paths


def shortest_path(graph: Graph, name: str, other: str, *, access: Access, longest: int = 6) -> list[Hop]:
    """The fewest passages that lead from one name to the other, each with the sentences that say so;
    empty where none lead there in `longest` steps. Names in very many passages lead nowhere.

    Raises NotFound where one of the names is not there.
    """
    visible = graph.visible(access)
    start, goal = _find(graph, name, visible), _find(graph, other, visible)
    came = _search(graph, start, goal, visible, longest)
    if goal not in came:
        return []
    hops: list[Hop] = []
    at = goal
    while at != start:
        before, passage = came[at]
        hops.append(_hop(graph, before, at, passage))
        at = before
    return hops[::-1]


def _search(graph: Graph, start: int, goal: int, visible: Mask, longest: int) -> dict[int, tuple[int, int]]:
    """Breadth first: entity -> (entity before it, passage that has both)."""
    came: dict[int, tuple[int, int]] = {}
    seen = np.zeros(graph.size, np.bool_)
    frontier = np.array([start], np.int64)
    for _ in range(longest):
        owner, passages = graph.mentioning(frontier)
        new = visible[passages] & ~seen[passages]
        owner, passages = owner[new], passages[new]
        passages, first = np.unique(passages, return_index=True)
        owner = owner[first]
        seen[passages] = True
        if not len(passages) or seen.sum() > _MOST_VISITED:
            return came
        sentence_owner, sentences = graph.sentences(passages)
        mentions = graph.mentions(sentences)
        at = sentence_owner[mentions.owner]
        entities, first = np.unique(mentions.entity, return_index=True)
        for entity, place in zip(entities.tolist(), at[first].tolist()):
            for member in (entity, *graph.same.get(entity, ())):
                if member != start:
                    came.setdefault(member, (int(frontier[owner[place]]), int(passages[place])))
        if goal in came:
            return came
        leads = (graph.frequency(entities) <= _HUB) & _LEADS[graph.kinds(entities)]
        frontier = entities[leads & (entities != start)]
    return came


_LEADS = np.array([kind not in ("quantity", "period", "metric") for kind in KINDS])


def _hop(graph: Graph, one: int, other: int, passage: int) -> Hop:
    _, sentences = graph.sentences(np.array([passage], np.int32))
    mentions = graph.mentions(sentences)
    has_one, has_other = (
        np.unique(mentions.owner[np.isin(mentions.entity, [entity, *graph.same.get(entity, ())])])
        for entity in (one, other)
    )
    both = np.intersect1d(has_one, has_other)
    chosen = both[:1] if len(both) else np.concatenate([has_one[:1], has_other[:1]])
    quotes = tuple(_quotes(graph, sentences[chosen]))
    names = graph.names(np.array([one, other], np.int64))
    return Hop(names[0], names[1], quotes)


def _quotes(graph: Graph, sentences: NDArray[np.int32]) -> Iterator[Quote]:
    for sentence in sentences.tolist():
        passage, start, stop = graph.sentence(sentence)
        yield Quote(graph.chunk_id(passage), start, stop)
