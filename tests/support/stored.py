"""What the store keeps, as values; a clock to drive; a store to keep them in."""

import functools
import json
import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.delivery.backlog import Backlog
from app.delivery.fan_out import Subscriptions
from app.delivery.message_copies import MessageCopies
from app.delivery.queue import IncomingReport, StoredReport
from app.delivery.target import Target
from app.plivo.markup import Callback, render
from app.plivo.messages import DeliveryReport, InboundMessage, Outgoing, Proof, Verified
from app.plivo.numbers import canonical
from app.policies.limits import LimitOptions, Rate, for_route, text_key
from app.policies.policies import Policies, RoutePolicy
from app.policies.usage import Conversation, OptOutChange
from app.replies.decide import Candidate, usage_query
from app.replies.journal import Arrival, ClaimRequest, MessageCopy, Submission
from app.replies.proposals import OPTED_OUT, Evaluation, Proposal
from app.rules.outcome import Use
from app.settings import SQLITE, StoreSettings
from app.store import Store, migrations, open_store, retention

NINE = 1_772_442_000.0  # 2026-03-02 09:00:00 UTC
DAY = 86_400.0


@dataclass
class Clock:
    """Time stands still until it is told to go on."""

    now: float = NINE
    tell: Callable[[float], None] = lambda _now: None  # a database that goes by this clock

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now

    def advance(self, seconds: float) -> None:
        """So many seconds later."""
        self.now += seconds
        self.tell(self.now)


def stored_at(where: Path | sa.URL, keep: float = 30 * DAY, keep_text: float = 14 * DAY) -> StoreSettings:
    """A store in this file, or on this server."""
    if isinstance(where, Path):
        return StoreSettings(f"{SQLITE}{where}", keep, keep_text)
    return StoreSettings(where.set(drivername="postgresql").render_as_string(hide_password=False), keep, keep_text)


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{folder}/autoreply.db")
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        return Path(folder, "autoreply.db").read_bytes()


def put_store(path: Path) -> None:
    """Put an empty store there, unless something is: copied from one that was migrated once, for other tests."""
    if path.parent.is_dir() and not path.exists():
        path.write_bytes(_migrated())


def opened(path: Path, clock: Clock, *, serving: bool = True) -> AbstractAsyncContextManager[Store]:
    """A store in this file, by this clock. If nothing is there, it is empty."""
    put_store(path)
    return open_store(stored_at(path), serving=serving, clock=clock)


US, CUSTOMER = "33644600000", "33700000001"
PAIR = Conversation(US, CUSTOMER)
STEPS = json.dumps([{"rule": "menu", "verdict": "passes", "reason": "no keyword"}])
CALLBACK = Callback("https://sms.example.com/report", "POST")
HELLO = Proposal(
    "ack",
    "fixed text",
    STEPS,
    (Outgoing(US, (CUSTOMER,), "Hello."),),
    render((Outgoing(US, (CUSTOMER,), "Hello."),), f"{CALLBACK.url}/message-1", "POST"),
    units=1,
)
SILENCE = Proposal(None, "every rule passed", STEPS)


def arrival(
    message_uuid: str = "message-1",
    *,
    at: float = NINE,
    pair: Conversation = PAIR,
    text: str = "hello",
    proofs: tuple[Proof, ...] = (),
    route: str | None = "support",
    keep_text: bool = True,
    policies: Policies | None = None,
) -> Arrival:
    """A verified inbound message."""
    message = InboundMessage.of(message_uuid, pair.person, pair.number, text, units=1, media=("https://m.example/1",))
    request = Verified("/message", (("MessageUUID", message_uuid),), proofs, "V3", 1)
    return Arrival(message, request, at, route, "c0ffee", keep_text, policies or Policies(), CALLBACK)


def submission(
    came: Arrival,
    when_in: Proposal = HELLO,
    when_out: Proposal = OPTED_OUT,
    *,
    claimed: bool = False,
    waited_for: bool = True,
    cooldowns: bool = False,
    copy: MessageCopy | None = None,
    limits: LimitOptions | None = None,
    cap: Rate | None = None,
) -> Submission:
    """A message and what would be sent, ready to be admitted."""
    policy = came.policies.of(came.route)
    if limits or cap:
        common = limits or LimitOptions()
        policy = RoutePolicy(limits=for_route(common, came.route or "", replace(common, total=(cap,) if cap else ())))
    evaluation = Evaluation(came.called_at, came.route, policy, None)
    people = {canonical(number) for sent in when_in.messages for number in sent.dst} | {came.message.person}
    query = usage_query(came.message, evaluation, people, cooldowns=cooldowns or bool(when_in.uses))
    key = text_key(came.message.phrase, came.message.media)
    ready = Candidate(came.message, came.route, policy, came.policies, CALLBACK, key, query, when_in, when_out)
    return Submission(came, ready, claimed, waited_for, copy)


