"""TLS from outside: a receiver that cannot prove its name gets nothing; a private authority is trusted when told."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from support import plivo_sdk, process, wire

from app.outbound import Outbound

TARGETS = ("good", "elsewhere", "stranger")


@dataclass
class Secured:
    """A receiver behind one certificate, and the heads that reached it."""

    url: str = ""
    posts: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        with (
            contextlib.suppress(ssl.SSLError, ConnectionError),  # the caller did not like the certificate
            self.tls.wrap_socket(request, server_side=True) as secured,
        ):
            super().finish_request(secured, client_address)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority of a house of one's own."""
    return trustme.CA()


@contextmanager
def _secured(certificate: trustme.LeafCert) -> Iterator[Secured]:
    receiver = Secured()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.posts.append(self.headers["webhook-id"])
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(server.tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"https://localhost:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_only_a_receiver_that_proves_its_name_gets_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
) -> None:
    """With SSL_CERT_FILE an authority of one's own is trusted; another name, or a stranger's word for it, is not."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with (
        _secured(authority.issue_cert("localhost")) as good,
        _secured(authority.issue_cert("elsewhere.example")) as elsewhere,
        _secured(trustme.CA().issue_cert("localhost")) as stranger,
    ):
        receivers = dict(zip(TARGETS, (good, elsewhere, stranger), strict=True))
        tables = [f'[targets.{name}]\nurl = "{one.url}"\nretry = "1h"' for name, one in receivers.items()]
        with process.served(tmp_path, "\n".join([process.MINIMAL, *tables])) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            errors = service.wait_for("delivery put off", 2)
        done = process.run("deliveries", "list", "--json", cwd=tmp_path)
    found = {row["target"]: row for row in json.loads(done.stdout)}
    assert {name: row["state"] for name, row in found.items()} == dict(
        zip(TARGETS, ("done", "due", "due"), strict=True)
    )
    assert (len(good.posts), elsewhere.posts, stranger.posts) == (1, [], [])
    untrusted = "its certificate is not to be trusted"
    assert found["elsewhere"]["error"] == f"{untrusted} (Hostname mismatch, certificate is not valid for 'localhost'.)"
    assert found["stranger"]["error"] == f"{untrusted} (unable to get local issuer certificate)"
    assert {line["reason"] for line in errors} == {found[name]["error"] for name in TARGETS[1:]}


async def test_without_it_nobody_but_the_public_authorities_is_trusted(authority: trustme.CA) -> None:
    """What the tests' own authority vouches for is refused when nobody said to trust it."""
    trusted = Outbound(connections=1, user_agent="test/1")
    with _secured(authority.issue_cert("localhost")) as good:
        async with trusted:
            with pytest.raises(Exception, match=r"^its certificate is not to be trusted"):
                await trusted.post(good.url, b"{}", {}, timeout=5, cap=10)
    assert good.posts == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """Law 11: a file that is not there, or holds none, stops the start with one sentence that names the variable."""
    authorities = tmp_path / "authorities.pem"
    if content is not None:
        authorities.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    done = process.run("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert said.startswith("plivo-autoreply: SSL_CERT_FILE or SSL_CERT_DIR: ")
