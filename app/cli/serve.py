"""`serve`: the service."""

import click

from app.cli.actions import runs
from app.cli.common import config_option


@click.command("serve")
@config_option
@click.option("--public-url", help="The URL that Plivo calls; overrides the file.")
@click.option("--host", help="The address to listen on; overrides the file.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port to listen on; overrides the file. 0: any free one."
)
@click.option("--no-migrate", is_flag=True, help="Refuse a store that needs `migrate`, instead of migrating it.")
@click.option("--watch", is_flag=True, help="Reload when the content of a file changes, looked at every 2 s.")
@runs("serve:main")
def command() -> None:
    """Answer Plivo, store its reports, forward them. Stops on SIGTERM within 10 s. SIGHUP reloads the file.

    \b
    Example: plivo-autoreply serve -c config.toml --host 0.0.0.0
    """
