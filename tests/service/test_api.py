"""The API from outside: real requests, real replies, and what the service posts, as the OpenAPI document tells it."""

import json
import socket
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from support import api, plivo_sdk, process, receiver, scrape, wire
from support.receiver import Received

US, ANN = "33644600000", "33700000001"
CONFIG = (
    process.HEAD
    + f"""
{scrape.ADMIN}token = "{api.TOKEN}"
[[routes]]
name = "shop"
to = "+{US}"
rules = "bot"
[rules.bot]
webhook = "{{url}}/bot"
secrets = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
[targets.crm]
url = "{{url}}/crm"
send = ["reports", "messages"]
secrets = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
[targets.legacy]
url = "{{url}}/legacy"
send = ["reports", "messages"]
format = "plivo"
"""
)
ODD = "<script>alert('1')</script> \u202e & \u00e9 \U0001f44d"


def call(service: process.Served, path: str, document: Any = None, method: str | None = None) -> tuple[int, Any]:
    """One call with the token."""
    headers = {**api.BEARER, "Content-Type": "application/json"}
    body = None if document is None else json.dumps(document).encode()
    url = f"http://127.0.0.1:{scrape.port(service)}/api/v1{path}"
    status, answer = process.fetch(urllib.request.Request(url, body, headers, method=method))
    return status, json.loads(answer)


def _answer(got: Received) -> receiver.Said:
    return (
        (200, {"content-type": "application/json"}, json.dumps({"text": ODD}).encode()) if got.path == "/bot" else 204
    )


def test_a_message_from_end_to_end(tmp_path: Path) -> None:
    """What came, what was answered and what became of it; all that was posted fits the document, headers included."""
    with receiver.receiving(_answer) as ours, process.served(tmp_path, CONFIG.replace("{url}", ours.url)) as service:
        came = plivo_sdk.message(MessageUUID="message-1", From=ANN, To=US, Text=ODD)
        assert wire.answered(service, came) == ODD
        report = [("MessageUUID", "reply-1"), ("Status", "delivered"), ("From", US), ("To", ANN), ("Sequence", "3")]
        assert wire.tell(service, report, "/report/message-1")[0] == 200
        got = ours.wait_for(lambda got: len(got) >= 5)
        deadline = time.monotonic() + 60
        while True:
            status, found = call(service, "/messages/message-1")
            each = [one["state"] for part in (found, *found["reports"]) for one in part["deliveries"]]
            if each == ["done"] * 4:
                break
            assert time.monotonic() < deadline, each
            time.sleep(0.02)  # polling a process, not waiting for luck
    assert (status, found["text"], found["messages"][0]["text"]) == (200, ODD, ODD)
    assert api.faults({"$ref": "#/components/schemas/Message"}, found) == []
    kinds = {"/bot": ["webhookRule"], "/crm": ["report", "message"], "/legacy": ["plivoForm"]}
    assert sorted(one.path for one in got) == ["/bot", "/crm", "/crm", "/legacy", "/legacy"]
    assert [one.path for one in got if not any(_fits(one, kind) for kind in kinds[one.path])] == []


def _fits(got: Received, kind: str) -> bool:
    told = api.DOCUMENT["webhooks"][kind]["post"]
    ((media, content),) = told["requestBody"]["content"].items()
    assert got.headers["content-type"] == media
    form = media == "application/x-www-form-urlencoded"
    body = dict(urllib.parse.parse_qsl(got.body.decode())) if form else json.loads(got.body)
    needed = [each["name"].lower() for each in told["parameters"] if each["required"] or each["name"] == SIGNED]
    signed = [name for name in needed if name != SIGNED or got.path != "/legacy"]
    return not api.faults(content["schema"], body) and got.headers.keys() >= set(signed)


SIGNED = "webhook-signature"


def test_changes_are_in_force_within_a_second(tmp_path: Path) -> None:
    """An opt-out silences the next answer; a paused target gets nothing until it is resumed."""
    with receiver.receiving(_answer) as ours, process.served(tmp_path, CONFIG.replace("{url}", ours.url)) as service:
        pair = {"person": f"+{ANN}", "number": f"+{US}"}
        assert call(service, "/opt-outs", pair)[0] == 201
        assert wire.answered(service, plivo_sdk.message(From=ANN, To=US, Text="hello")) is None
        assert call(service, f"/opt-outs?{urllib.parse.urlencode(pair)}", method="DELETE")[0] == 200
        assert wire.answered(service, plivo_sdk.message(From=ANN, To=US, Text="hello")) == ODD
        ours.wait_for(lambda got: sum(one.path == "/crm" for one in got) == 2)
        assert call(service, "/targets/crm/pause", method="POST")[0] == 200
        assert wire.tell(service, plivo_sdk.message(From=ANN, To=US, Text="more"))[0] == 200
        ours.wait_for(lambda got: sum(one.path == "/legacy" for one in got) == 3)
        assert sum(one.path == "/crm" for one in ours.received) == 2
        assert call(service, "/targets/crm/resume", method="POST")[0] == 200
        ours.wait_for(lambda got: sum(one.path == "/crm" for one in got) == 3)


def test_bodies_on_a_socket(tmp_path: Path) -> None:
    """A large body is refused before it is read, and a caller who hangs up in the middle harms nobody."""
    with process.served(tmp_path, process.MINIMAL + scrape.ADMIN + f'token = "{api.TOKEN}"\n') as service:
        head = f"POST /api/v1/explain HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api.TOKEN}\r\n"
        head += "Content-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", scrape.port(service)), timeout=20) as large:
            large.sendall(f"{head}Content-Length: 100000000\r\n\r\n".encode() + b"x" * 1000)
            assert large.recv(12) == b"HTTP/1.1 413"
        with socket.create_connection(("127.0.0.1", scrape.port(service)), timeout=20) as gone:
            gone.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert call(service, "/status")[0] == 200
        assert not [line for line in service.lines() if line["level"] in ("error", "critical")]
