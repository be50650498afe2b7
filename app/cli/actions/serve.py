"""`serve`: the service."""

from pathlib import Path
from typing import Any

from app.cli.serving import run_service


def main(path: Path, *, no_migrate: bool, watch: bool, **flags: Any) -> None:
    """Answer Plivo, store its reports, forward them. Stops on SIGTERM within 10 s. SIGHUP reloads the file."""
    run_service(path, flags, migrate=not no_migrate, watch=watch)
