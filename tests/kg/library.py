"""A small library by hand: passages as chunks, and a graph store on a database of its own."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from core.database import migrate, open_engine
from core.ids import chunk_id
from core.types import PUBLIC, Access, BlockKind, Chunk
from kg.store import GraphStore

TENANT = "acme"
EVERYBODY = Access(TENANT, PUBLIC)


def chunk(
    text: str,
    *,
    title: str = "",
    section: tuple[str, ...] = (),
    kind: BlockKind = "text",
    doc_id: str = "doc-1",
    version: int = 1,
    ordinal: int = 0,
    tenant: str = TENANT,
    access: frozenset[str] = PUBLIC,
) -> Chunk:
    return Chunk(
        id=chunk_id(tenant, doc_id, version, ordinal),
        doc_id=doc_id,
        version=version,
        ordinal=ordinal,
        tenant=tenant,
        access=access,
        kind=kind,
        title=title,
        section=section,
        text=text,
        places=(),
    )


class Library:
    """Documents of one or several passages; the title of a document is its id in words."""

    def __init__(self, database: str) -> None:
        self.engine: Engine = open_engine(database)
        migrate(self.engine)
        self.store = GraphStore(self.engine)

    def put(
        self,
        title: str,
        *texts: str,
        version: int = 1,
        tenant: str = TENANT,
        access: frozenset[str] = PUBLIC,
    ) -> list[str]:
        """The chunk ids."""
        chunks = self.chunks(title, texts, version=version, tenant=tenant, access=access)
        with self.engine.begin() as connection:
            self.store.write(connection, tenant, doc_id(title), version, chunks)
        return [one.id for one in chunks]

    def put_all(self, documents: Mapping[str, Sequence[str]]) -> None:
        with self.engine.begin() as connection:
            self.store.write_many(
                connection,
                TENANT,
                [(doc_id(title), 1, self.chunks(title, texts)) for title, texts in documents.items()],
            )

    def chunks(
        self,
        title: str,
        texts: Sequence[str],
        *,
        version: int = 1,
        tenant: str = TENANT,
        access: frozenset[str] = PUBLIC,
    ) -> list[Chunk]:
        return [
            chunk(
                text,
                title=title,
                doc_id=doc_id(title),
                version=version,
                ordinal=number,
                tenant=tenant,
                access=access,
            )
            for number, text in enumerate(texts)
        ]

    def drop(self, title: str, *, tenant: str = TENANT, before_version: int | None = None) -> None:
        with self.engine.begin() as connection:
            self.store.delete(connection, tenant, doc_id(title), before_version)


def doc_id(title: str) -> str:
    return "doc-" + "".join(char if char.isalnum() else "-" for char in title.lower())


def first_chunk(title: str, version: int = 1, tenant: str = TENANT) -> str:
    return chunk_id(tenant, doc_id(title), version, 0)
