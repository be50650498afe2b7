"""Signatures: Plivo's published vectors, its SDK as signer, and every byte counts."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo.utils.signature_v3 import validate_v3_signature
from support import plivo_sdk

from app.plivo.signature import (
    FAMILIES,
    V2,
    V3,
    Family,
    Request,
    SignatureHeader,
    Token,
    header_fields,
    matching,
    signature_headers,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "signatures.json").read_text(encoding="utf-8")
)
URL = "https://sms.example.com/message"
TEXTS = {
    "ascii": "hello",
    "accents": "déjà vu à Zürich",
    "emoji": "ok 👍🏽",
    "newline": "one\r\ntwo\nthree",
    "separators": "a=b&c+d%26 %41",
    "empty": "",
}

ONE, TWO, THREE = (word * 10 + b"abc=" for word in (b"one+", b"two/", b"3333"))  # 44 characters of Base64

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
fields = st.lists(st.tuples(words, words), max_size=6)


def header_matching(offer: SignatureHeader, text: bytes, tokens: Iterable[Token]) -> str | None:
    """The header that one of the tokens made over this text."""
    match = matching(offer, text, tokens)
    return match.header if match else None


def offers(headers: list[tuple[bytes, bytes]], families: tuple[Family, ...] = FAMILIES) -> tuple[SignatureHeader, ...]:
    """What raw headers offer."""
    return signature_headers(header_fields(headers), families)


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """As an ASGI server hands headers over."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def request(method: str, params: plivo_sdk.Pairs) -> Request:
    """The same request in our words."""
    pairs = tuple(params)
    return Request("GET", URL, pairs, ()) if method == "GET" else Request("POST", URL, (), pairs)


def offered(header: str, value: bytes, nonce: bytes = b"1") -> list[tuple[bytes, bytes]]:
    """One signature header with a nonce."""
    family = header[-2:].lower().encode()
    return [
        (b"x-plivo-signature-" + header.lower().encode(), value),
        (b"x-plivo-signature-" + family + b"-nonce", nonce),
    ]


# The one vector with a comma list ("bad, <good>") has a blank after the comma. Plivo's python SDK does
# not trim and so refuses it; its CLI trims, and so do we.
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['source'][:24]}-{vector['version']}")
@pytest.mark.parametrize("prefix", ["", "Ma-"])
def test_published_vectors(vector: dict[str, Any], prefix: str) -> None:
    """G1: what the SDKs' own tests call valid matches, under both headers of the family; the rest does not."""
    header = prefix + vector["version"].upper()
    (offer,) = offers(offered(header, vector["signature"].encode(), vector["nonce"].encode()))
    signed = Request.of(vector["method"] or "POST", vector["uri"], tuple((vector["params"] or {}).items()))
    found = header_matching(offer, offer.text(signed), [Token(vector["token"])])
    assert found == (header if vector["valid"] else None)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("more", [(), (("Tag", "b"), ("Tag", "a"), ("Tag", "b"))], ids=["plain", "repeated"])
def test_what_the_sdk_signs_matches(
    method: str, scheme: plivo_sdk.Scheme, text: str, more: tuple[tuple[str, str], ...]
) -> None:
    """G1: a request that the SDK signed matches in every family and method, whatever its text holds."""
    params = [*plivo_sdk.message(Text=text), *more]
    (offer,) = offers(raw(plivo_sdk.headers(method, URL, params, scheme)))
    assert header_matching(offer, offer.text(request(method, params)), [Token(plivo_sdk.TOKEN)]) == scheme


@given(params=fields, method=st.sampled_from(["GET", "POST"]))
def test_any_fields_sign_as_in_the_sdk(params: list[tuple[str, str]], method: str) -> None:
    """G1: no field, however odd its name or value, is read differently here and in the SDK."""
    (offer,) = offers(raw(plivo_sdk.headers(method, URL, params, "V3")))
    assert header_matching(offer, offer.text(request(method, params)), [Token(plivo_sdk.TOKEN)]) == "V3"


