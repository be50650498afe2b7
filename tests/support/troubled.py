"""A store in which much has gone wrong: targets in every state, dead deliveries with hostile answers, refused calls."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace

from app.delivery.queue import Settlement, TargetStatus
from app.operations import deliveries
from app.policies.usage import Conversation
from app.replies import reasons
from app.replies.proposals import Proposal
from app.store import Store
from app.store.instances import RefusedCalls, ServerFacts, SpendingCap, StoredInstances
from support.stored import HELLO, SILENCE, US, arrival, incoming, submission

EVIL = "<script>alert(1)</script><b>x \"' \u202eevil\u202c \x07 {{ 7*7 }}"
LONG = "a-very-long-target-name-that-somebody-has-chosen-for-good-reasons"
TARGETS = {
    "erp": TargetStatus("failing", 6, 42.0, 12),
    "shop": TargetStatus("busy", 0, 5.0, 1),
    "warehouse": TargetStatus(),
    LONG: TargetStatus(),
}
LIMITED = Proposal(None, "limit: per_sender 30/1h")
NO_ROUTE = Proposal(None, reasons.NO_ROUTE)


def facts(at: float) -> ServerFacts:
    """What another server says of itself: a failed reload, refused calls, a spending cap that is nearly reached."""
    minute = int(at) // 60 * 60
    return ServerFacts(
        host="web-2.internal",
        version="2.0.0",
        config="77ab20c1f03e",
        signature="any",
        started_at=at - 86_400,
        reloaded_at=at - 3000,
        failed_reload="config.toml:12",
        refused=(RefusedCalls(minute - 120, "forged", 14), RefusedCalls(minute - 60, "unsigned", 3)),
        advice={"forged": f"http://sms.example.com/message would match {EVIL}"},
        caps=(SpendingCap("", 86_400.0, 100),),
        disk_free=44_000_000_000,
    )


async def trouble(store: Store, targets: Collection[str] = TARGETS) -> None:
    """Fill a store with it. The targets are none of the configuration, so no worker tries them."""
    at = time.time()
    statuses = dict.fromkeys(targets, TargetStatus()) | {name: TARGETS[name] for name in targets if name in TARGETS}
    await StoredInstances(store.engine, store.change, "web-2", lambda: facts(at)).write(statuses)
    if "warehouse" in targets:
        await deliveries.pause(store, "ada", "warehouse")
    await conversation(store, at)
    for target in ("erp", LONG):
        await fail(store, target, 6)


async def conversation(store: Store, at: float) -> None:
    """Messages of the last minutes: ninety answered, some late, and some not at all."""
    told = []
    for number, proposal in enumerate([*[HELLO] * 90, *[SILENCE] * 6, LIMITED, LIMITED, NO_ROUTE]):
        sent = at - 600 + 6 * number
        came = arrival(f"past-{number}", at=sent, pair=Conversation(US, f"337{number:08}"), text=EVIL)
        told.append(replace(submission(came, proposal), ready_at=sent + number % 9))
    await asyncio.gather(*map(store.journal.record, told))  # in one transaction


async def fail(store: Store, target: str, count: int) -> None:
    """So many deliveries of a target, in turn dead with an answer, and due after a time-out."""
    made = [
        incoming(number, target, id=f"{target}-{number}", message_uuid=f"reply-{number}", in_reply_to=f"past-{number}")
        for number in range(count)
    ]
    await asyncio.gather(*map(store.queue.accept, made))
    told = []
    for number, one in enumerate(await store.queue.lease(target, count, 30)):
        dead = Settlement(one.id, one.lease, "dead", 9, 0.0, 410, "status 410", 0.213, f"Gone. {EVIL}")
        late = Settlement(one.id, one.lease, "due", 1, 900.0, None, "no response within 10 s", 10.0)
        told.append(late if number % 2 else dead)
    await asyncio.gather(*map(store.queue.settle, told))
