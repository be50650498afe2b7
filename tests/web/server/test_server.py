"""The server on real sockets: what is read is bounded in size and time, and ordinary traffic does not notice."""

import asyncio
import contextlib
import functools
import os
import signal
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.types import Receive, Scope, Send

from app.web import server

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SECONDS = 0.5  # instead of 30, where it is about them
ONE_READ = 256 * 1024  # of asyncio's socket transport


class Counting(server.BoundedProtocol):
    """The same; counts what the socket handed over."""

    taken = 0

    def data_received(self, data: bytes) -> None:
        """Counts."""
        Counting.taken += len(data)
        super().data_received(data)


class Quick(server.BoundedProtocol):
    """The same in a fraction of the time."""

    head_seconds = SECONDS


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body's length and the names of the headers; /early does not read it, /slow takes its time."""
    length = 0
    while scope["path"] != "/early":
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        length += len(event["body"])
        if not event["more_body"]:
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * SECONDS)
    names = b",".join(name for name, _ in scope["headers"])
    body = b"%d %s %s" % (length, names, scope["scheme"].encode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, data: bytes) -> None:
        """Sends, if the other side still listens."""
        with contextlib.suppress(OSError):
            if not self.is_over():
                self._writer.write(data)
                await self._writer.drain()

    def is_over(self) -> bool:
        """Whether the other side has hung up."""
        return self._writer.is_closing() or self._reader.at_eof() or self._reader.exception() is not None

    async def flood(self, piece: bytes, size: int) -> int:
        """Sends `piece` over and over until `size` bytes are out or the other side has hung up; how much went."""
        sent = 0
        while sent < size and not self.is_over():
            await self.say(piece)
            await asyncio.sleep(0)
            sent += len(piece)
        return sent

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        async with asyncio.timeout(20):
            head = await self._reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            return int(head.split()[1]), await self._reader.readexactly(length)

    async def rest(self) -> bytes:
        """What still comes until the other side hangs up, which it must."""
        async with asyncio.timeout(20):
            try:
                return await self._reader.read()
            except OSError:  # it hung up while we were still sending
                return b""

    async def hang_up(self) -> None:
        """Closes."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


Dial = Callable[[], contextlib.AbstractAsyncContextManager[Caller]]


@contextlib.asynccontextmanager
async def serving(protocol: type[server.BoundedProtocol]) -> AsyncIterator[Dial]:
    """The server with the service's own options, but for the protocol; gives a function that connects to it."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def nothing() -> None:
        """Nothing to stop."""

    options = server.configure(echo, "127.0.0.1", 0)
    assert isinstance(options.http, functools.partial)
    assert options.http.func is server.BoundedProtocol
    options.http = functools.partial(protocol, **options.http.keywords)
    running = server.Server(options, port.set_result, nothing)
    task = asyncio.create_task(running.serve())

    @contextlib.asynccontextmanager
    async def connect() -> AsyncIterator[Caller]:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", await port))
        try:
            yield caller
        finally:
            await caller.hang_up()

    yield connect
    running.should_exit = True
    await task


@pytest.fixture(scope="module")
async def dial() -> AsyncIterator[Dial]:
    """The server with all its patience, so that a busy machine is in time."""
    async with serving(Counting) as connect:
        yield connect


