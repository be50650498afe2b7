"""`backtest`: what another file would have answered to the messages in the store."""

import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from app import telemetry
from app.cli.backtest_json import backtest_json
from app.cli.backtest_views import show_backtest
from app.cli.loading import load, load_store
from app.cli.output import echo, print_json
from app.cli.running import on_store
from app.operations.backtest import EXAMPLES, BacktestResult, backtest
from app.store import Store


def main(
    path: Path,
    since: float | None,
    given: tuple[tuple[str, str], ...],
    fail_on: str | None,
    limit: int | None,
    zone: tzinfo | None,
    *,
    as_json: bool,
) -> None:
    """Show what a file would have answered to the messages in its store, and the SMS units."""
    runtime, stored = load(path).runtime, load_store(path)
    telemetry.configure("auto", "error")  # a rule that failed then fails again: no warning for each
    examples = limit if limit is not None else EXAMPLES if as_json else 1

    def replay(store: Store, progress: Callable[[int], None]) -> Coroutine[Any, Any, BacktestResult]:
        return backtest(store, runtime, since=since, given=dict(given), examples=examples, progress=progress)

    with _progress() as progress:
        found = on_store(stored, lambda store: replay(store, progress))
    failed = failure(found, fail_on)
    if as_json:
        print_json(backtest_json(found))
    else:
        show_backtest(found, path, zone)
        if failed:
            echo(f"{failed}: exit 1")
    raise SystemExit(1 if failed else 0)


def failure(found: BacktestResult, fail_on: str | None) -> str | None:
    """Return what `--fail-on` found, in words; None if it found nothing."""
    failing = {kind: count for kind, count in found.kinds.items() if fail_on in ("changed", kind)}
    return ", ".join(f"{count:,} {kind}" for kind, count in failing.items()) or None


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Give a function that shows how far the replay has come, if stderr is a terminal."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield lambda _total: None
        return
    with click.progressbar(label="replaying", file=sys.stderr, length=1, update_min_steps=500) as bar:

        def show(total: int) -> None:
            bar.length = total
            bar.update(1)

        yield show
