"""Accept a verified delivery report: it is on disk, for each target that wants it, before the response is 200 (G5)."""

from collections.abc import Callable

from app.delivery.backlog import Backlog
from app.delivery.fan_out import Subscriptions
from app.delivery.queue import Accepted, DeliveryQueue, IncomingReport
from app.plivo.messages import DeliveryReport, Verified
from app.plivo.numbers import show
from app.telemetry import get_logger
from app.tracing import trace_id

log = get_logger("reports")


class Intake:
    """The intake of delivery reports. A signed report is never refused because of its content."""

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
        """Store a report. It is durable when this returns. Raises `Reused` or `Unavailable`."""
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
            trace_id=trace_id(report.in_reply_to or report.message_uuid),
        )
        return accepted
