"""What is read of reports and replies for costs."""

from support.stored import CUSTOMER, NINE, entry, incoming, used

from app.store import Store
from app.store.costs import LastReport, UnreportedReply, last_reports, unreported_replies


async def test_the_last_report_of_each_message(store: Store) -> None:
    """By its sequence, else by when it came; copies of messages are no reports."""
    sent = (("Status", "sent"),)
    await store.queue.accept(incoming(2, sequence=2, at=NINE + 1, units=2))
    await store.queue.accept(incoming(1, sequence=1, at=NINE + 2, parameters=sent))
    for number in (3, 4):
        plain = (("Number", str(number)),)
        await store.queue.accept(
            incoming(number, sequence=None, at=NINE + number, message_uuid="other", parameters=plain, in_reply_to=None)
        )
    found = [one async for one in last_reports(store.engine, NINE)]
    parameters = '[["MessageUUID", "reply-1"], ["Status", "delivered"], ["Empty", ""]]'
    assert sorted(found, key=lambda one: one.units or 0) == [
        LastReport("support", None, CUSTOMER, 1, '[["Number", "4"]]'),
        LastReport("support", None, CUSTOMER, 2, parameters),
    ]


async def test_a_report_from_before_does_not_count(store: Store) -> None:
    """A message counts in the span in which something was reported of it."""
    await store.queue.accept(incoming(1, sequence=1, at=NINE))
    await store.queue.accept(incoming(2, sequence=2, at=NINE + 10))
    assert len([one async for one in last_reports(store.engine, NINE + 5)]) == 1
    assert [one async for one in last_reports(store.engine, NINE + 11)] == []


async def test_replies_without_a_report(store: Store) -> None:
    """Those since a time that cost something; silence does not."""
    await store.journal.record(used(1))
    await store.journal.record(used(2, at=NINE + 10))
    await store.journal.record(used(3, at=NINE + 20, units=0))
    await store.queue.accept(incoming(1))
    assert [one async for one in unreported_replies(store.engine, NINE - 1)] == [
        UnreportedReply("support", "ack", CUSTOMER)
    ]
    assert [one async for one in unreported_replies(store.engine, NINE + 15)] == []
    await store.journal.record(entry("message-9", at=NINE + 30))
    assert len([one async for one in unreported_replies(store.engine, NINE + 15)]) == 1
