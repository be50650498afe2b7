"""`send` plays Plivo: every way of signing is accepted by a running instance, and every report is played to its end."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support import plivo_sdk, process, receiver, sending, wire

from app.config import load
from app.operations.errors import OperationFailed, OperationRefused
from app.operations.send import SIGNATURES, Method, SimulatedMessage, send
from app.runtime import Runtime


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sending.Instance]:
    """One for all."""
    with sending.instance(tmp_path_factory.mktemp("send")) as running:
        yield running


@pytest.fixture
def service(instance: sending.Instance) -> process.Served:
    """Its process."""
    return instance.service


@pytest.fixture
def runtime(service: process.Served, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """What the instance's file yields."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", plivo_sdk.TOKEN)
    return load(service.folder / "config.toml").runtime


def message(text: str = "hi") -> SimulatedMessage:
    """From somebody new."""
    return SimulatedMessage(wire.sender(), "33644600000", text)


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_way_of_signing_is_accepted(
    service: process.Served, runtime: Runtime, method: Method, signature: str
) -> None:
    """Each signature and method gets the answer, text and units of the service."""
    sent = send(runtime, service.url, replace(message("é & 👍"), method=method, signature=signature))
    (reply,) = sent.messages
    assert (sent.exchange.status, sent.fault, sent.reports) == (200, None, ())
    assert (reply.text, reply.units, reply.src, reply.type) == ("You said: é & 👍", 1, "33644600000", "sms")
    assert (reply.callback_url, reply.callback_method) == (f"{runtime.public_url}/report/{sent.message_uuid}", "GET")


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
    instance: sending.Instance, runtime: Runtime, signature: str, status: str, path: list[str], error: str | None
) -> None:
    """The reply's callbackUrl is called once for each status, as Plivo does, and the target gets each report."""
    sent = send(runtime, instance.service.url, replace(message(), report=status, signature=signature))
    assert [(report.status, report.exchange.status) for report in sent.reports] == [(step, 200) for step in path]
    uuid = sent.reports[0].message_uuid

    def told(received: list[receiver.Received]) -> list[dict[str, object]]:
        every = [json.loads(one.body)["data"] for one in received]
        return [data for data in every if data["message_uuid"] == uuid]

    mine = told(instance.crm.wait_for(lambda received: len(told(received)) == len(path)))
    assert sorted((data["sequence"], data["status"]) for data in mine) == list(enumerate(path, start=1))
    assert {data["in_reply_to"] for data in mine} == {sent.message_uuid}
    assert [data["error_code"] for data in mine if data["status"] == status] == [error]


def test_the_same_uuid_is_plivos_retry(service: process.Served, runtime: Runtime) -> None:
    """It gets the same XML, whatever is said the second time."""
    first, again = (send(runtime, service.url, replace(message(text), uuid="twice")) for text in ("one", "two"))
    assert (again.xml, again.message_uuid) == (first.xml, "twice")


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"kind": "whatsapp"}, []),
        ({"intent": "optout", "text": "stop"}, []),
        ({"sender": "MTN"}, []),
        ({"kind": "mms"}, ["You said: hi"]),
    ],
)
def test_other_kinds_of_messages(
    service: process.Served, runtime: Runtime, changes: dict[str, str], texts: list[str]
) -> None:
    """Silence is an answer too; the text of an MMS stands in Body."""
    sent = send(runtime, service.url, replace(message(), **changes))  # type: ignore[arg-type]
    assert ([reply.text for reply in sent.messages], sent.fault) == (texts, None)


def test_what_is_not_accepted_is_a_fault(service: process.Served, runtime: Runtime) -> None:
    """A token that the instance does not have: its status is told."""
    other = replace(runtime, public_url="https://elsewhere.example.com")
    sent = send(other, service.url, message())
    assert (sent.exchange.status, sent.messages, sent.fault) == (403, (), "the instance answered 403")


def test_nobody_there(runtime: Runtime) -> None:
    """An instance that does not answer is a problem."""
    url = "http://127.0.0.1:1"
    with pytest.raises(OperationFailed, match=f"no answer from {url}"):
        send(runtime, url, message())


@pytest.mark.parametrize(
    "url", ["nonsense", "http://127.0.0.1:x", "http://127.0.0.1:99999", "http://" + "a" * 70, "ftp://127.0.0.1"]
)
def test_a_url_that_is_none(runtime: Runtime, url: str) -> None:
    """It is a mistake of the user's."""
    with pytest.raises(OperationRefused, match=f"'{url}' is no URL of an instance"):
        send(runtime, url, message())


def test_the_times_of_an_exchange(service: process.Served, runtime: Runtime) -> None:
    """Each request was made before it was answered, and after the one before it."""
    sent = send(runtime, service.url, replace(message(), report="sent"))
    exchanges = [sent.exchange, *(report.exchange for report in sent.reports)]
    times = [at for one in exchanges for at in (one.asked_at, one.answered_at)]
    assert (len(times), times) == (6, sorted(times))
    assert (sent.exchange.method, sent.exchange.url) == ("POST", "https://sms.example.com/sub/message")


def test_somebody_else_there(runtime: Runtime) -> None:
    """Something that answers, but is no instance of ours."""
    with receiver.receiving(lambda _received: 204) as other:
        assert send(runtime, other.url, message()).fault == "the instance answered 204"
    with (
        receiver.receiving(lambda _received: 200) as other,
        pytest.raises(OperationFailed, match="the reply is not XML: no element found"),
    ):
        send(runtime, other.url, message())


@pytest.mark.parametrize("uuid", ["", "a.b", "x" * 65, "é"])
def test_what_is_no_message_uuid(runtime: Runtime, uuid: str) -> None:
    """It is refused before anybody is called: Plivo would not send it."""
    with pytest.raises(OperationRefused, match="is no MessageUUID"):
        send(runtime, "http://127.0.0.1:1", replace(message(), uuid=uuid))
