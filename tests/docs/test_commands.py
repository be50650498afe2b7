"""Every command that a page shows is run: those of the service for real, in a world like that of the pages."""

import io
import re
import shlex
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from support import process
from support.command import Shell
from support.front import Front, front
from support.pages import DOCS, PAGES, ROOT, blocks, name_of, named_files, shell_lines
from support.plivo_api import AUTH_ID, PlivoAccount, plivo_api
from support.receiver import receiving

from app.cli import cli

TYPED = [page for page in PAGES if shell_lines(page)]
OPT_OUTS = named_files(DOCS / "how-to" / "import-opt-outs.md")
UUID = "5f3c1c9e-0b7a-4d5e-9c1b-2f6a8e4d1c33"  # the message that the pages speak of
ADMIN_TOKEN = "admin-token"
MORE = """
[targets.crm]
url = "{crm}"
[admin]
listen = "127.0.0.1:{admin}"
token  = {{ env = "AUTOREPLY_ADMIN_TOKEN" }}
"""
NEW = """
[rules.bot]
webhook = "http://127.0.0.1:9/"
[rules.weather]
webhook = "http://127.0.0.1:9/weather"
"""
BACKUP = '[store]\nurl = "sqlite:///autoreply-2026-03-02.db"\n'

ONLY_PARSED = {  # these would not end, or need another server; the tests that run them
    "serve": "tests/service",
    "dev": "tests/service",
    "copy": "tests/store/test_transfer.py",
}
OTHER_PROGRAMS = {  # programs of the reader's machine; those that take a file of ours are in the tests named
    "cp": "copies a file of the repository",
    "mkdir": "makes a folder",
    ".": "enters the virtual environment",
    "systemctl": "sends SIGHUP, with the unit of deploy/systemd",
    "cloudflared": "a tunnel",
    "ngrok": "a tunnel",
    "ssh": "a tunnel",
    "python3": "tests/docs/test_receivers.py",
    "node": "tests/system/test_receivers.py",
    "php": "tests/system/test_receivers.py",
}
OWN_TESTS = {"docs/api.md": "test_api.py", "docs/deploy.md": "test_deploy.py"}  # pages whose shell is run elsewhere
LANGUAGES = {"sh", "toml", "json", "python", "js", "php", "csv", "xml", "yaml", "text", "console", ""}
COMPOSE_COMMANDS = {"exec", "up", "kill", "cp", "stop", "start", "run"}
ASSIGNMENT = re.compile(r"[A-Z_]+=")
AND = re.compile(r" && (?=(?:[^']*'[^']*')*[^']*$)")  # outside of quotes
INNER = re.compile(r"\$\((plivo-autoreply [^)]*)\)")
REDIRECTION = re.compile(r"\s+(?P<way>[<>])\s*(?P<file>\S+)$")


@dataclass(frozen=True)
class World:
    """A folder with the files that pages name, and a service that answers, with an account at Plivo."""

    folder: Path
    admin: int
    public_url: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A shop that has been serving for a while; its receiver of reports has not."""
    folder = tmp_path_factory.mktemp("shop")
    with plivo_api() as account, front() as proxy, receiving(lambda _: 500) as crm:
        (folder / "config.toml").write_text(_config(proxy, account, crm.url, port=8080, admin=0))
        service = process.Served(folder, more={"AUTOREPLY_ADMIN_TOKEN": ADMIN_TOKEN, "PLIVO_AUTH_ID": AUTH_ID})
        try:
            (listening,) = service.wait_for("admin listening")
            proxy.upstream = service.url
            ours = account.add_application("plivo-autoreply", message_url=f"{proxy.url}/message")
            for number in ("33644600000", "33644600001"):
                account.add_number(number, ours)
            port = int(service.url.rpartition(":")[2])
            admin = int(listening["port"])
            text = _config(proxy, account, crm.url, port=port, admin=admin)
            for name in ("config.toml", "new.toml", "roma.toml", "config.example.toml"):
                (folder / name).write_text(text)
            (folder / "new.toml").write_text(
                text.replace('"closed", "ack"]', '"closed", "bot", "weather", "ack"]') + NEW
            )
            (folder / "optouts.csv").write_text(OPT_OUTS["optouts.csv"])
            (folder / "backup.toml").write_text(BACKUP)
            (folder / "backup.db").write_bytes(b"")
            _seed(folder)
            yield World(folder, admin, proxy.url)
        finally:
            service.stop()


@pytest.mark.parametrize("page", TYPED, ids=name_of)
def test_the_commands_of_a_page_work(
    page: Path, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a reader copies does what it says, in the order of the page."""
    for old in ("backup.db", "autoreply-2026-03-02.db", "before-upgrade.db"):
        (world.folder / old).unlink(missing_ok=True)
    monkeypatch.chdir(world.folder)
    reader = _Reader(world, Shell(world.folder, monkeypatch, capsys), monkeypatch)
    for line in shell_lines(page):
        for command in AND.split(line):
            reader.type(command)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_escapes(page: Path) -> None:
    """A block in a language that no test reads would not be tried. Commands are `sh`, or have a test of their page."""
    unread = {block.language for block in blocks(page)} - LANGUAGES
    if unread:
        assert name_of(page) in OWN_TESTS, f"{unread}: write commands as sh"
        assert (Path(__file__).parent / OWN_TESTS[name_of(page)]).exists()


def test_what_is_not_run_here_is_run_elsewhere() -> None:
    """Each exception names the tests that make up for it."""
    named = [where for where in (*ONLY_PARSED.values(), *OTHER_PROGRAMS.values()) if where.startswith("tests/")]
    assert [where for where in named if not (ROOT / where).exists()] == []


