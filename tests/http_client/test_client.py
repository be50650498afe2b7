"""What we post is bounded in time and size, and a status that came is never lost. Real sockets on loopback."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from app.http_client import HttpClient, ReceivedResponse, RequestFailed

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def receiver(talk: Talk) -> AsyncIterator[str]:
    """A receiver that reads the head of a request and then does as it is told; gives its URL."""
    talking: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the caller has had enough, or the test has
        finally:
            talking.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for task in talking:
            task.cancel()
        server.close()
        await server.wait_closed()


def saying(answer: bytes) -> Talk:
    """A receiver that says this and hangs up."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return talk


async def post(url: str, *, timeout: float = 5.0, cap: int = 1_000, body: bytes = b"") -> ReceivedResponse:
    """One attempt."""
    async with HttpClient(connections=2, user_agent="test/1") as outbound:
        return await outbound.post(url, body, {"content-type": "application/json"}, timeout=timeout, cap=cap)


async def test_an_answer_comes_back() -> None:
    """Status, type, Retry-After and body of an answer are told."""
    talk = saying(b"HTTP/1.1 503 x\r\nContent-Type: text/plain\r\nRetry-After: 120\r\nContent-Length: 5\r\n\r\nlater")
    async with receiver(talk) as url:
        assert await post(url) == ReceivedResponse(503, "text/plain", "120", b"later", truncated=False)


async def test_what_is_sent() -> None:
    """The body arrives as it is, with our name and without asking for a compressed answer."""
    got: dict[str, str] = {}

    async def answer(request: httpx.Request) -> httpx.Response:
        got.update(request.headers, body=(await request.aread()).decode(), method=request.method)
        return httpx.Response(204, stream=httpx.ByteStream(b""))

    async with HttpClient(connections=1, user_agent="test/1", transport=httpx.MockTransport(answer)) as outbound:
        sent = await outbound.post("http://a/b?c", "é".encode(), {"x-own": "1"}, timeout=1, cap=1)
    assert sent == ReceivedResponse(204, "", None, b"", truncated=False)
    assert (got["user-agent"], got["accept-encoding"], got["x-own"]) == ("test/1", "identity", "1")
    assert (got["method"], got["body"], got["content-length"]) == ("POST", "é", "2")


@pytest.mark.parametrize(("length", "truncated"), [(0, False), (999, False), (1_000, False), (1_001, True)])
async def test_the_cap_to_the_byte(length: int, truncated: bool) -> None:  # noqa: FBT001 - a column of the table
    """At most `cap` bytes of an answer are kept, and it says so when there was more."""
    async with receiver(saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)) as url:
        answer = await post(url)
    assert (len(answer.body), answer.truncated) == (min(length, 1_000), truncated)


async def test_a_gigabyte_is_not_read() -> None:
    """An endless answer is left after the cap, not at the timeout."""
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 100_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with receiver(talk) as url:
        answer = await post(url, timeout=30.0)
    assert (len(answer.body), answer.truncated) == (1_000, True)
    assert sent < 20_000_000  # what socket buffers hold


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """A gzip bomb stays compressed: the bytes are told as they came."""
    talk = saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8bno")
    async with receiver(talk) as url:
        assert (await post(url)).body == b"\x1f\x8bno"


