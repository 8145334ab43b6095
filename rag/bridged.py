"""CANDIDATES -> CANDIDATES: what the graph reaches from what words and meaning found, each with its path.

Passages that only a name connects with the question stand in no leg's hundred (`kg.search` finds them). A
statement says all that is looked for: there the graph comes behind what the words found. Knows nothing of
how the candidates were found.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import overload

from core.ports import VectorStore
from core.types import Vector, Via
from kg.graph import Graph
from kg.search import JOINT, STATED, Bridged, bridge
from kg.store import GraphStore
from rag.retrieve import DEPTH, Candidate, Scope

_ASKS = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|whether)\b|^\W*(?:please|kindly|tell|give|show|list|name|find"
    r"|compare|explain|describe|define|summari[sz]e|calculate|compute|state|identify|look|search|i\b|we\b)",
    re.IGNORECASE,
)


class GraphSearch:
    def __init__(self, graphs: GraphStore, store: VectorStore) -> None:
        self._graphs = graphs
        self._store = store

    def join(
        self, question: str, found: Sequence[Candidate], vector: Vector | None, scope: Scope
    ) -> Sequence[Candidate]:
        """What was found and what the graph reaches from it, best first. `vector` None: do not ask the encoder."""
        access = scope.access
        graph = self._graphs.graph(access.tenant)

        base = {item.chunk_id: item.score for item in found}
        told = {item.chunk_id: item.legs["dense"] for item in found if "dense" in item.legs}

        def cosine(chunk_ids: Collection[str]) -> Mapping[str, float]:
            assert vector is not None
            asked = frozenset(chunk_ids).difference(told)
            known = {chunk_id: told[chunk_id] for chunk_id in chunk_ids if chunk_id in told}
            return known | self._store.cosines("text", vector, asked, access=access)

        reached = bridge(
            graph,
            question,
            base,
            access=access,
            documents=scope.documents,
            settings=STATED if is_statement(question) else JOINT,
            cosine=cosine if vector is not None else None,
            limit=len(base) + DEPTH,
        )
        return _Joined(graph, reached, {item.chunk_id: item for item in found})


class _Joined(Sequence[Candidate]):
    """Candidates, each made when somebody looks: of hundreds a few become hits."""

    def __init__(self, graph: Graph, reached: Sequence[Bridged], known: Mapping[str, Candidate]) -> None:
        self._graph = graph
        self._reached = reached
        self._known = known
        self._top = max([1.0, *(item.score for item in reached[:1])])

    def __len__(self) -> int:
        return len(self._reached)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> list[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | list[Candidate]:
        if isinstance(index, slice):
            return [self._made(item) for item in self._reached[index]]
        return self._made(self._reached[index])

    def _made(self, item: Bridged) -> Candidate:
        return _candidate(self._graph, item, self._known.get(item.chunk_id), self._top)


def _candidate(graph: Graph, reached: Bridged, known: Candidate | None, top: float) -> Candidate:
    """`top`: the highest score of all, which becomes 1."""
    legs: dict[Via, float] = {"graph": reached.score} if reached.path else {}
    if known is not None:
        doc_id, version, legs = known.doc_id, known.version, {**known.legs, **legs}
    else:
        document = graph.document(reached.passage)
        doc_id, version = document.doc_id, document.version
    return Candidate(reached.chunk_id, doc_id, version, reached.score / top, legs, reached.path)


def is_statement(question: str) -> bool:
    """True for a whole sentence that ends with a full stop and neither asks nor tells one to do something."""
    return question.rstrip().endswith(".") and not _ASKS.search(question)
