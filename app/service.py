"""The only place where parts are opened and joined. `open_service` gives a running house.

A service that takes reports in and no longer forwards them must not look healthy: when the writer or
the forwarder ends, `/health` says 503 and `on_fault` is called, so that the process can end too.
"""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from app import __version__
from app.answering import Answering, AnsweringOptions
from app.config import Config
from app.delivery.backlog import Backlog
from app.delivery.dispatcher import Dispatcher
from app.delivery.intake import Intake
from app.delivery.message_copies import Copying
from app.delivery.monitor import Monitor
from app.delivery.retry import JITTER, RETRY_AFTER_CAP
from app.delivery.worker import LEASE_MARGIN, Clocks, TargetWorker
from app.engine import Engine, EngineOptions, Guards, Owner
from app.http_client import HttpClient
from app.operations.readiness import ServiceFacts, SnapshotReader, State, Status
from app.plivo.messages import DeliveryReport, Verified
from app.rules.services import RuleServices
from app.store import Store, open_store
from app.store.disk import Measure, Reserve, measuring
from app.store.due_times import Longest, draw_back
from app.store.instances import StoredInstances
from app.store.snapshot import Survey, is_empty, survey
from app.telemetry import get_logger, lost_lines
from app.telemetry.metrics import Metrics
from app.web.admin import Admin, make_admin
from app.web.endpoints import Accept, Endpoints
from app.web.middleware import SignatureMiddleware, SignatureOptions
from app.web.server import STOP_SECONDS, trust

log = get_logger("service")

USER_AGENT = f"plivo-autoreply/{__version__}"
REMIND = 3600.0  # seconds
LETTING_GO = 1.0  # seconds for what a stop has told to end
LOOK_AT_DISK = 10.0  # seconds; each report looks too
NEW_STORE = "right for a first start; else opt-outs and reports are in another: see -c, $AUTOREPLY_DATA, [store] url"


@dataclass(slots=True)
class Service:
    """A running house."""

    app: ASGIApp
    admin: Admin
    metrics: Metrics
    store: Store
    answering: Answering
    forwarder: Dispatcher
    state: State
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
async def open_service(
    config: Config, on_fault: Callable[[], None], *, migrate: bool = True, measure: Measure | None = None
) -> AsyncIterator[Service]:
    """Opens store, clients and tasks; closes them in order. `measure` looks at the store's disk. Raises what
    `open_store` raises.
    """
    metrics = Metrics(tuple(config.table.by_name), config.targets, _lost_log_lines)
    async with AsyncExitStack() as stack:
        opening = open_store(config.store, serving=True, migrate=migrate, committed=metrics.committed)
        store = await stack.enter_async_context(opening)
        services = RuleServices(await stack.enter_async_context(HttpClient(connections=None, user_agent=USER_AGENT)))
        engine, state = make_engine(config), State(store)
        backlog = Backlog(config.targets, store.outbox.waiting, lambda name: metrics.target(name).capped.inc())
        lanes = {name: lane async for name, lane in _lanes(config, store, backlog, metrics, stack)}
        instances = StoredInstances(store.engine, store.writer, secrets.token_hex(8))
        forwarder = Dispatcher(lanes, backlog, Monitor(lanes, instances))
        copying = Copying(config.targets, backlog, forwarder.wake)
        answering = Answering(engine, store.ledger, services, copying, _answering_options(config), time.time, metrics)
        reserve = _reserve(config, measure, stack)
        intake = Intake(store.outbox, config.targets, backlog, _owners(engine, store), forwarder.wake, time.time)
        accept = _accepting(intake, reserve, metrics)
        app = _app(config, Endpoints(answering.answer, accept, state.ready, lambda: state.fault), metrics)
        admin = make_admin(metrics, _status(_facts(config), state, reserve, forwarder, answering, stack))
        service = Service(app, admin, metrics, store, answering, forwarder, state)
        await _take_over(config, store)
        async with _running(service, config, on_fault):
            yield service


async def _take_over(config: Config, store: Store) -> None:
    """What former processes left: claims that nobody holds any more, due times that a wrong clock has set, deliveries
    that nobody forwards. Nothing at all is a first start, or the wrong store.
    """
    if await is_empty(store.engine):
        log.warning("new store", store=config.store.shown, advice=NEW_STORE)
    if isinstance(config.store.where, Path):
        await store.ledger.release("")  # a sole server: whatever another one held is free
    if drawn_back := await store.writer.submit(draw_back, _longest(config)):
        log.warning("due times of a clock that was ahead are corrected", deliveries=drawn_back)
    for target, count in (await store.outbox.waiting()).items():
        if target not in config.targets:
            advice = f"give the target back, or: plivo-autoreply deliveries drop --target {target} --state due"
            log.error("deliveries of an unknown target", target=target, deliveries=count, advice=advice)


