"""One request with httpx over aiohttp's connections.

A whole attempt (connect, TLS, send, response) fits in one timeout. At most `cap` bytes of a response are read,
undecoded, so that neither a gigabyte nor a gzip bomb does harm. Redirects are not followed. No error contains a
library's text (G12).
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from app.http_client.connections import TLS, AiohttpConnections, StatusArrival, arriving
from app.http_client.failures import EXPECTED, describe
from app.http_client.proxies import read_proxies
from app.http_client.values import ReceivedResponse, RequestFailed


def open_client(
    connections: int | None, user_agent: str, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """Return an httpx client that uses the proxies of the environment. Raises `BadEnvironment`."""
    return httpx.AsyncClient(
        transport=transport or AiohttpConnections(connections, read_proxies()),
        headers={"user-agent": user_agent, "accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
        timeout=None,  # noqa: S113 - asyncio.timeout limits the whole attempt
    )


async def send(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    cap: int,
    timeout: float | None,
    tls: ssl.SSLContext | None,
) -> ReceivedResponse:
    """Make one attempt. Raises `RequestFailed` if no status line arrives."""
    receiving = _Receiving(cap)
    broken = None
    try:
        async with asyncio.timeout(timeout) as bound:
            with _watched(receiving.arrival):
                await receiving.read(client, method, url, body, headers, tls)
    except EXPECTED as error:
        broken = f"no answer within {timeout:g} s" if bound.expired() else describe(error)
    return receiving.response(broken)


@contextmanager
def _watched(arrival: StatusArrival) -> Iterator[None]:
    token = arriving.set(arrival)
    try:
        yield
    finally:
        arriving.reset(token)


@dataclass(slots=True)
class _Receiving:
    """A response that is being received."""

    cap: int
    arrival: StatusArrival = field(default_factory=StatusArrival)
    head: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray)

    async def read(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None,
    ) -> None:
        """Send the request, and read the response until its end or the cap."""
        async with client.stream(method, url, content=body, headers=headers, extensions={TLS: tls}) as self.head:
            await self.read_body(self.head)

    async def read_body(self, head: httpx.Response) -> None:
        """Read the body, undecoded."""
        async for chunk in head.aiter_raw():
            self.body += chunk
            if len(self.body) > self.cap:
                return

    def response(self, broken: str | None) -> ReceivedResponse:
        """Return what was received. Raises `RequestFailed` if not even the status was."""
        status = self.head.status_code if self.head else self.arrival.status
        if status is None:
            raise RequestFailed(broken)
        headers = self.head.headers if self.head else httpx.Headers()
        return ReceivedResponse(
            status=status,
            content_type=headers.get("content-type", ""),
            retry_after=headers.get("retry-after"),
            body=bytes(self.body[: self.cap]),
            truncated=len(self.body) > self.cap,
            compressed=headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"),
            broken=broken,
            headers=headers,
        )
