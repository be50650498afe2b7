"""Log and count each reply. No text, and of numbers what `telemetry` lets through (G12)."""

import time
from collections.abc import Callable

from app.plivo.numbers import show
from app.replies.decide import Proposal
from app.replies.journal import Arrival
from app.rules.outcome import Outcome
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics

log = get_logger("replies")

QUIET = 60.0  # seconds between two warnings of one kind; the next one tells how many were left out


class Observer:
    """Of one service."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._warned: dict[str, tuple[float, int]] = {}  # kind -> when it was logged last, how many since

    def rules_failed(self, route: str | None, outcome: Outcome) -> None:
        """Rules of a route failed."""
        for step in outcome.failures:
            self._metrics.rule_failed(route, step.rule)

    def call_failed(self, route: str | None) -> None:
        """Nothing answered and a rule failed; Plivo calls again."""
        self._metrics.message(route, "failed")

    def joined(self, route: str | None) -> None:
        """A call waits for the answer that another one began."""
        self._metrics.message(route, "repeat")

    def repeated(self, message_uuid: str, route: str | None) -> None:
        """The same message got the same answer."""
        self._metrics.message(route, "repeat")
        log.info("answered", message_uuid=message_uuid, again=True)

    def answered(self, arrival: Arrival, proposal: Proposal) -> None:
        """An answer, or silence, is durable."""
        message, route = arrival.message, arrival.route
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
            signed_by=arrival.request.signed_by or "nobody",
        )
        if proposal.limited:
            self._warn("rate limit reached", f"limited {route}", **people, route=route, reason=proposal.reason)
        if proposal.near_limit:
            self._warn("a spending cap is at 80 %", proposal.near_limit, cap=proposal.near_limit, route=route)
        if proposal.cut:
            log.warning("a text was cut to max_units", message_uuid=message.message_uuid, rule=proposal.rule)
        if proposal.unreached:
            log.warning(
                "a message reached nobody: its recipients have opted out",
                message_uuid=message.message_uuid,
                route=route,
                rule=proposal.rule,
            )

    def _warn(self, event: str, kind: str, **details: object) -> None:
        """A warning of this kind, at most once a minute: a spent cap concerns every sender."""
        now = self._monotonic()
        at, left_out = self._warned.get(kind, (float("-inf"), 0))
        if now - at < QUIET:
            self._warned[kind] = at, left_out + 1
            return
        self._warned[kind] = now, 0
        log.warning(event, **details, **({"more_since_the_last_line": left_out} if left_out else {}))

    def _count(self, route: str | None, proposal: Proposal) -> None:
        outcome = "answered" if proposal.messages else "given_up" if proposal.failed else "silence"
        self._metrics.message(route, outcome)
        self._metrics.replied(route, proposal.units)
        if proposal.limited:
            self._metrics.limited(route, proposal.reason)
        if proposal.change:
            self._metrics.opted(route, out=proposal.change.opted_out)
