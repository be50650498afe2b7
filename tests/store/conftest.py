"""A store in a fresh file, and the clock it goes by."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.stored import Clock, opened

from app.store import Store


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "autoreply.db"


@pytest.fixture
async def store(path: Path, clock: Clock) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with opened(path, clock) as store:
        yield store
