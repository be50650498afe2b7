"""`send`: play Plivo against a running instance."""

import asyncio
import contextlib
from datetime import tzinfo
from pathlib import Path
from typing import Any

from app.cli.common import CommandFailed
from app.cli.loading import load
from app.cli.outgoing import outgoing_line
from app.cli.output import echo, print_json
from app.cli.running import call
from app.cli.times import shown
from app.config import Loaded
from app.operations.addresses import read_number, read_sender
from app.operations.maintenance import missing_store, open_beside_server
from app.operations.send import (
    Exchange,
    Sent,
    SentReply,
    SentReport,
    SimulatedMessage,
    explain_reply,
    send,
)
from app.plivo.refusals import Unavailable
from app.store import BrokenStore, NewerStore

RECORDED = (200, 503)  # the answers to calls that have a row in the store


def main(
    path: Path, url: str | None, public_url: str | None, zone: tzinfo | None, *, as_json: bool, **options: Any
) -> None:
    """Send a signed message to a running instance and print its reply. Sends no SMS and asks Plivo nothing."""
    config = load(path, public_url=public_url)
    sent = call(lambda: send(config.runtime, url or _local_url(config), _message(config, options)))
    reason = _reason(config, sent) if not sent.messages and sent.exchange.status in RECORDED else None
    if as_json:
        print_json(_json(sent, reason))
    else:
        _show(sent, reason, zone)
    if sent.fault:
        raise CommandFailed(f"{sent.fault}{_why(reason)}")


def _reason(config: Loaded, sent: Sent) -> str | None:
    """Return why a message got no text, if the store that this file names is at hand and knows the message."""
    if missing_store(config.settings.store):
        return None

    async def look_up() -> str | None:
        async with open_beside_server(config.settings.store, migrate=False) as store:
            return await explain_reply(store, sent.message_uuid, config.read_address)

    with contextlib.suppress(BrokenStore, NewerStore, Unavailable):
        return asyncio.run(look_up())
    return None


def _why(reason: str | None) -> str:
    """Return the rest of the sentence about an answer that is not 200, or about a report that was not taken."""
    if reason is not None:
        return f": {reason}"
    return "; its log says why, and, for calls that it refuses: plivo-autoreply status"


def _message(config: Loaded, options: dict[str, Any]) -> SimulatedMessage:
    to = read_number(options.pop("to"), config.read_address).address
    sender = read_sender(options.pop("sender"), config.read_address).address
    method, intent = options.pop("method").upper(), options.pop("intent") or ""
    return SimulatedMessage(sender, to, method=method, intent=intent, **options)


def _local_url(config: Loaded) -> str:
    server = config.settings.server
    host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104 - compared, not bound
    return f"http://{host}:{server.port}"


def _json(sent: Sent, reason: str | None) -> dict[str, Any]:
    return {
        "message_uuid": sent.message_uuid,
        "status": sent.exchange.status,
        "reason": reason,
        "xml": sent.xml,
        "messages": [_reply_json(reply) for reply in sent.messages],
        "reports": [_report_json(report) for report in sent.reports],
    }


def _report_json(report: SentReport) -> dict[str, Any]:
    http = report.exchange.status
    return {"message_uuid": report.message_uuid, "to": report.to, "status": report.status, "http": http}


def _reply_json(reply: SentReply) -> dict[str, Any]:
    return {
        "src": reply.src,
        "dst": reply.dst,
        "type": reply.type,
        "callbackUrl": reply.callback_url,
        "callbackMethod": reply.callback_method,
        "text": reply.text,
        "units": reply.units,
    }


def _show(sent: Sent, reason: str | None, zone: tzinfo | None) -> None:
    """Print the exchange: --> is what Plivo says, <-- what the instance answers."""
    _show_exchange("message", sent.message_uuid, sent.exchange, zone)
    for reply in sent.messages:
        echo(f"    {outgoing_line(reply.message)}")
    if sent.xml:
        echo(f"    {sent.xml.rstrip()}")
    if sent.is_silence:
        echo(f"    silence: {reason}" if reason else f"    silence; why: plivo-autoreply history {sent.message_uuid}")
    for report in sent.reports:
        _show_exchange(f"report {report.status}", report.message_uuid, report.exchange, zone)


def _show_exchange(what: str, identifier: str, exchange: Exchange, zone: tzinfo | None) -> None:
    echo(f"{shown(exchange.asked_at, zone)} --> {what} [{identifier}]")
    answer = f"[{exchange.status}] {exchange.method} {exchange.url} [{identifier}]"
    echo(f"{shown(exchange.answered_at, zone)} <-- {answer}")
