"""`send` plays Plivo against a running instance, and tells in its exit code how that went."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import process, receiver, sending, wire
from support.command import Shell

TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00"
WHERE = "; its log says why, and, for calls that it refuses: plivo-autoreply status"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Served]:
    """One for all."""
    with sending.instance(tmp_path_factory.mktemp("send")) as running:
        yield running.service


@pytest.fixture
def shell(service: process.Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Beside it."""
    return Shell(service.folder, monkeypatch, capsys)


def _to(service: process.Served, *more: str) -> tuple[str, ...]:
    return ("send", "--url", service.url, "--to", "+33 6 44 60 00 00", "--from", f"+{wire.sender()}", *more)


def test_what_a_machine_reads(service: process.Served, shell: Shell) -> None:
    """`--json`: the answer, its messages as the XML says them with their units, and each report."""
    done = shell(*_to(service, "--text", "hi", "--uuid", "for-machines", "--report", "failed", "--json"))
    result = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert (result["message_uuid"], result["status"]) == ("for-machines", 200)
    (message,) = result["messages"]
    assert wire.text_of(result["xml"].encode()) == message["text"] == "You said: hi"
    assert message | {"dst": ""} == {
        "src": "33644600000",
        "dst": "",
        "type": "sms",
        "callbackUrl": "https://sms.example.com/sub/report/for-machines",
        "callbackMethod": "GET",
        "text": "You said: hi",
        "units": 1,
    }
    assert [(report["status"], report["http"]) for report in result["reports"]] == [("queued", 200), ("failed", 200)]
    assert {report["to"] for report in result["reports"]} == {message["dst"]}


def test_options_of_the_message(service: process.Served, shell: Shell) -> None:
    """Method, signature, type and intent reach the instance; silence is said."""
    options = ("--method", "get", "--signature", "ma-v2", "--type", "mms", "--text", "hi")
    done = shell(*_to(service, *options))
    assert (done.code, done.out.splitlines()[2].endswith("1 unit: You said: hi")) == (0, True)


def test_silence_is_explained(service: process.Served, shell: Shell, tmp_path: Path) -> None:
    """By the store that the file names; if that does not know the message, by the command to ask where it is known."""
    for silent, why in ((("--type", "whatsapp"), "WhatsApp"), (("--intent", "optout", "--text", "stop"), "opt")):
        done = shell(*_to(service, *silent))
        last = done.out.splitlines()[-1]
        assert (done.code, last.startswith("    silence: "), why.lower() in last.lower()) == (0, True, True)
    (tmp_path / "data").mkdir()
    silent = ("--type", "whatsapp", "--uuid", "elsewhere")
    done = shell(*_to(service, *silent), AUTOREPLY_DATA=str(tmp_path / "data"))
    assert done.out.splitlines()[-1] == "    silence; why: plivo-autoreply history elsewhere"
    assert list((tmp_path / "data").iterdir()) == []
    again = json.loads(shell(*_to(service, *silent, "--json")).out)
    assert "whatsapp" in again["reason"].lower()


def test_a_rule_that_fails_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """503: how far the message is; the same UUID again is Plivo's next call."""
    with receiver.receiving(lambda _received: 500) as bot:
        config = process.MINIMAL.replace("text = ", f'rules = "bot"\n[rules.bot]\nwebhook = "{bot.url}" # ')
        with process.served(tmp_path, config) as service:
            shell = Shell(tmp_path, monkeypatch, capsys)
            for call in (1, 2):
                done = shell(*_to(service, "--uuid", "fails"))
                assert (done.code, done.err.count("\n")) == (1, 1)
                said = f"plivo-autoreply: the instance answered 503: pending, call {call} of 4: bot failed: "
                assert done.err.startswith(said)


