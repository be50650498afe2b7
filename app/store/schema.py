"""The tables. A change here needs a migration (`migrations/versions/`); a test compares the two.

Times are seconds since the epoch, by the database's clock for due times. JSON is stored as text, because it is read
whole and never searched.

There are few indexes, because each one with random keys costs a message as much as its row. Rows are in order of
arrival, so a time range is a range of ids, which a binary search finds (`arrivals.py`).
"""

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

IDS = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # 2^31 deliveries are a month of 1,000 a second


def _where(condition: str) -> dict[str, Any]:
    """Return the options of a partial index. A query must have the condition in the same words, not by parameters."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


messages = sa.Table(  # one row for each inbound message, from its first call
    "messages",
    metadata,
    sa.Column("id", IDS, primary_key=True),  # in order of arrival
    sa.Column("message_uuid", sa.String, nullable=False, unique=True),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("sender", sa.String, nullable=False),  # as Plivo wrote it
    sa.Column("person", sa.String, nullable=False),  # the sender's canonical number
    sa.Column("recipient", sa.String, nullable=False),
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
    sa.Column("token", sa.Integer, nullable=False),  # the position of the token that verified it, from 1; 0: none
    sa.Column("config", sa.String, nullable=False),
    sa.Column("parameters", sa.Text),  # as sent, where a target wants copies; goes when the text goes
    sa.Column("state", sa.String, nullable=False),  # "pending" while claimed or failed, then "answered"
    sa.Column("counted", sa.Integer, nullable=False),  # 1: limits count its reply
    sa.Column("text_key", sa.String),  # digest of the text that was answered
    sa.Column("reply_units", sa.Integer, nullable=False),  # SMS units that Plivo bills for the reply
    sa.Column("owner", sa.String),  # who has claimed it
    sa.Column("claimed_until", sa.Double),
    sa.Column("failures", sa.Integer, nullable=False),  # calls on which a rule failed and nothing answered
    sa.Column("calls", sa.Text),  # JSON; None: one call, answered at once
    sa.Column("answered_at", sa.Double),
    sa.Column("handed_over_at", sa.Double),  # when a call first got the answer
    sa.Index("ix_messages_person", "person", "counted"),
    sa.Index("ix_messages_pending", "id", **_where("state = 'pending'")),
    sqlite_autoincrement=True,  # an id is never used again, so that a sweep can remember how far it came
)

proofs = sa.Table(  # accepted signatures, each bound to one content
    "proofs",
    metadata,
    sa.Column("id", IDS, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("bound_at", sa.Double, nullable=False),
    sa.Column("opt_out", sa.Integer, nullable=False),  # 1: it vouches for an opt-out change, and is kept as long
    sqlite_autoincrement=True,
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
    sa.Column("sender", sa.String, nullable=False),
    sa.Column("recipient", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False, index=True),  # the canonical number of whoever is not us
    sa.Column("route", sa.String),
    sa.Column("rule", sa.String),
    sa.Column("signed_by", sa.String, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # "report", or "message": then the text is in `messages`
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", IDS, primary_key=True),
    sa.Column("report_id", sa.String, sa.ForeignKey("reports.id", ondelete="CASCADE"), nullable=False),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # app.delivery.queue.State
    sa.Column("sequence", sa.Integer, nullable=False),  # the report's, 0 without: the order of those due
    sa.Column("due_at", sa.Double, nullable=False),
    sa.Column("lease", sa.String),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),  # with the report: the age that alerts look at
    sa.Column("replayed_at", sa.Double),  # by an operator, the last time
    sa.Column("settled_at", sa.Double),
    sa.Column("status", sa.Integer),  # of the last attempt
    sa.Column("error", sa.Text),  # of the last attempt
    sa.UniqueConstraint("report_id", "target"),
    sa.Index("ix_deliveries_due", "target", "due_at", **_where("state = 'due'")),  # these three leave out what is done:
    sa.Index("ix_deliveries_age", "created_at", **_where("state = 'due'")),  # that may be millions
    sa.Index("ix_deliveries_dead", "target", "id", **_where("state = 'dead'")),
)

tries = sa.Table(  # what each attempt brought
    "tries",
    metadata,
    sa.Column("id", IDS, primary_key=True),
    sa.Column("delivery_id", IDS, sa.ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),  # connecting included, to the answer or the error
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("response", sa.Text),  # how the body began; kept as long as texts
    sqlite_autoincrement=True,  # as for messages
)

is_due = deliveries.c.state == sa.literal_column("'due'")
is_dead = deliveries.c.state == sa.literal_column("'dead'")

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("paused_at", sa.Double, nullable=False),
)

probe_requests = sa.Table(  # an operator asked for an attempt at once; running servers look here
    "probe_requests",
    metadata,
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("asked_at", sa.Double, nullable=False),
)

instances = sa.Table(  # what each server last reported; a row that is not renewed is of one that has died
    "instances",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("stopped", sa.Integer, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("targets", sa.Text, nullable=False),
)

actions = sa.Table(  # who changed state by a command, when, and what
    "actions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
)

provisioned_applications = sa.Table(  # what Plivo had before `provision apply`; a row goes when it is given back
    "provisioned_applications",
    metadata,
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("app_id", sa.String),  # None: its creation was begun
    sa.Column("fields", sa.Text),  # JSON: what the changed fields were; None: it was created
)

provisioned_numbers = sa.Table(  # likewise
    "provisioned_numbers",
    metadata,
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("our_number", sa.String, primary_key=True),
    sa.Column("app_id", sa.String),  # what it was linked to; None: nothing
)

heartbeat = sa.Table(  # written by /ready, to know that writing works
    "heartbeat",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)

sweeps = sa.Table(  # how far retention has come in tables whose rows stand in order of arrival
    "sweeps",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("id", IDS, nullable=False),
)

spending = sa.Table(  # SMS units in slots of ten minutes, so that a spending cap is a sum of at most 144 rows a day
    "spending",
    metadata,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("units", sa.Integer, nullable=False),
)

cooldowns = sa.Table(
    "cooldowns",
    metadata,
    sa.Column("person", sa.String, primary_key=True),
    sa.Column("number", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("message_uuid", sa.String),
)

opt_outs = sa.Table(  # append-only and never swept: each change with its evidence; the newest of a pair is in force
    "opt_outs",
    metadata,
    sa.Column("id", IDS, primary_key=True),
    sa.Column("number", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False, index=True),
    sa.Column("opted_out", sa.Integer, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("message_uuid", sa.String),
    sa.Column("word", sa.String, nullable=False),
    sa.Column("signed_by", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),  # "message", "command" or "report"
)
