"""Query strings and bodies: read as Plivo writes them, or refused; never guessed at."""

import re
import time
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plivo import forms
from app.plivo.refusals import Malformed, Unsupported

URLENCODED = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=cut"


def part(name: str, value: str, more: str = "") -> str:
    """One part of a multipart body."""
    return f'--cut\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def multipart(*parts: str, end: str = "--cut--\r\n") -> bytes:
    """A multipart body."""
    return ("".join(parts) + end).encode()


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        (b"", ()),
        (b"a=1&b=2", (("a", "1"), ("b", "2"))),
        (b"b=2&a=1&b=1", (("b", "2"), ("a", "1"), ("b", "1"))),  # order and repeats kept
        (b"MessageIntent=&Text=x", (("MessageIntent", ""), ("Text", "x"))),
        (b"a", (("a", ""),)),
        (b"=x", (("", "x"),)),
        (b"a=b=c", (("a", "b=c"),)),
        (b"a=1&&b=2&", (("a", "1"), ("b", "2"))),
        (b"a=1;b=2", (("a", "1;b=2"),)),
        (b"a=x+y%2Bz%26%3d", (("a", "x y+z&="),)),
        (b"Text=%F0%9F%91%8D%0D%0A", (("Text", "👍\r\n"),)),
        ("a=é".encode(), (("a", "é"),)),
        (b"a%3D=1", (("a=", "1"),)),
        (b"a=%00", (("a", "\x00"),)),
    ],
)
def test_urlencoded(raw: bytes, parameters: tuple[tuple[str, str], ...]) -> None:
    """Names and values come out decoded, in the order of the wire, blanks kept."""
    assert forms.urlencoded(raw) == parameters
    assert forms.parser_of(URLENCODED)(raw) == parameters


@pytest.mark.parametrize(
    "raw", [b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=1&b=%u00e9", b"a=\xff", b"a=%ff", b"%c3=1", b"a=%ed%a0%80"]
)
def test_broken_encoding_is_refused(raw: bytes) -> None:
    """What a lenient parser would guess at is refused: broken escapes, bytes that are not UTF-8."""
    with pytest.raises(Malformed):
        forms.urlencoded(raw)


def test_too_many_fields_are_refused() -> None:
    """1,000 fields pass, 1,001 do not, in both kinds of body."""
    assert len(forms.urlencoded(b"&".join([b"a=1"] * 1_000))) == 1_000
    with pytest.raises(Malformed, match="more than 1000"):
        forms.urlencoded(b"&".join([b"a=1"] * 1_001))
    read = forms.parser_of(MULTIPART)
    assert len(read(multipart(*[part("a", "1")] * 1_000))) == 1_000
    with pytest.raises(Malformed, match="more than 1000"):
        read(multipart(*[part("a", "1")] * 1_001))


@pytest.mark.parametrize(
    "content_type",
    [
        URLENCODED,
        b"application/x-www-form-urlencoded; charset=utf-8",
        b"Application/X-WWW-Form-URLencoded",
        b"application/x-www-form-urlencoded;charset=UTF-8",
    ],
)
def test_content_types_that_are_forms(content_type: bytes) -> None:
    """Case and options of the content type do not matter."""
    assert forms.parser_of(content_type)(b"a=1") == (("a", "1"),)


@pytest.mark.parametrize(
    "content_type", [b"", b"application/json", b"text/plain; charset=utf-8", b"multipart/mixed", b";"]
)
def test_content_types_that_are_not(content_type: bytes) -> None:
    """Anything but a form is refused, whatever the body holds."""
    with pytest.raises(Unsupported):
        forms.parser_of(content_type)


@pytest.mark.parametrize(
    "content_type", [b"multipart/form-data", b"multipart/form-data; boundary=", b'multipart/form-data; boundary=""']
)
def test_multipart_needs_a_boundary(content_type: bytes) -> None:
    """Without a boundary there is nothing to read."""
    with pytest.raises(Malformed, match="boundary"):
        forms.parser_of(content_type)


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (multipart(part("a", "1"), part("b", "2")), (("a", "1"), ("b", "2"))),
        (multipart(part("a", "")), (("a", ""),)),
        (multipart(part("Text", "one\r\ntwo\r\n--cu")), (("Text", "one\r\ntwo\r\n--cu"),)),
        (multipart(part("Text", "👍 100 % & a=b")), (("Text", "👍 100 % & a=b"),)),
        (multipart(part("a", "1", '; filename="a.txt"\r\nContent-Type: text/plain')), (("a", "1"),)),
        (multipart(part("a", "2"), part("a", "1")), (("a", "2"), ("a", "1"))),
        (multipart(part("a", "1"), end="--cut--"), (("a", "1"),)),
        (multipart(part("", "1")), (("", "1"),)),
    ],
)
def test_multipart(body: bytes, parameters: tuple[tuple[str, str], ...]) -> None:
    """Every part is a field, as it stands, whatever file name it claims."""
    assert forms.parser_of(MULTIPART)(body) == parameters


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a=1",
        b"--cut",
        b"--other\r\n\r\n\r\n--other--\r\n",
        multipart(part("a", "1"), end=""),
        multipart(part("a", "1"), end="--cut"),
        b"--cut\r\nContent-Disposition: form-data\r\n\r\n1\r\n--cut--\r\n",
        b"--cut\r\nContent-Type: text/plain\r\n\r\n1\r\n--cut--\r\n",
        b"--cut\r\nContent-Disposition form-data\r\n\r\n1\r\n--cut--\r\n",
        b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--cut--\r\n',
        b'--cut\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--cut--\r\n',
    ],
)
def test_broken_multipart_is_refused(body: bytes) -> None:
    """A body without its end, a part without a name, bytes that are not UTF-8: refused."""
    with pytest.raises(Malformed):
        forms.parser_of(MULTIPART)(body)


