"""`check`: every error and warning of the file, with its place and what to do."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option


@click.command("check")
@config_option
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Also show the next seven days of every schedule.")
@runs("check:main")
def command() -> None:
    """Read the file as `serve` would, and tell everything that is wrong with it. Calls nothing.

    Errors and warnings go to stderr, one on each line: file:line:column. The exit code is 2 if there is an error.

    \b
    Example: plivo-autoreply check -c config.toml
    """
