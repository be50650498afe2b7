"""People in a store: one who leaves every kind of row, and where a number stands."""

from typing import Any

import sqlalchemy as sa

from app.delivery.queue import Settlement
from app.policies.usage import Conversation
from app.replies.journal import FailedCall, MessageCopy
from app.store import Store
from app.store.schema import actions, metadata
from support.stored import US, arrival, claim, incoming, opted, used


async def every_row(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every table as it stands."""
    async with store.engine.connect() as connection:
        return {
            table.name: [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]
            for table in metadata.sorted_tables
        }


async def traces(store: Store) -> list[tuple[str, str]]:
    """Who did what."""
    async with store.engine.connect() as connection:
        return [(row.who, row.what) for row in await connection.execute(sa.select(actions).order_by("id"))]


async def live(store: Store, person: str, number: int) -> None:
    """A person who does everything that leaves a row: writes, waits for a rule, gets reports, opts out."""
    pair = Conversation(US, person)
    copy = MessageCopy(f"copy-{number}", ("crm",), frozenset(), (("From", person), ("To", US), ("Text", "STOP")))
    await store.journal.record(used(number, pair=pair, change=opted(out=True, pair=pair), copy=copy))
    failed = FailedCall(arrival(f"failed-{number}", pair=pair), 503, "a rule failed", rules_failed=True)
    await store.journal.fail(failed)
    await store.journal.claim(claim(arrival(f"claimed-{number}", pair=pair)))
    fields = (("From", US), ("To", person), ("Status", "delivered"))
    await store.queue.accept(incoming(number, "crm", "audit", to=person, parameters=fields))
    await store.queue.accept(incoming(100 + number, sender=person, to=US, parameters=fields))
    (leased,) = await store.queue.lease("audit", 1, 30)
    said = f"no contact has the number +{person}"
    await store.queue.settle(Settlement(leased.id, leased.lease, "done", 1, status=200, seconds=0.1, response=said))


def naming(rows: dict[str, list[dict[str, Any]]], person: str) -> set[str]:
    """The tables in which the number stands, in whatever column."""

    def holds(value: Any) -> bool:
        return person.encode() in value if isinstance(value, bytes) else person in str(value)

    return {name for name, table in rows.items() if any(holds(value) for row in table for value in row.values())}
