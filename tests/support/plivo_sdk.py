"""Plivo's side of the wire. Signatures are made and judged by Plivo's own SDK, never by the code under test."""

import base64
import hashlib
import hmac
import itertools
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlencode

from plivo.utils import validate_signature
from plivo.utils.signature_v3 import construct_get_url, construct_post_url, get_signature_v3, validate_v3_signature

Scheme = Literal["V2", "Ma-V2", "V3", "Ma-V3"]
SCHEMES: tuple[Scheme, ...] = ("V2", "Ma-V2", "V3", "Ma-V3")
Pairs = Sequence[tuple[str, str]]

TOKEN = "test-auth-token"
_nonces = (f"{number:020d}" for number in itertools.count(7))


def headers(
    method: str,
    url: str,
    params: Pairs,
    scheme: Scheme = "V3",
    *,
    token: str = TOKEN,
    nonce: str | None = None,
) -> dict[str, str]:
    """The signature headers of a request; `url` without query, `params` are its query (GET) or its form (POST)."""
    nonce = next(_nonces) if nonce is None else nonce
    family = scheme[-2:]
    signature = _v2(url, nonce, token) if family == "V2" else _v3(method, url, params, nonce, token)
    return {f"X-Plivo-Signature-{scheme}": signature, f"X-Plivo-Signature-{family}-Nonce": nonce}


def _v2(url: str, nonce: str, token: str) -> str:
    signature = base64.b64encode(hmac.digest(token.encode(), f"{url}{nonce}".encode(), hashlib.sha256)).decode()
    assert validate_signature(url, nonce, signature, token), "the SDK refuses what this helper signed"
    return signature


def _v3(method: str, url: str, params: Pairs, nonce: str, token: str) -> str:
    grouped: dict[str, str | list[str]] = {}
    for name in dict.fromkeys(name for name, _ in params):
        values = [value for key, value in params if key == name]
        grouped[name] = values if len(values) > 1 else values[0]
    base = construct_get_url(url, dict(grouped)) if method == "GET" else construct_post_url(url, dict(grouped))
    signature: str = get_signature_v3(token.encode(), base.decode(), nonce.encode()).decode()
    assert validate_v3_signature(method, url, nonce, token, signature, dict(grouped)), "the SDK refuses its own"
    return signature


_uuids = itertools.count(1)


def message(**changes: str) -> list[tuple[str, str]]:
    """The fields of an inbound SMS, as captured."""
    fields = {
        "From": "33700000001",
        "MessageIntent": "",
        "MessageUUID": f"00000000-0000-0000-0000-{next(_uuids):012d}",
        "PowerpackUUID": "",
        "Text": "hello",
        "To": "33644600000",
        "TotalAmount": "0",
        "TotalRate": "0",
        "Type": "sms",
        "Units": "1",
    }
    return list((fields | changes).items())


def report(**changes: str) -> list[tuple[str, str]]:
    """The fields of a delivery report."""
    fields = {
        "ErrorCode": "",
        "From": "33644600000",
        "MCC": "208",
        "MNC": "01",
        "MessageTime": "2026-03-02 10:00:00.000000",
        "MessageUUID": f"11111111-0000-0000-0000-{next(_uuids):012d}",
        "ParentMessageUUID": "",
        "PartInfo": "1 of 1",
        "Sequence": "1",
        "Status": "delivered",
        "To": "33700000001",
        "TotalAmount": "0.0075",
        "TotalRate": "0.0075",
        "Units": "1",
    }
    return list((fields | changes).items())


def form(params: Pairs) -> str:
    """As Plivo encodes fields."""
    return urlencode(params)
