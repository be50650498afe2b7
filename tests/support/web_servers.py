"""nginx and Caddy from Debian in front of services, with the files of deploy/ as an operator copies them."""

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from support import wire
from support.deployed import DEPLOY
from support.ports import free_port

PUBLIC, CONSOLE, SHARED = "sms.example.com", "sms-admin.example.com", "www.example.com"
START_SECONDS = 60.0
SBIN = {"PATH": f"{os.environ['PATH']}:/usr/sbin"}  # where Debian puts nginx, and no user's shell looks

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name www.example.com;
        ssl_certificate {folder}/pair.pem;
        ssl_certificate_key {folder}/pair.pem;
        {below_a_path}
    }}
}}
"""


@dataclass(frozen=True)
class Upstreams:
    """Ports of loopback: of one or two services, and of an admin socket."""

    services: Sequence[int]
    admin: int = 9


@dataclass(frozen=True)
class WebServer:
    """A proxy that runs."""

    port: int
    trusting: ssl.SSLContext
    folder: Path

    def dial(self, host: str) -> ssl.SSLSocket:
        """A TLS connection for this host name, whose certificate is verified."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.trusting.wrap_socket(plain, server_hostname=host)

    def exchange(
        self, host: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> wire.Answer:
        """One request and its answer."""
        own = {"content-length": str(len(body)), "connection": "close"} if body else {"connection": "close"}
        with self.dial(host) as connection:
            connection.sendall(request(host, method, path, own | dict(headers or {})) + body)
            return wire.read(connection, method)

    def log(self) -> str:
        """All that the proxy has written."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def request(host: str, method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request to this host, unless the headers name another."""
    fields = {"host": host, **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@contextmanager
def nginx(folder: Path, upstreams: Upstreams) -> Iterator[WebServer]:
    """deploy/nginx, with ports and folders of the test, and a client's time cut to four seconds."""
    port, first = free_port(), f"127.0.0.1:{upstreams.services[0]}"
    site = _filled((DEPLOY / "nginx" / "plivo-autoreply.conf").read_text(), upstreams, folder)
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    if len(upstreams.services) > 1:
        site = site.replace("# server 127.0.0.1:8081", f"server 127.0.0.1:{upstreams.services[1]}")
    below = _filled((DEPLOY / "nginx" / "under-a-path.conf").read_text(), upstreams, folder)
    for host in (PUBLIC, CONSOLE):
        for end in ("pem", "key"):
            site = site.replace(f"/etc/ssl/{host}.{end}", f"{folder}/pair.pem")
    assert first in site
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, site=site, port=port, below_a_path=below))
    with _running(["nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(config)], folder, port) as server:
        yield server


@contextmanager
def caddy(folder: Path, upstreams: Upstreams) -> Iterator[WebServer]:
    """deploy/caddy, likewise; with a certificate at hand instead of one from a public authority."""
    port = free_port()
    text = _filled((DEPLOY / "caddy" / "Caddyfile").read_text(), upstreams, folder)
    below = (DEPLOY / "caddy" / "under-a-path.caddyfile").read_text()
    text = text.replace("\n{\n", "\n{\n\tadmin off\n\tauto_https disable_redirects\n", 1)
    text += f"\n{SHARED} {{\n{below}\n}}\n"
    for host in (PUBLIC, CONSOLE, SHARED):
        text = text.replace(f"\n{host} {{", f"\nhttps://{host}:{port} {{\n\ttls {folder}/pair.pem {folder}/pair.pem")
    if len(upstreams.services) > 1:
        first, second = upstreams.services
        text = text.replace(f"127.0.0.1:{first} {{", f"127.0.0.1:{first} 127.0.0.1:{second} {{")
    config = folder / "Caddyfile"
    config.write_text(text)
    with _running(["caddy", "run", "--config", str(config), "--adapter", "caddyfile"], folder, port) as server:
        yield server


def _filled(text: str, upstreams: Upstreams, folder: Path) -> str:
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{upstreams.services[0]}")
    text = text.replace("127.0.0.1:9090", f"127.0.0.1:{upstreams.admin}")
    text = text.replace("client_body_timeout 10s", "client_body_timeout 4s").replace("read_body 10s", "read_body 4s")
    return text.replace("/var/log/nginx/", f"{folder}/")


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[WebServer]:
    authority = trustme.CA()
    authority.issue_cert(PUBLIC, CONSOLE, SHARED).private_key_and_cert_chain_pem.write_to_path(str(folder / "pair.pem"))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    environment = (
        os.environ | SBIN | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    )
    with (folder / "output.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder)
        yield WebServer(port, trusting, folder)
    finally:
        process.terminate()
        process.wait(15)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            running = process.poll() is None and time.monotonic() < deadline
            assert running, "".join(path.read_text() for path in folder.glob("*.log"))
            time.sleep(0.02)  # polling a process, not waiting for luck
        else:
            return
