"""`send`: play Plivo against a running instance."""

from pathlib import Path
from typing import Any

import click

from app.cli.common import CommandFailed, config_option, json_option, load
from app.cli.output import counted, echo, print_json
from app.cli.running import call
from app.config import Loaded
from app.operations.addresses import any_address, read_number
from app.operations.send import PATHS, SIGNATURES, Sent, SentReply, SimulatedMessage, send
from app.plivo.numbers import show


@click.command("send")
@config_option
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "sender", required=True, help="Who writes.")
@click.option("--text", default="", help="What they write.")
@click.option("--method", type=click.Choice(["GET", "POST"], case_sensitive=False), default="POST", show_default=True)
@click.option("--signature", type=click.Choice(list(SIGNATURES)), default="both", show_default=True)
@click.option("--report", type=click.Choice(list(PATHS)), help="Then report each message of the reply, up to this.")
@click.option("--uuid", help="The MessageUUID; the same one again is Plivo's retry. Default: a new one.")
@click.option("--type", "kind", type=click.Choice(["sms", "mms", "whatsapp"]), default="sms", show_default=True)
@click.option("--intent", type=click.Choice(["optout", "optin", "help"]), help="MessageIntent, as Plivo sets it.")
@click.option("--url", help="Where the instance listens. Default: [server] host and port.")
@click.option("--public-url", help="What Plivo dials; beats the file, as in `serve`.")
@json_option
def command(path: Path, url: str | None, public_url: str | None, *, as_json: bool, **options: Any) -> None:
    """Send a signed message to a running instance and print its reply. Sends no SMS and asks Plivo nothing.

    \b
    Example: plivo-autoreply send --to +33644600000 --from +33700000001 --text "Hours?" --report delivered
    """
    config = load(path, public_url=public_url)
    sent = call(lambda: send(config.runtime, url or _local_url(config), _message(config, options)))
    if as_json:
        print_json(_json(sent))
    else:
        _show(sent)
    if sent.fault:
        raise CommandFailed(sent.fault)


def _message(config: Loaded, options: dict[str, Any]) -> SimulatedMessage:
    to = read_number(options.pop("to"), config.read_address)
    sender = any_address(options.pop("sender"), config.read_address)
    method, intent = options.pop("method").upper(), options.pop("intent") or ""
    return SimulatedMessage(sender, to, method=method, intent=intent, **options)


def _local_url(config: Loaded) -> str:
    server = config.settings.server
    host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104 - compared, not bound
    return f"http://{host}:{server.port}"


def _json(sent: Sent) -> dict[str, Any]:
    return {
        "message_uuid": sent.message_uuid,
        "status": sent.status,
        "xml": sent.xml,
        "messages": [_reply_json(reply) for reply in sent.messages],
        "reports": [
            {"message_uuid": report.message_uuid, "to": report.to, "status": report.status, "http": report.http}
            for report in sent.reports
        ],
    }


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


def _show(sent: Sent) -> None:
    echo(f"{sent.status} {sent.message_uuid}")
    echo(sent.xml.rstrip())
    for reply in sent.messages:
        people = ", ".join(map(show, reply.destinations))
        echo(f"{show(reply.src)} -> {people}, {counted(reply.units, 'unit')}: {reply.text}")
    if sent.fault is None and not sent.messages:
        echo("silence")
    for report in sent.reports:
        echo(f"report {report.status} for {show(report.to)}: {report.http}")
