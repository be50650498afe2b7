"""`check`: every error and warning of the file, with its place and what to do."""

import time
from pathlib import Path

import click

from app.cli.common import config_option, json_option
from app.cli.diagnostics import document, report, summary
from app.cli.output import counted, echo, print_json
from app.config import BadConfig, Loaded, load
from app.rules.schedules import Schedule

DAYS = 7


@click.command("check")
@config_option
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Also show the next seven days of every schedule.")
@click.pass_context
def command(context: click.Context, path: Path, *, as_json: bool, verbose: bool) -> None:
    """Read the file as `serve` would, and tell everything that is wrong with it. Calls nothing.

    Errors and warnings go to stderr, one on each line: file:line:column. The exit code is 2 if there is an error.

    \b
    Example: plivo-autoreply check -c config.toml
    """
    loaded = None
    try:
        loaded = load(path)
        diagnostics = loaded.warnings
    except BadConfig as error:
        diagnostics = error.diagnostics
    if as_json:
        print_json(document(diagnostics))
    else:
        report(diagnostics)
        if diagnostics:
            click.echo(summary(diagnostics), err=True)
        if loaded:
            _show(path, loaded, verbose=verbose)
    context.exit(0 if loaded else 2)


def _show(path: Path, loaded: Loaded, *, verbose: bool) -> None:
    counts = (
        (len(loaded.runtime.table.by_name), "route"),
        (len(loaded.runtime.table.rules), "rule"),
        (len(loaded.runtime.subscriptions.targets), "target"),
        (len(loaded.tests), "test"),
    )
    echo(f"{path}: fine ({', '.join(counted(count, noun) for count, noun in counts)})")
    for name, schedule in loaded.schedules.items() if verbose else ():
        echo("")
        echo(f"{name} ({schedule.zone.key})")
        for line in _days(schedule, time.time()):
            echo(f"  {line}")


def _days(schedule: Schedule, now: float) -> list[str]:
    """A line for each day: Mon 2 Mar  09:00-12:30, 13:30-18:00."""
    lines = []
    for day, openings in schedule.days(now, DAYS):
        hours = ", ".join(f"{start:%H:%M}-{'24:00' if end.date() > day else f'{end:%H:%M}'}" for start, end in openings)
        lines.append(f"{day:%a} {day.day:>2} {day:%b}  {hours or 'closed'}")
    return lines
