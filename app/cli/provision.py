"""`provision`: bring Plivo's application and numbers to what the file wants, and back."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.confirm import confirm_options


@click.group("provision")
def command() -> None:
    """Create Plivo's application, link the numbers of the routes to it; or undo that.

    \b
    Example: plivo-autoreply provision plan
    """


@command.command("plan")
@config_option
@click.option("--check", is_flag=True, help="Exit with 1 if anything differs.")
@json_option
@runs("provision:plan")
def plan() -> None:
    """Show what differs between Plivo and the file. Changes nothing.

    \b
    Example: plivo-autoreply provision plan --check
    """


@command.command("apply")
@config_option
@confirm_options
@runs("provision:apply")
def apply() -> None:
    """Create or change the application, and link the numbers. The store remembers what they were linked to.

    \b
    Example: plivo-autoreply provision apply
    """


@command.command("undo")
@config_option
@confirm_options
@runs("provision:undo")
def undo() -> None:
    """Give the numbers back to the applications that they had; delete ours, or restore it.

    \b
    Example: plivo-autoreply provision undo
    """
