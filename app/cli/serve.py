"""`serve`: the service."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import uvloop

from app import telemetry
from app.cli.common import CommandFailed, UsageError, config_option, load
from app.config import Loaded
from app.config import load as config_of
from app.http_client import BadEnvironment
from app.operations.test import run_tests
from app.serving import CannotListen, serve
from app.store import BrokenStore, NewerStore, StoreInUse

log = telemetry.get_logger("serve")


@click.command("serve")
@config_option
@click.option("--public-url", help="What Plivo dials; beats the file.")
@click.option("--host", help="Where to listen; beats the file.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; beats the file. 0: any free one.")
@click.option("--no-migrate", is_flag=True, help="Refuse a store that needs `migrate`, instead of migrating it.")
def command(path: Path, public_url: str | None, host: str | None, port: int | None, *, no_migrate: bool) -> None:
    """Answer Plivo, store its reports, forward them. Stops on SIGTERM within 10 s.

    \b
    Example: plivo-autoreply serve -c config.toml --host 0.0.0.0
    """
    _open_standard_descriptors()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until a reload is possible
    flags = {"public_url": public_url, "host": host, "port": port}
    config = load(path, **flags)
    logging = config.settings.logging
    with telemetry.serving(logging.format, logging.level, logging.numbers):
        fault = _run(config, path, partial(config_of, path, **flags), migrate=not no_migrate)
    if fault:
        raise CommandFailed(fault)


def _open_standard_descriptors() -> None:
    """Open what the parent has closed: libuv ends the process with SIGABRT once a socket of its gets such a number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _run(config: Loaded, path: Path, read: Callable[[], Loaded], *, migrate: bool) -> str | None:
    """Serve, and return the fault that ended it. An unhandled exception goes into the log, where it has no message."""
    try:
        return uvloop.run(serve(config, path, read, _failures, migrate=migrate))
    except (BadEnvironment, BrokenStore, CannotListen, StoreInUse, NewerStore) as error:
        raise UsageError(str(error)) from None
    except Exception:
        log.critical("unhandled exception", exc_info=True)
        return "unhandled exception; the log has its place"


async def _failures(config: Loaded) -> list[str]:
    """Run the `[[tests]]` of a file; one sentence for each expectation that is not met."""
    results = await run_tests(config.runtime, config.tests, config.read_address)
    return [f"{result.name}: {fault}" for result in results for fault in result.faults]