@pytest.mark.parametrize("filler", ["\r", "\r\n--cu", "\r\n--cutx"])
def test_no_body_is_costly(filler: str) -> None:
    """A 64 KiB body that looks like boundaries all the way is read in time that grows with its size only."""
    value = filler * (60_000 // len(filler))
    started = time.process_time()
    assert forms.parser_of(MULTIPART)(multipart(part("a", value))) == (("a", value),)
    assert time.process_time() - started < 0.25


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
    )
)
def test_what_is_encoded_comes_back(pairs: list[tuple[str, str]]) -> None:
    """The standard library encodes any fields, we read the same fields."""
    assert forms.urlencoded(urlencode(pairs).encode()) == tuple(pairs)


@given(st.binary() | st.text("ab=&%+0f;cé").map(str.encode))
def test_what_we_read_is_what_the_standard_library_reads(raw: bytes) -> None:
    """Whatever is not refused is read as `parse_qsl` reads it, and what that refuses is refused."""
    try:
        found = forms.urlencoded(raw)
    except Malformed:
        return
    assert found == tuple(parse_qsl(raw.decode(), keep_blank_values=True, errors="strict"))


@given(st.lists(st.text("a%+é=").map(str.encode) | st.sampled_from([b"%C3", b"%A9", b"%c3%a9", b"%F0%9F%91%8D"])))
def test_we_refuse_what_is_no_utf8_and_nothing_else(parts: list[bytes]) -> None:
    """Escapes that are whole are refused only where the standard library, told to be strict, refuses them too."""
    raw = b"".join(parts)
    try:
        expected = tuple(parse_qsl(raw.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        with pytest.raises(Malformed):
            forms.urlencoded(raw)
        return
    whole = all(re.match(rb"[0-9A-Fa-f]{2}", raw[at + 1 :]) for at, byte in enumerate(raw) if byte == ord("%"))
    if whole:
        assert forms.urlencoded(raw) == expected
    else:
        with pytest.raises(Malformed):
            forms.urlencoded(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", b""),
        (b"To=1", b"1"),
        (b"From=2&To=1&To=3", b"1"),
        (b"To=1&From=2", b"1"),
        (b"From=2&To=%2B1", b"%2B1"),
        (b"To=", b""),
        (b"To", b""),
        (b"NotTo=1&ToNot=2", b""),
        (b"Text=&amp;To=1", b""),
        (b"To=" + b"1" * 64, b"1" * 64),
        (b"To=" + b"1" * 65, b""),
    ],
)
def test_peek(raw: bytes, value: bytes) -> None:
    """The first value of a field as it stands, of 64 bytes at most; anything else is nothing."""
    assert forms.peek(raw, b"To") == value


@given(st.binary() | st.text("ab=&%+0f;").map(str.encode))
def test_any_bytes_are_parameters_or_malformed(raw: bytes) -> None:
    """No bytes make the reader fail in another way."""
    try:
        found = forms.urlencoded(raw)
    except Malformed:
        return
    assert all(isinstance(word, str) for pair in found for word in pair)


pieces = st.sampled_from(
    [
        b"--cut",
        b"\r\n",
        b"--",
        b'Content-Disposition: form-data; name="a"',
        b"Content-Disposition:",
        b":",
        b"\r",
        b"\n",
        b"\x00",
        b"\xff",
        b"x",
        b"; name=\"b\"; name*=utf-8''c",
        b'"',
        b" ",
    ]
)


@given(st.binary() | st.lists(pieces, max_size=30).map(b"".join))
def test_any_multipart_bytes_are_parameters_or_malformed(body: bytes) -> None:
    """No bytes make the multipart reader fail in another way."""
    try:
        found = forms.parser_of(MULTIPART)(body)
    except Malformed:
        return
    assert all(isinstance(word, str) for pair in found for word in pair)


@given(st.binary() | st.binary().map(lambda raw: b"multipart/form-data; boundary=" + raw), st.binary())
def test_any_content_type_is_read_or_refused(content_type: bytes, body: bytes) -> None:
    """No content type makes the reader fail in another way."""
    try:
        forms.parser_of(content_type)(body)
    except (Malformed, Unsupported):
        return


@pytest.mark.parametrize(
    "content_type",
    [
        URLENCODED + b";" * 31_000,
        URLENCODED + b";a=b" * 9,
        b"multipart/form-data; boundary=" + b"x" * 31_000,
        b"x" * 31_000,
    ],
)
def test_a_content_type_that_is_dear_to_parse(content_type: bytes) -> None:
    """A content type of 31 KB is refused unread, and what it says does not go into the reason."""
    with pytest.raises(Unsupported) as refusal:
        forms.parser_of(content_type)
    assert len(str(refusal.value)) < 100


def test_parts_whose_headers_are_dear_to_parse() -> None:
    """A disposition of many options is as good as none."""
    with pytest.raises(Malformed, match="no name"):
        forms.parser_of(MULTIPART)(multipart(part("a", "b", more=";" * 2_000)))


def test_usual_options_are_read() -> None:
    """What HTTP libraries write into a content type is far from the limits."""
    boundary = "-" * 27 + "1234567890123456789012345678"
    content_type = f'multipart/form-data; charset="utf-8"; boundary={boundary}'.encode()
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--{boundary}--\r\n'.encode()
    assert forms.parser_of(content_type)(body) == (("a", "b"),)
