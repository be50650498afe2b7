"""httpx's transport over aiohttp's connections, which knows the status of a response as soon as its first line is in.

httpx's own pool walks all connections on each request, so it gets slower the more are in flight (`make bench`: three
times at 50). aiohttp's parser discards a whole head for one fault after the status line (a 204 with a body, a long
header), so the status line is parsed separately.
"""

import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader
from httpx_aiohttp import AiohttpTransport

from app.http_client.proxies import Proxies, Proxy
from app.http_client.status_line import StatusLine
from app.http_client.tls import authorities

RECEIVE_BUFFER = 16 * 1024  # bytes; the most that is read of a response
FIELD_SIZE = 32 * 1024  # bytes of one header; policies and cookies can have 10 KiB
FIELDS = 256  # headers of a response
TLS = "tls"  # the extension of an httpx request that holds its `ssl.SSLContext`

_NO_CONTENT = 204


@dataclass(slots=True)
class StatusArrival:
    """The status line of the response to a request, set once the request is sent."""

    line: StatusLine | None = None

    @property
    def status(self) -> int | None:
        """The final status, or None if its line is not in yet."""
        return self.line.status if self.line else None


arriving: ContextVar[StatusArrival | None] = ContextVar("arriving", default=None)  # of the POST made by this task


class AiohttpConnections(httpx.AsyncBaseTransport):
    """A transport with at most `limit` connections for each TLS context and proxy.

    Requests that differ in these share none.
    """

    def __init__(self, limit: int | None, proxies: Proxies) -> None:
        self._limit = limit
        self._proxies = proxies
        self._transports: dict[tuple[ssl.SSLContext, Proxy | None], AiohttpTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the proxy that the environment names, with the TLS context in its extension `TLS`."""
        proxy = self._proxies.route(request.url)
        if proxy and proxy.authorization and request.url.scheme == "http":  # for https it is only in the CONNECT
            request.headers["proxy-authorization"] = proxy.authorization
        key = (request.extensions.get(TLS) or authorities(), proxy)
        if key not in self._transports:
            self._transports[key] = self._transport(*key)
        return await self._transports[key].handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()

    def _transport(self, tls: ssl.SSLContext, proxy: Proxy | None) -> AiohttpTransport:
        headers = {"proxy-authorization": proxy.authorization} if proxy and proxy.authorization else {}
        through = httpx.Proxy(proxy.url, headers=headers) if proxy else None
        return AiohttpTransport(verify=tls, client=partial(_session, self._limit, tls), proxy=through)


def _session(limit: int | None, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_Connector(limit=limit or 0, ssl=tls, socket_factory=_socket),  # 0: no limit
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=_Response,
        max_field_size=FIELD_SIZE,
        max_headers=FIELDS,
    )


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket with a small receive buffer.

    uvloop keeps reading while its 256 KiB fill up. A receiver that sent interim responses as fast as it could blocked
    everything for seconds.
    """
    family, kind, protocol, _, _ = address
    connecting = socket.socket(family, kind, protocol)
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return connecting


class _Connector(aiohttp.TCPConnector):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        protocol: type[ResponseHandler] = _Protocol
        self._factory = partial(protocol, loop=self._loop)  # aiohttp has no public option for it


class _Protocol(ResponseHandler):
    """aiohttp's protocol, which also feeds a `StatusLine`."""

    line: StatusLine | None = None

    def set_response_params(self, **params: Any) -> None:
        """Expect a new response, perhaps on a connection that was used before."""
        self.line = StatusLine()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Feed the status line, then aiohttp's parser."""
        if self.line is not None:
            self.line.feed(data)
        super().data_received(data)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Close the connection after a 204 with a body."""
        head, _ = data
        if head.code == _NO_CONTENT and _announces_body(head):
            self.force_close()  # the body would be taken for the next response
        super().feed_data(data, size)


def _announces_body(head: RawResponseMessage) -> bool:
    return head.chunked or head.headers.get("content-length", "0").strip() != "0"


class _Response(aiohttp.ClientResponse):
    """aiohttp's response, which gives `arriving` its status line.

    Responses of proxies to CONNECT are not of this class.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Set the status line, then wait for the head."""
        if (arrival := arriving.get()) and isinstance(connection.protocol, _Protocol):
            arrival.line = connection.protocol.line
        return await super().start(connection)
