"""From the catalogue's rows to values and back; what queries of several of its modules share.

Knows the tables and no rule of the life of a file.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from core.database import MAX_VARIABLES, mark_of
from core.errors import NotFound
from core.types import Document
from rag.index.files import FINISHED, FileStatus, Job, blocks_of, storable
from rag.index.tables import documents


def status_of(row: Row[Any]) -> FileStatus:
    values = dict(row._mapping)
    del values["retired_at"], values["attempts"], values["turn"]
    values["access"] = frozenset(values["access"])
    return FileStatus(**values)


def rows_where(connection: Connection, what: Any, column: Any, values: Collection[Any]) -> list[Row[Any]]:
    """Selects `what` where `column` is one of `values`, however many these are."""
    query: Select[Any] = select(*what) if isinstance(what, tuple) else select(what)
    return [
        row for part in batches(list(values)) for row in connection.execute(query.where(column.in_(part)))
    ]


def visible(connection: Connection, tenant: str, doc_id: str) -> Row[Any]:
    row = connection.execute(
        select(documents).where(
            documents.c.id == doc_id, documents.c.tenant == tenant, documents.c.retired_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        raise not_found(doc_id)
    return row


def not_found(doc_id: str) -> NotFound:
    return NotFound(f"no file {doc_id!r}", param="file_id")


def still(job: Job) -> tuple[Any, ...]:
    return (
        documents.c.id == job.doc_id,
        documents.c.tenant == job.tenant,
        documents.c.version == job.version,
        documents.c.retired_at.is_(None),
        documents.c.status.not_in(FINISHED),
    )


def wanted_rows(connection: Connection, versions: Mapping[str, int]) -> dict[str, Row[Any]]:
    """Where the documents stand whose version of this number is still to become live, and their pages."""
    columns = documents.c
    standing = (
        columns.id, columns.version, columns.status, columns.retired_at, columns.pages_total, columns.pages_failed
    )  # fmt: skip
    return {
        row.id: row
        for row in rows_where(connection, standing, columns.id, versions)
        if row.version == versions[row.id] and row.retired_at is None and row.status not in FINISHED
    }


def description(document: Document) -> dict[str, Any]:
    content = document.content
    return {
        "status": "indexing",
        "title": storable(document.title),
        "media_type": content.media_type,
        "meta": {storable(name): storable(value) for name, value in content.meta.items()},
        "valid_from": content.valid_from,
        "pages_total": len(content.pages),
        "blocks": blocks_of(content),
        "pages_done": 0,
        "pages_failed": sum(1 for page in content.pages if page.problem),
    }


def page_rows(document: Document) -> Iterator[dict[str, Any]]:
    for page in document.content.pages:
        yield {
            "doc_id": document.id,
            "version": document.version,
            "number": page.number,
            "label": storable(page.label),
            # hundredths of a point: exact enough, and the same on every database
            "width": round(page.width * 100),
            "height": round(page.height * 100),
            "status": "failed" if page.problem else "ingested",
            "problem": storable(page.problem),
            "blocks": len(page.blocks),
        }


def delete_versions(connection: Connection, table: Table, versions: Iterable[tuple[Any, ...]]) -> None:
    """Deletes the rows of `table` of versions of documents; each begins with the document's id and its number."""
    former = [(doc_id, version) for doc_id, version, *_ in versions]
    if former:
        mark = mark_of(connection.dialect)
        statement = f"DELETE FROM {table.name} WHERE doc_id = {mark} AND version = {mark}"  # noqa: S608
        connection.exec_driver_sql(statement, former)


def batches(values: Sequence[Any], size: int = MAX_VARIABLES) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
