"""Plivo as a crowd: clients that call until they hear 200, whichever process answers, and note what they heard."""

import contextlib
import http.client
import queue
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from support import plivo_sdk, process, wire

PAUSE = 0.02  # seconds between two calls with the same words, as Plivo waits a minute


@dataclass(frozen=True)
class Call:
    """What Plivo says, and to which path."""

    path: str
    params: plivo_sdk.Pairs

    @property
    def uuid(self) -> str:
        """The MessageUUID."""
        return dict(self.params)["MessageUUID"]


@dataclass(frozen=True)
class Heard:
    """An answer with 200."""

    uuid: str
    body: bytes


class Crowd:
    """So many clients; `service` is whoever answers now, None while nobody does."""

    def __init__(self, clients: int = 4) -> None:
        self.service: process.Served | None = None
        self.refused = 0
        self.heard: list[Heard] = []
        self._waiting: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def call(self, *calls: Call) -> None:
        """Has these called in."""
        for call in calls:
            self._waiting.put(call)

    def join(self, seconds: float = 30.0) -> None:
        """Waits until all have heard 200; nobody calls after that."""
        for _ in self._threads:
            self._waiting.put(None)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
            assert not thread.is_alive(), f"{len(self.heard)} heard 200, the others still call"

    def _client(self) -> None:
        while (call := self._waiting.get()) is not None:
            while not self._call(call):
                self.refused += 1
                time.sleep(PAUSE)

    def _call(self, call: Call) -> bool:
        service = self.service
        if service is None:
            return False
        headers = plivo_sdk.headers("POST", f"{wire.PUBLIC}{call.path}", call.params)
        headers["content-type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=10)
        with closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", call.path, plivo_sdk.form(call.params), headers)
            response = connection.getresponse()
            body = response.read()
            if response.status == 200:
                self.heard.append(Heard(call.uuid, body))
                return True
        return False
