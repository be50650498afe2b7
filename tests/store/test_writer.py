"""Group commit (G5): durable before anybody is told, and one bad item fails alone."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.plivo.refusals import Unavailable
from app.store.driver import Connection
from app.store.sqlite import Sqlite
from app.store.statement import Statement
from app.store.writer import WAITING, Writer

notes = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.String, primary_key=True))
NOTE = Statement(sa.insert(notes).values(text=sa.bindparam("text")))


class Notes:
    """A verb that keeps the groups it was given; it writes nothing before it may."""

    def __init__(self) -> None:
        self.may_write = threading.Event()
        self.may_write.set()
        self.groups: list[list[str]] = []
        self.called = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def __call__(self, connection: Connection, texts: Sequence[str]) -> list[str | Exception]:
        """Writes each text down; "odd" is written and refused."""
        self.groups.append(list(texts))
        self._loop.call_soon_threadsafe(self.called.set)  # verbs run in the writer's thread
        self.may_write.wait(10)
        for text in texts:
            await connection.execute(NOTE, {"text": text})
        return [LookupError(text) if text == "odd" else text.upper() for text in texts]


async def breaking(_connection: Connection, _items: Sequence[str]) -> list[str]:
    """A verb with a fault, and with nothing to say about it."""
    raise ValueError


@pytest.fixture
async def thread(tmp_path: Path) -> AsyncIterator[Sqlite]:
    """A database with one table, whose writers wait for nobody longer than 20 ms."""
    thread = Sqlite(tmp_path / "notes.db", time.time)
    await thread.write(_impatient)
    await thread.transact(notes.create)
    yield thread
    await thread.close()


async def _impatient(connection: Connection) -> None:
    await connection.fetch(Statement(sa.text("PRAGMA busy_timeout=20")), {})


@asynccontextmanager
async def running(thread: Sqlite) -> AsyncIterator[Writer]:
    """A writer at work, closed at the end."""
    writer = Writer(thread.write)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        writer.close()
        await task


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process in the middle of a transaction."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def kept(path: Path) -> list[str]:
    """What is in the file, seen from outside."""
    other = sqlite3.connect(path)
    try:
        return [text for (text,) in other.execute("SELECT text FROM notes ORDER BY text")]
    finally:
        other.close()


async def test_result_comes_after_the_commit(thread: Sqlite, tmp_path: Path) -> None:
    """G5: when `submit` returns, another process can read what was written."""
    async with running(thread) as writer:
        assert await writer.submit(Notes(), "a") == "A"
        assert kept(tmp_path / "notes.db") == ["a"]


async def test_what_the_loop_has_received_joins_the_group(thread: Sqlite) -> None:
    """A caller that is ready two passes of the event loop later shares the group of the first."""
    verb = Notes()

    async def two_passes_later(writer: Writer) -> str:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await writer.submit(verb, "b")

    async with running(thread) as writer:
        await asyncio.gather(writer.submit(verb, "a"), two_passes_later(writer))
    assert verb.groups == [["a", "b"]]


async def test_what_arrives_during_a_commit_shares_the_next(thread: Sqlite) -> None:
    """Group commit: the first goes alone, all that came meanwhile go together, in order, none lingers."""
    verb = Notes()
    verb.may_write.clear()
    async with running(thread) as writer:
        first = asyncio.create_task(writer.submit(verb, "00"))
        await verb.called.wait()  # its transaction is under way
        rest = [asyncio.create_task(writer.submit(verb, f"{number:02}")) for number in range(1, 40)]
        await asyncio.sleep(0)
        verb.may_write.set()
        assert await asyncio.gather(first, *rest) == [f"{number:02}" for number in range(40)]
    assert verb.groups == [["00"], [f"{number:02}" for number in range(1, 40)]]


async def test_each_commit_is_told_with_its_size(thread: Sqlite, tmp_path: Path) -> None:
    """Whoever counts hears of each group that is durable, and of none that is not; `waiting` tells what is to come."""
    verb, told = Notes(), list[tuple[int, float]]()
    writer = Writer(thread.write, lambda size, seconds: told.append((size, seconds)))
    items = [asyncio.create_task(writer.submit(verb, f"{number:02}")) for number in range(7)]
    await asyncio.sleep(0)
    assert writer.waiting == 7
    task = asyncio.create_task(writer.run())
    await asyncio.gather(*items)
    with locked(tmp_path / "notes.db"), pytest.raises(Unavailable):
        await writer.submit(verb, "99")
    writer.close()
    await task
    assert (writer.waiting, [size for size, _ in told]) == (0, [7])
    assert 0 < told[0][1] < 60


async def test_verbs_of_one_group_share_a_transaction(thread: Sqlite) -> None:
    """Items of one verb go to the database as one set; each caller gets its own result."""
    one, other = Notes(), Notes()
    async with running(thread) as writer:
        submitted = [writer.submit(one, "a"), writer.submit(other, "b"), writer.submit(one, "c")]
        assert await asyncio.gather(*submitted) == ["A", "B", "C"]
    assert (one.groups, other.groups) == ([["a", "c"]], [["b"]])


async def test_result_that_is_an_exception_is_raised_to_its_caller_only(thread: Sqlite, tmp_path: Path) -> None:
    """A refusal is a result: the group stands."""
    verb = Notes()
    async with running(thread) as writer:
        results = await asyncio.gather(
            *(writer.submit(verb, text) for text in ("a", "odd", "b")), return_exceptions=True
        )
    assert [results[0], repr(results[1]), results[2]] == ["A", "LookupError('odd')", "B"]
    assert kept(tmp_path / "notes.db") == ["a", "b", "odd"]


async def test_one_bad_item_fails_alone(thread: Sqlite, tmp_path: Path) -> None:
    """A group that breaks is done again item by item; nothing of the broken try stays."""
    verb = Notes()
    async with running(thread) as writer:
        await writer.submit(verb, "b")
        results = await asyncio.gather(*(writer.submit(verb, text) for text in "abc"), return_exceptions=True)
    assert [results[0], results[2]] == ["A", "C"]
    assert isinstance(results[1], Unavailable)
    assert kept(tmp_path / "notes.db") == ["a", "b", "c"]


async def test_fault_without_words_ends_nothing(thread: Sqlite) -> None:
    """A verb that raises a bare exception costs its own caller an answer, not the service its writer."""
    verb = Notes()
    async with running(thread) as writer:
        results = await asyncio.gather(writer.submit(breaking, "x"), writer.submit(verb, "a"), return_exceptions=True)
        assert str(results[0]) == "the store cannot write: ValueError"
        assert results[1] == "A"
        assert await writer.submit(verb, "b") == "B"


async def test_refusal_shows_no_parameters(thread: Sqlite) -> None:
    """G12: what a caller and a log see of a database's error holds neither statement nor values."""
    async with running(thread) as writer:
        await writer.submit(Notes(), "secret words")
        with pytest.raises(Unavailable) as refused:
            await writer.submit(Notes(), "secret words")
    assert (
        str(refused.value)
        == "the store cannot write: the database refused the statement (SQLITE_CONSTRAINT_PRIMARYKEY)"
    )
    assert "secret" not in str(refused.value.__cause__)


