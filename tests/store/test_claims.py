"""Claims: one owner a message, for a while. A crash never turns an answer into silence (G3 and G4)."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import CUSTOMER, NINE, US, Clock, entry, opened, proof, used

from app.policies.ledger import Answered, Claimed, Held, Memory, Pair, Proof, Recall, Reused, Wish
from app.store import Store
from app.store.schema import claims

SECONDS = 60.0


def wish(uuid: str = "message-1", owner: str = "here", *proofs: Proof) -> Wish:
    """A message that `owner` wants to decide."""
    return Wish(uuid, owner, SECONDS, Recall(NINE, Pair(US, CUSTOMER), window=3600.0), proofs)


async def held(store: Store) -> list[dict[str, Any]]:
    """The claims as they stand."""
    async with store.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(sa.select(claims))).mappings()]


async def test_one_owner_a_message(store: Store) -> None:
    """The first has it, and may claim it again: it knows best what it does. Everybody else learns that it is held."""
    assert isinstance(await store.ledger.claim(wish()), Claimed)
    assert isinstance(await store.ledger.claim(wish(owner="elsewhere")), Held)
    assert isinstance(await store.ledger.claim(wish()), Claimed)
    assert isinstance(await store.ledger.claim(wish(owner="elsewhere")), Held)
    assert isinstance(await store.ledger.claim(wish("message-2", "elsewhere")), Claimed)


async def test_one_owner_in_one_group(store: Store) -> None:
    """Of fifty that come in one commit, one has it."""
    got = await asyncio.gather(*(store.ledger.claim(wish(owner=f"owner-{number}")) for number in range(50)))
    assert Counter(type(one) for one in got) == {Claimed: 1, Held: 49}


async def test_answered_message_is_not_claimed(store: Store) -> None:
    """G3: who wants to decide what is decided gets the answer, byte for byte."""
    await store.ledger.record(entry(xml=b"<first/>"))
    assert await store.ledger.claim(wish()) == Answered(b"<first/>")
    assert await held(store) == []


async def test_record_ends_the_claim(store: Store) -> None:
    """An answer ends the claim in its own transaction; others' claims stay."""
    await store.ledger.claim(wish())
    await store.ledger.claim(wish("message-2"))
    await store.ledger.record(entry())
    assert [row["message_uuid"] for row in await held(store)] == ["message-2"]
    assert await store.ledger.claim(wish(owner="elsewhere")) == Answered(b"<Response/>")


async def test_claim_runs_out(store: Store, clock: Clock) -> None:
    """After its time a claim is free, whoever had it; the new owner has it for as long again."""
    await store.ledger.claim(wish())
    clock.advance(SECONDS - 0.1)
    assert isinstance(await store.ledger.claim(wish(owner="elsewhere")), Held)
    clock.advance(0.1)
    assert isinstance(await store.ledger.claim(wish(owner="elsewhere")), Claimed)
    clock.advance(SECONDS - 0.1)
    assert isinstance(await store.ledger.claim(wish()), Held)


async def test_late_owner_does_not_replace_an_answer(store: Store, clock: Clock) -> None:
    """Whose claim ran out and who records after the next owner gets the next owner's answer."""
    await store.ledger.claim(wish())
    clock.advance(SECONDS)
    await store.ledger.claim(wish(owner="elsewhere"))
    assert await store.ledger.record(used(1, xml=b"<elsewhere/>")) == b"<elsewhere/>"
    assert await store.ledger.record(used(1, xml=b"<here/>")) == b"<elsewhere/>"
    assert await held(store) == []


async def test_claim_outlives_a_crash_until_the_start_releases_it(path: Path, clock: Clock) -> None:
    """A sole server that starts frees what the process before it held, and nothing else is lost."""
    async with opened(path, clock) as store:
        await store.ledger.claim(wish())
        assert await store.ledger.fail("message-2") == 1
    async with opened(path, clock) as store:
        assert isinstance(await store.ledger.claim(wish(owner="next")), Held)
        await store.ledger.release("")
        assert isinstance(await store.ledger.claim(wish(owner="next")), Claimed)
        assert await store.ledger.fail("message-2") == 2


async def test_release_frees_one_owner(store: Store) -> None:
    """A process that stops frees its own claims; another replica's stay."""
    await store.ledger.claim(wish("message-1", "here"))
    await store.ledger.claim(wish("message-2", "elsewhere"))
    await store.ledger.release("here")
    assert isinstance(await store.ledger.claim(wish("message-1", "third")), Claimed)
    assert isinstance(await store.ledger.claim(wish("message-2", "third")), Held)


async def test_failures_are_counted_and_free_the_claim(store: Store) -> None:
    """G4: each failure counts, also over claims, releases and in one group; the next call may claim at once."""
    for count in (1, 2, 3):
        assert isinstance(await store.ledger.claim(wish()), Claimed)
        assert await store.ledger.fail("message-1") == count
    await store.ledger.release("")
    assert sorted(await asyncio.gather(*(store.ledger.fail("message-1") for _ in range(2)))) == [4, 5]
    assert await store.ledger.fail("message-2") == 1


async def test_failure_after_an_answer_changes_nothing(store: Store) -> None:
    """Who fails after somebody else has answered does not take the answer away."""
    await store.ledger.record(entry(xml=b"<first/>"))
    await store.ledger.fail("message-1")
    assert await store.ledger.claim(wish()) == Answered(b"<first/>")
    assert await store.ledger.record(used(1, xml=b"<silence/>")) == b"<first/>"
    assert await held(store) == []


async def test_claim_binds_its_proofs(store: Store) -> None:
    """G2 holds from the claim on: other words under that signature are refused everywhere, and claim nothing."""
    await store.ledger.claim(wish("message-1", "here", proof("k", "a")))
    with pytest.raises(Reused):
        await store.ledger.claim(wish("message-2", "here", proof("k", "b")))
    with pytest.raises(Reused):
        await store.ledger.record(entry(message_uuid="message-2", proofs=(proof("k", "b"),)))
    with pytest.raises(Reused):
        await store.ledger.claim(wish("message-1", "here", proof("k", "b")))
    assert [row["message_uuid"] for row in await held(store)] == ["message-1"]
    assert isinstance(await store.ledger.claim(wish("message-1", "elsewhere", proof("k", "a"))), Held)


async def test_forged_wish_in_a_group_takes_nothing(store: Store) -> None:
    """A reused signature in front of the honest copy does not keep it from being decided."""
    await store.ledger.record(entry(message_uuid="message-9", proofs=(proof("k", "a"),)))
    forged = store.ledger.claim(wish("message-1", "here", proof("k", "b")))
    honest = store.ledger.claim(wish("message-1", "here", proof("l", "c")))
    got = await asyncio.gather(forged, honest, return_exceptions=True)
    assert [type(one) for one in got] == [Reused, Claimed]


async def test_claim_tells_what_is_remembered(store: Store) -> None:
    """The rules of a claimed message are asked knowing what the person has had already."""
    await store.ledger.record(used(1))
    assert await store.ledger.claim(wish("message-2")) == Claimed(
        Memory(replies=((NINE, "hello"),), cooldowns={"menu": NINE})
    )
