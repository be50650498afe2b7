"""What an operator changes: due again, dropped, paused, resumed; and a row of who, when and what."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import NINE, Clock, parcel

from app.reports.outbox import Delivery, Settlement
from app.store import Store
from app.store.commands import Pause, Selection, drop, pause, replay, resume
from app.store.queries import list_deliveries
from app.store.tables import actions


async def deliveries(store: Store) -> dict[int, dict[str, Any]]:
    """All of them, by id."""
    return {row["id"]: row for row in await list_deliveries(store.engine, target=None, state=None, limit=100)}


async def five(store: Store) -> Sequence[Delivery]:
    """Of crm one done, one dead, one due, one leased; of audit one dead."""
    for number in (1, 2, 3, 4):
        await store.outbox.put(parcel(number))
    await store.outbox.put(parcel(5, "audit"))
    one, two, three, four = await store.outbox.lease("crm", 4, 30)
    (five,) = await store.outbox.lease("audit", 1, 30)
    for delivery, state in ((one, "done"), (two, "dead"), (three, "due"), (five, "dead")):
        await store.outbox.settle(
            Settlement(delivery.id, delivery.lease, state, 10, 999.0, 500, "status 500")  # type: ignore[arg-type]
        )
    return one, two, three, four, five


async def test_replay_makes_dead_ones_due_with_all_their_tries(store: Store, clock: Clock) -> None:
    """Law 6: what died is delivered after all, as if it were new, and nothing else is touched."""
    _, dead, *_ = await five(store)
    clock.advance(60)
    assert await store.writer.submit(replay, Selection("ann", target="crm", states=("dead",))) == [dead.id]
    row = (await deliveries(store))[dead.id]
    assert (row["state"], row["attempts"], row["due_at"], row["settled_at"]) == ("due", 0, NINE + 60, None)
    assert [(one.id, one.attempt) for one in await store.outbox.lease("crm", 9, 30)] == [(dead.id, 1), (4, 2)]


async def test_replay_by_id_takes_any_state(store: Store) -> None:
    """By id an operator may ask for what is done or put off; ids that are not there are not in the answer."""
    done, _, put_off, *_ = await five(store)
    assert await store.writer.submit(replay, Selection("ann", ids=(put_off.id, done.id, 77))) == [done.id, put_off.id]
    assert [one.id for one in await store.outbox.lease("crm", 9, 30)] == [done.id, put_off.id]


async def test_dropped_one_is_never_tried_again(store: Store, clock: Clock) -> None:
    """What an operator drops stays dropped, even if an attempt was under way."""
    *_, leased, _ = await five(store)
    assert await store.writer.submit(drop, Selection("ann", target="crm", states=("due",))) == [3, leased.id]
    await store.outbox.settle(Settlement(leased.id, leased.lease, "due", 1))
    clock.advance(1_000_000)
    assert await store.outbox.lease("crm", 9, 30) == []
    assert (await deliveries(store))[leased.id]["state"] == "dropped"


async def test_replayed_one_is_not_settled_by_its_old_attempt(store: Store) -> None:
    """A replay takes the lease away: the outcome of the attempt before it does not count."""
    *_, leased, _ = await five(store)
    await store.writer.submit(replay, Selection("ann", ids=(leased.id,)))
    await store.outbox.settle(Settlement(leased.id, leased.lease, "dead", 1))
    assert (await deliveries(store))[leased.id]["state"] == "due"


async def test_pause_and_resume_tell_whether_they_changed_anything(store: Store) -> None:
    """Pausing twice is the same as once; targets are apart."""
    told = [
        await store.writer.submit(verb, Pause("ann", target))
        for verb, target in ((pause, "crm"), (pause, "crm"), (resume, "audit"), (resume, "crm"), (resume, "crm"))
    ]
    assert told == [True, False, False, True, False]


async def test_commands_of_one_group_keep_apart(store: Store) -> None:
    """Two operators at once: each is told about their own."""
    await five(store)
    changed = await asyncio.gather(
        *(store.writer.submit(replay, Selection(who, ids=(one,))) for who, one in (("ann", 2), ("bob", 5)))
    )
    assert changed == [[2], [5]]


@pytest.mark.parametrize(
    ("verb", "item", "what"),
    [
        (replay, Selection("ann", ids=(1, 2, 77)), "replay ids 1, 2, 77: 2 deliveries"),
        (replay, Selection("ann", target="crm", states=("dead",)), "replay target crm: 1 deliveries"),
        (drop, Selection("ann", target="crm", states=("dead",)), "drop target crm: 1 deliveries"),
        (pause, Pause("ann", "crm"), "pause crm"),
        (resume, Pause("ann", "crm"), "resume crm"),
    ],
)
async def test_every_change_leaves_a_row(store: Store, clock: Clock, verb: Any, item: Any, what: str) -> None:
    """Who, when, what."""
    await five(store)
    clock.advance(5)
    await store.writer.submit(verb, item)
    async with store.engine.connect() as connection:
        row = (await connection.execute(sa.select(actions.c.at, actions.c.who, actions.c.what))).one()
    assert tuple(row) == (NINE + 5, "ann", what)
