"""One call of Plivo's REST API: what is sent, when it is sent again, and what an answer means."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from app.http_client import HttpClient, ReceivedResponse, RequestFailed
from app.provisioning.errors import PlivoApiError, no_answer, not_plivo, refusal

TIMEOUT = 15.0  # seconds
CAP = 1 << 20  # bytes of an answer
WAITS = (1.0, 2.0, 4.0)  # seconds before a call is repeated that got 429; together longer than Plivo's window of 5 s
LONGEST_WAIT = 10.0  # seconds of a Retry-After

_SUCCESS = range(200, 300)
_TOO_MANY = 429

Sleep = Callable[[float], Awaitable[None]]


class Transport:
    """Calls one account's API. `base` is its URL without a slash at the end."""

    def __init__(self, base: str, authorization: str, client: HttpClient, sleep: Sleep) -> None:
        self._base = base
        self._headers = {"authorization": authorization, "accept": "application/json"}
        self._client = client
        self._sleep = sleep
        self.server_time: float | None = None

    async def call(
        self,
        method: str,
        path: tuple[str, ...],
        what: str,
        data: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the JSON object of a successful answer; it is empty if there is no body.

        `what` says in an error what was being done. Raises `PlivoApiError`.
        """
        url = "/".join([self._base, *(quote(part, safe="") for part in path)]) + "/"
        answer = await self._send(method, f"{url}?{urlencode(query)}" if query else url, what, data)
        found = _object(answer.body)
        if answer.status not in _SUCCESS:
            raise refusal(what, answer.status, _error(found))
        if answer.broken or answer.truncated:
            raise no_answer(what, answer.broken or f"it is longer than {CAP} bytes")
        if found is None and answer.body.strip():
            raise self.strange(what)
        return found or {}

    def strange(self, what: str) -> PlivoApiError:
        """The error of an answer that is not Plivo's."""
        return not_plivo(what, self._base.rpartition("/Account/")[0])

    async def _send(self, method: str, url: str, what: str, data: Mapping[str, Any] | None) -> ReceivedResponse:
        """Send a call, and again while Plivo asks for fewer: a call that got 429 was not made."""
        body = b"" if data is None else json.dumps(data).encode()
        headers = self._headers if data is None else {**self._headers, "content-type": "application/json"}
        for wait in (*WAITS, None):
            try:
                answer = await self._client.request(method, url, body=body, headers=headers, cap=CAP, timeout=TIMEOUT)
            except RequestFailed as error:
                raise no_answer(what, str(error)) from None
            self.server_time = answer.date or self.server_time
            if answer.status != _TOO_MANY or wait is None:
                break
            await self._sleep(_patience(answer.retry_after, wait))
        return answer


def _patience(retry_after: str | None, wait: float) -> float:
    """The longer of our wait and Plivo's, if it says one in seconds."""
    asked = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else 0.0
    return max(wait, min(asked, LONGEST_WAIT))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _error(found: Mapping[str, Any] | None) -> str | None:
    """What Plivo says about a refusal: a text, or an object."""
    said = (found or {}).get("error")
    return said if isinstance(said, str) or said is None else json.dumps(said)
