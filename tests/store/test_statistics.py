"""Counts by slot, on every engine: counted by hand."""

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa
from support.stored import HELLO, NINE, PAIR, SILENCE, Clock, arrival, claim, entry, incoming, submission

from app.delivery.queue import Settlement, State
from app.plivo.refusals import Unavailable
from app.policies.usage import Conversation
from app.replies import reasons
from app.replies.journal import FailedCall
from app.replies.proposals import OPTED_OUT, REPLAYED, Proposal
from app.rules.outcome import COOLDOWN
from app.store import Store
from app.store.schema import deliveries
from app.store.statistics import SlotCounts, Slots, count

SLOTS = Slots(NINE, 60.0, 5)
TESTER = Conversation(PAIR.number, "33700000099")


async def counted(store: Store, without: tuple[str, ...] = ()) -> SlotCounts:
    """What came in five minutes from nine on."""
    return await count(store.engine, SLOTS, without)


async def test_an_empty_store(store: Store) -> None:
    """Nothing came: no kinds, and zeros."""
    none = [0, 0, 0, 0, 0]
    assert await counted(store) == SlotCounts({}, none, none, none, none)


async def test_messages_fall_into_the_slot_of_their_first_call(store: Store) -> None:
    """The first moment of a slot belongs to it, the end of the last does not."""
    for number, at in enumerate((-0.1, 0.0, 59.9, 60.0, 299.9, 300.0)):
        await store.journal.record(entry(f"message-{number}", at=NINE + at, text=f"hello {number}"))
    assert (await counted(store)).outcomes == {0.1: [2, 1, 0, 0, 1]}


@pytest.mark.parametrize(
    ("proposal", "kind"),
    [
        (SILENCE, "every rule passed"),
        (OPTED_OUT, "opted out"),
        (REPLAYED, "opted out"),
        (Proposal(reasons.OPT_OUT, "STOP"), "opted out"),
        (Proposal(None, reasons.HAD_OPTED_OUT), "opted out"),
        (Proposal("duty", f"forwarded to nobody{reasons.ALL_OPTED_OUT}"), "opted out"),
        (Proposal(None, "limit: per_sender 30/1h"), "limit"),
        (Proposal(None, "limit: total 5000/1d of route support"), "limit"),
        (Proposal(None, reasons.SAME_TIME), "cooldown"),
        (Proposal("closed", f"{COOLDOWN}this sender already got this answer"), "cooldown"),
        (Proposal(None, reasons.NO_ROUTE), "no route"),
        (Proposal(None, reasons.WHATSAPP), "cannot be texted"),
        (Proposal("ack", f"fixed text{reasons.CANNOT_BE_TEXTED}"), "cannot be texted"),
        (Proposal(None, "a reaction to a picture"), "reaction"),
        (Proposal("premium", "silence on purpose"), "on purpose"),
        (Proposal("ack", "fixed text; the text is empty"), "on purpose"),
        (Proposal(None, reasons.RULES_FAILED), "gave up"),
        (Proposal("ack", "limit's a % of it_"), "on purpose"),
    ],
)
async def test_each_reason_has_a_kind(store: Store, proposal: Proposal, kind: str) -> None:
    """Reasons are free text; a chart needs a few kinds."""
    await store.journal.record(entry(proposal=proposal))
    found = await counted(store)
    assert found.outcomes == {kind: [1, 0, 0, 0, 0]}


async def test_how_long_answers_took(store: Store) -> None:
    """From the first call until the answer was ready."""
    for number, seconds in enumerate((0.0, 0.09, 0.2, 1.0, 5.9, 6.0, 40.0)):
        ready = replace(submission(arrival(f"message-{number}", text=f"hello {number}")), ready_at=NINE + seconds)
        await store.journal.record(ready)
    found = (await counted(store)).outcomes
    assert {limit: numbers[0] for limit, numbers in found.items()} == {0.1: 2, 1.0: 1, 6.0: 2, None: 2}


async def test_failed_calls(store: Store) -> None:
    """A message without an answer is pending, and each call on which its rules failed counts."""
    came = arrival(at=NINE + 61)
    await store.journal.claim(claim(came))
    for _ in range(3):
        await store.journal.fail(FailedCall(came, 503, "bot failed: status 500", rules_failed=True))
    found = await counted(store)
    assert (found.outcomes, found.failed_calls) == ({"pending": [0, 1, 0, 0, 0]}, [0, 3, 0, 0, 0])


async def deliver(store: Store, clock: Clock, *outcomes: tuple[State, int | None], to: str = PAIR.person) -> None:
    """Report after report, each attempted once with such an outcome, a minute after the other."""
    for state, status in outcomes:
        await store.queue.accept(incoming(int(clock.now), to=to))
        (one,) = await store.queue.lease("crm", 1, 30)
        error = None if status else "timeout"
        await store.queue.settle(Settlement(one.id, one.lease, state, 1, 900.0, status, error, seconds=0.1))
        clock.advance(60)


async def test_deliveries(store: Store, clock: Clock) -> None:
    """Attempts count by what the target said, deaths when they happened; a full queue is a death without an attempt."""
    await deliver(store, clock, ("done", 204), ("due", 500), ("due", None), ("dead", 410))
    await store.queue.accept(incoming(7, full=("crm",)))
    found = await counted(store)
    assert (found.accepted, found.failed, found.dead) == ([1, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 1, 1])


async def test_replayed_deliveries_are_not_dead(store: Store, clock: Clock) -> None:
    """A delivery counts as dead while it is."""
    await deliver(store, clock, ("dead", 410))
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(deliveries).values(state="done"))
    assert (await counted(store)).dead == [0, 0, 0, 0, 0]


async def test_some_people_do_not_count(store: Store, clock: Clock) -> None:
    """Neither their messages, nor deliveries about them."""
    await store.journal.record(entry("message-1", HELLO))
    await store.journal.record(entry("message-2", HELLO, pair=TESTER))
    await deliver(store, clock, ("done", 200), ("dead", 410), to=TESTER.person)
    await deliver(store, clock, ("done", 200), ("dead", 410))
    both, ours = await counted(store), await counted(store, (TESTER.person,))
    assert (both.outcomes[0.1][0], both.accepted, both.dead) == (2, [1, 0, 1, 0, 0], [0, 1, 0, 1, 0])
    assert (ours.outcomes[0.1][0], ours.accepted, ours.dead) == (1, [0, 0, 1, 0, 0], [0, 0, 0, 1, 0])
    assert (sum(both.failed), sum(ours.failed)) == (2, 1)


async def test_no_read_outlives_one_that_fails(store: Store) -> None:
    """The other scans have ended when the error is raised, so that none holds a connection of a store that closes."""
    async with store.engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE deliveries RENAME TO elsewhere"))
    before = asyncio.all_tasks()
    with pytest.raises(Unavailable):
        await counted(store)
    assert asyncio.all_tasks() <= before
