"""A target behind TLS on loopback, which may ask for a client certificate."""

import contextlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import trustme

from support import http_server


@dataclass
class Secured:
    """A receiver behind one certificate, and the ids of what reached it."""

    port: int = 0
    posts: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """On the name that every machine knows."""
        return f"https://localhost:{self.port}"


class _Server(http_server.Server):
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        with (
            contextlib.suppress(ssl.SSLError, ConnectionError),  # one did not like the other's certificate
            self.tls.wrap_socket(request, server_side=True) as secured,
        ):
            super().finish_request(secured, client_address)


@contextmanager
def secured(certificate: trustme.LeafCert, clients: trustme.CA | None = None, answer: bytes = b"") -> Iterator[Secured]:
    """On a free port; `clients` vouches for those who may come, `answer` is a text, or 204 without one."""
    receiver = Secured()

    class Handler(http_server.Handler):
        protocol_version = "HTTP/1.0"  # a connection a call

        def respond(self) -> None:
            receiver.posts.append(self.headers["webhook-id"])
            self.body()
            self.send_response(200 if answer else 204)
            self.send_header("content-type", "text/plain")
            self.end_headers()
            self.wfile.write(answer)

    server = _Server(Handler)
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(server.tls)
    if clients:
        clients.configure_trust(server.tls)
        server.tls.verify_mode = ssl.CERT_REQUIRED
    with http_server.running(server) as receiver.port:
        yield receiver
