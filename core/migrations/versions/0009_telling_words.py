"""The word of each fact's attribute by which it is looked up, and the facts of a passage (`rag/index/facts.py`)."""

import sqlalchemy as sa
from alembic import op

from core.text import telling_term

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

facts = sa.table("facts", *map(sa.column, ("tenant", "name", "word")))


def upgrade() -> None:
    op.add_column("facts", sa.Column("word", sa.String(200), nullable=False, server_default=""))
    connection = op.get_bind()
    names = connection.execute(sa.select(facts.c.tenant, facts.c.name).distinct()).all()
    if names:
        of_name = (facts.c.tenant == sa.bindparam("of_tenant")) & (facts.c.name == sa.bindparam("of_name"))
        connection.execute(
            sa.update(facts).where(of_name).values(word=sa.bindparam("telling")),
            [{"of_tenant": tenant, "of_name": name, "telling": telling_term(name)} for tenant, name in names],
        )
    op.create_index("ix_facts_tenant_word_period", "facts", ["tenant", "word", "period", "name"])
    op.create_index("ix_facts_chunk_id", "facts", ["chunk_id"])


def downgrade() -> None:
    op.drop_index("ix_facts_chunk_id", "facts")
    op.drop_index("ix_facts_tenant_word_period", "facts")
    op.drop_column("facts", "word")
