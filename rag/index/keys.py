"""What documents are, beside what they say: who they are about, which form, which period, typed pages.

    keys    one row for each version of a document: form, fiscal year, quarter, end of the period, statements
    names   the names under which people ask for it, each in joined form ("Best Buy" is "bestbuy")

Names are found by the words of a question, so a look-up costs the question's length, not the number of
documents. Rows of versions that are not live count for nothing. How keys are made is `ingest/keys.py`;
what follows from them for a question is `rag/route.py`.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
)

from core.database import MAX_VARIABLES, looked_up, metadata, reading
from core.text import normalize_name
from core.types import Access
from rag.index.rows import delete_versions
from rag.index.tables import documents

NameKind = Literal["name", "proper", "symbol"]
Form = Literal["annual report", "quarterly report", "current report", "release", "guideline", "manual", ""]

MAX_NAME = 120  # characters of a joined name

document_keys = Table(
    "document_keys",
    metadata,
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("subject", String(MAX_NAME), nullable=False),
    Column("form", String(40), nullable=False),
    Column("year", Integer),
    Column("quarter", Integer),
    Column("ends", Date),
    Column("statements", JSON, nullable=False),
    Index("ix_document_keys_tenant_subject", "tenant", "subject"),
)

document_names = Table(
    "document_names",
    metadata,
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name", String(MAX_NAME), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("weight", Float, nullable=False),
    Index("ix_document_names_tenant_name", "tenant", "name"),
)


class Name(NamedTuple):
    """`joined`: see `joined`. `weight` in (0, 1].

    A proper name is one word, which counts only where it begins with a capital; a symbol only in capitals.
    """

    joined: str
    weight: float
    kind: NameKind = "name"


class StatementPage(NamedTuple):
    """A page that is the statement `statement`; its passages are those from `first` to `last`."""

    statement: str
    page: int
    score: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """`subject`: the name in joined form that documents of one company or title share.

    `year` and `quarter` are the fiscal ones that the document gives itself, `ends` the last day of its
    period, or the day that it reports.
    """

    subject: str = ""
    names: tuple[Name, ...] = ()
    form: Form = ""
    year: int | None = None
    quarter: int | None = None
    ends: date | None = None
    statements: tuple[StatementPage, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows it has once it is written."""
        return 1 + len(self.names) if self.names else 0

    def pages(self, statement: str) -> list[StatementPage]:
        return [page for page in self.statements if page.statement == statement]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A live document that answers to a name of a question. `matched`: joined name -> its weight."""

    doc_id: str
    version: int
    key: DocumentKey
    matched: Mapping[str, float] = field(default_factory=dict)


def joined(name: str) -> str:
    """A name without case, spaces and signs: "Coca-Cola" and "COCACOLA" are "cocacola"."""
    return re.sub(r"\s+", "", normalize_name(name))[:MAX_NAME]


class KeyStore:
    """Writing joins the caller's transaction; reading is one of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, connection: Connection, tenant: str, doc_id: str, version: int, key: DocumentKey) -> None:
        self.write_many(connection, tenant, [(doc_id, version, key)])

    def write_many(
        self, connection: Connection, tenant: str, documents: Sequence[tuple[str, int, DocumentKey]]
    ) -> None:
        """The key of each of these versions; what was written for it before goes. A key without a name has
        no row.
        """
        for table in (document_names, document_keys):
            delete_versions(connection, table, documents)
        named = [(doc_id, version, key) for doc_id, version, key in documents if key.names]
        if not named:
            return
        connection.execute(
            insert(document_keys),
            [
                {
                    "doc_id": doc_id,
                    "version": version,
                    "tenant": tenant,
                    "subject": key.subject,
                    "form": key.form,
                    "year": key.year,
                    "quarter": key.quarter,
                    "ends": key.ends,
                    "statements": [list(page) for page in key.statements],
                }
                for doc_id, version, key in named
            ],
        )
        connection.execute(
            insert(document_names),
            [
                {
                    "doc_id": doc_id,
                    "version": version,
                    "name": name.joined,
                    "kind": name.kind,
                    "tenant": tenant,
                    "weight": name.weight,
                }
                for doc_id, version, key in named
                for name in key.names
            ],
        )

    def delete(self, connection: Connection, doc_id: str, *, before_version: int) -> None:
        for table in (document_names, document_keys):
            connection.execute(
                delete(table).where(table.c.doc_id == doc_id, table.c.version < before_version)
            )

    def census(
        self, connection: Connection, tenant: str, doc_ids: Sequence[str] | None = None
    ) -> dict[tuple[str, int], int]:
        """How many rows the key of each document has, of all where none is named: (doc_id, version) -> rows."""
        found: dict[tuple[str, int], int] = defaultdict(int)
        for table in (document_keys, document_names):
            query = (
                select(table.c.doc_id, table.c.version, func.count())
                .where(table.c.tenant == tenant)
                .group_by(table.c.doc_id, table.c.version)
            )
            for begin in range(0, 1 if doc_ids is None else len(doc_ids), MAX_VARIABLES - 1):
                some = doc_ids and doc_ids[begin : begin + MAX_VARIABLES - 1]
                part = query if some is None else query.where(table.c.doc_id.in_(some))
                for row in connection.execute(part):
                    found[row[0], row[1]] += row[2]
        return dict(found)

    def get(self, doc_id: str, version: int) -> DocumentKey | None:
        with reading(self._engine) as connection:
            row = connection.execute(
                select(document_keys).where(
                    document_keys.c.doc_id == doc_id, document_keys.c.version == version
                )
            ).one_or_none()
        return _key(row) if row else None

    def find(self, names: Mapping[NameKind, Collection[str]], access: Access) -> list[Keyed]:
        """The live documents that the caller may see and that bear one of these joined names as this kind.

        Documents of a company that was found by one of its documents' names come with it.
        """
        with reading(self._engine) as connection:
            matched = _matched(connection, access.tenant, names)
            rows = _live(connection, access, document_keys.c.doc_id, matched)
            subjects = {row.subject: row.doc_id for row in rows if row.subject}
            kin = _live(connection, access, document_keys.c.subject, subjects)
        found = {row.doc_id: row for row in (*rows, *kin)}
        return [
            Keyed(
                row.doc_id, row.version, _key(row), matched.get(row.doc_id) or matched[subjects[row.subject]]
            )
            for row in found.values()
        ]


