"""`serve`: the service."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import click
import uvloop

from app import telemetry
from app.cli.common import CommandFailed, UsageError, config_option, load
from app.config import Loaded
from app.http_client import BadEnvironment
from app.rules.tasks import task_factory
from app.service import Service, open_service
from app.store import BrokenStore, NewerStore, StoreInUse
from app.telemetry.metrics import Metrics
from app.telemetry.throttle import Throttle
from app.web import server

log = telemetry.get_logger("serve")

LIMIT_LOG_SECONDS = 60.0
ROUTINE = ("head_seconds", "bad_request")  # limits that port scanners and health checks meet every day


@click.command("serve")
@config_option
@click.option("--public-url", help="What Plivo dials; beats the file.")
@click.option("--host", help="Where to listen; beats the file.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; beats the file. 0: any free one.")
@click.option("--no-migrate", is_flag=True, help="Refuse a store that needs `migrate`, instead of migrating it.")
def command(path: Path, public_url: str | None, host: str | None, port: int | None, *, no_migrate: bool) -> None:
    """Answer Plivo, store its reports, forward them. Stops on SIGTERM within 10 s.

    \b
    Example: plivo-autoreply serve -c config.toml --host 0.0.0.0
    """
    _open_standard_descriptors()
    config = load(path, public_url=public_url, host=host, port=port)
    logging = config.settings.logging
    with telemetry.serving(logging.format, logging.level, logging.numbers):
        fault = _run(config, path, migrate=not no_migrate)
    if fault:
        raise CommandFailed(fault)


def _open_standard_descriptors() -> None:
    """Open what the parent has closed: libuv ends the process with SIGABRT once a socket of its gets such a number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _run(config: Loaded, path: Path, *, migrate: bool) -> str | None:
    """Serves; the fault that ended it. What nobody expected goes into the log, where it has no message."""
    try:
        return uvloop.run(_serve(config, path, migrate=migrate))
    except (BadEnvironment, BrokenStore, StoreInUse, NewerStore) as error:
        raise UsageError(str(error)) from None
    except UsageError:
        raise
    except Exception:
        log.critical("unhandled exception", exc_info=True)
        return "unhandled exception; the log has its place"


async def _serve(config: Loaded, path: Path, *, migrate: bool) -> str | None:
    """Serves until a signal or a fault; the fault."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(telemetry.log_loop_error)
    loop.set_task_factory(task_factory)

    async with open_service(config, on_fault=stopped.set, migrate=migrate) as service, _admin(config, service):
        settings = config.settings.server
        connections = _connections(settings.connections)
        limits = server.limits_of(connections, settings.body_limit)
        on_limit = _on_limit(service.metrics)
        options = server.configure(service.app, settings.host, settings.port, limits, on_limit)
        _announce(config, path)
        _tune_collector()
        running = server.Server(options, on_start=_listening(config, connections), on_stop=service.begin_stop)
        watching = asyncio.create_task(_exit_when(stopped, running))
        try:
            await running.serve()
        except SystemExit:  # uvicorn could not listen, and has said why
            message = f"cannot listen on {settings.host} port {settings.port}: is another process there?"
            raise UsageError(message) from None
        finally:
            watching.cancel()
    log.info("stopped", fault=service.state.fault)
    if asyncio.all_tasks() - {asyncio.current_task()}:
        log.error("a task would not end: leaving without it")
        telemetry.close()
        os._exit(1 if service.state.fault else 0)  # everything of ours is closed; asyncio would wait for ever
    return service.state.fault


def _tune_collector() -> None:
    """Collect garbage once in 20,000 objects, not in 700: most of a message's objects are freed without the collector,
    which took a sixth of the CPU otherwise. What exists by now stays, so it is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@asynccontextmanager
async def _admin(config: Loaded, service: Service) -> AsyncIterator[None]:
    """The operator's socket, if the file wants it. There before the public one, it tells of a stop to the end."""
    if config.settings.admin is None:
        yield
        return
    host, port = config.settings.admin.listen
    try:
        listener = server.listen(host, port)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        message = f"[admin] cannot listen on {config.settings.admin.listen}: {reason}; is another process there?"
        raise UsageError(message) from None
    async with server.beside(service.admin, listener):
        log.info("admin listening", host=host, port=listener.getsockname()[1])
        try:
            yield
        finally:
            await service.stop()


def _connections(wanted: int) -> int:
    """How many connections the file descriptors allow; a warning if that is fewer than the file wants."""
    descriptors = server.raise_limit()
    allowed = server.connections_within(descriptors, wanted)
    if allowed < wanted:
        advice = "raise the limit of open files (ulimit -n, LimitNOFILE, docker --ulimit nofile)"
        log.warning(
            "too few file descriptors", descriptors=descriptors, connections=allowed, wanted=wanted, advice=advice
        )
    return allowed


def _on_limit(metrics: Metrics) -> Callable[[str], None]:
    """Counts connections that were closed at a limit; a line for the first of a minute, and one for the rest."""

    def tell(limit: str, count: int) -> None:
        level = log.info if limit in ROUTINE else log.warning
        level("connections closed at a limit", limit=limit, count=count)

    throttle: Throttle[str] = Throttle(1, LIMIT_LOG_SECONDS, tell)

    def met(limit: str) -> None:
        metrics.dropped(limit)
        if throttle.admit(limit):
            tell(limit, 1)

    return met


def _listening(config: Loaded, connections: int) -> Callable[[int], None]:
    return lambda port: log.info("listening", host=config.settings.server.host, port=port, connections=connections)


async def _exit_when(stopped: asyncio.Event, running: server.Server) -> None:
    await stopped.wait()
    running.should_exit = True


def _announce(config: Loaded, path: Path) -> None:
    """What an operator wants to see first: the URL to paste, what is on, what is off."""
    for warning in config.warnings:
        log.warning("config", file=str(path), fault=str(warning))
    log.info(
        "serving",
        message_url=f"{config.settings.server.public_url}/message",
        routes=len(config.runtime.table.by_name),
        rules=len(config.runtime.table.rules),
        targets=len(config.runtime.subscriptions.targets),
        signature=config.runtime.signature,
        store=config.settings.store.shown,
        config=config.runtime.version,
        off=_off(config),
    )


def _off(config: Loaded) -> list[str]:
    targets = [] if config.runtime.subscriptions.targets else ["targets: reports are stored and go nowhere"]
    return targets if config.settings.admin else [*targets, "admin: no /metrics"]
