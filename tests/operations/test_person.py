"""A person: what is stored about them, by any notation of their number."""

import pytest
from support.stored import CUSTOMER, NINE, US, entry, opted

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.person import find_person
from app.store import Store, people
from app.store.people import Changes


@pytest.fixture
async def told(store: Store) -> Store:
    """Three replies to one customer, the first long ago, and an opt-out."""
    for number, at in enumerate((NINE - 200_000, NINE - 60, NINE)):
        await store.journal.record(entry(f"message-{number}", at=at))
    await store.change(people.change, Changes("anna", (opted(out=True),)))
    return store


async def test_a_person(told: Store, read: ReadAddress) -> None:
    """Opt-outs, the replies of a day, and the newest messages."""
    found = await find_person(told, f"+{CUSTOMER}", read, {US}, NINE + 1, 2)
    assert found.address == CUSTOMER
    assert [one.number for one in found.opt_outs] == [US]
    assert [(one.number, one.replies) for one in found.replies] == [(US, 2)]
    assert [one.message_uuid for one in found.messages] == ["message-2", "message-1"]


async def test_nobody(told: Store, read: ReadAddress) -> None:
    """A number of whom nothing is stored."""
    found = await find_person(told, "+33799999999", read, {US}, NINE, 2)
    assert (found.address, found.opt_outs, found.replies, found.messages) == ("33799999999", (), (), ())


@pytest.mark.parametrize("text", [f"+{US}", "+33", "what happened?", ""])
async def test_what_is_no_person(told: Store, read: ReadAddress, text: str) -> None:
    """One of our numbers, or no number."""
    with pytest.raises(OperationRefused):
        await find_person(told, text, read, {US}, NINE, 2)
