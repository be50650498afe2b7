"""The commands: one file each. A user's mistake is told in a sentence, never in a traceback.

Exit codes: 0 fine; 1 a test, drift or delivery problem; 2 bad config or usage.
"""

import sys

import click

from app import __version__, telemetry
from app.cli import (
    backup,
    check,
    copy,
    deliveries,
    explain,
    forget,
    history,
    limits,
    migrate,
    optout,
    secret,
    send,
    serve,
    test,
)
from app.cli.common import UsageError
from app.cli.escape import escaped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="plivo-autoreply")
def cli() -> None:
    """Auto-replies for Plivo SMS numbers.

    \b
    plivo-autoreply check                     is the file right?
    plivo-autoreply explain --to .. --from .. --text "hours?"
    plivo-autoreply serve                     answer Plivo
    plivo-autoreply history +33700000001      what happened, and why?
    """


for command in (
    serve,
    check,
    test,
    explain,
    send,
    history,
    deliveries,
    optout,
    limits,
    forget,
    backup,
    copy,
    migrate,
    secret,
):
    cli.add_command(command.command)


def main() -> None:
    """The entry point of `plivo-autoreply`."""
    try:
        cli(prog_name="plivo-autoreply")
    except UsageError as mistake:
        telemetry.say("\n".join(map(escaped, f"plivo-autoreply: {mistake}".split("\n"))))
        sys.exit(mistake.exit_code)
