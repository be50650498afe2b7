"""What the log and the metrics hear of an answer. No text, and of numbers what `telemetry` lets through (G12)."""

from collections import OrderedDict

from app.engine import Decision
from app.plivo.messages import InboundMessage
from app.plivo.numbers import show
from app.rules.chain import Outcome
from app.rules.rule import Fails
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics

log = get_logger("answering")

TOLD = 10_000  # limits that are known to silence somebody, so that each is logged once


class Teller:
    """Of one service."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: OrderedDict[str, None] = OrderedDict()

    def asked(self, route: str | None, outcome: Outcome | None) -> None:
        """The rules of a route were asked."""
        for asked in outcome.asked if outcome else ():
            if isinstance(asked.verdict, Fails):
                self._metrics.rule_failed(route, asked.rule)

    def failed(self, route: str | None) -> None:
        """Nothing answered and a rule failed; Plivo calls again."""
        self._metrics.message(route, "failed")

    def joined(self, route: str | None) -> None:
        """A call waits for the answer that another one began."""
        self._metrics.message(route, "repeat")

    def again(self, message_uuid: str, route: str | None) -> None:
        """The same message got the same answer."""
        self._metrics.message(route, "repeat")
        log.info("answered", message_uuid=message_uuid, again=True)

    def answered(self, message: InboundMessage, decision: Decision, signed_by: str) -> None:
        """An answer, or silence, is durable."""
        self._count(decision)
        people = {"from": show(message.sender), "to": show(message.to)}
        log.info(
            "answered",
            message_uuid=message.message_uuid,
            again=False,
            **people,
            route=decision.route,
            rule=decision.rule,
            reason=decision.reason,
            messages=len(decision.messages),
            signed_by=signed_by or "nobody",
        )
        self._warn_of_limits(message, decision, people)
        if decision.burning:
            log.warning("a fuse is at 80 %", fuse=decision.burning, route=decision.route)
        if decision.cut:
            log.warning("a text was cut to max_units", message_uuid=message.message_uuid, rule=decision.rule)

    def _warn_of_limits(self, message: InboundMessage, decision: Decision, people: dict[str, str]) -> None:
        """Once, when a limit starts to silence somebody."""
        key = f"{message.to} {message.sender}"
        if not decision.limited:
            self._told.pop(key, None)
        elif key not in self._told:
            self._told[key] = None
            log.warning("a limit starts to silence", **people, route=decision.route, reason=decision.reason)
        while len(self._told) > TOLD:
            self._told.popitem(last=False)

    def _count(self, decision: Decision) -> None:
        outcome = "answered" if decision.messages else "given_up" if decision.failed else "silence"
        self._metrics.message(decision.route, outcome)
        self._metrics.replied(decision.route, decision.units)
        if decision.limited:
            self._metrics.limited(decision.route, decision.reason)
        if decision.opt_out:
            self._metrics.opted(decision.route, out=decision.opt_out.out)
