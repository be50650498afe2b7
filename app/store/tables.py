"""The tables. A change here needs a migration (`migrations/versions/`); a test compares the two.

Times are seconds since the epoch, by the database's clock where a due time is meant. JSON is kept as
text: it is read back whole, never searched.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("message_uuid", sa.String, primary_key=True),
    sa.Column("received_at", sa.Double, nullable=False, index=True),
    sa.Column("sender", sa.String, nullable=False, index=True),
    sa.Column("recipient", sa.String, nullable=False, index=True),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("intent", sa.String, nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("units", sa.Integer),
    sa.Column("media", sa.Text, nullable=False),
    sa.Column("route", sa.String),
    sa.Column("rule", sa.String),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("steps", sa.Text, nullable=False),
    sa.Column("xml", sa.LargeBinary, nullable=False),
    sa.Column("signed_by", sa.String, nullable=False),
    sa.Column("config", sa.String, nullable=False),
    # what the sweep still has to do, so that it never walks what it has done
    sa.Index(
        "ix_messages_texts",
        "received_at",
        sqlite_where=sa.text("text IS NOT NULL"),
        postgresql_where=sa.text("text IS NOT NULL"),
    ),
    sa.Index(
        "ix_messages_answers", "received_at", sqlite_where=sa.text("xml != ''"), postgresql_where=sa.text("xml != ''")
    ),
)

proofs = sa.Table(
    "proofs",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("bound_at", sa.Double, nullable=False, index=True),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("received_at", sa.Double, nullable=False, index=True),
    sa.Column("message_uuid", sa.String, nullable=False, index=True),
    sa.Column("in_reply_to", sa.String, index=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("sequence", sa.Integer),
    sa.Column("error_code", sa.String, nullable=False),
    sa.Column("units", sa.Integer),
    sa.Column("sender", sa.String, nullable=False, index=True),
    sa.Column("recipient", sa.String, nullable=False, index=True),
    sa.Column("route", sa.String),
    sa.Column("rule", sa.String),
    sa.Column("signed_by", sa.String, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("report_id", sa.String, sa.ForeignKey("reports.id", ondelete="CASCADE"), nullable=False),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # outbox.State
    sa.Column("sequence", sa.Integer, nullable=False),  # the report's, 0 without: the order of those due
    sa.Column("due_at", sa.Double, nullable=False),
    sa.Column("lease", sa.String),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("settled_at", sa.Double),
    sa.Column("status", sa.Integer),  # of the last attempt
    sa.Column("error", sa.Text),  # of the last attempt
    sa.UniqueConstraint("report_id", "target"),
    sa.Index("ix_deliveries_lane", "target", "state", "due_at"),
    sa.Index("ix_deliveries_order", "target", "state", "sequence", "id"),  # lowest Sequence first, from any backlog
)

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("paused_at", sa.Double, nullable=False),
)

actions = sa.Table(  # who changed state by a command, when, and what
    "actions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
)

heartbeat = sa.Table(  # written by /ready, to know that writing works
    "heartbeat",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)

claims = sa.Table(  # messages that somebody decides, or whose rules failed
    "claims",
    metadata,
    sa.Column("message_uuid", sa.String, primary_key=True),
    sa.Column("owner", sa.String, nullable=False, index=True),
    sa.Column("until", sa.Double, nullable=False, index=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("person", sa.String, nullable=False, index=True),
)

replies = sa.Table(  # what limits count: one row for each answer to a person
    "replies",
    metadata,
    sa.Column("message_uuid", sa.String, primary_key=True),
    sa.Column("number", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False, index=True),
    sa.Column("text_key", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Index("ix_replies_pair", "number", "person", "at"),
)

spending = sa.Table(  # SMS units in slots of ten minutes, so that a fuse is a sum of at most 144 rows a day
    "spending",
    metadata,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("units", sa.Integer, nullable=False),
)

cooldowns = sa.Table(
    "cooldowns",
    metadata,
    sa.Column("number", sa.String, primary_key=True),
    sa.Column("person", sa.String, primary_key=True, index=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("message_uuid", sa.String),
)

opt_outs = sa.Table(  # never expire; the row is the proof
    "opt_outs",
    metadata,
    sa.Column("number", sa.String, primary_key=True),
    sa.Column("person", sa.String, primary_key=True, index=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("message_uuid", sa.String),
    sa.Column("word", sa.String, nullable=False),
    sa.Column("signed_by", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("ended_at", sa.Double),  # START; NULL while it is in force
    sa.Column("ended_by", sa.String),
)
