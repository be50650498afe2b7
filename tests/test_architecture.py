"""The packages and their layers (docs/architecture.md): who may import whom, what is pure, where each library lives."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from support import process

APP = Path(__file__).parent.parent / "app"

# From the lowest layer up. A package imports itself, and of ours only what stands here: a package with all that is in
# it, or single modules of it.
ALLOWED: dict[str, tuple[str, ...]] = {
    "app.frozen": (),
    "app.tracing": (),
    "app.folding": (),
    "app.suggestions": (),
    "app.text_files": (),
    "app.notation": (),
    "app.plivo": ("app.folding",),
    "app.settings": ("app.notation", "app.plivo"),
    "app.http_client": ("app.notation",),
    "app.telemetry": ("app.plivo",),  # Plivo's statuses are labels of metrics
    "app.policies": ("app.notation", "app.plivo", "app.folding"),
    "app.rules": (
        "app.tracing",
        "app.policies",
        "app.notation",
        "app.plivo",
        "app.folding",
        "app.telemetry",
        "app.http_client",
    ),
    "app.delivery": ("app.tracing", "app.notation", "app.plivo", "app.http_client", "app.telemetry"),
    "app.runtime": ("app.rules", "app.policies", "app.delivery", "app.plivo"),
    "app.replies": ("app.tracing", "app.runtime", "app.rules", "app.policies", "app.plivo", "app.telemetry"),
    "app.store": (
        "app.settings",
        "app.plivo",
        "app.policies",
        "app.telemetry",
        "app.replies.decide",  # pure: admitted inside the transaction
        "app.replies.proposals",
        "app.replies.journal",
        "app.replies.reasons",
        "app.delivery.queue",
        "app.delivery.fan_out",
    ),
    "app.provisioning": ("app.plivo", "app.http_client"),
    "app.config": (
        "app.runtime",
        "app.rules",
        "app.policies",
        "app.delivery",
        "app.settings",
        "app.notation",
        "app.plivo",
        "app.folding",
        "app.suggestions",
        "app.text_files",
        "app.http_client",
    ),
    "app.operations": (
        "app.settings",
        "app.store",
        "app.provisioning",
        "app.replies",
        "app.runtime",
        "app.rules",
        "app.policies",
        "app.delivery",
        "app.plivo",
        "app.suggestions",
        "app.text_files",
        "app.telemetry",
        "app.http_client",
    ),
    "app.web": (
        "app.settings",
        "app.notation",
        "app.suggestions",
        "app.operations",
        "app.replies",
        "app.delivery",
        "app.runtime",
        "app.plivo",
        "app.telemetry",
        "app.folding",
    ),
    "app.startup": ("app.config", "app.store", "app.delivery", "app.telemetry"),
    "app.service": ("app",),
    "app.reporting": ("app",),
    "app.reload": ("app",),
    "app.watching": (),
    "app.serving_log": ("app.config", "app.telemetry"),
    "app.serving": ("app",),
    "app.cli": ("app",),
    "app.__main__": ("app.cli",),
    "app": (),
}
NEVER = {
    "app.web": ("app.store", "app.config"),
    "app.operations": ("app.config",),
    "app.config": ("app.store",),
}

IMPURE = {"asyncio", "httpx", "starlette", "sqlalchemy", "time", "random", "os", "socket", "logging"}
PURE = (  # with all that they import
    "app.tracing",
    "app.frozen",
    "app.folding",
    "app.suggestions",
    "app.text_files",
    "app.notation",
    "app.settings",
    "app.plivo",
    "app.policies",
    "app.rules.outcome",
    "app.replies.decide",
    "app.replies.proposals",
    "app.replies.journal",
    "app.replies.reasons",
    "app.delivery.retry",
    "app.provisioning.plan",
    "app.provisioning.undo",
)
PURE_THEMSELVES = (  # a target holds secrets, which the HTTP client signs with
    "app.delivery.payloads",
    "app.delivery.target",
    "app.delivery.queue",
    "app.delivery.fan_out",
    "app.runtime",
)

HOMES = {
    "pydantic": ("app.config",),
    "pydantic_core": ("app.config", "app.telemetry.formats"),
    "tree_sitter": ("app.config",),
    "dotenv": ("app.config",),
    "rich": ("app.cli", "app.telemetry.console"),
    "sqlalchemy": ("app.store",),
    "alembic": ("app.store.migrations",),
    "click": ("app.cli",),
    "uvicorn": ("app.web.server",),
    "prometheus_client": ("app.telemetry",),
}
LONGEST = 260  # lines of a module


def _name(path: Path) -> str:
    parts = path.relative_to(APP.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(APP.rglob("*.py"))}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def _imports(module: str) -> frozenset[str]:
    """Every name that a module imports, with the names it takes out of modules: `app.http_client.Secret`."""
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _ours(module: str) -> Iterator[str]:
    return (name for name in _imports(module) if _within(name, "app"))


def _module_of(name: str) -> str:
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def _roots(module: str) -> set[str]:
    return {name.partition(".")[0] for name in _imports(module)}


def test_every_package_has_a_layer() -> None:
    """A new package says first what it may import."""
    assert {_package(module) for module in MODULES} == set(ALLOWED)


def _upwards(module: str) -> list[str]:
    """What a module imports that stands beside or above its package."""
    package = _package(module)
    allowed = ("app.__version__", "app.frozen", *([] if module == "app" else [package]), *ALLOWED[package])
    return [name for name in _ours(module) if not any(_within(name, place) for place in allowed)]


def test_imports_go_downwards() -> None:
    """A module imports its own package and what stands below it."""
    assert {module: found for module in MODULES if (found := _upwards(module))} == {}


@pytest.mark.parametrize("package", NEVER)
def test_what_a_package_never_reaches(package: str) -> None:
    """Pages and commands show operations; they do not speak SQL, and an operation reads no file of settings."""
    users = {module: list(_ours(module)) for module in MODULES if _within(module, package)}
    assert {
        module: names
        for module, names in users.items()
        if any(_within(name, place) for name in names for place in NEVER[package])
    } == {}


def test_commands_reach_the_store_through_operations() -> None:
    """A command may open a store; what it asks of it is an operation, so that API and console can ask the same."""
    names = {name for module in MODULES if _within(module, "app.cli") for name in _ours(module)}
    assert [name for name in names if _within(name, "app.store") and _module_of(name) != "app.store"] == []


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_touch_nothing(package: str) -> None:
    """A pure package, and everything that it imports, knows no clock, chance, disk, net or log."""
    reached = {module for module in MODULES if _within(module, package)}
    waiting = set(reached)
    while waiting:
        found = {_module_of(name) for name in _ours(waiting.pop())} - reached
        reached |= found
        waiting |= found
    assert {module: _roots(module) & IMPURE for module in reached if _roots(module) & IMPURE} == {}


@pytest.mark.parametrize("module", PURE_THEMSELVES)
def test_values_touch_nothing_themselves(module: str) -> None:
    """How a report is written, and who wants it, depends on values alone."""
    assert _roots(module) & IMPURE == set()


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library: str) -> None:
    """pydantic only reads the configuration, SQL is only spoken by the store, click only by the commands."""
    users = [module for module in MODULES if library in _roots(module)]
    assert users
    assert [module for module in users if not any(_within(module, home) for home in HOMES[library])] == []


def test_no_module_is_long() -> None:
    """What does not fit on a few screens is two things."""
    lengths = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    assert {module: length for module, length in lengths.items() if length > LONGEST} == {}


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


def test_every_module_says_what_it_is_for() -> None:
    """Every module begins with a docstring."""
    assert [module for module in MODULES if not ast.get_docstring(_tree(module))] == []
