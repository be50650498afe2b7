"""Parameters as values: what Plivo sends, and what it would never send."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import plivo_sdk

from app.plivo.messages import DeliveryReport, InboundMessage, Parameters, Proof, Verified, content_digest, identifier
from app.plivo.refusals import Malformed

words = st.text(max_size=6)
parameters = st.lists(st.tuples(words, words), max_size=5).map(tuple)


def inbound(*more: tuple[str, str], **changes: str) -> InboundMessage:
    """An inbound message with these fields changed."""
    fields = dict(plivo_sdk.message(MessageUUID="uuid-1")) | changes
    return InboundMessage.from_parameters((*fields.items(), *more))


def report(path: str = "/report/in-1", *more: tuple[str, str], **changes: str) -> DeliveryReport:
    """A report with these fields changed."""
    fields = dict(plivo_sdk.report(MessageUUID="out-1")) | changes
    return DeliveryReport.from_parameters(path, (*fields.items(), *more))


def test_an_sms_as_captured() -> None:
    """The fields of a captured SMS become one value."""
    assert inbound() == InboundMessage.of("uuid-1", "33700000001", "33644600000", "hello", "sms", "", 1, ())


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"From": "+33 7 00 00 00 01"}, "sender", "33700000001"),
        ({"From": " 33700000001"}, "sender", "33700000001"),
        ({"From": "MTN"}, "sender", "MTN"),
        ({"To": "12345"}, "to", "12345"),
        ({"Text": "  kept as it is \r\n"}, "text", "  kept as it is \r\n"),
        ({"Text": "", "Body": "from WhatsApp"}, "text", "from WhatsApp"),
        ({"Text": ""}, "text", ""),
        ({"Type": ""}, "type", "sms"),
        ({"Type": " MMS "}, "type", "mms"),
        ({"MessageIntent": "OptOut"}, "intent", "optout"),
        ({"Units": ""}, "units", None),
        ({"Units": "3"}, "units", 3),
        ({"Units": "-1"}, "units", None),
        ({"Units": "1e3"}, "units", None),
        ({"Units": "٣"}, "units", None),
        ({"Units": "9" * 10}, "units", None),
        (
            {"Media0": "https://m/0", "Media1": "https://m/1", "Media2": "", "MediaCount": "2"},
            "media",
            ("https://m/0", "https://m/1"),
        ),
    ],
)
def test_fields_of_a_message(changes: dict[str, str], field: str, value: object) -> None:
    """Each field is read as Plivo means it, and an odd optional one never costs a message."""
    assert getattr(inbound(**changes), field) == value


@pytest.mark.parametrize("name", ["MessageUUID", "From", "To"])
@pytest.mark.parametrize("value", [None, "", " \t"])
def test_required_fields_of_a_message(name: str, value: str | None) -> None:
    """MessageUUID, From and To must be there; the refusal names the one that is not."""
    fields = dict(plivo_sdk.message())
    del fields[name]
    with pytest.raises(Malformed, match=name):
        InboundMessage.from_parameters(tuple((fields | ({} if value is None else {name: value})).items()))


@pytest.mark.parametrize("name", ["From", "To"])
def test_addresses_have_64_characters_at_most(name: str) -> None:
    """A longer one is refused in messages and reports, and the refusal names the field; whole characters count."""
    longest = "é" * 64
    assert longest in (inbound(**{name: longest}).sender, inbound(**{name: longest}).to)
    assert longest in (report(**{name: longest}).sender, report(**{name: longest}).to)
    for make in (inbound, report):
        with pytest.raises(Malformed, match=f"{name} has 65 characters"):
            make(**{name: longest + "1"})


def test_every_missing_field_is_named() -> None:
    """An empty request names all three."""
    with pytest.raises(Malformed, match="MessageUUID, From, To"):
        InboundMessage.from_parameters(())


@pytest.mark.parametrize("name", ["MessageUUID", "From", "To", "Text", "Body", "Type", "MessageIntent", "Units"])
def test_a_field_that_says_two_things(name: str) -> None:
    """Two readings of one request are refused; the same value twice is one reading."""
    assert inbound((name, "1"), **{name: "1"}) == inbound(**{name: "1"})
    with pytest.raises(Malformed, match=name):
        inbound((name, "2"), **{name: "1"})


def test_a_field_that_nobody_reads_may_repeat() -> None:
    """Plivo may add fields; they are not judged."""
    assert inbound(("Tag", "a"), ("Tag", "b")).text == "hello"


@pytest.mark.parametrize("value", ["a", "A-z_09", "x" * 64, "00000000-0000-0000-0000-000000000001"])
def test_identifiers(value: str) -> None:
    """G2: letters, digits, "_" and "-", up to 64."""
    assert identifier(value) == value


@pytest.mark.parametrize("value", ["", "x" * 65, "a.b", "a/b", "a b", "a\n", "é", "٣", "a%2e", "{a}"])
def test_what_is_no_identifier(value: str) -> None:
    """G2: no dot, no slash, nothing that a path or a signed string could be cut at."""
    with pytest.raises(Malformed):
        identifier(value)
    if value:
        with pytest.raises(Malformed):
            inbound(MessageUUID=value)
        with pytest.raises(Malformed):
            report(MessageUUID=value)


def test_a_report_as_captured() -> None:
    """The fields of a captured report become one value; its parameters stay untouched and in order."""
    made = report()
    assert (made.message_uuid, made.status, made.sender, made.to) == (
        "out-1",
        "delivered",
        "33644600000",
        "33700000001",
    )
    assert (made.sequence, made.error_code, made.units, made.in_reply_to) == (1, "", 1, "in-1")
    assert made.parameters == tuple((dict(plivo_sdk.report()) | {"MessageUUID": "out-1"}).items())


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"Status": " Delivered "}, "status", "delivered"),
        ({"Status": "something-new"}, "status", "something-new"),
        ({"Sequence": ""}, "sequence", None),
        ({"Sequence": "12"}, "sequence", 12),
        ({"Sequence": "1" * 10}, "sequence", None),
        ({"Units": "many"}, "units", None),
        ({"ErrorCode": "000"}, "error_code", "000"),
        ({"From": ""}, "sender", ""),
        ({"From": "+33644600000"}, "sender", "33644600000"),
    ],
)
def test_fields_of_a_report(changes: dict[str, str], field: str, value: object) -> None:
    """A signed report is never refused for the sake of an odd field."""
    assert getattr(report(**changes), field) == value


def test_a_report_of_two_fields_is_enough() -> None:
    """Only MessageUUID and Status are required."""
    made = DeliveryReport.from_parameters("/report", (("MessageUUID", "m"), ("Status", "sent")))
    assert (made.message_uuid, made.status, made.sender, made.to, made.in_reply_to) == ("m", "sent", "", "", None)


@pytest.mark.parametrize("name", ["MessageUUID", "Status"])
def test_required_fields_of_a_report(name: str) -> None:
    """Without MessageUUID or Status it is no report."""
    with pytest.raises(Malformed, match=name):
        report(**{name: ""})
    with pytest.raises(Malformed, match=name):
        report("/report", (name, "other"))


def test_of_a_repeated_field_the_first_counts() -> None:
    """A repeated field that is only passed on does not cost the report."""
    made = report("/report", ("Sequence", "9"), ("ErrorCode", "30"))
    assert (made.sequence, made.error_code) == (1, "")


def test_the_id_of_a_report_is_its_content() -> None:
    """G6: Plivo's repeat has the same id, in whatever order its fields come; any other content another."""
    first = report()
    again = DeliveryReport.from_parameters("/report/in-1", first.parameters[::-1])
    assert (again.id, len(first.id)) == (first.id, 32)
    others = [report("/report"), report("/report/in-2"), report(Status="sent"), report("/report/in-1", ("Tag", ""))]
    assert len({first.id, *(other.id for other in others)}) == 5


