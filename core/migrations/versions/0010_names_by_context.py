"""Of the graph's names only those with a context are found by name (`kg/tables.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

HAS_CONTEXT = sa.text("context <> ''")


def upgrade() -> None:
    op.drop_index("ix_kg_entities_tenant_name", "kg_entities")
    op.create_index(
        "ix_kg_entities_context",
        "kg_entities",
        ["tenant", "name"],
        sqlite_where=HAS_CONTEXT,
        postgresql_where=HAS_CONTEXT,
    )


def downgrade() -> None:
    op.drop_index("ix_kg_entities_context", "kg_entities")
    op.create_index("ix_kg_entities_tenant_name", "kg_entities", ["tenant", "name"])
