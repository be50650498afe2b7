"""The log line of a refusal: each usual mistake is named."""

import pytest
from support import plivo_sdk

from app.plivo import diagnosis
from app.plivo.signature import Request, Token, signature_headers

SEEN = diagnosis.Seen("http", "internal:8080", 8080, "/message")


def plenty() -> diagnosis.DiagnosisBudget:
    """Enough for every variant."""
    return diagnosis.DiagnosisBudget(10_000, until=1.0, clock=lambda: 0.0)


def advice(
    public: str, dialled: str, scheme: plivo_sdk.Scheme = "V3", seen: diagnosis.Seen = SEEN, path: str = "/message"
) -> str:
    """What the log says when Plivo dialled one URL and `public_url` makes us check another."""
    params = plivo_sdk.message(Text="the secret words")
    headers = plivo_sdk.headers("POST", dialled, params, scheme)
    made = signature_headers({name.lower().encode(): value.encode() for name, value in headers.items()})
    request = Request("POST", public + path, (), tuple(params))
    said = diagnosis.advice(made, request, public, [Token(plivo_sdk.TOKEN)], seen, plenty())
    assert "secret words" not in said
    assert plivo_sdk.TOKEN not in said
    return said


MISTAKES = [
    ("https://a.example", "http://a.example/message", "set public_url to http://a.example"),
    ("http://a.example", "https://a.example/message", "set public_url to https://a.example"),
    ("https://a.example", "https://a.example:443/message", "set public_url to https://a.example:443 (with the port)"),
    ("http://a.example", "http://a.example:80/message", "set public_url to http://a.example:80 (with the port)"),
    ("https://a.example:443", "https://a.example/message", "set public_url to https://a.example (without the port)"),
    ("https://a.example:8443", "https://a.example/message", "set public_url to https://a.example (without the port)"),
    ("https://a.example", "https://a.example:8080/message", "set public_url to https://a.example:8080 (with the port)"),
    ("https://A.example", "https://a.example/message", "set public_url to https://a.example (case matters)"),
    ("https://a.example", "https://internal:8080/message", "set public_url to https://internal:8080"),
    ("https://a.example", "http://internal:8080/message", "set public_url to http://internal:8080"),
    ("https://a.example", "https://a.example/message/", diagnosis.SLASH),
    ("https://a.example", "http://a.example/message/", f"set public_url to http://a.example; {diagnosis.SLASH}"),
    ("https://a.example/sms", "https://a.example/message", "set public_url to https://a.example"),
    (
        "http://[2001:db8::1]",
        "http://[2001:db8::1]:80/message",
        "set public_url to http://[2001:db8::1]:80 (with the port)",
    ),
    (
        "https://[2001:db8::1]:8443/sms",
        "https://[2001:db8::1]/sms/message",
        "set public_url to https://[2001:db8::1]/sms (without the port)",
    ),
]


@pytest.mark.parametrize(("public", "dialled", "expected"), MISTAKES)
@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
def test_each_usual_mistake_is_named(public: str, dialled: str, expected: str, scheme: plivo_sdk.Scheme) -> None:
    """A wrong scheme, host, port, prefix or slash is found, with the header and the URL that match."""
    assert advice(public, dialled, scheme) == f"X-Plivo-Signature-{scheme} matches {dialled}: {expected}"


def test_a_prefix_that_the_proxy_keeps() -> None:
    """The path that arrived is tried too, prefix and all."""
    seen = diagnosis.Seen("http", "a.example", 8080, "/other/message")
    said = advice("https://a.example/sms", "https://a.example/other/message", seen=seen)
    assert said.endswith(": set public_url to https://a.example/other")


def test_a_slash_that_the_proxy_adds() -> None:
    """message_url without a slash, a path that arrives with one: the slash is named."""
    said = advice("https://a.example", "https://a.example/message", path="/message/")
    assert "differ in the trailing slash" in said


def test_a_changed_method_is_named() -> None:
    """A proxy that turns GET into POST, or a redirect that turns POST into GET, is named."""
    params = plivo_sdk.message()
    headers = plivo_sdk.headers("GET", "https://a.example/message", params)
    made = signature_headers({name.lower().encode(): value.encode() for name, value in headers.items()})
    request = Request("POST", "https://a.example/message", (), tuple(params))
    said = diagnosis.advice(made, request, "https://a.example", [Token(plivo_sdk.TOKEN)], SEEN, plenty())
    assert said == "X-Plivo-Signature-V3 matches as GET: a proxy changed the method"


def test_a_wrong_token_is_suspected() -> None:
    """Where no variant matches, the token is the likeliest mistake."""
    assert "auth_tokens" in advice("https://a.example", "https://other.example/message")


@pytest.mark.parametrize("host", ["", "[", "[::1]:80", "a b", "\xff", "x" * 300, "a.example:99999"])
@pytest.mark.parametrize("public", ["https://a.example", "https://[::1]:8443", "http://127.0.0.1:1"])
def test_a_strange_host_header_does_no_harm(host: str, public: str) -> None:
    """Host is a stranger's text: whatever it says, there is advice and no error."""
    seen = diagnosis.Seen("http", host, None, "/message\xff")
    assert "auth_tokens" in advice(public, "https://other.example/message", seen=seen)


def test_checked_names_headers_and_url() -> None:
    """The log says which headers were compared over which URL."""
    made = signature_headers(
        {
            b"x-plivo-signature-ma-v3": b"x",
            b"x-plivo-signature-v3": b"y",
            b"x-plivo-signature-v3-nonce": b"1",
            b"x-plivo-signature-v2": b"z",
            b"x-plivo-signature-v2-nonce": b"1",
        }
    )
    said = diagnosis.checked(made, Request("POST", "https://a.example/message", (("q", "1"),), ()))
    assert said == (
        "X-Plivo-Signature-V3, X-Plivo-Signature-Ma-V3, X-Plivo-Signature-V2 over https://a.example/message"
    )


@pytest.mark.parametrize(
    "budget", [diagnosis.DiagnosisBudget(59, 1.0, lambda: 0.0), diagnosis.DiagnosisBudget(10_000, 1.0, lambda: 1.0)]
)
def test_a_diagnosis_ends_with_its_budget(budget: diagnosis.DiagnosisBudget) -> None:
    """When HMACs or time are used up, the rest of the variants is not tried; the advice is as good as it gets."""
    headers = plivo_sdk.headers("POST", "https://internal:8080/message", ())
    made = signature_headers({name.lower().encode(): value.encode() for name, value in headers.items()})
    tokens = [*(Token(f"{number}") for number in range(19)), Token(plivo_sdk.TOKEN)]
    request = Request("POST", "https://a.example/message", (), ())
    said = diagnosis.advice(made, request, "https://a.example", tokens, SEEN, budget)
    assert said.startswith("the usual variants of the URL do not match: check that [plivo] auth_tokens")


def test_nothing_to_compare_needs_no_diagnosis() -> None:
    """Values that cannot be signatures are named as what they are, without an HMAC."""
    made = signature_headers({b"x-plivo-signature-v3": b"bad", b"x-plivo-signature-v3-nonce": b"1"})
    budget = diagnosis.DiagnosisBudget(0, 0.0, lambda: 0.0)
    request = Request("POST", "https://a.example/message", (), ())
    assert diagnosis.advice(made, request, "https://a.example", [], SEEN, budget) == diagnosis.NOTHING_TO_COMPARE
