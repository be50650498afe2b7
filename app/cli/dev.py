"""`dev`: the service for the person who writes its file: on loopback, reloaded on every change."""

import click

from app.cli.actions import runs
from app.cli.common import config_option


@click.command("dev")
@config_option
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="The port to listen on.")
@runs("dev:main")
def command() -> None:
    """Serve on 127.0.0.1 and reload the file on each change.

    Changed code of a Python rule restarts the service. Without a token in $PLIVO_AUTH_TOKEN or .env a stand-in is used.

    \b
    Example: plivo-autoreply dev -c config.toml
    """
