"""An HTTP proxy on loopback: CONNECT and forwarding. Every name leads to 127.0.0.1, so that tests need no DNS."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support import http_server


@dataclass(frozen=True)
class Asked:
    """One request to the proxy, and the headers that came with it (lower-case names)."""

    line: str
    headers: dict[str, str]


@dataclass
class Proxy:
    """Where it is, and what it was asked."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def proxying(refuse: int | None = None) -> Iterator[Proxy]:
    """On a free port; with `refuse` it answers everything with that status."""
    proxy = Proxy()

    class Handler(http_server.Handler):
        def do_CONNECT(self) -> None:  # noqa: N802 - named by http.server
            if self._noted():
                with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2]))) as receiver:
                    self.send_response(200, "Connection established")
                    self.end_headers()
                    back = threading.Thread(target=_pass_on, args=(receiver, self.connection), daemon=True)
                    back.start()
                    _pass_on(self.connection, receiver)
                    back.join()
                self.close_connection = True

        def respond(self) -> None:
            body = self.body()
            if self._noted():
                url = urlsplit(self.path)
                onward = http.client.HTTPConnection("127.0.0.1", url.port or 80)
                headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
                onward.request("POST", url.path, body, headers)
                answer = onward.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                onward.close()

        def _noted(self) -> bool:
            """Whether it goes on."""
            headers = {name.lower(): value for name, value in self.headers.items()}
            proxy.asked.append(Asked(f"{self.command} {self.path}", headers))
            if refuse:
                self.send_response(refuse)
                self.send_header("content-length", "0")
                self.end_headers()
            return refuse is None

    with http_server.running(http_server.Server(Handler)) as proxy.port:
        yield proxy


def _pass_on(source: socket.socket, destination: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            destination.sendall(data)
    with contextlib.suppress(OSError):
        destination.shutdown(socket.SHUT_WR)
