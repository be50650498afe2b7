"""`history`: what came, what was answered and why, what Plivo reported, what each target said."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from app.cli.addresses import spellings
from app.cli.common import (
    UsageError,
    config_option,
    counted_tries,
    echo,
    json_option,
    load,
    moment,
    print_json,
    run,
    show_try,
    store_beside_server,
    tried,
)
from app.config import Loaded
from app.delivery.payloads import as_mapping
from app.plivo.errors import TEXTS
from app.plivo.numbers import show
from app.store.queries import Row, history


@click.command("history")
@click.argument("who", metavar="NUMBER|UUID")
@config_option
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many messages."
)
@json_option
def command(who: str, path: Path, limit: int, *, as_json: bool) -> None:
    """Show all that is remembered of a number, or of a message by its MessageUUID. The oldest comes first.

    \b
    Example: plivo-autoreply history +33700000001
    """
    config = load(path)
    if not who.strip():
        message = "history of whom? Give a number or a MessageUUID"
        raise UsageError(message)
    found, others = run(_find(config, who.strip(), limit))
    if as_json:
        print_json([*map(_message, found), *map(_report, others)])
    elif not found and not others:
        echo(f"nothing is remembered of {who}")
    for row in found if not as_json else ():
        _show_message(_message(row))
    for row in others if not as_json else ():
        _show_report(_report(row), indent="")


async def _find(config: Loaded, who: str, limit: int) -> tuple[list[Row], list[Row]]:
    async with store_beside_server(config) as store:
        # as it stands first: a MessageUUID that has digits only looks like a number with ornaments
        for one in (who, *spellings(who, config)):
            found = await history(store.engine, one, limit)
            if any(found):
                break
        return found


def _message(row: Row) -> dict[str, Any]:
    return {
        "kind": "message",
        "message_uuid": row["message_uuid"],
        "state": row["state"],
        "received_at": moment(row["received_at"]),
        "answered_at": _moment(row["answered_at"]),
        "handed_over_at": _moment(row["handed_over_at"]),
        "calls": [{**call, "at": moment(call["at"])} for call in row["calls"]],
        "from": show(row["sender"]),
        "to": show(row["recipient"]),
        "type": row["type"],
        "intent": row["intent"],
        "text": row["text"],
        "media": row["media"],
        "route": row["route"],
        "rule": row["rule"],
        "reason": row["reason"],
        "steps": row["steps"],
        "xml": row["xml"],
        "signed_by": row["signed_by"] or None,
        "token": row["token"] or None,
        "units": row["reply_units"],
        "config": row["config"],
        "deliveries": [_delivery(delivery) for delivery in row["deliveries"]],
        "reports": [_report(report) for report in row["reports"]],
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


def _report(row: Row) -> dict[str, Any]:
    return {
        "kind": "report",
        "id": row["id"],
        "received_at": moment(row["received_at"]),
        "message_uuid": row["message_uuid"],
        "in_reply_to": row["in_reply_to"],
        "from": show(row["sender"]),
        "to": show(row["recipient"]),
        "status": row["status"],
        "sequence": row["sequence"],
        "error_code": row["error_code"] or None,
        "error_text": TEXTS.get(row["error_code"]),
        "route": row["route"],
        "rule": row["rule"],
        "plivo": as_mapping(tuple((name, value) for name, value in row["parameters"])),
        "deliveries": [_delivery(delivery) for delivery in row["deliveries"]],
    }


def _delivery(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "target": row["target"],
        "state": row["state"],
        "attempts": row["attempts"],
        "due_at": moment(row["due_at"]) if row["state"] == "due" else None,
        "settled_at": moment(row["settled_at"]) if row["settled_at"] else None,
        "status": row["status"],
        "error": row["error"],
        "tries": [tried(one) for one in row["tries"]],
    }


def _show_message(message: dict[str, Any]) -> None:
    text = f"'{message['text']}'" if message["text"] is not None else "(not kept)"
    echo(
        f"{message['received_at']}  {message['from']} -> {message['to']}  {message['type']}  {message['message_uuid']}"
    )
    echo(f"  text     {text}")
    pending = message["state"] == "pending"
    answer = "pending" if pending else f"{message['rule'] or 'silence'}"
    echo(f"  answer   {answer}, route {message['route'] or '-'}: {message['reason']}")
    for number, call in enumerate(message["calls"], 1):
        if pending or len(message["calls"]) > 1:
            echo(f"  call {number}   {call['at']}  {call['status']}  {call['reason']}")
    if not pending and message["handed_over_at"] is None:
        echo("           the answer was ready, but Plivo has not fetched it yet")
    for step in message["steps"]:
        echo(f"             {step['rule']:<18} {step['verdict']:<10} {step['reason']}")
    echo(f"  xml      {message['xml']}")
    token = f" with token {message['token']}" if message["token"] else ""
    echo(f"  signed   {message['signed_by'] or 'not verified'}{token}, config {message['config']}")
    _show_deliveries(message["deliveries"], indent="  ")
    for report in message["reports"]:
        _show_report(report, indent="  ")


def _show_report(report: dict[str, Any], indent: str) -> None:
    error = f", error {report['error_code']} {report['error_text'] or ''}".rstrip() if report["error_code"] else ""
    what = f"{report['received_at']}  {report['status']}{error}  {report['message_uuid']} to {report['to']}"
    what += ", no route: all targets" if report["route"] is None else ""
    echo(f"{indent}report   {what}")
    _show_deliveries(report["deliveries"], indent)


def _show_deliveries(deliveries: Iterable[dict[str, Any]], indent: str) -> None:
    for delivery in deliveries:
        result = delivery["error"] or (f"status {delivery['status']}" if delivery["status"] else "not tried yet")
        when = f", due {delivery['due_at']}" if delivery["due_at"] else ""
        state = f"{delivery['target']:<18} {delivery['state']:<8} after {counted_tries(delivery['attempts'])}"
        echo(f"{indent}           {state}: {result}{when}")
        for one in delivery["tries"] if len(delivery["tries"]) > 1 else ():
            echo(f"{indent}             {show_try(one)}")
