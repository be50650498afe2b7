"""A live message of a test sender: through the public application, signed as Plivo signs, answered by the rules.

Only numbers of `[admin] test_senders` can be used, so that nobody can end a customer's STOP from here. The XML of the
answer comes back to the caller, so that no SMS is sent. Reports are not played.
"""

from collections.abc import Sequence

import httpx

from app.operations.errors import OperationFailed, OperationRefused
from app.operations.history import MessageRecord, history, pending_in_words, sent_by
from app.operations.phone.rehearsal import check
from app.operations.phone.values import Incoming, Turn
from app.operations.running_service import RunningService
from app.operations.send import SimulatedMessage, play
from app.plivo.numbers import canonical, show
from app.runtime import Runtime

ACCEPTED = (200, 503)  # the answers to calls that have a row in the store
SHOWN = 20  # messages of a conversation


def live_senders(runtime: Runtime) -> Sequence[str]:
    """Return the numbers that may text live."""
    return sorted(runtime.policies.test_senders)


async def text_live(service: RunningService, incoming: Incoming) -> Turn:
    """Send a message of a test sender to one of our numbers, and return its answer as the store has it.

    Raises `OperationRefused` for any other sender, `OperationFailed` if the service refuses the call, `Unavailable`.
    """
    runtime = service.runtime()
    if canonical(incoming.sender) not in runtime.policies.test_senders:
        raise OperationRefused(f"{show(incoming.sender)} is not in [admin] test_senders, so it cannot text live")
    check([incoming])
    transport = httpx.ASGITransport(app=service.app, client=("console", 0))
    message = SimulatedMessage(incoming.sender, incoming.to, incoming.text)
    sent = await play(runtime, "http://autoreply.internal", message, transport)
    if sent.exchange.status not in ACCEPTED:
        raise OperationFailed(f"the service answered {sent.exchange.status}; its log says why")
    found = await history(service.store, sent.message_uuid, service.read_address, 1)
    if not found.messages:
        raise OperationFailed(f"the service answered {sent.exchange.status} and stored nothing; its log says why")
    return _turn(found.messages[0])


async def live_conversation(service: RunningService, sender: str, to: str) -> tuple[Turn, ...]:
    """Return the newest messages of a test sender to one of our numbers, oldest first. Raises as `text_live` does."""
    if canonical(sender) not in service.runtime().policies.test_senders:
        raise OperationRefused(f"{show(sender)} is not in [admin] test_senders, so it cannot text live")
    found = await history(service.store, sender, service.read_address, SHOWN)
    return tuple(_turn(one) for one in found.messages if one.recipient == to)


def _turn(message: MessageRecord) -> Turn:
    is_pending = message.state == "pending"
    return Turn(
        Incoming(message.sender, message.recipient, message.text or "", message.received_at),
        message.route,
        message.rule,
        pending_in_words(message) if is_pending else message.reason,
        message.steps,
        sent_by(message),
        message.reply_units or 0,
        message.xml,
        message.message_uuid,
        is_pending=is_pending,
    )
