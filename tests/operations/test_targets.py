"""Targets with what their receivers last said."""

from support.stored import Clock, incoming

from app.delivery.queue import Settlement, TargetStatus
from app.operations import deliveries
from app.operations.targets import list_details
from app.store import Store
from app.store.instances import StoredInstances

STATUSES = {
    "a-fine-one": TargetStatus(),
    "busy": TargetStatus("busy", 0, 5.0),
    "dead": TargetStatus(),
    "failing": TargetStatus("failing", 6, 40.0),
    "paused": TargetStatus(),
}


async def fill(store: Store) -> None:
    """A target in every state, some with a dead delivery; one that no server knows has one due."""
    await StoredInstances(store.engine, store.change, "server-1").write(STATUSES)
    await deliveries.pause(store, "ada", "paused")
    for target in ("dead", "failing"):
        await store.queue.accept(incoming(1, target, id=f"report-{target}"))
        (one,) = await store.queue.lease(target, 1, 30)
        await store.queue.settle(Settlement(one.id, one.lease, "dead", 9, 0.0, 410, "status 410", 0.1, "gone"))
    await store.queue.accept(incoming(2, "unknown"))


async def test_those_in_trouble_come_first(store: Store, clock: Clock) -> None:
    """By how bad it is, then by name; each with what it last answered."""
    await fill(store)
    clock.advance(1)
    page = await list_details(store, "", 0, 10)
    names = [one.summary.name for one in page.targets]
    assert names == ["failing", "unknown", "busy", "paused", "dead", "a-fine-one"]
    said = {one.summary.name: [each.tries[-1].response for each in one.failed] for one in page.targets if one.failed}
    assert said == {"failing": ["gone"], "dead": ["gone"]}


async def test_pages_and_names(store: Store) -> None:
    """A part of a name is enough; the total counts all pages."""
    await fill(store)
    pages = [await list_details(store, "", first, 4) for first in (0, 4, 8)]
    assert [(len(page.targets), page.total) for page in pages] == [(4, 6), (2, 6), (0, 6)]
    named = await list_details(store, "fine", 0, 10)
    assert ([one.summary.name for one in named.targets], named.total) == (["a-fine-one"], 1)
