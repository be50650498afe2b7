"""The fence, and what every test may use."""

import gc
import ipaddress
import logging
import os
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from support import postgres

from app.telemetry.logger import destination, send_to
from app.telemetry.standard import SinkHandler


def _fence(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses every address but loopback, wherever in the process it is dialled."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            message = f"a test dialled {host}"
            raise PermissionError(message)
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", "127.0.0.1", "::1"):
        message = f"a test looked up {arguments[0]}"
        raise PermissionError(message)


LONG = (
    "tests/service/test_targets.py",
    "tests/faults/test_stranger.py",
    "tests/docs/test_commands.py",
    "tests/operations/test_doctor.py",
    "tests/store/test_postgres.py",
)

sys.addaudithook(_fence)

# The same examples in each run, however long one takes; `--hypothesis-profile default` looks for new ones.
hypothesis.settings.register_profile("same", hypothesis.settings.get_profile("ci"))
hypothesis.settings.load_profile("same")

# jsonschema checks IRIs by it, and no schema of ours has one: 1.4 s of CPU to import, in each process of pytest-xdist.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment] # the import system's own way to say that there is none

for _name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):  # of the machine: tests speak to loopback only
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test-fast` leaves out what needs a second process."""
    parser.addoption("--one-process", action="store_true", help="skip each test that starts a process")


def pytest_configure(config: pytest.Config) -> None:
    """Watch for processes from the first test on."""
    gc.disable()  # until the tests are collected: ten thousand of them, and no garbage
    if config.getoption("one_process"):
        sys.addaudithook(_skip_what_starts_a_process)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files and mix the others: those that wait for processes run beside those that compute."""

    def place(item: pytest.Item) -> tuple[int, int]:
        file = item.nodeid.partition("::")[0]
        return LONG.index(file) if file in LONG else len(LONG), zlib.crc32(file.encode())

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Let no collection of garbage go through the tests themselves."""
    gc.freeze()
    gc.enable()


def _skip_what_starts_a_process(event: str, _arguments: tuple[Any, ...]) -> None:
    """Found out by doing, so that no list of tests grows stale. pytest-xdist may start its workers."""
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn") and "PYTEST_CURRENT_TEST" in os.environ:
        pytest.skip("starts a process")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL, started for the first test that wants one; each takes a database of its own."""
    with postgres.running() as url:
        yield url


@pytest.fixture(autouse=True)
def _forget_the_log() -> Iterator[None]:
    """A command that ran in this process set up its log on a stream that is closed by now."""
    before = destination.sink, destination.threshold
    yield
    send_to(*before)
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if not isinstance(handler, SinkHandler)]
