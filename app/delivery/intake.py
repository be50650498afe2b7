"""A report at the door: whose is it, who wants it, and on disk before anybody says 200 (G5)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from app.delivery.backlog import Backlog
from app.delivery.queue import DeliveryQueue, StoredReport
from app.delivery.target import Target, wanting
from app.plivo.messages import DeliveryReport, Verified
from app.telemetry import get_logger

log = get_logger("reports")


class Owner(Protocol):
    """Where the message came from that a report speaks of."""

    @property
    def route(self) -> str | None:
        """The name of the route."""

    @property
    def rule(self) -> str | None:
        """The rule that made the message; None for messages sent by other means."""

    @property
    def targets(self) -> tuple[str, ...] | None:
        """The targets of that route; None if there is no route: then it is for all."""


class Intake:
    """Takes reports in. A signed report is never refused for its content's sake."""

    def __init__(
        self,
        outbox: DeliveryQueue,
        targets: Mapping[str, Target],
        backlog: Backlog,
        owner: Callable[[DeliveryReport], Awaitable[Owner]],
        wake: Callable[[tuple[str, ...]], None],
        clock: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._targets = targets
        self._backlog = backlog
        self._owner = owner
        self._wake = wake
        self._clock = clock

    async def accept(self, report: DeliveryReport, request: Verified) -> None:
        """Durable on return. Raises `Reused` or `Unavailable`."""
        owner = await self._owner(report)
        named = tuple(self._targets) if owner.targets is None else owner.targets
        targets = wanting(self._targets, named, report.status)
        full = self._backlog.admit(targets)
        parcel = StoredReport(
            report, self._clock(), owner.route, owner.rule, targets, request.signed_by, request.proofs, full
        )
        fresh = False
        try:
            fresh = await self._outbox.put(parcel)
        finally:
            if not fresh:
                self._backlog.remove(set(targets) - full)
        self._wake(targets)
        told = log.bind(reason="no route: all targets") if owner.targets is None else log
        told.info(
            "report stored",
            report=report.id,
            message_uuid=report.message_uuid,
            status=report.status,
            in_reply_to=report.in_reply_to,
            route=owner.route,
            targets=targets,
        )
