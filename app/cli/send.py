"""`send`: plays Plivo against a running instance, then its delivery reports."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import click
import httpx

from app.cli.addresses import address
from app.cli.common import CommandFailed, UsageError, config_option, counted, echo, json_option, load, print_json
from app.config import Loaded
from app.plivo import numbers, units
from app.plivo.messages import Parameters
from app.plivo.signature import V2, V3, Family, Request, signed_headers

TIMEOUT = 8.0  # seconds: what Plivo waits, https://support.plivo.com/hc/en-us/articles/360041344652
SIGNATURES: dict[str, tuple[tuple[Family, str], ...]] = {
    "v2": ((V2, "V2"),),
    "ma-v2": ((V2, "Ma-V2"),),
    "v3": ((V3, "V3"),),
    "ma-v3": ((V3, "Ma-V3"),),
    "both": ((V2, "V2"), (V3, "Ma-V3")),  # as seen in live traffic
}
PATHS = {  # what Plivo reports on the way to a final status
    "queued": ("queued",),
    "sent": ("queued", "sent"),
    "delivered": ("queued", "sent", "delivered"),
    "undelivered": ("queued", "sent", "undelivered"),
    "failed": ("queued", "failed"),
}
ERRORS = {"undelivered": "80", "failed": "300"}


@click.command("send")
@config_option
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "sender", required=True, help="Who writes.")
@click.option("--text", default="", help="What they write.")
@click.option("--method", type=click.Choice(["GET", "POST"], case_sensitive=False), default="POST", show_default=True)
@click.option("--signature", type=click.Choice(list(SIGNATURES)), default="both", show_default=True)
@click.option(
    "--report",
    "status",
    type=click.Choice(list(PATHS)),
    help="Then report each message of the reply up to this status.",
)
@click.option(
    "--uuid", "message_uuid", help="The MessageUUID; the same one again is Plivo's retry. Default: a new one."
)
@click.option("--type", "kind", type=click.Choice(["sms", "mms", "whatsapp"]), default="sms", show_default=True)
@click.option("--intent", type=click.Choice(["optout", "optin", "help"]), help="MessageIntent, as Plivo sets it.")
@click.option("--url", help="Where the instance listens. Default: [server] host and port.")
@click.option("--public-url", help="What Plivo dials; beats the file, as in `serve`.")
@json_option
def command(path: Path, *, as_json: bool, public_url: str | None, **options: Any) -> None:
    """Send a signed message to a running instance and print its reply. Sends no SMS and asks Plivo nothing.

    \b
    Example: plivo-autoreply send --to +33644600000 --from +33700000001 --text "Hours?" --report delivered
    """
    config = load(path, public_url=public_url)
    message_uuid = options["message_uuid"] or str(uuid.uuid4())
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
        caller = _Caller(config, client, options["url"], options["signature"])
        response = caller.call(
            options["method"].upper(),
            f"{config.settings.server.public_url}/message",
            _message(config, options, message_uuid),
        )
        reply = _parse(response)
        reports = [row for message in reply for row in _play_reports(caller, message, options["status"])]
    result = {
        "message_uuid": message_uuid,
        "status": response.status_code,
        "xml": response.text,
        "messages": reply,
        "reports": reports,
    }
    if as_json:
        print_json(result)
    else:
        _show(result)
    if response.status_code != httpx.codes.OK:
        message = f"the instance answered {response.status_code}; its log says why"
        raise CommandFailed(message)
    if any(report["http"] != httpx.codes.OK for report in reports):
        message = "a report was not accepted"
        raise CommandFailed(message)


class _Caller:
    """Signs for the public URL, dials the local one."""

    def __init__(self, config: Loaded, client: httpx.Client, url: str | None, signature: str) -> None:
        server = config.settings.server
        host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104 - compared, not bound
        self._local = (url or f"http://{host}:{server.port}").rstrip("/")
        self._tokens = config.runtime.tokens
        self._schemes = SIGNATURES[signature]
        self._client = client

    def call(self, method: str, url: str, parameters: Parameters) -> httpx.Response:
        """One signed request. Raises `UsageError` if nobody answers."""
        form = urlencode(parameters)
        request = Request.of(
            method, url if method == "POST" else f"{url}?{form}", parameters if method == "POST" else ()
        )
        headers: dict[str, str] = {}
        for family, name in self._schemes:
            headers |= signed_headers(request, family, name, self._tokens[0], secrets.token_hex(10))
        local = self._local + urlsplit(url).path
        try:
            if method == "GET":
                return self._client.get(f"{local}?{form}", headers=headers)
            return self._client.post(
                local, content=form, headers={**headers, "content-type": "application/x-www-form-urlencoded"}
            )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last: a host name that cannot be
            why = f"no answer from {local} within {TIMEOUT:g} s ({type(error).__name__})"
            message = f"{why}; is `plivo-autoreply serve` running there?"
            raise UsageError(message) from None


def _message(config: Loaded, options: dict[str, Any], message_uuid: str) -> Parameters:
    text_field = "Text" if options["kind"] == "sms" else "Body"
    return (
        ("From", address(options["sender"], config)),
        ("MessageIntent", options["intent"] or ""),
        ("MessageUUID", message_uuid),
        ("PowerpackUUID", ""),
        (text_field, options["text"]),
        ("To", address(options["to"], config)),
        ("TotalAmount", "0"),
        ("TotalRate", "0"),
        ("Type", options["kind"]),
        ("Units", str(units.count(options["text"]))),
    )


def _parse(response: httpx.Response) -> list[dict[str, Any]]:
    if response.status_code != httpx.codes.OK:
        return []
    try:
        messages = ET.fromstring(response.content).findall("Message")  # noqa: S314 - of our own instance
    except ET.ParseError as error:
        message = f"the reply is not XML: {error}; does something else listen there?"
        raise CommandFailed(message) from None
    if any(not {"src", "dst", "callbackUrl", "callbackMethod"} <= message.attrib.keys() for message in messages):
        raise CommandFailed("the reply is XML, but not of this service; does something else listen there?")
    return [
        {**message.attrib, "text": message.text or "", "units": units.count(message.text or "")} for message in messages
    ]


def _play_reports(caller: _Caller, message: dict[str, Any], status: str | None) -> list[dict[str, Any]]:
    """As Plivo does: one call a status change, to the callbackUrl, for each destination."""
    played = []
    for destination in message["dst"].split("<"):
        sent_uuid = str(uuid.uuid4())
        for sequence, step in enumerate(PATHS[status] if status else (), start=1):
            parameters = _report(message, destination, sent_uuid, step, sequence)
            response = caller.call(message["callbackMethod"], message["callbackUrl"], parameters)
            played.append({"message_uuid": sent_uuid, "to": destination, "status": step, "http": response.status_code})
    return played


def _report(message: dict[str, Any], destination: str, sent_uuid: str, status: str, sequence: int) -> Parameters:
    stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return (
        ("ErrorCode", ERRORS.get(status, "")),
        ("From", message["src"]),
        ("MessageTime", stamp),
        ("MessageUUID", sent_uuid),
        ("ParentMessageUUID", sent_uuid),
        ("PartInfo", "1 of 1"),
        ("Sequence", str(sequence)),
        ("Status", status),
        ("To", destination),
        ("Units", str(message["units"])),
    )


def _show(result: dict[str, Any]) -> None:
    echo(f"{result['status']} {result['message_uuid']}")
    echo(result["xml"].rstrip())
    for message in result["messages"]:
        people = ", ".join(numbers.show(number) for number in message["dst"].split("<"))
        count = counted(message["units"], "unit")
        echo(f"{numbers.show(message['src'])} -> {people}, {count}: {message['text']}")
    if result["status"] == httpx.codes.OK and not result["messages"]:
        echo("silence")
    for report in result["reports"]:
        echo(f"report {report['status']} for {numbers.show(report['to'])}: {report['http']}")
