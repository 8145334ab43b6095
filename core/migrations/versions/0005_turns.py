"""Quick answers to whose turn it is and what changed, and a log of what went wrong (`rag/index/tables.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_documents_tenant_status_turn", "documents", ["tenant", "status", "turn"])
    op.create_index("ix_documents_tenant_updated_at", "documents", ["tenant", "updated_at"])
    op.create_table(
        "attempts",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("doc_id", sa.String(64), sa.ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_attempts_doc_id", "attempts", ["doc_id"])


def downgrade() -> None:
    op.drop_table("attempts")
    op.drop_index("ix_documents_tenant_updated_at", "documents")
    op.drop_index("ix_documents_tenant_status_turn", "documents")
