"""The figures of a survey, on every engine: counted by hand."""

from support.stored import DAY, NINE, Clock, incoming, used

from app.delivery.queue import Settlement, State
from app.policies.limits import Rate
from app.policies.usage import Budget
from app.store import Store
from app.store import delivery_commands as commands
from app.store.delivery_commands import Pause
from app.store.snapshot import StoredBacklog, survey

ALL, SUPPORT = Budget("", DAY), Budget("route support", 3600.0)


async def test_an_empty_store(store: Store) -> None:
    """What is asked for is told, though there is nothing."""
    found = await survey(store.engine, ["crm", "erp"], [ALL], NINE)
    assert (found.backlogs, found.paused, found.spent) == (
        {"crm": StoredBacklog(), "erp": StoredBacklog()},
        frozenset(),
        {ALL: 0},
    )
    nothing = await survey(store.engine, [], [], NINE)
    assert (nothing.backlogs, nothing.paused, nothing.spent) == ({}, frozenset(), {})


async def test_backlogs_count_what_is_neither_done_nor_dead(store: Store, clock: Clock) -> None:
    """Each target has a count and the age of its oldest; one that is leased, or waits for its next try, counts too."""
    for number in range(5):
        await store.queue.accept(incoming(number, "crm", "erp"))
        clock.advance(10)
    states: tuple[State, ...] = ("done", "dead", "due")
    leased = sorted(await store.queue.lease("crm", 4, 30), key=lambda one: one.id)
    for delivery, state in zip(leased, states, strict=False):
        await store.queue.settle(Settlement(delivery.id, delivery.lease, state, 1, 600.0))
    found = await survey(store.engine, ["crm", "erp", "new"], [], NINE)
    assert found.backlogs == {"crm": StoredBacklog(3, 30.0), "erp": StoredBacklog(5, 50.0), "new": StoredBacklog()}


async def test_only_targets_of_the_file_are_told(store: Store) -> None:
    """A target that is gone makes no series."""
    await store.queue.accept(incoming(1, "gone"))
    assert (await survey(store.engine, ["crm"], [], NINE)).backlogs == {"crm": StoredBacklog()}


async def test_pauses_of_operators(store: Store) -> None:
    """What a command paused, until it is resumed."""
    await store.change(commands.pause, Pause("ada", "crm"))
    assert (await survey(store.engine, ["crm"], [], NINE)).paused == {"crm"}
    await store.change(commands.resume, Pause("ada", "crm"))
    assert (await survey(store.engine, ["crm"], [], NINE)).paused == frozenset()


async def test_spending_is_the_sum_of_a_scope_in_its_window(store: Store) -> None:
    """Units of the scope, in the window; each cap by itself."""
    cap = Rate(100, SUPPORT.seconds)
    for number, when in enumerate((NINE - 2 * DAY, NINE - 7200, NINE)):
        await store.journal.record(used(number, at=when, cap=cap))
    found = await survey(store.engine, [], [ALL, SUPPORT, Budget("route none", DAY)], NINE)
    assert found.spent == {ALL: 4, SUPPORT: 2, Budget("route none", DAY): 0}
