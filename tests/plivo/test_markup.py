"""The answer as XML: judged by xml.etree and by the XML of Plivo's own SDK."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo.xml import MessageElement, ResponseElement

from app.plivo import markup
from app.plivo.messages import Outgoing

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "messages.json").read_text(encoding="utf-8")
)
CALLBACK = "https://sms.example.com/report/abc"
# https://www.w3.org/TR/xml/#charsets, written as what is allowed; a second, independent reading of the rule
ALLOWED = [(0x9, 0xA), (0xD, 0xD), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF)]


def message(text: str, dst: tuple[str, ...] = ("33700000001",)) -> Outgoing:
    """A reply from a number of ours."""
    return Outgoing("33644600000", dst, text)


def parsed(xml: bytes) -> list[tuple[dict[str, str], str]]:
    """Attributes and text of each `<Message>`."""
    root = ET.fromstring(xml)
    assert (root.tag, root.attrib, {child.tag for child in root}) == ("Response", {}, {"Message"})
    assert not (root.text or "").strip()
    return [(child.attrib, child.text or "") for child in root]


def test_the_document_is_the_promised_one() -> None:
    """To the byte: declaration, order of attributes, no padding."""
    xml = markup.render([message("Fish & <chips> é", ("33700000001", "33700000002"))], CALLBACK, "POST")
    assert (
        xml
        == (
            '<?xml version="1.0" encoding="UTF-8"?><Response><Message src="33644600000" '
            'dst="33700000001&lt;33700000002" type="sms" callbackUrl="https://sms.example.com/report/abc" '
            'callbackMethod="POST">Fish &amp; &lt;chips&gt; é</Message></Response>'
        ).encode()
    )


def test_silence_is_an_empty_response() -> None:
    """G10: nothing to say is `<Response/>`, which is what Plivo's SDK prints too."""
    assert markup.render([], CALLBACK, "POST") == b"<Response/>"
    assert ResponseElement().to_string(False).strip() == "<Response/>"


def test_what_was_rendered_is_read_back() -> None:
    """A copy for a target tells the messages of an answer; one that is not kept any more has none."""
    said = (message("Fish & <chips> é", ("33700000001", "33700000002")), message("\r\n x "))
    assert markup.parse(markup.render(said, CALLBACK, "POST")) == said
    assert markup.parse(markup.EMPTY) == markup.parse(b"") == ()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['source'][:20]}-{vector['body'][:8]}")
def test_published_vectors(vector: dict[str, Any]) -> None:
    """The SDKs' own documents say what ours says: same text, same attributes."""
    document = vector["xml"] if vector["xml"].startswith("<Response>") else f"<Response>{vector['xml']}</Response>"
    ((theirs, text),) = parsed(document.encode())
    attributes = {"src": "1", "dst": "2", "callbackUrl": "url", "callbackMethod": "POST"} | vector["attrs"]
    outgoing = Outgoing(attributes["src"], tuple(attributes["dst"].split("<")), vector["body"])
    ((ours, said),) = parsed(markup.render([outgoing], attributes["callbackUrl"], attributes["callbackMethod"]))
    assert said == text == vector["body"]
    assert theirs.items() <= ours.items()
    assert set(ours) == {"src", "dst", "type", "callbackUrl", "callbackMethod"}


@pytest.mark.parametrize("text", ["plain", "<b>&amp;</b> \"'", "a\rb\r\nc\nd", "  padded\t", "ж 👍 \u2028 \x85", "]]>"])
def test_plivos_sdk_says_the_same(text: str) -> None:
    """The XML of Plivo's python SDK parses to what ours parses to."""
    theirs = ResponseElement().add(
        MessageElement(
            text, src="33644600000", dst="1<2", type="sms", callback_url=f"{CALLBACK}?a=1&b=2", callback_method="GET"
        )
    )
    ours = markup.render([message(text, ("1", "2"))], f"{CALLBACK}?a=1&b=2", "GET")
    assert parsed(ours) == parsed(theirs.to_string(False).encode())


@given(st.lists(st.text(), min_size=1, max_size=3), st.text())
def test_any_text_survives_a_parse(texts: list[str], callback: str) -> None:
    """Whatever a rule says, a parser reads exactly that, less the characters that XML forbids."""

    def legal(text: str) -> str:
        return "".join(one for one in text if any(low <= ord(one) <= high for low, high in ALLOWED))

    found = parsed(markup.render([message(text) for text in texts], callback, "POST"))
    assert [text for _, text in found] == [legal(text) for text in texts]
    assert {attributes["callbackUrl"] for attributes, _ in found} == {legal(callback)}


@pytest.mark.parametrize("forbidden", ["\x00", "\x08", "\x0b", "\x0c", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_forbidden_characters_are_removed(forbidden: str) -> None:
    """No answer fails to parse, or to encode, because of a character in it."""
    assert markup.clean(f"a{forbidden}b") == "ab"
    ((_, text),) = parsed(markup.render([message(f"a{forbidden}b")], CALLBACK, "POST"))
    assert text == "ab"


def test_a_number_cannot_break_out_of_its_attribute() -> None:
    """Quotes and angle brackets in an address stay inside the attribute."""
    xml = markup.render([Outgoing('1" type="x', ('2"><Message>',), "hi")], 'u"v', "POST")
    ((attributes, text),) = parsed(xml)
    assert (attributes["src"], attributes["dst"], attributes["callbackUrl"]) == ('1" type="x', '2"><Message>', 'u"v')
    assert (text, len(re.findall(rb"<Message ", xml))) == ("hi", 1)
