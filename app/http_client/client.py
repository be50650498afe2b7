"""One POST, bounded in time and size.

Guarantees kept here: a whole attempt (connect, TLS, send, answer) fits in one timeout; at most `cap` bytes of an
answer are read, undecoded, so that neither a gigabyte nor a gzip bomb can hurt; redirects are not followed; no error
holds a word of a library (G12).
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import NewType, Self

import httpx

from app.http_client.connections import TLS, Arrival, Connections, arriving
from app.http_client.failures import EXPECTED, describe
from app.http_client.proxies import read_proxies
from app.http_client.tls import authorities

Url = NewType("Url", str)  # http or https, whole
Headers = NewType("Headers", dict[str, str])  # checked: none that the service sets itself


class RequestFailed(Exception):
    """The POST got no answer; the message says why, in our own words and without URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, content type, Retry-After, and the first `cap` bytes of the body, undecoded."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes
    truncated: bool
    packed: bool = False  # in a Content-Encoding, though we accept none
    broken: str | None = None  # why what follows the status line is missing, in whole or in part


class HttpClient:
    """An httpx client for one receiver, so that one receiver's connections never wait for another's.

    Proxies of the environment are used, .netrc is not read, cookies are not kept.
    """

    def __init__(
        self, *, connections: int | None, user_agent: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Raises `BadEnvironment`."""
        authorities()  # a mistake in the environment stops the start, not the first POST
        self.client = httpx.AsyncClient(
            transport=transport or Connections(connections, read_proxies()),
            headers={"user-agent": user_agent, "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
            timeout=None,  # noqa: S113 - asyncio.timeout bounds the whole attempt
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        cap: int,
        timeout: float | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Answer:
        """One attempt of at most `timeout` seconds; None: the caller bounds it. `tls` of None: the authorities of the
        environment.

        Once a status line is in, the status is returned, whatever follows it. Raises `RequestFailed` without one.
        """
        coming = _Coming(cap)
        broken = None
        try:
            async with asyncio.timeout(timeout) as bound:
                with _watched(coming.arrival):
                    await coming.read(self.client, url, body, headers, tls)
        except EXPECTED as error:
            broken = f"no answer within {timeout:g} s" if bound.expired() else describe(error)
        return coming.answer(broken)


@contextmanager
def _watched(arrival: Arrival) -> Iterator[None]:
    token = arriving.set(arrival)
    try:
        yield
    finally:
        arriving.reset(token)


@dataclass(slots=True)
class _Coming:
    """As much of an answer as has come."""

    cap: int
    arrival: Arrival = field(default_factory=Arrival)
    head: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray)

    async def read(
        self, client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext | None
    ) -> None:
        """Posts, and reads until the end or the cap."""
        async with client.stream("POST", url, content=body, headers=headers, extensions={TLS: tls}) as self.head:
            await self.read_body(self.head)

    async def read_body(self, head: httpx.Response) -> None:
        """What follows the head, undecoded."""
        async for chunk in head.aiter_raw():
            self.body += chunk
            if len(self.body) > self.cap:
                return

    def answer(self, broken: str | None) -> Answer:
        """Raises `RequestFailed` if not even the status is known."""
        status = self.head.status_code if self.head else self.arrival.status
        if status is None:
            raise RequestFailed(broken)
        headers = self.head.headers if self.head else httpx.Headers()
        return Answer(
            status=status,
            content_type=headers.get("content-type", ""),
            retry_after=headers.get("retry-after"),
            body=bytes(self.body[: self.cap]),
            truncated=len(self.body) > self.cap,
            packed=headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"),
            broken=broken,
        )
