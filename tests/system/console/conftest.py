"""A running service with a conversation in its store, and a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support import browser as chrome
from support.conversation import Served, conversing


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that has talked to some people."""
    with conversing(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with chrome.chromium() as running:
        yield running
