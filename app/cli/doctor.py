"""`doctor`: what is wrong around the file, and what to change."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option


@click.command("doctor")
@config_option
@json_option
@runs("doctor:main")
def command() -> None:
    """Check the way from Plivo to the service, the store, the targets, and Plivo's own view.

    Run it where the service runs, while it runs. It sends signed requests without fields to public_url, which store
    nothing and ask no rule; it posts nothing to targets and webhooks. Exits with 1 if there is an error.

    \b
    Example: plivo-autoreply doctor -c config.toml
    """
