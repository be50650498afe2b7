"""What each try of a delivery brought; copies of messages; indexes that hold open deliveries only; larger ids."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

IDS = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Creates what is new; nothing but speed is taken away from a replica of the version before."""
    op.create_table(
        "tries",
        sa.Column("id", IDS, primary_key=True),
        sa.Column(
            "delivery_id",
            IDS,
            sa.ForeignKey("deliveries.id", ondelete="CASCADE", name="fk_tries_delivery_id_deliveries"),
            nullable=False,
        ),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_tries"),
    )
    op.create_index("ix_tries_delivery_id", "tries", ["delivery_id"])
    op.add_column("reports", sa.Column("kind", sa.String, nullable=False, server_default="report"))
    op.add_column("messages", sa.Column("parameters", sa.Text))
    op.drop_index("ix_deliveries_order", "deliveries")
    op.drop_index("ix_deliveries_lane", "deliveries")
    for name, columns, state in (
        ("ix_deliveries_lane", ["target", "due_at"], "due"),
        ("ix_deliveries_age", ["created_at"], "due"),
        ("ix_deliveries_dead", ["target", "id"], "dead"),
    ):
        where = sa.text(f"state = '{state}'")
        op.create_index(name, "deliveries", columns, sqlite_where=where, postgresql_where=where)
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("deliveries", "id", type_=sa.BigInteger)
        op.execute("ALTER SEQUENCE deliveries_id_seq AS bigint")
