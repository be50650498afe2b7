"""Play Plivo against a running instance: a signed message, then the delivery reports of its reply. No SMS is sent."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.history import history, pending_in_words
from app.operations.send.caller import SIGNATURES, TIMEOUT, Caller
from app.operations.send.contents import PATHS, message_parameters, read_reply, report_parameters
from app.operations.send.values import Exchange, Method, Sent, SentReply, SentReport, SimulatedMessage
from app.plivo.messages import IDENTIFIER
from app.runtime import Runtime
from app.store import Store

__all__ = [
    "PATHS",
    "SIGNATURES",
    "Exchange",
    "Method",
    "Sent",
    "SentReply",
    "SentReport",
    "SimulatedMessage",
    "explain_reply",
    "play",
    "send",
]


def send(runtime: Runtime, url: str, message: SimulatedMessage) -> Sent:
    """Send a message as `play` does to an instance in another process."""
    return asyncio.run(play(runtime, url, message))


async def play(
    runtime: Runtime, url: str, message: SimulatedMessage, transport: httpx.AsyncBaseTransport | None = None
) -> Sent:
    """Send a signed message to the instance that listens at `url`, and play the reports of its reply.

    Signs for the public URL with the first token. `transport` reaches an instance in this process. Raises
    `OperationRefused` for a bad MessageUUID or URL, and `OperationFailed` if nobody answers, or something else does.
    """
    message_uuid = str(uuid.uuid4()) if message.uuid is None else message.uuid
    if not IDENTIFIER.fullmatch(message_uuid):
        raise OperationRefused(f"{message_uuid!r} is no MessageUUID: write 1 to 64 letters, digits, - or _")
    async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, transport=transport) as client:
        caller = Caller(client, url.rstrip("/"), runtime.tokens[0], message.signature)
        url = f"{runtime.public_url}/message"
        response, exchange = await caller.call(message.method, url, message_parameters(message, message_uuid))
        replies = tuple(read_reply(response))
        path = PATHS[message.report] if message.report else ()
        reports = tuple([report for reply in replies async for report in _play_reports(caller, reply, path)])
    return Sent(message_uuid, exchange, response.text, replies, reports, _fault(exchange, reports))


async def explain_reply(store: Store, message_uuid: str, read: ReadAddress) -> str | None:
    """Return why a message got its reply, or how far it is without one; None if this store does not know it.

    Raises `Unavailable`.
    """
    found = await history(store, message_uuid, read, 1)
    if not found.messages:
        return None
    message = found.messages[0]
    return pending_in_words(message) if message.state == "pending" else message.reason


def _fault(exchange: Exchange, reports: tuple[SentReport, ...]) -> str | None:
    if exchange.status != httpx.codes.OK:
        return f"the instance answered {exchange.status}"
    if any(report.exchange.status != httpx.codes.OK for report in reports):
        return "a report was not accepted"
    return None


async def _play_reports(caller: Caller, reply: SentReply, path: tuple[str, ...]) -> AsyncIterator[SentReport]:
    """Report as Plivo does: one call to the callbackUrl for each change of status, for each destination."""
    for destination in reply.message.dst:
        sent_uuid = str(uuid.uuid4())
        for sequence, status in enumerate(path, start=1):
            parameters = report_parameters(reply, destination, sent_uuid, status, sequence)
            _, exchange = await caller.call(reply.callback_method, reply.callback_url, parameters)
            yield SentReport(sent_uuid, destination, status, exchange)
