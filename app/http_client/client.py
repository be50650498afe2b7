"""The HTTP client. httpx and aiohttp are imported with the first client, not with this module."""

import ssl
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self

from app.http_client.tls import authorities
from app.http_client.values import ReceivedResponse

if TYPE_CHECKING:
    import httpx


class HttpClient:
    """An httpx client for one receiver, so that requests to one never wait for the connections of another.

    It uses the proxies of the environment, does not read .netrc, and keeps no cookies.
    """

    def __init__(
        self, *, connections: int | None, user_agent: str, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        """Create the client. Raises `BadEnvironment`."""
        from app.http_client import exchange  # noqa: PLC0415 - 100 ms and 10 MB, only if something is posted

        authorities()  # so that a bad environment fails the start, not the first POST
        self.client = exchange.open_client(connections, user_agent, transport)
        self._send = exchange.send

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Doing it again has no effect."""
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
    ) -> ReceivedResponse:
        """Post once, as `request` does."""
        return await self.request("POST", url, body=body, headers=headers, cap=cap, timeout=timeout, tls=tls)

    async def request(
        self,
        method: str,
        url: str,
        *,
        cap: int,
        body: bytes = b"",
        headers: Mapping[str, str] = MappingProxyType({}),
        timeout: float | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> ReceivedResponse:
        """Make one attempt of at most `timeout` seconds. None leaves the limit to the caller.

        If `tls` is None, the authorities of the environment are trusted. Once a status line has arrived, its status is
        returned whatever follows it. Raises `RequestFailed` if none arrives.
        """
        return await self._send(self.client, method, url, body, headers, cap=cap, timeout=timeout, tls=tls)
