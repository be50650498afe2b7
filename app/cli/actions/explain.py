"""`explain`: who would answer a message, and why nobody else did."""

import time
from datetime import datetime
from pathlib import Path

from app.cli.loading import load
from app.cli.outgoing import outgoing_line
from app.cli.output import echo, print_json
from app.cli.running import call, run
from app.operations.addresses import read_number, read_sender
from app.operations.documents.explanation import explanation_document
from app.operations.explain import Explanation, check_given, explain
from app.plivo.messages import InboundMessage
from app.rules.services import RuleServices

EXAMPLE_UUID = "00000000-0000-0000-0000-000000000000"


def main(
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
    """Show which rule would answer, why each other would not, the units and the XML. Calls nothing and"""
    config = load(path)
    read = config.read_address
    ours, theirs = call(lambda: (read_number(to, read).address, read_sender(sender, read).address))
    message = InboundMessage.of(EXAMPLE_UUID, theirs, ours, text, kind)
    call(lambda: check_given(config.runtime, dict(given)))
    moment = at.timestamp() if at else time.time()
    found = run(explain(config.runtime, message, moment, RuleServices(given=dict(given))))
    if as_json:
        print_json(explanation_document(found))
    else:
        show(found)


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
