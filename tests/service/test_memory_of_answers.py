"""G3 from outside: one message, one answer, byte for byte."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import plivo_sdk, process, wire

ECHO = process.MINIMAL.replace("Thanks, we got your message.", "{from} said: {text}")


def test_the_same_message_gets_the_same_bytes(tmp_path: Path) -> None:
    """Plivo's retry (a new nonce, another scheme, GET) gets the bytes of the first call."""
    with process.served(tmp_path, ECHO) as service:
        params = wire.message(Text="é 👍 &\n")
        first = wire.tell(service, params)
        assert first[0] == 200
        assert wire.text_of(first[1]) == f"+{dict(params)['From']} said: é 👍 &\n"
        for scheme in plivo_sdk.SCHEMES:
            assert wire.tell(service, params, scheme=scheme) == first
        assert wire.tell(service, params, method="GET") == first
        other_words = [(name, "other" if name == "Text" else value) for name, value in params]
        assert wire.tell(service, other_words) == first


def test_fifty_at_once_get_the_same_bytes(tmp_path: Path) -> None:
    """Calls that meet get one answer, whoever is first, and leave one row."""
    with process.served(tmp_path, ECHO) as service, ThreadPoolExecutor(50) as pool:
        identifier = "fifty-at-once"
        calls = [wire.message(MessageUUID=identifier, Text=f"call {number}") for number in range(50)]
        answers = list(pool.map(lambda params: wire.tell(service, params), calls))
        assert {status for status, _ in answers} == {200}
        assert len({xml for _, xml in answers}) == 1
        lines = service.wait_for("answered", 50)
        assert len([line for line in lines if not line["again"]]) == 1


def test_an_answer_outlives_the_process_and_the_config(tmp_path: Path) -> None:
    """After kill -9 and a restart the same bytes are given, also when the file says something else by then."""
    with process.served(tmp_path, ECHO) as service:
        messages = [wire.message(Text=f"number {number}") for number in range(20)]
        silent = wire.message(Type="whatsapp")
        first = [wire.tell(service, params) for params in [*messages, silent]]
        service.kill()
    assert {status for status, _ in first} == {200}
    assert wire.text_of(first[-1][1]) is None
    with process.served(tmp_path, ECHO) as service:
        assert [wire.tell(service, params) for params in [*messages, silent]] == first
        service.kill()
    changed = process.MINIMAL.replace('to = "*"', 'to = "+33644600000"\nname = "another"').replace(
        "Thanks, we got your message.", "New words."
    )
    with process.served(tmp_path, changed) as service:
        assert [wire.tell(service, params) for params in [*messages, silent]] == first
        assert wire.answered(service, wire.message()) == "New words."
