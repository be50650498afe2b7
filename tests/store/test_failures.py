"""What receivers last said, on every engine."""

from support.stored import Clock, incoming

from app.delivery.queue import Settlement, State
from app.store import Store
from app.store.failures import last_failures


async def attempt(store: Store, target: str, *outcomes: tuple[State, str | None]) -> None:
    """Each delivery of a target is attempted once."""
    leased = sorted(await store.queue.lease(target, len(outcomes), 30), key=lambda one: one.id)
    for one, (state, error) in zip(leased, outcomes, strict=True):
        told = Settlement(one.id, one.lease, state, 1, 60.0, 500 if error else 200, error, 0.1, f"answer {one.id}")
        await store.queue.settle(told)


async def test_the_last_failures_of_each_target(store: Store, clock: Clock) -> None:
    """Dead ones and those that wait for a retry, newest first, with what was said; not what was accepted or is new."""
    for number in range(8):
        await store.queue.accept(incoming(number, "crm", "erp"))
    await attempt(store, "crm", ("dead", "gone"), ("done", None), ("due", "late"), ("dead", "gone"), ("dead", "gone"))
    await attempt(store, "erp", ("due", "late"))
    clock.advance(1)
    found = await last_failures(store.engine, ["crm", "erp", "none"], 2)
    assert [(one.target, one.state, one.error) for one in found] == [
        ("crm", "dead", "gone"),
        ("crm", "dead", "gone"),
        ("crm", "due", "late"),
        ("erp", "due", "late"),
    ]
    assert [one.tries[-1].response for one in found] == [f"answer {one.id}" for one in found]


async def test_no_target_no_failure(store: Store) -> None:
    """Neither of none, nor of one that nobody knows."""
    assert await last_failures(store.engine, [], 3) == []
    assert await last_failures(store.engine, ["crm"], 3) == []
