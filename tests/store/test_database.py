"""One process serves a store; commands work beside it; a store that cannot be opened says why."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.stored import Clock, entry, incoming, opened, stored_at

from app.plivo.refusals import Unavailable
from app.store import BrokenStore, Store, StoreInUse, open_store
from app.store.database import readers
from app.store.queries import history


async def test_second_server_is_refused(path: Path, clock: Clock) -> None:
    """Two serving processes would each answer from their own memory: the second is told who is there."""
    async with opened(path, clock):
        with pytest.raises(StoreInUse, match="is served by another process; stop that one"):
            async with opened(path, clock):
                pass
    async with opened(path, clock):
        pass  # the first has gone


async def test_command_works_beside_the_server(path: Path, clock: Clock) -> None:
    """Both write; each sees what the other has committed, at once."""
    async with opened(path, clock) as server, opened(path, clock, serving=False) as command:
        await asyncio.gather(
            *(server.journal.record(entry(f"server-{number}")) for number in range(20)),
            *(command.journal.record(entry(f"command-{number}")) for number in range(20)),
        )
        for store, uuid in ((server, "command-19"), (command, "server-19")):
            found, _ = await history(store.engine, uuid, 1)
            assert [row.message_uuid for row in found] == [uuid]


SERVE = """
import asyncio, sys
from app.settings import StoreSettings
from app.store import StoreInUse, open_store
async def main():
    async with open_store(StoreSettings(f"sqlite:///{sys.argv[1]}", 86400.0, 0.0), serving=True):
        pass
try:
    asyncio.run(main())
except StoreInUse:
    print("in use")
"""


async def test_lock_holds_between_processes(store: Store, path: Path) -> None:
    """The lock is the kernel's: another process sees it, and it goes with whoever held it."""
    assert store.engine is not None
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", SERVE, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "in use"


async def test_missing_folder_is_made(tmp_path: Path, clock: Clock) -> None:
    """A first start needs no preparation."""
    path = tmp_path / "data" / "deep" / "autoreply.db"
    async with opened(path, clock) as store:
        await store.check()
    assert path.is_file()


ADVICE = "check that the folder exists, is writable and is on a local disk"


@pytest.mark.parametrize("serving", [True, False])
async def test_folder_that_cannot_be_is_broken(tmp_path: Path, clock: Clock, serving: bool) -> None:  # noqa: FBT001
    """Where a file stands no folder can be: `BrokenStore` with the path and advice, no traceback of a database."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(BrokenStore, match=ADVICE) as broken:
        async with opened(tmp_path / "data" / "autoreply.db", clock, serving=serving):
            pass
    assert str(tmp_path / "data" / "autoreply.db") in str(broken.value)


async def test_store_that_is_a_folder_is_broken(path: Path, clock: Clock) -> None:
    """A mount in the wrong place: what is there, and advice."""
    await asyncio.to_thread(path.mkdir)
    async with no_thread_left():
        with pytest.raises(BrokenStore, match=f"Is a directory; {ADVICE}"):
            async with opened(path, clock):
                pass
        with pytest.raises(BrokenStore, match=f"the file cannot be opened; {ADVICE}"):
            async with opened(path, clock, serving=False):
                pass


@asynccontextmanager
async def no_thread_left() -> AsyncIterator[None]:
    """Every thread that was started in it ends. aiosqlite's says farewell to the loop, which must still be there."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.endswith("(_connection_worker_thread)"):
            await asyncio.to_thread(thread.join, 5.0)
            assert not thread.is_alive()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_folder_that_is_not_writable_is_broken(tmp_path: Path, clock: Clock) -> None:
    """The usual fault of a container's volume is told with advice."""
    await asyncio.to_thread(tmp_path.chmod, 0o500)
    try:
        with pytest.raises(BrokenStore, match=ADVICE):
            async with open_store(stored_at(tmp_path / "autoreply.db"), serving=True, clock=clock):
                pass
    finally:
        await asyncio.to_thread(tmp_path.chmod, 0o700)


async def test_corrupt_file_is_broken_and_left_alone(path: Path, clock: Clock) -> None:
    """What is no database is not made one; nothing stays open behind the refusal."""
    before = b"this is no database. " * 500
    await asyncio.to_thread(path.write_bytes, before)
    async with no_thread_left():
        with pytest.raises(BrokenStore, match="the file is not a SQLite database"):
            async with opened(path, clock):
                pass
        assert await asyncio.to_thread(path.read_bytes) == before
        with pytest.raises(BrokenStore):  # and not StoreInUse: the lock is free again
            async with opened(path, clock):
                pass


@pytest.mark.usefixtures("path")  # says it in SQLite's words
async def test_store_is_durable_by_its_settings(store: Store) -> None:
    """G5: WAL with synchronous=FULL (2) survives a power cut; foreign keys hold on every connection."""
    async with store.engine.connect() as connection:
        pragmas = [
            (await connection.execute(sa.text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 1, 5000]


async def test_readers_wait_for_no_writer(store: Store, path: Path) -> None:
    """A snapshot is read while another process is in the middle of a transaction."""
    await store.journal.record(entry())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(2), readers(store.engine).connect() as connection:
            found = await connection.execute(sa.text("SELECT message_uuid FROM messages"))
            assert found.scalars().all() == ["message-1"]
    finally:
        other.close()


async def test_check_says_when_the_store_cannot_write(store: Store) -> None:
    """/ready asks for a real write: a store that only reads is not ready."""
    await store.check()
    async with store.engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE heartbeat"))
    with pytest.raises(Unavailable):
        await store.check()


async def test_closed_store_takes_nothing(path: Path, clock: Clock) -> None:
    """After the store has closed a late caller is refused at once; its tasks have ended."""
    async with opened(path, clock) as store:
        pass
    assert all(task.done() for task in store.tasks)
    with pytest.raises(Unavailable):
        await store.queue.accept(incoming())
