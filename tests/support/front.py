"""A reverse proxy in front of the service, which may also get in its way; with TLS where a certificate is given."""

import contextlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import trustme

from support import http_server

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Passing:
    """A request on its way to the service."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Response:
    """An answer on its way back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Front:
    """How the proxy behaves now. `answers` replaces an answer; None passes the request on, changed by `change`."""

    url: str = ""
    upstream: str = ""
    answers: Callable[[Passing], Response | None] = lambda _passing: None
    change: Callable[[Passing], Passing] = lambda passing: passing
    more: dict[str, str] = field(default_factory=dict)  # headers of each answer
    seen: list[Passing] = field(default_factory=list)

    def behave(self) -> None:
        """From now on pass everything on unchanged."""
        self.answers, self.change, self.more = lambda _: None, lambda passing: passing, {}
        self.seen.clear()


class _Server(http_server.Server):
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError):  # the caller may not like the certificate
            if self.tls is None:
                super().finish_request(request, client_address)
                return
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)


class _Handler(http_server.Handler):
    protocol_version = "HTTP/1.0"  # a connection a call
    front: Front

    def respond(self) -> None:
        passing = Passing(self.command, self.path, dict(self.headers), self.body())  # a whole request, as nginx does
        self.front.seen.append(passing)
        response = self.front.answers(passing) or _fetch(self.front.upstream, self.front.change(passing))
        self.send_response_only(response.status)
        for name, value in {"date": self.date_time_string(), **response.headers, **self.front.more}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)


def _fetch(upstream: str, passing: Passing) -> Response:
    own = ("host", "connection", "content-length")
    headers = {name: value for name, value in passing.headers.items() if name.lower() not in own}
    data = passing.body if passing.method == "POST" else None
    request = urllib.request.Request(upstream + passing.path, data, headers, method=passing.method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Response(answer.status, {"content-type": answer.headers["content-type"]}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, {"content-type": error.headers["content-type"]}, error.read())
    except urllib.error.URLError:
        return Response(502, {"content-type": "text/html"}, b"<h1>502 Bad Gateway</h1>")


@contextmanager
def front(certificate: trustme.LeafCert | None = None) -> Iterator[Front]:
    """A proxy on a free port of localhost; `upstream` is to be set before it is used."""
    found = Front()
    server = _Server(type("Handler", (_Handler,), {"front": found}))
    if certificate:
        server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(server.tls)
    with http_server.running(server) as port:
        found.url = f"{'https' if certificate else 'http'}://localhost:{port}"
        yield found
