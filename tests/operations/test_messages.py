"""Pages of messages as operators ask for them: numbers in any notation, outcomes by name, cursors."""

import pytest
from support.stored import CUSTOMER, NINE, US, entry

from app.operations.addresses import ReadAddress
from app.operations.cursors import cursor, position
from app.operations.errors import OperationRefused
from app.operations.messages import OUTCOMES, MessageFilter, find_message, list_messages
from app.store import Store


@pytest.fixture
async def told(store: Store) -> Store:
    """Three messages of one customer."""
    for number in range(3):
        await store.journal.record(entry(f"message-{number}", at=NINE + number))
    return store


async def test_pages(told: Store, read: ReadAddress) -> None:
    """Newest first; `next` leads to the rest, and is None at the end."""
    first = await list_messages(told, MessageFilter(), read, limit=2)
    rest = await list_messages(told, MessageFilter(), read, first.next, 2)
    assert [message.message_uuid for message in first.messages + rest.messages] == [
        "message-2",
        "message-1",
        "message-0",
    ]
    assert (first.next is None, rest.next) == (False, None)


@pytest.mark.parametrize("number", [f"+{CUSTOMER}", CUSTOMER, "+33 7 00 00 00 01", f"+{US}", "+33 6 44 60 00 00"])
async def test_numbers_in_any_notation(told: Store, read: ReadAddress, number: str) -> None:
    """Of a person or of ours."""
    page = await list_messages(told, MessageFilter(number=number), read)
    assert len(page.messages) == 3


async def test_a_stranger_has_none(told: Store, read: ReadAddress) -> None:
    """A number that nobody has texted from is no mistake."""
    assert (await list_messages(told, MessageFilter(number="+33799999999"), read)).messages == ()


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (MessageFilter(number="+33"), "'+33'"),
        (MessageFilter(number="what happened?"), "what happened"),
        (MessageFilter(outcome="anwsered"), 'did you mean "answered"?'),
        (MessageFilter(outcome=""), "known: answered, delivered"),
    ],
)
async def test_what_is_refused(told: Store, read: ReadAddress, which: MessageFilter, words: str) -> None:
    """What is no number and no outcome, with what to write instead."""
    with pytest.raises(OperationRefused, match=words.replace("+", r"\+").replace("?", r"\?")):
        await list_messages(told, which, read)


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_every_outcome_is_accepted(told: Store, read: ReadAddress, outcome: str) -> None:
    """The three were answered, and nothing else is known of them."""
    page = await list_messages(told, MessageFilter(outcome=outcome), read)
    assert len(page.messages) == (3 if outcome == "answered" else 0)


async def test_one_message(told: Store) -> None:
    """By its MessageUUID."""
    found = await find_message(told, "message-1")
    assert found is not None
    assert found.message_uuid == "message-1"
    assert await find_message(told, "message-9") is None


@pytest.mark.parametrize(
    "text", ["", "x", "42", "bWVzc2FnZXM6", "é", "a" * 100, "=", cursor("deliveries", 7) or "", "AAAA\n"]
)
async def test_cursors_of_strangers(told: Store, read: ReadAddress, text: str) -> None:
    """A text that no page of this list has given."""
    with pytest.raises(OperationRefused, match="no such cursor"):
        await list_messages(told, MessageFilter(), read, text)


def test_a_cursor_keeps_its_position() -> None:
    """Of its own kind of list; the first page has none."""
    assert position("messages", cursor("messages", 123_456_789)) == 123_456_789
    assert (position("messages", None), cursor("messages", None)) == (None, None)