def entry(message_uuid: str = "message-1", proposal: Proposal = HELLO, **changes: Any) -> Submission:
    """One inbound message and its answer."""
    return submission(arrival(message_uuid, **changes), proposal)


def used(
    number: int = 1,
    *,
    at: float = NINE,
    pair: Conversation = PAIR,
    route: str = "support",
    units: int = 2,
    cooldowns: Collection[str] = ("menu",),
    change: OptOutChange | None = None,
    copy: MessageCopy | None = None,
    limits: LimitOptions | None = None,
    cap: Rate | None = None,
) -> Submission:
    """Message `number` of a person, whose answer uses up all that one can use up."""
    sent = (Outgoing(pair.number, (pair.person,), f"Answer {number}."),)
    xml = render(sent, f"{CALLBACK.url}/message-{number}", "POST")
    uses = tuple(Use(key, 0.0) for key in cooldowns)
    answer = replace(HELLO, messages=sent, xml=xml, units=units, uses=uses, change=change)
    return submission(
        arrival(f"message-{number}", at=at, pair=pair, route=route), answer, copy=copy, limits=limits, cap=cap
    )


def claim(came: Arrival, owner: str = "us", seconds: float = 60.0) -> ClaimRequest:
    """A message to be claimed."""
    return ClaimRequest(came, owner, seconds, submission(came, cooldowns=True).candidate.query)


REPORT = DeliveryReport(
    id="report-1",
    message_uuid="reply-1",
    status="delivered",
    sender="33644600000",
    to="33700000001",
    sequence=3,
    error_code="",
    units=1,
    in_reply_to="message-1",
    parameters=(("MessageUUID", "reply-1"), ("Status", "delivered"), ("Empty", "")),
)


def report(number: int = 1, **changes: Any) -> DeliveryReport:
    """A delivery report; another number is another report."""
    return replace(REPORT, **({"id": f"report-{number}"} | changes))


def content(number: int = 1, *targets: str, at: float = NINE, **changes: Any) -> StoredReport:
    """A report as it is stored, on its way to these targets; "crm" if none is named."""
    return StoredReport(report(number, **changes), at, "support", "ack", targets or ("crm",), "V3")


def incoming(
    number: int = 1,
    *targets: str,
    proofs: tuple[Proof, ...] = (),
    at: float = NINE,
    full: Collection[str] = (),
    **changes: Any,
) -> IncomingReport:
    """A verified report that these targets want; "crm" if none is named."""
    wanting = {name: Target(name, f"https://{name}.example.com/") for name in targets or ("crm",)}
    subscriptions = Subscriptions(wanting, lambda _number: "support", {"support": tuple(wanting)})
    made = report(number, **changes)
    return IncomingReport(made, at, "V3", proofs, subscriptions, lambda name, _accepted: name in full)


def proof(key: str, value: str) -> Proof:
    """What was signed, and what was said."""
    return Proof(key.encode(), value.encode())


def opted(*, out: bool, at: float = NINE, pair: Conversation = PAIR, **changes: Any) -> OptOutChange:
    """The customer opts out, or in again, by a message."""
    change = OptOutChange(pair, out, at, "message-1", "STOP" if out else "START", "V3", "message")
    return replace(change, **changes)


def backlog(
    *targets: Target,
    waiting: Mapping[str, int] | None = None,
    refused: Callable[[str], None] = lambda _target: None,
) -> Backlog:
    """Of these targets; the store counts so many, and none if nothing is said."""

    async def count() -> Mapping[str, int]:
        return waiting or {}

    return Backlog({target.name: target for target in targets}, count, refused)


KEPT = StoreSettings()
NO_COPIES = MessageCopies(backlog(), lambda _targets: None)


async def swept(store: Store, kept: StoreSettings = KEPT) -> retention.Swept:
    """One step of retention."""
    return await store.database.write(functools.partial(retention.sweep, kept=kept))
