"""G5, G6 and G7 in rows: a report is stored once, leased to one at a time, and never gone."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.stored import Clock, content, incoming, opened, proof

from app.delivery.fan_out import Subscriptions
from app.delivery.queue import Accepted, Delivery, IncomingReport, Settlement
from app.replies.journal import Reused
from app.store import Store
from app.store import delivery_commands as commands
from app.store.leasing import WINDOW
from app.store.queries import list_deliveries
from app.store.selection import Selection


async def put(store: Store, *reports: IncomingReport) -> None:
    """All in one group, in this order."""
    await asyncio.gather(*(store.queue.accept(one) for one in reports))


def outcome(delivery: Delivery, state: Any = "done", **changes: Any) -> Settlement:
    """What became of it."""
    return Settlement(delivery.id, delivery.lease, state, changes.pop("attempts", delivery.attempt), **changes)


async def states(store: Store, target: str = "crm") -> list[tuple[int, str]]:
    """All deliveries, oldest first."""
    rows = await list_deliveries(store.engine, Selection(target=target), 1000)
    return [(row.id, row.state) for row in reversed(rows)]


async def test_leased_delivery_is_what_was_put(store: Store) -> None:
    """The report comes out as it went in: fields in order, repeated and empty ones, what is unknown unknown."""
    fields = (("To", "1"), ("Extra", "b"), ("Extra", "a"), ("Empty", ""), ("Text", "é \u2028 😀"))
    unknown: dict[str, Any] = {"sequence": None, "units": None, "in_reply_to": None, "parameters": fields}
    await put(store, incoming(**unknown))
    (delivery,) = await store.queue.lease("crm", 1, 30)
    assert delivery.content == replace(content(**unknown), rule=None)
    assert (delivery.attempt, delivery.stale) == (1, False)


async def test_report_put_twice_makes_one_row(path: Path, clock: Clock) -> None:
    """G6: Plivo's repeat makes no new row; in one group, in a later one, after a restart, when it is done."""
    async with opened(path, clock) as store:
        await put(store, incoming(1), incoming(1), incoming(2))
        await put(store, incoming(1))
        (first, second) = await store.queue.lease("crm", 10, 30)
        await store.queue.settle(outcome(first))
        await store.queue.settle(outcome(second))
    async with opened(path, clock) as store:
        await put(store, incoming(1), incoming(2))
        clock.advance(1000)
        assert await store.queue.lease("crm", 10, 30) == []
        assert [state for _, state in await states(store)] == ["done", "done"]


async def test_each_target_has_a_delivery_of_its_own(store: Store) -> None:
    """G7: what one target does with a report says nothing about the other."""
    await put(store, incoming(1, "crm", "audit"))
    (delivery,) = await store.queue.lease("crm", 10, 30)
    await store.queue.settle(outcome(delivery, "dead"))
    assert [one.content.id for one in await store.queue.lease("audit", 10, 30)] == ["report-1"]
    assert await store.queue.lease("other", 10, 30) == []


async def test_report_that_nobody_wants_is_stored(store: Store) -> None:
    """A report without targets is kept; it only has no delivery."""
    await store.queue.accept(replace(incoming(), subscriptions=Subscriptions({}, lambda _number: None, {})))
    assert await states(store) == []
    await store.queue.accept(incoming(1, "crm"))  # Plivo's repeat, after a reload that added the target
    assert await states(store) == []


