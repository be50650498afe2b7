"""The only place where parts are opened and joined. `open_service` gives a running house.

A service that takes reports in and no longer forwards them must not look healthy: when the writer or
the forwarder ends, `/health` says 503 and `on_fault` is called, so that the process can end too.
"""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from app import __version__
from app.answering import Answering, AnsweringOptions
from app.config import Config
from app.endpoints import Endpoints
from app.engine import Engine, EngineOptions, Guards, Owner
from app.gate import Gate, GateOptions
from app.outbound import Outbound
from app.plivo.messages import Report
from app.plivo.refusals import Unavailable
from app.reports.backlog import Backlog
from app.reports.copying import Copying
from app.reports.forwarder import Forwarder
from app.reports.intake import Intake
from app.reports.lane import Chance, Lane
from app.reports.schedule import JITTER
from app.rules.tools import Tools
from app.server import STOP_SECONDS
from app.store import Store, open_store
from app.telemetry import get_logger

log = get_logger("service")

USER_AGENT = f"plivo-autoreply/{__version__}"
REMIND = 3600.0  # seconds
READY_FOR = 1.0  # seconds that one check of the store answers /ready, which anybody may call


@dataclass(slots=True)
class Service:
    """A running house."""

    app: ASGIApp
    store: Store
    answering: Answering
    forwarder: Forwarder
    state: "State"
    _stopping: asyncio.Future[Any] | None = None

    async def begin_stop(self) -> None:
        """/ready says so, nothing more is leased; late rules and POSTs under way share the server's `STOP_SECONDS`."""
        if self._stopping is None:
            self.state.stopping = True
            self._stopping = asyncio.gather(self.forwarder.stop(STOP_SECONDS), self.answering.stop(STOP_SECONDS))

    async def stop(self) -> None:
        """Waits for what `begin_stop` began; a rule that was asked since, for a call then half read, is let go."""
        await self.begin_stop()
        if self._stopping is not None:
            await self._stopping
        await self.answering.stop(0)


@dataclass(slots=True)
class State:
    """What /health and /ready tell."""

    store: Store
    stopping: bool = False
    fault: str | None = None
    _checked: tuple[float, bool] = field(default=(float("-inf"), False))
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> bool:
        """Store writable, nothing broken, not stopping."""
        if self.stopping or self.fault:
            return False
        async with self._checking:  # one write for all who ask at the same time
            at, writable = self._checked
            if time.monotonic() - at >= READY_FOR:
                writable = await _writable(self.store)
                self._checked = (time.monotonic(), writable)
        return writable


async def _writable(store: Store) -> bool:
    try:
        async with asyncio.timeout(READY_FOR):
            await store.check()
    except (Unavailable, TimeoutError):
        return False
    return True


def make_engine(config: Config) -> Engine:
    """The engine of a config."""
    options = EngineOptions(
        callback_url=f"{config.server.public_url}/report",
        callback_method=config.server.callback_method,
        guards=Guards(config.opt_out, config.limits),
        by_route={name: Guards(*guards) for name, guards in config.route_guards.items()},
    )
    return Engine(config.table, options)


@asynccontextmanager
async def open_service(config: Config, on_fault: Callable[[], None], *, migrate: bool = True) -> AsyncIterator[Service]:
    """Opens store, clients and tasks; closes them in order. Raises what `open_store` raises."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(config.store, serving=True, migrate=migrate))
        if isinstance(config.store.where, Path):
            await store.ledger.release("")  # a sole server: whatever a former process held is free
        tools = Tools(await stack.enter_async_context(Outbound(connections=None, user_agent=USER_AGENT)))
        engine = make_engine(config)
        backlog = Backlog(config.targets, store.outbox.waiting)
        forwarder = Forwarder({name: lane async for name, lane in _lanes(config, store, backlog, stack)})
        copying = Copying(config.targets, backlog, forwarder.wake)
        answering = Answering(engine, store.ledger, tools, copying, _answering_options(config), time.time)
        await _tell_of_orphans(config, store)
        stack.callback(asyncio.create_task(backlog.run(), name="backlog").cancel)
        forwarding = asyncio.create_task(forwarder.run(), name="forwarder")
        state = State(store)
        _watch([*store.tasks, forwarding], state, on_fault)
        if config.signature == "log-only":
            reminding = asyncio.create_task(_remind())
            stack.callback(reminding.cancel)
        app = _app(config, engine, store, answering, backlog, forwarder, state)
        service = Service(app, store, answering, forwarder, state)
        try:
            yield service
        finally:
            await service.stop()
            await asyncio.wait([forwarding])


async def _remind() -> None:
    """Law 1: a service that verifies nothing says so at start, and every hour."""
    while True:
        log.warning('signature = "log-only": requests that nobody signed are answered; for a roll-out only')
        await asyncio.sleep(REMIND)


async def _tell_of_orphans(config: Config, store: Store) -> None:
    """Deliveries of a target that the file does not have any more: nobody forwards them."""
    for target, count in (await store.outbox.waiting()).items():
        if target not in config.targets:
            advice = f"give the target back, or: plivo-autoreply deliveries drop --target {target} --state due"
            log.error("deliveries of an unknown target", target=target, deliveries=count, advice=advice)


def _answering_options(config: Config) -> AnsweringOptions:
    return AnsweringOptions(config.keep_text, config.version, owner=secrets.token_hex(8))


async def _lanes(
    config: Config, store: Store, backlog: Backlog, stack: AsyncExitStack
) -> AsyncIterator[tuple[str, Lane]]:
    chance = Chance(time.time, time.monotonic, lambda: random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load, guards nothing
    for name, target in config.targets.items():
        client = Outbound(connections=target.concurrency, user_agent=USER_AGENT)
        yield name, Lane(target, store.outbox, await stack.enter_async_context(client), chance, backlog)


def _app(
    config: Config,
    engine: Engine,
    store: Store,
    answering: Answering,
    backlog: Backlog,
    forwarder: Forwarder,
    state: State,
) -> ASGIApp:
    async def owner(report: Report) -> Owner:
        origin = await store.ledger.origin(report.in_reply_to) if report.in_reply_to else None
        return engine.owner(origin, report)

    intake = Intake(store.outbox, config.targets, backlog, owner, forwarder.wake, time.time)
    endpoints = Endpoints(answering.answer, intake.accept, state.ready, lambda: state.fault)
    prefix = urlsplit(config.server.public_url).path
    inner = Starlette(routes=[route for base in dict.fromkeys(["", prefix]) for route in _routes(base, endpoints)])
    inner.router.redirect_slashes = False
    options = GateOptions(
        public_url=config.server.public_url,
        tokens=config.tokens,
        mode=config.signature,
        body_limit=config.server.body_limit,
        deadline=config.server.deadline,
    )
    return Gate(inner, options, message=endpoints.message, report=endpoints.report)


def _routes(base: str, endpoints: Endpoints) -> Iterable[Route]:
    return (Route(f"{base}/health", endpoints.health), Route(f"{base}/ready", endpoints.ready))


def _watch(tasks: Iterable[asyncio.Task[None]], state: State, on_fault: Callable[[], None]) -> None:
    def ended(task: asyncio.Task[None]) -> None:
        if state.stopping:
            return
        state.fault = f"the {task.get_name()} has ended"
        log.critical(state.fault, exc_info=None if task.cancelled() else task.exception())
        on_fault()

    for task in tasks:
        task.add_done_callback(ended)
