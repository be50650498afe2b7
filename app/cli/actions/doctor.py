"""`doctor`: what is wrong around the file, and what to change."""

from pathlib import Path

import click

from app.cli.loading import load
from app.cli.output import counted, print_json
from app.cli.running import run
from app.operations.doctor import Check, examine
from app.operations.escape import escaped

COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
WORST_FIRST = ("error", "warning", "ok")


def main(path: Path, *, as_json: bool) -> None:
    """Check the way from Plivo to the service, the store, the targets, and Plivo's own view."""
    config = load(path)
    checks = run(examine(config.settings, config.runtime))
    errors = sum(check.level == "error" for check in checks)
    warnings = sum(check.level == "warning" for check in checks)
    if as_json:
        print_json({"ok": not errors, "errors": errors, "warnings": warnings, "checks": list(map(_json, checks))})
    else:
        summary = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}" if errors + warnings else "All is well"
        click.echo(f"{summary}; {counted(len(checks), 'check')} made.")
        _show(sorted(checks, key=lambda check: WORST_FIRST.index(check.level)))
    click.get_current_context().exit(1 if errors else 0)


def _show(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        level = click.style(f"{check.level:<7}", fg=COLOURS[check.level], bold=check.level != "ok")
        click.echo(f"{level}  {escaped(check.name):<{width}}  {escaped(check.message)}")
        if check.advice:
            click.echo(f"{'':<{9 + width}}  {escaped(check.advice)}")


def _json(check: Check) -> dict[str, str | None]:
    return {"name": check.name, "level": check.level, "message": check.message, "advice": check.advice}
