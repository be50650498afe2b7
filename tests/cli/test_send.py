"""`send` plays Plivo against a running instance, and tells in its exit code how that went."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import process, receiver, wire
from support.command import Shell

CONFIG = """
[server]
public_url = "https://sms.example.com/sub"
callback_method = "GET"
[plivo]
auth_tokens = [{{ env = "OLD_TOKEN", optional = true }}, {{ env = "PLIVO_AUTH_TOKEN" }}]
[[routes]]
to = "*"
text = "You said: {{text}}"
[targets.crm]
url = "{url}/hook"
"""


@pytest.fixture(scope="module")
def crm() -> Iterator[receiver.Receiver]:
    """Where the reports go."""
    with receiver.receiving() as target:
        yield target


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, crm: receiver.Receiver) -> Iterator[process.Served]:
    """The instance."""
    with process.served(tmp_path_factory.mktemp("send"), CONFIG.format(url=crm.url)) as running:
        yield running


@pytest.fixture
def shell(service: process.Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Beside it."""
    return Shell(service.folder, monkeypatch, capsys)


def _to(service: process.Served, *more: str) -> tuple[str, ...]:
    return ("send", "--url", service.url, "--to", "+33 6 44 60 00 00", "--from", f"+{wire.sender()}", *more)


@pytest.mark.parametrize("signature", ["v2", "ma-v2", "v3", "ma-v3", "both"])
@pytest.mark.parametrize("method", ["get", "POST"])
def test_each_way_of_signing_is_accepted(service: process.Served, shell: Shell, method: str, signature: str) -> None:
    """Each signature and method gets the answer, text and units of the service."""
    done = shell(*_to(service, "--text", "é & 👍", "--method", method, "--signature", signature, "--json"))
    result = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert result["status"] == 200
    (message,) = result["messages"]
    assert (message["text"], message["units"], message["src"]) == ("You said: é & 👍", 1, "33644600000")
    assert result["reports"] == []


@pytest.mark.parametrize(
    ("status", "path", "error"),
    [
        ("queued", ["queued"], None),
        ("sent", ["queued", "sent"], None),
        ("delivered", ["queued", "sent", "delivered"], None),
        ("undelivered", ["queued", "sent", "undelivered"], "80"),
        ("failed", ["queued", "failed"], "300"),
    ],
)
@pytest.mark.parametrize("signature", ["v2", "both"])
def test_reports_are_played_to_the_end(
    service: process.Served,
    shell: Shell,
    crm: receiver.Receiver,
    signature: str,
    status: str,
    path: list[str],
    error: str | None,
) -> None:
    """`--report` calls the reply's callbackUrl once a status, as Plivo does, and the target hears of each."""
    done = shell(*_to(service, "--text", "hi", "--report", status, "--signature", signature, "--json"))
    result = json.loads(done.out)
    assert done.code == 0
    assert [(report["status"], report["http"]) for report in result["reports"]] == [(step, 200) for step in path]
    uuid = result["reports"][0]["message_uuid"]

    def told(received: list[receiver.Received]) -> list[dict[str, object]]:
        every = [json.loads(one.body)["data"] for one in received]
        return [data for data in every if data["message_uuid"] == uuid]

    mine = told(crm.wait_for(lambda received: len(told(received)) == len(path)))
    assert sorted((data["sequence"], data["status"]) for data in mine) == list(enumerate(path, start=1))
    assert {data["in_reply_to"] for data in mine} == {result["message_uuid"]}
    assert [data["error_code"] for data in mine if data["status"] == status] == [error]


def test_what_a_person_reads(service: process.Served, shell: Shell) -> None:
    """Status and MessageUUID, the XML, who gets what for how much, the reports."""
    done = shell(*_to(service, "--text", "hi", "--uuid", "my-uuid", "--report", "sent"))
    first, xml, message, *reports = done.out.splitlines()
    assert first == "200 my-uuid"
    assert wire.text_of(xml.encode()) == "You said: hi"
    assert message.startswith("+33644600000 -> +337001")
    assert message.endswith(", 1 unit: You said: hi")
    assert [line.split(" for ")[0] for line in reports] == ["report queued", "report sent"]
    assert done.code == 0


def test_the_same_uuid_is_plivos_retry(service: process.Served, shell: Shell) -> None:
    """`--uuid` twice gets the same XML twice, whatever is said the second time."""
    first, again = (shell(*_to(service, "--text", text, "--uuid", "twice", "--json")) for text in ("one", "two"))
    assert json.loads(again.out)["xml"] == json.loads(first.out)["xml"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--type", "whatsapp", "--text", "hi"), "silence"),
        (("--intent", "optout", "--text", "stop"), "silence"),
        (("--from", "MTN", "--text", "hi"), "silence"),
        (("--type", "mms", "--text", "hi"), "1 unit: You said: hi"),
    ],
)
def test_other_kinds_of_messages(service: process.Served, shell: Shell, more: tuple[str, ...], said: str) -> None:
    """Silence is an answer too; the text of an MMS stands in Body."""
    done = shell(*_to(service, *more))
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith(said)


def test_a_token_that_the_instance_does_not_have(service: process.Served, shell: Shell) -> None:
    """`send` signs with the first token that it finds; one that the instance does not have gets 403: exit 1."""
    done = shell(*_to(service), OLD_TOKEN="another")
    assert (done.code, done.err) == (1, "plivo-autoreply: the instance answered 403; its log says why\n")
    assert done.out.startswith("403 ")


def _refused(done_err: str) -> str:
    (line,) = done_err.splitlines()
    return line.removeprefix("plivo-autoreply: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "nonsense",
        "http://127.0.0.1:x",
        "http://" + "a" * 70,
        "ftp://127.0.0.1",
        "http://127.0.0.1:99999",
    ],
)
def test_nobody_there(service: process.Served, shell: Shell, url: str) -> None:
    """An instance that does not answer, or a url that is none: exit 2 and one sentence."""
    done = shell(*_to(service, "--url", url))
    assert (done.code, done.out) == (2, "")
    assert url in _refused(done.err)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (204, "the instance answered 204; its log says why"),
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


def test_a_bad_file(shell: Shell, tmp_path: Path) -> None:
    """A file with faults: exit 2, each with its place."""
    (tmp_path / "bad.toml").write_text(process.MINIMAL.replace("public_url", "publik_url"))
    done = shell("send", "-c", str(tmp_path / "bad.toml"), "--to", "1", "--from", "2")
    assert done.code == 2
    assert "publik_url" in done.err
    assert done.err.splitlines()[-1].startswith(f"plivo-autoreply: {tmp_path / 'bad.toml'} has ")
