"""The catalogue's tables. What they mean and who may change them: `catalog.py`."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from core.database import Utc, metadata

documents = Table(
    "documents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("media_type", String(200), nullable=False, default=""),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("live_version", Integer),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),  # how often work on this version began
    Column(
        "turn", Integer, nullable=False, server_default="0"
    ),  # the lowest one waiting is next (`turns.py`)
    Column("content_hash", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("pages_total", Integer, nullable=False, default=0),
    Column("pages_done", Integer, nullable=False, default=0),
    Column("pages_failed", Integer, nullable=False, default=0),
    # what each stage counted: read, split, made durable in the vector store, written to the graph
    Column("blocks", Integer, nullable=False, server_default="0"),
    Column("chunks", Integer, nullable=False, default=0),
    Column("vectors", Integer, nullable=False, server_default="0"),
    Column("passages", Integer, nullable=False, server_default="0"),
    Column("sentences", Integer, nullable=False, server_default="0"),
    Column("mentions", Integer, nullable=False, server_default="0"),
    Column("subjects", Integer, nullable=False, server_default="0"),
    Column("tokens", BigInteger, nullable=False, default=0),
    Column("tokens_dropped", BigInteger, nullable=False, default=0),
    Column("facts", Integer, nullable=False, default=0, server_default="0"),
    Column("keys", Integer, nullable=False, server_default="0"),
    Column("access", JSON, nullable=False),
    Column("meta", JSON, nullable=False, default=dict),
    Column("valid_from", Date),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("ready_at", Utc),
    Column("retired_at", Utc),
    Index("ix_documents_tenant_created_at", "tenant", "created_at", "id"),
    Index("ix_documents_status", "status"),
    Index("ix_documents_status_turn", "status", "turn"),
    Index("ix_documents_tenant_status_turn", "tenant", "status", "turn"),
    Index("ix_documents_tenant_updated_at", "tenant", "updated_at"),
    Index("ix_documents_retired_at", "retired_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("ended_at", Utc, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_attempts_doc_id", "doc_id"),
)

lives = Table(  # `highest`: of the versions that deleted documents had; no version is given twice
    "lives",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("highest", Integer, nullable=False),
)

paused = Table(
    "paused",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("since", Utc, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("tenant", String(200), nullable=False),
    Column("source", Text, nullable=False),
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    UniqueConstraint("tenant", "source", "doc_id"),
    Index("ix_sources_doc_id", "doc_id"),
    # A number is never given twice, even after the newest claim was removed.
    sqlite_autoincrement=True,
)

pages = Table(
    "pages",
    metadata,
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("label", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("problem", Text, nullable=False),
    Column("blocks", Integer),  # NULL: read before they were counted
)

media = Table(
    "media",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("doc_id", String(64), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Index("ix_media_doc_id", "doc_id"),
)
