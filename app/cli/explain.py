"""`explain`: who would answer a message, and why nobody else did."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.cli.common import config_option, json_option, load
from app.cli.outgoing import outgoing_json, outgoing_line
from app.cli.output import echo, print_json
from app.cli.running import call, run
from app.operations.addresses import read_number, read_sender
from app.operations.explain import Explanation, check_given, explain
from app.plivo.messages import InboundMessage
from app.rules.services import RuleServices

AT_FORMATS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]
EXAMPLE_UUID = "00000000-0000-0000-0000-000000000000"


@click.command("explain")
@config_option
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "sender", required=True, help="Who writes.")
@click.option("--text", default="", help="What they write.")
@click.option("--type", "kind", type=click.Choice(["sms", "mms", "whatsapp"]), default="sms", show_default=True)
@click.option("--at", type=click.DateTime(AT_FORMATS), help="When, with an offset: 2026-03-02T10:00:00+01:00.")
@click.option("--given", type=(str, str), multiple=True, metavar="RULE SAYS", help="What a rule that calls out says.")
@json_option
def command(
    path: Path,
    to: str,
    sender: str,
    text: str,
    kind: str,
    at: datetime | None,
    given: tuple[tuple[str, str], ...],
    *,
    as_json: bool,
) -> None:
    """Show which rule would answer, why each other would not, the units and the XML. Calls nothing and
    looks nothing up: rules that call out pass, or say what is `--given`; nobody has opted out.

    \b
    Example: plivo-autoreply explain --to +33644600000 --from +33700000001 --text "Hours?"
    """
    config = load(path)
    read = config.read_address
    ours, theirs = call(lambda: (read_number(to, read), read_sender(sender, read).address))
    message = InboundMessage.of(EXAMPLE_UUID, theirs, ours, text, kind)
    call(lambda: check_given(config.runtime, dict(given)))
    moment = at.timestamp() if at else time.time()
    found = run(explain(config.runtime, message, moment, RuleServices(given=dict(given))))
    if as_json:
        print_json(as_dict(found))
    else:
        show(found)


def as_dict(found: Explanation) -> dict[str, Any]:
    """An explanation for machines."""
    return {
        "route": found.route,
        "rule": found.proposal.rule,
        "reason": found.proposal.reason,
        "failed": found.proposal.failed,
        "steps": [{"rule": step.rule, "verdict": step.verdict, "reason": step.reason} for step in found.steps],
        "messages": [outgoing_json(message) for message in found.proposal.messages],
        "units": found.proposal.units,
        "xml": found.proposal.xml.decode(),
    }


def show(found: Explanation) -> None:
    """An explanation for people."""
    echo(f"route  {found.route or '-'}")
    for step in found.steps:
        echo(f"  {step.rule:<20} {step.verdict:<10} {step.reason}")
    echo(f"answer {found.proposal.rule or 'silence'}: {found.proposal.reason}")
    for message in found.proposal.messages:
        echo(f"sends  {outgoing_line(message)}")
    echo(f"units  {found.proposal.units}")
    echo(found.proposal.xml.decode())
