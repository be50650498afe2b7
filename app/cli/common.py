"""What several commands share: the config option, opening the store, printing."""

import asyncio
import getpass
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from app import config as configuration
from app import telemetry
from app.cli.escape import escaped, escaped_json
from app.config import BadConfig, Loaded
from app.config.fields import read_duration
from app.plivo.refusals import Unavailable

if TYPE_CHECKING:
    from app.store import Store

PAUSE = 2.0  # times what a step took

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class UsageError(click.ClickException):
    """A mistake that the user can correct: click prints the message to stderr and exits with 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click's signature; it passes none
        """Print the message to stderr, escaped; a reader that hangs does not hold the exit."""
        telemetry.say("\n".join(map(escaped, f"plivo-autoreply: {self.message}".split("\n"))))


class CommandFailed(UsageError):
    """A problem that a command found or met; exits with 1."""

    exit_code = 1


class Duration(click.ParamType[float]):
    """A span of time as the file writes it, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, or wrong usage."""
        try:
            return read_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()


def config_option(function: F) -> F:
    """`-c/--config PATH`, else $AUTOREPLY_CONFIG, else config.toml."""
    return click.option(
        "-c",
        "--config",
        "path",
        type=click.Path(path_type=Path),
        envvar="AUTOREPLY_CONFIG",
        default="config.toml",
        show_default=True,
        show_envvar=True,
        help="The TOML file.",
    )(function)


json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


def load(path: Path, **flags: Any) -> Loaded:
    """The config, or its faults on stderr and exit code 2. A command's log goes there too, if it must warn."""
    telemetry.configure("auto", "warning")
    try:
        return configuration.load(path, **flags)
    except BadConfig as error:
        for fault in error.faults:
            click.echo(f"{path}: {fault.severity}: {fault}", err=True)
        message = f"{path} has {counted(len(error.errors), 'error')}"
        raise UsageError(message) from None


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a command's coroutine; what the store refuses is the user's to mend."""
    from app.store import BrokenStore, NewerStore, StoreInUse  # noqa: PLC0415 - 0.2 s, which `check` spares

    try:
        return asyncio.run(main)
    except (BrokenStore, StoreInUse, NewerStore) as error:
        raise UsageError(str(error)) from None
    except Unavailable as error:
        raise CommandFailed(str(error)) from None


@asynccontextmanager
async def store_beside_server(config: Loaded, *, create: bool = False) -> AsyncIterator["Store"]:
    """The store, opened beside a server that may be running. Raises `UsageError` if there is none yet."""
    from app.store import open_store  # noqa: PLC0415 - as above

    where = config.settings.store.file
    if where and not where.exists():
        if not create:
            raise UsageError(
                f"there is no store at {where} yet; `serve` creates it, by this config and $AUTOREPLY_DATA"
            )
        click.echo(f"new store: {where}", err=True)
    async with open_store(config.settings.store, serving=False) as store:
        yield store


def moment(seconds: float | None) -> str:
    """A time as people and machines read it: ISO 8601 in UTC."""
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if seconds is not None
        else "-"
    )


def tried(row: Mapping[str, Any]) -> dict[str, Any]:
    """One try of a delivery, for machines."""
    return {
        "at": moment(row["at"]),
        "seconds": round(row["seconds"], 3),
        "status": row["status"],
        "error": row["error"],
    }


def show_try(one: Mapping[str, Any]) -> str:
    """The same for people."""
    return f"{one['at']}  {one['error'] or 'status ' + str(one['status'])}, after {one['seconds']:g} s"


def counted(count: int, noun: str) -> str:
    """The noun with its count: 1 route, 2 routes."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counted_tries(count: int) -> str:
    """1 try, 2 tries."""
    return f"{count} {'try' if count == 1 else 'tries'}"


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(escaped_json(json.dumps(value, ensure_ascii=False, indent=2)))


def echo(line: str) -> None:
    """One line on stdout; what strangers wrote in it is escaped."""
    click.echo(escaped(line))


async def submit(config: Loaded, verb: Callable[..., Any], item: Any, *, create: bool = False) -> Any:
    """A change beside a server that may be running; with `create`, before the first start too."""
    async with store_beside_server(config, create=create) as store:
        return await store.change(verb, item)


@asynccontextmanager
async def step() -> AsyncIterator[None]:
    """One transaction of a large change, then a pause in which a server beside it can write: it looks for the lock of
    a SQLite store now and then, and must find it free more often than not.
    """
    started = time.monotonic()
    yield
    await asyncio.sleep(PAUSE * (time.monotonic() - started))


def whoami() -> str:
    """Who changes something, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
