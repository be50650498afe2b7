"""httpx's transport on aiohttp's connections, which tells the status of an answer as soon as its first line is in.

httpx's own pool walks every connection on each request, and is slower the more are in flight (`make bench`: three
times at 50). aiohttp's parser gives up a whole head for one fault behind the status line (a 204 with a body, a long
header), so the status line is read beside it.
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

RECEIVE_BUFFER = 16 * 1024  # bytes; the longest answer that anybody reads
FIELD_SIZE = 32 * 1024  # bytes of one header; policies and cookies of 10 KiB exist
FIELDS = 256  # headers of an answer
TLS = "tls"  # the extension of a request that holds its `ssl.SSLContext`

_NO_CONTENT = 204


@dataclass(slots=True)
class StatusArrival:
    """The status line of the answer under way, once the request went out."""

    line: StatusLine | None = None

    @property
    def status(self) -> int | None:
        """The final status, if that line is in."""
        return self.line.status if self.line else None


arriving: ContextVar[StatusArrival | None] = ContextVar("arriving", default=None)  # of the POST that this task makes


class AiohttpConnections(httpx.AsyncBaseTransport):
    """At most `limit` connections for each TLS context and proxy; requests that differ in these share none."""

    def __init__(self, limit: int | None, proxies: Proxies) -> None:
        self._limit = limit
        self._proxies = proxies
        self._transports: dict[tuple[ssl.SSLContext, Proxy | None], AiohttpTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it by the proxy that the environment wants, as whom its extension `TLS` says."""
        proxy = self._proxies.route(request.url)
        if proxy and proxy.authorization and request.url.scheme == "http":  # https: only the CONNECT carries it
            request.headers["proxy-authorization"] = proxy.authorization
        key = (request.extensions.get(TLS) or authorities(), proxy)
        if key not in self._transports:
            self._transports[key] = self._transport(*key)
        return await self._transports[key].handle_async_request(request)

    async def aclose(self) -> None:
        """Ends all connections."""
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
    """A socket that takes in little at a time: uvloop reads on while its 256 KiB are filled, and a receiver that sends
    interim answers as fast as it can held everything up for seconds.
    """
    family, kind, protocol, _, _ = address
    connecting = socket.socket(family, kind, protocol)
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return connecting


class _Connector(aiohttp.TCPConnector):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        protocol: type[ResponseHandler] = _Protocol
        self._factory = partial(protocol, loop=self._loop)  # aiohttp has no public way to choose it


class _Protocol(ResponseHandler):
    """Reads the status line beside aiohttp's parser."""

    line: StatusLine | None = None

    def set_response_params(self, **params: Any) -> None:
        """A request begins, perhaps on a connection that was used before."""
        self.line = StatusLine()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self.line is not None:
            self.line.feed(data)
        super().data_received(data)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """The parser has a whole head."""
        head, _ = data
        if head.code == _NO_CONTENT and _announces_body(head):
            self.force_close()  # what may follow would be taken for the next answer
        super().feed_data(data, size)


def _announces_body(head: RawResponseMessage) -> bool:
    return head.chunked or head.headers.get("content-length", "0").strip() != "0"


class _Response(aiohttp.ClientResponse):
    """Tells `arriving` where its status line will be. Answers of proxies to CONNECT are not of this class."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Waits for the head."""
        if (arrival := arriving.get()) and isinstance(connection.protocol, _Protocol):
            arrival.line = connection.protocol.line
        return await super().start(connection)
