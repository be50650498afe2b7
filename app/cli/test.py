"""`test`: run the `[[tests]]` of the file."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option


@click.command("test")
@config_option
@click.option("-k", "--only", help="Only tests whose name holds this.")
@json_option
@runs("test:main")
def command() -> None:
    """Run the [[tests]] of the file. Nobody is called: `given` says what webhooks and functions answer.

    \b
    Example: plivo-autoreply test -c config.toml -k hours
    """
