"""The store's tables: migrated, never guessed."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.stored import Clock, opened, stored_at

from app.store import BrokenStore, NewerStore, Store, migrations, open_store
from app.store.schema import metadata

VERSIONS = Path(migrations.__file__).parent / "versions"


def test_head_is_the_newest_file() -> None:
    """`HEAD` stands in the code, so that Alembic need not be asked; here it is asked."""
    assert ScriptDirectory(str(VERSIONS.parent)).get_heads() == [migrations.HEAD]


def test_revisions_are_numbered_as_their_files() -> None:
    """Revisions sort as text, which is how a newer store is known; one file each, one after the other."""
    scripts = list(ScriptDirectory(str(VERSIONS.parent)).walk_revisions())[::-1]
    names = sorted(path.name for path in VERSIONS.glob("*.py"))
    assert [script.revision for script in scripts] == [name[:4] for name in names]
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in names)


async def test_migrated_schema_is_the_one_in_tables(store: Store) -> None:
    """What the migrations make is what `tables.py` says: tables, columns, types, keys, indexes."""

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with store.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_store_knows_its_revision(store: Store) -> None:
    """An open store is at HEAD; an empty one has no revision."""
    async with store.engine.connect() as connection:
        assert await connection.run_sync(migrations.current) == migrations.HEAD
        await connection.execute(sa.text("DROP TABLE alembic_version"))
        assert await connection.run_sync(migrations.current) is None


async def test_newer_store_is_refused_and_left_alone(path: Path, clock: Clock) -> None:
    """A store made by a newer version is not touched; the message says what to do."""
    async with opened(path, clock) as store, store.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = await asyncio.to_thread(path.read_bytes)
    with pytest.raises(NewerStore, match=r"revision 9999, this version knows \d+: start the newer one, or restore"):
        async with opened(path, clock):
            pass
    assert await asyncio.to_thread(path.read_bytes) == before
    assert [file.name for file in path.parent.iterdir() if file.suffix in (".db-wal", ".db-shm")] == []


@pytest.mark.parametrize("table", ["users", "messages", "alembic_version"])
async def test_file_of_another_program_is_refused_and_left_alone(path: Path, clock: Clock, table: str) -> None:
    """A slip in the URL must not put our tables among those of somebody else; the message names some of theirs."""
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"CREATE TABLE {table} (id INTEGER)")
    before = await asyncio.to_thread(path.read_bytes)
    with pytest.raises(BrokenStore, match=rf"tables of another program \({table}\); give the store a file of its own"):
        async with opened(path, clock):
            pass
    assert await asyncio.to_thread(path.read_bytes) == before


@pytest.mark.parametrize("content", [b"", None])
async def test_empty_file_becomes_a_store(path: Path, clock: Clock, content: bytes | None) -> None:
    """One without a byte, and one that SQLite made and that has no table."""
    if content is None:
        with closing(sqlite3.connect(path)) as empty:
            empty.execute("PRAGMA user_version = 1")
            empty.commit()
    else:
        await asyncio.to_thread(path.write_bytes, content)
    async with opened(path, clock) as store:
        await store.check()


@pytest.mark.parametrize(
    ("tables", "is_foreign"),
    [
        ([], False),
        (["users"], False),
        (["users", "messages"], True),
        (["users", "alembic_version"], True),
        (["messages", "alembic_version"], False),
    ],
)
def test_database_of_a_server_may_be_shared(tables: list[str], *, is_foreign: bool) -> None:
    """But not with a program that has a table of the same name, or that has its own migrations there."""
    with pytest.raises(BrokenStore, match="a database of its own") if is_foreign else nullcontext():
        migrations.refuse_foreign(tables, "postgresql://host/db", is_server=True)


async def test_newer_store_is_called_newer_without_migrations_too(path: Path, clock: Clock) -> None:
    """`serve --no-migrate` on it must not send the operator to `migrate`, which would refuse."""
    async with opened(path, clock) as store, store.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerStore):
        async with open_store(stored_at(path), serving=False, migrate=False):
            pass


OPEN = """
import asyncio, sys
from app.settings import StoreSettings
from app.store import open_store
async def main():
    async with open_store(StoreSettings(f"sqlite:///{sys.argv[1]}", 86400.0, 0.0), serving=True) as store:
        await store.check()
asyncio.run(main())
print("alembic" in sys.modules)
"""


def test_alembic_is_imported_only_when_a_migration_is_due(path: Path) -> None:
    """The first start migrates; every later one is spared 100 ms and 15 MB."""
    runs = [
        subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=True, timeout=60)
        for _ in range(2)
    ]
    assert [run.stdout.strip() for run in runs] == ["True", "False"]


async def test_path_is_no_pattern(tmp_path: Path, clock: Clock) -> None:
    """Characters that mean something to Alembic, a URL or a pattern are plain in a folder's name."""
    path = tmp_path / "100% why? #1;" / "auto reply.db"
    async with opened(path, clock):
        assert path.is_file()
