"""Plivo's REST API, as far as applications and numbers go.

JSON, HTTP Basic with auth_id and token, every path with a slash at its end, lists in pages of at most 20. Plivo takes
300 requests in 5 s from an account, and answers 429 beyond.
https://docs.plivo.com/docs/account/api/application, https://docs.plivo.com/docs/numbers/api/account-phone-number
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from app.http_client import HttpClient
from app.plivo.numbers import show
from app.provisioning.errors import PlivoApiError, no_account
from app.provisioning.options import Account
from app.provisioning.transport import Sleep, Transport
from app.provisioning.values import AccountNumber, Application, Field

PAGE = 20  # objects of a list, the most that Plivo gives at a time
PAGES = 20_000  # of one list; one that goes on for longer is taken for broken
CONCURRENCY = 5  # requests at a time: at 100 ms each, 50 of the 60 a second that Plivo takes

_NOT_FOUND = 404

T = TypeVar("T")
R = TypeVar("R")


class PlivoApi:
    """The applications and numbers of one account. Every method raises `PlivoApiError`."""

    def __init__(self, account: Account, client: HttpClient, sleep: Sleep = asyncio.sleep) -> None:
        pair = base64.b64encode(f"{account.auth_id}:{account.auth_token}".encode()).decode()
        base = f"{account.api_url.rstrip('/')}/Account/{quote(account.auth_id, safe='')}"
        self._transport = Transport(base, f"Basic {pair}", client, sleep)

    @property
    def server_time(self) -> float | None:
        """What Plivo's clock said with its last answer, in seconds since the epoch."""
        return self._transport.server_time

    async def applications(self) -> tuple[Application, ...]:
        """Read all applications."""
        what = "reading the applications"
        page = await self._page("Application", _FIRST, what)
        return tuple(self._each(Application.read, await self._rest("Application", page, what), what))

    async def numbers(self, wanted: Collection[str] | None = None) -> dict[str, AccountNumber]:
        """Read these numbers, as far as the account has them; None: all of its numbers.

        Asks for each of them if there would be more pages.
        """
        what = "reading the numbers"
        if wanted is not None and not wanted:
            return {}
        page = await self._page("Number", _FIRST, what)
        if wanted is not None and _total(page) > PAGE * (len(wanted) + 1):
            found = [number for number in await gather(wanted, self._number) if number]
        else:
            found = self._each(AccountNumber.read, await self._rest("Number", page, what), what)
        return {one.number: one for one in found if wanted is None or one.number in wanted}

    async def create(self, name: str, fields: Mapping[str, Field]) -> str:
        """Create an application and return its id."""
        what = f'creating application "{name}"'
        created = await self._transport.call("POST", ("Application",), what, {"app_name": name, **fields})
        if not created.get("app_id"):
            raise self._transport.strange(what)
        return str(created["app_id"])

    async def update(self, app_id: str, name: str, fields: Mapping[str, Field]) -> None:
        """Set these fields of an application."""
        await self._transport.call("POST", ("Application", app_id), f'changing application "{name}"', fields)

    async def delete(self, app_id: str, name: str) -> None:
        """Delete an application, but not the endpoints of calls that somebody has attached to it."""
        what, stay = f'deleting application "{name}"', {"cascade": False}
        # Plivo's documentation says query, its SDKs send a body
        await self._transport.call("DELETE", ("Application", app_id), what, stay, {"cascade": "false"})

    async def link(self, number: str, app_id: str | None) -> None:
        """Link a number to an application; None: to the account's default one, if Plivo has one for it."""
        what = f"linking {show(number)}"
        await self._transport.call("POST", ("Number", number), what, {"app_id": app_id} if app_id else {})

    async def _number(self, number: str) -> AccountNumber | None:
        what = f"reading {show(number)}"
        try:
            found = await self._transport.call("GET", ("Number", number), what)
        except PlivoApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return self._each(AccountNumber.read, [found], what)[0]

    async def _page(self, resource: str, query: Mapping[str, str], what: str) -> dict[str, Any]:
        try:
            page = await self._transport.call("GET", (resource,), what, query=query)
        except PlivoApiError as error:
            raise no_account(what) if error.status == _NOT_FOUND else error from None
        if not isinstance(page.get("objects"), list) or not isinstance(page.get("meta", {}), dict):
            raise self._transport.strange(what)
        return page

    async def _rest(self, resource: str, page: dict[str, Any], what: str) -> list[Any]:
        """All objects of a list, from its first page on."""
        objects, seen = list(page["objects"]), set[str]()
        while page["objects"] and (following := page.get("meta", {}).get("next")):
            if following in seen or len(seen) >= PAGES:
                raise self._transport.strange(what)
            seen.add(following)
            page = await self._page(resource, dict(parse_qsl(urlsplit(str(following)).query)), what)
            objects += page["objects"]
        return objects

    def _each(self, read: Callable[[Any], T], objects: Iterable[Any], what: str) -> list[T]:
        try:
            return [read(one) for one in objects]
        except (KeyError, TypeError, AttributeError):
            raise self._transport.strange(what) from None


_FIRST = {"limit": str(PAGE), "offset": "0"}


def _total(page: Mapping[str, Any]) -> int:
    total = page.get("meta", {}).get("total_count")
    return total if isinstance(total, int) else 0


async def gather(items: Iterable[T], call: Callable[[T], Awaitable[R]]) -> list[R]:
    """Call for each item, `CONCURRENCY` at a time; the results in the items' order.

    After the first error no further call begins. Those under way are waited for: Plivo may have done what they ask.
    """
    places = asyncio.Semaphore(CONCURRENCY)
    errors: list[PlivoApiError] = []
    results: dict[int, R] = {}

    async def one(index: int, item: T) -> None:
        async with places:
            if errors:
                return
            try:
                results[index] = await call(item)
            except PlivoApiError as error:
                errors.append(error)

    async with asyncio.TaskGroup() as group:
        for index, item in enumerate(items):
            group.create_task(one(index, item))
    if errors:
        raise errors[0]
    return [results[index] for index in sorted(results)]
