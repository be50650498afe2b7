"""Open pages hear that something has changed, and nothing else."""

import asyncio

import pytest
from support.stored import arrival, entry, opted

from app.operations import changes
from app.operations.changes import Changes
from app.policies.usage import OptOutChange
from app.replies.journal import FailedCall
from app.store import Store
from app.store import people as stored
from app.store.people import Changes as PeopleChanges

POLL = 0.02


async def test_listener_hears_of_each_kind_of_change(store: Store) -> None:
    """A message, one that waits, and an opt-out by a command; silence in between."""
    listened = Changes(store, POLL)
    with listened.listening() as listener:
        assert not await listener.changed(5 * POLL)
        await store.journal.record(entry("one"))
        assert await listener.changed(5.0)
        assert not await listener.changed(5 * POLL)
        await store.journal.fail(FailedCall(arrival("two"), 503, "bot failed"))
        assert await listener.changed(5.0)
        change: OptOutChange = opted(out=True)
        await store.change(stored.change, PeopleChanges("me", (change,)))
        assert await listener.changed(5.0)


async def test_many_changes_are_one_for_a_slow_listener(store: Store) -> None:
    """Nobody waits for a page; it fetches everything anyway."""
    with Changes(store, POLL).listening() as slow:
        await asyncio.sleep(5 * POLL)
        for number in range(20):
            await store.journal.record(entry(f"message-{number}"))
        await asyncio.sleep(5 * POLL)
        assert await slow.changed(5.0)
        assert not await slow.changed(5 * POLL)


async def test_store_is_asked_only_while_somebody_listens(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all pages, not once for each."""
    asked = 0

    async def counting(engine: object) -> tuple[int, ...]:
        nonlocal asked
        del engine
        asked += 1
        return (0,)

    monkeypatch.setattr(changes, "mark", counting)
    listened = Changes(store, 0.5)
    with listened.listening(), listened.listening(), listened.listening():
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.6)
    assert asked == 1


async def test_listeners_are_bounded(store: Store) -> None:
    """Those that leave make room."""
    listened = Changes(store, POLL)
    held = [listened.listening() for _ in range(changes.LISTENERS)]
    for one in held:
        one.__enter__()
    assert listened.is_full
    for one in held:
        one.__exit__(None, None, None)
    assert not listened.is_full
