"""`config`: what is in force, and the JSON Schema of the file."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option


@click.group("config")
def command() -> None:
    """Show what is in force; print the JSON Schema of the file.

    \b
    Example: plivo-autoreply config show --json
    """


@command.command("show")
@config_option
@json_option
@runs("config:show")
def show() -> None:
    """Show every value in force, defaults and included files too. Secrets are masked.

    \b
    Example: plivo-autoreply config show -c config.toml
    """


@command.command("schema")
@click.option("--included", is_flag=True, help="Of a file that another one includes.")
@runs("config:print_schema")
def print_schema() -> None:
    """Print the JSON Schema of the file, for editors.

    \b
    Example: plivo-autoreply config schema > schema.json
    """