def _matched(
    connection: Connection, tenant: str, names: Mapping[NameKind, Collection[str]]
) -> dict[str, dict[str, float]]:
    """Document id -> the names that it answers to, with their weights."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    wanted = sorted({name for of_kind in names.values() for name in of_kind})
    query = "SELECT doc_id, name, kind, weight FROM document_names WHERE tenant = ? AND name IN"
    for doc_id, name, kind, weight in looked_up(connection, query, wanted, (tenant,)):
        if name in names[kind]:
            found[doc_id][name] = max(weight, found[doc_id].get(name, 0.0))
    return found


def _live(connection: Connection, access: Access, column: Any, values: Iterable[str]) -> list[Any]:
    wanted = sorted(values)
    live = and_(
        documents.c.id == document_keys.c.doc_id,
        documents.c.live_version == document_keys.c.version,
        documents.c.retired_at.is_(None),
    )
    rows = []
    for start in range(0, len(wanted), MAX_VARIABLES // 2):
        query = (
            select(document_keys, documents.c.access)
            .join(documents, live)
            .where(
                document_keys.c.tenant == access.tenant,
                column.in_(wanted[start : start + MAX_VARIABLES // 2]),
            )
        )
        rows += [row for row in connection.execute(query) if not access.labels.isdisjoint(row.access)]
    return rows


def _key(row: Any) -> DocumentKey:
    pages: Sequence[Sequence[Any]] = row.statements
    return DocumentKey(
        subject=row.subject,
        form=row.form,
        year=row.year,
        quarter=row.quarter,
        ends=row.ends,
        statements=tuple(StatementPage(*page) for page in pages),
    )
