"""What the stand-ins share that are called over HTTP: receivers, bots, proxies, Plivo's API."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """A handler with one answer for all methods, and without a log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits until the caller has acknowledged the head: 40 ms

    def do_GET(self) -> None:
        """Answer."""
        self.respond()

    def do_POST(self) -> None:
        """Answer."""
        self.respond()

    def do_DELETE(self) -> None:
        """Answer."""
        self.respond()

    def respond(self) -> None:
        """Answer, whatever the method is."""
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Do nothing."""

    def body(self) -> bytes:
        """The whole body of the request."""
        return self.rfile.read(int(self.headers.get("content-length", 0)))


class Server(ThreadingHTTPServer):
    """A server for many callers at once, on a free port of loopback. It waits for no caller when it stops."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    """Serve in a thread of its own; the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
