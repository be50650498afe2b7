"""`copy`: a whole store into another, whatever its tables are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import URL
from support import postgres
from support.stored import DAY, NINE, Clock, entry, incoming, opened, proof, stored_at, swept

from app.delivery.queue import StoredReport
from app.store import BrokenStore, open_store
from app.store.instances import StoredInstances
from app.store.schema import metadata
from app.store.transfer import BATCH, copy

Rows = dict[str, list[tuple[Any, ...]]]
MOVES = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite")]
COUNTED = {"deliveries": {"due_at", "lease"}}  # what the copy sets: nobody holds it any more


@asynccontextmanager
async def _place(kind: str, template: str, path: Path) -> AsyncIterator[Path | URL]:
    if kind == "sqlite":
        yield path
        return
    async with postgres.database(template) as where:
        yield where


def _value(column: sa.Column[Any], number: int) -> Any:
    """Something of the column's type; a reference finds its row."""
    for key in column.foreign_keys:
        column = key.column
    kind = column.type.python_type
    makers: dict[type, Any] = {
        str: f"{column.name} {number} é",
        bytes: b"\x00\xff%d" % number,
        int: number,
        float: NINE + number / 7,
        bool: True,
    }
    return makers[kind]


def _fill(connection: sa.Connection, rows: int) -> None:
    for table in metadata.sorted_tables:
        values = [{column.name: _value(column, number) for column in table.columns} for number in range(1, rows + 1)]
        connection.execute(sa.insert(table), values)


def _read(connection: sa.Connection) -> Rows:
    found: Rows = {}
    for table in metadata.sorted_tables:
        if table.name in ("heartbeat", "instances"):
            continue
        columns = [column for column in table.columns if column.name not in COUNTED.get(table.name, ())]
        query = sa.select(*columns).order_by(*table.primary_key.columns)
        found[table.name] = [tuple(row) for row in connection.execute(query)]
    return found


async def _rows(where: Path | URL) -> Rows:
    async with open_store(stored_at(where), serving=False) as store, store.engine.connect() as connection:
        return await connection.run_sync(_read)


async def _filled(where: Path | URL, rows: int) -> Rows:
    async with open_store(stored_at(where), serving=False) as store, store.engine.begin() as connection:
        await connection.run_sync(_fill, rows)
    return await _rows(where)


async def _copy(source: Path | URL, destination: Path | URL) -> dict[str, int]:
    told: dict[str, int] = {}
    await copy(stored_at(source), stored_at(destination), "anna", told.__setitem__)
    return told


@pytest.mark.parametrize(("old", "new"), MOVES)
async def test_every_row_of_every_table_arrives(old: str, new: str, template: str, tmp_path: Path) -> None:
    """Whatever the tables are, now and later: more than a batch of each is there afterwards, with a trace of who."""
    async with (
        _place(old, template, tmp_path / "old.db") as source,
        _place(new, template, tmp_path / "new.db") as place,
    ):
        before = await _filled(source, BATCH + 1)
        told = await _copy(source, place)
        after = await _rows(place)
        assert await _rows(source) == before
    assert set(told.values()) == {BATCH + 1}
    assert told.keys() == before.keys()
    trace = after["actions"].pop()
    assert trace[2] == "anna"
    assert trace[3].startswith(f"copy from {source if isinstance(source, Path) else 'postgresql'}")
    assert after == before


@pytest.mark.parametrize(("old", "new"), MOVES)
async def test_new_rows_get_fresh_ids(old: str, new: str, template: str, tmp_path: Path) -> None:
    """PostgreSQL's sequences go on behind the highest id; what the old server had leased is due now."""
    async with (
        _place(old, template, tmp_path / "old.db") as source,
        _place(new, template, tmp_path / "new.db") as place,
    ):
        async with open_store(stored_at(source), serving=False) as store:
            for number in range(1, 4):
                await store.queue.accept(incoming(number))
            leased = await store.queue.lease("crm", 2, 3600.0)
        assert len(leased) == 2
        await _copy(source, place)
        async with open_store(stored_at(place), serving=True) as store:
            await store.queue.accept(incoming(4))
            got = await store.queue.lease("crm", 10, 60.0)
    assert sorted(delivery.id for delivery in got) == [1, 2, 3, 4]
    assert sorted(delivery.attempt for delivery in got) == [1, 1, 2, 2]


