"""`config`: what is in force, and the JSON Schema of the file."""

import json
from pathlib import Path

import click

from app.cli.loading import load_effective
from app.cli.output import print_json
from app.config.schema import schema
from app.config.toml_writer import dump


def show(path: Path, *, as_json: bool) -> None:
    """Show every value in force, defaults and included files too. Secrets are masked."""
    values = load_effective(path)
    if as_json:
        print_json(json.loads(json.dumps(values, default=lambda value: value.isoformat())))
    else:
        click.echo(dump(values), nl=False)


def print_schema(*, included: bool) -> None:
    """Print the JSON Schema of the file, for editors."""
    click.echo(json.dumps(schema(included=included), ensure_ascii=False, indent=2))
