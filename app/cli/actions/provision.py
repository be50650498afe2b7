"""`provision`: bring Plivo's application and numbers to what the file wants, and back."""

import sys
from pathlib import Path
from typing import Any

import click

from app.cli.common import CommandFailed, UsageError
from app.cli.loading import load, load_store
from app.cli.output import print_json
from app.cli.provision_views import names, plan_json, show_lost, show_plan, show_undo, summary
from app.cli.running import call, on_store, on_store_if_any, run, whoami
from app.config import Loaded
from app.operations import provision
from app.provisioning.apply import Progress
from app.provisioning.options import Account
from app.provisioning.plan import Plan

NOT_ASKED = "--yes is required when not run interactively"


def plan(path: Path, *, check: bool, as_json: bool) -> None:
    """Show what differs between Plivo and the file. Changes nothing."""
    found = _plan(load(path))
    if as_json:
        print_json(plan_json(found))
    else:
        show_plan(found, path.name)
    click.get_current_context().exit(1 if check and (found.steps or found.errors) else 0)


def apply(path: Path, *, yes: bool, dry_run: bool) -> None:
    """Create or change the application, and link the numbers. The store remembers what they were linked to."""
    config = load(path)
    _require_terminal(yes=yes or dry_run)
    found = _plan(config)
    show_plan(found, path.name)
    if dry_run:
        return
    if found.errors:
        raise UsageError("; ".join(found.errors))
    if found.steps and (yes or _confirmed("Apply this to Plivo?")):
        account, who = _account(config), whoami()
        work = on_store(load_store(path), lambda store: provision.apply(account, found, store, who, _tell), create=True)
        _report(work, "apply")


def undo(path: Path, *, yes: bool, dry_run: bool) -> None:
    """Give the numbers back to the applications that they had; delete ours, or restore it."""
    config = load(path)
    _require_terminal(yes=yes or dry_run)
    account, who = _account(config), whoami()
    stored = load_store(path)
    found = on_store_if_any(stored, lambda store: provision.undo_plan(account, store))
    show_undo(found)
    if dry_run or found.is_empty or not (yes or not found.steps or _confirmed("Undo this at Plivo?")):
        return
    progress = on_store(stored, lambda store: provision.undo(account, found, store, who, _tell))
    show_lost([number for number in progress.lost if number not in found.lost])  # the others were shown
    _report(progress, "undo")


def _account(config: Loaded) -> Account:
    return call(lambda: provision.account_of(config.settings.plivo))


def _plan(config: Loaded) -> Plan:
    settings = config.settings
    options = provision.options_of(settings.server.public_url, settings.plivo, config.runtime.table.by_number)
    return run(provision.plan(_account(config), options))


def _require_terminal(*, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise UsageError(NOT_ASKED)


def _confirmed(question: str) -> bool:
    if not click.confirm(question, err=True):
        raise CommandFailed("nothing was changed")
    return True


def _report(progress: Progress[Any], verb: str) -> None:
    """Say what was done; if a step failed, what was not, and how to go on."""
    done = f"Done: {summary(progress.done)}."
    if progress.error:
        advice = f"Run `provision {verb}` again to finish."
        kind = UsageError if progress.error.is_config else CommandFailed
        raise kind(f"{done} Not done: {names(progress.left)}. {advice}\n{progress.error}")
    if progress.done:
        click.echo(done)


def _tell(done: int, total: int) -> None:
    if sys.stderr and sys.stderr.isatty() and done < total:
        click.echo(f"{done} of {total}", err=True)
