"""The floors of the house (DESIGN 4): who may lean on whom, who touches nothing, where each library lives."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support import process

APP = Path(__file__).parent.parent / "app"

# A room -> what of ours it may import: a room with all that is in it, or one module of it.
# Where this goes beyond the table of DESIGN 4, the line says why.
ALLOWED: dict[str, tuple[str, ...]] = {
    "app.plivo": (),
    "app.http_client": (),
    "app.telemetry.metrics": (
        "app.plivo",
    ),  # added, floor 0: every name and label of /metrics; Plivo's statuses are labels
    "app.telemetry": (),
    "app.web.server": (),  # added, floor 0: uvicorn with bounds, which knows nothing of the house
    "app.telemetry.throttle": (),  # added, floor 0: how many log lines a stranger can cause
    "app.folding": (),  # added, floor 0: when two texts are the same word; rules and opt-out ask it
    "app.rules": ("app.plivo", "app.telemetry", "app.folding"),
    "app.policies": ("app.plivo", "app.telemetry", "app.folding"),
    "app.delivery": ("app.plivo", "app.http_client", "app.telemetry", "app.telemetry.metrics"),
    "app.store": ("app.policies.ledger", "app.delivery.queue"),
    "app.engine": ("app.plivo", "app.rules", "app.policies", "app.telemetry"),
    "app.config": (
        "app.rules",
        "app.policies",
        "app.delivery",
        "app.store",
        "app.plivo",
        "app.http_client.Secret",  # added: what `secrets` of a table becomes
        "app.http_client.Url",  # added: types of a kind's options
        "app.http_client.Headers",
        "app.http_client.TlsFiles",  # added: what `ca_file`, `client_cert` and `client_key` become
        "app.http_client.BadTlsFile",
    ),
    "app.answering": (  # added, floor 3: one message, one answer, in time
        "app.engine",
        "app.policies.ledger",
        "app.plivo",
        "app.rules",
        "app.telemetry",
        "app.telemetry.metrics",
    ),
    "app.web.middleware": ("app.plivo", "app.telemetry", "app.telemetry.metrics", "app.telemetry.throttle"),
    "app.operations.readiness": (
        "app.policies",
        "app.telemetry.metrics",
        "app.plivo",
        "app.store",
    ),  # added, floor 3: how the house is
    "app.web.admin": (
        "app.telemetry.metrics",
        "app.operations.readiness",
        "app.telemetry",
    ),  # added, floor 3: the operator's socket
    "app.web.endpoints": ("app.engine", "app.plivo", "app.delivery.queue", "app.policies.ledger"),
    "app.service": (
        "app.web.admin",
        "app.telemetry.metrics",
        "app.operations.readiness",
        "app.answering",
        "app.config",
        "app.web.endpoints",
        "app.engine",
        "app.web.middleware",
        "app.policies",
        "app.http_client",
        "app.plivo",
        "app.delivery",
        "app.rules",
        "app.web.server",
        "app.store",
        "app.telemetry",
        "app.__version__",
    ),
    "app.cli": (
        "app.service",
        "app.config",
        "app.engine",
        "app.plivo",
        "app.store",
        "app.policies",  # added: `optout` and `limits` speak of them
        "app.rules.services",  # added: `test` and `explain` give stand-ins
        "app.rules.tasks",  # added: `serve` tells asyncio how a rule's tasks end
        "app.web.server",  # added: `serve` runs it
        "app.telemetry",  # added: `serve` sets it up
        "app.telemetry.metrics",  # added: `serve` counts the connections that were closed at a limit
        "app.telemetry.throttle",  # added: and tells of them in few lines
        "app.http_client.SECRET_PREFIX",  # added: `secret` prints one
        "app.http_client.BadEnvironment",  # added: `serve` says so
        "app.delivery.payloads",  # added: `history` shows a report's fields as its receiver gets them
        "app.delivery.queue",  # added: the states that `deliveries` can list
        "app.__version__",
    ),
    "app.__main__": ("app.cli",),
    "app": (),
}
# One file of a room that may lean on more than the rest of it.
ALSO = {"app.rules.kinds.webhook": ("app.http_client",), "app.rules.services": ("app.http_client",)}

IMPURE = {"asyncio", "httpx", "starlette", "sqlalchemy", "time", "random", "os", "socket", "logging"}
PURE = ("app.plivo", "app.policies.ledger", "app.delivery.retry", "app.delivery.queue")  # with all that they import
PURE_THEMSELVES = ("app.delivery.payloads", "app.delivery.target")  # a target holds secrets, which outbound signs with

HOMES = {
    "pydantic": "app.config",
    "pydantic_core": "app.config",
    "sqlalchemy": "app.store",
    "alembic": "app.store.migrations",
    "click": "app.cli",
    "uvicorn": "app.web.server",
    "prometheus_client": "app.telemetry.metrics",
}


def _name(path: Path) -> str:
    parts = path.relative_to(APP.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(APP.rglob("*.py"))}


@cache
def _imports(module: str) -> frozenset[str]:
    """Every name that a module imports, with the names it takes out of modules: `app.http_client.Secret`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _ours(module: str) -> Iterator[str]:
    return (name for name in _imports(module) if _within(name, "app"))


