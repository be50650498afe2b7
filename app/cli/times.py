"""Read and show times: RFC 3339 in the zone of the terminal, or of `--tz`."""

import contextlib
import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

F = TypeVar("F", bound=Callable[..., Any])


class Zone(click.ParamType[tzinfo]):
    """A time zone by its name in the IANA database."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tzinfo:
        """Read the name of a zone; anything else is wrong usage."""
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone; write it as Europe/Paris or UTC", param, ctx)


class Moment(click.ParamType[float]):
    """A moment in seconds since the epoch, written as a time or as how long ago it was."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a moment; anything else is wrong usage. A time without an offset is one of the terminal's zone."""
        from app.config.fields import read_duration  # noqa: PLC0415 - `--help` need not wait for pydantic

        with contextlib.suppress(ValueError):
            return time.time() - read_duration(value)
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            advice = "write 2026-03-02T09:00:00+01:00, or 2h or 7d for so long ago"
            self.fail(f"{value!r} is no time; {advice}", param, ctx)


def span_options(function: F) -> F:
    """Add `--since` and `--until`; they reach the command as one `Span`, in `span`."""

    @functools.wraps(function)
    def spanned(since: float | None, until: float | None, **options: Any) -> Any:
        from app.operations.history import Span  # noqa: PLC0415 - nor for the store

        if since is not None and until is not None and since >= until:
            message = "--since is not before --until, so nothing can have come between; exchange them"
            raise click.UsageError(message)
        return function(span=Span(since, until), **options)

    with_until = click.option("--until", type=Moment(), help="What came before.")(spanned)
    help_ = "What came since: 2026-03-02T09:00:00+01:00, or 2h or 7d ago."
    return cast("F", click.option("--since", type=Moment(), help=help_)(with_until))


zone_option = click.option(
    "--tz", "zone", type=Zone(), help="Show times in this zone, as Europe/Paris. Default: the terminal's."
)


def shown(seconds: float, zone: tzinfo | None) -> str:
    """Return a time as 2026-03-02T10:00:00+01:00, in a zone; None: the terminal's."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).isoformat(timespec="seconds")


def shown_or_dash(seconds: float | None, zone: tzinfo | None) -> str:
    """Return a time as `shown` does, or "-" for None."""
    return "-" if seconds is None else shown(seconds, zone)
