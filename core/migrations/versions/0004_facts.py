"""Typed facts of documents (`rag/index/facts.py`), and how many each has."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "facts",
        sa.Column(
            "doc_id", sa.String(64), sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("attribute", sa.String(200), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("unit", sa.String(40), nullable=False),
        sa.Column("scale", sa.Integer, nullable=False),
        sa.Column("currency", sa.String(8), nullable=False),
        sa.Column("printed", sa.Text, nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("chunk_id", sa.String(40), nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("box", sa.String(80), nullable=False),
        sa.Column("anchor", sa.Text, nullable=False),
    )
    op.create_index("ix_facts_tenant_name_period", "facts", ["tenant", "name", "period"])
    op.create_index("ix_facts_tenant_doc_id", "facts", ["tenant", "doc_id"])
    op.add_column("documents", sa.Column("facts", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("documents", "facts")
    op.drop_table("facts")
