"""ROUTE -> CANDIDATES: the passages inside the documents that a question names, ahead of all others.

Inside a document the names and years of the question find nothing: it is searched with the cleaned
and expanded query. To words and meaning come what the document itself knows: which pages are the
statement that holds what is asked, and which table rows bear its name. Where the question names no document,
what was found stays as it is.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from core.glossary import Line, plain
from core.ids import chunk_id
from core.ports import Embedder, SparseEncoder, VectorStore
from core.text import tokens
from core.types import Access, Chunk, Scored, Sparse, Vector
from rag.plan import Plan
from rag.retrieve import DEPTH, UNTRUSTED, Candidate, fuse
from rag.route import Route, Router

DENSE_SHARE = 0.7  # inside a document most passages share its words: meaning tells more
STATEMENT, ROW, LINE, GAP = (
    0.8,
    0.3,
    0.2,
    0.8,
)  # worth of a statement page, of a row's words, of a line of the glossary
PLACES = (1.0, 0.45, 0.3)  # worth of the best, second and third page of a statement
BESIDE = 0.5  # what a passage loses of what it lacks of the best one on its page
READ = 60  # passages that are read for their rows
ELSEWHERE, BEHIND = 0.5, 0.7  # the most that a passage of another document can score: route certain, or not


class InsideSearch:
    def __init__(self, router: Router, embedder: Embedder, sparse: SparseEncoder, store: VectorStore) -> None:
        self._router = router
        self._embedder = embedder
        self._sparse = sparse
        self._store = store

    def join(
        self, asked: Plan, found: Sequence[Candidate], access: Access, *, whole: Plan
    ) -> Sequence[Candidate]:
        """`whole` is the question that `asked` is a part of: names that stand in another part hold here."""
        route = self._router.route(asked.without_pages, access=access)
        if route is None and whole is not asked:
            route = self._router.route(whole.without_pages, access=access)
        if route is None:
            return found
        inside = self._by_page(self._candidates(route, asked, access), route, access)
        if not inside:
            return found
        return _joined(inside, found, route)

    def _candidates(self, route: Route, asked: Plan, access: Access) -> list[Candidate]:
        """By words and meaning; the passages of statement pages always among them."""
        known = asked.language in self._embedder.languages
        pages = _statement_passages(route, access.tenant)
        query = route.query or asked.question
        dense = self._legs("text", self._embedder.query(query), route, pages, access)
        sparse = self._legs("words", self._sparse.query(query), route, pages, access)
        return [
            item._replace(legs={**item.legs, "fact": pages[item.chunk_id]})
            if item.chunk_id in pages
            else item
            for item in fuse(dense, sparse, DENSE_SHARE if known else UNTRUSTED)
        ]

    def _legs(
        self, space: str, query: Vector | Sparse, route: Route, pages: Mapping[str, float], access: Access
    ) -> list[Scored]:
        """The best passages of the documents, and all of `pages`; best first."""
        documents = frozenset(routed.document.doc_id for routed in route.documents)
        best = self._store.search(space, query, access=access, limit=DEPTH, doc_ids=documents)
        missing = frozenset(pages) - {item.chunk_id for item in best}
        if missing:
            best += self._store.search(
                space, query, access=access, limit=len(missing), chunk_ids=missing, doc_ids=documents
            )
        return sorted(best, key=lambda item: (-item.score, item.chunk_id))

    def _by_page(self, candidates: Sequence[Candidate], route: Route, access: Access) -> list[Candidate]:
        """Scored as parts of their pages: the best words, the best row and the statement of a page count for it."""
        chunks = {chunk.id: chunk for chunk in self._read(candidates, access)}
        rows = _row_scores(list(chunks.values()), route)
        gaps = {routed.document.doc_id: routed.gap for routed in route.documents}
        pages: dict[tuple[str, int | None], list[Candidate]] = defaultdict(list)
        for item in candidates:
            if item.chunk_id in chunks:
                pages[item.doc_id, _page(chunks[item.chunk_id])].append(item)
        scored: list[Candidate] = []
        for (doc_id, _), members in pages.items():
            own = {item.chunk_id: item.score + rows.get(item.chunk_id, 0.0) for item in members}
            whole = (
                max(item.score for item in members)
                + max(rows.get(item.chunk_id, 0.0) for item in members)
                + STATEMENT * max(item.legs.get("fact", 0.0) for item in members)
                - GAP * gaps[doc_id]
            )
            best = max(own.values())
            scored += [item._replace(score=whole - BESIDE * (best - own[item.chunk_id])) for item in members]
        return sorted(scored, key=_best_first)

    def _read(self, candidates: Sequence[Candidate], access: Access) -> list[Chunk]:
        """The best few, and those of statement pages."""
        wanted = [
            item.chunk_id for place, item in enumerate(candidates) if place < READ or "fact" in item.legs
        ]
        return self._store.get(wanted, access=access)


def _page(chunk: Chunk) -> int | None:
    return chunk.places[0].page if chunk.places else None


def _best_first(item: Candidate) -> tuple[float, str]:
    return (-item.score, item.chunk_id)


def _statement_passages(route: Route, tenant: str) -> dict[str, float]:
    """The passages of the pages that hold an asked statement, each with its page's worth."""
    worth: dict[str, float] = {}
    for document in (routed.document for routed in route.documents):
        for statement, weight in route.statements.items():
            for place, page in zip(PLACES, document.key.pages(statement)):
                for ordinal in range(page.first, page.last + 1):
                    identity = chunk_id(tenant, document.doc_id, document.version, ordinal)
                    worth[identity] = max(worth.get(identity, 0.0), place * weight)
    return worth


