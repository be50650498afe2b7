"""A webhook on loopback: a rule's other side. It answers with a text, at once or when a test lets it."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support import http_server

Says = tuple[int, str]  # status and text


@dataclass(frozen=True)
class Call:
    """One message put to the bot."""

    identity: str  # webhook-id
    message: dict[str, Any]


@dataclass
class Bot:
    """The calls as they came in, also those that have had no answer yet; `answer` may block."""

    answer: Callable[[Call], Says]
    calls: list[Call] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def of(self, params: list[tuple[str, str]]) -> list[Call]:
        """The calls for one message."""
        with self.arrived:
            uuid = dict(params)["MessageUUID"]
            return [call for call in self.calls if call.message["message_uuid"] == uuid]

    def wait_for(self, params: list[tuple[str, str]], calls: int = 1, seconds: float = 15.0) -> None:
        """Until it has been asked so often for one message."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.of(params)) >= calls, seconds), f"{len(self.of(params))}"


@contextmanager
def answering(answer: Callable[[Call], Says]) -> Iterator[Bot]:
    """A bot on a free port."""
    bot = Bot(answer, arrived=threading.Condition(threading.RLock()))

    class Handler(http_server.Handler):
        def respond(self) -> None:
            call = Call(self.headers.get("webhook-id", ""), json.loads(self.body()))
            with bot.arrived:
                bot.calls.append(call)
                bot.arrived.notify_all()
            status, text = bot.answer(call)
            with contextlib.suppress(ConnectionError):  # whoever asked may be gone
                self.send_response(status)
                self.send_header("content-type", "text/plain; charset=utf-8")
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

    with http_server.running(http_server.Server(Handler)) as port:
        bot.url = f"http://127.0.0.1:{port}"
        yield bot