@given(data=st.data(), scheme=st.sampled_from(plivo_sdk.SCHEMES), method=st.sampled_from(["GET", "POST"]))
def test_every_signed_byte_counts(data: st.DataObject, scheme: plivo_sdk.Scheme, method: str) -> None:
    """G1: one changed bit, in what was signed or in the signature, and nothing matches."""
    params = plivo_sdk.message(Text=data.draw(words))
    (offer,) = offers(raw(plivo_sdk.headers(method, URL, params, scheme)))
    ((name, (signature,)),) = offer.offered
    text = offer.text(request(method, params))
    bit = 1 << data.draw(st.integers(0, 7))

    def flipped(original: bytes) -> bytes:
        changed = bytearray(original)
        changed[data.draw(st.integers(0, len(original) - 1))] ^= bit
        return bytes(changed)

    tokens = [Token(plivo_sdk.TOKEN)]
    assert header_matching(offer, flipped(text), tokens) is None
    assert (
        header_matching(SignatureHeader(offer.family, offer.nonce, ((name, (flipped(signature),)),)), text, tokens)
        is None
    )


@pytest.mark.parametrize(
    ("changed", "method", "params"),
    [
        ("value", "POST", [("From", "1"), ("Text", "hellp")]),
        ("name", "POST", [("From", "1"), ("Texts", "hello")]),
        ("added", "POST", [("From", "1"), ("Text", "hello"), ("Z", "")]),
        ("missing", "POST", [("Text", "hello")]),
        ("method", "GET", [("From", "1"), ("Text", "hello")]),
    ],
)
def test_v3_covers_the_words(changed: str, method: str, params: list[tuple[str, str]]) -> None:
    """G1: a V3 signature holds for its method, names and values only; the SDK agrees."""
    signed = plivo_sdk.headers("POST", URL, [("From", "1"), ("Text", "hello")], nonce="77")
    (offer,) = offers(raw(signed))
    assert header_matching(offer, offer.text(request(method, params)), [Token(plivo_sdk.TOKEN)]) is None, changed
    signature = signed["X-Plivo-Signature-V3"]
    assert not validate_v3_signature(method, URL, "77", plivo_sdk.TOKEN, signature, dict(params))


def test_v2_covers_the_url_only() -> None:
    """V2 signs URL and nonce: other words still match, which is why G2 binds them."""
    (offer,) = offers(raw(plivo_sdk.headers("POST", URL, [("Text", "hello")], "V2")))
    assert header_matching(offer, offer.text(request("POST", [("Text", "other")])), [Token(plivo_sdk.TOKEN)]) == "V2"


@pytest.mark.parametrize(
    ("token", "found"),
    [
        (["a"], None),
        (["a", plivo_sdk.TOKEN], "V3"),
        ([plivo_sdk.TOKEN, "a"], "V3"),
        ([], None),
        ([plivo_sdk.TOKEN.upper()], None),
    ],
)
def test_any_token_will_do(token: list[str], found: str | None) -> None:
    """G1: one configured token is enough, at any place in the list; no token, no match."""
    params = plivo_sdk.message()
    (offer,) = offers(raw(plivo_sdk.headers("POST", URL, params)))
    assert header_matching(offer, offer.text(request("POST", params)), [Token(one) for one in token]) == found


def test_plivos_sms_headers_match_by_the_main_account() -> None:
    """Live SMS carry V3 and Ma-V3 of which only the latter matches: that is enough."""
    params = plivo_sdk.message()
    headers = plivo_sdk.headers("POST", URL, params, "Ma-V3") | {"X-Plivo-Signature-V3": "bm90IG91cnM="}
    (offer,) = offers(raw(headers))
    assert header_matching(offer, offer.text(request("POST", params)), [Token(plivo_sdk.TOKEN)]) == "Ma-V3"


@pytest.mark.parametrize(
    ("values", "signatures"),
    [
        ([ONE], (ONE,)),
        ([ONE + b"," + TWO], (ONE, TWO)),
        ([b" %s , %s\t,\t%s " % (ONE, TWO, THREE)], (ONE, TWO, THREE)),
        ([b",,%s,, ,%s," % (ONE, TWO)], (ONE, TWO)),
        ([ONE, b"%s, %s" % (TWO, THREE)], (ONE, TWO, THREE)),
        ([b"", ONE], (ONE,)),
        ([b"bad," + ONE], (ONE,)),
        ([b",".join([b"bad", ONE[:-1], ONE + b"=", ONE.replace(b"o", b"-"), ONE.replace(b"o", b"\xe9"), TWO])], (TWO,)),
        ([b",".join([ONE] * 11)], (ONE,) * 10),  # no account has so many tokens
        ([ONE] * 11, (ONE,) * 10),
        ([b"," * 31_000 + ONE], ()),
        ([b"bad"], ()),
    ],
)
@pytest.mark.parametrize("header", ["V2", "Ma-V2", "V3", "Ma-V3"])
def test_lists_of_signatures(header: str, values: list[bytes], signatures: tuple[bytes, ...]) -> None:
    """G1: comma lists and repeated headers are one list, blanks trimmed, in V2 too."""
    headers = offered(header, values[0])
    headers[1:1] = [(headers[0][0], value) for value in values[1:]]
    (offer,) = offers(headers)
    assert offer.offered == ((header, signatures),)
    assert offer.family is (V2 if header.endswith("V2") else V3)


