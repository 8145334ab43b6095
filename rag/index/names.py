"""Who holds a name: every document claims the names that it is accepted under, the newest live one wins.

A document that lost its last name is retired: hidden at once, removed by the sweep. Functions within the
caller's transaction, which holds the tenant's catalogue.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from rag.index.rows import batches, rows_where
from rag.index.tables import documents, sources


def claim(connection: Connection, tenant: str, claims: Sequence[tuple[str, str]]) -> None:
    """Each (source, document) becomes the newest claim of its source, in the order given."""
    held: set[tuple[str, str]] = set()
    newest: dict[str, str] = {}
    mine = sources.c.tenant == tenant
    for part in batches(sorted({source for source, _ in claims})):
        query = (
            select(sources.c.source, sources.c.doc_id)
            .where(mine, sources.c.source.in_(part))
            .order_by(sources.c.sequence)
        )
        rows = [tuple(row) for row in connection.execute(query)]
        held.update(rows)
        newest.update(rows)
    renewed = []
    for source, doc_id in claims:
        if newest.get(source) != doc_id:
            renewed.append({"_tenant": tenant, "_source": source, "_doc_id": doc_id})
            newest[source] = doc_id
    if not renewed:
        return
    # The same pair may come twice with another between: only its last place in the order counts.
    last = {(row["_source"], row["_doc_id"]): row for row in reversed(renewed)}
    ordered = list(reversed(last.values()))
    former = [row for row in ordered if (row["_source"], row["_doc_id"]) in held]
    if former:
        connection.execute(
            delete(sources).where(
                mine,
                sources.c.source == bindparam("_source"),
                sources.c.doc_id == bindparam("_doc_id"),
            ),
            former,
        )
    connection.execute(
        insert(sources),
        [{"tenant": tenant, "source": row["_source"], "doc_id": row["_doc_id"]} for row in ordered],
    )
    connection.execute(
        update(documents).where(documents.c.id == bindparam("_doc_id")).values(source=bindparam("_source")),
        ordered,
    )


def settle(connection: Connection, tenant: str, doc_ids: Sequence[str]) -> tuple[str, ...]:
    """The newest live claim of each name of these documents wins; older claims go.

    Returns the documents that lost their last name: they are retired.
    """
    claimed = {row.source for row in rows_where(connection, sources, sources.c.doc_id, doc_ids)}
    query = (
        select(sources.c.sequence, sources.c.source, sources.c.doc_id, documents.c.live_version)
        .join(documents, documents.c.id == sources.c.doc_id)
        .where(sources.c.tenant == tenant)
        .order_by(sources.c.sequence.desc())
    )
    decided: set[str] = set()
    lost: dict[int, str] = {}
    for part in batches(sorted(claimed)):
        for claim in connection.execute(query.where(sources.c.source.in_(part))):
            if claim.source in decided:
                lost[claim.sequence] = claim.doc_id
            elif claim.live_version is not None:
                decided.add(claim.source)
    for numbers in batches(list(lost)):
        connection.execute(delete(sources).where(sources.c.sequence.in_(numbers)))
    remaining = {
        row.doc_id: row.source
        for row in sorted(
            rows_where(connection, sources, sources.c.doc_id, set(lost.values())),
            key=lambda row: row.sequence,
        )
    }
    for doc_id, source in remaining.items():
        connection.execute(update(documents).where(documents.c.id == doc_id).values(source=source))
    retired = tuple(sorted(set(lost.values()) - set(remaining)))
    retire(connection, retired)
    return retired


def retire(connection: Connection, doc_ids: Sequence[str]) -> None:
    now = datetime.now(UTC)
    for part in batches(doc_ids):
        connection.execute(
            update(documents)
            .where(documents.c.id.in_(part))
            .values(live_version=None, retired_at=now, updated_at=now)
        )
