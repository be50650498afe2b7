"""What the console costs with 100,000 messages in the store, and what answers to Plivo cost while somebody looks.

Judged: the median of each page stays under `PAGE` ms on an idle server; and p99 of signed messages, sent at `RATE` a
second, stays within `SLOWER` times of what it is alone while a browser watches the live page and opens others.
"""

import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import harness
import httpx
from growth import fill, with_rows
from harness import Server

ROWS, TIMES, PAGE = 100_000, 15, 200.0  # messages, times that each page is opened, milliseconds
RATE, SECONDS, ROUNDS, SLOWER = 500.0, 5.0, 4, 1.2
TOKEN = "an-operators-token"
PERSON = "/console/people/+33700000001"
PAGES = (
    "/console/",
    "/console/?outcome=silent",
    "/console/?rule=none",
    "/console/?number=%2B33700000001",
    "/console/messages/10000000-0000-0000-0000-000000050000",
    PERSON,
    "/console/deliveries",
    "/console/targets",
    "/console/phone",
    "/console/status?span=hour",
    "/console/status?span=day",
    "/console/status?span=week",
    "/api/v1/messages?limit=50",
    "/api/v1/status",
)


def browser(admin: int) -> httpx.Client:
    """A browser that is logged in."""
    client = httpx.Client(base_url=f"http://127.0.0.1:{admin}", timeout=20, trust_env=False)
    client.post("/console/login", data={"token": TOKEN})
    client.headers["authorization"] = f"Bearer {TOKEN}"
    return client


def open_pages(client: httpx.Client) -> bool:
    """Print the median time of each page; whether each is fast enough."""
    slow = []
    for page in PAGES:
        took = []
        for _ in range(TIMES):
            started = time.perf_counter()
            client.get(page).raise_for_status()
            took.append(1000 * (time.perf_counter() - started))
        median = statistics.median(took)
        print(f"{median:>8.1f} ms  {page}")
        slow += [page] if median > PAGE else []
    return harness.kept(f"pages slower than {PAGE:.0f} ms", len(slow), at_most=0)


class Watcher:
    """Somebody who watches the live page: each event fetches the rows again, at most every two seconds."""

    def __init__(self, admin: int) -> None:
        self.events = self.fetched = 0
        self._client = browser(admin)
        self._stopped = False
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        """Close the page."""
        self._stopped = True
        self._thread.join()
        self._client.close()

    def _watch(self) -> None:
        last = 0.0
        with self._client.stream("GET", "/console/events") as stream:
            for line in stream.iter_lines():
                self.events += line.startswith("data:")
                if self._stopped:
                    return
                if time.monotonic() - last > 2:
                    last = time.monotonic()
                    self._client.get("/console/messages/rows").raise_for_status()
                    self.fetched += 1


def watch(server: Server, admin: int, folder: Path) -> bool:
    """Print p99 of messages with and without somebody who watches, in turns; whether they are close."""
    alone, watched = [], []
    for turn in range(2 * ROUNDS):
        load = harness.prepared(folder, "load", harness.messages("V2", int(RATE * SECONDS), seed=turn))
        watcher = Watcher(admin) if turn % 2 else None
        found = harness.put_under_load(server, load, SECONDS, RATE)
        if watcher:
            watcher.stop()
            print(f"watched: p99 {found.p99:.1f} ms, {watcher.events} events, rows fetched {watcher.fetched} times")
        (watched if turn % 2 else alone).append(found.p99)
    before, after = statistics.median(alone), statistics.median(watched)
    print(f"p99 at {RATE:.0f}/s: {before:.1f} ms alone, {after:.1f} ms watched")
    return harness.kept("watched to alone", after / before, at_most=SLOWER)


def main() -> bool:
    """Whether all promises were kept."""
    with tempfile.TemporaryDirectory() as name:
        folder, admin = Path(name), harness.free_port()
        config = f'{with_rows(0, folder)}[admin]\nlisten = "127.0.0.1:{admin}"\ntoken = "{TOKEN}"\n'
        with harness.serving(config, folder):
            pass  # makes the tables
        fill(folder / "autoreply.db", ROWS)
        with harness.serving(config, folder) as server, closing(browser(admin)) as client:
            return open_pages(client) & watch(server, admin, folder)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