@pytest.fixture(scope="module")
async def dial_quick() -> AsyncIterator[Dial]:
    """The server with little patience."""
    async with serving(Quick) as connect:
        yield connect


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (POST + b"X: " + b"y" * 31_000 + b"\r\n\r\n", 200),
        (POST + b"X: " + b"y" * 33_000 + b"\r\n\r\n", 431),
        (POST + b"X: y\r\n" * 99 + b"\r\n", 200),
        (POST + b"X: y\r\n" * 100 + b"\r\n", 431),  # and Host
        (POST + (b"X: " + b"y" * 496 + b"\r\n") * 60 + b"\r\n", 200),
        (POST + (b"X: " + b"y" * 496 + b"\r\n") * 70 + b"\r\n", 431),
        (b"GET /" + b"y" * 31_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET /" + b"y" * 33_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (POST + b"y" * 33_000 + b": x\r\n\r\n", 431),
        (b"GET /" + b"y" * 20_000 + b" HTTP/1.1\r\nX: " + b"z" * 13_000 + b"\r\n\r\n", 431),
    ],
)
async def test_heads_over_32_kib_or_100_lines_are_refused(dial: Dial, head: bytes, status: int) -> None:
    """A request line and headers of more than 32 KiB, or more than 100 headers, get 431, in one piece or in many."""
    for size in (len(head), 5_000):
        async with dial() as caller:
            for at in range(0, len(head), size):
                await caller.say(head[at : at + size])
                await asyncio.sleep(0.001)
            assert (await caller.answer())[0] == status
            if status == 431:
                assert await caller.rest() == b""


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (POST, b"X: " + b"y" * 1_000 + b"\r\n"),
        (POST + b"X: ", b"y" * 16_384),
        (POST, b"y" * 16_384),
        (b"GET /", b"y" * 16_384),
        (CHUNKED + b"0\r\nX: ", b"y" * 16_384),
        (CHUNKED + b"0\r\n", b"X: " + b"y" * 1_000 + b"\r\n"),
        (CHUNKED + b"1;", b"y" * 16_384),
        (b"", b"\r\n" * 8_192),
        (CHUNKED.replace(b"/", b"/early") + b"0\r\nX: ", b"y" * 16_384),
    ],
    ids=[
        "headers",
        "value",
        "name",
        "url",
        "trailer",
        "trailers",
        "chunk extension",
        "blank lines",
        "after the answer",
    ],
)
async def test_endless_heads_cost_nothing(dial: Dial, begin: bytes, piece: bytes) -> None:
    """60 MB of one head, or of what follows a body, are not read: the connection is closed after 32 KiB and a read."""
    async with dial() as caller:
        await caller.say(begin)
        await asyncio.sleep(0.01)
        Counting.taken = 0
        tracemalloc.start()
        try:
            sent = await caller.flood(piece, 60_000_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert sent < 60_000_000
        assert Counting.taken <= server.HEAD_LIMIT + 2 * ONE_READ
        assert peak < 3_000_000
        await caller.rest()


@pytest.mark.parametrize(
    "said",
    [
        [],
        [b"P"],
        [b"\r\n"],
        [POST + b"X: y"],
        [POST, *[b"X: y\r\n"] * 300],  # one every 10 ms: a byte now and then does not buy time
        [b"GET / HTTP/1.1\r\n\r\n", b"GET"],
        [b"GET / HTTP/1.1\r\n\r\n", b"\r\n"],
        [b"POST /early HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", *[b"x"] * 300],
    ],
    ids=["nothing", "a byte", "a blank line", "half a head", "drops", "second head", "blank line after", "unread body"],
)
async def test_a_head_that_never_ends_is_dropped(dial_quick: Dial, said: list[bytes]) -> None:
    """After HEAD_SECONDS without a whole head the connection is closed, on the first request and on later ones."""
    async with dial_quick() as caller:
        for piece in said:
            if caller.is_over():
                break
            await caller.say(piece)
            if piece.endswith(b"\r\n\r\n"):
                assert (await caller.answer())[0] == 200
            await asyncio.sleep(0.01)
        assert await caller.rest() == b""


def test_the_promised_bounds() -> None:
    """The numbers that the documents promise."""
    assert (server.HEAD_LIMIT, server.BoundedProtocol.head_seconds, server.STOP_SECONDS) == (32_768, 30.0, 8)


async def test_patience_with_answers_and_idle_connections(dial_quick: Dial) -> None:
    """An answer may take longer than a head, and a connection between two requests may idle."""
    async with dial_quick() as caller:
        await caller.say(b"GET /slow HTTP/1.1\r\n\r\n")
        assert (await caller.answer())[0] == 200
        await asyncio.sleep(2 * SECONDS)
        await caller.say(POST + b"Content-Length: 3\r\n\r\n")
        await asyncio.sleep(2 * SECONDS)  # a body's time is the application's business
        await caller.say(b"abc")
        assert (await caller.answer())[1].startswith(b"3 ")


SIZES = [0, 1, 100, 4_096, 32_767, 32_769, 65_536, 65_537, 300_000, 0, 7]


def posted(size: int) -> bytes:
    """A POST with a body of this size."""
    return POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size


def in_chunks(size: int) -> bytes:
    """The same, chunked, with an extension and a trailer."""
    pieces = [min(9_999, size - at) for at in range(0, size, 9_999)]
    return CHUNKED + b"".join(b"%x;e=1\r\n%s\r\n" % (one, b"x" * one) for one in pieces) + b"0\r\nX-Sum: 1\r\n\r\n"


@pytest.mark.parametrize("write", [posted, in_chunks])
async def test_keep_alive_with_bodies_of_many_sizes(dial: Dial, write: Callable[[int], bytes]) -> None:
    """One connection carries one request after the other, whatever the size of the bodies."""
    async with dial() as caller:
        for size in SIZES:
            await caller.say(write(size))
            status, body = await caller.answer()
            assert (status, int(body.split()[0])) == (200, size)


@pytest.mark.parametrize("write", [posted, in_chunks])
async def test_pipelined_requests(dial: Dial, write: Callable[[int], bytes]) -> None:
    """Requests sent ahead are all answered, in their order."""
    async with dial() as caller:
        saying = asyncio.create_task(caller.say(b"".join(write(size) for size in SIZES)))
        answers = [await caller.answer() for _ in SIZES]
        await saying
        assert [(status, int(body.split()[0])) for status, body in answers] == [(200, size) for size in SIZES]


async def test_byte_by_byte(dial: Dial) -> None:
    """A request in the smallest of pieces is the same request."""
    async with dial() as caller:
        for byte in posted(5):
            await caller.say(bytes([byte]))
            await asyncio.sleep(0)
        assert (await caller.answer())[1] == b"5 host,content-length http"


async def test_a_hundred_requests_ahead_and_no_more(dial: Dial) -> None:
    """100 requests may wait for their turn; a caller who sends without reading costs no memory."""
    request = b"GET /early HTTP/1.1\r\n\r\n"
    async with dial() as caller:
        await caller.say(request * (server.AHEAD_LIMIT + 1))
        assert {(await caller.answer())[0] for _ in range(server.AHEAD_LIMIT + 1)} == {200}
    async with dial() as caller:
        assert await caller.flood(request * 1_000, 4_000_000) < 4_000_000
        await caller.rest()


async def test_a_trailer_is_no_header(dial: Dial) -> None:
    """What follows a chunked body cannot add to the headers that the gate has judged."""
    async with dial() as caller:
        await caller.say(CHUNKED + b"1\r\nx\r\n0\r\nX-Plivo-Signature-V3: y\r\nContent-Type: z\r\n\r\n")
        assert await caller.answer() == (200, b"1 host,transfer-encoding http")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS on the plain port
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET no-slash HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\n",
        b"\x00" * 100,
    ],
)
async def test_garbage_is_400(dial: Dial, garbage: bytes) -> None:
    """What is no HTTP gets 400 and is hung up on, and the next caller is served."""
    async with dial() as caller:
        await caller.say(garbage)
        assert (await caller.answer())[0] == 400
        assert await caller.rest() == b""
    async with dial() as caller:
        await caller.say(posted(1))
        assert (await caller.answer())[0] == 200


