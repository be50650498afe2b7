"""Reload the configuration of a running service (G11): read it whole, run its tests, swap it in one step.

A file with an error changes nothing. Some keys take effect only after a restart; a reload names those that changed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from app.config import BadConfig, Diagnostic, Loaded
from app.operations.reload import FileError, ReloadResult
from app.service import Service
from app.settings import Settings
from app.telemetry import get_logger, mask_numbers

log = get_logger("service")

QUIET = 0.2  # seconds that the file must stay unchanged, because an editor or a copy may still be writing it
PATIENCE = 5.0  # seconds for it to become quiet
SHOWN = 20  # errors that are logged

RESTART = ("server.host", "server.port", "server.connections", "store", "logging", "admin")

CODE = "the code of Python rules"

Check = Callable[[Loaded], Awaitable[list[str]]]  # returns objections to a configuration, such as failed tests


class Reloader:
    """The reloader of one service, from the file that it was started with. `read` raises `BadConfig`."""

    def __init__(self, service: Service, path: Path, read: Callable[[], Loaded], check: Check) -> None:
        self._service = service
        self._path = path
        self._read = read
        self._check = check
        self._one_at_a_time = asyncio.Lock()
        self._code = {file: _content(file) for file in service.loaded.files if file.suffix == ".py"}

    def code_has_changed(self) -> bool:
        """Return whether a Python rule has other code than at the start: modules are imported once."""
        return any(_content(file) != content for file, content in self._code.items())

    async def reload(self) -> ReloadResult:
        """Put the file in force, or return why it is refused. No error in the file is raised."""
        async with self._one_at_a_time:
            await self._wait_until_quiet()
            try:
                loaded = await asyncio.to_thread(self._read)
            except BadConfig as refusal:
                return self._refused(tuple(_file_error(refusal.file, error) for error in refusal.errors))
            if against := await self._objections(loaded):
                return self._refused(against)
            return await self._put_in_force(loaded)

    async def _put_in_force(self, loaded: Loaded) -> ReloadResult:
        before = self._service.loaded
        old, new = _lasting(before.settings), _lasting(loaded.settings)
        keys = (key for key in RESTART if attrgetter(key)(old) != attrgetter(key)(new))
        changed = (*keys, *([CODE] if await asyncio.to_thread(self.code_has_changed) else []))
        await self._service.use(_until_restart(before, loaded))
        self._service.state.failed_reload, self._service.state.reloaded_at = None, time.time()
        self._service.metrics.reloaded("done")
        version = loaded.runtime.version
        log.info("reloaded", config=version, before=before.runtime.version, needs_restart=changed or None)
        for warning in loaded.warnings:
            log.warning("config warning", file=str(self._path), fault=mask_numbers(str(warning)))
        return ReloadResult(version, changed)

    async def _objections(self, loaded: Loaded) -> tuple[FileError, ...]:
        return tuple(FileError(str(self._path), None, None, "tests", failure) for failure in await self._check(loaded))

    def _refused(self, errors: tuple[FileError, ...]) -> ReloadResult:
        self._service.state.failed_reload, self._service.state.reloaded_at = errors[0].place, time.time()
        self._service.metrics.reloaded("failed")
        version = self._service.loaded.runtime.version
        log.error("reload failed", file=str(self._path), errors=len(errors), in_force=version)
        for error in errors[:SHOWN]:
            log.error("config error", file=error.place, key=error.key or None, fault=mask_numbers(error.message))
        return ReloadResult(version, errors=errors)

    async def _wait_until_quiet(self) -> None:
        """Wait until no file of the configuration has changed for a moment: an editor may still be writing."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        contents = await asyncio.to_thread(self._contents)
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(QUIET)
            again = await asyncio.to_thread(self._contents)
            if again == contents:
                return
            contents = again

    def _contents(self) -> list[bytes | None]:
        return [_content(path) for path in (self._path, *self._service.loaded.files)]


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # loading the file will report the error
        return None


def _file_error(file: str, error: Diagnostic) -> FileError:
    return FileError(error.file or file, error.line, error.column, error.key, error.message)


def _lasting(settings: Settings) -> Settings:
    """Return the settings without `test_senders`, which is the one key of `[admin]` that needs no restart."""
    return replace(settings, admin=settings.admin and replace(settings.admin, test_senders=()))


def _until_restart(before: Loaded, loaded: Loaded) -> Loaded:
    """Return the new configuration, with the old values of the keys that need a restart."""
    old, new = before.settings, loaded.settings
    server = replace(new.server, host=old.server.host, port=old.server.port, connections=old.server.connections)
    settings = replace(new, server=server, store=old.store, logging=old.logging, admin=old.admin)
    return replace(loaded, settings=settings, runtime=replace(loaded.runtime, keep_text=before.runtime.keep_text))
