"""Whether a host is reached is told without a request: by name, by port, by certificate, and through a proxy."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
import trustme
from support.http_proxy import proxying
from support.secured import secured

from app.http_client import RequestFailed
from app.http_client.reach import connected, look_up, reach

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[int]:
    """A port on loopback; at the end every connection to it is closed, too."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def listening(said: bytes = b"") -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that keeps the first lines that it hears, and answers; gives it and them."""
    heard: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(said)
        await writer.drain()

    async with serving(handle) as port:
        yield port, heard


async def test_names_are_looked_up() -> None:
    """A name has addresses; one that has none says so."""
    assert "127.0.0.1" in await look_up("localhost", timeout=5)
    assert await look_up("127.0.0.1", timeout=5) == ("127.0.0.1",)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".example"])
async def test_a_name_that_is_none(host: str) -> None:
    """What no resolver would take is a failure, not a crash."""
    with pytest.raises(RequestFailed):
        await look_up(host, timeout=5)


async def test_a_port_is_reached_without_a_word() -> None:
    """Nothing is sent to who listens."""
    async with listening() as (port, heard):
        reached = await reach(f"http://127.0.0.1:{port}/hook?key=hush", timeout=5)
        assert (reached.proxy, reached.expires) == (None, None)
        await asyncio.sleep(0)
    assert heard in ([], [b""])


async def test_nobody_listens() -> None:
    """In the words that a POST would fail with, without the URL."""
    with pytest.raises(RequestFailed, match=r"^could not connect \(Connection refused\)$"):
        await reach("http://127.0.0.1:9/hook?key=hush", timeout=5)


async def test_a_certificate_and_its_end() -> None:
    """A trusted certificate tells when it ends; any other is a failure that names the reason."""
    authority, end = trustme.CA(), datetime(2040, 1, 2, 3, 4, 5, tzinfo=UTC)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with secured(authority.issue_cert("localhost", not_after=end)) as receiver:
        assert (await reach(receiver.url, timeout=5, tls=trusting)).expires == end.timestamp()
        with pytest.raises(RequestFailed, match=r"^its certificate is not trusted \(its authority"):
            await reach(receiver.url, timeout=5)
    assert receiver.posts == []


async def test_a_port_that_says_nothing() -> None:
    """A TLS handshake that does not come is bounded by the timeout."""

    async def wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(60)

    async with serving(wait) as port:
        with pytest.raises(RequestFailed, match=r"^could not connect within 0\.2 s$"):
            await reach(f"https://localhost:{port}", timeout=0.2)


async def test_a_line_that_comes_in_time() -> None:
    """A connection can be listened to for a while."""
    async with listening(b"hello\r\n") as (port, _), connected(f"http://127.0.0.1:{port}", timeout=5) as connection:
        assert await connection.read_line(0.05) == b""
        connection.writer.write(b"x\n")
        assert await connection.read_line(5) == b"hello\r\n"


async def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a request would go: https asks the proxy for a tunnel, http connects to the proxy alone."""
    with proxying(refuse=407) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hush@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(RequestFailed, match=r"^the proxy refused \(status 407\)$"):
            await reach("https://crm.example.com/hook?key=hush", timeout=5)
        (asked,) = proxy.asked
        assert asked.line == "CONNECT crm.example.com:443"
        assert asked.headers["proxy-authorization"].startswith("Basic ")
        assert (await reach("http://crm.example.com/hook", timeout=5)).proxy == f"http://127.0.0.1:{proxy.port}"
        assert len(proxy.asked) == 1


async def test_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a tunnel the certificate is the receiver's."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with secured(authority.issue_cert("crm.example.com")) as receiver, proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        reached = await reach(f"https://crm.example.com:{receiver.port}/", timeout=5, tls=trusting)
    assert reached.proxy == f"http://127.0.0.1:{proxy.port}"
    assert reached.expires
