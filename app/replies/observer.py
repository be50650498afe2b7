"""Log and count each reply. Texts are never logged, and numbers only as far as `telemetry` allows (G12).

Replies to test senders are logged, with `test`, and not counted.
"""

from collections.abc import Mapping
from typing import NamedTuple

from app.plivo.numbers import show
from app.policies.limits import SPENDING_CAP
from app.replies.journal import Arrival
from app.replies.proposals import Proposal
from app.rules.outcome import Outcome
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics
from app.telemetry.throttle import Throttle
from app.tracing import trace_id

log = get_logger("replies")

_TEST = {"test": True}

QUIET = 60.0  # seconds between two warnings of one kind; the second one counts those in between


class _Kind(NamedTuple):
    """A kind of warning: its event and its limit, but not the sender, so that a limit of all senders is one kind."""

    event: str
    limit: str


class Observer:
    """The log lines and metrics of replies, for one service."""

    def __init__(self, metrics: Metrics, quiet: float = QUIET) -> None:
        self._metrics = metrics
        self._throttle = Throttle[_Kind](1, quiet, _log_suppressed)

    def rules_failed(self, arrival: Arrival, outcome: Outcome) -> None:
        """Count each rule that failed."""
        if not arrival.is_test:
            for step in outcome.failures:
                self._metrics.rule_failed(arrival.route, step.rule)

    def call_failed(self, arrival: Arrival) -> None:
        """Count a call that got no answer because a rule failed. Plivo will call again."""
        if not arrival.is_test:
            self._metrics.message(arrival.route, "failed")

    def repeated(self, arrival: Arrival) -> None:
        """Log and count a call that got the answer of an earlier call."""
        if not arrival.is_test:
            self._metrics.message(arrival.route, "repeat")
        log.info("answered", message_uuid=arrival.message.message_uuid, again=True)

    def answered(self, arrival: Arrival, proposal: Proposal) -> None:
        """Log and count an answer, or silence, that is durable."""
        message, route = arrival.message, arrival.route
        if not arrival.is_test:
            self._count(route, proposal)
        people = {"from": show(message.sender), "to": show(message.to)}
        log.info(
            "answered",
            message_uuid=message.message_uuid,
            again=False,
            **people,
            route=route,
            rule=proposal.rule,
            reason=proposal.reason,
            messages=len(proposal.messages),
            recipients=sum([len(sent.dst) for sent in proposal.messages]),
            signed_by=arrival.request.signed_by or "nobody",
            trace_id=trace_id(message.message_uuid),
            **(_TEST if arrival.is_test else {}),
        )
        if proposal.limited or proposal.near_limit:
            self._warn_of_limit(route, proposal, people)
        if proposal.cut:
            log.warning("text truncated to max_units", message_uuid=message.message_uuid, rule=proposal.rule)
        if proposal.unreached:
            log.warning(
                "message not sent: all recipients have opted out",
                message_uuid=message.message_uuid,
                route=route,
                rule=proposal.rule,
            )

    def _warn_of_limit(self, route: str | None, proposal: Proposal, people: Mapping[str, str]) -> None:
        if proposal.limited:
            event = "spending cap reached" if proposal.reason.startswith(SPENDING_CAP) else "rate limit reached"
            self._warn(event, proposal.reason, **people, route=route)
        if proposal.near_limit:
            self._warn("spending cap at 80 %", proposal.near_limit, route=route)

    def _warn(self, event: str, limit: str, **details: object) -> None:
        """Warn about a limit, at most once a minute, because a spending cap that is used up affects every sender."""
        if self._throttle.admit(_Kind(event, limit)):
            log.warning(event, reason=limit, **details)

    def _count(self, route: str | None, proposal: Proposal) -> None:
        outcome = "answered" if proposal.messages else "given_up" if proposal.failed else "silence"
        self._metrics.message(route, outcome, proposal.units)
        if proposal.limited:
            self._metrics.limited(route, proposal.reason)
        if proposal.change:
            self._metrics.opted(route, out=proposal.change.opted_out)


def _log_suppressed(kind: _Kind, count: int) -> None:
    """Log how many warnings were suppressed since the last one."""
    log.warning(kind.event, reason=kind.limit, more=count)
