"""G2 in rows: a signature that was accepted for one content vouches for no other."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.stored import DAY, KEPT, Clock, arrival, entry, incoming, opened, opted, proof, submission, swept

from app.plivo.markup import EMPTY
from app.plivo.messages import Proof
from app.replies.journal import Recorded, Reused, Submission
from app.replies.proposals import REPLAYED, Proposal
from app.settings import StoreSettings
from app.store import Store, proofs, schema
from app.store.driver import Connection
from app.store.people import list_opt_outs

Wanted = list[tuple[Proof, ...]]


async def bind(store: Store, wanted: Wanted) -> list[bool]:
    """Whether each item was taken."""

    async def work(connection: Connection) -> list[Reused | None]:
        return await proofs.bind(connection, wanted)

    return [verdict is None for verdict in await store.database.write(work)]


async def kept(store: Store) -> list[bytes]:
    """The keys that are bound."""
    async with store.engine.connect() as connection:
        return list((await connection.execute(sa.select(schema.proofs.c.key).order_by("key"))).scalars())


def stop(uuid: str, *vouching: Proof) -> Submission:
    """A STOP that these proofs vouch for."""
    change = opted(out=True, message_uuid=uuid)
    return submission(arrival(uuid, text="STOP", proofs=vouching), Proposal("opt_out", "STOP", change=change))


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        pytest.param([()], [True], id="log-only: nothing to bind"),
        pytest.param([(proof("k", "a"),)], [True], id="first"),
        pytest.param([(proof("k", "a"),), (proof("k", "a"),)], [True, True], id="a repeat of the same content"),
        pytest.param([(proof("k", "a"),), (proof("k", "b"),)], [True, False], id="other content in the same group"),
        pytest.param([(proof("z", "a"),), (), (proof("k", "b"),)], [True, True, True], id="other keys"),
        pytest.param(
            [(proof("k2", "a"), proof("k3", "a")), (proof("k2", "a"), proof("k3", "b"))],
            [True, False],
            id="one of two families is enough to refuse",
        ),
    ],
)
async def test_key_stays_bound_to_its_first_value(store: Store, wanted: Wanted, taken: list[bool]) -> None:
    """The same key with another value is refused: in one group, and again in a later one."""
    assert await bind(store, wanted) == taken
    assert await bind(store, wanted) == taken


async def test_binding_outlives_the_process(path: Path, clock: Clock) -> None:
    """G2 holds across restarts."""
    async with opened(path, clock) as store:
        assert await bind(store, [(proof("k", "a"),)]) == [True]
    async with opened(path, clock) as store:
        assert await bind(store, [(proof("k", "b"),)]) == [False]
        assert await bind(store, [(proof("k", "a"),)]) == [True]


async def test_large_group_is_bound_whole(store: Store) -> None:
    """A full group, twice the writer's, fits in one statement set."""
    wanted: Wanted = [(proof(f"v2-{number}", "a"), proof(f"v3-{number}", "a")) for number in range(4000)]
    assert all(await bind(store, wanted))
    assert all(await bind(store, wanted))
    assert not any(await bind(store, [(proof(f"v3-{number}", "b"),) for number in range(4000)]))


async def test_messages_and_reports_share_the_bindings(store: Store) -> None:
    """A signature of one endpoint is none for the other content, whichever endpoint it is sent to."""
    await store.journal.record(entry(proofs=(proof("k", "a"),)))
    with pytest.raises(Reused):
        await store.queue.accept(incoming(proofs=(proof("k", "b"),)))
    await store.queue.accept(incoming(proofs=(proof("l", "a"),)))
    with pytest.raises(Reused):
        await store.journal.record(entry("message-2", proofs=(proof("l", "b"),)))


async def test_binding_is_kept_as_long_as_answers(store: Store, clock: Clock) -> None:
    """At the end of `keep` the key goes with the answer, and not before, however short `keep_text` is."""
    keep = StoreSettings(keep=2 * DAY, keep_text=0.0)
    await store.journal.record(entry(proofs=(proof("k", "a"),)))
    clock.advance(2 * DAY - 1)
    await swept(store, keep)
    assert await bind(store, [(proof("k", "b"),)]) == [False]
    clock.advance(2)
    await swept(store, keep)
    assert await bind(store, [(proof("k", "b"),)]) == [True]


@pytest.mark.parametrize("claimed", [False, True])
async def test_what_vouches_for_an_opt_out_outlives_retention(store: Store, clock: Clock, claimed: bool) -> None:  # noqa: FBT001
    """G9: an old signed START can never be sent again to end a newer opt-out, long after `keep`."""
    await store.journal.record(entry(proofs=(proof("ordinary", "a"),)))
    if claimed:
        await bind(store, [(proof("v2", "a"), proof("v3", "a"))])
    await store.journal.record(replace(stop("message-9", proof("v2", "a"), proof("v3", "a")), claimed=claimed))
    clock.advance(KEPT.keep + DAY)
    while (await swept(store)).more:
        pass
    assert await kept(store) == [b"v2", b"v3"]
    assert await bind(store, [(proof("v3", "b"),)]) == [False]


async def test_stop_that_changes_nothing_vouches_for_nothing(store: Store, clock: Clock) -> None:
    """A second STOP makes no change, so what signed it goes as any other."""
    await store.journal.record(stop("message-9", proof("first", "a")))
    await store.journal.record(stop("message-10", proof("second", "a")))
    clock.advance(KEPT.keep + DAY)
    await swept(store)
    assert await kept(store) == [b"first"]


@pytest.mark.parametrize("value", ["a", "b"])
async def test_start_of_long_ago_ends_no_newer_opt_out(store: Store, clock: Clock, value: str) -> None:
    """G9: STOP, START, STOP, and after `keep` the captured START again, as it was or with another MessageUUID."""
    start = Proposal("opt_out", "START", change=opted(out=False, message_uuid="message-1"))
    began = submission(arrival("message-1", text="START", proofs=(proof("k", "a"),)), start, start)
    await store.journal.record(stop("message-9", proof("j", "a")))
    await store.journal.record(began)
    await store.journal.record(stop("message-10", proof("l", "a")))
    clock.advance(KEPT.keep + DAY)
    await swept(store)
    uuid = "message-1" if value == "a" else "message-2"
    replayed = submission(arrival(uuid, at=clock.now, text="START", proofs=(proof("k", value),)), start, start)
    (got,) = await asyncio.gather(store.journal.record(replayed), return_exceptions=True)
    assert got == Recorded(EMPTY, REPLAYED) if value == "a" else isinstance(got, Reused)
    (row,) = await list_opt_outs(store.engine, None, ended=False)
    assert row.message_uuid == "message-10"
