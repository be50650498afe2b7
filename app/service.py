"""The composition root: `open_service` opens every part, joins them and runs them.

A service that takes reports in and no longer forwards them must not look healthy: when the writer or
the dispatcher ends, `/health` says 503 and `on_fault` is called, so that the process can end too.
"""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.types import ASGIApp

from app import __version__
from app.config import Loaded
from app.delivery.backlog import Backlog
from app.delivery.dispatcher import Dispatcher
from app.delivery.intake import Intake
from app.delivery.message_copies import MessageCopies
from app.delivery.monitor import Monitor
from app.delivery.retry import JITTER
from app.delivery.target import Target
from app.delivery.worker import Clocks, TargetWorker
from app.http_client import HttpClient
from app.operations.readiness import ServiceFacts, SnapshotReader, State, Status
from app.plivo.messages import DeliveryReport, Verified
from app.replies.handler import ReplyHandler
from app.replies.observer import Observer
from app.rules.services import RuleServices
from app.runtime import Runtime
from app.settings import Settings, StoreSettings
from app.startup import take_over
from app.store import Store, open_store
from app.store.disk import Measure, Reserve, measuring
from app.store.instances import StoredInstances
from app.store.snapshot import Survey, survey
from app.telemetry import get_logger, lost_lines
from app.telemetry.metrics import Metrics
from app.web.admin import Admin, make_admin
from app.web.app import make_app
from app.web.endpoints import Accept, Endpoints
from app.web.middleware import SignatureOptions
from app.web.server import STOP_SECONDS

log = get_logger("service")

USER_AGENT = f"plivo-autoreply/{__version__}"
REMIND = 3600.0  # seconds
LETTING_GO = 1.0  # seconds for what a stop has told to end


@dataclass(slots=True)
class Service:
    """The running service: its two ASGI applications and what has to be stopped in order."""

    app: ASGIApp
    admin: Admin
    metrics: Metrics
    store: Store
    replies: ReplyHandler
    dispatcher: Dispatcher
    state: State
    _stopping: asyncio.Future[Any] | None = None

    async def begin_stop(self) -> None:
        """/ready says so, nothing more is leased; late rules and POSTs under way share the server's `STOP_SECONDS`."""
        if self._stopping is None:
            self.state.stopping = True
            self._stopping = asyncio.gather(self.dispatcher.stop(STOP_SECONDS), self.replies.stop(STOP_SECONDS))

    async def stop(self) -> None:
        """Waits for what `begin_stop` began; a rule that was asked since, for a call then half read, is let go."""
        await self.begin_stop()
        if self._stopping is not None:
            await self._stopping
        await self.replies.stop(0)


@asynccontextmanager
async def open_service(
    loaded: Loaded, on_fault: Callable[[], None], *, migrate: bool = True, measure: Measure | None = None
) -> AsyncIterator[Service]:
    """Opens store, clients and tasks; closes them in order. `measure` looks at the store's disk. Raises what
    `open_store` raises.
    """
    settings, targets = loaded.settings, loaded.runtime.subscriptions.targets
    metrics = Metrics(tuple(loaded.runtime.table.by_name), targets, _lost_log_lines)
    async with AsyncExitStack() as stack:
        opening = open_store(settings.store, serving=True, migrate=migrate, committed=metrics.committed)
        store = await stack.enter_async_context(opening)
        services, state = RuleServices(await _rules_client(loaded.runtime, stack)), State(store)
        backlog = Backlog(targets, store.queue.waiting, lambda name: metrics.target(name).capped.inc())
        workers = {name: worker async for name, worker in _workers(targets, store, backlog, metrics, stack)}
        instances = StoredInstances(store.engine, store.change, secrets.token_hex(8))
        dispatcher = Dispatcher(workers, backlog, Monitor(workers, instances))
        replies = ReplyHandler(
            lambda: loaded.runtime,
            store.journal,
            services,
            MessageCopies(targets, backlog, dispatcher.wake),
            Observer(metrics),
            time.time,
            owner=secrets.token_hex(8),
        )
        reserve = _reserve(settings.store, measure, stack)
        intake = Intake(store.queue, lambda: loaded.runtime.subscriptions, backlog, dispatcher.wake, time.time)
        accept = _accepting(intake, reserve, metrics)
        endpoints = Endpoints(replies.answer, accept, state.ready, lambda: state.fault)
        app = make_app(_signature_options(settings), endpoints, metrics)
        admin = make_admin(metrics, _status(_facts(loaded), state, reserve, dispatcher, replies, stack))
        service = Service(app, admin, metrics, store, replies, dispatcher, state)
        await take_over(loaded, store)
        async with _running(service, loaded, on_fault):
            yield service


