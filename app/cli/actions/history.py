"""`history`: what came, what was answered and why, what Plivo reported, what each target said."""

from datetime import tzinfo
from pathlib import Path

from app.cli.common import UsageError
from app.cli.history_views import show_history, show_person, show_short
from app.cli.loading import load_store
from app.cli.output import echo, print_json
from app.cli.running import on_store
from app.operations.documents.history import history_documents
from app.operations.history import EVER, Span, history


def main(
    who: str,
    path: Path,
    limit: int,
    span: Span,
    zone: tzinfo | None,
    *,
    short: bool,
    as_json: bool,
) -> None:
    """Show all that is remembered of a number, or of a message by its MessageUUID. The oldest comes first."""
    if short and as_json:
        raise UsageError("--short is for people, --json for machines: say one of them")
    config = load_store(path)
    found = on_store(config, lambda store: history(store, who, config.read_address, limit, span))
    if as_json:
        print_json(history_documents(found))
    elif found.is_empty:
        show_person(found, zone)
        echo(f"nothing is remembered of {who}{'' if span == EVER else ' in that time'}")
        echo("calls that were refused are counted, with the reason, by: plivo-autoreply status", err=True)
    elif short:
        show_short(found, zone)
    else:
        show_history(found, zone)
