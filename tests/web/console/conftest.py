"""A service with a console in this process, and a browser that is logged in to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import console


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[console.House]:
    """A service in this process, with a browser that is logged in."""
    async with console.opened(tmp_path) as house:
        yield house
