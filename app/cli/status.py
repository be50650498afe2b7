"""`status`: everything on one screen, from the store."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.times import zone_option


@click.command("status")
@config_option
@zone_option
@json_option
@runs("status:main")
def command() -> None:
    """Show problems first, then servers, targets, refused calls, pending messages, spending and disk.

    Reads the store only: it needs neither the admin socket nor a valid configuration of anything else.

    \b
    Example: plivo-autoreply status
    """
