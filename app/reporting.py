"""Report the state of a service: on /ready, to scrapers, and through the store to commands in other processes."""

import itertools
import socket
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from app import __version__
from app.operations.readiness import ServiceFacts, SnapshotReader, Status, facts_of
from app.store.disk import Reserve
from app.store.instances import RefusedCalls, ServerFacts, SpendingCap
from app.store.snapshot import Survey, survey
from app.telemetry import lost_lines

if TYPE_CHECKING:
    from app.service import Service

MOST_CAPS = 100  # spending caps that a server reports, because each route may have several


def status_of(service: "Service", reserve: Reserve | None, stack: AsyncExitStack) -> Status:
    """Return the status for /ready and scrapers. Its reader is closed with `stack`."""

    def facts() -> ServiceFacts:
        return facts_of(service.loaded.runtime, service.loaded.settings.store)

    async def ask() -> Survey:
        """Check that the store can be written to, then read what it holds."""
        await service.state.store_fault()
        now = facts()
        return await survey(service.store.engine, tuple(now.targets), tuple(now.caps), time.time())

    reader = SnapshotReader(ask)
    stack.push_async_callback(reader.close)
    return Status(
        facts,
        service.state,
        reader,
        reserve,
        broken=lambda: service.dispatcher.paused,
        chains=lambda: service.replies.in_flight,
        writes=lambda: service.store.writer.waiting,
        lost_log_lines=lambda: lost_lines().total,
        log_works=lambda: not lost_lines().unreported,
    )


def server_facts(service: "Service", reserve: Reserve | None) -> ServerFacts:
    """Return the facts about this process that other processes may read."""
    room = reserve.look() if reserve else None
    runtime, state = service.loaded.runtime, service.state
    return ServerFacts(
        host=socket.gethostname(),
        version=__version__,
        config=runtime.version,
        signature=runtime.signature,
        started_at=state.started_at,
        reloaded_at=state.reloaded_at,
        failed_reload=state.failed_reload,
        refused=tuple(itertools.starmap(RefusedCalls, service.refusals.recent.by_minute())),
        advice=dict(service.refusals.advice),
        caps=tuple(
            SpendingCap(budget.scope, budget.seconds, rate.count)
            for budget, (_, rate) in itertools.islice(runtime.policies.caps.items(), MOST_CAPS)
        ),
        disk_free=room.free if room else None,
    )
