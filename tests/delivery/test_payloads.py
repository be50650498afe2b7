"""What a target gets to read."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import plivo_sdk
from support.stored import content

from app.delivery.payloads import FORMATS, as_json, as_mapping, as_plivo
from app.delivery.queue import Copy, Delivery
from app.plivo.messages import Parameters

FIELDS = tuple(plivo_sdk.report(MessageUUID="reply-1", Status="undelivered", ErrorCode="80", Sequence="3"))


def delivery(
    *, stale: bool = False, route: str | None = "support", rule: str | None = "ack", **changes: Any
) -> Delivery:
    """One leased report."""
    one = replace(content(**({"parameters": FIELDS} | changes)), route=route, rule=rule)
    return Delivery(1, "lease", 1, stale, one)


def test_json_is_exactly_the_documented_one() -> None:
    """Names, order, E.164 with "+", UTC with "Z", the words of the error code, every field as sent."""
    body, headers = as_json(delivery(status="undelivered", error_code="80", stale=True))
    assert headers == {"content-type": "application/json"}
    assert body.decode() == (
        '{"type": "sms.report", "timestamp": "2026-03-02T09:00:00.000Z", "data": {'
        '"message_uuid": "reply-1", "parent_message_uuid": null, "part": "1 of 1", '
        '"in_reply_to": "message-1", "route": "support", "rule": "ack", '
        '"from": "+33644600000", "to": "+33700000001", "status": "undelivered", "error_code": "80", '
        '"error_text": "destination temporarily unavailable", "units": 1, "sequence": 3, "stale": true, '
        '"plivo": {"ErrorCode": "80", "From": "33644600000", "MCC": "208", "MNC": "01", '
        '"MessageTime": "2026-03-02 10:00:00.000000", "MessageUUID": "reply-1", "ParentMessageUUID": "", '
        '"PartInfo": "1 of 1", "Sequence": "3", "Status": "undelivered", "To": "33700000001", '
        '"TotalAmount": "0.0075", "TotalRate": "0.0075", "Units": "1"}}}'
    )


COPY = Copy(
    "copy-1", 1_772_442_000.0, "message-1", "33700000001", "33644600000", "support", "duty", "mms", "help",
    "hello \u00e9", 1, ("https://media.example.com/1",), "rule duty",
    b'<Response><Message src="33644600000" dst="33612345678&lt;33612345679" type="sms">a &amp; b</Message>'
    b'<Message src="33644600000" dst="33700000001" type="sms">Thanks.</Message></Response>',
    (("From", "33700000001"), ("Body", "hello \u00e9")),
)  # fmt: skip


def test_message_in_json_is_exactly_the_documented_one() -> None:
    """What came, and what was answered to whom; `from` and `to` in E.164, an answer for each recipient."""
    body, headers = as_json(Delivery(1, "lease", 1, stale=False, content=COPY))
    assert headers == {"content-type": "application/json"}
    assert body.decode() == (
        '{"type": "sms.message", "timestamp": "2026-03-02T09:00:00.000Z", "data": {'
        '"message_uuid": "message-1", "route": "support", "rule": "duty", '
        '"from": "+33700000001", "to": "+33644600000", "text": "hello \u00e9", "type": "mms", "intent": "help", '
        '"units": 1, "media": ["https://media.example.com/1"], "reason": "rule duty", "answer": ['
        '{"from": "+33644600000", "to": "+33612345678", "text": "a & b"}, '
        '{"from": "+33644600000", "to": "+33612345679", "text": "a & b"}, '
        '{"from": "+33644600000", "to": "+33700000001", "text": "Thanks."}], '
        '"plivo": {"From": "33700000001", "Body": "hello \u00e9"}}}'
    )


@pytest.mark.parametrize("xml", [b"", b"<Response/>"])
def test_message_without_answer(xml: bytes) -> None:
    """Silence, and an answer that is not kept any more, are an empty list; a text that is not kept is null."""
    body, _ = as_json(Delivery(1, "lease", 1, stale=False, content=replace(COPY, text=None, xml=xml)))
    data = json.loads(body)["data"]
    assert (data["answer"], data["text"]) == ([], None)


def test_message_in_plivos_own_form() -> None:
    """As Plivo sent it, for handlers written for a message_url; route and rule are in headers."""
    body, headers = as_plivo(Delivery(1, "lease", 1, stale=False, content=COPY))
    assert body == b"From=33700000001&Body=hello+%C3%A9"
    assert headers == {
        "content-type": "application/x-www-form-urlencoded",
        "Autoreply-Route": "support",
        "Autoreply-Rule": "duty",
    }


def test_json_says_null_for_what_is_unknown() -> None:
    """A report of a message sent by other means has every key all the same."""
    body, _ = as_json(
        delivery(in_reply_to=None, route=None, rule=None, sequence=None, units=None, error_code="", parameters=())
    )
    data = json.loads(body)["data"]
    assert {name for name, value in data.items() if value is None} == {
        "parent_message_uuid",
        "part",
        "in_reply_to",
        "route",
        "rule",
        "error_code",
        "error_text",
        "sequence",
        "units",
    }
    assert (data["stale"], data["plivo"]) == (False, {})


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ((("ParentMessageUUID", "reply-0"), ("PartInfo", "2 of 3")), ("reply-0", "2 of 3")),
        ((("PartInfo", " 1 of 1"), ("PartInfo", "2 of 2")), (None, " 1 of 1")),
        ((("ParentMessageUUID", ""), ("PartInfo", "")), (None, None)),
    ],
)
def test_part_of_a_long_message_is_shown_as_plivo_sent_it(
    sent: Parameters, shown: tuple[str | None, str | None]
) -> None:
    """ParentMessageUUID and PartInfo: the first of each, null if it is empty or missing."""
    data = json.loads(as_json(delivery(parameters=sent))[0])["data"]
    assert (data["parent_message_uuid"], data["part"]) == shown
    assert list(data)[:4] == ["message_uuid", "parent_message_uuid", "part", "in_reply_to"]


@pytest.mark.parametrize(
    ("code", "shown", "text"),
    [("", None, None), ("200", "200", "source number blocked by STOP from destination number"), ("4711", "4711", None)],
)
def test_error_code_is_told_in_words_if_known(code: str, shown: str | None, text: str | None) -> None:
    """The code stays a string; an unknown one has no text."""
    data = json.loads(as_json(delivery(error_code=code))[0])["data"]
    assert (data["error_code"], data["error_text"]) == (shown, text)


@pytest.mark.parametrize(
    ("received_at", "timestamp"),
    [(1_772_442_000.0, "2026-03-02T09:00:00.000Z"), (1_772_442_000.9876, "2026-03-02T09:00:00.987Z")],
)
def test_timestamp_has_milliseconds_always(received_at: float, timestamp: str) -> None:
    """One form of time, so that a strict parser never meets another."""
    one = delivery()
    body, _ = as_json(replace(one, content=replace(one.content, received_at=received_at)))
    assert json.loads(body)["timestamp"] == timestamp


@pytest.mark.parametrize(
    ("parameters", "mapping"),
    [
        ((), {}),
        ((("a", "1"), ("b", "")), {"a": "1", "b": ""}),
        ((("a", "1"), ("b", "2"), ("a", "3")), {"a": ["1", "3"], "b": "2"}),
        ((("a", "1"), ("a", "1"), ("a", "2")), {"a": ["1", "1", "2"]}),
    ],
)
def test_repeated_field_is_a_list(parameters: Parameters, mapping: dict[str, Any]) -> None:
    """Nothing that Plivo sent is lost on the way to JSON."""
    assert as_mapping(parameters) == mapping
    assert list(as_mapping(parameters)) == list(mapping)


def test_plivo_format_is_what_plivo_sent() -> None:
    """Fields untouched and in order, repeated and empty ones too; ours are in headers."""
    fields = (("To", "33700000001"), ("Text", "a b&c=d+é"), ("Empty", ""), ("To", "second"), ("a[0]", "1%"))
    body, headers = as_plivo(delivery(parameters=fields))
    assert body == b"To=33700000001&Text=a+b%26c%3Dd%2B%C3%A9&Empty=&To=second&a%5B0%5D=1%25"
    assert headers == {
        "content-type": "application/x-www-form-urlencoded",
        "Autoreply-In-Reply-To": "message-1",
        "Autoreply-Route": "support",
        "Autoreply-Rule": "ack",
    }


def test_plivo_format_leaves_out_headers_without_value() -> None:
    """An unknown origin is no header at all, rather than an empty one."""
    _, headers = as_plivo(delivery(in_reply_to=None, route=None, rule=None))
    assert headers == {"content-type": "application/x-www-form-urlencoded"}


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
        max_size=5,
    )
)
def test_both_formats_carry_any_field(fields: list[tuple[str, str]]) -> None:
    """Whatever a field says, a receiver's parser reads the same again, in order."""
    one = delivery(parameters=tuple(fields))
    assert parse_qsl(as_plivo(one)[0].decode("ascii"), keep_blank_values=True) == fields
    told = json.loads(as_json(one)[0])["data"]["plivo"]
    assert sum(len(value) if isinstance(value, list) else 1 for value in told.values()) == len(fields)


def test_every_format_has_a_writer() -> None:
    """The names that a config may use."""
    assert {"json": as_json, "plivo": as_plivo} == FORMATS
