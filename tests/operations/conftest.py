"""A store on SQLite, by a clock, and numbers as people of no country in particular write them."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from support.stored import Clock, opened

from app.config.numbers import read_address
from app.operations.addresses import ReadAddress
from app.store import Store


@pytest.fixture
def clock() -> Clock:
    """Time stands still until a test says otherwise."""
    return Clock()


@pytest.fixture
async def store(clock: Clock, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with opened(tmp_path / "autoreply.db", clock) as store:
        yield store


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server stands beside these stores, so steps need no pause."""
    monkeypatch.setattr("app.operations.steps.PAUSE", 0.0)


@pytest.fixture
def read() -> ReadAddress:
    """Numbers with "+", or full digits."""
    return partial(read_address, country=None)
