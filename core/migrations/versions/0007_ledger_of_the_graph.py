"""The blocks of each page, and the rows that the graph has of each document (`rag/index/tables.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTS = ("sentences", "mentions", "subjects")


def upgrade() -> None:
    op.add_column("pages", sa.Column("blocks", sa.Integer))
    for name in COUNTS:
        op.add_column("documents", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
        # What went live before is held to what is there today.
        op.execute(
            f"UPDATE documents SET {name} = (SELECT count(*) FROM kg_{name} JOIN kg_documents "  # noqa: S608
            f"ON kg_documents.id = kg_{name}.document WHERE kg_documents.doc_id = documents.id "
            "AND kg_documents.tenant = documents.tenant AND kg_documents.version = documents.live_version)"
        )


def downgrade() -> None:
    for name in COUNTS:
        op.drop_column("documents", name)
    op.drop_column("pages", "blocks")
