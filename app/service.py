"""The composition root: `open_service` opens every part, joins them and runs them.

A service that accepts reports but no longer forwards them must not look healthy. When the writer or the dispatcher
ends, `/health` returns 503 and `on_fault` is called, so that the process can exit too.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.config import Loaded
from app.delivery.backlog import Backlog
from app.delivery.dispatcher import Dispatcher
from app.delivery.intake import Intake
from app.delivery.message_copies import MessageCopies
from app.delivery.monitor import Monitor
from app.delivery.retry import JITTER
from app.delivery.target import Target
from app.delivery.worker import Clocks, TargetWorker
from app.http_client import USER_AGENT, HttpClient
from app.operations.readiness import State, Status
from app.operations.reload import ReloadResult
from app.operations.running_service import RunningService
from app.plivo.messages import DeliveryReport, Verified
from app.plivo.numbers import Reading
from app.plivo.refusals import Unavailable
from app.replies.handler import ReplyHandler
from app.replies.observer import Observer
from app.reporting import server_facts, status_of
from app.rules.services import RuleServices
from app.runtime import Runtime
from app.settings import Settings, StoreSettings
from app.startup import take_over, warn_of_unknown_targets
from app.store import Store, open_store
from app.store.disk import Measure, Reserve, measuring
from app.store.instances import ServerFacts, StoredInstances
from app.telemetry import get_logger, lost_lines
from app.telemetry.metrics import Metrics
from app.web.app import CurrentApp, make_app
from app.web.endpoints import Accept, Endpoints
from app.web.middleware import SignatureOptions
from app.web.refusal_log import RefusalLog
from app.web.server import STOP_SECONDS

log = get_logger("service")

REMIND = 3600.0  # seconds between two log lines about "log-only"
DISPATCHER_STOP_SECONDS = 1.0  # seconds that a stop waits for the dispatcher to end


@dataclass(slots=True)
class Service:
    """The running service: its ASGI application, and the parts that a reload changes or that stop in order."""

    loaded: Loaded  # the configuration in force
    app: CurrentApp
    endpoints: Endpoints
    metrics: Metrics
    refusals: RefusalLog
    store: Store
    replies: ReplyHandler
    dispatcher: Dispatcher
    state: State
    clients: AsyncExitStack  # HTTP clients that live as long as the service
    status: Status = field(init=False)
    _stopping: asyncio.Future[Any] | None = None

    async def use(self, loaded: Loaded) -> None:
        """Use another configuration from the next request on. Requests in flight end with the old one."""
        await self.open_rules_client(loaded.runtime)
        self.loaded = loaded
        options = _signature_options(loaded.settings)
        self.app.current = make_app(options, self.endpoints, self.metrics, refusals=self.refusals)
        self.dispatcher.use(loaded.runtime.subscriptions.targets)
        with contextlib.suppress(Unavailable):  # /ready reports the store
            await warn_of_unknown_targets(loaded.runtime.subscriptions.targets, self.store)

    def running(self, reload: Callable[[], Awaitable[ReloadResult]]) -> RunningService:
        """Return what the console and the API ask of this service."""
        return RunningService(
            self.store,
            lambda: self.loaded.runtime,
            self._read_address,
            self.status,
            reload,
            self.app,
        )

    def _read_address(self, text: str) -> Reading:
        return self.loaded.read_address(text)

    async def begin_stop(self) -> None:
        """Start stopping: `/ready` turns false and no more deliveries are leased.

        Running rules and deliveries in flight may take the server's `STOP_SECONDS`.
        """
        if self._stopping is None:
            self.state.stopping = True
            self._stopping = asyncio.gather(self.dispatcher.stop(STOP_SECONDS), self.replies.stop(STOP_SECONDS))

    async def stop(self) -> None:
        """Stop, and wait until everything has ended.

        Rules started after `begin_stop`, for a call that had been half read, are cancelled.
        """
        await self.begin_stop()
        if self._stopping is not None:
            await self._stopping
        await self.replies.stop(0)

    async def open_rules_client(self, runtime: Runtime) -> None:
        """Open the HTTP client of the rules, unless it is open or no rule makes requests."""
        if self.replies.services.client is None and any(rule.action.calls_out for rule in runtime.table.rules):
            client = await self.clients.enter_async_context(HttpClient(connections=None, user_agent=USER_AGENT))
            self.replies.services = RuleServices(client)


@asynccontextmanager
async def open_service(
    loaded: Loaded, on_fault: Callable[[], None], *, migrate: bool = True, measure: Measure | None = None
) -> AsyncIterator[Service]:
    """Open the store, the HTTP clients and the tasks, and close them in order.

    `measure` reads how much space the store's disk has. Raises what `open_store` raises.
    """
    settings, targets = loaded.settings, loaded.runtime.subscriptions.targets
    metrics = Metrics(tuple(loaded.runtime.table.by_name), targets, lambda: lost_lines().total)
    async with AsyncExitStack() as stack:
        opening = open_store(settings.store, serving=True, migrate=migrate, committed=metrics.committed)
        store = await stack.enter_async_context(opening)
        state = State(store)
        backlog = Backlog(targets, store.queue.waiting, lambda name: metrics.target(name).capped.inc())
        refusals = RefusalLog(metrics)
        dispatcher = _dispatcher(targets, store, backlog, metrics, lambda: server_facts(service, reserve))
        replies = ReplyHandler(
            lambda: service.loaded.runtime,
            store.journal,
            RuleServices(),
            MessageCopies(backlog, dispatcher.wake),
            Observer(metrics),
            time.time,
            owner=secrets.token_hex(8),
        )
        reserve = _reserve(settings.store, measure, stack)
        intake = Intake(store.queue, lambda: service.loaded.runtime.subscriptions, backlog, dispatcher.wake, time.time)
        accept = _accepting(intake, reserve, metrics)
        endpoints = Endpoints(replies.answer, accept, state.ready, lambda: state.fault)
        app = CurrentApp(make_app(_signature_options(settings), endpoints, metrics, refusals=refusals))
        service = Service(loaded, app, endpoints, metrics, refusals, store, replies, dispatcher, state, stack)
        service.status = status_of(service, reserve, stack)
        await service.open_rules_client(loaded.runtime)
        await take_over(loaded, store)
        async with _running(service, on_fault):
            yield service


def _dispatcher(
    targets: Mapping[str, Target],
    store: Store,
    backlog: Backlog,
    metrics: Metrics,
    facts: Callable[[], ServerFacts],
) -> Dispatcher:
    clocks = Clocks(time.time, time.monotonic, lambda: random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret

    def make(target: Target) -> TargetWorker:
        client = HttpClient(connections=None, user_agent=USER_AGENT)  # the worker limits them
        return TargetWorker(target, store.queue, client, clocks, backlog, metrics.target(target.name))

    workers = {name: make(target) for name, target in targets.items()}
    instances = StoredInstances(store.engine, store.change, secrets.token_hex(8), facts)
    return Dispatcher(workers, backlog, Monitor(workers, instances), make)


@asynccontextmanager
async def _running(service: Service, on_fault: Callable[[], None]) -> AsyncIterator[None]:
    """Run the dispatcher, and watch it together with the store's tasks."""
    forwarding = asyncio.create_task(service.dispatcher.run(), name="dispatcher")
    service.state.watch([*service.store.tasks, forwarding], on_fault)
    reminding = asyncio.create_task(_remind(service))
    try:
        yield
    finally:
        reminding.cancel()
        await service.stop()
        _, late = await asyncio.wait([forwarding], timeout=DISPATCHER_STOP_SECONDS)
        for worker in late:  # it is waiting for a store that does not respond
            worker.cancel()


