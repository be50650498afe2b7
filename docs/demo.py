"""`make demo`: a signed conversation against a real service, each step judged.

Starts `plivo-autoreply serve` on docs/demo.toml and a receiver for its reports, both on loopback. Plays Plivo as
`plivo-autoreply send` does, asks the API why each answer was given, and prints a line for each step; with `-v` the XML
and each report as well. `--console` leaves the service running, to look at it in a browser (`make demo-console`).
Exits 0 only if every answer, every report and every signature was right.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from app.config import Loaded, load
from app.operations.send import SimulatedMessage, send
from app.operations.test import run_tests

HERE = Path(__file__).parent
CONFIG = HERE / "demo.toml"
COMMAND = [sys.executable, "-m", "app"]
SHOP, OTHER_SHOP, ALERTS, UNKNOWN = "+33644600000", "+33644600001", "+14155550100", "+4930123456"
ANNA, BOB, ROBOT = "+33700000001", "+14155550142", "+33700000099"
ADMIN_TOKEN = "demo"
SECRET = "whsec_cGxpdm8tYXV0b3JlcGx5LWRlbW8tc2VjcmV0"
PATIENCE = 20.0  # seconds to start, and for reports to arrive


@dataclass(frozen=True)
class Step:
    """What somebody texts, how Plivo calls, and what must come back."""

    sender: str
    to: str
    text: str
    rule: str | None
    replies: tuple[str, ...]
    method: str = "POST"
    signature: str = "both"
    retried: bool = False  # Plivo calls twice with this message


STEPS = (
    Step(ANNA, SHOP, "Hours?", "menu", ("Roma is open Mon-Fri 9:00-18:00.",)),
    Step(
        ANNA,
        OTHER_SHOP,
        "info  Pizza Margherita",
        "menu",
        ("About Pizza Margherita: https://example.com/i",),
        "GET",
        "v3",
    ),
    Step(ANNA, SHOP, "c'est quel PRÏX svp ?", "menu", ("Carte: https://example.com/c",), "POST", "ma-v3"),
    Step(ANNA, SHOP, "where is Order 12345?", "order", ("Order 12345 was shipped.",), "GET", "v2"),
    Step(ANNA, SHOP, "a human, please 🙏", "human", (f"{ANNA}: a human, please 🙏", "Thanks, a person will answer.")),
    Step(ANNA, SHOP, "a & b < c = d + e %", "ack", ("Got it <3 & thanks.",), "GET", "ma-v2"),
    Step(ANNA, SHOP, "hello?", "ack", ("Got it <3 & thanks.",), retried=True),
    *(Step(ROBOT, SHOP, "Thank you!", "ack", ("Got it <3 & thanks.",)) for _ in range(3)),
    Step(ROBOT, SHOP, "Thank you!", None, ()),  # a bot that echoes: same_text = "3/1h"
    Step(ANNA, SHOP, "Arrêt.", "opt_out", ("You will get no more messages. START to resume.",)),
    Step(ANNA, SHOP, "Hours?", "opt_out", ()),
    Step(ANNA, SHOP, "start", "opt_out", ("Welcome back.",)),
    Step(ANNA, SHOP, "Hours?", "menu", ("Roma is open Mon-Fri 9:00-18:00.",)),
    Step(BOB, ALERTS, "", "text", ("This number only sends. Call +1 415 555 0199.",)),
    Step(BOB, UNKNOWN, "anybody?", "silence", ()),
)


def verify(headers: dict[str, str], body: bytes) -> None:
    """Raise `ValueError` unless the service signed this POST, as Standard Webhooks says.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    if not hmac.compare_digest(headers["webhook-signature"], expected):
        message = "the POST was not signed with our secret"
        raise ValueError(message)


class Receiver(ThreadingHTTPServer):
    """The user's own system: refuses the first POST, then takes everything; checks each signature."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals = 1
        self.reports: dict[str, dict[str, Any]] = {}
        self.arrived = threading.Condition()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status of one POST."""
        verify(headers, body)
        with self.arrived:
            if self.refusals:
                self.refusals -= 1
                return 503
            self.reports[headers["webhook-id"]] = json.loads(body)["data"]
            self.arrived.notify_all()
        return 204


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """One report."""
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.take({name.lower(): value for name, value in self.headers.items()}, body)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass(frozen=True)
class Running:
    """A running service: where Plivo calls it, and where its console and API are."""

    url: str
    admin: str


