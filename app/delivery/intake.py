"""A verified report on its way in: on disk, for the targets that want it, before anybody says 200 (G5)."""

from collections.abc import Callable

from app.delivery.backlog import Backlog
from app.delivery.fan_out import Subscriptions
from app.delivery.queue import Accepted, DeliveryQueue, IncomingReport
from app.plivo.messages import DeliveryReport, Verified
from app.plivo.numbers import show
from app.telemetry import get_logger

log = get_logger("reports")


class Intake:
    """Takes reports in. A signed report is never refused for its content's sake."""

    def __init__(
        self,
        queue: DeliveryQueue,
        subscriptions: Callable[[], Subscriptions],
        backlog: Backlog,
        wake: Callable[[tuple[str, ...]], None],
        clock: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._subscriptions = subscriptions
        self._backlog = backlog
        self._wake = wake
        self._clock = clock

    async def accept(self, report: DeliveryReport, request: Verified) -> Accepted:
        """Durable on return. Raises `Reused` or `Unavailable`."""
        incoming = IncomingReport(
            report,
            self._clock(),
            request.signed_by,
            request.proofs,
            self._subscriptions(),
            self._backlog.is_full,
        )
        accepted = await self._queue.accept(incoming)
        targets = accepted.fan_out.targets
        if accepted.new:
            self._backlog.add(targets, accepted.full)
        if accepted.opted_out:
            people = {"from": show(report.sender), "to": show(report.to)}
            log.info("opt-out recorded: Plivo blocked a message", report=report.id, **people)
        self._wake(targets)
        report_log = log.bind(reason="no route: all targets") if accepted.fan_out.for_all else log
        report_log.info(
            "report stored",
            report=report.id,
            message_uuid=report.message_uuid,
            status=report.status,
            in_reply_to=report.in_reply_to,
            route=accepted.fan_out.route,
            targets=targets,
        )
        return accepted
