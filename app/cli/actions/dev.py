"""`dev`: the service for the person who writes its file: on loopback, reloaded on every change."""

import os
import sys
from pathlib import Path
from typing import Any

from app.cli.common import UsageError
from app.cli.loading import load
from app.cli.output import echo
from app.cli.serving import run_service
from app.config import Loaded
from app.config.environment import environment
from app.plivo.numbers import show

TOKEN, STAND_IN = "PLIVO_AUTH_TOKEN", "demo-token"
LOOPBACK = "127.0.0.1"
SENDER, ANY_NUMBER = "33700000001", "33644600000"  # of the example


def main(path: Path, port: int) -> None:
    """Serve on 127.0.0.1 and reload the file on each change."""
    if not path.exists():
        raise UsageError(f"there is no {path}; write one with: plivo-autoreply init")
    if TOKEN not in environment(path.parent):
        os.environ[TOKEN] = STAND_IN
        echo(f'no {TOKEN}: the token is "{STAND_IN}", which is enough to try the rules with `send`')
    flags: dict[str, Any] = {"host": LOOPBACK, "port": port}
    for line in _advice(path, load(path, **flags), port):
        echo(line)
    restarts: list[bool] = []
    run_service(path, flags, watch=True, restart=lambda: restarts.append(True))
    if restarts:
        echo("the code of a Python rule has changed: starting again")
        os.execv(sys.executable, [sys.executable, "-m", "app", *sys.argv[1:]])  # noqa: S606 - this very command


def _advice(path: Path, config: Loaded, port: int) -> tuple[str, ...]:
    number = next(iter(config.runtime.table.by_number), ANY_NUMBER)
    token = f"{TOKEN}={STAND_IN} " if os.environ.get(TOKEN) == STAND_IN else ""
    program = Path(sys.executable).parent / "plivo-autoreply"
    command = os.path.relpath(program) if program.is_relative_to(Path.cwd()) else program.name
    url = f"--url http://{LOOPBACK}:{port}"
    return (
        "Text it from another terminal:",
        f"  {token}{command} send -c {path} {url} --to {show(number)} --from {show(SENDER)} --text hello",
    )
