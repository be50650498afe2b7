"""The pages of docs/reference/ that are made from the code: `make reference` writes them, a test compares them."""

from collections.abc import Callable
from pathlib import Path

from generate import commands, configuration, log_events, metrics, plivo_errors

DOCS = Path(__file__).parents[1]
REFERENCE = DOCS / "reference"


# Each made file, and what makes its content.
FILES: dict[Path, Callable[[], str]] = {
    REFERENCE / "configuration.md": configuration.page,
    REFERENCE / "commands.md": commands.page,
    REFERENCE / "metrics.md": metrics.page,
    REFERENCE / "log-events.md": log_events.page,
    REFERENCE / "plivo-error-codes.md": plivo_errors.page,
    DOCS / "config.schema.json": configuration.json_schema,
}
