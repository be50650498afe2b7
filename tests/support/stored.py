"""What the store keeps, as values; a clock to drive; a store to keep them in."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.delivery.backlog import Backlog
from app.delivery.message_copies import Copying
from app.delivery.queue import StoredReport
from app.delivery.target import Target
from app.plivo.messages import DeliveryReport, Proof
from app.policies.ledger import Case, Entry, Fuse, Memory, OptOutChange, Pair, Recall, Ruling, Step
from app.store import Keep, Store, StoreOptions, open_store, retention

NINE = 1_772_442_000.0  # 2026-03-02 09:00:00 UTC
DAY = 86_400.0
KEEP = Keep(rows=30 * DAY, text=14 * DAY)


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


def opened(path: Path, clock: Clock, *, serving: bool = True, keep: Keep = KEEP) -> AbstractAsyncContextManager[Store]:
    """A store in this file, by this clock."""
    return open_store(StoreOptions(path, keep), serving=serving, clock=clock)


ENTRY = Entry(
    message_uuid="message-1",
    received_at=NINE,
    sender="33700000001",
    to="33644600000",
    type="sms",
    intent="",
    text="hello",
    units=1,
    media=("https://media.example.com/1",),
    route="support",
    rule="ack",
    reason="rule ack",
    steps=(Step("menu", "passes", "no keyword"), Step("ack", "answers", "")),
    xml=b"<Response/>",
    signed_by="V3",
    config="c0ffee",
)


def entry(proofs: tuple[Proof, ...] = (), **changes: Any) -> Case:
    """One inbound message and its answer, whatever is remembered."""
    made = replace(ENTRY, **changes)
    recall = Recall(made.received_at, Pair(made.to, made.sender))
    return Case(made.message_uuid, recall, lambda _memory: Ruling(made), proofs)


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


def parcel(
    number: int = 1, *targets: str, proofs: tuple[Proof, ...] = (), at: float = NINE, **changes: Any
) -> StoredReport:
    """A report on its way to these targets; "crm" if none is named."""
    return StoredReport(report(number, **changes), at, "support", "ack", targets or ("crm",), "V3", proofs)


def proof(key: str, value: str) -> Proof:
    """What was signed, and what was said."""
    return Proof(key.encode(), value.encode())


US, CUSTOMER = "33644600000", "33700000001"
PAIR = Pair(US, CUSTOMER)


def used(number: int, memories: list[Memory] | None = None, **changes: Any) -> Case:
    """Message `number` of the customer at `at`, and what its answer uses up; it notes what it is judged on."""
    at, pair = changes.pop("at", NINE), changes.pop("pair", PAIR)
    fuses = frozenset({Fuse("", DAY), *changes.pop("fuses", ())})
    recall = Recall(at, pair, changes.pop("people", frozenset({pair})), changes.pop("window", DAY), fuses)
    xml = changes.pop("xml", f"<answer-{number}/>".encode())
    made = replace(ENTRY, message_uuid=f"message-{number}", received_at=at, to=pair.number, sender=pair.person, xml=xml)
    uses: dict[str, Any] = {"text_key": "hello", "units": 2, "scopes": frozenset({""}), "cooldowns": ("menu",)}
    ruling = Ruling(made, **(uses | changes))

    def judge(memory: Memory) -> Ruling:
        if memories is not None:
            memories.append(memory)
        return ruling

    return Case(made.message_uuid, recall, judge)


def opted(*, out: bool, at: float = NINE, pair: Pair = PAIR, **changes: Any) -> OptOutChange:
    """The customer opts out, or in again, by a message."""
    change = OptOutChange(pair, out, at, "message-1", "STOP" if out else "START", "V3", "message")
    return replace(change, **changes)


def backlog(*targets: Target, waiting: Mapping[str, int] | None = None) -> Backlog:
    """Of these targets; the store counts so many, and none if nothing is said."""

    async def count() -> Mapping[str, int]:
        return waiting or {}

    return Backlog({target.name: target for target in targets}, count)


NO_COPIES = Copying({}, backlog(), lambda _targets: None)


async def swept(store: Store, keep: Keep = KEEP) -> retention.Swept:
    """One round of tidying up."""
    async with store.engine.begin() as connection:
        return await connection.run_sync(retention.sweep, keep)