async def test_reused_signature_is_refused_alone(store: Store) -> None:
    """G2 for reports: other words under an old signature leave neither report nor delivery."""
    await put(store, incoming(1, proofs=(proof("k", "a"),)))
    results = await asyncio.gather(
        store.queue.accept(incoming(2, proofs=(proof("k", "b"),))),
        store.queue.accept(incoming(3, proofs=(proof("l", "c"),))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Reused, Accepted]
    leased = await store.queue.lease("crm", 10, 30)
    assert [delivery.content.id for delivery in leased] == ["report-1", "report-3"]


async def test_lease_holds_until_its_end(store: Store, clock: Clock) -> None:
    """G7: while a lease holds nobody else gets the delivery; after it, it falls due by itself."""
    await put(store, incoming())
    (first,) = await store.queue.lease("crm", 1, 30)
    clock.advance(29.9)
    assert await store.queue.lease("crm", 1, 30) == []
    clock.advance(0.1)
    (second,) = await store.queue.lease("crm", 1, 30)
    assert (second.id, second.attempt) == (first.id, 2)
    assert second.lease != first.lease


async def test_two_who_lease_share_nothing(store: Store) -> None:
    """Two wishes in one group get different deliveries, no more than each asked for."""
    await put(store, *(incoming(number) for number in range(5)))
    wishes = await asyncio.gather(store.queue.lease("crm", 2, 30), store.queue.lease("crm", 2, 30))
    ids = [delivery.id for deliveries in wishes for delivery in deliveries]
    assert [len(deliveries) for deliveries in wishes] == [2, 2]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("state", ["done", "dead"])
async def test_settled_delivery_is_never_leased_again(store: Store, clock: Clock, state: str) -> None:
    """Done is done, and dead waits for an operator."""
    await put(store, incoming())
    (delivery,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(outcome(delivery, state, status=204))
    clock.advance(1_000_000)
    assert await store.queue.lease("crm", 1, 30) == []
    assert await states(store) == [(delivery.id, state)]


async def test_delay_counts_from_the_settlement(store: Store, clock: Clock) -> None:
    """A delivery that is put off falls due `delay` seconds later, with the attempts that it was given."""
    await put(store, incoming())
    (delivery,) = await store.queue.lease("crm", 1, 30)
    clock.advance(10)
    await store.queue.settle(outcome(delivery, "due", delay=5.0, attempts=7, status=500, error="status 500"))
    (row,) = await list_deliveries(store.engine, Selection(target="crm", states=("due",)), 10)
    assert (row.due_at, row.attempts, row.status, row.error) == (1_772_442_015.0, 7, 500, "status 500")
    clock.advance(4.9)
    assert await store.queue.lease("crm", 1, 30) == []
    clock.advance(0.1)
    (again,) = await store.queue.lease("crm", 1, 30)
    assert again.attempt == 8


async def test_lost_lease_changes_nothing(store: Store, clock: Clock) -> None:
    """G7: a slow worker whose lease went to another cannot undo what that one wrote."""
    await put(store, incoming())
    (slow,) = await store.queue.lease("crm", 1, 30)
    clock.advance(31)
    (fast,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(outcome(slow, "dead"))
    assert await states(store) == [(fast.id, "due")]
    await store.queue.settle(outcome(fast, "done"))
    await store.queue.settle(outcome(slow, "due"))
    assert await states(store) == [(fast.id, "done")]


async def test_lapsed_lease_that_nobody_took_may_settle(store: Store, clock: Clock) -> None:
    """An outcome that comes late is still an outcome: no second POST."""
    await put(store, incoming())
    (delivery,) = await store.queue.lease("crm", 1, 30)
    clock.advance(31)
    await store.queue.settle(outcome(delivery))
    assert await store.queue.lease("crm", 1, 30) == []


@pytest.mark.parametrize("token", ["", "0000000000000000"])
async def test_wrong_token_changes_nothing(store: Store, token: str) -> None:
    """`settle` needs the token of the lease."""
    await put(store, incoming())
    (delivery,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(delivery.id, token, "dead", 1))
    assert await states(store) == [(delivery.id, "due")]


async def test_settlements_of_one_group_keep_apart(store: Store) -> None:
    """Outcomes that share a transaction each reach their own delivery."""
    await put(store, *(incoming(number) for number in (1, 2, 3)))
    one, two, three = await store.queue.lease("crm", 3, 30)
    await asyncio.gather(
        store.queue.settle(outcome(one, "done")),
        store.queue.settle(outcome(two, "due", delay=60.0)),
        store.queue.settle(outcome(three, "dead")),
    )
    assert await states(store) == [(one.id, "done"), (two.id, "due"), (three.id, "dead")]


async def test_lowest_sequence_comes_first(store: Store) -> None:
    """Among those due the lowest Sequence goes first; without one it counts as 0; then as they came."""
    sequences = {1: 3, 2: 1, 3: None, 4: 2, 5: 1}
    await put(store, *(incoming(number, sequence=sequence) for number, sequence in sequences.items()))
    first = await store.queue.lease("crm", 2, 30)
    rest = await store.queue.lease("crm", 3, 30)
    assert [delivery.content.id for delivery in first] == ["report-3", "report-2"]
    assert [delivery.content.id for delivery in rest] == ["report-5", "report-4", "report-1"]


async def test_longest_due_comes_first_for_a_probe(store: Store, clock: Clock) -> None:
    """Who asks for the longest due one is not given the same failing delivery each time."""
    await put(store, incoming(1, sequence=1))
    clock.advance(1)
    await put(store, incoming(2, sequence=3))
    (failing,) = await store.queue.lease("crm", 1, 30, longest_due=True)
    await store.queue.settle(outcome(failing, "due", delay=2.0))
    clock.advance(3)
    (other,) = await store.queue.lease("crm", 1, 30, longest_due=True)
    assert [failing.content.id, other.content.id] == ["report-1", "report-2"]


async def test_last_comes_after_all_others(store: Store, clock: Clock) -> None:
    """The report that failed as a probe is taken only if nothing else is due."""
    await put(store, incoming(1))
    clock.advance(1)
    await put(store, incoming(2))
    (other,) = await store.queue.lease("crm", 1, 30, longest_due=True, last=1)
    assert other.id == 2
    (left,) = await store.queue.lease("crm", 1, 30, longest_due=True, last=1)
    assert left.id == 1


@pytest.mark.parametrize(
    ("accepted", "late", "stale"),
    [
        (("delivered", None), ("sent", None), True),
        (("delivered", None), ("queued", None), True),
        (("sent", None), ("queued", None), True),
        (("read", None), ("delivered", None), True),
        (("undelivered", None), ("sent", None), True),
        (("failed", None), ("queued", None), True),
        (("rejected", None), ("queued", None), True),
        (("delivered", 3), ("sent", None), True),
        (("delivered", None), ("sent", 2), True),
        (("delivered", 3), ("sent", 2), True),
        (("sent", 3), ("delivered", 2), True),  # Sequence says more than the status
        (("delivered", 2), ("sent", 3), False),
        (("sent", None), ("delivered", None), False),
        (("sent", None), ("sent", None), False),
        (("undelivered", None), ("delivered", None), False),
        (("failed", None), ("undelivered", None), False),
        (("delivered", None), ("read", None), False),
        (("a new one", None), ("sent", None), False),
        (("delivered", None), ("a new one", None), False),
    ],
)
async def test_without_sequence_the_status_tells_what_is_stale(
    store: Store,
    accepted: tuple[str, int | None],
    late: tuple[str, int | None],
    stale: bool,  # noqa: FBT001 - a parameter
) -> None:
    """queued < sent < delivered, undelivered, failed, rejected < read, if either report has no Sequence."""
    await put(store, incoming(1, status=accepted[0], sequence=accepted[1]))
    (first,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(outcome(first, "done"))
    await put(store, incoming(2, status=late[0], sequence=late[1]))
    (second,) = await store.queue.lease("crm", 1, 30)
    assert second.stale is stale


async def test_report_older_than_an_accepted_one_is_stale(store: Store, clock: Clock) -> None:
    """Stale is what this target has had a later report of: not another message's, not another target's."""
    await put(
        store,
        incoming(1, "crm", "audit", sequence=1),
        incoming(2, "crm", "audit", sequence=2),
        incoming(3, sequence=9, message_uuid="reply-2"),
    )
    for delivery in await store.queue.lease("crm", 3, 30):
        if delivery.content.id == "report-2":
            await store.queue.settle(outcome(delivery, "done"))
    clock.advance(30)
    leased = await store.queue.lease("crm", 3, 30)
    assert [(one.content.id, one.stale) for one in leased] == [("report-1", True), ("report-3", False)]
    leased = await store.queue.lease("audit", 3, 30)
    assert [(one.content.id, one.stale) for one in leased] == [("report-1", False), ("report-2", False)]


async def test_paused_target_is_not_leased(store: Store) -> None:
    """What an operator has paused keeps its deliveries, the other targets go on."""
    await put(store, incoming(1, "crm", "audit"))
    await store.change(commands.pause, commands.Pause("ann", "crm"))
    assert await store.queue.lease("crm", 1, 30) == []
    assert len(await store.queue.lease("audit", 1, 30)) == 1
    await store.change(commands.resume, commands.Pause("ann", "crm"))
    (delivery,) = await store.queue.lease("crm", 1, 30)
    assert delivery.attempt == 1


async def test_second_process_sees_the_same_leases(store: Store, path: Path, clock: Clock) -> None:
    """The lease stands in the file, so that whoever opens it keeps to it."""
    await put(store, incoming())
    await store.queue.lease("crm", 1, 30)
    async with opened(path, clock, serving=False) as beside:
        assert await beside.queue.lease("crm", 1, 30) == []


async def test_lease_sees_what_was_settled_before_it(store: Store) -> None:
    """3.5: an outcome that is told first counts, though both share a commit: the older report goes out stale."""
    await store.queue.accept(incoming(2, sequence=2))
    (newer,) = await store.queue.lease("crm", 1, 30)
    await store.queue.accept(incoming(1, sequence=1))
    _, leased = await asyncio.gather(
        store.queue.settle(Settlement(newer.id, newer.lease, "done", 1)), store.queue.lease("crm", 1, 30)
    )
    assert [(one.content.id, one.stale) for one in leased] == [("report-1", True)]


async def test_late_sequence_is_not_overtaken_for_ever(store: Store, clock: Clock) -> None:
    """Lowest Sequence first, among those due longest: what waits long gets its turn, whatever comes meanwhile."""
    await put(store, incoming(0, sequence=9))
    clock.advance(1)
    await put(store, *(incoming(number, sequence=1) for number in range(1, WINDOW + 2)))
    leased = await store.queue.lease("crm", WINDOW, 30)
    assert [one.content.id for one in leased] == [*(f"report-{number}" for number in range(1, WINDOW)), "report-0"]
