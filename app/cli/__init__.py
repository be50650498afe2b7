"""The commands, one file each; a command's file is imported when the command is used.

Exit codes: 0 fine; 1 a test, drift or delivery problem; 2 bad config or usage.
"""

import atexit
import contextlib
import errno
import gc
import os
import sys
from importlib import import_module
from typing import cast

import click

from app import __version__

PROGRAM = "plivo-autoreply"

# Name -> first sentence of its help. Here, so that `--help` imports no command.
COMMANDS = {
    "serve": "Answer Plivo, store its reports, forward them.",
    "init": "Write a small configuration file.",
    "dev": "Serve on 127.0.0.1 and reload the file on each change.",
    "check": "Read the file as `serve` would, and tell everything that is wrong with it.",
    "config": "Show what is in force; print the JSON Schema of the file.",
    "test": "Run the [[tests]] of the file.",
    "explain": "Show which rule would answer, why each other would not, the units and the XML.",
    "backtest": "Show what a file would have answered to the messages in its store, and the SMS units.",
    "send": "Send a signed message to a running instance and print its reply.",
    "status": "Show problems first, then servers, targets, refused calls, pending messages, spending and disk.",
    "history": "Show all that is remembered of a number, or of a message by its MessageUUID.",
    "deliveries": "List, replay, drop; pause and resume a target.",
    "optout": "List, add, remove, import, export.",
    "costs": "Show what Plivo charged for messages, by route, rule or country.",
    "limits": "Show what limits have counted; reset it.",
    "forget": "Erase every row of a number: messages, reports and their deliveries, counts.",
    "backup": "Copy the store into a new file.",
    "copy": "Copy the OLD store, a SQLite file, into the config's store, which must be empty.",
    "doctor": "Check the way from Plivo to the service, the store, the targets, and Plivo's own view.",
    "provision": "Create Plivo's application, link the numbers of the routes to it; or undo that.",
    "migrate": "Migrate the store, for `serve --no-migrate`.",
    "secret": "Print a new Standard Webhooks secret, for `secrets` of a target.",
    "completion": "Print the script that makes a shell complete commands, options and their values.",
}


class LazyGroup(click.Group):
    """A group that lists placeholders and imports the command that is used, `app.cli.NAME`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the arguments to the command itself."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, placeholder and load_command(placeholder), rest

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Output that nobody reads any more, as behind `| head`, is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what stands in buffers, which would fail again
            ctx.exit()


def load_command(placeholder: click.Command) -> click.Command:
    """Import the command that a placeholder stands for."""
    return cast("click.Command", import_module(f"app.cli.{placeholder.name}").command)


def print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's own
    """Print the version, and the commit if it is known, and exit."""
    if not wanted or ctx.resilient_parsing:
        return
    from app.cli.version import commit  # noqa: PLC0415 - nothing else needs it

    found = commit()
    click.echo(f"{PROGRAM}, version {__version__}{f' ({found})' if found else ''}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version.",
)
def cli() -> None:
    """Auto-replies for Plivo SMS numbers.

    \b
    plivo-autoreply check                     is the file right?
    plivo-autoreply explain --to .. --from .. --text "hours?"
    plivo-autoreply serve                     answer Plivo
    plivo-autoreply history +33700000001      what happened, and why?
    """


for _name, _help in COMMANDS.items():
    cli.add_command(click.Command(_name, help=_help))


def main() -> None:
    """Run the command line of `plivo-autoreply`.

    Garbage is collected once for every 20,000 new objects instead of 700, and not at the end. Imports make a hundred
    thousand objects and hardly any garbage: collecting it would take a quarter of the CPU of a short command, and a
    sixth of that of a message.
    """
    gc.set_threshold(20_000, 20, 100)
    atexit.register(gc.freeze)
    _open_closed_streams()
    try:
        cli(prog_name=PROGRAM)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise
        raise SystemExit(_cannot_write(error)) from None


def _open_closed_streams() -> None:
    """Open the descriptors that the caller has closed, as with >&-, so that no file of ours gets one of them.

    `sys.stderr` stays None, so that log lines count as lost.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            stream = open(descriptor, mode, closefd=False)  # noqa: SIM115 - until the end of the process
            if name != "stderr":
                setattr(sys, name, stream)


def _cannot_write(error: OSError) -> int:
    """Say that the output, which is a file on a full disk, lacks something. Returns the exit code."""
    with contextlib.suppress(OSError):
        click.echo(f"{PROGRAM}: the output cannot be written: {error.strerror}", err=True)
    return 1
