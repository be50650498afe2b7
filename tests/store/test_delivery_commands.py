"""What an operator changes: due again, dropped, paused, resumed; and a row of who, when and what."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import KEPT, NINE, Clock, incoming, swept

from app.delivery.queue import Delivery, Settlement
from app.store import Store
from app.store.delivery_commands import Change, Pause, drop, pause, replay, resume
from app.store.instances import StoredInstances
from app.store.queries import list_deliveries
from app.store.records import DeliveryRecord
from app.store.schema import actions
from app.store.selection import Selection
from app.store.snapshot import survey


async def deliveries(store: Store) -> dict[int, DeliveryRecord]:
    """All of them, by id."""
    return {row.id: row for row in await list_deliveries(store.engine, Selection(), 100)}


async def five(store: Store) -> Sequence[Delivery]:
    """Of crm one done, one dead, one due, one leased; of audit one dead."""
    for number in (1, 2, 3, 4):
        await store.queue.accept(incoming(number))
    await store.queue.accept(incoming(5, "audit"))
    one, two, three, four = await store.queue.lease("crm", 4, 30)
    (five,) = await store.queue.lease("audit", 1, 30)
    for delivery, state in ((one, "done"), (two, "dead"), (three, "due"), (five, "dead")):
        await store.queue.settle(
            Settlement(delivery.id, delivery.lease, state, 10, 999.0, 500, "status 500")  # type: ignore[arg-type]
        )
    return one, two, three, four, five


async def test_replay_makes_dead_ones_due_with_all_their_tries(store: Store, clock: Clock) -> None:
    """G6: what died is delivered after all, and nothing else is touched; it is as old as its report, which alerts
    look at.
    """
    _, dead, *_ = await five(store)
    clock.advance(60)
    assert await store.change(replay, Change("ann", Selection(target="crm", states=("dead",)))) == [dead.id]
    row = (await deliveries(store))[dead.id]
    assert (row.state, row.attempts, row.due_at, row.settled_at) == ("due", 0, NINE + 60, None)
    assert (row.created_at, row.replayed_at) == (NINE, NINE + 60)
    assert (await survey(store.engine, ["crm"], [], NINE)).backlogs["crm"].oldest == 60
    assert [(one.id, one.attempt) for one in await store.queue.lease("crm", 9, 30)] == [(dead.id, 1), (4, 2)]


async def test_replay_by_id_takes_any_state(store: Store) -> None:
    """By id an operator may ask for what is done or put off; ids that are not there are not in the answer."""
    done, _, put_off, *_ = await five(store)
    assert await store.change(replay, Change("ann", Selection(ids=(put_off.id, done.id, 77)))) == [
        done.id,
        put_off.id,
    ]
    assert [one.id for one in await store.queue.lease("crm", 9, 30)] == [done.id, put_off.id]


async def test_replay_asks_for_an_attempt_now(store: Store, clock: Clock) -> None:
    """A target that is paused by failures does not keep a replay waiting for its next probe; other targets are not
    asked for.
    """
    _, dead, *_ = await five(store)
    instances = StoredInstances(store.engine, store.change, "server-1")
    clock.advance(60)
    await store.change(replay, Change("ann", Selection(ids=(dead.id,))))
    assert await instances.probe_requests() == {"crm": NINE + 60}
    await store.change(replay, Change("ann", Selection(target="crm", states=("dead",))))
    assert await instances.probe_requests() == {"crm": NINE + 60}


async def test_resume_makes_one_delivery_due_to_probe_with(store: Store, clock: Clock) -> None:
    """Where all wait for the list, the first of them is due; never one that is being tried, and none if no probe is
    wanted.
    """
    _, _, put_off, _, _ = await five(store)
    before = await deliveries(store)
    await store.change(resume, Pause("ann", "crm"))
    assert await deliveries(store) == before
    clock.advance(1)
    await store.change(resume, Pause("ann", "crm", probe=True))
    assert await deliveries(store) == before | {put_off.id: replace(before[put_off.id], due_at=NINE + 1)}
    assert await StoredInstances(store.engine, store.change, "server-1").probe_requests() == {"crm": NINE + 1}


async def test_replay_of_many_is_spread_over_time(store: Store, clock: Clock) -> None:
    """A day of dead ones does not flood a target: so many a second, also over several steps."""
    for number in range(1, 5):
        await store.queue.accept(incoming(number))
    leased = await store.queue.lease("crm", 4, 30)
    for one in leased:
        await store.queue.settle(Settlement(one.id, one.lease, "dead", 10, 0.0, 500, "status 500"))
    order = Change("ann", Selection(target="crm", states=("dead",)), after=1, rate=2.0, done=10)
    assert await store.change(replay, order) == [2, 3, 4]
    rows = await deliveries(store)
    assert [(rows[one].state, rows[one].due_at - clock.now) for one in (2, 3, 4)] == [
        ("due", 5.0),
        ("due", 5.5),
        ("due", 6.0),
    ]
    assert rows[1].state == "dead"


async def test_replay_of_due_ones_leaves_what_is_being_tried(store: Store, clock: Clock) -> None:
    """After an outage what was put off for hours may be tried at once; what is under way is not posted twice."""
    _, _, put_off, under_way, _ = await five(store)
    order = Change("ann", Selection(target="crm", states=("due",)))
    assert await store.change(replay, order) == [put_off.id]
    clock.advance(31)  # its lease has run out
    assert await store.change(replay, order) == [put_off.id, under_way.id]


async def test_replay_of_what_died_of_old_age_is_tried(store: Store, clock: Clock) -> None:
    """G6: a replay begins anew for `keep`: the next sweep leaves it alone, one after another `keep` does not."""
    await store.queue.accept(incoming(1))
    clock.advance(KEPT.keep + 1)
    assert (await swept(store)).given_up == 1
    assert await store.change(replay, Change("ann", Selection(target="crm", states=("dead",)))) == [1]
    assert (await swept(store)).given_up == 0
    assert len(await store.queue.lease("crm", 9, 30)) == 1
    clock.advance(KEPT.keep + 1)
    assert (await swept(store)).given_up == 1


async def test_what_is_done_stays_done(store: Store) -> None:
    """A slip of the operator does not change history: `drop` of a done delivery changes nothing."""
    done, *_ = await five(store)
    assert await store.change(drop, Change("ann", Selection(ids=(done.id,)))) == []
    assert (await deliveries(store))[done.id].state == "done"


async def test_a_spread_replay_fills_no_queue(store: Store) -> None:
    """G7: what a replay makes due later is not counted against the cap until then."""
    await five(store)
    before = await store.queue.waiting()
    order = Change("ann", Selection(target="crm", states=("dead",)), rate=0.001, done=1)
    assert await store.change(replay, order) == [2]
    assert await store.queue.waiting() == before


async def test_large_change_goes_in_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a batch at a time, so that a server beside it writes in between."""
    monkeypatch.setattr("app.store.delivery_commands.BATCH", 2)
    await asyncio.gather(*(store.queue.accept(incoming(number)) for number in range(1, 6)))
    all_of_crm = Change("ann", Selection(target="crm", states=("due",)))
    assert await store.change(drop, all_of_crm) == [1, 2]
    assert await store.change(drop, replace(all_of_crm, after=2)) == [3, 4]


