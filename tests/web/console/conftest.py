"""A service with a console in this process, and a browser that is logged in to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import console, plivo_sdk


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[console.House]:
    """A service in this process, with a browser that is logged in."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", plivo_sdk.TOKEN)
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path))
    async with console.opened(tmp_path) as house:
        yield house
