"""What limits have counted, and starting the count anew."""

import pytest
from support.people import every_row
from support.stored import CUSTOMER, NINE, US, used

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.limits import CapSpending, LimitCounts, list_counts, plan_reset, reset
from app.policies.limits import Rate
from app.policies.usage import Budget, Conversation
from app.store import Store
from app.store.records import PersonalRows, ReplyCount

OTHER = "33700000002"
DAY, HOUR = 86_400.0, 3_600.0
SHOP = Rate(7, DAY)
CAPS = {
    Budget("", DAY): (None, Rate(50, DAY)),
    Budget("", HOUR): (None, Rate(9, HOUR)),
    Budget("route shop", DAY): ("shop", SHOP),
}


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
    assert await list_counts(store, CAPS, NINE, 10) == LimitCounts(
        (
            CapSpending("", Rate(50, DAY), 7),
            CapSpending("", Rate(9, HOUR), 5),
            CapSpending("route shop", Rate(7, DAY), 3),
        ),
        (ReplyCount(US, CUSTOMER, 2, NINE - 10), ReplyCount(US, OTHER, 1, NINE - 5)),
    )
    assert len((await list_counts(store, CAPS, NINE, 1)).people) == 1


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
