"""Run operations for commands: open the store beside a server, and turn exceptions into exit codes."""

import asyncio
import getpass
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from app.cli.common import CommandFailed, UsageError
from app.cli.output import echo
from app.config import StoreOnly
from app.operations.errors import OperationFailed, OperationRefused
from app.operations.maintenance import missing_store, open_beside_server
from app.plivo.numbers import Reading, doubtful
from app.plivo.refusals import Unavailable
from app.store import BrokenStore, NewerStore, Store, StoreInUse

T = TypeVar("T")

Work = Callable[[Store], Coroutine[Any, Any, T]]


def call(work: Callable[[], T]) -> T:
    """Return the result of an operation. Exit code 2 if it refuses what was asked, 1 if it fails."""
    try:
        return work()
    except (OperationRefused, BrokenStore, StoreInUse, NewerStore) as error:
        raise UsageError(str(error)) from None
    except (OperationFailed, Unavailable) as error:
        raise CommandFailed(str(error)) from None


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return the result of an operation that is a coroutine, with the exit codes of `call`."""
    return call(lambda: asyncio.run(main))


def on_store(config: StoreOnly, work: Work[T], *, create: bool = False) -> T:
    """Run an operation on the store, beside a server that may be running. `create` makes a new store, and says so."""
    if create and (file := missing_store(config.store)):
        click.echo(f"new store: {file}", err=True)
    return run(_on_store(config, work, create=create))


def on_store_if_any(config: StoreOnly, work: Callable[[Store | None], Coroutine[Any, Any, T]]) -> T:
    """Run an operation on the store, or on None if there is none yet."""
    return run(work(None)) if missing_store(config.store) else on_store(config, work)


async def _on_store(config: StoreOnly, work: Work[T], *, create: bool) -> T:
    async with open_beside_server(config.store, create=create) as store:
        return await work(store)


def warn_of_doubt(text: str | None, reading: Reading | None) -> None:
    """Warn on stderr of a number that libphonenumber doubts."""
    if reading is not None and reading.doubt:
        echo(f"{text}: {doubtful(reading)}", err=True)


def whoami() -> str:
    """Return the name of the user who runs the command, for the record of changes."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