class Counted(Token):
    """Counts how often it signs."""

    def __init__(self, secret: str, signed: list[str]) -> None:
        super().__init__(secret)
        self._secret, self._signed = secret, signed

    def sign(self, text: bytes) -> bytes:
        """As a token does."""
        self._signed.append(self._secret)
        return super().sign(text)


def test_what_cannot_be_a_signature_costs_no_hmac() -> None:
    """A list that holds no 44 characters of Base64 is compared with nothing."""
    signed: list[str] = []
    (offer,) = offers(offered("V3", b"bad," * 7_000))
    assert matching(offer, b"text", [Counted("a", signed)]) is None
    assert signed == []


def test_a_token_costs_one_hmac_however_many_values() -> None:
    """Ten values in each header of a family are compared with one HMAC of each token."""
    signed: list[str] = []
    (offer,) = offers([*offered("V3", b",".join([ONE] * 700)), *offered("Ma-V3", b",".join([TWO] * 700))])
    assert matching(offer, b"text", [Counted(name, signed) for name in "abc"]) is None
    assert signed == ["a", "b", "c"]


@pytest.mark.parametrize("value", [b"", b" ", b",", b" , ,\t"])
def test_an_empty_header_claims_nothing(value: bytes) -> None:
    """G1: a header without a value is no signature."""
    assert offers(offered("V3", value)) == ()


@pytest.mark.parametrize(
    ("nonces", "nonce"),
    [
        ([b"12345678901234567890"], "12345678901234567890"),
        ([b" a_B-9 "], "a_B-9"),
        ([b"a" * 64], "a" * 64),
        ([b"same", b"same"], "same"),
        ([], None),
        ([b""], None),
        ([b"a" * 65], None),
        ([b"a.b"], None),
        ([b"a/b"], None),
        ([b"a b"], None),
        ([b"a,b"], None),
        ([b"a\n"], "a"),
        ([b"\xe9"], None),
        (["٣".encode()], None),  # a digit, but not an ASCII one
        ([b"one", b"two"], None),
    ],
)
def test_nonces(nonces: list[bytes], nonce: str | None) -> None:
    """G2: a nonce matches [A-Za-z0-9_-]{1,64} and is said once; a family without one offers nothing."""
    headers = offered("V3", b"signature")[:1] + [(b"x-plivo-signature-v3-nonce", value) for value in nonces]
    assert [offer.nonce for offer in offers(headers)] == ([] if nonce is None else [nonce])


def test_families_do_not_lend_nonces() -> None:
    """A V3 signature beside a V2 nonce is no offer."""
    assert offers([(b"x-plivo-signature-v3", b"one"), (b"x-plivo-signature-v2-nonce", b"1")]) == ()


def test_v3_is_asked_first() -> None:
    """V3 covers the words, so its offer comes first; asked for V3 only, V2 is not read."""
    headers = [*offered("V2", b"two"), *offered("V3", b"three")]
    assert [offer.family for offer in offers(headers)] == [V3, V2]
    assert [offer.family for offer in offers(headers, (V3,))] == [V3]
    assert offers(offered("V2", b"two"), (V3,)) == ()


def test_other_headers_claim_nothing() -> None:
    """Only the four headers count: not V1's, not another vendor's."""
    assert offers([(b"x-plivo-signature", b"one"), (b"x-plivo-signature-v3-nonce", b"1"), (b"host", b"a")]) == ()


def test_a_token_is_not_printed() -> None:
    """G12: no log or traceback shows a token."""
    assert "hush" not in f"{Token('hush')!r} {Token('hush')}"
