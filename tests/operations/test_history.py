"""The history of a number or a message: found by any of its names, with the opt-outs of its person."""

from dataclasses import replace

import pytest
from support.stored import CUSTOMER, NINE, US, arrival, claim, entry, incoming, opted

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.history import Span, history, pending_in_words, sent_by
from app.policies.usage import Conversation
from app.replies.journal import FailedCall
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


async def test_opt_outs_head_it(told: Store, read: ReadAddress) -> None:
    """With those that have ended, which say so; somebody else's are not among them."""
    opt_outs = (await history(told, f"+{CUSTOMER}", read, 10)).opt_outs
    assert {one.number: one.ended_at for one in opt_outs} == {US: None, "33644600001": NINE + 1}
    assert (await history(told, f"+{OTHER}", read, 10)).opt_outs == ()


async def test_reports_alone_have_a_person(store: Store, read: ReadAddress) -> None:
    """A person who only got messages by other means has a history, too."""
    await store.queue.accept(incoming(1, in_reply_to=None))
    answer = await history(store, f"+{CUSTOMER}", read, 10)
    assert (answer.messages, [report.id for report in answer.reports], answer.person) == ((), ["report-1"], CUSTOMER)


async def test_somebody_who_only_has_an_opt_out(store: Store, read: ReadAddress) -> None:
    """Opted out by an imported list, and never heard of: the opt-out is shown all the same."""
    change = opted(out=True, message_uuid=None, word="anna", source="command")
    await store.change(people.change, Changes("anna", (change,)))
    answer = await history(store, f"+{CUSTOMER}", read, 10)
    assert (answer.is_empty, answer.person, [one.number for one in answer.opt_outs]) == (True, CUSTOMER, [US])
    assert (await history(store, f"+{US}", read, 10)).person is None


async def test_what_was_sent(told: Store, read: ReadAddress) -> None:
    """The messages of a reply, read back from its XML; none of one whose text is no longer kept."""
    (message,) = (await history(told, "message-1", read, 10)).messages
    assert [(one.src, one.dst, one.text) for one in sent_by(message)] == [(US, (CUSTOMER,), "Hello.")]
    assert sent_by(replace(message, xml="")) == ()


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        (0, "pending, call 1 of 4: its rules are being asked"),
        (1, "pending, call 1 of 4: bot failed: status 500"),
        (4, "pending, call 4 of 4: bot failed: status 500"),
        (5, "pending, call 5: bot failed: status 500"),
    ],
)
async def test_pending_in_words(store: Store, read: ReadAddress, calls: int, words: str) -> None:
    """How often Plivo has called, and what the last call brought."""
    came = arrival("waits")
    await store.journal.claim(claim(came))
    for _ in range(calls):
        await store.journal.fail(FailedCall(came, 503, "bot failed: status 500", rules_failed=True))
    (message,) = (await history(store, "waits", read, 10)).messages
    assert pending_in_words(message) == words


async def test_a_repeat_without_those_who_have_opted_out(store: Store, read: ReadAddress) -> None:
    """G9: a later call that got less than the first one says so."""
    await store.journal.record(entry())
    await store.change(people.change, Changes("anna", (opted(out=True, message_uuid="stop"),)))
    await store.journal.record(entry())
    (message,) = (await history(store, "message-1", read, 10)).messages
    assert [call.reason for call in message.calls] == [
        "answered",
        "answered again, without those who have opted out since",
    ]


async def test_a_span_leaves_out_the_rest(told: Store, read: ReadAddress) -> None:
    """From `since` to before `until`."""
    found = (await history(told, f"+{US}", read, 10, Span(NINE, NINE + 60))).messages
    assert [message.message_uuid for message in found] == ["message-1"]


@pytest.mark.parametrize("who", ["", " ", "+33", "+", "what happened?"])
async def test_what_can_be_nobody_is_refused(told: Store, read: ReadAddress, who: str) -> None:
    """Nobody named, or neither a number, a name nor a MessageUUID."""
    with pytest.raises(OperationRefused):
        await history(told, who, read, 10)
