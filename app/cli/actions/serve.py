"""`serve`: the service."""

import signal
from pathlib import Path
from typing import Any


def main(path: Path, *, no_migrate: bool, watch: bool, **flags: Any) -> None:
    """Answer Plivo, store its reports, forward them. Stops on SIGTERM within 10 s. SIGHUP reloads the file."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until a reload is possible; it would end the process
    from app.cli.serving import run_service  # noqa: PLC0415 - half a second, in which that signal may come

    run_service(path, flags, migrate=not no_migrate, watch=watch)
