"""`make demo`: a signed conversation against a real service, each step judged.

Starts `plivo-autoreply serve` on docs/demo.toml and a receiver for its reports, both on loopback; plays
Plivo with `plivo-autoreply send`; prints each text, the XML that came back and the rule that answered.
Exits 0 only if every answer, every report and every signature was right.
"""

import base64
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
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "app"]
SHOP, OTHER_SHOP, ALERTS, UNKNOWN = "+33644600000", "+33644600001", "+14155550100", "+4930123456"
ANNA, BOB, ROBOT = "+33700000001", "+14155550142", "+33700000099"
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


@contextmanager
def service(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """`serve` on a free port; its URL."""
    log = folder / "serve.log"
    with log.open("w") as stream:
        command = [*COMMAND, "serve", "-c", str(HERE / "demo.toml"), "--port", "0"]
        process = subprocess.Popen(command, stderr=stream, env=environment)
    try:
        yield f"http://127.0.0.1:{_port(log, process)}"
    finally:
        process.terminate()
        process.wait(15)


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.05)
    sys.exit(f"the service did not start:\n{log.read_text()}")


def command(environment: dict[str, str], *arguments: str) -> Any:
    """A command's JSON."""
    full = [*COMMAND, *arguments, "-c", str(HERE / "demo.toml"), "--json"]
    done = subprocess.run(full, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} exits {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def play(step: Step, url: str, environment: dict[str, str]) -> tuple[bool, int]:
    """Whether the step went right, and how many reports it caused."""
    said = ["--to", step.to, "--from", step.sender, "--text", step.text]
    how = ["--method", step.method, "--signature", step.signature, "--report", "delivered"]
    reply = command(environment, "send", "--url", url, *said, *how)
    again = (
        command(environment, "send", "--url", url, *said, *how, "--uuid", reply["message_uuid"])
        if step.retried
        else reply
    )
    journal = command(environment, "history", reply["message_uuid"])[0]
    texts = tuple(message["text"] for message in reply["messages"])
    right = texts == step.replies and journal["rule"] == step.rule and again["xml"] == reply["xml"]
    print(f"{step.sender} -> {step.to}  {step.text!r}  ({step.method}, {step.signature})")
    print(f"  {journal['rule']}, route {journal['route']}: {journal['reason']}\n  {reply['xml']}")
    print("  right" if right else f"  WRONG: expected {step.rule} {step.replies}")
    if step.retried:
        print("  Plivo called again with the same MessageUUID and got the same XML")
    return right, len(reply["reports"]) + (len(again["reports"]) if step.retried else 0)


def main() -> int:
    """The exit code."""
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    target = f"http://127.0.0.1:{receiver.server_address[1]}/hooks/sms"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PLIVO_AUTH_TOKEN": "demo-token",
            "AUTOREPLY_DATA": folder,
            "DEMO_TARGET": target,
            "DEMO_SECRET": SECRET,
        }
        with service(Path(folder), environment) as url:
            night = command(environment, "test")
            print(f"[[tests]] with a frozen clock: {night['passed']} passed, {night['failed']} failed\n")
            played = [play(step, url, environment) for step in STEPS]
            expected = sum(count for _, count in played)
            with receiver.arrived:
                arrived = receiver.arrived.wait_for(lambda: len(receiver.reports) >= expected, PATIENCE)
    print(
        f"\n{len(receiver.reports)} of {expected} delivery reports arrived at {target}, the first POST refused with 503"
    )
    for report in receiver.reports.values():
        who = f"{report['from']} -> {report['to']}"
        print(f"  {report['status']:<10} {who}  rule {report['rule']}, in reply to {report['in_reply_to']}")
    right = arrived and all(well for well, _ in played)
    print("everything was right" if right else "SOMETHING WAS WRONG")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
