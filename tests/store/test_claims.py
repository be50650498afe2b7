"""Claims: one owner a message, for a while. A crash never turns an answer into silence (G3 and G4)."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import (
    CUSTOMER,
    HELLO,
    NINE,
    PAIR,
    SILENCE,
    US,
    Clock,
    arrival,
    claim,
    entry,
    opened,
    opted,
    proof,
    submission,
)  # fmt: skip

from app.plivo.markup import EMPTY
from app.plivo.messages import Outgoing, Proof
from app.policies.usage import Conversation, OptOutState, PastReply
from app.replies.journal import Claimed, ClaimRequest, FailedCall, Held, Recorded, Reused
from app.replies.proposals import Proposal
from app.rules.outcome import Use
from app.store import Store, people
from app.store.schema import messages

SECONDS = 60.0


def request(uuid: str = "message-1", owner: str = "here", *proofs: Proof, at: float = NINE) -> ClaimRequest:
    """A message that `owner` wants to answer."""
    return claim(arrival(uuid, at=at, proofs=proofs), owner, SECONDS)


def failed(uuid: str = "message-1", *, at: float = NINE, rules: bool = True, ends: bool = True) -> FailedCall:
    """A call on which a rule failed and nothing answered."""
    return FailedCall(arrival(uuid, at=at), 503, "bot failed: status 500", rules, ends)


async def rows(store: Store) -> list[dict[str, Any]]:
    """Every message, in order of arrival."""
    async with store.engine.connect() as connection:
        found = (await connection.execute(sa.select(messages).order_by(messages.c.id))).mappings()
        return [dict(row) for row in found]


async def test_one_owner_a_message(store: Store) -> None:
    """The first has it, and may claim it again: it knows best what it does. Everybody else learns that it is held."""
    assert isinstance(await store.journal.claim(request()), Claimed)
    assert isinstance(await store.journal.claim(request(owner="elsewhere")), Held)
    assert isinstance(await store.journal.claim(request()), Claimed)
    assert isinstance(await store.journal.claim(request(owner="elsewhere")), Held)
    assert isinstance(await store.journal.claim(request("message-2", "elsewhere")), Claimed)


async def test_one_owner_in_one_group(store: Store) -> None:
    """Of fifty that come in one commit, one has it; the message has one row."""
    got = await asyncio.gather(*(store.journal.claim(request(owner=f"owner-{number}")) for number in range(50)))
    assert Counter(type(one) for one in got) == {Claimed: 1, Held: 49}
    assert len(await rows(store)) == 1


async def test_claimed_message_has_a_row_from_its_first_call(store: Store) -> None:
    """G10: while its rules run the message is there, pending, with whoever asks them and until when."""
    await store.journal.claim(request())
    (row,) = await rows(store)
    told = {name: row[name] for name in ("state", "reason", "owner", "claimed_until", "text", "xml", "counted")}
    assert told == {
        "state": "pending",
        "reason": "its rules are being asked",
        "owner": "here",
        "claimed_until": NINE + SECONDS,
        "text": "hello",
        "xml": b"",
        "counted": 0,
    }


async def test_answered_message_is_not_claimed(store: Store) -> None:
    """G3: who wants to answer what is answered gets the answer, byte for byte, and the call is noted."""
    await store.journal.record(entry())
    assert await store.journal.claim(request(at=NINE + 60)) == Recorded(HELLO.xml)
    (row,) = await rows(store)
    assert (row["state"], row["owner"], len(json.loads(row["calls"]))) == ("answered", None, 2)


async def test_claim_after_a_stop_gets_silence(store: Store) -> None:
    """G9 before G3: a repeat that asks for a claim texts nobody who has opted out since."""
    await store.journal.record(entry())
    await store.change(people.change, people.Changes("ann", (opted(out=True),)))
    assert await store.journal.claim(request()) == Recorded(HELLO.xml)  # of the very message that opted out
    await store.change(people.change, people.Changes("ann", (opted(out=False),)))
    await store.change(people.change, people.Changes("ann", (opted(out=True, message_uuid="message-2"),)))
    assert await store.journal.claim(request()) == Recorded(EMPTY)


async def test_record_answers_the_claimed_row(store: Store) -> None:
    """An answer ends the claim in its own transaction, in the same row; others' claims stay."""
    await store.journal.claim(request())
    await store.journal.claim(request("message-2"))
    got = await store.journal.record(submission(arrival(), claimed=True))
    assert got == Recorded(HELLO.xml, HELLO)
    first, second = await rows(store)
    assert (first["state"], first["owner"], first["claimed_until"]) == ("answered", None, None)
    assert (second["state"], second["owner"]) == ("pending", "here")
    assert (first["counted"], first["rule"], first["answered_at"], first["handed_over_at"]) == (1, "ack", NINE, NINE)
    assert json.loads(first["calls"]) == [{"at": NINE, "status": 200, "reason": "answered"}]
    assert await store.journal.claim(request(owner="elsewhere")) == Recorded(HELLO.xml)


