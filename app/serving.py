"""Serve a configuration until a signal or a fault ends it: sockets, signals, reloads."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app import telemetry
from app.config import Loaded
from app.config.environment import NAME as ENVIRONMENT
from app.reload import Check, Reloader
from app.rules.tasks import task_factory
from app.service import Service, open_service
from app.serving_log import announce, closed_at_limit, listening
from app.settings import AdminSettings
from app.watching import watch
from app.web import server

log = telemetry.get_logger("serve")


class CannotListen(Exception):
    """An address that cannot be listened on. The message says which one, and what to check."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    `read` loads the file again, `check` returns objections to a configuration. With `watch` a changed file is
    reloaded; `restart` is called, before the service stops, if the code of a Python rule has changed meanwhile. The
    console needs no token on `open_console`, which `dev` has in place of the admin socket of the file.
    """

    path: Path
    read: Callable[[], Loaded]
    check: Check
    migrate: bool = True
    watch: bool = False
    restart: Callable[[], None] | None = None
    open_console: AdminSettings | None = None


async def serve(config: Loaded, options: ServeOptions) -> str | None:
    """Serve until a signal or a fault, and return the fault. Raises `CannotListen`, and what `open_service` raises."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(telemetry.log_loop_error)
    loop.set_task_factory(task_factory)

    async with (
        open_service(config, on_fault=stopped.set, migrate=options.migrate) as service,
        _reloadable(Reloader(service, options.path, options.read, options.check)) as reloader,
        _watched(service, reloader, options, stopped),
        _admin(config, service, reloader, options.open_console),
    ):
        with_admin = bool(config.settings.admin or options.open_console)
        await _serve(config, options.path, service, stopped, with_admin=with_admin)
    log.info("stopped", fault=service.state.fault)
    if asyncio.all_tasks() - {asyncio.current_task()}:
        log.error("a task did not end in time; exiting without it")
        telemetry.close()
        os._exit(1 if service.state.fault else 0)  # everything of ours is closed; asyncio would wait for ever
    return service.state.fault


async def _serve(config: Loaded, path: Path, service: Service, stopped: asyncio.Event, *, with_admin: bool) -> None:
    """Listen, until a signal comes or `stopped` is set."""
    settings = config.settings.server
    connections = _connections(settings.connections)
    limits = server.limits_of(connections, settings.body_limit)
    bounded = server.configure(service.app, settings.host, settings.port, limits, closed_at_limit(service.metrics))
    announce(config, path, with_admin=with_admin)
    _keep_what_exists()
    running = server.Server(bounded, on_start=listening(config, connections), on_stop=service.begin_stop)
    watching = asyncio.create_task(_exit_when(stopped, running))
    try:
        await running.serve()
    except SystemExit:  # uvicorn could not listen, and has said why
        address = f"{settings.host} port {settings.port}"
        message = f"cannot listen on {address}: is another process using it? Or is the host none of this machine?"
        raise CannotListen(message) from None
    finally:
        watching.cancel()


def _keep_what_exists() -> None:
    """Let no garbage collection examine the objects that exist by now: they live as long as the process."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _reloadable(reloader: Reloader) -> AsyncIterator[Reloader]:
    """Reload on SIGHUP, as long as the block runs; afterwards the signal is ignored."""
    reloading: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task = asyncio.create_task(reloader.reload())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield reloader
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for task in reloading:
            task.cancel()


@asynccontextmanager
async def _watched(
    service: Service, reloader: Reloader, options: ServeOptions, stopped: asyncio.Event
) -> AsyncIterator[None]:
    """Watch the files of the configuration as long as the block runs, if that is asked for."""

    async def changed() -> None:
        if options.restart and reloader.code_has_changed():
            options.restart()
            stopped.set()
        else:
            await reloader.reload()

    def files() -> list[Path]:
        return [options.path, options.path.with_name(ENVIRONMENT), *service.loaded.files]  # the first may be a link

    watching = asyncio.create_task(watch(files, changed)) if options.watch else None
    try:
        yield
    finally:
        if watching:
            watching.cancel()


@asynccontextmanager
async def _admin(
    config: Loaded, service: Service, reloader: Reloader, open_console: AdminSettings | None
) -> AsyncIterator[None]:
    """Serve the admin socket, if it is configured.

    It opens before the public socket and closes after it, so that /ready can be read during a stop.
    """
    settings = open_console or config.settings.admin
    if settings is None:
        yield
        return
    from app.web.admin import make_admin  # noqa: PLC0415 - 80 ms and 4 MB, for those who have one

    host, port = settings.listen
    running = service.running(reloader.reload)
    app = make_admin(running, settings, service.metrics, is_open=open_console is not None)
    try:
        listener = server.listen(host, port)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        message = f"[admin] cannot listen on {settings.listen}: {reason}; is another process using it?"
        raise CannotListen(message) from None
    async with server.additional_server(app, listener):
        log.info("admin listening", host=host, port=listener.getsockname()[1])
        try:
            yield
        finally:
            await service.stop()


def _connections(wanted: int) -> int:
    """Return how many connections the file descriptors allow. Warn if this is fewer than `wanted`."""
    descriptors = server.raise_limit()
    allowed = server.connections_within(descriptors, wanted)
    if allowed < wanted:
        advice = "raise the limit on open files (ulimit -n, LimitNOFILE, docker --ulimit nofile)"
        log.warning(
            "too few file descriptors", descriptors=descriptors, connections=allowed, wanted=wanted, advice=advice
        )
    return allowed


async def _exit_when(stopped: asyncio.Event, running: server.Server) -> None:
    await stopped.wait()
    running.should_exit = True
