"""Whether a receiver can be reached: its name, its port and its certificate, without a request."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from app.http_client.failures import CLOSED, describe
from app.http_client.proxies import PORTS, Proxy, read_proxies
from app.http_client.tls import authorities
from app.http_client.values import RequestFailed


@dataclass(frozen=True, slots=True)
class Reached:
    """What a connection showed."""

    proxy: str | None  # that led there, without password; None: directly
    expires: float | None  # when the certificate does, in seconds since the epoch; None: no TLS


@dataclass(frozen=True, slots=True)
class Connected:
    """An open connection, with TLS where the URL says so."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    reached: Reached

    async def read_line(self, timeout: float) -> bytes:
        """Read the first line that comes within `timeout` seconds; nothing if none comes."""
        try:
            async with asyncio.timeout(timeout):
                return await self.reader.readline()
        except (TimeoutError, OSError, ValueError):
            return b""


async def look_up(host: str, *, timeout: float) -> tuple[str, ...]:
    """The addresses of a host name, in the resolver's order. Raises `RequestFailed`."""
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise RequestFailed(f"its name is not looked up within {timeout:g} s") from None
    except (OSError, UnicodeError) as error:
        raise _failure(error) from None
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def reach(url: str, *, timeout: float, tls: ssl.SSLContext | None = None) -> Reached:
    """Connect as a request would, by the proxy of the environment and with TLS, and hang up. Raises `RequestFailed`."""
    async with connected(url, timeout=timeout, tls=tls) as connection:
        return connection.reached


@asynccontextmanager
async def connected(url: str, *, timeout: float, tls: ssl.SSLContext | None = None) -> AsyncIterator[Connected]:
    """A connection to the host of a URL, opened within `timeout` seconds. Raises `RequestFailed`, `BadEnvironment`."""
    proxy = read_proxies().route(httpx.URL(url))
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _open(url, proxy, tls or authorities())
    except TimeoutError:
        raise RequestFailed(f"could not connect within {timeout:g} s") from None
    except (OSError, EOFError, ValueError) as error:
        raise _failure(error) from None
    try:
        yield Connected(reader, writer, Reached(proxy.url if proxy else None, _expiry(writer)))
    finally:
        writer.transport.abort()  # a goodbye in TLS would be waited for
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _open(
    url: str, proxy: Proxy | None, tls: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    context = tls if parts.scheme == "https" else None
    if proxy is None:
        return await asyncio.open_connection(host, port, ssl=context)
    through = urlsplit(proxy.url)
    reader, writer = await asyncio.open_connection(through.hostname, through.port)
    if context is not None:
        try:
            await _tunnel(reader, writer, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy)
            await writer.start_tls(context, server_hostname=host)
        except BaseException:
            writer.transport.abort()
            raise
    return reader, writer


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str, proxy: Proxy) -> None:
    """Ask a proxy for a connection. https://www.rfc-editor.org/rfc/rfc9110#name-connect"""
    authorization = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    writer.write(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{authorization}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if not status or not status[0].startswith(b"2"):
        shown = status[0].decode("latin-1") if status else CLOSED
        raise ProxyRefusedError(shown)


class ProxyRefusedError(OSError):
    """The proxy did not connect us; holds its status."""


def _failure(error: BaseException) -> RequestFailed:
    if isinstance(error, ProxyRefusedError):
        return RequestFailed(f"the proxy refused (status {error})")
    wrapped = httpx.ConnectError("")
    wrapped.__cause__ = error
    return RequestFailed(describe(wrapped))


def _expiry(writer: asyncio.StreamWriter) -> float | None:
    certificate = writer.get_extra_info("peercert")
    return ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None
