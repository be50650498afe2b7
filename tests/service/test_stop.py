"""How the service ends, and how it refuses to begin."""

import signal
import socket
import threading
import time
from pathlib import Path

from support import plivo_sdk, process, receiver, wire

LONG = 30.0  # seconds; the timeout of a target


def _config(*targets: str) -> str:
    tables = [f'[targets.t{number}]\nurl = "{url}"\ntimeout = "30s"' for number, url in enumerate(targets)]
    return "\n".join([process.MINIMAL, *tables])


def _said(done: str) -> list[str]:
    """What a person reads: all that is no line of the log."""
    return [line for line in done.splitlines() if not line.startswith("{")]


def test_sigterm_ends_it_in_time_and_a_hanging_delivery_is_due_at_once(tmp_path: Path) -> None:
    """SIGTERM exits 0 although a target hangs, before it lets go; after the restart that report goes out at once."""
    asked, release = threading.Event(), threading.Event()

    def hang_once(_received: receiver.Received) -> int:
        asked.set()
        release.wait(LONG)
        return 204

    with receiver.receiving(hang_once) as target:
        with process.served(tmp_path, _config(target.url)) as service:
            params = plivo_sdk.report()
            assert wire.tell(service, params, "/report")[0] == 200
            assert asked.wait(LONG)
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(25) == 0  # 8 s; whoever waited for the target would take LONG
            assert "Traceback" not in service.text()
        release.set()
        started = time.monotonic()
        with process.served(tmp_path, _config(target.url)):
            first, second = target.wait_for(lambda received: len(received) == 2, 45)
            assert time.monotonic() - started < 45  # its lease would have lasted for 50 s
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body


def test_sigint_ends_it_too(tmp_path: Path) -> None:
    """Ctrl-C exits 0, without a traceback, with a connection of a proxy still open."""
    with process.served(tmp_path) as service, wire.dial(service) as connection:
        connection.sendall(wire.head("GET", "/health", {}))
        assert wire.read(connection, "GET").status == 200
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(30) == 0
        assert "Traceback" not in service.text()
        assert service.lines()[-1]["event"] == "stopped"


def test_a_second_server_on_the_same_store_is_refused(tmp_path: Path) -> None:
    """One store, one server: the second exits 2 with one sentence, the first goes on."""
    with process.served(tmp_path) as service:
        done = process.run("serve", "--port", "0", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        (said,) = _said(done.stderr)
        assert said.startswith("plivo-autoreply: ")
        assert "is served by another process" in said
        assert wire.tell(service, wire.message())[0] == 200


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """A port that another process has: exit 2 with one sentence."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = process.run("serve", "--port", str(port), cwd=tmp_path)
    assert done.returncode == 2
    problem = f"cannot listen on 127.0.0.1 port {port}: is another process using it?"
    (said,) = _said(done.stderr)
    assert said.startswith(f"plivo-autoreply: {problem}")


def test_a_store_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A file that is no database: exit 2 with one sentence that names it."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    (tmp_path / "autoreply.db").write_bytes(b"no database" * 1000)
    done = process.run("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    (said,) = _said(done.stderr)
    assert said.startswith(f"plivo-autoreply: {tmp_path / 'autoreply.db'}: the file is not a SQLite database")
