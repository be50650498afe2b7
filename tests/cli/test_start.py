"""The command line starts quickly: what is not used is not imported."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from support import process

from app.cli import COMMANDS, cli

MODULES = "import sys; from app.cli import cli; cli(sys.argv[1:], standalone_mode=False); print('\\n', *sys.modules)"
HEAVY = {"aiohttp", "httpx", "pydantic", "sqlalchemy", "uvicorn"}
UNUSED_AT_REST = {"aiohttp", "alembic", "asyncpg", "holidays", "httpx", "jinja2", "opening_hours", "rich"}


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules in memory after a command."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES, *arguments],
        cwd=folder,
        env=process.environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("secret",), ("secret", "--help")])
def test_what_needs_no_config_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Help, version and a new secret need neither config nor store nor server."""
    assert imported(tmp_path, *arguments) & HEAVY == set()


def test_help_imports_no_command(tmp_path: Path) -> None:
    """The list of commands is written without them, and without asyncio."""
    modules = imported(tmp_path, "--help")
    assert not [name for name in modules if name.startswith("app.cli.")]
    assert "asyncio" not in modules


def test_serve_imports_only_what_every_service_uses(tmp_path: Path) -> None:
    """Outgoing requests, schedules, holidays, migrations and PostgreSQL cost memory only where there are any."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    assert imported(tmp_path, "serve", "--help") & UNUSED_AT_REST == set()
    assert imported(tmp_path, "check") & UNUSED_AT_REST == set()


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
