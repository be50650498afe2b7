"""200 webhooks hang at once: how long does a plain text route take meanwhile? `make bench`.

One real process; the requests are signed by this script, sent over kept-alive connections of loopback.
Judged: the p99 beside 200 hanging webhooks is at most twice that of the idle service. Shown only: both.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from harness import kept

TOKEN = "bench"
PUBLIC = "https://sms.example.com"
PLAIN, BOT = "33644600000", "33644600001"
HANGING, CLIENTS, REQUESTS, ROUNDS = 200, 4, 400, 3
PROMISE = 2.0

CONFIG = """
[server]
public_url = "https://sms.example.com"
[plivo]
auth_tokens = { env = "PLIVO_AUTH_TOKEN" }
[[routes]]
name = "plain"
to = "+33644600000"
text = "Thanks, we got your message."
[[routes]]
name = "bot"
to = "+33644600001"
webhook = { env = "BENCH_WEBHOOK" }
timeout = "50s"
[limits]
total = "100000000/1d"
[logging]
format = "json"
"""

_numbers = itertools.count(1)


def request(to: str) -> bytes:
    """One signed message of a new sender, as bytes."""
    number = next(_numbers)
    nonce = f"{number:020d}"
    message = f"{PUBLIC}/message{nonce}".encode()
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), message, hashlib.sha256)).decode()
    fields = {"From": f"337{number:08d}", "MessageUUID": f"bench-{number}", "Text": "hello", "To": to, "Type": "sms"}
    body = urlencode(fields).encode()
    head = (
        f"POST /message HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        f"x-plivo-signature-v2: {signature}\r\nx-plivo-signature-v2-nonce: {nonce}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str) -> int:
    """The status of one message."""
    writer.write(request(to))
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(lengths[0].split(b":")[1]))
    return int(head[9:12])


async def client(port: int, latencies: list[float]) -> None:
    """Plain messages, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(REQUESTS):
        started = time.perf_counter()
        status = await ask(reader, writer, PLAIN)
        latencies.append(time.perf_counter() - started)
        assert status == 200, status
    writer.close()


async def measure(port: int) -> float:
    """The p99 of the plain route, in milliseconds: the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        latencies: list[float] = []
        await asyncio.gather(*(client(port, latencies) for _ in range(CLIENTS)))
        found.append(statistics.quantiles(latencies, n=100)[98] * 1000)
    return statistics.median(found)


async def bot(port: int) -> None:
    """One message whose webhook hangs; its 503 comes at the deadline."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await ask(reader, writer, BOT)
    writer.close()


async def main() -> bool:
    """Print the figures; whether the promise was kept."""
    asked = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    receiver = await asyncio.start_server(hang, "127.0.0.1", 0)
    webhook = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.toml")
        config.write_text(CONFIG)
        environment = os.environ | {"PLIVO_AUTH_TOKEN": TOKEN, "AUTOREPLY_DATA": folder, "BENCH_WEBHOOK": webhook}
        command = [sys.executable, "-m", "app", "serve", "-c", str(config), "--port", "0"]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
        port = await _port(process)
        drained = asyncio.create_task(_drain(process))
        await measure(port)  # warm
        idle = await measure(port)
        calls = [asyncio.create_task(bot(port)) for _ in range(HANGING)]
        while asked < HANGING:
            await asyncio.sleep(0.05)
        busy = await measure(port)
        print(f"p99 of a plain text route, {CLIENTS} clients: idle {idle:.1f} ms")
        print(f"the same beside {asked} hanging webhooks: {busy:.1f} ms")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        process.kill()
        await process.wait()
        await drained
    receiver.close()
    return kept("p99, beside hanging webhooks / idle", busy / idle, at_most=PROMISE)


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr
    async for line in process.stderr:
        if b'"listening"' in line:
            return int(json.loads(line)["port"])
    sys.exit("the service did not start")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr
    async for _ in process.stderr:
        pass


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
