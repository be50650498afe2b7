"""The store as a whole: opened beside a server, backed up, copied; what cannot be done leaves no file."""

import re
from pathlib import Path

import pytest
from support.stored import Clock, entry, opened, stored_at

from app.operations.errors import OperationRefused
from app.operations.maintenance import back_up, copy_store, migrate, missing_store, open_beside_server
from app.settings import SQLITE, StoreSettings
from app.store import BrokenStore, Store, queries

SERVER = StoreSettings("postgresql://user:secret@127.0.0.1:1/db")


async def test_a_store_is_opened_beside_a_server(store: Store, tmp_path: Path) -> None:
    """What a server has written can be read; the server goes on."""
    await store.journal.record(entry())
    async with open_beside_server(stored_at(tmp_path / "autoreply.db")) as beside:
        found, _ = await queries.history(beside.engine, "message-1", 1)
    assert len(found) == 1
    await store.check()


async def test_a_store_is_not_made_by_accident(tmp_path: Path) -> None:
    """One that is not there is refused, unless it may be new."""
    options = stored_at(tmp_path / "autoreply.db")
    assert (missing_store(options), missing_store(SERVER)) == (options.file, None)
    with pytest.raises(OperationRefused, match=f"there is no store at {options.file} yet; `serve` creates it"):
        async with open_beside_server(options):
            pass
    assert list(tmp_path.iterdir()) == []
    async with open_beside_server(options, create=True):
        assert missing_store(options) is None


async def test_migrate_makes_the_store_current(tmp_path: Path) -> None:
    """Also where there was none; a second time changes nothing."""
    for _ in range(2):
        await migrate(stored_at(tmp_path / "autoreply.db"))
    async with opened(tmp_path / "autoreply.db", Clock()) as store:
        await store.check()


async def test_backup_is_a_store(store: Store, tmp_path: Path) -> None:
    """It holds what the store held, in one file, and says how large it is."""
    await store.journal.record(entry())
    made = back_up(stored_at(tmp_path / "autoreply.db"), tmp_path / "copy.db")
    assert (made.file, made.size) == (tmp_path / "copy.db", (tmp_path / "copy.db").stat().st_size)
    async with opened(tmp_path / "copy.db", Clock()) as copy:
        found, _ = await queries.history(copy.engine, "message-1", 1)
    assert len(found) == 1


@pytest.mark.usefixtures("store")
async def test_backup_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is; nothing else is left behind by what is refused."""
    (tmp_path / "copy.db").write_text("precious")
    before = {file.name for file in tmp_path.iterdir()}
    refusals = [
        (stored_at(tmp_path / "autoreply.db"), "copy.db", "is there already; a backup overwrites nothing"),
        (stored_at(tmp_path / "missing.db"), "new.db", "there is no store at"),
        (SERVER, "new.db", "this store is PostgreSQL: use pg_dump"),
    ]
    for options, name, said in refusals:
        with pytest.raises(OperationRefused, match=said):
            back_up(options, tmp_path / name)
    (tmp_path / "no.db").write_text("not a store at all" * 100)
    with pytest.raises(OperationRefused, match=re.escape(str(tmp_path / "new.db"))):
        back_up(stored_at(tmp_path / "no.db"), tmp_path / "new.db")
    assert {file.name for file in tmp_path.iterdir()} == before | {"no.db"}
    assert (tmp_path / "copy.db").read_text() == "precious"


async def test_copy_tells_each_table(tmp_path: Path) -> None:
    """Every table with its rows; the new store holds them."""
    async with opened(tmp_path / "old.db", Clock()) as old:
        await old.journal.record(entry())
    told: dict[str, int] = {}
    await copy_store(stored_at(tmp_path / "old.db"), stored_at(tmp_path / "new.db"), "anna", told.__setitem__)
    assert (told["messages"], told["reports"]) == (1, 0)
    async with opened(tmp_path / "new.db", Clock()) as new:
        assert len((await queries.history(new.engine, "message-1", 1))[0]) == 1


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (f"{SQLITE}/nowhere/missing.db", "there is no store at /nowhere/missing.db"),
        ("postgresql://user:secret@127.0.0.1:1/db", r"postgresql://user:\*\*\*@127.0.0.1:1/db: "),
    ],
)
async def test_what_cannot_be_copied(tmp_path: Path, old: str, said: str) -> None:
    """It is told without a password, and makes no store."""
    with pytest.raises((OperationRefused, BrokenStore), match=said) as refused:
        await copy_store(StoreSettings(old), stored_at(tmp_path / "new.db"), "anna", lambda _table, _rows: None)
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