def _module_of(name: str) -> str:
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def _roots(module: str) -> set[str]:
    return {name.partition(".")[0] for name in _imports(module)}


def test_every_room_is_in_the_table() -> None:
    """A new room says first on which floor it stands."""
    assert {_room(module) for module in MODULES} == set(ALLOWED)


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_what_the_table_allows(module: str) -> None:
    """A room leans on the rooms that DESIGN 4 names, and on nothing else of ours."""
    own = () if module == "app" else (_room(module),)
    allowed = own + ALLOWED[_room(module)] + ALSO.get(module, ())
    assert [name for name in _ours(module) if not any(_within(name, place) for place in allowed)] == []


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_touch_nothing(room: str) -> None:
    """A pure room, and every room that it imports, knows no clock, chance, disk, net or log."""
    reached = {module for module in MODULES if _within(module, room)}
    waiting = set(reached)
    while waiting:
        found = {_module_of(name) for name in _ours(waiting.pop())} - reached
        reached |= found
        waiting |= found
    assert {module: _roots(module) & IMPURE for module in reached if _roots(module) & IMPURE} == {}


@pytest.mark.parametrize("module", PURE_THEMSELVES)
def test_formats_and_targets_touch_nothing_themselves(module: str) -> None:
    """How a report is written depends on the report alone."""
    assert _roots(module) & IMPURE == set()


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library: str) -> None:
    """pydantic only reads the config, SQL is only spoken by the store, click only by the commands."""
    users = [module for module in MODULES if library in _roots(module)]
    assert users
    assert [module for module in users if not _within(module, HOMES[library])] == []


# What Alembic runs, not imports, and the entry point, which runs the commands.
_RUN_BY_OTHERS = ("app.__main__", "app.store.migrations.env", "app.store.migrations.versions")
_IMPORT_ALL = """
import importlib, os, sys
did = []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def watch(event, arguments):
    if event in ("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen",
                 "os.mkdir", "os.remove", "os.rename", "os.fork", "sqlite3.connect"):
        did.append((event, arguments))
    if event == "open" and arguments[2] & WRITING:
        did.append((event, arguments))
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(did)
"""


def test_importing_does_nothing(tmp_path: Path) -> None:
    """Importing any module opens no socket, starts nothing and writes no file."""
    modules = [name for name in MODULES if not any(_within(name, other) for other in _RUN_BY_OTHERS)]
    done = subprocess.run(
        [sys.executable, "-B", "-c", _IMPORT_ALL, *modules],
        cwd=tmp_path,
        env=process.environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    """Every module begins with a docstring."""
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))
