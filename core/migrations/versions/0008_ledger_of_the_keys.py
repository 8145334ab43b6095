"""How many rows the key of each document has (`rag/index/tables.py`, `rag/index/keys.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("document_keys", "document_names")


def upgrade() -> None:
    op.add_column("documents", sa.Column("keys", sa.Integer, nullable=False, server_default="0"))
    # What went live before is held to what is there today.
    counts = " + ".join(
        f"(SELECT count(*) FROM {table} WHERE {table}.doc_id = documents.id "  # noqa: S608
        f"AND {table}.version = documents.live_version)"
        for table in TABLES
    )
    op.execute(f"UPDATE documents SET keys = {counts}")  # noqa: S608


def downgrade() -> None:
    op.drop_column("documents", "keys")