@given(parameters, words)
def test_a_digest_is_made_once(fields: Parameters, path: str) -> None:
    """What a verified request is bound to is its content, whether it has proofs that hold it or not."""
    digest = content_digest(path, fields)
    assert Verified(path, fields, (Proof(b"key", digest),), "V3").digest == digest
    assert Verified(path, fields, (), "").digest == digest
    first = report()
    known = DeliveryReport.from_parameters(
        "/report/in-1", first.parameters, content_digest("/report/in-1", first.parameters)
    )
    assert known == first


@given(parameters, parameters, words, words)
def test_two_contents_never_share_a_digest(one: Parameters, two: Parameters, here: str, there: str) -> None:
    """G2: the value of a proof differs as soon as path, a name or a value differs."""
    assume((here, sorted(one)) != (there, sorted(two)))
    assert content_digest(here, one) != content_digest(there, two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((("ab", "c"),), (("a", "bc"),)),
        ((("a", ""), ("b", "")), (("a", "b"),)),
        ((("a", "1:b"),), (("a", "1"), ("b", ""))),
        ((("a", "b1:c"),), (("a", "b"), ("c", ""))),
        ((), (("", ""),)),
    ],
)
def test_content_cannot_be_joined_differently(one: Parameters, two: Parameters) -> None:
    """G2: what V3 joins without a separator, the digest keeps apart."""
    assert content_digest("/message", one) != content_digest("/message", two)


def test_order_is_no_content() -> None:
    """The same fields in another order are the same words."""
    assert content_digest("/m", (("b", "1"), ("a", "2"))) == content_digest("/m", (("a", "2"), ("b", "1")))


def test_text_is_folded_once_and_the_sender_is_a_person() -> None:
    """What rules and policies look at is made with the message: words, one key for the whole text, the person."""
    message = InboundMessage.of("uuid-1", "5215512345678", "33644600000", "  Qué TAL? ")
    assert ([word.folded for word in message.words], message.phrase) == (["que", "tal"], "que tal")
    assert (message.sender, message.person) == ("5215512345678", "525512345678")
