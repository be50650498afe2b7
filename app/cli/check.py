"""`check`: every fault of the file, with its place and what to do."""

from pathlib import Path

import click

from app.cli.common import config_option, json_option, print_json
from app.config import BadConfig, load


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
        faults, summary = (
            config.warnings,
            f"{len(config.table.by_name)} routes, {config.rules} rules, {len(config.targets)} targets",
        )
    except BadConfig as error:
        faults, summary = error.faults, ""
    errors = sum(fault.severity == "error" for fault in faults)
    if as_json:
        rows = [
            {"severity": f.severity, "path": f.path, "message": f.message, "line": f.line, "column": f.column}
            for f in faults
        ]
        print_json(
            {"file": str(path), "ok": not errors, "errors": errors, "warnings": len(faults) - errors, "faults": rows}
        )
    else:
        for fault in faults:
            click.echo(f"{path}: {fault.severity}: {fault}", err=fault.severity == "error")
        click.echo(
            f"{path}: {errors} error{'s' if errors != 1 else ''}" if errors else f"{path}: fine ({summary})",
            err=bool(errors),
        )
    context.exit(2 if errors else 0)
