"""commands.md: every command with its arguments, options and example, from the declarations of click."""

import inspect
import re
from collections.abc import Iterator

import click

from app.cli import COMMANDS, cli
from generate.tables import table

HEAD = """\
<!-- Made from the commands' declarations in app/cli/. Edit those, then: make reference -->

# Commands

`plivo-autoreply COMMAND --help` prints the same. `--help` of the program lists the commands.

## Exit codes

| code | meaning |
|---|---|
| 0 | done, or nothing to do |
| 1 | a test failed, something differs, a delivery problem was found, or the operation failed |
| 2 | the configuration or the command line must change; nothing was done |

Each command below says when it exits with 1, if it looks for problems.

## What all commands share

- **The file.** `-c` names it. The default is `$AUTOREPLY_CONFIG`, then `config.toml`. A `.env` beside the file is read
  first; variables of the environment win.
- **The store needs no valid file.** `history`, `deliveries`, `optout`, `limits`, `forget`, `status`, `costs` and
  `backup` read only `[store]`. Errors elsewhere in the file, and secrets that only the server has, do not stop them.
  Nor does a file that is half edited, and no TOML.
- **Commands that delete ask first.** `forget`, `limits reset`, `deliveries drop`, `optout remove` and the changes of
  `provision` show what they would do. `--dry-run` stops there. Scripts need `--yes`: without it, and without a
  terminal, nothing is changed and the exit code is 2.
- **Times** have an offset and are in the zone of the terminal; `--tz Europe/Paris` selects another. `--json` prints one
  document, with times in UTC.
- **Colour** is used on a terminal only, and not at all if `NO_COLOR` is set. What strangers wrote is printed escaped.
"""

EXIT_1 = {
    "serve": "a part of the service has failed; the log has a critical line",
    "dev": "a part of the service has failed; the log has a critical line",
    "test": "a test of the file failed",
    "backtest": "`--fail-on` is given and such answers exist",
    "send": "the instance does not respond, or not with 200",
    "doctor": "at least one check is an error",
    "forget": "another process read the store for too long, and files may still hold the number; run it again",
    "provision plan": "`--check` is given and something differs, or Plivo failed",
    "provision apply": "Plivo failed, or you answered no",
    "provision undo": "Plivo failed, or you answered no",
}
BLOCK = re.compile(r"\n*\x08\n?")


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_index(), *(part for name in COMMANDS for part in _command(name, load(name)))])


def load(name: str) -> click.Command:
    """Return a command by its name."""
    _, command, _ = cli.resolve_command(click.Context(cli), [name])
    if command is None:
        raise LookupError(name)
    return command


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Yield each command that can be run, with its full name."""
    for name in COMMANDS:
        command = load(name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", one) for below, one in command.commands.items())
        else:
            yield name, command


def _index() -> Iterator[str]:
    rows = ((f"[`{name}`](#{name})", text) for name, text in COMMANDS.items())
    yield "## All commands\n"
    yield f"{table(('command', 'what it does'), rows)}\n"


def _command(name: str, command: click.Command) -> Iterator[str]:
    yield f"## {name}\n"
    yield from _text(command)
    if isinstance(command, click.Group):
        for below, one in command.commands.items():
            yield f"### {name} {below}\n"
            yield from _text(one)
            yield from _usage(f"{name} {below}", one)
    else:
        yield from _usage(name, command)


def _text(command: click.Command) -> Iterator[str]:
    prose, *blocks = BLOCK.split(inspect.cleandoc(command.help or ""))
    yield "\n\n".join(" ".join(paragraph.split()) for paragraph in prose.split("\n\n")) + "\n"
    for block in blocks:
        lines = [line.strip() for line in block.strip().splitlines()]
        if lines[0].startswith("Example: "):
            yield "\n".join(("```sh", *(line.removeprefix("Example: ") for line in lines), "```\n"))
        else:
            yield "\n".join(("```text", *lines, "```\n"))


def _usage(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    rows = list(_rows(context, command))
    if rows:
        yield f"{table(('argument or option', 'value', 'meaning'), rows)}\n"
    if name in EXIT_1:
        yield f"Exits with 1 if {EXIT_1[name]}.\n"


def _rows(context: click.Context, command: click.Command) -> Iterator[tuple[str, str, str]]:
    for one in command.params:
        if isinstance(one, click.Option):
            names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
            yield names, "" if one.is_flag else _value(one, context), _meaning(one)
        else:
            yield f"`{one.make_metavar(context)}`", _value(one, context), "Required." if one.required else "Optional."


def _value(one: click.Parameter, context: click.Context) -> str:
    if isinstance(one.type, click.Choice):
        return ", ".join(f"`{choice}`" for choice in one.type.choices)
    if isinstance(one.type, click.IntRange | click.FloatRange) and one.type.max is not None:
        return f"{one.type.min} to {one.type.max}"
    if isinstance(one, click.Argument):
        return one.type.name
    return f"`{one.make_metavar(context)}`"


def _meaning(option: click.Option) -> str:
    parts = [option.help or "", "Required." if option.required else "", "May be repeated." if option.multiple else ""]
    if option.envvar:
        parts.append(f"Environment: `{option.envvar}`.")
    if option.show_default and not option.required and isinstance(option.default, str | int | float):
        parts.append(f"Default: `{option.default}`.")
    return " ".join(filter(None, parts))
