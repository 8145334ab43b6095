"""Passages made by hand, and a small index of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from core.ids import chunk_id
from core.ports import Reranker
from core.types import PUBLIC, Access, BlockKind, Box, Chunk, Evidence, Place, Point, Span
from rag.index.sparse import LexicalEncoder
from rag.index.store import Space
from rag.retrieve import Retriever
from tests.fakes import MemoryStore, WordEmbedder

MakePassage = Callable[..., Chunk]


@pytest.fixture
def passage() -> MakePassage:
    return make_passage


@pytest.fixture
def evidence() -> Callable[..., list[Evidence]]:
    def numbered(*chunks: Chunk) -> list[Evidence]:
        return [
            Evidence(f"S{number}", chunk, 1 / number, frozenset({"dense"}))
            for number, chunk in enumerate(chunks, start=1)
        ]

    return numbered


def make_passage(
    text: str,
    *,
    page: int = 1,
    doc: str = "report",
    ordinal: int = 0,
    kind: BlockKind = "text",
    title: str = "",
    section: tuple[str, ...] = (),
    version: int = 1,
    tenant: str = "default",
    access: frozenset[str] = PUBLIC,
) -> Chunk:
    """Each line of the text is a printed line, each character five points wide."""
    spans = []
    start = 0
    for number, line in enumerate(text.split("\n")):
        if line:
            box = Box(50, 100 + 14 * number, 50 + 5 * len(line), 112 + 14 * number)
            spans.append(Span(start, start + len(line), page, box))
        start += len(line) + 1
    return Chunk(
        id=chunk_id(tenant, doc, version, ordinal),
        doc_id=doc,
        version=version,
        ordinal=ordinal,
        tenant=tenant,
        access=access,
        kind=kind,
        title=title,
        section=section,
        text=text,
        places=(Place(doc, page, Box(50, 100, 500, 700)),),
        spans=tuple(spans),
    )


@dataclass
class Shelf:
    """What the catalogue says is live: version 1 of everything, unless told otherwise."""

    versions: dict[str, int] = field(default_factory=dict)
    since: dict[str, date] = field(default_factory=dict)

    def known_at(self, tenant: str, day: date) -> frozenset[str]:
        return frozenset(doc_id for doc_id, known in self.since.items() if known <= day)

    def live(self, tenant: str, doc_ids: Collection[str]) -> Mapping[str, int]:
        return {doc_id: version for doc_id in doc_ids if (version := self.versions.get(doc_id, 1))}


class Index:
    """A retriever over passages in memory."""

    def __init__(self, embedder: WordEmbedder, reranker: Reranker | None = None) -> None:
        self.embedder = embedder
        self.sparse = LexicalEncoder()
        self.shelf = Shelf()
        self.store = MemoryStore({"text": Space(embedder.name, embedder.size)}, self.sparse.name)
        self.retriever = Retriever(embedder, self.sparse, self.store, self.shelf, reranker=reranker)

    def add(self, *chunks: Chunk) -> Sequence[Chunk]:
        numbered = [replace(chunk) for chunk in chunks]
        vectors = self.embedder.chunks(numbered)
        words = self.sparse.chunks(numbered)
        self.store.upsert(
            [Point(chunk, {"text": vector}, word) for chunk, vector, word in zip(numbered, vectors, words)]
        )
        return numbered


@pytest.fixture
def index() -> Index:
    return Index(WordEmbedder())


@pytest.fixture
def access() -> Access:
    return Access()
