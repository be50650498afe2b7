"""Verification: what Plivo's SDK signed becomes a `Verified`, in the order of the checks; anything else is refused."""

import hashlib

import pytest
from support import plivo_sdk

from app.plivo.messages import content_digest
from app.plivo.refusals import Malformed, Unsupported
from app.plivo.signature import SignatureHeader, Token, header_fields, signature_headers
from app.plivo.verification import MAX_DESTINATIONS, NoMatch, RawRequest, Tokens, verify

URL = "https://sms.example.com/message"
FORM = b"application/x-www-form-urlencoded"
PARAMS = plivo_sdk.message()
BODY = plivo_sdk.form(PARAMS).encode()
FORGED = {f"X-Plivo-Signature-{name}": "A" * 43 + "=" for name in plivo_sdk.SCHEMES}


class Counted(Token):
    """Counts how often it signs."""

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self.signed = 0

    def sign(self, text: bytes) -> bytes:
        """As a token does."""
        self.signed += 1
        return super().sign(text)


class Unreadable(RawRequest):
    """Its parameters must not be read."""

    def read(self) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        """Never called."""
        raise AssertionError


def post(body: bytes = BODY, content_type: bytes = FORM, kind: type[RawRequest] = RawRequest) -> RawRequest:
    """A POST of a message."""
    return kind("POST", "/message", URL, b"", content_type, body, b"To")


def offered(headers: dict[str, str]) -> tuple[SignatureHeader, ...]:
    """Its signature headers."""
    return signature_headers(
        header_fields([(name.lower().encode(), value.encode()) for name, value in headers.items()])
    )


@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
def test_what_was_verified(scheme: plivo_sdk.Scheme) -> None:
    """G2, G10: path and parameters, header and token, and the proof that binds the signed text to the content."""
    headers = plivo_sdk.headers("POST", URL, PARAMS, scheme, nonce="7")
    tokens = Tokens([Token("other"), Token(plivo_sdk.TOKEN)])
    verified = verify(post(), offered(headers), tokens)
    assert (verified.path, verified.parameters, verified.signed_by, verified.token) == (
        "/message",
        tuple(PARAMS),
        scheme,
        2,
    )
    (proof,) = verified.proofs
    assert proof.value == content_digest("/message", tuple(PARAMS)) == verified.digest
    if scheme.endswith("V2"):
        assert proof.key == hashlib.sha256(f"{URL}7".encode()).digest()


def test_v3_is_named_before_v2() -> None:
    """Both match: V3 is the one that signed, and both are bound."""
    headers = plivo_sdk.headers("POST", URL, PARAMS, "V2") | plivo_sdk.headers("POST", URL, PARAMS, "Ma-V3")
    verified = verify(post(), offered(headers), Tokens([Token(plivo_sdk.TOKEN)]))
    assert (verified.signed_by, len(verified.proofs)) == ("Ma-V3", 2)


def test_a_forged_v2_costs_no_parse() -> None:
    """Parameters of a request that has no V3 header are read only once V2 has matched."""
    headers = plivo_sdk.headers("POST", URL, PARAMS, "V2") | FORGED
    with pytest.raises(NoMatch, match="no token matches X-Plivo-Signature-V2, X-Plivo-Signature-Ma-V2 over https"):
        verify(post(kind=Unreadable), offered(headers), Tokens([Token(plivo_sdk.TOKEN)]))


def test_nothing_offered_matches_nothing() -> None:
    """No signature at all is told as such."""
    with pytest.raises(NoMatch, match=r"^no signature header$"):
        verify(post(kind=Unreadable), (), Tokens([Token(plivo_sdk.TOKEN)]))


@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
def test_parameters_are_read_before_v3_is_checked(scheme: plivo_sdk.Scheme) -> None:
    """415 and 400 come between V2 and V3, whatever the V3 signature is worth."""
    headers = plivo_sdk.headers("POST", URL, PARAMS, scheme)
    for given in (
        headers,
        headers | {name: FORGED[name] for name in headers if scheme.endswith("V3") and name in FORGED},
    ):
        with pytest.raises(Unsupported):
            verify(post(content_type=b"application/json"), offered(given), Tokens([Token(plivo_sdk.TOKEN)]))
        with pytest.raises(Malformed):
            verify(post(body=b"a=%"), offered(given), Tokens([Token(plivo_sdk.TOKEN)]))


@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_sixty_tokens_cost_one_hmac(scheme: plivo_sdk.Scheme, method: str) -> None:
    """Numbers of sixty accounts take turns: from the second request on, each is checked with its own token only."""
    every = [Counted(f"token-{number}") for number in range(60)]
    tokens = Tokens(every)

    def call(number: int) -> None:
        params = plivo_sdk.message(To=f"336446000{number:02}")
        headers = plivo_sdk.headers(method, URL, params, scheme, token=f"token-{number}")
        body = plivo_sdk.form(params).encode()
        query, body = (body, b"") if method == "GET" else (b"", body)
        request = RawRequest(method, "/message", URL, query, FORM, body, b"To")
        assert verify(request, offered(headers), tokens).token == number + 1

    for number in range(60):
        call(number)
    for token in every:
        token.signed = 0
    for number in range(60):
        call(number)
    assert [token.signed for token in every] == [1] * 60


def test_the_token_of_a_number_is_tried_first() -> None:
    """The token that last verified a number comes first, then the one that last verified anything, each once."""
    main, sub, old = (Token(name) for name in ("main", "sub", "old"))
    tokens = Tokens([main, sub, old])
    assert list(tokens.in_order(b"33644600000")) == [main, sub, old]
    tokens.remember(old, b"33644600000")
    tokens.remember(sub, b"33644600001")
    assert list(tokens.in_order(b"33644600000")) == [old, sub, main]
    assert list(tokens.in_order(b"33644600001")) == [sub, main, old]
    assert list(tokens.in_order(b"33644600002")) == list(tokens.in_order()) == [sub, main, old]
    tokens.remember(main, b"33644600000")
    assert list(tokens.in_order(b"33644600000")) == [main, sub, old]
    assert list(Tokens([]).in_order()) == []


def test_remembered_numbers_are_bounded() -> None:
    """G7: numbers that come once do not fill the memory; a number that is forgotten still has every token."""
    main, sub = Token("main"), Token("sub")
    tokens = Tokens([main, sub])
    tokens.remember(sub, b"1")
    for number in range(MAX_DESTINATIONS):
        tokens.remember(main, b"%d" % (number + 2))
    assert list(tokens.in_order(b"1")) == [main, sub]