def test_what_a_person_reads(service: process.Served, shell: Shell) -> None:
    """The exchange, with times: what Plivo says, what it is answered; who gets what for how much, the XML, reports."""
    done = shell(*_to(service, "--text", "hi", "--uuid", "my-uuid", "--report", "sent", "--tz", "Asia/Tokyo"))
    asked, answered, message, xml, *reports = done.out.splitlines()
    assert re.fullmatch(rf"{TIME} --> message \[my-uuid\]", asked)
    assert re.fullmatch(rf"{TIME} <-- \[200\] POST https://sms.example.com/sub/message \[my-uuid\]", answered)
    assert message.startswith("    +33644600000 -> +337001")
    assert message.endswith(", 1 unit: You said: hi")
    assert wire.text_of(xml.strip().encode()) == "You said: hi"
    for line, status in zip(reports[::2], ("queued", "sent"), strict=True):
        assert re.fullmatch(rf"{TIME} --> report {status} \[[0-9a-f-]{{36}}\]", line)
    answer = r"<-- \[200\] GET https://sms.example.com/sub/report/my-uuid \[[0-9a-f-]{36}\]"
    assert all(re.fullmatch(rf"{TIME} {answer}", line) for line in reports[1::2])
    assert done.code == 0


def test_a_token_that_the_instance_does_not_have(service: process.Served, shell: Shell) -> None:
    """`send` signs with the first token that it finds; one that the instance does not have gets 403: exit 1."""
    done = shell(*_to(service), OLD_TOKEN="another")
    assert (done.code, _refused(done.err)) == (1, f"the instance answered 403{WHERE}")
    assert " <-- [403] POST " in done.out


def _refused(done_err: str) -> str:
    (line,) = done_err.splitlines()
    return line.removeprefix("plivo-autoreply: ")


def test_nobody_there(service: process.Served, shell: Shell) -> None:
    """An instance that does not answer: exit 1 and one sentence; a URL that is none: exit 2."""
    done = shell(*_to(service, "--url", "sms.example.com"))
    assert (done.code, _refused(done.err)) == (
        2,
        "'sms.example.com' is no URL of an instance; write http://127.0.0.1:8080",
    )
    done = shell(*_to(service, "--url", "http://127.0.0.1:1"))
    assert (done.code, done.out) == (1, "")
    assert _refused(done.err).startswith("no answer from http://127.0.0.1:1/sub/message within 8 s")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (204, f"the instance answered 204{WHERE}"),
        (200, "the reply is not XML: no element found: line 1, column 0; does something else listen there?"),
    ],
)
def test_somebody_else_there(service: process.Served, shell: Shell, status: int, said: str) -> None:
    """Something that is no instance of ours: exit 1 and one sentence."""
    with receiver.receiving(lambda _received: status) as other:
        done = shell(*_to(service, "--url", other.url))
    assert (done.code, _refused(done.err)) == (1, said)


@pytest.mark.parametrize(
    "arguments",
    [
        ("send",),
        ("send", "--to", "1"),
        ("send", "--to", "1", "--from", "2", "--signature", "v4"),
        ("send", "--nonsense"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Wrong usage: exit 2, and how to use it."""
    done = shell(*arguments)
    assert done.code == 2
    assert done.err.startswith("Usage: plivo-autoreply send")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--to", "shop"), "'shop': not a phone number; "),
        (("--to", "+33644600000", "--from", "+33"), "'+33': not a number that exists: it is too short; "),
        (("--to", "+33644600000", "--from", "3370000000O"), "'3370000000O': not a phone number; "),
        (("--to", "+33644600000", "--uuid", "a.b"), "'a.b' is no MessageUUID: write 1 to 64 letters, digits, - or _"),
    ],
)
def test_what_plivo_would_not_send(shell: Shell, more: tuple[str, ...], said: str) -> None:
    """Our number must be one, and the MessageUUID of its form: exit 2 and one sentence, before anybody is called."""
    done = shell("send", "--url", "http://127.0.0.1:1", "--from", "+33700000001", *more)
    assert (done.code, done.out) == (2, "")
    assert _refused(done.err).startswith(said)


def test_a_bad_file(shell: Shell, tmp_path: Path) -> None:
    """A file with faults: exit 2, each with its place."""
    (tmp_path / "bad.toml").write_text(process.MINIMAL.replace("public_url", "publik_url"))
    done = shell("send", "-c", str(tmp_path / "bad.toml"), "--to", "1", "--from", "2")
    assert done.code == 2
    assert "publik_url" in done.err
    assert done.err.splitlines()[-1].startswith(f"plivo-autoreply: {tmp_path / 'bad.toml'} has ")