@contextmanager
def service(folder: Path) -> Iterator[Running]:
    """`serve` on free ports."""
    log = folder / "serve.log"
    with log.open("w") as stream:
        command = [*COMMAND, "serve", "-c", str(CONFIG), "--port", "0"]
        process = subprocess.Popen(command, stderr=stream)
    try:
        ports = _ports(log, process)
        yield Running(f"http://127.0.0.1:{ports['listening']}", f"http://127.0.0.1:{ports['admin listening']}")
    finally:
        process.terminate()
        process.wait(15)


def _ports(log: Path, process: subprocess.Popen[bytes]) -> dict[str, int]:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        ports = {line["event"]: line["port"] for line in lines if line["event"] in ("listening", "admin listening")}
        if len(ports) > 1:
            return ports
        time.sleep(0.05)
    sys.exit(f"the service did not start:\n{log.read_text()}")


def journal(running: Running, message_uuid: str) -> dict[str, Any]:
    """What the API tells of a message."""
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    response = httpx.get(f"{running.admin}/api/v1/messages/{message_uuid}", headers=headers, timeout=PATIENCE)
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def play(step: Step, config: Loaded, running: Running, *, verbose: bool) -> tuple[bool, int]:
    """Whether the step went right, and how many reports it caused."""
    message = SimulatedMessage(
        step.sender.lstrip("+"),
        step.to.lstrip("+"),
        step.text,
        method=step.method,
        signature=step.signature,
        report="delivered",
    )
    reply = send(config.runtime, running.url, message)
    again = send(config.runtime, running.url, replace(message, uuid=reply.message_uuid)) if step.retried else reply
    found = journal(running, reply.message_uuid)
    texts = tuple(one.text for one in reply.messages)
    right = texts == step.replies and found["rule"] == step.rule and again.xml == reply.xml
    answer = " + ".join(f'"{text}"' for text in texts) or f"silence, {found['reason']}"
    print(f'{"✓" if right else "✕ WRONG"} {step.sender} "{step.text}" -> {found["rule"] or "no rule"}: {answer}')
    if not right:
        print(f"  expected {step.rule} {step.replies}")
    if step.retried:
        print("  Plivo calls again with the same MessageUUID: the same XML, byte for byte")
    if verbose:
        print(f"  {step.method}, {step.signature}; route {found['route']}: {found['reason']}\n  {reply.xml}")
    return right, len(reply.reports) + (len(again.reports) if step.retried else 0)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="play a signed conversation against a real service")
    parser.add_argument("-v", "--verbose", action="store_true", help="also the XML and each report")
    parser.add_argument("--console", action="store_true", help="leave the service running, with its console")
    options = parser.parse_args()
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    target = f"http://127.0.0.1:{receiver.server_address[1]}/hooks/sms"
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "PLIVO_AUTH_TOKEN": "demo-token",
            "AUTOREPLY_DATA": folder,
            "DEMO_TARGET": target,
            "DEMO_SECRET": SECRET,
            "DEMO_ADMIN_TOKEN": ADMIN_TOKEN,
        }
        config = load(CONFIG)
        with service(Path(folder)) as running:
            right = converse(config, running, receiver, verbose=options.verbose)
            if options.console:
                print(f"\nThe console: {running.admin}/console/  (token: {ADMIN_TOKEN}). Stop with Ctrl-C.", flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    threading.Event().wait()
    return 0 if right else 1


def converse(config: Loaded, running: Running, receiver: Receiver, *, verbose: bool) -> bool:
    """Whether everything was right."""
    results = asyncio.run(run_tests(config.runtime, config.tests, config.read_address))
    failed = [result for result in results if result.faults]
    print(f"{'✕' if failed else '✓'} [[tests]] of the file, with a frozen clock: {len(results) - len(failed)} passed")
    played = [play(step, config, running, verbose=verbose) for step in STEPS]
    expected = sum(count for _, count in played)
    with receiver.arrived:
        arrived = receiver.arrived.wait_for(lambda: len(receiver.reports) >= expected, PATIENCE)
    count = f"{len(receiver.reports)} of {expected} delivery reports arrived, each signed"
    print(f"{'✓' if arrived else '✕'} {count}; the first POST was refused with 503, and repeated")
    for report in receiver.reports.values() if verbose else ():
        who = f"{report['from']} -> {report['to']}"
        print(f"  {report['status']:<10} {who}  rule {report['rule']}, in reply to {report['in_reply_to']}")
    right = arrived and not failed and all(well for well, _ in played)
    print("everything was right" if right else "SOMETHING WAS WRONG")
    return right


if __name__ == "__main__":
    sys.exit(main())
