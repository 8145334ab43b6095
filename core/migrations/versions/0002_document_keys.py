"""Names, form, period and typed pages of documents (`rag/index/keys.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_keys",
        sa.Column(
            "doc_id", sa.String(64), sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("form", sa.String(40), nullable=False),
        sa.Column("year", sa.Integer),
        sa.Column("quarter", sa.Integer),
        sa.Column("ends", sa.Date),
        sa.Column("statements", sa.JSON, nullable=False),
    )
    op.create_index("ix_document_keys_tenant_subject", "document_keys", ["tenant", "subject"])
    op.create_table(
        "document_names",
        sa.Column(
            "doc_id", sa.String(64), sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
    )
    op.create_index("ix_document_names_tenant_name", "document_names", ["tenant", "name"])


def downgrade() -> None:
    op.drop_table("document_names")
    op.drop_table("document_keys")