def _joined(inside: Sequence[Candidate], found: Sequence[Candidate], route: Route) -> list[Candidate]:
    """Passages of the route's documents first; the others keep their order behind or between them."""
    most = ELSEWHERE if route.certain else BEHIND
    high, low = inside[0].score, inside[-1].score
    span = (high - low) or 1.0
    scaled = [item._replace(score=0.5 + 0.5 * (item.score - low) / span) for item in inside]
    taken = {item.chunk_id for item in inside}
    others = [item._replace(score=most * item.score) for item in found if item.chunk_id not in taken]
    return sorted([*scaled, *others], key=_best_first)


# ---------------------------------------------------------------- rows


def _row_scores(chunks: Sequence[Chunk], route: Route) -> dict[str, float]:
    """What the best row of each passage adds: its label's words that are asked for, and lines of the glossary."""
    labels = {chunk.id: list(_labels(chunk)) for chunk in chunks if chunk.kind == "table"}
    terms = {identity: [frozenset(tokens(label)) for label in rows] for identity, rows in labels.items()}
    asked = frozenset(tokens(route.query))
    weights = _rarity(asked, terms.values())
    return {
        identity: ROW * max((_likeness(label, asked, weights) for label in terms[identity]), default=0.0)
        + LINE * any(_names(label, route.lines) for label in rows)
        for identity, rows in labels.items()
    }


def _labels(chunk: Chunk) -> Iterator[str]:
    """The labels of the rows that hold a value."""
    for line in chunk.text.split("\n"):
        label, _, values = line.partition(" | ")
        if any(char.isdigit() for char in values):
            yield plain(label)


def _rarity(asked: frozenset[str], passages: Iterable[Sequence[frozenset[str]]]) -> dict[str, float]:
    """The inverse frequency of each asked word among the passages."""
    count, holding = 0, Counter[str]()
    for labels in passages:
        count += 1
        holding.update(asked & frozenset().union(*labels))
    return {word: math.log(1 + (count + 0.5) / (holding[word] + 0.5)) for word in asked}


def _likeness(label: frozenset[str], asked: frozenset[str], weights: Mapping[str, float]) -> float:
    common = label & asked
    if not common:
        return 0.0
    covered = sum(weights[word] for word in common) / sum(weights.values())
    return covered * len(common) / len(label)


def _names(label: str, lines: Sequence[Line]) -> bool:
    return any(line.rank(label) is not None for line in lines)
