"""`provision`: bring Plivo's application and numbers to what the file wants, and back."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from app.cli.common import (
    CommandFailed,
    UsageError,
    config_option,
    json_option,
    load,
    print_json,
    run,
    store_beside_server,
    whoami,
)
from app.cli.provision_views import names, plan_json, show_lost, show_plan, show_undo, summary
from app.config import Loaded
from app.http_client import BadEnvironment
from app.operations import provision
from app.operations.provision import NoAuthId
from app.provisioning.apply import Progress
from app.provisioning.errors import PlivoApiError
from app.provisioning.options import Account
from app.provisioning.plan import Plan, Step
from app.provisioning.undo import UndoPlan, UndoStep

T = TypeVar("T")

NOT_ASKED = "--yes is required when not run interactively"
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.group("provision")
def command() -> None:
    """Create Plivo's application, link the numbers of the routes to it; or undo that.

    \b
    Example: plivo-autoreply provision plan
    """


@command.command("plan")
@config_option
@click.option("--check", is_flag=True, help="Exit with 1 if anything differs.")
@json_option
@click.pass_context
def plan(context: click.Context, path: Path, *, check: bool, as_json: bool) -> None:
    """Show what differs between Plivo and the file. Changes nothing.

    \b
    Example: plivo-autoreply provision plan --check
    """
    found = _plan(load(path))
    if as_json:
        print_json(plan_json(found))
    else:
        show_plan(found, path.name)
    context.exit(1 if check and (found.steps or found.errors) else 0)


@command.command("apply")
@config_option
@yes_option
def apply(path: Path, *, yes: bool) -> None:
    """Create or change the application, and link the numbers. The store remembers what they were linked to.

    \b
    Example: plivo-autoreply provision apply --yes
    """
    config = load(path)
    _require_terminal(yes=yes)
    found = _plan(config)
    show_plan(found, path.name)
    if found.errors:
        raise UsageError("; ".join(found.errors))
    if found.steps and (yes or _confirmed("Apply this to Plivo?")):
        _report(_run(_apply(config, found)), "apply")


@command.command("undo")
@config_option
@yes_option
def undo(path: Path, *, yes: bool) -> None:
    """Give the numbers back to the applications that they had; delete ours, or restore it.

    \b
    Example: plivo-autoreply provision undo
    """
    config = load(path)
    _require_terminal(yes=yes)
    where = config.settings.store.file
    if where and not where.exists():
        click.echo("Nothing to undo.")
        return
    found = _run(_undo_plan(config))
    show_undo(found)
    settled = found.settled_numbers or found.settled_applications
    if (found.steps or settled) and (yes or not found.steps or _confirmed("Undo this at Plivo?")):
        progress = _run(_undo(config, found))
        show_lost(progress.lost)
        _report(progress, "undo")


def _account(config: Loaded) -> Account:
    try:
        return provision.account_of(config.settings.plivo)
    except NoAuthId as error:
        raise UsageError(str(error)) from None


def _plan(config: Loaded) -> Plan:
    settings = config.settings
    numbers = config.runtime.table.by_number
    options = provision.options_of(settings.server.public_url, settings.plivo, tuple(numbers))
    return _run(provision.plan(_account(config), options))


async def _apply(config: Loaded, found: Plan) -> Progress[Step]:
    async with store_beside_server(config, create=True) as store:
        return await provision.apply(_account(config), found, store, whoami(), _tell)


async def _undo_plan(config: Loaded) -> UndoPlan:
    async with store_beside_server(config) as store:
        return await provision.undo_plan(_account(config), store)


async def _undo(config: Loaded, found: UndoPlan) -> Progress[UndoStep]:
    async with store_beside_server(config) as store:
        return await provision.undo(_account(config), found, store, whoami(), _tell)


def _run(main: Coroutine[Any, Any, T]) -> T:
    """Run an operation; what Plivo, the store or the environment refuse is told."""
    try:
        return run(main)
    except PlivoApiError as error:
        _fail(error)
    except BadEnvironment as error:
        raise UsageError(str(error)) from None


def _fail(error: PlivoApiError, before: str = "") -> NoReturn:
    kind = UsageError if error.is_config else CommandFailed
    raise kind(f"{before}{error}") from None


def _require_terminal(*, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise UsageError(NOT_ASKED)


def _confirmed(question: str) -> bool:
    if not click.confirm(question, err=True):
        raise CommandFailed("nothing was changed")
    return True


def _report(progress: Progress[Any], verb: str) -> None:
    """Say what was done; if a step failed, what was not, and how to go on."""
    if progress.error:
        done = f"Done: {summary(progress.done)}. Not done: {names(progress.left)}."
        _fail(progress.error, f"{done} Run `provision {verb}` again to finish.\n")
    if progress.done:
        click.echo(f"Done: {summary(progress.done)}.")


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty() and done < total:
        click.echo(f"{done} of {total}", err=True)
