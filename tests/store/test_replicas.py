"""Two servers on one PostgreSQL: what they count and claim together is exact, and neither waits in vain."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from support import postgres
from support.stored import CUSTOMER, HELLO, NINE, US, arrival, claim, incoming, opted, proof, stored_at, submission

from app.plivo.markup import EMPTY, render
from app.plivo.messages import Outgoing
from app.policies.limits import DAY, HOUR, LimitOptions, Rate
from app.policies.usage import Conversation
from app.replies.journal import Claimed, FailedCall, Held, Recorded, Reused, Submission
from app.replies.proposals import Proposal
from app.rules.outcome import Use
from app.store import Store, open_store
from app.store.schema import messages, opt_outs, spending

ROUNDS = 20  # of what must meet in the middle of two transactions


@dataclass(frozen=True)
class Two:
    """Two servers on one database."""

    one: Store
    other: Store

    def each(self, number: int) -> Store:
        """One after the other."""
        return self.other if number % 2 else self.one


@pytest.fixture
async def two(template: str) -> AsyncIterator[Two]:
    """Both serve."""
    async with (
        postgres.database(template) as where,
        open_store(stored_at(where), serving=True) as one,
        open_store(stored_at(where), serving=True) as other,
    ):
        yield Two(one, other)


def saying(text: str, **changes: Any) -> Proposal:
    """A reply to the customer."""
    sent = (Outgoing(US, (CUSTOMER,), text),)
    return replace(HELLO, messages=sent, xml=render(sent, "https://sms.example.com/report/x", "POST"), **changes)


async def count(store: Store, *where: sa.ColumnElement[bool]) -> int:
    """How many messages."""
    async with store.engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(messages).where(*where)
        return int((await connection.execute(query)).scalar_one())


async def test_one_answer_to_one_message(two: Two) -> None:
    """G3: copies that reach both at the same moment, under different signatures, get one answer."""
    for number in range(ROUNDS):
        copies = [
            submission(
                arrival(f"message-{number}", proofs=(proof(f"{number} {copy}", "a"),)), saying(f"{number} {copy}")
            )
            for copy in range(8)
        ]
        got = await asyncio.gather(*(two.each(copy).journal.record(one) for copy, one in enumerate(copies)))
        assert len({one.xml for one in got}) == 1
        assert sum(one.proposal is not None for one in got) == 1
    assert await count(two.one) == ROUNDS


async def test_one_owner_of_one_message(two: Two) -> None:
    """G3: of copies that reach both at the same moment one is claimed, the others wait; none is refused."""
    for number in range(ROUNDS):
        requests = [
            claim(arrival(f"message-{number}", proofs=(proof(f"{number} {copy}", "a"),)), f"owner {copy}")
            for copy in range(8)
        ]
        got = await asyncio.gather(*(two.each(copy).journal.claim(one) for copy, one in enumerate(requests)))
        assert Counter(type(one) for one in got) == {Claimed: 1, Held: 7}
    assert await count(two.one) == ROUNDS


async def test_groups_in_opposite_order_wait_for_nobody(two: Two) -> None:
    """The same messages in two groups, forwards and backwards: no deadlock, which would cost a second."""
    for number in range(ROUNDS):
        came = [arrival(f"message-{number}-{one}", pair=Conversation(US, f"337{one:08}")) for one in range(30)]
        async with asyncio.timeout(5):
            got = await asyncio.gather(
                *(two.one.journal.claim(claim(one, "here")) for one in came),
                *(two.other.journal.claim(claim(one, "elsewhere")) for one in reversed(came)),
            )
            assert Counter(type(one) for one in got) == {Claimed: 30, Held: 30}
            await asyncio.gather(
                *(two.one.journal.record(submission(one, claimed=True)) for one in came),
                *(two.other.journal.record(submission(one, claimed=True)) for one in reversed(came)),
            )


async def test_failures_of_one_message(two: Two) -> None:
    """G4: a failure on a replica that never saw the message makes its row, once."""
    calls = [FailedCall(arrival(), 503, "bot failed", rules_failed=True, ends_claim=True) for _ in range(2)]
    await asyncio.gather(two.one.journal.fail(calls[0]), two.other.journal.fail(calls[1]))
    assert await count(two.one) == 1


async def test_limit_of_one_sender_is_exact(two: Two) -> None:
    """G8: twenty messages of one sender at once, over both: as many answers as the limit says, and no more."""
    limits = LimitOptions(per_sender=(Rate(7, HOUR),))
    cases = [submission(arrival(f"message-{number}", text=f"text {number}"), limits=limits) for number in range(20)]
    got = await asyncio.gather(*(two.each(number).journal.record(one) for number, one in enumerate(cases)))
    assert Counter(one.xml for one in got) == {HELLO.xml: 7, EMPTY: 13}


async def test_spending_cap_is_exact(two: Two) -> None:
    """G8: forty people at once, over both: the units that are answered are the cap's, and are all accounted for."""
    limits = LimitOptions(total=(Rate(11, DAY),))
    people = [Conversation(US, f"337{number:08}") for number in range(40)]
    cases = [submission(arrival(f"message-{number}", pair=pair), limits=limits) for number, pair in enumerate(people)]
    got = await asyncio.gather(*(two.each(number).journal.record(one) for number, one in enumerate(cases)))
    assert Counter(one.xml for one in got) == {HELLO.xml: 11, EMPTY: 29}
    async with two.one.engine.connect() as connection:
        assert (await connection.execute(sa.select(sa.func.sum(spending.c.units)))).scalar_one() == 11


