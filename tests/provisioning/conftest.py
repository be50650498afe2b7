"""An account on the stand-in of Plivo's API, and a client for it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.plivo_api import AUTH_ID, PlivoAccount, plivo_api
from support.provisioning import Naps

from app.http_client import HttpClient
from app.provisioning.client import PlivoApi
from app.provisioning.options import Account


@pytest.fixture
def account() -> Iterator[PlivoAccount]:
    """An empty account at Plivo."""
    with plivo_api() as account:
        yield account


@pytest.fixture
def naps() -> Naps:
    """How long the client slept."""
    return Naps()


@pytest.fixture
async def api(account: PlivoAccount, naps: Naps) -> AsyncIterator[PlivoApi]:
    """A client of the account."""
    async with HttpClient(connections=5, user_agent="test/1") as client:
        yield PlivoApi(Account(AUTH_ID, account.token, account.url), client, naps.sleep)
