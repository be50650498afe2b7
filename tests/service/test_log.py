"""G12 from outside: what is logged of a conversation."""

import json
from pathlib import Path
from typing import Any

from support import plivo_sdk, process, receiver, wire

CUSTOMER, OURS, COLLEAGUE = "33712345678", "33644678901", "33698765432"
WORDS = ("Geheimnis", "wonderland", "confidential", "sesame")
CONFIG = f"""
[server]
public_url = "{wire.PUBLIC}"
[plivo]
auth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}
[[routes]]
name = "shop"
to = ["+{OURS}"]
rules = ["order", "menu", "night", "last"]
[[routes]]
to = "*"
text = "Thanks: {{text}}"
[rules.order]
match = 'order (?P<what>\\w+)'
text = "Your {{what}}."
[rules.menu.keywords]
"INFO *" = "About {{rest}}."
[rules.night]
from = "+{CUSTOMER}"
match = "night"
forward = "+{COLLEAGUE}"
forward_text = "{{from}} says {{text}}"
[rules.last]
text = "You said {{text}}."
[targets.broken]
url = "{{url}}/hook?key=sesame"
headers = {{ Authorization = "Bearer sesame" }}
"""


def test_a_conversation_leaves_no_words_and_no_numbers(tmp_path: Path) -> None:
    """No line about answers, refusals and failures holds a text, or more than four digits of a number."""
    with receiver.receiving(lambda _received: 500) as target:
        config = CONFIG.replace("{url}", target.url)
        with process.served(tmp_path, config) as service:
            for text in ("order Geheimnis", "info wonderland", "night confidential", "confidential", ""):
                for to in (OURS, "33644678902"):
                    params = plivo_sdk.message(From=CUSTOMER, To=to, Text=text)
                    status, xml = wire.tell(service, params)
                    assert status == 200
                    if text:
                        assert text.split()[-1] in (wire.text_of(xml) or "")
            for sender in ("Geheimnis", "+33 7 12 34 56 78", OURS, "0033712345678"):
                assert wire.tell(service, plivo_sdk.message(From=sender, To=OURS, Text="confidential"))[0] == 200
            report = plivo_sdk.report(From=OURS, To=CUSTOMER, Status="failed", ErrorCode="30", Note="confidential")
            assert wire.tell(service, report, "/report/some-message")[0] == 200
            target.wait_for(lambda received: len(received) >= 1)
            _misbehave(service)
            assert service.stop() == 0
        log = service.text()
        lines = service.lines()
    assert '"answered"' in log
    assert '"delivery rescheduled"' in log
    assert '"refused"' in log
    for word in (*WORDS, plivo_sdk.TOKEN):
        assert word.lower() not in log.lower()
    assert _digits(lines) == set()


def _misbehave(service: process.Served) -> None:
    """Requests that are refused, each with words and numbers in it."""
    url = f"{wire.PUBLIC}/message"
    params = plivo_sdk.message(From=CUSTOMER, To=OURS, Text="confidential")
    signed = plivo_sdk.headers("POST", url, params)
    forged = [(name, "wonderland" if name == "Text" else value) for name, value in params]
    assert process.call(service, "POST", "/message", forged, signed)[0] == 403
    assert process.call(service, "GET", "/message", forged, signed)[0] == 403
    assert process.call(service, "GET", "/message", params, {})[0] == 403
    replayed = plivo_sdk.headers("POST", url, params, "V2")
    assert process.call(service, "POST", "/message", params, replayed)[0] == 200
    assert process.call(service, "POST", "/message", forged, replayed)[0] == 403
    for bad in ([*params, ("Text", "wonderland")], [*params, ("From", COLLEAGUE)], params[1:]):
        assert wire.tell(service, bad)[0] == 400
    assert wire.tell(service, plivo_sdk.message(MessageUUID=f"{CUSTOMER} confidential"))[0] == 400
    for body in (b"From=33712345678&Text=confidential%", b"\xffGeheimnis=33712345678"):
        assert wire.post(service, body).status == 400
    assert wire.post(service, b'{"Text": "confidential"}', content_type="application/json").status == 415
    assert service.get(f"/confidential?From={CUSTOMER}")[0] == 404


