"""Sign requests as Standard Webhooks define.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every secret
SECRET_BYTES = range(24, 65)  # https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"


class Secret:
    """A signing secret of Standard Webhooks: `whsec_` and Base64. Its value is never shown."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        """Decode a secret. Raises `ValueError`, whose message does not contain the value."""
        try:
            self._key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            self._key = b""
        if not text.startswith(SECRET_PREFIX) or len(self._key) not in SECRET_BYTES:
            message = "not whsec_ followed by the Base64 of 24 to 64 bytes; `plivo-autoreply secret` prints a secret"
            raise ValueError(message)

    def __repr__(self) -> str:
        return "Secret(..)"

    def sign(self, content: bytes) -> str:
        """Return the `v1` signature of `content`, which is id.timestamp.body."""
        return "v1," + base64.b64encode(hmac.digest(self._key, content, hashlib.sha256)).decode()


def webhook_headers(identifier: str, timestamp: int, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """Return `webhook-id`, `webhook-timestamp` and, if there are secrets, one signature for each of them (rotation)."""
    headers = {"webhook-id": identifier, "webhook-timestamp": str(timestamp)}
    if secrets:
        content = f"{identifier}.{timestamp}.".encode() + body
        headers["webhook-signature"] = " ".join(secret.sign(content) for secret in secrets)
    return headers