async def test_claim_runs_out(store: Store, clock: Clock) -> None:
    """After its time a claim is free, whoever had it; the new owner has it for as long again."""
    await store.journal.claim(request())
    clock.advance(SECONDS - 0.1)
    assert isinstance(await store.journal.claim(request(owner="elsewhere")), Held)
    clock.advance(0.1)
    assert isinstance(await store.journal.claim(request(owner="elsewhere")), Claimed)
    clock.advance(SECONDS - 0.1)
    assert isinstance(await store.journal.claim(request()), Held)


async def test_late_owner_does_not_replace_an_answer(store: Store, clock: Clock) -> None:
    """Whose claim ran out and who records after the next owner gets the next owner's answer."""
    await store.journal.claim(request())
    clock.advance(SECONDS)
    await store.journal.claim(request(owner="elsewhere"))
    elsewhere = await store.journal.record(submission(arrival(), claimed=True))
    assert await store.journal.record(submission(arrival(), SILENCE, claimed=True)) == Recorded(elsewhere.xml)


async def test_claim_outlives_a_crash_until_the_start_releases_it(path: Path, clock: Clock) -> None:
    """A sole server that starts frees what the process before it held, and nothing else is lost."""
    async with opened(path, clock) as store:
        await store.journal.claim(request())
        assert await store.journal.fail(failed("message-2")) == 1
    async with opened(path, clock) as store:
        assert isinstance(await store.journal.claim(request(owner="next")), Held)
        await store.journal.release("")
        assert isinstance(await store.journal.claim(request(owner="next")), Claimed)
        assert await store.journal.fail(failed("message-2")) == 2


async def test_release_frees_one_owner(store: Store) -> None:
    """A process that stops frees its own claims; another replica's stay, and so does what is answered."""
    await store.journal.claim(request("message-1", "here"))
    await store.journal.claim(request("message-2", "elsewhere"))
    await store.journal.record(entry("message-3"))
    await store.journal.release("here")
    assert isinstance(await store.journal.claim(request("message-1", "third")), Claimed)
    assert isinstance(await store.journal.claim(request("message-2", "third")), Held)
    assert await store.journal.claim(request("message-3", "third")) == Recorded(HELLO.xml)


async def test_failures_are_counted_and_free_the_claim(store: Store) -> None:
    """G4: each failure counts, also over claims, releases and in one group; the next call may claim at once."""
    for count in (1, 2, 3):
        assert isinstance(await store.journal.claim(request(owner=f"owner {count}")), Claimed)
        assert await store.journal.fail(failed(at=NINE + count)) == count
    await store.journal.release("")
    assert sorted(await asyncio.gather(*(store.journal.fail(failed()) for _ in range(2)))) == [4, 5]
    assert await store.journal.fail(failed("message-2")) == 1


async def test_failed_call_tells_why(store: Store) -> None:
    """G10: a message whose rules failed is pending, with the reason and each call; then the answer's reason counts."""
    await store.journal.claim(request())
    steps = '[{"rule": "bot", "verdict": "fails", "reason": "status 500"}]'
    await store.journal.fail(replace(failed(), steps=steps))
    await store.journal.fail(failed(rules=False))  # of a call that asked no rules
    (row,) = await rows(store)
    assert (row["state"], row["reason"], row["failures"]) == ("pending", "bot failed: status 500", 1)
    assert row["steps"] == steps
    await store.journal.record(submission(arrival(at=NINE + 60), claimed=True))
    (row,) = await rows(store)
    assert (row["state"], row["reason"], row["answered_at"]) == ("answered", "fixed text", NINE + 60)
    assert [(call["at"] - NINE, call["status"], call["reason"]) for call in json.loads(row["calls"])] == [
        *[(0, 503, "bot failed: status 500")] * 2, (60, 200, "answered"),
    ]  # fmt: skip


