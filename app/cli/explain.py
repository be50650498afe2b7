"""`explain`: who would answer a message, and why nobody else did."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.cli.addresses import address
from app.cli.common import UsageError, config_option, counted, echo, json_option, load, print_json, run
from app.config.diagnostics import did_you_mean
from app.engine import Decision
from app.plivo import numbers, units
from app.plivo.messages import InboundMessage
from app.rules.services import RuleServices
from app.service import make_engine

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
    message = InboundMessage(EXAMPLE_UUID, address(sender, config), address(to, config), text, kind)
    calling = {rule.name for route in config.table.by_name.values() for rule in route.rules if rule.action.calls_out}
    for name in dict(given).keys() - calling:
        raise UsageError(f"--given {name}: no rule of this name calls out; {did_you_mean(name, calling)}")
    moment = at.timestamp() if at else time.time()
    decision = run(make_engine(config).decide(message, moment, RuleServices(given=dict(given))))
    if as_json:
        print_json(as_dict(decision))
    else:
        show(decision)


def as_dict(decision: Decision) -> dict[str, Any]:
    """A decision for machines."""
    return {
        "route": decision.route,
        "rule": decision.rule,
        "reason": decision.reason,
        "failed": decision.failed,
        "steps": [{"rule": step.rule, "verdict": step.verdict, "reason": step.reason} for step in decision.steps],
        "messages": [
            {
                "src": numbers.show(message.src),
                "dst": [numbers.show(number) for number in message.dst],
                "text": message.text,
                "units": units.count(message.text),
            }
            for message in decision.messages
        ],
        "units": decision.units,
        "xml": decision.xml.decode(),
    }


def show(decision: Decision) -> None:
    """A decision for people."""
    echo(f"route  {decision.route or '-'}")
    for step in decision.steps:
        echo(f"  {step.rule:<20} {step.verdict:<10} {step.reason}")
    echo(f"answer {decision.rule or 'silence'}: {decision.reason}")
    for message in decision.messages:
        people = ", ".join(map(numbers.show, message.dst))
        echo(f"  to {people}, {counted(units.count(message.text), 'unit')}: {message.text}")
    echo(f"units  {decision.units}")
    echo(decision.xml.decode())