async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Never answers, and reads no more."""
    await asyncio.sleep(60)


async def drip_heads(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Interim answers one by one, which are no answer."""
    for _piece in range(500):
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.filterwarnings("ignore:Sending a large body")  # aiohttp's, of a body that we never send
@pytest.mark.parametrize(
    ("talk", "size"), [(hang, 0), (drip_heads, 0), (hang, 30_000_000)], ids=["hang", "hints", "deaf"]
)
async def test_the_timeout_bounds_the_whole_attempt(talk: Talk, size: int) -> None:
    """Connect, send and answer share one timeout: a receiver that hangs, drips or does not read gets no more."""
    async with receiver(talk) as url:
        async with asyncio.timeout(30):  # one that hangs does so for a minute; one that drips ends in another way
            with pytest.raises(RequestFailed, match=r"^no answer within 0\.2 s$"):
                await post(url, timeout=0.2, body=b"x" * size)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """A redirect is an answer like any other: what is posted goes where the config says, and nowhere else."""
    asked: list[str] = []

    async def elsewhere(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        asked.append("elsewhere")

    async with receiver(elsewhere) as other:
        head = f"HTTP/1.1 {status} x\r\nLocation: {other}/\r\nContent-Length: 0\r\n\r\n"
        async with receiver(saying(head.encode())) as url:
            assert (await post(url)).status == status
    assert asked == []


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Breaks off with RST."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (reset, "the connection failed"),
        (saying(b""), "the receiver closed the connection or does not speak HTTP"),
        (saying(b"220 mail.example ESMTP\r\n"), "the receiver closed the connection or does not speak HTTP"),
        (saying(b"HTTP/1.1 200 OK"), "the receiver closed the connection or does not speak HTTP"),
        (saying(b"HTTP/1.1 100 Continue\r\n\r\n"), "the receiver closed the connection or does not speak HTTP"),
    ],
    ids=["reset", "closed", "smtp", "cut status line", "interim only"],
)
async def test_broken_answers(talk: Talk, said: str) -> None:
    """G12: an attempt without a status is RequestFailed, in words that hold no URL and no query."""
    async with receiver(talk) as url:
        with pytest.raises(RequestFailed) as caught:
            await post(f"{url}/hook?token=hush")
    assert str(caught.value).startswith(said)
    for secret in ("hush", "hook", "127.0.0.1"):
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None  # no traceback shows the URL either


async def drip_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that never ends, a byte at a time, so that no single read is slow."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    for _piece in range(500):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Headers that never end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for _piece in range(500):
        writer.write(b"X: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def reset_after_status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says how it went, and breaks off with RST."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await writer.drain()
    await reset(reader, writer)


BROKE = "the receiver closed the connection or does not speak HTTP"
AFTER_THE_STATUS: dict[str, tuple[Talk, int, str | None]] = {  # what it says, its status, what is wrong with the rest
    "204 with a body": (saying(b"HTTP/1.1 204 x\r\nContent-Length: 4\r\n\r\nnull"), 204, BROKE),
    "204 with chunks": (
        saying(b"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnull\r\n0\r\n\r\n"),
        204,
        BROKE,
    ),
    "204 with a surprise": (saying(b"HTTP/1.1 204 x\r\n\r\nnull"), 204, BROKE),
    "cut body": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), 200, BROKE),
    "cut chunk": (saying(b"HTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf"), 201, BROKE),
    "cut head": (saying(b"HTTP/1.1 200 OK\r\nContent-Le"), 200, BROKE),
    "no more than a status": (saying(b"HTTP/1.1 200 OK\r\n"), 200, BROKE),
    "reset": (reset_after_status, 200, "the connection failed (Connection reset by peer)"),
    "negative length": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"), 200, BROKE),
    "length that is none": (saying(b"HTTP/1.0 200 OK\r\nContent-Length: 4,5\r\n\r\nhello"), 200, BROKE),
    "two lengths": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), 200, BROKE),
    "more than its length": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"), 200, BROKE),
    "endless header": (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000), 200, BROKE),
    "a thousand headers": (saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000 + b"\r\n"), 200, BROKE),
    "header without a colon": (saying(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), 200, BROKE),
    "behind hints": (saying(b"HTTP/1.1 103 x\r\nX: 1\r\n\r\nHTTP/1.1 202 x\r\nnonsense\r\n\r\n"), 202, BROKE),
    "refusal with a cut body": (saying(b"HTTP/1.1 400 x\r\nContent-Length: 9\r\n\r\nno"), 400, BROKE),
    "body that never ends": (drip_body, 200, "no answer within 1 s"),
    "head that never ends": (drip_head, 200, "no answer within 1 s"),
    "long header": (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 30_000 + b"\r\nContent-Length: 0\r\n\r\n"), 200, None),
    "200 headers": (saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"Content-Length: 0\r\n\r\n"), 200, None),
    "bare line feeds": (saying(b"HTTP/1.1 200\nContent-Length: 0\n\n"), 200, None),
    "HTTP/1.0 without length": (saying(b"HTTP/1.0 200 OK\r\n\r\nhello"), 200, None),
    "299": (saying(b"HTTP/1.1 299 x\r\nContent-Length: 0\r\n\r\n"), 299, None),
    "100 first": (saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n"), 204, None),
}