async def _remind(service: Service) -> None:
    """Log that signatures are not enforced, at start and then every hour (G1)."""
    while True:
        if service.loaded.runtime.signature == "log-only":
            log.warning('signature = "log-only": unsigned requests are accepted; use it during a roll-out only')
        await asyncio.sleep(REMIND)


def _reserve(settings: StoreSettings, measure: Measure | None, stack: AsyncExitStack) -> Reserve | None:
    """Return the watch over the store's disk space; None for PostgreSQL, whose disk is not on this machine."""
    if not settings.file:
        return None
    reserve = Reserve(settings.reserve, measure or measuring(settings.file))
    stack.callback(asyncio.create_task(reserve.watch()).cancel)
    return reserve


def _accepting(intake: Intake, reserve: Reserve | None, metrics: Metrics) -> Accept:
    async def accept(report: DeliveryReport, request: Verified) -> None:
        if reserve:
            reserve.require()  # what is left of the disk is for replies; Plivo sends reports again (G7)
        accepted = await intake.accept(report, request)
        if accepted.fan_out.for_test:
            return
        metrics.report(report.status)
        if accepted.opted_out:
            metrics.opted(accepted.fan_out.route, out=True)

    return accept


def _signature_options(settings: Settings) -> SignatureOptions:
    return SignatureOptions(
        public_url=settings.server.public_url,
        tokens=settings.plivo.auth_tokens,
        mode=settings.plivo.signature,
        body_limit=settings.server.body_limit,
        deadline=settings.server.deadline,
    )
