"""G3: one message, one answer, whoever asks and whenever. G2: none for a reused signature. G9: none after STOP."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import (
    CALLBACK,
    CUSTOMER,
    DAY,
    HELLO,
    KEPT,
    NINE,
    PAIR,
    SILENCE,
    US,
    Clock,
    arrival,
    entry,
    opened,
    opted,
    proof,
    submission,
    swept,
)  # fmt: skip

from app.plivo.markup import EMPTY, Callback, parse, render
from app.plivo.messages import Outgoing
from app.policies.opt_out import RouteOptOut, Scope
from app.policies.policies import Policies, RoutePolicy
from app.policies.usage import Conversation, OptOutChange
from app.replies.journal import FailedCall, Recorded, Reused, Submission
from app.replies.proposals import Proposal
from app.store import Store, people
from app.store.schema import messages, opt_outs

OTHER_NUMBER, PHONE = "33644600001", "33700000009"


def answering(*sent: Outgoing, uuid: str = "message-1", change: OptOutChange | None = None) -> Proposal:
    """A reply of these messages."""
    xml = render(sent, f"{CALLBACK.url}/{uuid}", CALLBACK.method)
    return Proposal("ack", "fixed text", messages=sent, xml=xml, units=len(sent), change=change, confirms=bool(change))


def saying(text: str) -> Proposal:
    """A reply to the customer."""
    return answering(Outgoing(US, (CUSTOMER,), text))


def stop(uuid: str = "message-9", *, pair: Conversation = PAIR, at: float = NINE + 1, **changes: Any) -> Submission:
    """A STOP with its confirmation, as it is ready to be admitted."""
    out = opted(out=True, at=at, pair=pair, message_uuid=uuid)
    confirmation = answering(Outgoing(pair.number, (pair.person,), "No more messages."), uuid=uuid, change=out)
    return submission(arrival(uuid, at=at, pair=pair, text="STOP", **changes), confirmation)


async def rows(store: Store) -> list[dict[str, Any]]:
    """Every message, in order of arrival."""
    async with store.engine.connect() as connection:
        found = (await connection.execute(sa.select(messages).order_by(messages.c.id))).mappings()
        return [dict(row) for row in found]


async def record(store: Store, *submissions: Submission) -> list[bytes]:
    """Record these in one group; their XML."""
    return [one.xml for one in await asyncio.gather(*map(store.journal.record, submissions))]


def sent(xml: bytes) -> list[tuple[str, Sequence[str]]]:
    """Who texts whom."""
    return [(one.src, one.dst) for one in parse(xml)]


async def test_first_of_one_group_wins(store: Store) -> None:
    """Fifty copies of one message in one commit: all get the first answer, one adds it, and each call is noted."""
    got = await asyncio.gather(
        *(store.journal.record(entry("message-1", saying(f"answer {number}"))) for number in range(50))
    )
    assert {one.xml for one in got} == {saying("answer 0").xml}
    assert [one.proposal is None for one in got] == [False] + [True] * 49
    (row,) = await rows(store)
    assert row["xml"] == got[0].xml
    calls = json.loads(row["calls"])
    assert (len(calls), calls[-1]) == (20, {"at": NINE, "status": 200, "reason": "answered again"})


async def test_first_of_all_groups_wins(store: Store) -> None:
    """A later group gets what an earlier one stored; new messages beside it get their own."""
    assert await record(store, entry("message-1", saying("first"))) == [saying("first").xml]
    again = await record(store, entry("message-1", saying("second")), entry("message-2", SILENCE))
    assert again == [saying("first").xml, EMPTY]


async def test_first_wins_after_reopening(path: Path, clock: Clock) -> None:
    """G3 holds across restarts."""
    async with opened(path, clock) as store:
        await record(store, entry("message-1", saying("first")))
    async with opened(path, clock) as store:
        assert await store.journal.record(entry("message-1", saying("second"))) == Recorded(saying("first").xml)


async def test_row_tells_everything(store: Store) -> None:
    """G10: what came, what was answered and why, who signed by which token, under which config, and when."""
    await record(store, entry())
    (row,) = await rows(store)
    row |= {"steps": json.loads(row["steps"]), "media": json.loads(row["media"]), "id": 1}
    assert len(row.pop("text_key")) == 16
    assert row == {
        "id": 1,
        "message_uuid": "message-1",
        "received_at": NINE,
        "sender": CUSTOMER,
        "person": CUSTOMER,
        "recipient": US,
        "type": "sms",
        "intent": "",
        "text": "hello",
        "units": 1,
        "media": ["https://m.example/1"],
        "route": "support",
        "rule": "ack",
        "reason": "fixed text",
        "steps": [{"rule": "menu", "verdict": "passes", "reason": "no keyword"}],
        "xml": HELLO.xml,
        "signed_by": "V3",
        "token": 1,
        "config": "c0ffee",
        "parameters": None,
        "state": "answered",
        "counted": 1,
        "reply_units": 1,
        "owner": None,
        "claimed_until": None,
        "failures": 0,
        "calls": None,
        "answered_at": NINE,
        "handed_over_at": NINE,
    }


async def test_silence_has_a_row_that_no_limit_counts(store: Store) -> None:
    """G10: every message has a row with the reason; only a reply is counted."""
    await record(store, entry("message-1", SILENCE))
    (row,) = await rows(store)
    told = {name: row[name] for name in ("reason", "xml", "counted", "text_key", "reply_units")}
    assert told == {"reason": "every rule passed", "xml": EMPTY, "counted": 0, "text_key": None, "reply_units": 0}


async def test_text_is_not_kept_where_it_must_not(store: Store) -> None:
    """G12: `keep_text` of no time keeps neither words nor pictures."""
    await record(store, submission(arrival(keep_text=False)))
    (row,) = await rows(store)
    assert (row["text"], row["media"], row["parameters"]) == (None, "[]", None)


@pytest.mark.parametrize("together", [True, False])
async def test_later_calls_are_noted(store: Store, together: bool) -> None:  # noqa: FBT001 - a parameter
    """G10: each call of Plivo's with what it got, in the group of the first and in later ones."""
    calls = [entry(at=NINE + seconds) for seconds in (0, 60, 180)]
    for group in [calls] if together else [[one] for one in calls]:
        await record(store, *group)
    (row,) = await rows(store)
    assert [(call["at"] - NINE, call["status"], call["reason"]) for call in json.loads(row["calls"])] == [
        (0, 200, "answered"), (60, 200, "answered again"), (180, 200, "answered again"),
    ]  # fmt: skip
    assert (row["answered_at"], row["handed_over_at"]) == (NINE, NINE)