async def test_cooldown_is_begun_once(two: Two) -> None:
    """Ten messages of one person at once, over both: one answer of a rule with a cooldown."""
    cases: list[Submission] = [
        submission(arrival(f"message-{number}", text=f"text {number}"), replace(HELLO, uses=(Use("menu", HOUR),)))
        for number in range(10)
    ]
    got = await asyncio.gather(*(two.each(number).journal.record(one) for number, one in enumerate(cases)))
    assert Counter(one.xml for one in got) == {HELLO.xml: 1, EMPTY: 9}


async def test_stop_is_confirmed_once(two: Two) -> None:
    """G9: two STOPs of one person, one to each: one change and one confirmation."""
    for number in range(ROUNDS):
        pair = Conversation(US, f"337{number:08}")
        stops = []
        for copy in range(2):
            uuid = f"message-{number}-{copy}"
            change = opted(out=True, pair=pair, message_uuid=uuid)
            came = arrival(uuid, pair=pair, text="STOP")
            stops.append(submission(came, saying("No more.", change=change, confirms=True)))
        got = await asyncio.gather(two.one.journal.record(stops[0]), two.other.journal.record(stops[1]))
        assert sorted(one.xml == EMPTY for one in got) == [False, True]
    async with two.one.engine.connect() as connection:
        found = await connection.execute(sa.select(sa.func.count()).select_from(opt_outs))
        assert found.scalar_one() == ROUNDS


async def test_signature_is_bound_for_both(two: Two) -> None:
    """G2: of two contents under one signature that reach both at once, one is accepted."""
    for number in range(ROUNDS):
        cases = [
            submission(arrival(f"message-{number}-{copy}", proofs=(proof(f"key {number}", str(copy)),)))
            for copy in range(2)
        ]
        got = await asyncio.gather(
            *(two.each(copy).journal.record(one) for copy, one in enumerate(cases)), return_exceptions=True
        )
        assert Counter(type(one) for one in got) == {Recorded: 1, Reused: 1}


async def test_stop_on_one_is_known_to_the_other(two: Two) -> None:
    """G9 over G3: an answer that one gave is not repeated by the other once the person has opted out there."""
    await two.one.journal.record(submission(arrival()))
    change = opted(out=True, message_uuid="message-2")
    await two.other.journal.record(submission(arrival("message-2", at=NINE - 5), saying("No more.", change=change)))
    assert (await two.one.journal.record(submission(arrival()))).xml == EMPTY


async def test_one_report_that_reaches_both_is_stored_once(two: Two) -> None:
    """G6: Plivo's own retry may come to the other server while the first still writes; nobody gets 503."""
    for number in range(ROUNDS):
        same = [incoming(number, proofs=(proof(f"{number} {copy}", "a"),)) for copy in range(2)]
        got = await asyncio.gather(*(two.each(copy).queue.accept(one) for copy, one in enumerate(same)))
        assert sum(one.new for one in got) == 1
    assert (await two.one.queue.waiting())["crm"] == ROUNDS
