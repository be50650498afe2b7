"""Statistics of an hour, a day and a week."""

import pytest
from support.stored import NINE, PAIR, SILENCE, Clock, entry

from app.operations.statistics import SPANS, SpanName, statistics
from app.policies.usage import Conversation
from app.store import Store


@pytest.mark.parametrize(("span", "slots", "seconds"), [("hour", 60, 60), ("day", 96, 900), ("week", 168, 3600)])
async def test_spans(store: Store, span: SpanName, slots: int, seconds: float) -> None:
    """The last slot is the one that is under way."""
    found = await statistics(store, NINE + 59, span)
    assert (found.slots.count, found.slots.seconds) == (slots, seconds)
    assert found.slots.end - seconds <= NINE + 59 < found.slots.end
    assert {len(one) for one in (found.answered, found.silent, found.dead, *found.within.values())} == {slots}


def test_every_span_has_a_round_length() -> None:
    """An hour, a day, a week."""
    assert [count * seconds for count, seconds in SPANS.values()] == [3600, 86400, 604800]


async def test_every_kind_is_there(store: Store) -> None:
    """In a fixed order, whether it occurred or not, so that charts look alike every day."""
    await store.journal.record(entry("message-1", SILENCE))
    found = await statistics(store, NINE, "hour")
    assert list(found.silences) == [
        *("opted out", "limit", "cooldown", "no route", "every rule passed", "cannot be texted", "reaction"),
        "on purpose",
    ]
    assert (found.silent[-1], found.silences["every rule passed"][-1], list(found.within)) == (
        1,
        1,
        [0.1, 1.0, 6.0, None],
    )


async def test_what_is_older_is_left_out(store: Store, clock: Clock) -> None:
    """The hour, the day and the week each count their own."""
    for number, ago in enumerate((700_000, 90_000, 3700, 0)):
        await store.journal.record(entry(f"message-{number}", at=clock.now - ago))
    counts = [sum((await statistics(store, clock.now, span)).answered) for span in SPANS]
    assert counts == [1, 2, 3]


async def test_test_senders_do_not_count(store: Store) -> None:
    """They are given as anybody writes them."""
    await store.journal.record(entry("message-1"))
    await store.journal.record(entry("message-2", pair=Conversation(PAIR.number, "33700000099")))
    assert sum((await statistics(store, NINE, "hour", ["33700000099"])).answered) == 1
