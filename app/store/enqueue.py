"""New deliveries in rows: one for each target that wants a report, due now, or dead where the queue is full (G7)."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.store.clock import now
from app.store.driver import Connection
from app.store.schema import deliveries
from app.store.statement import Statement

FULL = "the queue of this target was full (max_due)"

_INSERT = Statement(
    sa.insert(deliveries)
    .values(
        report_id=sa.bindparam("report_id"),
        target=sa.bindparam("target"),
        state=sa.bindparam("state"),
        sequence=sa.bindparam("sequence"),
        due_at=now(),
        attempts=0,
        created_at=now(),
        settled_at=sa.case((sa.bindparam("dead", type_=sa.Integer) == sa.literal_column("1"), now())),
        error=sa.bindparam("error"),
    )
    .inline()
)


class Enqueued(NamedTuple):
    """A stored report or copy, and the targets that get it. For those in `full` it is dead."""

    report_id: str
    sequence: int
    targets: Collection[str]
    full: Collection[str]


async def enqueue(connection: Connection, stored: Sequence[Enqueued]) -> None:
    """Write the deliveries of what is stored in the same transaction."""
    if rows := [row for one in stored for row in _rows(one)]:
        await connection.execute_many(_INSERT, rows)


def _rows(one: Enqueued) -> list[dict[str, Any]]:
    return [
        {
            "report_id": one.report_id,
            "target": target,
            "sequence": one.sequence,
            "state": "dead" if target in one.full else "due",
            "dead": int(target in one.full),
            "error": FULL if target in one.full else None,
        }
        for target in one.targets
    ]
