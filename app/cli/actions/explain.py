"""`explain`: who would answer a message, and why nobody else did."""

from datetime import datetime
from functools import partial
from pathlib import Path

from app.cli.loading import load, load_store
from app.cli.outgoing import outgoing_line
from app.cli.output import echo, print_json
from app.cli.running import on_store, run
from app.operations.documents.explanation import explanation_document
from app.operations.explain import Explanation, Question, explain_question, remembered_by


def main(
    path: Path,
    to: str,
    sender: str,
    text: str,
    kind: str,
    at: datetime | None,
    given: tuple[tuple[str, str], ...],
    *,
    is_live: bool,
    as_json: bool,
) -> None:
    """Show which rule would answer, why each other would not, the units and the XML. Stores and calls nothing."""
    config = load(path)
    question = Question(to, sender, text, kind, at.timestamp() if at else None, dict(given))
    ask = partial(explain_question, config.runtime, question, config.read_address)
    found = on_store(load_store(path), lambda store: ask(remembered_by(store))) if is_live else run(ask())
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
