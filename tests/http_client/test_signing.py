"""What we post is signed so that the reference verifier of Standard Webhooks agrees."""

import base64
import json
import secrets as random
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.http_client import Secret, webhook_headers

ONE, TWO = (f"whsec_{base64.b64encode(random.token_bytes(24)).decode()}" for _ in range(2))


@pytest.mark.parametrize("body", [b"{}", json.dumps({"text": "déjà 👍\n"}, ensure_ascii=False).encode(), b'"a.b"'])
def test_the_reference_verifier_agrees(body: bytes) -> None:
    """The signature is what the standard's own library accepts."""
    headers = webhook_headers("00000000-0000.menu", int(time.time()), body, [Secret(ONE)])
    assert Webhook(ONE).verify(body, headers) == json.loads(body)


def test_several_secrets() -> None:
    """During rotation each secret's holder can verify; a stranger's secret cannot."""
    headers = webhook_headers("id", int(time.time()), b"{}", [Secret(ONE), Secret(TWO)])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (ONE, TWO):
        Webhook(secret).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(encoded(24)).verify(b"{}", headers)


def test_every_part_is_signed() -> None:
    """Id, timestamp and body are covered."""
    headers = webhook_headers("id", int(time.time()), b"{}", [Secret(ONE)])
    earlier = str(int(headers["webhook-timestamp"]) - 7)
    for body, change in ((b"{}", {"webhook-id": "other"}), (b"{}", {"webhook-timestamp": earlier}), (b"[]", {})):
        with pytest.raises(WebhookVerificationError):
            Webhook(ONE).verify(body, headers | change)


def test_without_secrets_nothing_is_signed() -> None:
    """Id and timestamp go out in any case, so that a receiver can tell a repeat."""
    assert webhook_headers("id", 5, b"{}", []) == {"webhook-id": "id", "webhook-timestamp": "5"}


def encoded(size: int) -> str:
    """A secret of this many bytes."""
    return f"whsec_{base64.b64encode(b'k' * size).decode()}"


@pytest.mark.parametrize("text", [encoded(24), encoded(25), encoded(64)])
def test_good_secrets(text: str) -> None:
    """24 to 64 bytes."""
    Webhook(text).verify(b"{}", webhook_headers("id", int(time.time()), b"{}", [Secret(text)]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        encoded(23),
        encoded(65),
        encoded(24).removeprefix("whsec_"),
        encoded(24).upper(),
        encoded(25).rstrip("="),
        f"{encoded(24)}\n",
        f"whsec_ {encoded(24)[6:]}",
        "whsec_" + "*" * 32,
        "whsec_" + "é" * 32,
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 24).decode(),
    ],
)
def test_bad_secrets(text: str) -> None:
    """A secret that could not sign is refused, in words that do not repeat it."""
    with pytest.raises(ValueError, match="whsec_ followed by the Base64 of 24 to 64 bytes") as caught:
        Secret(text)
    assert len(text) < 8 or text not in str(caught.value)


def test_a_secret_is_not_printed() -> None:
    """G12: no log shows a secret."""
    assert f"{Secret(ONE)!r} {Secret(ONE)}" == "Secret(..) Secret(..)"
