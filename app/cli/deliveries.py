"""`deliveries`: reports on their way to the targets."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.confirm import confirm_options
from app.cli.selection import selecting
from app.cli.times import zone_option

STATES = ("due", "done", "dead", "dropped")
RATE = 20.0  # deliveries a second


@click.group("deliveries")
def command() -> None:
    """List, replay, drop; pause and resume a target. A running server sees a change within 1 s.

    \b
    Example: plivo-autoreply deliveries list --state dead
    """


@command.command("list")
@selecting(STATES, None)
@config_option
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@zone_option
@json_option
@runs("deliveries:list_all")
def list_() -> None:
    """Show which targets are held back, then deliveries, newest first; with ids, what each try brought.

    \b
    Example: plivo-autoreply deliveries list --target crm --state dead --newer-than 1d
    """


@command.command("replay")
@selecting(["dead", "dropped", "done", "due"], "dead")
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 10_000),
    default=RATE,
    show_default=True,
    help="With --target: deliveries a second.",
)
@config_option
@runs("deliveries:replay")
def replay() -> None:
    """Make deliveries due, with all their tries again: those of --target in --state, or by id in whatever state. They
    go out now, also to a target that is only probed; many go out at --rate, and what comes meanwhile does not wait.

    \b
    Example: plivo-autoreply deliveries replay --target crm --newer-than 1d --rate 50
    """


@command.command("drop")
@selecting(["due", "dead"], "dead")
@config_option
@confirm_options
@runs("deliveries:drop")
def drop() -> None:
    """Never try these again. They stay listed as dropped until `keep` ends.

    \b
    Example: plivo-autoreply deliveries drop 17 18
    """


@command.command("pause")
@click.argument("target")
@config_option
@runs("deliveries:pause")
def pause() -> None:
    """Post nothing to a target until `resume`; its reports are kept.

    \b
    Example: plivo-autoreply deliveries pause crm
    """


@command.command("resume")
@click.argument("target")
@config_option
@runs("deliveries:resume")
def resume() -> None:
    """Post to a target again; to one that is paused by failures, now, instead of at its next probe.

    \b
    Example: plivo-autoreply deliveries resume crm
    """
