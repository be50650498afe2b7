"""The history of a number or a message: found by any of its names, with the opt-outs of its person."""

import pytest
from support.stored import CUSTOMER, NINE, US, entry, incoming, opted

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.history import Span, history
from app.policies.usage import Conversation
from app.store import Store, people
from app.store.people import Changes

OTHER = "33700000002"


@pytest.fixture
async def told(store: Store) -> Store:
    """A message each of two people; one of them has opted out of two numbers, and come back to one."""
    digits = "12345678901"  # a MessageUUID that looks like a number
    await store.journal.record(entry("message-1", at=NINE))
    await store.journal.record(entry(digits, at=NINE + 60, pair=Conversation(US, OTHER)))
    away = [opted(out=True, pair=Conversation(number, CUSTOMER)) for number in (US, "33644600001")]
    back = opted(out=False, at=NINE + 1, pair=Conversation("33644600001", CUSTOMER))
    await store.change(people.change, Changes("anna", (*away, back)))
    return store


@pytest.mark.parametrize(
    ("who", "found", "person"),
    [
        (f"+{CUSTOMER}", ["message-1"], CUSTOMER),
        ("+33 7 00 00 00 01", ["message-1"], CUSTOMER),
        ("message-1", ["message-1"], CUSTOMER),
        ("12345678901", ["12345678901"], OTHER),
        (f"+{US}", ["message-1", "12345678901"], None),
        ("+33700000009", [], None),
    ],
)
async def test_whom_a_text_means(
    told: Store, read: ReadAddress, who: str, found: list[str], person: str | None
) -> None:
    """A number in any form, or a MessageUUID; the person is known unless several are concerned."""
    answer = await history(told, who, read, 10)
    assert ([message.message_uuid for message in answer.messages], answer.person) == (found, person)


async def test_opt_outs_in_force_head_it(told: Store, read: ReadAddress) -> None:
    """Those that have ended are not among them; somebody else's neither."""
    assert [one.number for one in (await history(told, f"+{CUSTOMER}", read, 10)).opt_outs] == [US]
    assert (await history(told, f"+{OTHER}", read, 10)).opt_outs == ()


async def test_reports_alone_have_a_person(store: Store, read: ReadAddress) -> None:
    """A person who only got messages by other means has a history, too."""
    await store.queue.accept(incoming(1, in_reply_to=None))
    answer = await history(store, f"+{CUSTOMER}", read, 10)
    assert (answer.messages, [report.id for report in answer.reports], answer.person) == ((), ["report-1"], CUSTOMER)


async def test_a_span_leaves_out_the_rest(told: Store, read: ReadAddress) -> None:
    """From `since` to before `until`."""
    found = (await history(told, f"+{US}", read, 10, Span(NINE, NINE + 60))).messages
    assert [message.message_uuid for message in found] == ["message-1"]


@pytest.mark.parametrize("who", ["", " ", "+33", "+", "what happened?"])
async def test_what_can_be_nobody_is_refused(told: Store, read: ReadAddress, who: str) -> None:
    """Nobody named, or neither a number, a name nor a MessageUUID."""
    with pytest.raises(OperationRefused):
        await history(told, who, read, 10)
