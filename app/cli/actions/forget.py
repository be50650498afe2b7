"""`forget`: erase every row of a person."""

from pathlib import Path

import click

from app.cli.confirm import confirmed
from app.cli.loading import load_store
from app.cli.output import counted
from app.cli.running import on_store, warn_of_doubt, whoami
from app.operations.people import ForgetPlan, forget, plan_forget
from app.plivo.numbers import show


def main(number: str, path: Path, *, also_opt_out: bool, yes: bool, dry_run: bool) -> None:
    """Erase every row of a number: messages, reports and their deliveries, counts. The opt-out stays."""
    config = load_store(path)
    own = config.numbers
    plan = on_store(
        config, lambda store: plan_forget(store, number, config.read_address, own, also_opt_out=also_opt_out)
    )
    warn_of_doubt(number, plan.person)
    if confirmed(_what(plan), yes=yes or (not plan.total and not dry_run), dry_run=dry_run):
        rows = on_store(config, lambda store: forget(store, whoami(), plan))
        click.echo(f"{counted(rows, 'row')} erased")


def _what(plan: ForgetPlan) -> str:
    rows = plan.rows
    parts = [
        counted(rows.messages, "message"),
        counted(rows.reports, "report"),
        counted(rows.deliveries, "delivery", "deliveries"),
        counted(rows.cooldowns, "cooldown"),
    ]
    opt_outs = f"and {counted(rows.opt_outs, 'opt-out change')}" if plan.also_opt_out else "but no opt-out"
    return f"erase {', '.join(parts)} {opt_outs} of {show(plan.person.address)}"