async def test_answer_that_nobody_waited_for_is_handed_over_later(store: Store) -> None:
    """G10: rules that outlived their call; the next call is the first that gets the answer."""
    await record(store, submission(arrival(), waited_for=False))
    (row,) = await rows(store)
    assert (row["answered_at"], row["handed_over_at"]) == (NINE, None)
    await record(store, entry(at=NINE + 60))
    await record(store, entry(at=NINE + 180))
    (row,) = await rows(store)
    assert row["handed_over_at"] == NINE + 60


async def test_repeat_reports_where_the_first_answer_did(store: Store) -> None:
    """G9 and G3: without those who have opted out since, an answer keeps its callback, whatever the file says now."""
    both = (Outgoing(US, (PHONE,), "For you."), Outgoing(US, (CUSTOMER,), "Thanks."))
    await record(store, submission(arrival(), answering(*both)))
    await record(store, stop(pair=Conversation(US, PHONE)))
    moved = replace(arrival(at=NINE + 60), callback=Callback("https://new.example.com/report", "GET"))
    assert await record(store, submission(moved)) == [answering(both[1]).xml]


@pytest.mark.parametrize("first", ["answer", "call"])
async def test_call_that_ended_while_its_answer_was_written_got_none(store: Store, first: str) -> None:
    """G10: a call that got 503 at the deadline is noted as 503, in either order; the next call gets the answer."""
    came = arrival()
    late = FailedCall(came, 503, "no answer within the deadline")
    if first == "answer":
        await record(store, submission(came))
        await store.journal.fail(late)
    else:
        await store.journal.fail(late)
        await record(store, submission(came))
    await record(store, entry(at=NINE + 60))
    (row,) = await rows(store)
    assert [(call["at"] - NINE, call["status"]) for call in json.loads(row["calls"])] == [(0, 503), (60, 200)]
    assert (row["state"], row["answered_at"], row["handed_over_at"]) == ("answered", NINE, NINE + 60)


async def test_reused_signature_leaves_no_row(store: Store) -> None:
    """G2: other words under an old signature are refused, alone, and nothing of them is remembered."""
    await record(store, entry(proofs=(proof("k", "a"),)))
    forged = entry("message-2", proofs=(proof("k", "b"),))
    honest = entry("message-3", proofs=(proof("l", "c"),))
    results = await asyncio.gather(*map(store.journal.record, (forged, honest)), return_exceptions=True)
    assert [type(one) for one in results] == [Reused, Recorded]
    assert [row["message_uuid"] for row in await rows(store)] == ["message-1", "message-3"]


