"""The highest version that a deleted document of a tenant ever had (`rag/index/tables.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lives",
        sa.Column("tenant", sa.String(200), primary_key=True),
        sa.Column("highest", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("lives")
