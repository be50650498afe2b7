"""Deliveries in bulk: chosen, counted, changed in steps; targets that must exist."""

import asyncio

import pytest
from support.stored import NINE, Clock, incoming

from app.delivery.queue import Settlement, TargetStatus
from app.operations.deliveries import (
    ChangePlan,
    DeliveryChange,
    Selection,
    TargetState,
    drop,
    list_deliveries,
    pause,
    plan_drop,
    plan_replay,
    replay,
    resume,
)
from app.operations.errors import OperationRefused
from app.store import Store
from app.store.instances import StoredInstances

DEAD = Selection(target="crm", states=("dead",))


async def dead(store: Store, count: int) -> list[int]:
    """So many dead deliveries of crm; their ids."""
    await asyncio.gather(*(store.queue.accept(incoming(number)) for number in range(count)))
    leased = await store.queue.lease("crm", count, 30)
    for one in leased:
        await store.queue.settle(Settlement(one.id, one.lease, "dead", 10, 0.0, 500, "status 500"))
    return [one.id for one in leased]


async def test_a_large_replay_is_paced_over_all_its_steps(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five at two a second in steps of two: each is due half a second after the one before it."""
    monkeypatch.setattr("app.store.delivery_commands.BATCH", 2)
    ids = await dead(store, 5)
    assert await replay(store, "anna", DEAD, 2.0) == DeliveryChange(5, last_due_in=2.5)
    listed = (await list_deliveries(store, Selection(ids=tuple(ids)), 10)).deliveries
    assert sorted(one.due_at - clock.now for one in listed) == [0.0, 0.5, 1.0, 1.5, 2.0]


async def test_what_is_asked_for_by_id_is_due_at_once(store: Store, clock: Clock) -> None:
    """Ids that are not there are named, and nothing is spread over time."""
    ids = await dead(store, 3)
    done = await replay(store, "anna", Selection(ids=(*ids, 77, 99)), 0.01)
    assert done == DeliveryChange(3, missing=(77, 99))
    listed = (await list_deliveries(store, Selection(ids=tuple(ids)), 10)).deliveries
    assert {one.due_at for one in listed} == {clock.now}


async def test_drop_takes_what_its_plan_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By target and state, in steps; what is done is neither counted nor dropped."""
    monkeypatch.setattr("app.store.delivery_commands.BATCH", 2)
    await StoredInstances(store.engine, store.change, "server-1").write({"crm": TargetStatus()})
    ids = await dead(store, 3)
    await store.queue.accept(incoming(9, "crm", "audit"))
    await replay(store, "anna", Selection(ids=(ids[0],)))
    (again,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(again.id, again.lease, "done", 1))
    which = Selection(target="crm", states=("due", "dead"))
    plan = await plan_drop(store, which)
    assert plan == ChangePlan({TargetState("crm", "dead"): 2, TargetState("crm", "due"): 1})
    assert await drop(store, "anna", which) == DeliveryChange(plan.total)
    states = [one.state for one in (await list_deliveries(store, Selection(target="crm"), 10)).deliveries]
    assert sorted(states) == ["done", "dropped", "dropped", "dropped"]
    assert (await plan_drop(store, which)).total == 0


@pytest.mark.parametrize("which", [Selection(), Selection(ids=(1,), target="crm"), Selection(status="sent")])
async def test_a_change_names_ids_or_a_target(store: Store, which: Selection) -> None:
    """Neither or both is refused: all deliveries are not meant by accident."""
    for change in (replay(store, "anna", which), drop(store, "anna", which)):
        with pytest.raises(OperationRefused, match="give ids, or a target"):
            await change
    with pytest.raises(OperationRefused, match="give ids, or a target"):
        await plan_drop(store, which)


async def test_a_target_must_exist(store: Store) -> None:
    """One that no server has told of, and that has no deliveries, is refused, with a suggestion; a server that has
    stopped counts, too.
    """
    server = StoredInstances(store.engine, store.change, "server-1")
    await server.write({"crm": TargetStatus()})
    await server.leave()
    unknown = Selection(target="cmr", states=("dead",))
    calls = (
        list_deliveries(store, unknown, 10),
        replay(store, "anna", unknown),
        plan_drop(store, unknown),
        pause(store, "anna", "cmr"),
        resume(store, "anna", "cmr"),
    )
    for call in calls:
        with pytest.raises(OperationRefused, match='no target is called "cmr"; did you mean "crm"'):
            await call


async def test_deliveries_of_a_target_that_was_removed(store: Store) -> None:
    """They can still be listed and dropped."""
    await dead(store, 1)
    assert len((await list_deliveries(store, DEAD, 10)).deliveries) == 1
    assert await drop(store, "anna", DEAD) == DeliveryChange(1)


async def test_a_target_before_any_server(store: Store) -> None:
    """Nobody knows the targets of a new store."""
    with pytest.raises(OperationRefused, match='no target is called "crm"; no server has reported one yet'):
        await pause(store, "anna", "crm")


@pytest.mark.parametrize("state", ["due", "dead"])
async def test_a_target_with_deliveries_is_known(store: Store, state: str) -> None:
    """Also one that was taken out of the file."""
    await (store.queue.accept(incoming(1)) if state == "due" else dead(store, 1))
    assert await pause(store, "anna", "crm")


async def test_ids_that_are_not_there(store: Store) -> None:
    """They are named, unless the limit may have cut them off."""
    ids = await dead(store, 2)
    assert (await list_deliveries(store, Selection(ids=(*ids, 77, 78)), 10)).missing == (77, 78)
    assert (await list_deliveries(store, Selection(ids=(*ids, 77)), 2)).missing == (77,)
    assert (await list_deliveries(store, Selection(ids=(*ids, 77)), 1)).missing == ()


async def test_pause_and_resume(store: Store) -> None:
    """Both tell what was before."""
    await store.queue.accept(incoming(1))
    assert await pause(store, "anna", "crm")
    assert not await pause(store, "anna", "crm")
    assert (await list_deliveries(store, Selection(), 10)).targets["crm"].paused_at == NINE
    assert (await resume(store, "anna", "crm")).was_paused
    assert not (await resume(store, "anna", "crm")).was_paused


async def test_resume_probes_a_target_that_fails(store: Store, clock: Clock) -> None:
    """What waited longest is due at once, so that there is something to try it with."""
    await store.queue.accept(incoming(1))
    (leased,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(leased.id, leased.lease, "due", 1, 3_600.0, 500, "status 500"))
    await StoredInstances(store.engine, store.change, "server-1").write({"crm": TargetStatus("failing", 7, 60.0)})
    done = await resume(store, "anna", "crm")
    assert (done.was_paused, done.before.failing) == (False, 1)
    (one,) = (await list_deliveries(store, Selection(), 10)).deliveries
    assert one.due_at == clock.now


async def test_what_a_replay_would_take(store: Store) -> None:
    """Counted by target and state before anybody confirms it; by ids, whatever their state."""
    ids = await dead(store, 3)
    assert await plan_replay(store, Selection(ids=tuple(ids[:2]))) == ChangePlan({TargetState("crm", "dead"): 2})
    every = await plan_replay(store, Selection(target="crm", states=("dead",)))
    assert every.total == (await replay(store, "anna", Selection(target="crm", states=("dead",)))).changed == 3
    assert (await plan_replay(store, Selection(target="crm", states=("dead",)))).total == 0
