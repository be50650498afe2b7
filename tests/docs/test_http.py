"""docs/reference/http.md and payloads.md say what the service does."""

import json
import re
from pathlib import Path
from typing import Any, cast

from support import process
from support.bot import answering
from support.pages import DOCS, blocks
from support.receiver import receiving

from app.plivo.messages import STATUSES
from app.telemetry.metrics import NOT_FOUND, REFUSALS
from app.web.app import paths
from app.web.endpoints import Endpoints

HTTP = (DOCS / "reference" / "http.md").read_text()
PAYLOADS = DOCS / "reference" / "payloads.md"
ROW = re.compile(r"^\| (\d{3}) \| .* \| `(\w+)` \|$", re.MULTILINE)
OURS = ("webhook-", "autoreply-", "traceparent", "x-plivo-")
CONFIG = """
[[routes]]
name = "shop"
to = "*"
rules = ["bot"]
[rules.bot]
webhook = "{bot}"
secrets = "whsec_c2VjcmV0IG9mIHRoZSByZWNlaXZlciBvZiByZXBvcnRz"
[targets.crm]
url = "{crm}"
send = ["reports", "messages"]
secrets = "whsec_c2VjcmV0IG9mIHRoZSByZWNlaXZlciBvZiByZXBvcnRz"
[targets.legacy]
url = "{crm}/legacy"
format = "plivo"
plivo_signature = true
"""


def test_every_path_is_listed() -> None:
    """What Plivo and load balancers may call."""
    signed, unsigned = paths(Endpoints(*cast("tuple[Any, Any, Any, Any]", (None,) * 4)))
    assert [path for path in (*signed, *unsigned) if f"`{path}`" not in HTTP] == []


def test_every_status_is_listed() -> None:
    """Each refusal with its status and the word of its metric."""
    rows = {reason: int(status) for status, reason in ROW.findall(HTTP)}
    assert rows == {**REFUSALS, NOT_FOUND: 404, "head_size": 431}


def test_every_status_of_a_report_is_listed() -> None:
    """What `status` may be."""
    assert [status for status in STATUSES if f"`{status}`" not in PAYLOADS.read_text()] == []


def test_requests_have_the_fields_and_headers_of_the_page(tmp_path: Path) -> None:
    """A webhook, a report and a copy of a message, as they are really posted."""
    with (
        receiving() as crm,
        answering(lambda _: (200, "Hi.")) as bot,
        process.served(tmp_path, process.HEAD + CONFIG.format(bot=bot.url, crm=crm.url)) as service,
    ):
        said = ("--to", "+33644600000", "--from", "+33700000001", "--text", "hours", "--report", "delivered")
        assert process.run("send", *said, "--url", service.url, cwd=tmp_path).returncode == 0
        got = crm.wait_for(lambda received: len(received) >= 7)
    posted = [json.loads(one.body) for one in got if one.path == "/"]
    real = {"": bot.calls[0].message} | {body["type"]: body for body in posted}
    for example in (json.loads(block.code) for block in blocks(PAYLOADS, "json")):
        assert _keys(example) == _keys(real[example["type"] if "data" in example else ""])
    told = {name.lower() for name in re.findall(r"`([\w-]+)`", PAYLOADS.read_text().partition("## What a webhook")[0])}
    ours = {name.removesuffix("-nonce") for one in got for name in one.headers if name.startswith(OURS)}
    assert ours - told == set()
    assert {"webhook-signature", "autoreply-in-reply-to", "x-plivo-signature-v3"} <= ours


def _keys(document: dict[str, Any]) -> set[str]:
    """The keys of a document and of its `data`, but not of what Plivo sent."""
    return set(document) | {f"data.{key}" for key in document.get("data", {})}