def _longest(config: Config) -> Longest:
    """No delivery that the forwarder put off lies further ahead."""
    delays = [delay * (1 + JITTER) for target in config.targets.values() for delay in target.retry]
    timeouts = [target.timeout for target in config.targets.values()]
    return Longest(
        tuple(config.targets),
        delay=max([RETRY_AFTER_CAP, *delays]),
        lease=max(timeouts, default=0.0) + LEASE_MARGIN,
    )


@asynccontextmanager
async def _running(service: Service, config: Config, on_fault: Callable[[], None]) -> AsyncIterator[None]:
    """Forwards, and watches whether all that must go on does."""
    forwarding = asyncio.create_task(service.forwarder.run(), name="forwarder")
    _watch([*service.store.tasks, forwarding], service.state, on_fault)
    reminding = asyncio.create_task(_remind()) if config.signature == "log-only" else None
    try:
        yield
    finally:
        if reminding:
            reminding.cancel()
        await service.stop()
        _, late = await asyncio.wait([forwarding], timeout=LETTING_GO)
        for lane in late:  # it asks a store that does not answer
            lane.cancel()


async def _remind() -> None:
    """G1: a service that verifies nothing says so at start, and every hour."""
    while True:
        log.warning('signature = "log-only": requests that nobody signed are answered; for a roll-out only')
        await asyncio.sleep(REMIND)


def _reserve(config: Config, measure: Measure | None, stack: AsyncExitStack) -> Reserve | None:
    """What watches the disk, if it is ours."""
    if not isinstance(config.store.where, Path):
        return None
    reserve = Reserve(config.store.reserve, measure or measuring(config.store.where))
    stack.callback(asyncio.create_task(_watch_disk(reserve)).cancel)
    return reserve


async def _watch_disk(reserve: Reserve) -> None:
    """So that it is told before the next report comes."""
    while True:
        reserve.look()
        await asyncio.sleep(LOOK_AT_DISK)


def _facts(config: Config) -> ServiceFacts:
    return ServiceFacts(
        config=config.version,
        version=__version__,
        signature=config.signature,
        store="sqlite" if isinstance(config.store.where, Path) else "postgresql",
        targets={name: target.max_due for name, target in config.targets.items()},
        limits=config.limits,
    )


async def _survey(state: State, facts: ServiceFacts) -> Survey:
    """Whether the store writes, then what it holds."""
    await state.store_fault()
    return await survey(state.store.engine, tuple(facts.targets), tuple(facts.fuses), time.time())


def _status(
    facts: ServiceFacts,
    state: State,
    reserve: Reserve | None,
    forwarder: Dispatcher,
    answering: Answering,
    stack: AsyncExitStack,
) -> Status:
    surveyor = SnapshotReader(partial(_survey, state, facts))
    stack.push_async_callback(surveyor.close)
    return Status(
        facts,
        state,
        surveyor,
        reserve,
        broken=lambda: forwarder.paused,
        chains=lambda: answering.in_flight,
        writes=lambda: state.store.writer.waiting,
        lost_log_lines=_lost_log_lines,
        log_works=lambda: not lost_lines().unreported,
    )


def _lost_log_lines() -> int:
    return lost_lines().total


def _answering_options(config: Config) -> AnsweringOptions:
    return AnsweringOptions(config.keep_text, config.version, owner=secrets.token_hex(8))


async def _lanes(
    config: Config, store: Store, backlog: Backlog, metrics: Metrics, stack: AsyncExitStack
) -> AsyncIterator[tuple[str, TargetWorker]]:
    chance = Clocks(time.time, time.monotonic, lambda: random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load, guards nothing
    for name, target in config.targets.items():
        client = HttpClient(connections=target.concurrency, user_agent=USER_AGENT)
        await stack.enter_async_context(client)
        yield name, TargetWorker(target, store.outbox, client, chance, backlog, metrics.target(name))


def _owners(engine: Engine, store: Store) -> Callable[[DeliveryReport], Awaitable[Owner]]:
    async def owner(report: DeliveryReport) -> Owner:
        origin = await store.ledger.origin(report.in_reply_to) if report.in_reply_to else None
        return engine.owner(origin, report)

    return owner


def _accepting(intake: Intake, reserve: Reserve | None, metrics: Metrics) -> Accept:
    async def accept(report: DeliveryReport, request: Verified) -> None:
        if reserve:
            reserve.require()  # replies before reports (G7): these come again
        await intake.accept(report, request)
        metrics.report(report.status)

    return accept


def _app(config: Config, endpoints: Endpoints, metrics: Metrics) -> ASGIApp:
    prefix = urlsplit(config.server.public_url).path
    inner = Starlette(routes=[route for base in dict.fromkeys(["", prefix]) for route in _routes(base, endpoints)])
    inner.router.redirect_slashes = False
    options = SignatureOptions(
        public_url=config.server.public_url,
        tokens=config.tokens,
        mode=config.signature,
        body_limit=config.server.body_limit,
        deadline=config.server.deadline,
    )
    return SignatureMiddleware(
        inner, options, message=endpoints.message, report=endpoints.report, metrics=metrics, accepted=trust
    )


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
