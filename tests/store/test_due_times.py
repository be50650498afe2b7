"""A clock that was ahead for a while, and is right when the next server starts."""

import pytest
from support.stored import DAY, NINE, Clock, incoming

from app.delivery.queue import Settlement
from app.store import Store
from app.store import delivery_commands as commands
from app.store.due_times import Longest, draw_back
from app.store.queries import list_deliveries
from app.store.selection import Selection

LONGEST = Longest(("crm",), delay=1.2 * DAY, lease=30.0)


async def due(store: Store) -> list[float]:
    """How many seconds after nine each delivery is due, oldest first."""
    rows = await list_deliveries(store.engine, Selection(), 100)
    return [row.due_at - NINE for row in reversed(rows)]


async def put_off(store: Store, seconds: float) -> None:
    """What is due now fails, and waits for so long."""
    for one in await store.queue.lease("crm", 9, 30):
        await store.queue.settle(Settlement(one.id, one.lease, "due", 1, seconds, 500, "status 500", 0.1))


@pytest.mark.parametrize("ahead", [3600.0, DAY, 400 * DAY])
async def test_delays_of_a_clock_that_was_ahead_count_from_now(store: Store, clock: Clock, ahead: float) -> None:
    """An hour ahead or a year: what was stored, failed, replayed or leased then is due when it would have been."""
    clock.advance(ahead)
    await store.queue.accept(incoming(1))
    await put_off(store, 120.0)
    await store.queue.accept(incoming(2))
    await put_off(store, 0.0)
    await store.change(commands.replay, commands.Change("ann", Selection(ids=(2,))))
    clock.advance(-ahead)
    await store.queue.accept(incoming(3))
    clock.advance(ahead)
    await store.queue.lease("crm", 1, 20)  # report 2
    clock.advance(-ahead)
    assert await store.change(draw_back, LONGEST) == 2
    assert await due(store) == [120.0, 20.0, 0.0]
    assert await store.change(draw_back, LONGEST) == 0
    assert all(row.created_at <= clock.now for row in await list_deliveries(store.engine, Selection(), 9))


async def test_lease_of_a_clock_that_was_ahead_is_over(store: Store, clock: Clock) -> None:
    """A report that came in time, and was being posted when the process died under a wrong clock, is due at once."""
    await store.queue.accept(incoming(1))
    clock.advance(3600)
    await store.queue.lease("crm", 1, 30)
    clock.advance(-3600)
    assert await store.change(draw_back, LONGEST) == 1
    assert await due(store) == [0.0]


async def test_right_due_times_stay(store: Store, clock: Clock) -> None:
    """What waits by the list, is leased, or is spread over weeks by a replay is not touched, nor another's target."""
    for number in range(1, 5):
        await store.queue.accept(incoming(number))
    one, two, three, _leased = await store.queue.lease("crm", 4, 30)
    for delivery, state, delay in ((one, "due", 1.2 * DAY), (two, "dead", 0.0), (three, "dead", 0.0)):
        await store.queue.settle(Settlement(delivery.id, delivery.lease, state, 1, delay, 500, "x", 0.1))  # type: ignore[arg-type]
    dead = Selection(target="crm", states=("dead",))
    await store.change(commands.replay, commands.Change("ann", dead, rate=1 / (10 * DAY)))
    before = await due(store)
    assert before == [1.2 * DAY, 0.0, 10 * DAY, 30.0]
    assert await store.change(draw_back, LONGEST) == 0
    assert await due(store) == before
    clock.advance(-3600)
    assert await store.change(draw_back, Longest(("erp",), DAY, 30.0)) == 0


async def test_none_lies_further_ahead_than_the_longest_delay(store: Store) -> None:
    """However it came to be so far away, it is due now."""
    await store.queue.accept(incoming(1))
    await put_off(store, 30 * DAY)
    assert await store.change(draw_back, LONGEST) == 1
    assert await due(store) == [0.0]
