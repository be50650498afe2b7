"""The state on one screen: problems in sentences, and what to do about refused calls."""

from dataclasses import replace

from support.stored import NINE, incoming
from support.troubled import facts

from app.delivery.queue import Settlement, TargetStatus
from app.operations.status import ADVICE, status
from app.store import Store
from app.store.instances import RefusedCalls, StoredInstances
from app.telemetry.metrics import NOT_FOUND, REFUSALS


async def test_without_a_server_nothing_is_said_of_the_configuration(store: Store) -> None:
    """Nobody knows it then: what is due waits for a server, and one is one."""
    await store.queue.accept(incoming(1, "crm"))
    await store.queue.accept(incoming(2, "crm"))
    (one,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(one.id, one.lease, "dead", 9, 0.0, 410, "status 410", 0.1, "gone"))
    found = await status(store, NINE)
    assert [one.sentence for one in found.problems] == [
        "no server is running, or none can write to the store",
        "target crm waits for a server; 1 delivery is due",
        "target crm: 1 delivery is dead",
    ]
    await StoredInstances(store.engine, store.change, "server-1").write({"other": TargetStatus()})
    found = await status(store, NINE)
    assert found.problems[0].sentence == "target crm is not in the configuration; 1 delivery is due"


async def test_each_refusal_has_advice(store: Store) -> None:
    """A server's own comes first; for every other reason there is some."""
    assert ADVICE.keys() >= {*REFUSALS, NOT_FOUND} - {"forged"}
    told = facts(NINE)
    refused = (*told.refused, RefusedCalls(int(NINE), "rule_failed", 1))
    await StoredInstances(store.engine, store.change, "web", lambda: replace(told, refused=refused)).write({})
    found = {one.reason: one.advice for one in (await status(store, NINE)).refused}
    assert found == {"forged": told.advice["forged"]} | {name: ADVICE[name] for name in ("unsigned", "rule_failed")}
