"""What `serve` and `dev` share: load the file, run the service, turn faults into exit codes."""

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from app import telemetry
from app.cli.common import CommandFailed, UsageError
from app.cli.loading import load
from app.config import Loaded
from app.config import load as config_of
from app.http_client import BadEnvironment
from app.operations.test import run_tests
from app.serving import CannotListen, ServeOptions, serve
from app.store import BrokenStore, NewerStore, StoreInUse

log = telemetry.get_logger("serve")


def run_service(path: Path, flags: dict[str, Any], **options: Any) -> None:
    """Serve a file until a signal or a fault. `flags` are keys of `[server]`, `options` those of `ServeOptions`."""
    _open_standard_descriptors()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until a reload is possible
    config = load(path, **flags)
    logging = config.settings.logging
    serve_options = replace(ServeOptions(path, partial(config_of, path, **flags), _failures), **options)
    with telemetry.serving(logging.format, logging.level, logging.numbers):
        fault = _run(config, serve_options)
    if fault:
        raise CommandFailed(fault)


def _open_standard_descriptors() -> None:
    """Open what the parent has closed: libuv ends the process with SIGABRT once a socket of its gets such a number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _run(config: Loaded, options: ServeOptions) -> str | None:
    """Serve, and return the fault that ended it. An unhandled exception goes into the log, where it has no message."""
    try:
        return uvloop.run(serve(config, options))
    except (BadEnvironment, BrokenStore, CannotListen, StoreInUse, NewerStore) as error:
        raise UsageError(str(error)) from None
    except Exception:
        log.critical("unhandled exception", exc_info=True)
        return "unhandled exception; the log has its place"


async def _failures(config: Loaded) -> list[str]:
    """Run the `[[tests]]` of a file; one sentence for each expectation that is not met."""
    results = await run_tests(config.runtime, config.tests, config.read_address)
    return [f"{result.name}: {fault}" for result in results for fault in result.faults]
