"""What running servers tell of their targets, as commands read it."""

import sqlalchemy as sa
from support.stored import NINE, Clock

from app.delivery.queue import TargetStatus
from app.store import Store
from app.store.delivery_commands import Pause, pause
from app.store.instances import (
    ALIVE,
    FORGOTTEN,
    RefusedCalls,
    ServerFacts,
    SpendingCap,
    StoredInstances,
    TargetView,
    list_servers,
    list_targets,
)
from app.store.schema import instances

FAILING = TargetStatus("failing", 6, 5.0, 12)


def server(store: Store, number: int) -> StoredInstances:
    """One of several."""
    return StoredInstances(store.engine, store.change, f"server-{number}")


async def test_what_a_server_tells_is_read_until_it_leaves(store: Store, clock: Clock) -> None:
    """Its newest word, with the time of the next attempt; nothing once it has left."""
    one = server(store, 1)
    assert await list_targets(store.engine) == {}
    await one.write({"crm": TargetStatus()})
    clock.advance(2)
    await one.write({"crm": FAILING, "erp": TargetStatus(queue=3)})
    found = await list_targets(store.engine)
    assert found == {"crm": TargetView(None, (FAILING,), NINE + 7), "erp": TargetView(None, (TargetStatus(queue=3),))}
    assert (found["crm"].failing, found["erp"].failing) == (1, 0)
    await one.leave()
    assert await list_targets(store.engine) == {}


async def test_replicas_are_told_together(store: Store) -> None:
    """A target may fail on one server only; the soonest attempt is the next."""
    await server(store, 1).write({"crm": FAILING})
    await server(store, 2).write({"crm": TargetStatus("failing", 5, 2.0)})
    await server(store, 3).write({"crm": TargetStatus("busy", 1, 30.0)})
    crm = (await list_targets(store.engine))["crm"]
    assert (crm.failing, crm.busy, len(crm.statuses), crm.next_attempt) == (2, 1, 3, NINE + 2)


async def test_dead_server_is_not_believed(store: Store, clock: Clock) -> None:
    """One that was killed tells nothing any more after some seconds, and is deleted after an hour."""
    await server(store, 1).write({"crm": FAILING})
    clock.advance(ALIVE)
    assert (await list_targets(store.engine))["crm"].failing == 1
    clock.advance(1)
    assert await list_targets(store.engine) == {}
    clock.advance(FORGOTTEN)
    await server(store, 2).write({"crm": TargetStatus()})
    async with store.engine.connect() as connection:
        assert (await connection.scalars(sa.select(instances.c.id))).all() == ["server-2"]


async def test_pause_of_an_operator_needs_no_server(store: Store) -> None:
    """It stands in the store."""
    await store.change(pause, Pause("ann", "crm"))
    assert await list_targets(store.engine) == {"crm": TargetView(NINE)}


async def test_facts_of_a_server_outlive_it_for_an_hour(store: Store, clock: Clock) -> None:
    """What it refused, and why, is known after it has stopped; those that run come first."""
    facts = ServerFacts(
        "web-1",
        "2.0.0",
        "c0ffee",
        "any",
        NINE,
        NINE + 1,
        "config.toml:12",
        (RefusedCalls(int(NINE), "forged", 3),),
        {"forged": "set public_url to http://sms.example.com"},
        (SpendingCap("", 86400.0, 5000),),
        1 << 30,
    )
    one = StoredInstances(store.engine, store.change, "server-1", lambda: facts)
    await one.write({"crm": FAILING})
    (found,) = await list_servers(store.engine)
    assert (found.facts, found.targets, found.is_running, found.seen_at) == (facts, {"crm": FAILING}, True, NINE)
    await one.leave()
    clock.advance(1)
    await server(store, 2).write({})
    second, first = await list_servers(store.engine)
    assert (second.id, second.is_running, second.facts) == ("server-2", True, ServerFacts())
    assert (first.id, first.is_running, first.facts, first.targets) == ("server-1", False, facts, {"crm": FAILING})
    clock.advance(FORGOTTEN)
    await server(store, 2).write({})
    assert [one.id for one in await list_servers(store.engine)] == ["server-2"]


def test_facts_of_another_version_are_read() -> None:
    """During a roll-out, a row may hold keys that are not known here, or lack some."""
    assert ServerFacts.of({"host": "web-1", "colour": "green"}) == ServerFacts("web-1")
