"""What was counted of a document at each stage, when its turn is, and who waits (`rag/index/tables.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTS = ("blocks", "vectors", "passages")


def upgrade() -> None:
    for name in COUNTS:
        op.add_column("documents", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("turn", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_documents_status_turn", "documents", ["status", "turn"])
    op.create_table(
        "paused",
        sa.Column("tenant", sa.String(200), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("paused")
    op.drop_index("ix_documents_status_turn", "documents")
    for name in ("turn", *COUNTS):
        op.drop_column("documents", name)
