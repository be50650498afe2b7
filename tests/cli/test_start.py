"""The command line starts quickly: what is not used is not imported."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from support import process

from app.cli import COMMANDS, backtest, cli, costs, deliveries, send
from app.cli.actions import find
from app.delivery.queue import State
from app.operations import deliveries as operations
from app.operations.backtest import EXAMPLES
from app.operations.costs import KEYS
from app.operations.send import PATHS, SIGNATURES

MODULES = "import sys; from app.cli import cli; cli(sys.argv[1:], standalone_mode=False); print('\\n', *sys.modules)"
HEAVY = {"aiohttp", "httpx", "pydantic", "sqlalchemy", "uvicorn"}
UNUSED_AT_REST = {"aiohttp", "alembic", "asyncpg", "holidays", "httpx", "jinja2", "opening_hours", "rich"}


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules in memory after a command."""
    return set(process.python(MODULES, *arguments, cwd=folder).splitlines()[-1].split())


def test_full_disk_under_the_output_is_told_in_a_sentence(tmp_path: Path) -> None:
    """`check > file` on a disk that is full: no traceback, and not the exit code of success."""
    with Path("/dev/full").open("wb") as full:
        command = [*process.COMMAND, "check", "--json", "-c", "none.toml"]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "plivo-autoreply: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("secret",), ("secret", "--help")])
def test_what_needs_no_config_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Help, version and a new secret need neither config nor store nor server."""
    assert imported(tmp_path, *arguments) & HEAVY == set()


def test_declarations_import_nothing_heavy(tmp_path: Path) -> None:
    """The help of each command is there at once: what it does is imported only when it is done."""
    program = "import importlib, sys; [importlib.import_module(f'app.cli.{name}') for name in sys.argv[1:]]"
    modules = process.python(f"{program}; print(*sys.modules)", *COMMANDS, cwd=tmp_path).split()
    assert set(modules) & (HEAVY | {"app.config", "app.store", "app.rules", "asyncio", "rich"}) == set()


def _commands(command: click.Command = cli, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its name, those of groups, too."""
    if names:
        yield names, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            _, found, _ = command.resolve_command(click.Context(command), [name])
            assert found
            yield from _commands(found, *names, name)


@pytest.mark.parametrize("command", [pytest.param(found, id=" ".join(names)) for names, found in _commands()])
def test_each_help_has_an_example(command: click.Command) -> None:
    """The command as it is typed."""
    assert re.search(r"\bExample: .*plivo-autoreply ", command.get_help(click.Context(command)))


GATHERED = {"span": {"since", "until"}, "which": {"ids", "target", "state", "status", "older_than", "newer_than"}}


@pytest.mark.parametrize(
    "command",
    [pytest.param(found, id=" ".join(names)) for names, found in _commands() if hasattr(found.callback, "place")],
)
def test_an_action_takes_what_its_command_declares(command: click.Command) -> None:
    """By name; some options reach it as one value."""
    parameters = inspect.signature(find(vars(command.callback)["place"])).parameters.values()
    given = {str(parameter.name) for parameter in command.params}
    named = {one.name for one in parameters if one.kind is not one.VAR_KEYWORD}
    for name in named & GATHERED.keys():
        named = named - {name} | GATHERED[name]
    if all(one.kind is not one.VAR_KEYWORD for one in parameters):
        assert named == given
    assert named <= given


def test_choices_are_those_of_the_operations() -> None:
    """Declarations repeat them, so that they need not import them."""
    assert (get_args(State), operations.RATE) == (deliveries.STATES, deliveries.RATE)
    assert (tuple(SIGNATURES), tuple(PATHS)) == (send.SIGNATURES, send.STATUSES)
    assert (EXAMPLES, KEYS) == (backtest.EXAMPLES, costs.KEYS)


def test_help_imports_no_command(tmp_path: Path) -> None:
    """The list of commands is written without them, and without asyncio."""
    modules = imported(tmp_path, "--help")
    assert not [name for name in modules if name.startswith("app.cli.")]
    assert "asyncio" not in modules


def test_serve_imports_only_what_every_service_uses(tmp_path: Path) -> None:
    """Outgoing requests, schedules, holidays, migrations and PostgreSQL cost memory only where there are any."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    program = "import sys; import app.cli.serving; print(*sys.modules)"
    assert set(process.python(program, cwd=tmp_path).split()) & UNUSED_AT_REST == set()
    assert imported(tmp_path, "check") & UNUSED_AT_REST == set()


def test_sighup_during_the_imports_of_serve_is_no_exit(tmp_path: Path) -> None:
    """A reload that is asked for while the service starts does not end it: here it ends for want of a file."""
    program = """
import os, signal, sys
class Signalling:
    def find_spec(self, name, *rest):
        if name == "app.cli.serving":
            os.kill(os.getpid(), signal.SIGHUP)
sys.meta_path.insert(0, Signalling())
sys.argv = ["plivo-autoreply", "serve", "-c", "missing.toml"]
from app.cli import main
main()
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=tmp_path, env=process.environment(tmp_path), capture_output=True, check=False)
    assert ended.returncode == 2
    assert b"missing.toml" in ended.stderr


def test_the_table_lists_every_command() -> None:
    """Each file with a command has its line, and each line its file."""
    folder = Path(sys.modules["app.cli"].__path__[0])
    assert {path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text()} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_of_the_table_is_the_first_sentence_of_the_help(name: str) -> None:
    """What the list says of a command is what the command says of itself."""
    _, command, _ = cli.resolve_command(click.Context(cli), [name])
    assert command
    assert (command.name, command.get_short_help_str(limit=200)) == (name, COMMANDS[name])


def test_an_unknown_command_is_a_mistake_of_the_user() -> None:
    """A misspelt command is wrong usage, with a suggestion."""
    with pytest.raises(click.UsageError, match="serve"):
        cli.resolve_command(click.Context(cli), ["servee"])