async def _rules_client(runtime: Runtime, stack: AsyncExitStack) -> HttpClient | None:
    """The HTTP client of the rules, if one of them calls out."""
    if not any(rule.action.calls_out for rule in runtime.table.rules):
        return None
    return await stack.enter_async_context(HttpClient(connections=None, user_agent=USER_AGENT))


@asynccontextmanager
async def _running(service: Service, loaded: Loaded, on_fault: Callable[[], None]) -> AsyncIterator[None]:
    """Forwards, and watches whether all that must go on does."""
    forwarding = asyncio.create_task(service.dispatcher.run(), name="dispatcher")
    service.state.watch([*service.store.tasks, forwarding], on_fault)
    reminding = asyncio.create_task(_remind()) if loaded.runtime.signature == "log-only" else None
    try:
        yield
    finally:
        if reminding:
            reminding.cancel()
        await service.stop()
        _, late = await asyncio.wait([forwarding], timeout=LETTING_GO)
        for worker in late:  # it asks a store that does not answer
            worker.cancel()


async def _remind() -> None:
    """G1: a service that verifies nothing says so at start, and every hour."""
    while True:
        log.warning('signature = "log-only": requests that nobody signed are answered; for a roll-out only')
        await asyncio.sleep(REMIND)


def _reserve(settings: StoreSettings, measure: Measure | None, stack: AsyncExitStack) -> Reserve | None:
    """What watches the disk, if it is ours."""
    if not settings.file:
        return None
    reserve = Reserve(settings.reserve, measure or measuring(settings.file))
    stack.callback(asyncio.create_task(reserve.watch()).cancel)
    return reserve


def _facts(loaded: Loaded) -> ServiceFacts:
    return ServiceFacts(
        config=loaded.runtime.version,
        version=__version__,
        signature=loaded.runtime.signature,
        store="sqlite" if loaded.settings.store.file else "postgresql",
        targets={name: target.max_due for name, target in loaded.runtime.subscriptions.targets.items()},
        caps=loaded.runtime.policies.caps,
    )


async def _survey(state: State, facts: ServiceFacts) -> Survey:
    """Whether the store writes, then what it holds."""
    await state.store_fault()
    return await survey(state.store.engine, tuple(facts.targets), tuple(facts.caps), time.time())


def _status(
    facts: ServiceFacts,
    state: State,
    reserve: Reserve | None,
    dispatcher: Dispatcher,
    replies: ReplyHandler,
    stack: AsyncExitStack,
) -> Status:
    surveyor = SnapshotReader(partial(_survey, state, facts))
    stack.push_async_callback(surveyor.close)
    return Status(
        facts,
        state,
        surveyor,
        reserve,
        broken=lambda: dispatcher.paused,
        chains=lambda: replies.in_flight,
        writes=lambda: state.store.writer.waiting,
        lost_log_lines=_lost_log_lines,
        log_works=lambda: not lost_lines().unreported,
    )


def _lost_log_lines() -> int:
    return lost_lines().total


async def _workers(
    targets: Mapping[str, Target], store: Store, backlog: Backlog, metrics: Metrics, stack: AsyncExitStack
) -> AsyncIterator[tuple[str, TargetWorker]]:
    chance = Clocks(time.time, time.monotonic, lambda: random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load, guards nothing
    for name, target in targets.items():
        client = HttpClient(connections=target.concurrency, user_agent=USER_AGENT)
        await stack.enter_async_context(client)
        yield name, TargetWorker(target, store.queue, client, chance, backlog, metrics.target(name))


def _accepting(intake: Intake, reserve: Reserve | None, metrics: Metrics) -> Accept:
    async def accept(report: DeliveryReport, request: Verified) -> None:
        if reserve:
            reserve.require()  # replies before reports (G7): these come again
        accepted = await intake.accept(report, request)
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