def test_operators_commands_are_shown_in_the_container() -> None:
    """Whatever looks into a running service, or changes it, is shown as it is called in the container."""
    page = DOCS / "how-to" / "run-in-a-container.md"
    shown = {line.split("plivo-autoreply ")[1].split()[0] for line in shell_lines(page) if " plivo-autoreply " in line}
    wanted = {"check", "explain", "history", "deliveries", "optout", "limits", "forget", "backup", "send", "status"}
    assert wanted - shown == set()


@dataclass(frozen=True)
class _Reader:
    """Types what a page shows."""

    world: World
    shell: Shell
    monkeypatch: pytest.MonkeyPatch

    def type(self, line: str) -> None:
        """Type one command, and see that it works."""
        for inner in INNER.findall(line):
            self.type(inner)
        line = INNER.sub("", line)
        redirected = REDIRECTION.search(line)
        words = shlex.split(REDIRECTION.sub("", line) if redirected else line)
        while words and ASSIGNMENT.match(words[0]):
            words.pop(0)
        if not words or words[0] == "eval":
            return
        program, *arguments = words
        if program.rpartition("/")[2] == "plivo-autoreply":
            self._ours(arguments, line, redirected["file"] if redirected and redirected["way"] == "<" else None)
        elif program == "docker":
            self._docker(arguments, line, redirected["file"] if redirected and redirected["way"] == "<" else None)
        elif program == "make":
            assert [name for name in arguments if name not in _targets()] == [], line
        elif program == "curl":
            self._curl(arguments, line)
        else:
            assert program in OTHER_PROGRAMS, f"{line}: who runs {program}?"

    def _ours(self, arguments: list[str], line: str, stdin: str | None = None) -> None:
        command = _command(arguments)
        if arguments[0] in ONLY_PARSED or "--version" in arguments:
            return
        if "-y" in {name for option in command.params for name in option.opts} and "--dry-run" not in arguments:
            arguments = [*(argument for argument in arguments if argument != "--yes"), "--yes"]
        if arguments[0] == "init":
            arguments = [*arguments, "--force", "-c", "first.toml"]
        with self.monkeypatch.context() as patch:
            given = io.TextIOWrapper(io.BytesIO((self.world.folder / stdin).read_bytes() if stdin else b""))
            patch.setattr(sys, "stdin", given)
            done = self.shell(*arguments, AUTOREPLY_ADMIN_TOKEN=ADMIN_TOKEN, PLIVO_AUTH_ID=AUTH_ID)
        assert done.code == 0, f"{line}\n{done.out}{done.err}"
        if line.endswith("> optouts.csv"):
            (self.world.folder / "optouts.csv").write_text(done.out)

    def _docker(self, arguments: list[str], line: str, stdin: str | None) -> None:
        if arguments[0] != "compose":
            assert arguments[0] in ("build", "run"), line
            return
        if arguments[1] == "--profile":
            arguments = arguments[2:]
            assert f"profiles: [{arguments[0]}]" in (ROOT / "docker-compose.yml").read_text(), line
        assert arguments[1] in COMPOSE_COMMANDS, line
        if "plivo-autoreply" in arguments:
            ours = arguments[arguments.index("plivo-autoreply") + 1 :]
            folders = {"/config": self.world.folder, "/data": self.world.folder}
            ours = [re.sub(r"^(/config|/data)(?=/)", lambda at: str(folders[at[0]]), one) for one in ours]
            self._ours(ours, line, stdin)

    def _curl(self, arguments: list[str], line: str) -> None:
        url = arguments[-1].replace("127.0.0.1:9090", f"127.0.0.1:{self.world.admin}")
        headers = dict(re.findall(r'-H "([\w-]+): ([^"]*)"', line))
        headers = {name: value.replace("$AUTOREPLY_ADMIN_TOKEN", ADMIN_TOKEN) for name, value in headers.items()}
        method = arguments[arguments.index("-X") + 1] if "-X" in arguments else "GET"
        status, body = process.fetch(urllib.request.Request(url, headers=headers, method=method))
        assert status == 200, f"{line}\n{body.decode()}"


def _command(arguments: list[str]) -> click.Command:
    """The command that these arguments name; fails if it does not take them."""
    if "--version" in arguments:
        return cli
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        _, command, arguments = command.resolve_command(click.Context(command), arguments)
    assert command
    with command.make_context(command.name, list(arguments)):
        return command


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _config(proxy: Front, account: PlivoAccount, crm: str, *, port: int, admin: int) -> str:
    """The example, with the addresses of this world."""
    text = (ROOT / "config.example.toml").read_text()
    for old, new in (
        ('public_url = "https://sms.example.com"', f'public_url = "{proxy.url}"\nport = {port}'),
        ("[plivo]\n", f'[plivo]\nauth_id = {{ env = "PLIVO_AUTH_ID" }}\napi_url = "{account.url}"\n'),
    ):
        assert old in text
        text = text.replace(old, new)
    return text + MORE.format(crm=crm, admin=admin)


def _seed(folder: Path) -> None:
    """Seven messages with three reports each."""
    identities = [UUID, *(f"0b7a-{number}" for number in range(6))]
    for number, uuid in enumerate(identities, start=1):
        said = ("--from", f"+3370000000{number}", "--text", "Hours?", "--uuid", uuid, "--report", "delivered")
        done = process.run("send", "--to", "+33644600000", *said, cwd=folder, PLIVO_AUTH_ID=AUTH_ID,
                           AUTOREPLY_ADMIN_TOKEN=ADMIN_TOKEN)  # fmt: skip
        assert done.returncode == 0, done.stderr
