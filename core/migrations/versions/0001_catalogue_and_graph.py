"""The catalogue (`rag/index/tables.py`) and the graph's rows (`kg/tables.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    catalogue()
    graph()


def downgrade() -> None:
    for name in (
        "subjects",
        "links",
        "mentions",
        "sentences",
        "passages",
        "documents",
        "tenants",
        "entities",
        "merges",
    ):
        op.drop_table(f"kg_{name}")
    for name in ("media", "pages", "sources", "documents"):
        op.drop_table(name)


def catalogue() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(200), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("live_version", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("pages_total", sa.Integer, nullable=False),
        sa.Column("pages_done", sa.Integer, nullable=False),
        sa.Column("pages_failed", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("tokens_dropped", sa.BigInteger, nullable=False),
        sa.Column("access", sa.JSON, nullable=False),
        sa.Column("meta", sa.JSON, nullable=False),
        sa.Column("valid_from", sa.Date),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True)),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_documents_tenant_created_at", "documents", ["tenant", "created_at", "id"])
    op.create_index("ix_documents_status", "documents", ["status"])
    op.create_index("ix_documents_retired_at", "documents", ["retired_at"])
    op.create_table(
        "sources",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        document("doc_id", nullable=False),
        sa.UniqueConstraint("tenant", "source", "doc_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sources_doc_id", "sources", ["doc_id"])
    op.create_table(
        "pages",
        document("doc_id", primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_table(
        "media",
        sa.Column("tenant", sa.String(200), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        document("doc_id", primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
    )
    op.create_index("ix_media_doc_id", "media", ["doc_id"])


def graph() -> None:
    op.create_table(
        "kg_tenants",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("documents", sa.Integer, nullable=False),
    )
    op.create_table(
        "kg_documents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("doc_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant", "doc_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_kg_documents_tenant_generation", "kg_documents", ["tenant", "generation"])
    op.create_table(
        "kg_passages",
        sa.Column(
            "document", sa.Integer, sa.ForeignKey("kg_documents.id", ondelete="CASCADE"), primary_key=True
        ),
        number("passage", primary_key=True),
        sa.Column("chunk_id", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("words", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kg_sentences",
        number("document", primary_key=True),
        number("passage", primary_key=True),
        number("sentence", primary_key=True),
        number("start", nullable=False),
        number("stop", nullable=False),
        sa.Column("words", sa.LargeBinary, nullable=False),
        of_passage("sentences"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kg_mentions",
        number("document", primary_key=True),
        number("passage", primary_key=True),
        number("sentence", primary_key=True),
        number("start", primary_key=True),
        sa.Column("entity", sa.BigInteger, primary_key=True, autoincrement=False),
        number("stop", nullable=False),
        of_passage("mentions"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kg_subjects",
        number("document", primary_key=True),
        number("passage", primary_key=True),
        sa.Column("entity", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        of_passage("subjects"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kg_links",
        number("document", primary_key=True),
        number("passage", primary_key=True),
        number("sentence", primary_key=True),
        number("start", primary_key=True),
        sa.Column("entity", sa.BigInteger, primary_key=True, autoincrement=False),
        number("stop", nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        of_passage("links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_kg_links_tenant_generation", "kg_links", ["tenant", "generation"])
    op.create_table(
        "kg_entities",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("context", sa.String, nullable=False),
        sa.Column("surface", sa.String, nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("subjects", sa.Integer, nullable=False),
    )
    op.create_index("ix_kg_entities_tenant_name", "kg_entities", ["tenant", "name"])
    op.create_table(
        "kg_merges",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("entity", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("into", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )


def document(name: str, **options: bool) -> sa.Column:
    return sa.Column(name, sa.String(64), sa.ForeignKey("documents.id", ondelete="CASCADE"), **options)


def number(name: str, **options: bool) -> sa.Column:
    return sa.Column(name, sa.Integer, autoincrement=False, **options)


def of_passage(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["document", "passage"],
        ["kg_passages.document", "kg_passages.passage"],
        name=f"fk_kg_{table}_passage",
        ondelete="CASCADE",
    )
