"""Messages a second, beside what others would write. `make bench`; `python bench/throughput.py NAME ..` runs some.

Each entrant is one process on one core, the load (64 connections, requests signed beforehand, none sent twice) on
another. Entrants take turns; figures are medians of the rounds. "Of the limit" is the CPU that a request costs a bare
ASGI callable on the same uvicorn, divided by what it costs the entrant: at full load on a core of its own that is the
ratio of the rates, and neither neighbours nor the load's own speed change it. Ours answers with all guarantees on and
every answer durable; "one row" means that the entrant commits one row for each message before it answers.

Judged: the ratios in `PROMISES`. Shown only: rates, CPU for each request, and p99, at full speed and at half of it.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import HERE, Figures, Server
from support import postgres

ROUNDS, SECONDS, CALLS = 3, 3.0, 120_000


@dataclass(frozen=True, slots=True)
class Entrant:
    """A server under load."""

    name: str
    command: Callable[[int], list[str]] | None  # by its port; None: the service
    requests: str = "V2"
    durable: bool = False  # commits one row for each message
    on_postgres: bool = False

    @contextmanager
    def running(self, folder: Path, server: str | None) -> Iterator[Server]:
        """Start it, with an empty store if it has one; `server` is the URL of a PostgreSQL."""
        if self.command is None:
            with (
                self._store(server) as store,
                harness.serving(harness.CONFIG + store + harness.ROUTE, folder) as started,
            ):
                yield started
            return
        port = harness.free_port()
        store = str(folder / "peer.db") if self.durable else ""
        with harness.running(self.command(port), port, folder, STORE=store) as started:
            yield started

    @contextmanager
    def _store(self, server: str | None) -> Iterator[str]:
        """The table [store] of the service."""
        if not (self.on_postgres and server):
            yield ""
            return
        with postgres.made(server) as url:
            yield f'[store]\nurl = "{url}"\n'


def script(name: str) -> Callable[[int], list[str]]:
    """Run a file of bench/entrants/."""
    return lambda port: [sys.executable, str(HERE / "entrants" / f"{name}.py"), str(port)]


def gunicorn(name: str) -> Callable[[int], list[str]]:
    """Run a WSGI app of bench/entrants/ in gunicorn's threads."""
    options = ["--worker-class", "gthread", "--threads", "64", "--log-level", "error"]
    folder = str(HERE / "entrants")
    return lambda port: [
        *(sys.executable, "-m", "gunicorn", "--chdir", folder, "--bind", f"127.0.0.1:{port}"),
        *(*options, f"{name}:app"),
    ]


LIMIT, OURS, PEER = "bare ASGI (the limit)", "ours, V2, every answer durable", "FastAPI + SDK, one row"
ENTRANTS = (
    Entrant(LIMIT, script("bare")),
    Entrant(OURS, None),
    Entrant("ours, V3, every answer durable", None, "V3"),
    Entrant("ours, delivery reports in", None, "reports"),
    Entrant("ours, V2, on PostgreSQL", None, on_postgres=True),
    Entrant("FastAPI + SDK, stores nothing", script("with_fastapi")),
    Entrant(PEER, script("with_fastapi"), durable=True),
    Entrant("Flask + SDK, stores nothing", gunicorn("with_flask")),
    Entrant("Flask + SDK, one row", gunicorn("with_flask"), durable=True),
)
PROMISES = (  # an entrant, with what it is compared, in what, and at least how much better
    (OURS, LIMIT, "cpu", 0.12),
    (OURS, PEER, "rate", 4.0),  # a row for each message on both sides: the disk counts
    ("ours, V3, every answer durable", OURS, "cpu", 0.9),
    ("ours, delivery reports in", OURS, "cpu", 0.8),
)
Rounds = Mapping[str, list[Figures]]


def run(one: Entrant, requests: Path, server: str | None, rate: float = 0.0) -> Figures:
    """One round of one entrant. Raises `RuntimeError`."""
    with tempfile.TemporaryDirectory() as folder, one.running(Path(folder), server) as started:
        return harness.put_under_load(started, requests, SECONDS, rate)


def median(rounds: Rounds, name: str, field: str) -> float:
    """The median of a figure over the rounds."""
    return float(statistics.median(getattr(figures, field) for figures in rounds[name]))


def better(rounds: Rounds, name: str, other: str, field: str) -> float:
    """How many times as fast, by rate or by CPU: the median over the rounds, in each of which both had their turn."""
    pairs = zip(rounds[name], rounds[other], strict=True)
    ratios = [getattr(one, field) / getattr(two, field) for one, two in pairs]
    return float(statistics.median(ratios if field == "rate" else [1 / one for one in ratios]))


def show(rounds: Rounds, halves: Mapping[str, Figures]) -> None:
    """Print the table."""
    print(f"{'':<32} {'of the limit':>12} {'a second':>9} {'CPU us':>7} {'p99 ms':>8} {'at half':>8}")
    for name in rounds:
        limit = f"{better(rounds, name, LIMIT, 'cpu'):.3f}" if LIMIT in rounds else "-"
        rate, cpu = median(rounds, name, "rate"), 1e6 * median(rounds, name, "cpu")
        p99 = median(rounds, name, "p99")
        print(f"{name:<32} {limit:>12} {rate:>9,.0f} {cpu:>7.0f} {p99:>8.1f} {halves[name].p99:>8.1f}")


def main() -> bool:
    """Print the table and the verdicts; whether the promises were kept."""
    words = sys.argv[1:]
    chosen = [one for one in ENTRANTS if not words or any(word in one.name for word in words)]
    rounds: dict[str, list[Figures]] = {one.name: [] for one in chosen}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres.running()) if any(one.on_postgres for one in chosen) else None
        loads = {"V2": harness.messages("V2", CALLS), "V3": harness.messages("V3", CALLS)}
        loads["reports"] = harness.reports("V2", CALLS)
        wanted = {one.requests for one in chosen}
        files = {name: harness.prepared(folder, name, load) for name, load in loads.items() if name in wanted}
        for _ in range(ROUNDS):
            for one in chosen:
                rounds[one.name].append(run(one, files[one.requests], server))
        halves = {
            one.name: run(one, files[one.requests], server, median(rounds, one.name, "rate") / 2) for one in chosen
        }
    show(rounds, halves)
    judged = [promise for promise in PROMISES if {*promise[:2]} <= rounds.keys()]
    results = [
        harness.kept(f"{name} / {other}, by {field}", better(rounds, name, other, field), at_least=bound)
        for name, other, field, bound in judged
    ]
    return all(results)


if __name__ == "__main__":
    sys.exit(not main())
