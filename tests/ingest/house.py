"""A house for the write path: real parts on disk, and a reader and an encoder that need no weights."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import Engine

from core.errors import LockedFile
from core.glossary import load_glossary
from core.ids import document_id
from core.types import PUBLIC, Access, Block, Content, Page
from ingest.limits import Limits
from ingest.pipeline import Pipeline
from kg.store import GraphStore
from rag.index.catalog import Catalog
from rag.index.facts import FactStore
from rag.index.files import FileStatus, Job
from rag.index.keys import KeyStore
from rag.index.media import MediaStore
from rag.index.sparse import LexicalEncoder
from rag.index.store import Space
from tests.fakes import MemoryStore, WordEmbedder

SPACES = {"text": Space("words-256", 256)}
TENANT = "acme"
LOGO = b"a picture"


def read_pages(path: Path, *, name: str, limits: Limits, scratch: Path, stop: Event) -> Content:
    """A reader for tests: form feeds part pages, "broken" is a page that cannot be read, "locked" a file."""
    text = path.read_text()
    if text.startswith("locked"):
        raise LockedFile("the file needs a password")
    pages = []
    for number, words in enumerate(text.split("\f"), 1):
        if words == "broken":
            pages.append(Page(number, (), 100, 100, problem="the page is torn"))
            continue
        blocks = [Block("text", paragraph) for paragraph in words.split("\n\n")]
        if "logo" in words:
            key = hashlib.sha256(LOGO).hexdigest()
            (scratch / key).write_bytes(LOGO)
            blocks.append(Block("figure", "the logo", image=key))
        pages.append(Page(number, tuple(blocks), 100, 100))
    return Content("text/plain", tuple(pages), "")


@dataclass
class House:
    """What outlives a process: database, files and points; and a pipeline over them."""

    engine: Engine
    folder: Path
    store: Any
    embedder: Any = field(default_factory=WordEmbedder)
    reader: Any = read_pages

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.engine)

    @property
    def media(self) -> MediaStore:
        return MediaStore(self.folder / "media")

    @property
    def graph(self) -> GraphStore:
        return GraphStore(self.engine)

    @property
    def keys(self) -> KeyStore:
        return KeyStore(self.engine)

    @property
    def facts(self) -> FactStore:
        return FactStore(self.engine)

    def open(self, wrap: Callable[[Any], Any] = lambda part: part, **options: Any) -> Pipeline:
        """A new process over the same house; `wrap` is put around every part that has effects."""
        return Pipeline(
            catalog=wrap(self.catalog),
            media=wrap(self.media),
            store=wrap(self.store),
            embedder=self.embedder,
            sparse=LexicalEncoder(),
            graph=wrap(self.graph),
            keys=wrap(self.keys),
            facts=wrap(self.facts),
            glossary=load_glossary(),
            limits=Limits(),
            scratch=self.folder / "scratch",
            read_file=self.reader,
            **options,
        )

    def ingest(self, source: str, text: str, access: frozenset[str] = PUBLIC) -> FileStatus:
        pipeline = self.open()
        file = pipeline.accept(TENANT, source, text.encode(), access)
        pipeline.run(job(file))
        return self.catalog.get(TENANT, file.id)

    def found(self, word: str) -> list[str]:
        """The texts of the live passages with this word."""
        hits = self.store.search("words", LexicalEncoder().query(word), access=Access(TENANT), limit=100)
        live = self.catalog.live(TENANT, {hit.doc_id for hit in hits})
        ids = [hit.chunk_id for hit in hits if live.get(hit.doc_id) == hit.version]
        return [chunk.text for chunk in self.store.get(ids, access=Access(TENANT))]

    def documents_in_graph(self) -> set[str]:
        return set(self.graph.graph(TENANT).documents)


def job(file: FileStatus) -> Job:
    return Job(file.tenant, file.id, file.version)


def doc_id(text: str) -> str:
    return document_id(TENANT, hashlib.sha256(text.encode()).hexdigest())


def memory_store() -> MemoryStore:
    return MemoryStore(SPACES, LexicalEncoder().name)
