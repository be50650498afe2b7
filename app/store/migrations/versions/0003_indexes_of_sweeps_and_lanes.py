"""Indexes, so that neither a sweep nor a lease grows with what is done or waits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the indexes."""
    for name, condition in (("ix_messages_texts", "text IS NOT NULL"), ("ix_messages_answers", "xml != ''")):
        where = sa.text(condition)
        op.create_index(name, "messages", ["received_at"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_deliveries_order", "deliveries", ["target", "state", "sequence", "id"])