async def test_what_is_new_in_a_copy_is_swept(tmp_path: Path) -> None:
    """A mark of retention behind the rows that were copied would keep what comes next for ever."""
    clock = Clock()
    async with opened(tmp_path / "old.db", clock) as store:
        for number in range(3):
            await store.journal.record(entry(f"old-{number}", proofs=(proof(str(number), "a"),)))
        clock.advance(31 * DAY)
        await swept(store)
    await _copy(tmp_path / "old.db", tmp_path / "new.db")
    async with opened(tmp_path / "new.db", clock) as store:
        await store.journal.record(entry("new", at=clock.now, proofs=(proof("new", "a"),)))
        clock.advance(31 * DAY)
        await swept(store)
        async with store.engine.connect() as connection:
            left = await connection.exec_driver_sql("SELECT message_uuid FROM messages UNION SELECT key FROM proofs")
            assert left.all() == []


async def test_a_copy_that_breaks_changes_nothing(template: str, tmp_path: Path) -> None:
    """One transaction: a fault amid the tables leaves an empty destination, and the next try succeeds."""
    source = tmp_path / "old.db"
    before = await _filled(source, 3)
    heard: list[str] = []

    def break_off(table: str, _rows: int) -> None:
        heard.append(table)
        if len(heard) == 5:
            raise KeyboardInterrupt

    async with postgres.database(template) as place:
        with pytest.raises(KeyboardInterrupt):
            await copy(stored_at(source), stored_at(place), "anna", break_off)
        assert set(map(len, (await _rows(place)).values())) == {0}
        await _copy(source, place)
        assert (await _rows(place))["messages"] == before["messages"]


@pytest.mark.parametrize(("old", "new"), MOVES)
async def test_what_holds_anything_is_no_destination(old: str, new: str, template: str, tmp_path: Path) -> None:
    """Two stores are never mixed: the refusal names what is there, and changes nothing."""
    async with (
        _place(old, template, tmp_path / "old.db") as source,
        _place(new, template, tmp_path / "new.db") as place,
    ):
        await _filled(source, 1)
        before = await _filled(place, 2)
        with pytest.raises(BrokenStore, match=r"already has rows \(.*2 in opt_outs.*empty database"):
            await _copy(source, place)
        assert await _rows(place) == before


async def test_what_servers_write_of_themselves_is_nothing(template: str, tmp_path: Path) -> None:
    """A destination that was only asked whether it is ready, or whose server was killed, is still empty."""
    await _filled(tmp_path / "old.db", 1)
    async with postgres.database(template) as place:
        async with open_store(stored_at(place), serving=True) as store:
            await store.check()
            await StoredInstances(store.engine, store.change, "server-1").write({})
        assert set((await _copy(tmp_path / "old.db", place)).values()) == {1}


async def test_a_text_with_nul_arrives_without(template: str, tmp_path: Path) -> None:
    """SQLite keeps NUL in a text, PostgreSQL cannot: one such row must not hold back a store."""
    source = tmp_path / "old.db"
    async with open_store(stored_at(source), serving=False) as store:
        await store.queue.accept(incoming(1, status="deli\0vered"))
    async with postgres.database(template) as place:
        await _copy(source, place)
        async with open_store(stored_at(place), serving=True) as store:
            (delivery,) = await store.queue.lease("crm", 1, 60.0)
    assert isinstance(delivery.content, StoredReport)
    assert delivery.content.report.status == "delivered"


async def test_a_store_is_not_copied_into_itself(tmp_path: Path) -> None:
    """A slip of the config is told as such, also if the same file has two names."""
    with pytest.raises(BrokenStore, match="into itself"):
        await _copy(tmp_path / "old.db", tmp_path / "old.db")
    await _filled(tmp_path / "old.db", 1)
    (tmp_path / "link.db").hardlink_to(tmp_path / "old.db")
    with pytest.raises(BrokenStore, match="into itself"):
        await _copy(tmp_path / "old.db", tmp_path / "link.db")


async def test_a_served_store_is_not_copied(tmp_path: Path) -> None:
    """What is answered during a copy would be missing in it: the server is stopped first, on either side."""
    async with open_store(stored_at(tmp_path / "served.db"), serving=True):
        with pytest.raises(BrokenStore, match="stop the server first"):
            await _copy(tmp_path / "served.db", tmp_path / "new.db")
        with pytest.raises(BrokenStore, match="stop the server first"):
            await _copy(tmp_path / "new.db", tmp_path / "served.db")
