"""A service in this process that answers many messages at times of its own: real rules, a real store, a bot without a
wire, and Plivo's retries.
"""

import heapq
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app import config
from app.http_client import HttpClient
from app.plivo.messages import InboundMessage, Verified
from app.replies.failed_calls import RulesFailed
from app.replies.handler import ReplyHandler
from app.replies.observer import Observer
from app.rules.services import RuleServices
from app.runtime import Runtime
from app.store import Store
from app.telemetry.metrics import Metrics
from support import inside
from support.stored import NO_COPIES, Clock, opened

SHOP = "33644600000"
PLAIN = f"""
[[routes]]
name = "shop"
to = "+{SHOP}"
rules = ["menu", "bot", "ack"]
[rules.menu.keywords]
HOURS = "Open 9-18."
[rules.bot]
match = "^bot: "
webhook = "http://bot.test/sms"
[rules.ack]
text = "Got it."
"""
LATE = 2  # calls that a bot which is late does not answer
RETRIES = (60.0, 120.0, 240.0)  # seconds after which Plivo calls again


def runtime_of(folder: Path, text: str, name: str = "config.toml") -> Runtime:
    """What a file yields."""
    (folder / name).write_text(inside.HEAD + text)
    return config.load(folder / name).runtime


@dataclass
class Answering:
    """The service. `answers` has the XML of each message that was answered."""

    store: Store
    clock: Clock
    handler: ReplyHandler
    bot: "Bot"
    answers: dict[str, bytes] = field(default_factory=dict)
    _due: list[tuple[float, int, InboundMessage]] = field(default_factory=list)  # calls that Plivo makes again
    _calls: dict[str, int] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=itertools.count)
    _uuids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def text(self, sender: str, to: str, text: str, intent: str = "", kind: str = "sms") -> str:
        """Somebody texts us; the MessageUUID. It is called in again until it is answered, as time goes on."""
        uuid = f"message-{next(self._uuids)}"
        await self._call(InboundMessage.of(uuid, sender, to, text, kind, intent, units=1))
        return uuid

    async def wait(self, seconds: float) -> None:
        """Time goes on, and Plivo makes the calls that are due."""
        until = self.clock.now + seconds
        while self._due and self._due[0][0] <= until:
            at, _, message = heapq.heappop(self._due)
            self.clock.advance(at - self.clock.now)
            await self._call(message)
        self.clock.advance(until - self.clock.now)

    async def _call(self, message: InboundMessage) -> None:
        uuid = message.message_uuid
        calls = self._calls[uuid] = self._calls.get(uuid, 0) + 1
        try:
            self.answers[uuid] = await self.handler.answer(message, Verified("/message", (), (), "V3", 1))
        except RulesFailed:
            heapq.heappush(self._due, (self.clock.now + RETRIES[calls - 1], next(self._order), message))


@asynccontextmanager
async def answering(folder: Path, runtime: Runtime) -> AsyncIterator[Answering]:
    """A service on a new store in this folder."""
    clock, bot = Clock(), Bot()
    async with (
        opened(folder / "autoreply.db", clock) as store,
        HttpClient(connections=10, user_agent="test", transport=httpx.MockTransport(bot)) as client,
    ):
        observer = Observer(Metrics())
        handler = ReplyHandler(lambda: runtime, store.journal, RuleServices(client), NO_COPIES, observer, clock, "us")
        yield Answering(store, clock, handler, bot)
        await handler.stop(5)


@dataclass
class Bot:
    """The webhook. What it says depends on the text, `bot: STATUS BODY`; to `bot: late BODY` at the third call only."""

    calls: Counter[str] = field(default_factory=Counter)  # by MessageUUID

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one call."""
        message = json.loads(request.content)
        status, _, body = message["text"].removeprefix("bot: ").partition(" ")
        self.calls[message["message_uuid"]] += 1
        if status == "late":
            status = "200" if self.calls[message["message_uuid"]] > LATE else "503"
        code = int(status) if status.isdigit() else 204
        kind = "application/json" if body.startswith("{") else "text/plain"
        return httpx.Response(code, headers={"content-type": kind}, stream=httpx.ByteStream(body.encode()))
