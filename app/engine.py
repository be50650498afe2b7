"""The walk of a message: route, rules, answer, reasons. Live traffic, `explain` and tests use this one.

`decide` asks and changes nothing. `answer` decides, then makes it durable; whoever was first with a
MessageUUID is who answers it (law 3). Silence is a decision with a reason (law 10).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.guards.ledger import Entry, Ledger, Origin, Step
from app.plivo import numbers, units
from app.plivo.markup import EMPTY, render
from app.plivo.messages import Inbound, Outgoing, Report, SignedRequest
from app.plivo.refusals import Unavailable
from app.rules.chain import Asked, Outcome, walk
from app.rules.rule import Answers, Fails, Passes
from app.rules.table import Table
from app.telemetry import get_logger

log = get_logger("engine")


class ChainFailed(Unavailable):
    """Nothing answered and a rule failed: Plivo's next call may still get an answer."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What every answer is made with."""

    callback_url: str  # public_url + "/report"; the inbound MessageUUID follows
    callback_method: str
    config: str  # the version in force
    keep_text: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What is said to one message, and why."""

    route: str | None
    rule: str | None
    reason: str
    steps: tuple[Step, ...]
    messages: tuple[Outgoing, ...]
    xml: bytes
    failed: bool = False

    @property
    def units(self) -> int:
        """SMS units that Plivo will bill: of each message, times its recipients."""
        return sum(units.count(message.text) * len(message.dst) for message in self.messages)


@dataclass(frozen=True, slots=True)
class Owner:
    """Where the message came from that a report speaks of, and who wants to hear of it."""

    route: str | None
    rule: str | None
    targets: tuple[str, ...]


class Engine:
    """Decides with a routing table; remembers with a ledger."""

    def __init__(self, table: Table, options: EngineOptions, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._table = table
        self._options = options
        self._ledger = ledger
        self._clock = clock

    async def decide(self, message: Inbound) -> Decision:
        """What would be said. Nothing is remembered."""
        return await decide(self._table, self._options, message)

    async def answer(self, message: Inbound, request: SignedRequest) -> bytes:
        """The XML, durable. Raises `ChainFailed`, `Reused`, `Unavailable`."""
        started = self._clock()
        decision = await self.decide(message)
        if decision.failed:
            raise ChainFailed(decision.reason)
        xml = await self._ledger.record(self._entry(message, request, decision, started))
        log.info(
            "answered",
            message_uuid=message.message_uuid,
            **{"from": numbers.show(message.sender), "to": numbers.show(message.to)},
            route=decision.route,
            rule=decision.rule,
            reason=decision.reason,
            messages=len(decision.messages),
            again=xml != decision.xml,
            signed_by=request.signed_by or "nobody",
            ms=round((self._clock() - started) * 1000, 1),
        )
        return xml or EMPTY  # an XML that was kept for keep_text and is gone: that call is long over

    async def owner(self, report: Report) -> Owner:
        """By the journal, else by our number, else the default route, else nobody's. Raises `Unavailable`."""
        origin = await self._ledger.origin(report.in_reply_to) if report.in_reply_to else None
        origin = origin or Origin(None, None)
        route = self._table.by_name.get(origin.route or "") or self._table.route(report.sender)
        name = origin.route or (route.name if route else None)
        return Owner(name, origin.rule, route.targets if route else ())

    def _entry(self, message: Inbound, request: SignedRequest, decision: Decision, received_at: float) -> Entry:
        return Entry(
            message_uuid=message.message_uuid,
            received_at=received_at,
            sender=message.sender,
            to=message.to,
            type=message.type,
            intent=message.intent,
            text=message.text.replace("\0", "") if self._options.keep_text else None,
            units=message.units,
            media=message.media if self._options.keep_text else (),
            route=decision.route,
            rule=decision.rule,
            reason=decision.reason,
            steps=decision.steps,
            xml=decision.xml,
            signed_by=request.signed_by,
            config=self._options.config,
            proofs=request.proofs,
        )


async def decide(table: Table, options: EngineOptions, message: Inbound) -> Decision:
    """The decision of a routing table."""
    route = table.route(message.to)
    if reason := _silent_because(message):
        return _silence(route.name if route else None, reason)
    if route is None:
        return _silence(None, "no route has this number, and there is no default route")
    outcome = await walk(route, message)
    messages, cut = _sendable(outcome.messages)
    reason = _reason(outcome) + cut
    url = f"{options.callback_url}/{message.message_uuid}"
    xml = render(messages, url, options.callback_method)
    return Decision(route.name, outcome.rule, reason, _steps(outcome.asked), messages, xml, outcome.failed)


def _silent_because(message: Inbound) -> str | None:
    if message.type == "whatsapp":
        return "WhatsApp cannot be answered by Plivo XML"
    if message.intent:
        return f"Plivo has answered this itself: MessageIntent={message.intent}"
    if message.sender == message.to:
        return "the number wrote to itself"
    return None


def _sendable(messages: Sequence[Outgoing]) -> tuple[tuple[Outgoing, ...], str]:
    sendable = []
    cut = ""
    for message in messages:
        reachable = tuple(number for number in message.dst if number != message.src and numbers.can_be_texted(number))
        if len(reachable) < len(message.dst):
            cut = "; an alphanumeric sender, or the number itself, cannot be texted"
        if reachable:
            sendable.append(Outgoing(message.src, reachable, message.text))
    return tuple(sendable), cut


def _reason(outcome: Outcome) -> str:
    if outcome.answer:
        return outcome.answer.reason
    return "nothing answered, and a rule failed" if outcome.failed else "every rule passed"


def _steps(asked: Sequence[Asked]) -> tuple[Step, ...]:
    return tuple(_step(one) for one in asked)


def _step(asked: Asked) -> Step:
    match asked.verdict:
        case None:
            return Step(asked.rule, "not asked", "an earlier rule had answered")
        case Answers(reason=reason):
            return Step(asked.rule, "answers", reason)
        case Passes(reason):
            return Step(asked.rule, "passes", reason)
        case Fails(reason):
            return Step(asked.rule, "fails", reason)


def _silence(route: str | None, reason: str) -> Decision:
    return Decision(route, None, reason, (), (), EMPTY)
