"""`check`: every error and warning of the file, with its place and what to do."""

import time
from pathlib import Path

import click

from app.cli.diagnostics import document, report, summary
from app.cli.output import counted, echo, print_json
from app.config import BadConfig, Loaded, load
from app.rules.schedules import Schedule

DAYS = 7


def main(path: Path, *, as_json: bool, verbose: bool) -> None:
    """Read the file as `serve` would, and tell everything that is wrong with it. Calls nothing."""
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
    click.get_current_context().exit(0 if loaded else 2)


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
