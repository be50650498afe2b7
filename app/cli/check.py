"""`check`: every fault of the file, with its place and what to do."""

from pathlib import Path
from typing import Any

import click

from app.cli.common import config_option, json_option
from app.cli.output import counted, print_json
from app.config import BadConfig, Diagnostic, Loaded, load


@click.command("check")
@config_option
@json_option
@click.pass_context
def command(context: click.Context, path: Path, *, as_json: bool) -> None:
    """Read the file as `serve` would, and tell everything that is wrong with it. Calls nothing.

    \b
    Example: plivo-autoreply check -c config.toml
    """
    try:
        config = load(path)
        faults, summary = config.warnings, f"fine ({_summary(config)})"
    except BadConfig as error:
        faults, summary = error.faults, counted(len(error.errors), "error")
    errors = sum(fault.severity == "error" for fault in faults)
    if as_json:
        counts = {"ok": not errors, "errors": errors, "warnings": len(faults) - errors}
        print_json({"file": str(path), **counts, "faults": [_fault(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{path}: {fault.severity}: {fault}", err=fault.severity == "error")
        click.echo(f"{path}: {summary}", err=bool(errors))
    context.exit(2 if errors else 0)


def _summary(config: Loaded) -> str:
    counts = (
        (len(config.runtime.table.by_name), "route"),
        (len(config.runtime.table.rules), "rule"),
        (len(config.runtime.subscriptions.targets), "target"),
        (len(config.tests), "test"),
    )
    return ", ".join(counted(count, noun) for count, noun in counts)


def _fault(fault: Diagnostic) -> dict[str, Any]:
    place = {"path": fault.path, "line": fault.line, "column": fault.column}
    return {"severity": fault.severity, "message": fault.message, **place}
