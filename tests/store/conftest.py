"""A store and the clock it goes by. What asks for `store` alone is a contract: it runs on SQLite and on PostgreSQL.
What asks for `path` too looks into the file, and runs on SQLite only.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import postgres
from support.stored import Clock, opened, stored_at

from app.store import Store, open_store

ENGINES = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Contracts run once an engine."""
    if "engine" in metafunc.fixturenames:
        engines = ENGINES[:1] if "path" in metafunc.fixturenames else ENGINES
        metafunc.parametrize("engine", engines, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The same, with a migrated template in it."""
    asyncio.run(postgres.prepare(server))
    return server


@pytest.fixture
def host(engine: str, request: pytest.FixtureRequest) -> str | None:
    """The server that contracts on PostgreSQL run on; it is started for the first of them."""
    return str(request.getfixturevalue("template")) if engine == "postgresql" else None


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "autoreply.db"


@pytest.fixture
async def store(host: str | None, clock: Clock, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store."""
    if host is None:
        async with opened(tmp_path / "autoreply.db", clock) as store:
            yield store
        return
    async with (
        postgres.database(host) as where,
        postgres.obeying(where, clock),
        open_store(stored_at(where), serving=True) as store,
    ):
        yield store
