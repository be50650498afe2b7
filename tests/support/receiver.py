"""A target on loopback that keeps what it gets, and answers as it is told."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support import http_server


@dataclass(frozen=True)
class Received:
    """One POST."""

    path: str
    headers: dict[str, str]  # lower-case names
    body: bytes


Said = int | tuple[int, dict[str, str]] | tuple[int, dict[str, str], bytes]
Answer = Callable[[Received], Said]


@dataclass
class Receiver:
    """What came, in order.

    `answer` gives the status of each POST, maybe with headers and a body; it may look at what came, and block.
    """

    answer: Answer = lambda _received: 204
    received: list[Received] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def wait_for(self, enough: Callable[[list[Received]], bool], seconds: float = 60.0) -> list[Received]:
        """What came, once it is enough."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: enough(self.received), seconds), f"got {len(self.received)}"
            return list(self.received)


@contextmanager
def receiving(answer: Answer = lambda _received: 204) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(answer)

    class Handler(http_server.Handler):
        def respond(self) -> None:
            got = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, self.body())
            answer = receiver.answer(got)
            status, headers, said = (*answer, b"")[:3] if isinstance(answer, tuple) else (answer, {}, b"")
            with receiver.arrived:
                receiver.received.append(got)
                receiver.arrived.notify_all()
            self.send_response(status)
            for name, value in {"content-length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

    class Server(http_server.Server):
        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # whoever posted may be killed
                super().handle_error(request, client_address)

    with http_server.running(Server(Handler)) as port:
        receiver.url = f"http://127.0.0.1:{port}"
        yield receiver
