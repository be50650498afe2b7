"""What running servers tell, what operators ask of them, and when a delivery was replayed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Creates the tables and the column."""
    op.create_table(
        "instances",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("targets", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
    )
    op.create_table(
        "probe_requests",
        sa.Column("target", sa.String, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_probe_requests"),
    )
    op.add_column("deliveries", sa.Column("replayed_at", sa.Double))