async def test_store_that_cannot_write_tells_all_and_goes_on_afterwards(thread: Sqlite, tmp_path: Path) -> None:
    """G5: while the store cannot write everybody gets `Unavailable`; later it writes again."""
    verb = Notes()
    async with running(thread) as writer:
        with locked(tmp_path / "notes.db"):
            results = await asyncio.gather(*(writer.submit(verb, text) for text in "ab"), return_exceptions=True)
        assert [str(result) for result in results] == [
            "the store cannot write: another process holds the database locked"
        ] * 2
        assert all(isinstance(result, Unavailable) for result in results)
        assert await writer.submit(verb, "c") == "C"
    assert kept(tmp_path / "notes.db") == ["c"]


async def test_close_writes_what_waits_and_takes_no_more(thread: Sqlite, tmp_path: Path) -> None:
    """What was taken before `close` is durable; what comes after is refused at once."""
    verb = Notes()
    async with running(thread) as writer:
        waiting = [asyncio.create_task(writer.submit(verb, text)) for text in "abc"]
        await asyncio.sleep(0)
        writer.close()
        with pytest.raises(Unavailable, match="the store is closing"):
            await writer.submit(verb, "d")
        assert await asyncio.gather(*waiting) == ["A", "B", "C"]
    assert kept(tmp_path / "notes.db") == ["a", "b", "c"]


async def test_waiting_is_bounded(thread: Sqlite) -> None:
    """Past `WAITING` the next is refused at once instead of being answered after Plivo has hung up."""
    writer = Writer(thread.write)  # not running, so that all wait
    waiting = [asyncio.ensure_future(writer.submit(Notes(), "x")) for _ in range(WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="20000 writes are waiting"):
        await writer.submit(Notes(), "x")
    for future in waiting:
        future.cancel()
    await asyncio.wait(waiting)


async def test_cancelled_caller_harms_nobody(thread: Sqlite, tmp_path: Path) -> None:
    """A client that hangs up takes neither its group nor the writer with it."""
    verb = Notes()
    async with running(thread) as writer:
        tasks = [asyncio.create_task(writer.submit(verb, text)) for text in "abc"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        with suppress(asyncio.CancelledError):
            await tasks[1]
        assert [await tasks[0], await tasks[2]] == ["A", "C"]
        assert await writer.submit(verb, "d") == "D"
    assert kept(tmp_path / "notes.db") == ["a", "b", "c", "d"]


async def test_writer_that_ends_leaves_nobody_waiting(thread: Sqlite) -> None:
    """If the writer is ended from outside, those under way, those who wait and those who come get 503."""
    verb = Notes()
    verb.may_write.clear()
    writer = Writer(thread.write)
    task = asyncio.create_task(writer.run())
    under_way = asyncio.create_task(writer.submit(verb, "a"))
    await verb.called.wait()
    waiting = asyncio.create_task(writer.submit(verb, "b"))
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        results = await asyncio.gather(task, under_way, waiting, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, Unavailable, Unavailable]
        with pytest.raises(Unavailable):
            await writer.submit(verb, "c")
    verb.may_write.set()


@pytest.mark.parametrize("swapped", [False, True])
async def test_verbs_of_a_group_run_in_one_order_everywhere(swapped: bool) -> None:  # noqa: FBT001 - a parameter
    """Two replicas that write the same rows cannot cross: whichever came first, the verbs go by name."""
    ran: list[str] = []

    async def beat(_connection: Connection, items: Sequence[None]) -> list[None]:
        ran.append("beat")
        return list(items)

    async def record(_connection: Connection, items: Sequence[None]) -> list[None]:
        ran.append("record")
        return list(items)

    async def transact(work: Any) -> list[Any]:
        return list(await work(None))

    writer = Writer(transact)
    verbs = (record, beat) if swapped else (beat, record)
    calls = [asyncio.create_task(writer.submit(verb, None)) for verb in verbs]
    await asyncio.sleep(0)  # both wait for the same group
    running = asyncio.create_task(writer.run())
    await asyncio.gather(*calls)
    writer.close()
    await running
    assert ran == ["beat", "record"]
