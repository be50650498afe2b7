"""`dev`: the service for the person who writes its file: on loopback, reloaded on every change."""

import contextlib
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.cli.common import UsageError
from app.cli.loading import load
from app.cli.output import echo
from app.cli.serving import run_service
from app.config import Loaded
from app.config.environment import environment
from app.plivo.numbers import show
from app.settings import AdminSettings, HostPort

TOKEN, STAND_IN = "PLIVO_AUTH_TOKEN", "demo-token"
LOOPBACK, ADMIN_PORT = "127.0.0.1", 9090
SENDER, ANY_NUMBER = "33700000001", "33644600000"  # of the example


def main(path: Path, port: int) -> None:
    """Serve on 127.0.0.1 and reload the file on each change."""
    if not path.exists():
        raise UsageError(f"there is no {path}; write one with: plivo-autoreply init")
    if TOKEN not in environment(path.parent):
        os.environ[TOKEN] = STAND_IN
        echo(f'no {TOKEN}: the token is "{STAND_IN}", which is enough to try the rules with `send`')
    flags: dict[str, Any] = {"host": LOOPBACK, "port": port}
    config = load(path, **flags)
    admin = _on_loopback(config.settings.admin)
    for line in _advice(path, config, port, f"http://{admin.listen}/console"):
        echo(line)
    restarts: list[bool] = []
    run_service(path, flags, watch=True, restart=lambda: restarts.append(True), open_console=admin)
    if restarts:
        echo("the code of a Python rule has changed: starting again")
        os.execv(sys.executable, [sys.executable, "-m", "app", *sys.argv[1:]])  # noqa: S606 - this very command


def _on_loopback(admin: AdminSettings | None) -> AdminSettings:
    """Return the admin socket of the file, or one like it, on loopback and on a port that is known by now."""
    wanted = admin.listen.port if admin else ADMIN_PORT
    listen = HostPort(LOOPBACK, wanted if admin and wanted else _free_port(wanted))
    return replace(admin, listen=listen) if admin else AdminSettings(listen)


def _free_port(wanted: int) -> int:
    """Return a port that is free at this moment: the wanted one, or any other."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server((LOOPBACK, port)) as listener:
            return int(listener.getsockname()[1])
    return wanted


def _advice(path: Path, config: Loaded, port: int, console: str) -> tuple[str, ...]:
    number = next(iter(config.runtime.table.by_number), ANY_NUMBER)
    token = f"{TOKEN}={STAND_IN} " if os.environ.get(TOKEN) == STAND_IN else ""
    program = Path(sys.executable).parent / "plivo-autoreply"
    command = os.path.relpath(program) if program.is_relative_to(Path.cwd()) else program.name
    url = f"--url http://{LOOPBACK}:{port}"
    return (
        f"Console: {console}/",
        f"Text it: {console}/phone, or from another terminal:",
        f"  {token}{command} send -c {path} {url} --to {show(number)} --from {show(SENDER)} --text hello",
    )
