"""How far a message and a report walk: files and calls of ours, counted on a real call (docs/architecture.md)."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from support import inside, plivo_sdk, process

from app.service import Service

APP = str(Path(__file__).parents[1] / "app")
RULES = """
[[routes]]
name = "shop"
to = "+33644600000"
rules = ["menu", "order", "ack"]
[rules.menu.keywords]
"HOURS" = "Open 9-18."
[rules.order]
match = 'order (?P<number>\\d+)'
text = "Order {number} was shipped."
[rules.ack]
text = "Got it."
"""


@dataclass
class Walk:
    """What was entered meanwhile, in every thread."""

    frames: set[FrameType] = field(default_factory=set)
    task: asyncio.Task[Any] | None = None  # whose calls are counted, while it runs; and the writer's for it

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        """A profile function: https://docs.python.org/3/library/sys.html#sys.setprofile."""
        code = frame.f_code
        if self.task and event == "call" and code.co_filename.startswith(APP) and not code.co_name.startswith("<"):
            thread = threading.current_thread()
            if thread.name.startswith("writer") or (
                thread is threading.main_thread() and asyncio.current_task() is self.task
            ):
                self.frames.add(frame)  # a coroutine that goes on is one call

    async def of(self, service: Service, path: str, fields: plivo_sdk.Pairs) -> list[CodeType]:
        """What one call enters, each call of a function once."""
        self.frames.clear()
        self.task = asyncio.current_task()
        assert await call(service, path, fields) == 200
        self.task = None
        return sorted((frame.f_code for frame in self.frames), key=lambda code: code.co_qualname)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Threads that start inside are counted, too."""
        threading.setprofile(self)
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


async def call(service: Service, path: str, fields: plivo_sdk.Pairs) -> int:
    """The status of one signed call, straight into the application."""
    headers = plivo_sdk.headers("POST", f"https://sms.example.com{path}", fields, "V2")
    headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "extensions": {},
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": plivo_sdk.form(fields).encode(), "more_body": False}

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    await service.app(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize(
    ("path", "make", "files", "calls"),
    [("/message", plivo_sdk.message, 48, 156), ("/report/message-1", plivo_sdk.report, 33, 92)],
)
async def test_walk(tmp_path: Path, path: str, make: Any, files: int, calls: int) -> None:
    """A message or report that nobody has seen before, once everything is warm. The bounds only ever go down."""
    walk = Walk()
    with walk.watching():
        async with inside.serving(tmp_path, process.THANKS + RULES) as service:
            assert await call(service, path, make()) == 200
            walks = [await walk.of(service, path, make(From=f"3370000{n:04}")) for n in range(10, 20)]
    shortest = min(walks, key=len)  # during another the writer may have had work of its own, too
    entered = {code.co_filename.removeprefix(APP) for code in shortest}
    assert len(entered) <= files, sorted(entered)
    assert len(shortest) <= calls, [code.co_qualname for code in shortest]