def _digits(lines: list[dict[str, Any]]) -> set[str]:
    """Five digits in a row of any number of the conversation; by chance a digest, a time or a port has them too."""
    said = json.dumps(
        [
            {key: value for key, value in line.items() if key not in ("timestamp", "port", "report", "config")}
            for line in lines
        ]
    )
    parts = {number[i : i + 5] for number in (CUSTOMER, OURS, COLLEAGUE) for i in range(len(number) - 4)}
    return {part for part in parts if part in said}


def test_the_reason_of_a_refusal_names_what_would_have_matched(tmp_path: Path) -> None:
    """The log line of a 403 names the URL that was checked, the URL that was signed, and what to change."""
    with process.served(tmp_path) as service:
        params = wire.message()
        headers = plivo_sdk.headers("POST", "http://sms.example.com/message", params)
        assert process.call(service, "POST", "/message", params, headers)[0] == 403
        (line,) = service.wait_for("refused")
    assert line["reason"] == "no token matches X-Plivo-Signature-V3 over https://sms.example.com/message"
    assert line["advice"] == (
        "X-Plivo-Signature-V3 matches http://sms.example.com/message: set public_url to http://sms.example.com"
    )


def test_control_characters_cannot_forge_a_line(tmp_path: Path) -> None:
    """A sender's line breaks stay inside their own line of the log."""
    with process.served(tmp_path) as service:
        before = len(service.text().splitlines())
        params = plivo_sdk.message(From='x\n{"event": "forged"}\u2028\x1b[31m', Type="s\nms", MessageIntent="\r\nhelp")
        assert wire.tell(service, params)[0] == 200
        service.wait_for("answered")
        written = service.text().split("\n")[before:-1]
        assert [line["event"] for line in service.lines()[before:]] == ["answered"]
        assert len(written) == 1
        assert not set(written[0]) & set("\x1b\r\u2028")


TALKATIVE = """
import sys, threading, traceback, warnings

class Failing:
    def __init__(self, words):
        self.words = words

    def __del__(self):
        raise ValueError(self.words)

def fail(words):
    raise ValueError(words)

async def reply(message, context):
    warnings.warn(message.text)
    print(message.text)
    print(message.text, file=sys.stderr)
    try:
        fail(message.text)
    except ValueError:
        traceback.print_exc()
    thread = threading.Thread(target=fail, args=(message.text,))
    thread.start()
    thread.join()
    Failing(message.text)
    context.logger.info("done", error=ValueError(message.text))
    return "Hello."
"""


def test_what_a_rule_prints_or_warns_of_is_logged_without_its_text(tmp_path: Path) -> None:
    """A warning, prints, exceptions of a thread and a finalizer: a line of JSON each, with its place only."""
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    config = process.MINIMAL.replace("text = ", 'rules = ["talk"]\n[rules.talk]\npython = "talkative:reply" # ')
    with process.served(tmp_path, config) as service:
        assert wire.answered(service, wire.message(Text="confidential")) == "Hello."
        service.wait_for("answered")
        assert service.stop() == 0
        lines = service.lines()
        assert len(lines) == len(service.text().splitlines())
    assert "confidential" not in json.dumps(lines)
    place = str(tmp_path / "talkative.py")
    (warned,) = [line for line in lines if line["event"] == "Python warning"]
    assert (warned["level"], warned["category"], warned["at"]) == ("warning", "UserWarning", f"{place}:15")
    printed = [line for line in lines if line["event"] == "printed text withheld"]
    assert {("stdout", f"{place}:16"), ("stderr", f"{place}:17")} < {(line["stream"], line["at"]) for line in printed}
    for event in ("unhandled exception in a thread", "unhandled exception in a finalizer"):
        (line,) = [line for line in lines if line["event"] == event]
        assert line["exception"].endswith("builtins.ValueError")
        assert place in line["exception"]
    (done,) = [line for line in lines if line["event"] == "done"]
    assert done["error"] == "ValueError"


def test_a_stranger_cannot_write_long_lines(tmp_path: Path) -> None:
    """Of 31 KB that somebody sends as Content-Type, the log holds the size."""
    with process.served(tmp_path) as service:
        before = len(service.text().splitlines())
        for filling in ("x", "\x80", "\xe9", '"', "\\", "\t"):
            assert wire.post(service, b"{}", content_type=f"a/b{filling * 31_000}c").status == 415
        refused = service.wait_for("refused", 3)  # what more strangers do in a second is summed up
        written = service.text().splitlines()[before:]
    assert all("Content-Type too long: 31004 bytes" in line["reason"] for line in refused)
    assert max(map(len, written)) < 500
