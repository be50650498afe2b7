"""The arguments that select deliveries, for `list`, `replay` and `drop`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import click

from app.cli.common import DURATION

F = TypeVar("F", bound=Callable[..., Any])


def selecting(states: Sequence[str], default: str | None) -> Callable[[F], F]:
    """Add arguments that reach the command as one `Selection`, in `which`.

    `default` is the state unless ids or a state are given.
    """
    whose = (
        click.argument("ids", type=click.IntRange(1, 2**63 - 1), nargs=-1),
        click.option("--target", help="Of this target."),
        click.option(
            "--state", type=click.Choice(states), help=f"With --target, {default} is the default." if default else None
        ),
        click.option("--status", help="Of reports that say so: delivered, failed, ..; received: copies of messages."),
        click.option("--older-than", type=DURATION, help="Came before, as 2h or 30d."),
        click.option("--newer-than", type=DURATION, help="Came since, as 2h or 30d."),
    )

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def selected(ids: tuple[int, ...], target: str | None, state: str | None, **options: Any) -> Any:
            from app.operations.deliveries import Selection  # noqa: PLC0415 - `--help` need not wait for the store

            narrowing = {name: options.pop(name) for name in ("status", "older_than", "newer_than")}
            older, newer = narrowing["older_than"], narrowing["newer_than"]
            if older is not None and newer is not None and older >= newer:
                message = "nothing is both older and newer than that; give --newer-than the longer time"
                raise click.UsageError(message)
            chosen = state or (None if ids else default)
            states = (chosen,) if chosen is not None else ()
            return function(which=Selection(ids, target, states, **narrowing), **options)

        return cast("F", functools.reduce(lambda made, option: option(made), reversed(whose), selected))

    return decorate