async def test_call_that_hung_up_is_noted_and_keeps_the_claim(store: Store) -> None:
    """G4: past the deadline a call gets 503 while the rules go on: no failure of theirs, and nobody else may ask."""
    await store.journal.claim(request())
    assert await store.journal.fail(failed(rules=False, ends=False)) == 0
    assert isinstance(await store.journal.claim(request(owner="elsewhere")), Held)
    (row,) = await rows(store)
    assert [call["status"] for call in json.loads(row["calls"])] == [503]


async def test_failure_after_an_answer_changes_nothing(store: Store) -> None:
    """Who fails after somebody else has answered does not take the answer away."""
    await store.journal.record(entry())
    await store.journal.fail(failed())
    assert await store.journal.claim(request()) == Recorded(HELLO.xml)
    assert (await rows(store))[0]["reason"] == "fixed text"


async def test_claim_binds_its_proofs(store: Store) -> None:
    """G2 holds from the claim on: other words under that signature are refused everywhere, and claim nothing."""
    await store.journal.claim(request("message-1", "here", proof("k", "a")))
    with pytest.raises(Reused):
        await store.journal.claim(request("message-2", "here", proof("k", "b")))
    with pytest.raises(Reused):
        await store.journal.record(entry("message-2", proofs=(proof("k", "b"),)))
    with pytest.raises(Reused):
        await store.journal.claim(request("message-1", "here", proof("k", "b")))
    assert [row["message_uuid"] for row in await rows(store)] == ["message-1"]
    assert isinstance(await store.journal.claim(request("message-1", "elsewhere", proof("k", "a"))), Held)


async def test_forged_request_in_a_group_takes_nothing(store: Store) -> None:
    """A reused signature in front of the honest copy neither claims the message nor makes its row."""
    await store.journal.record(entry("message-9", proofs=(proof("k", "a"),)))
    forged = claim(arrival("message-1", text="forged", proofs=(proof("k", "b"),)))
    honest = claim(arrival("message-1", text="honest", proofs=(proof("l", "c"),)))
    got = await asyncio.gather(*map(store.journal.claim, (forged, honest)), return_exceptions=True)
    assert [type(one) for one in got] == [Reused, Claimed]
    assert [row["text"] for row in await rows(store)] == ["hello", "honest"]


async def test_claim_tells_what_is_remembered(store: Store) -> None:
    """The rules of a claimed message are asked knowing what the person has had already, and whether they opted out."""
    text = Outgoing(US, (CUSTOMER,), "Hello.")
    used = Proposal("menu", "keyword", messages=(text,), xml=HELLO.xml, units=2, uses=(Use("menu", 60.0),))
    await store.journal.record(entry("message-1", used))
    await store.change(people.change, people.Changes("ann", (opted(out=True, message_uuid=None),)))
    got = await store.journal.claim(request("message-2"))
    assert isinstance(got, Claimed)
    ((reply,),) = got.usage.replies.values()
    assert reply == PastReply(NINE, reply.text_key)
    assert dict(got.usage.cooldowns_of(PAIR)) == {"menu": NINE}
    assert list(got.usage.spent.values()) == [2]
    assert got.usage.opt_outs == {CUSTOMER: {US: OptOutState(True, None, 1)}}


async def test_group_of_claims_failures_and_answers(store: Store) -> None:
    """All verbs in one commit, over many people: each gets its own result, in the fixed order of the verbs."""
    pairs = [Conversation(US, f"3370000{number:04}") for number in range(100)]
    came = [arrival(f"message-{number}", pair=pair) for number, pair in enumerate(pairs)]
    verdicts = await asyncio.gather(
        *(store.journal.claim(claim(one)) for one in came),
        *(store.journal.record(submission(one, claimed=True)) for one in came[50:]),
        *(store.journal.fail(FailedCall(one, 503, "bot failed", True, True)) for one in came[:50]),
    )
    assert [type(one) for one in verdicts] == [Claimed] * 100 + [Recorded] * 50 + [int] * 50
    states = [(row["state"], row["failures"]) for row in await rows(store)]
    assert sorted(states) == [("answered", 0)] * 50 + [("pending", 1)] * 50