async def test_a_proxys_word_changes_nothing(dial: Dial) -> None:
    """Signatures are computed over public_url: forwarding headers do not change the scope, nor are we named."""
    async with dial() as caller:
        await caller.say(POST + b"X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n")
        said = await caller.rest()
        assert said.endswith(b"host,x-forwarded-proto,connection http")
        assert b"server:" not in said.lower()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_order_of_stopping(number: signal.Signals) -> None:
    """On a signal the service is told first, then what is under way is answered; the process does not die of it."""
    order: list[str] = []
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    begun, told = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await told.wait()
        order.append("answered")
        await echo(scope, receive, send)

    async def on_stop() -> None:
        order.append("told")
        told.set()

    task = asyncio.create_task(server.Server(server.configure(app, "127.0.0.1", 0), port.set_result, on_stop).serve())
    caller = Caller(*await asyncio.open_connection("127.0.0.1", await port))
    await caller.say(posted(3))
    await begun.wait()
    os.kill(os.getpid(), number)
    assert (await caller.answer())[0] == 200
    await task
    await caller.hang_up()
    assert order == ["told", "answered"]


async def test_a_server_beside_the_first_does_not_hold_up_the_stop() -> None:
    """It serves on its own socket in the same loop, hears no signal, and gives what is under way a second."""
    begun = asyncio.Event()

    async def hangs(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/hang":
            begun.set()
            await asyncio.Event().wait()
        await echo(scope, receive, send)

    handler = signal.getsignal(signal.SIGTERM)
    listener = server.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with server.additional_server(hangs, listener):
        assert signal.getsignal(signal.SIGTERM) is handler
        caller = Caller(*await asyncio.open_connection("127.0.0.1", port))
        await caller.say(posted(3))
        assert (await caller.answer())[0] == 200
        other = Caller(*await asyncio.open_connection("127.0.0.1", port))
        await other.say(b"GET /hang HTTP/1.1\r\n\r\n")
        await begun.wait()
        stopping = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stopping < 30  # whoever waits for the call waits for ever
    for one in (caller, other):
        await one.rest()
        await one.hang_up()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", "AF_INET"), ("::1", "AF_INET6"), ("localhost", None)])
def test_listening_on_an_address(host: str, family: str | None) -> None:
    """IPv4, IPv6 and a name; a port that is taken is an error at once."""
    with server.listen(host, 0) as listener:
        assert family in (None, listener.family.name)
        with pytest.raises(OSError, match="in use"):
            server.listen(host, listener.getsockname()[1])
