"""What Plivo charged, added up without rounding."""

from decimal import Decimal

import pytest
from support.stored import CUSTOMER, NINE, incoming, used

from app.operations.costs import Cost, costs, country_of
from app.store import Store

AMERICAN, CANADIAN = "12025550123", "14165550123"


async def fill(store: Store) -> None:
    """Two messages to France, of which one has two reports; one to each of America and Canada; one without a price."""
    rows = [
        (1, "france-1", CUSTOMER, "0.0750", 1),
        (2, "france-1", CUSTOMER, "0.1500", 2),
        (3, "france-2", CUSTOMER, "0.0001", 1),
        (4, "america", AMERICAN, "0.00770", 1),
        (5, "canada", CANADIAN, " 12 ", 1),
        (6, "unknown", AMERICAN, "", 1),
        (7, "broken", AMERICAN, "NaN", 1),
    ]
    for number, uuid, to, amount, units in rows:
        fields = (("TotalAmount", amount), ("TotalAmount", "999"), ("Status", "delivered"))
        made = {"message_uuid": uuid, "to": to, "units": units, "sequence": number, "parameters": fields}
        await store.queue.accept(incoming(number, at=NINE + number, **made))  # type: ignore[arg-type]
    await store.journal.record(used(20))


async def test_costs_by_country(store: Store) -> None:
    """Each message counts once, by its last report; without an amount or a report it is counted apart."""
    await fill(store)
    found = await costs(store, ("country",), NINE - 1)
    assert found.groups == {
        ("CA",): Cost(1, 1, Decimal(12)),
        ("FR",): Cost(2, 3, Decimal("0.1501"), unreported=1),
        ("US",): Cost(3, 3, Decimal("0.0077"), unpriced=2),
    }
    assert list(found.groups) == [("CA",), ("FR",), ("US",)]
    assert found.total == Cost(6, 7, Decimal("12.1578"), unpriced=2, unreported=1)


async def test_costs_by_several_keys(store: Store) -> None:
    """In the order in which they are asked for; a report of a message that is not known has no rule."""
    await fill(store)
    found = await costs(store, ("rule", "route"), NINE - 1)
    assert set(found.groups) == {(None, "support"), ("ack", "support")}
    assert [group.unreported for group in found.groups.values()] == [0, 1]


async def test_ten_thousand_small_amounts(store: Store) -> None:
    """No amount is rounded on the way."""
    for number in range(30):
        fields = (("TotalAmount", "0.1"),)
        await store.queue.accept(incoming(number, message_uuid=f"reply-{number}", parameters=fields))
    assert (await costs(store, ("route",), NINE - 1)).total.amount == Decimal(3)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        (CUSTOMER, "FR"),
        (AMERICAN, "US"),
        (CANADIAN, "CA"),
        ("447400123456", "GB"),
        ("12345", None),
        ("AMAZON", None),
        ("999999999999", None),
    ],
)
def test_country_of_a_number(address: str, country: str | None) -> None:
    """By libphonenumber; a short code or a name has none, and neither has a number of no country."""
    assert country_of(address) == country
