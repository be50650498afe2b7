"""`init`: a first configuration file, from four answers."""

import click

from app.cli.actions import runs
from app.cli.common import config_option


@click.command("init")
@config_option
@click.option("--public-url", help="The URL that Plivo will call, without /message.")
@click.option("--auth-token", help="The auth token of your Plivo account; goes to .env. Default: $PLIVO_AUTH_TOKEN.")
@click.option("--number", "numbers", multiple=True, help="One of your numbers; several are possible. Default: all.")
@click.option("--text", help="The reply.")
@click.option("--target", help="The URL that delivery reports are posted to.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@runs("init:main")
def command() -> None:
    """Write a small configuration file. Asks four questions; flags answer them in advance.

    \b
    Example: plivo-autoreply init --public-url https://sms.example.com --text "We call you back."
    """