async def test_dropped_one_is_never_tried_again(store: Store, clock: Clock) -> None:
    """What an operator drops stays dropped, even if an attempt was under way."""
    *_, leased, _ = await five(store)
    assert await store.change(drop, Change("ann", Selection(target="crm", states=("due",)))) == [3, leased.id]
    await store.queue.settle(Settlement(leased.id, leased.lease, "due", 1))
    clock.advance(1_000_000)
    assert await store.queue.lease("crm", 9, 30) == []
    assert (await deliveries(store))[leased.id].state == "dropped"


async def test_replayed_one_is_not_settled_by_its_old_attempt(store: Store) -> None:
    """A replay takes the lease away: the outcome of the attempt before it does not count."""
    *_, leased, _ = await five(store)
    await store.change(replay, Change("ann", Selection(ids=(leased.id,))))
    await store.queue.settle(Settlement(leased.id, leased.lease, "dead", 1))
    assert (await deliveries(store))[leased.id].state == "due"


async def test_pause_and_resume_tell_whether_they_changed_anything(store: Store) -> None:
    """Pausing twice is the same as once; targets are apart."""
    told = [
        await store.change(verb, Pause("ann", target))
        for verb, target in ((pause, "crm"), (pause, "crm"), (resume, "audit"), (resume, "crm"), (resume, "crm"))
    ]
    assert told == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("verb", "item", "what"),
    [
        (replay, Change("ann", Selection(ids=(1, 2, 77))), "replay ids 1, 2, 77: 2 deliveries"),
        (replay, Change("ann", Selection(target="crm", states=("dead",))), "replay target crm: 1 deliveries"),
        (drop, Change("ann", Selection(target="crm", states=("dead",))), "drop target crm: 1 deliveries"),
        (pause, Pause("ann", "crm"), "pause crm"),
        (resume, Pause("ann", "crm"), "resume crm"),
    ],
)
async def test_every_change_leaves_a_row(store: Store, clock: Clock, verb: Any, item: Any, what: str) -> None:
    """Who, when, what."""
    await five(store)
    clock.advance(5)
    await store.change(verb, item)
    async with store.engine.connect() as connection:
        row = (await connection.execute(sa.select(actions.c.at, actions.c.who, actions.c.what))).one()
    assert tuple(row) == (NINE + 5, "ann", what)