@pytest.mark.parametrize("name", AFTER_THE_STATUS)
async def test_a_status_line_is_a_verdict(name: str) -> None:
    """Once it is in, whatever follows it, the status is returned; what was wrong with the rest is told."""
    talk, status, broken = AFTER_THE_STATUS[name]
    async with receiver(talk) as url:
        answer = await post(f"{url}/hook?token=hush", timeout=1.0)
    assert (answer.status, answer.broken) == (status, broken)


async def test_a_broken_body_keeps_what_came() -> None:
    """Headers that were read are told although the body broke off: a Retry-After counts."""
    talk = saying(b"HTTP/1.1 503 x\r\nRetry-After: 120\r\nContent-Length: 9\r\n\r\nlater")
    async with receiver(talk) as url:
        answer = await post(url)
    assert (answer.status, answer.retry_after, answer.body, answer.broken) == (503, "120", b"later", BROKE)


async def test_a_body_after_204_is_not_taken_for_the_next_answer() -> None:
    """A 204 that announces a body ends its connection: the body may come while the next request is under way."""
    opened = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        writer.write(b"HTTP/1.1 204 x\r\nContent-Length: 4\r\n\r\n")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the next request, if it comes on this connection
        writer.write(b"null")
        await writer.drain()

    async with receiver(talk) as url, HttpClient(connections=1, user_agent="t") as outbound:
        for _ in range(3):
            assert (await outbound.post(url, b"", {}, timeout=5, cap=10)).status == 204
    assert opened == 3


async def test_the_last_answer_is_not_taken_for_this_one() -> None:
    """A receiver that closes a connection which it has answered on before has not answered the second request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    async with receiver(talk) as url, HttpClient(connections=1, user_agent="t") as outbound:
        assert (await outbound.post(url, b"", {}, timeout=5, cap=10)).status == 200
        with pytest.raises(RequestFailed, match=r"^the receiver closed the connection"):
            await outbound.post(url, b"", {}, timeout=5, cap=10)


async def test_nobody_listens() -> None:
    """A refused connection says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/?token=hush"
    with pytest.raises(RequestFailed, match=r"^could not connect \(Connection refused\)$") as caught:
        await post(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x?hush", "http://[/?hush", f"http://{'a' * 64}.example/?hush", "http://.example/?hush"]
)
async def test_urls_that_cannot_be_dialled(url: str) -> None:
    """A URL that is none is a failed attempt, not a crash, and is not repeated in the message."""
    with pytest.raises(RequestFailed) as caught:
        await post(url)
    assert "hush" not in str(caught.value)


async def test_https_to_a_plain_port() -> None:
    """A TLS handshake that fails is RequestFailed."""

    async def no_tls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(no_tls, "127.0.0.1", 0)
    async with server:
        with pytest.raises(RequestFailed, match=r"^could not connect"):
            await post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_connections_are_kept_and_given_back() -> None:
    """A connection is used again, and a slow or failed attempt does not use the pool up."""
    opened = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            writer.write(b"HTTP/1.1 204 x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")

    async with receiver(talk) as url, receiver(hang) as slow, HttpClient(connections=1, user_agent="t") as outbound:
        for _ in range(3):
            assert (await outbound.post(url, b"", {}, timeout=5, cap=10)).status == 204
        assert opened == 1
        for _ in range(2):
            with pytest.raises(RequestFailed):
                await outbound.post(slow, b"", {}, timeout=0.1, cap=10)
        assert (await outbound.post(url, b"", {}, timeout=5, cap=10)).status == 204
