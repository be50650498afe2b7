"""Load the file for a command."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from app import config as configuration
from app import telemetry
from app.cli.common import UsageError
from app.cli.diagnostics import report
from app.cli.output import counted
from app.config import BadConfig, Loaded, StoreOnly
from app.operations.escape import escaped

T = TypeVar("T")


def load(path: Path, **flags: Any) -> Loaded:
    """Load the config, or print to stderr what is wrong with it and exit with 2. Warnings are logged to stderr too."""
    return _read(path, partial(configuration.load, **flags))


def load_effective(path: Path) -> Mapping[str, Any]:
    """Return the values in force, as `load` does."""
    return _read(path, configuration.load_effective)


def load_store(path: Path) -> StoreOnly:
    """Load what commands on the store need: only errors of `[store]` stop them.

    A file that is not TOML is told of on stderr.
    """
    found = _read(path, configuration.load_store)
    if found.broken:
        report(found.broken)
        click.echo(escaped(f"plivo-autoreply: {path} is not TOML; going on with its [store]"), err=True)
    return found


def _read(path: Path, read: Callable[[Path], T]) -> T:
    telemetry.configure("auto", "warning")
    try:
        return read(path)
    except BadConfig as error:
        report(error.diagnostics)
        raise UsageError(f"{path} has {counted(len(error.errors), 'error')}") from None
