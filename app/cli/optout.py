"""`optout`: who gets no messages, and how we know."""

from pathlib import Path

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.confirm import confirm_options
from app.cli.times import zone_option


@click.group("optout")
def command() -> None:
    """List, add, remove, import, export. A running server sees a change at once.

    \b
    Example: plivo-autoreply optout add --to +33644600000 --from +33700000001
    """


@command.command("list")
@click.argument("who", required=False, metavar="[NUMBER]")
@config_option
@click.option("--all", "ended", is_flag=True, help="Those that have ended, too.")
@zone_option
@json_option
@runs("optout:list_all")
def list_() -> None:
    """Show who has opted out of which number, and the proof: when, by which message and word, signed how.

    \b
    Example: plivo-autoreply optout list +33700000001
    """


@command.command("add")
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "person", required=True, help="The person who gets nothing from it.")
@config_option
@runs("optout:add")
def add() -> None:
    """Opt a person out of one of your numbers.

    \b
    Example: plivo-autoreply optout add --to +33644600000 --from +33700000001
    """


@command.command("remove")
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "person", required=True, help="The person who wants messages again.")
@config_option
@confirm_options
@runs("optout:remove")
def remove() -> None:
    """End an opt-out. Do this only if the person asked for it.

    \b
    Example: plivo-autoreply optout remove --to +33644600000 --from +33700000001
    """


@command.command("export")
@config_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default="-",
    help="A file, which only you may read; default: stdout.",
)
@runs("optout:export")
def export() -> None:
    """Write the opt-outs that are in force as CSV. A cell that a spreadsheet would compute gets a quote before it,
    which `import` takes off.

    \b
    Example: plivo-autoreply optout export -o optouts.csv
    """


@command.command("import")
@click.argument("source", type=click.File("rb"), default="-")
@config_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@runs("optout:import_list")
def import_() -> None:
    """Read opt-outs from CSV: columns number and person, the others of `export` if they are there.
    A file with a fault changes nothing.

    \b
    Example: plivo-autoreply optout import optouts.csv
    """
