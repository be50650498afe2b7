"""A thousand reloads under load, every second one of a bad file. `python bench/reloads.py 100` is shorter.

Four callers send signed messages all the time, while the file is replaced and the process gets a reload by the API. A
reload waits 200 ms for the file to be quiet, so a thousand take some minutes.

Judged: no call fails, every answer is of one of the two good files, and memory grows by less than `GROWTH` MB. The
first tenth of the reloads is warm-up.
"""

import json
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import harness
from harness import CONFIG, ROUTE, Server
from support import plivo_sdk, process, wire

RELOADS, CALLERS, GROWTH = 1_000, 4, 16.0
OLD, NEW, TOKEN = "Got it.", "We have moved.", "an-operators-token"
BAD = "[server\n"


def reload(port: int) -> int:
    """The status of one reload."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/reload", method="POST")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    return process.fetch(request)[0]


class Callers:
    """Threads that send messages until they are stopped; what they got."""

    def __init__(self, server: Server) -> None:
        self.answers: dict[str, int] = {}
        self._url = f"http://127.0.0.1:{server.port}"
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish its call."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        while not self._stopped.is_set():
            fields = wire.message(To="33644600000")
            headers = plivo_sdk.headers("POST", f"{wire.PUBLIC}/message", fields, "V2")
            body = plivo_sdk.form(fields).encode()
            request = urllib.request.Request(f"{self._url}/message", body, headers)  # noqa: S310 - of this bench
            status, body = process.fetch(request)
            answer = str(wire.text_of(body)) if status == 200 else f"status {status}"
            with self._lock:
                self.answers[answer] = self.answers.get(answer, 0) + 1


def main() -> bool:
    """Print what happened; whether the promises were kept."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RELOADS
    with tempfile.TemporaryDirectory() as name:
        folder, admin = Path(name), harness.free_port()
        good = f'{CONFIG}{ROUTE}[admin]\nlisten = "127.0.0.1:{admin}"\ntoken = "{TOKEN}"\n'
        files = [good.replace(OLD, NEW), BAD, good, BAD]
        with harness.serving(good, folder) as server:
            callers = Callers(server)
            statuses: list[int] = []
            before = 0.0
            for number in range(count):
                (folder / "config.toml").write_text(files[number % 4])
                statuses.append(reload(admin))
                if number == count // 10:
                    before = server.memory()
            callers.stop()
            growth = server.memory() - before
    print(f"{count} reloads, {sum(callers.answers.values()):,} calls: {json.dumps(callers.answers)}")
    failed = sum(count for answer, count in callers.answers.items() if answer not in (OLD, NEW))
    wrong = sum(status != (200, 422)[number % 2] for number, status in enumerate(statuses))
    return all(
        [
            harness.kept("calls that failed", failed, at_most=0),
            harness.kept("reloads with another status than 200 and 422 in turn", wrong, at_most=0),
            harness.kept("MB of memory after the first tenth of the reloads", growth, at_most=GROWTH),
        ]
    )


if __name__ == "__main__":
    sys.exit(not main())
