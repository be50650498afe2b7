"""What limits have counted, and starting the count anew."""

import pytest
from support.people import every_row
from support.stored import CUSTOMER, NINE, US, Clock, used

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.limits import CapSpending, LimitCounts, list_counts, plan_reset, reset
from app.policies.limits import Rate
from app.policies.usage import Conversation
from app.store import Store
from app.store.instances import ServerFacts, SpendingCap, StoredInstances
from app.store.records import PersonalRows, ReplyCount

OTHER = "33700000002"
DAY, HOUR = 86_400.0, 3_600.0
SHOP = Rate(7, DAY)
CAPS = (SpendingCap("", DAY, 50), SpendingCap("", HOUR, 9), SpendingCap("route shop", DAY, 7))


def server(store: Store, name: str, *caps: SpendingCap) -> StoredInstances:
    """A server that tells of these caps."""
    return StoredInstances(store.engine, store.change, name, lambda: ServerFacts(caps=caps))


async def test_each_cap_counts_in_its_own_window(store: Store) -> None:
    """Units of a cap come from its scope and its window, replies from the last day; the busiest person comes first."""
    answers = [
        used(1, at=NINE - 2 * HOUR),
        used(2, at=NINE - 10),
        used(3, at=NINE - 5, pair=Conversation(US, OTHER), route="shop", cap=SHOP, units=3),
        used(4, at=NINE - 2 * DAY),
    ]
    for answer in answers:
        await store.journal.record(answer)
    await server(store, "web-1", *CAPS).write({})
    assert await list_counts(store, NINE, 10) == LimitCounts(
        (
            CapSpending("", Rate(9, HOUR), 5),
            CapSpending("", Rate(50, DAY), 7),
            CapSpending("route shop", Rate(7, DAY), 3),
        ),
        (ReplyCount(US, CUSTOMER, 2, NINE - 10), ReplyCount(US, OTHER, 1, NINE - 5)),
    )
    assert len((await list_counts(store, NINE, 1)).people) == 1


async def test_the_caps_are_those_that_servers_tell_of(store: Store, clock: Clock) -> None:
    """None before the first server; those of all that run; once none runs, of the one that was seen last."""

    async def shown() -> list[str]:
        return [f"{cap.scope} {cap.rate}" for cap in (await list_counts(store, NINE, 1)).spending]

    assert await shown() == []
    old, new = server(store, "web-1", CAPS[0]), server(store, "web-2", CAPS[2], CAPS[0])
    await old.write({})
    clock.advance(1)
    await new.write({})
    assert await shown() == [" 50/1d", "route shop 7/1d"]
    await new.leave()
    assert await shown() == [" 50/1d"]
    await old.leave()
    assert await shown() == [" 50/1d", "route shop 7/1d"]


@pytest.mark.parametrize("batch", [1, 500])
async def test_reset_of_a_person(store: Store, read: ReadAddress, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """The plan says what `reset` forgets, in as many steps as it takes; nobody else's count changes."""
    monkeypatch.setattr("app.store.forgetting.BATCH", batch)
    for number, person in enumerate((CUSTOMER, CUSTOMER, OTHER), 1):
        await store.journal.record(used(number, pair=Conversation(US, person)))
    plan = await plan_reset(store, f"+{CUSTOMER}", read)
    assert (plan.rows, plan.is_empty) == (PersonalRows(messages=2, cooldowns=1), False)
    assert await reset(store, "anna", plan) == 3
    rows = await every_row(store)
    assert [row["counted"] for row in rows["messages"]] == [0, 0, 1]
    assert [row["person"] for row in rows["cooldowns"]] == [OTHER]
    assert (await plan_reset(store, f"+{CUSTOMER}", read)).is_empty


async def test_reset_of_the_caps(store: Store, read: ReadAddress) -> None:
    """Without a person, what is spent; that is never called empty, since a cap without spending looks the same."""
    await store.journal.record(used(1))
    plan = await plan_reset(store, None, read)
    assert not plan.is_empty
    assert await reset(store, "anna", plan) == 1
    assert (await every_row(store))["spending"] == []


async def test_reset_of_nobody(store: Store, read: ReadAddress) -> None:
    """What is no number is refused."""
    with pytest.raises(OperationRefused):
        await plan_reset(store, "", read)
