"""Plivo's REST API: applications and numbers.

JSON, HTTP Basic with auth_id and token, every path with a slash at its end, lists in pages of at most 20. Plivo takes
300 requests in 5 s from an account, and answers 429 beyond.
https://docs.plivo.com/docs/account/api/application, https://docs.plivo.com/docs/numbers/api/account-phone-number
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from app.http_client import Answer, HttpClient, RequestFailed
from app.plivo.numbers import show
from app.provisioning.errors import PlivoApiError, no_answer, not_plivo, refusal
from app.provisioning.options import Account
from app.provisioning.values import AccountNumber, Application, Field

PAGE = 20  # objects, which is the most that Plivo gives at a time
PAGES = 20_000  # of one list; a list that does not end is none
TIMEOUT = 15.0  # seconds
CAP = 1 << 20  # bytes of an answer
CONCURRENCY = 5  # requests at a time: a third of Plivo's limit at 50 ms each
WAITS = (1.0, 2.0, 4.0)  # seconds before a request is repeated that got 429; together longer than Plivo's 5 s
LONGEST_WAIT = 10.0  # seconds of a Retry-After

_OK = range(200, 300)
_NOT_FOUND, _TOO_MANY = 404, 429

Sleep = Callable[[float], Awaitable[None]]


class PlivoApi:
    """The account's applications and numbers. Every method raises `PlivoApiError`."""

    def __init__(self, account: Account, client: HttpClient, sleep: Sleep = asyncio.sleep) -> None:
        self._api_url = account.api_url.rstrip("/")
        self._base = f"{self._api_url}/Account/{quote(account.auth_id, safe='')}"
        pair = f"{account.auth_id}:{account.auth_token}".encode()
        self._headers = {
            "authorization": "Basic " + base64.b64encode(pair).decode(),
            "content-type": "application/json",
            "accept": "application/json",
        }
        self._client = client
        self._sleep = sleep

    async def applications(self) -> tuple[Application, ...]:
        """All applications."""
        what = "reading the applications"
        return tuple([_read(Application.read, one, what, self._api_url) async for one in self._list("Application", what)])

    async def numbers(self, wanted: Collection[str] | None = None) -> Mapping[str, AccountNumber]:
        """These numbers, as far as the account has them; None: all. Asks for pages, or for each where that is less."""
        what = "reading the numbers"
        if wanted is not None and not wanted:
            return {}
        first = await self._page("Number", {"limit": str(PAGE), "offset": "0"}, what)
        total = first.get("meta", {}).get("total_count")
        if wanted is not None and isinstance(total, int) and total > PAGE * (len(wanted) + 1):
            found = await gather(wanted, self._number)
        else:
            found = [_number(one, what, self._api_url) async for one in self._follow("Number", first, what)]
        kept = {number.number: number for number in found if number}
        return kept if wanted is None else {number: kept[number] for number in wanted if number in kept}

    async def create(self, name: str, fields: Mapping[str, Field]) -> str:
        """A new application; its id."""
        what = f'creating application "{name}"'
        answer = await self._call("POST", ("Application",), what, {"app_name": name, **fields})
        return str(self._json(answer, what)["app_id"])

    async def update(self, application: Application | str, name: str, fields: Mapping[str, Field]) -> None:
        """These fields of an application."""
        app_id = application if isinstance(application, str) else application.app_id
        await self._call("POST", ("Application", app_id), f'changing application "{name}"', fields)
