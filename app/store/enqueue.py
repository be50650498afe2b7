"""New deliveries in rows: one for each target that wants a parcel, due now; dead where the queue is full (G7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.store.database import now
from app.store.schema import deliveries

FULL = "the queue of this target was full (max_due)"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a parcel goes."""

    parcel: str  # its id
    sequence: int
    targets: tuple[str, ...]
    full: Collection[str]  # of these targets


def address(connection: sa.Connection, addresses: Sequence[Address]) -> None:
    """Writes the deliveries of parcels that are stored in the same transaction."""
    if rows := [row for one in addresses for row in _rows(one)]:
        dead = sa.case((sa.bindparam("dead", type_=sa.Boolean), now()))
        connection.execute(sa.insert(deliveries).values(due_at=now(), created_at=now(), settled_at=dead), rows)


def _rows(one: Address) -> list[dict[str, Any]]:
    due = {
        "report_id": one.parcel,
        "sequence": one.sequence,
        "attempts": 0,
        "state": "due",
        "error": None,
        "dead": False,
    }
    dead = {**due, "state": "dead", "error": FULL, "dead": True}
    return [{**(dead if target in one.full else due), "target": target} for target in one.targets]