async def test_forged_message_does_not_shadow_the_honest_one(store: Store) -> None:
    """A refused message of the same MessageUUID in the same group takes no part in who is first."""
    await record(store, entry(proofs=(proof("k", "a"),)))
    forged = entry("message-2", saying("forged"), proofs=(proof("k", "b"),))
    honest = entry("message-2", saying("honest"), proofs=(proof("l", "c"),))
    results = await asyncio.gather(*map(store.journal.record, (forged, honest)), return_exceptions=True)
    assert isinstance(results[0], Reused)
    assert isinstance(results[1], Recorded)
    assert results[1].xml == saying("honest").xml


async def test_answer_whose_retention_is_over_is_silence(store: Store, clock: Clock) -> None:
    """A call weeks after Plivo's last is told nothing, and the row stays as it is."""
    await record(store, entry())
    clock.advance(KEPT.keep_text + DAY)
    await swept(store)
    assert await record(store, entry(at=clock.now)) == [EMPTY]


# --- repeats after an opt-out (G9 over G3)


@pytest.mark.parametrize("together", [True, False])
async def test_repeat_after_stop_texts_nobody_who_said_it(store: Store, together: bool) -> None:  # noqa: FBT001
    """The pair itself: the repeat is silence; the confirmation of the very message that opted out is repeated."""
    groups = [[entry()], [stop()], [entry(), stop()]]
    if together:
        groups = [[entry(), stop(), entry(), stop()]]
    got = [xml for group in groups for xml in await record(store, *group)]
    assert [sent(xml) for xml in got] == [[(US, (CUSTOMER,))], [(US, (CUSTOMER,))], [], [(US, (CUSTOMER,))]]
    assert got[3] == got[1]
    assert {row["message_uuid"]: row["xml"] for row in await rows(store)} == {"message-1": got[0], "message-9": got[1]}


async def test_repeat_drops_only_the_message_to_whoever_opted_out(store: Store) -> None:
    """A forward whose recipient texted STOP: that `<Message>` goes, the customer's stays, byte for byte."""
    to_customer, forward = Outgoing(US, (CUSTOMER,), "A person will answer."), Outgoing(US, (PHONE,), "hello")
    case = submission(arrival(), answering(forward, to_customer))
    await record(store, case)
    await record(store, stop(pair=Conversation(US, PHONE)))
    assert await record(store, case) == [answering(to_customer).xml]


async def test_repeat_drops_one_of_several_recipients(store: Store) -> None:
    """A webhook's `to` with several numbers: only the one that opted out is no longer texted."""
    case = submission(arrival(), answering(Outgoing(US, (CUSTOMER, PHONE), "hello")))
    await record(store, case)
    await record(store, stop(pair=Conversation(US, PHONE)))
    assert sent((await record(store, case))[0]) == [(US, (CUSTOMER,))]


async def test_repeat_from_another_number_of_ours(store: Store) -> None:
    """A rule's `src`: the opt-out from that number counts, the one from the number that was texted does not."""
    case = submission(arrival(), answering(Outgoing(OTHER_NUMBER, (CUSTOMER,), "hello")))
    await record(store, case)
    await record(store, stop())
    assert sent((await record(store, case))[0]) == [(OTHER_NUMBER, (CUSTOMER,))]
    await record(store, stop("message-8", pair=Conversation(OTHER_NUMBER, CUSTOMER)))
    assert await record(store, case) == [EMPTY]


async def test_repeat_after_start_is_whole_again(store: Store) -> None:
    """START ends it: the answer is what it was, byte for byte."""
    await record(store, entry())
    await record(store, stop())
    back = answering(change=opted(out=False, message_uuid="message-8"))
    await record(store, submission(arrival("message-8", text="START"), back, back))
    assert await record(store, entry()) == [HELLO.xml]


async def test_opt_out_by_command_counts_for_repeats(store: Store) -> None:
    """An operator's opt-out, which no message made, leaves no confirmation to anybody."""
    await record(store, entry())
    change = opted(out=True, message_uuid=None, source="command")
    await store.change(people.change, people.Changes("ann", (change,)))
    assert await record(store, entry()) == [EMPTY]


