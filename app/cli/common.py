"""Options and errors that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from app import telemetry
from app.operations.escape import escaped

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
        """Read seconds; anything else is wrong usage."""
        from app.config.fields import read_duration  # noqa: PLC0415 - `--help` need not wait for pydantic

        try:
            return read_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()


def config_option(function: F) -> F:
    """Add `-c/--config PATH`; the default is $AUTOREPLY_CONFIG, then config.toml."""
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
