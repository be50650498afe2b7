"""Ask before something is deleted, unless `--yes` is given."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from app.cli.common import CommandFailed, UsageError
from app.cli.output import echo

F = TypeVar("F", bound=Callable[..., Any])


def confirm_options(function: F) -> F:
    """Add `--yes` and `--dry-run`."""
    function = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(function)
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(function)


def confirmed(what: str, *, yes: bool, dry_run: bool) -> bool:
    """Say what would be done, `what` being the rest of "this would ..", and return whether to do it.

    Raises `UsageError` where nobody can be asked, and `CommandFailed` if the answer is no.
    """
    if dry_run:
        echo(f"this would {what}")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"this would {what}; nobody can be asked here, so say --yes, or --dry-run")
    echo(f"This would {what}.", err=True)
    if not click.confirm("Go on?", err=True):
        raise CommandFailed("nothing was changed")
    return True