async def test_clock_that_was_put_back_before_stop(store: Store, clock: Clock) -> None:
    """What counts is the order of arrival: a STOP that bears an earlier time than the message still ends it."""
    await record(store, entry(at=NINE))
    clock.advance(-3600)
    await record(store, stop(at=NINE - 3600))
    assert await record(store, entry(at=NINE - 3500)) == [EMPTY]
    back = answering(change=opted(out=False, at=NINE - 7200, message_uuid="message-8"))
    await record(store, submission(arrival("message-8", at=NINE - 7200, text="START"), back, back))
    assert await record(store, entry(at=NINE - 7100)) == [HELLO.xml]


async def test_forms_of_one_phone_are_one_person(store: Store) -> None:
    """STOP from 521.. ends answers to 52.., new and repeated, and they are written to the form that asked."""
    long, short = "5215512345678", "525512345678"
    first = submission(arrival("message-1", pair=Conversation(US, long)), answering(Outgoing(US, (long,), "hello")))
    assert sent((await record(store, first))[0]) == [(US, (long,))]
    await record(store, stop(pair=Conversation(US, short)))
    later = submission(arrival("message-2", pair=Conversation(US, long)), answering(Outgoing(US, (long,), "hello")))
    assert await record(store, first, later) == [EMPTY, EMPTY]
    assert {(row["sender"], row["person"]) for row in await rows(store)} == {(long, short), (short, short)}


def scoped(scope: Scope) -> Policies:
    """Two numbers of one route, one of another, and one of none."""
    routes = {US: "support", OTHER_NUMBER: "support", "33644600002": "sales"}
    policy = RoutePolicy(RouteOptOut(scope=scope))
    return Policies(policy, dict.fromkeys(routes.values(), policy), routes.get)


@pytest.mark.parametrize(("scope", "silent"), [("number", 1), ("route", 2), ("all", 4)])
async def test_stop_holds_for_the_scope(store: Store, scope: Scope, silent: int) -> None:
    """STOP to one number: the same number, its route, or all of ours text this person no more; others still do."""
    policies = scoped(scope)
    await record(store, stop(policies=policies))
    numbers = (US, OTHER_NUMBER, "33644600002", "33644600003")
    cases = [
        submission(
            arrival(f"message-{number}", pair=Conversation(number, CUSTOMER), policies=policies),
            answering(Outgoing(number, (CUSTOMER,), "hello")),
        )
        for number in numbers
    ]
    got = await record(store, *cases)
    assert [sent(xml) != [] for xml in got] == [False] * silent + [True] * (4 - silent)


async def test_each_change_of_an_opt_out_is_kept(store: Store) -> None:
    """The table is the evidence: who, when, by which message, word and signature; the newest row is in force."""
    await record(store, stop())
    async with store.engine.connect() as connection:
        found = (await connection.execute(sa.select(opt_outs))).mappings().one()
    assert dict(found) == {
        "id": 1, "number": US, "person": CUSTOMER, "opted_out": 1, "at": NINE + 1, "message_uuid": "message-9",
        "word": "STOP", "signed_by": "V3", "source": "message",
    }  # fmt: skip


async def test_large_group_is_recorded_whole(store: Store) -> None:
    """Two thousand people in one group: each row is there, and each repeat gets its own answer."""
    cases = [
        submission(
            arrival(f"message-{number}", pair=(pair := Conversation(US, f"337{number:08d}"))),
            answering(Outgoing(US, (pair.person,), "hello"), uuid=f"message-{number}"),
        )
        for number in range(2000)
    ]
    first = await record(store, *cases)
    assert len(set(first)) == len(await rows(store)) == 2000
    assert await record(store, *cases) == first


async def test_answer_and_opt_out_are_one_transaction(store: Store) -> None:
    """What breaks, breaks alone and whole; the message beside it is answered."""
    broken = stop("message-2")
    change = replace(broken.candidate.when_in, change=opted(out=True, word=None))  # a column that must not be NULL
    broken = replace(broken, candidate=replace(broken.candidate, when_in=change))
    results = await asyncio.gather(*map(store.journal.record, (entry("message-1"), broken)), return_exceptions=True)
    assert str(results[1]) in REFUSED
    assert [row["message_uuid"] for row in await rows(store)] == ["message-1"]


REFUSED = (  # in SQLite's and in PostgreSQL's codes
    "the store cannot write: the database refused the statement (SQLITE_CONSTRAINT_NOTNULL)",
    "the store cannot write: the database refused the statement (SQLSTATE 23502)",
)
