"""The session of a browser: a signed cookie after the log-in, and the token that every form of it holds.

Both are signed with a key derived from the token of `[admin]`, so nothing is stored. A session survives a restart, is
known to every replica, and ends when the token is changed.
"""

import hmac
import secrets
from hashlib import sha256

from itsdangerous import BadSignature, Signer, TimestampSigner

COOKIE = "autoreply_session"
LIFETIME = 12 * 3600  # seconds


class Sessions:
    """The sessions of one console. Without a token, in `dev`, the key lives as long as the process."""

    def __init__(self, token: str | None) -> None:
        secret = token or secrets.token_hex(32)
        self._token = token
        self._cookies = TimestampSigner(secret, salt="autoreply.session", digest_method=sha256, key_derivation="hmac")
        self._forms = Signer(secret, salt="autoreply.form", digest_method=sha256, key_derivation="hmac")

    def is_token(self, given: str) -> bool:
        """Return whether this is the token of `[admin]`."""
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def begin(self) -> str:
        """Return the cookie of a new session."""
        return self._cookies.sign(secrets.token_urlsafe(16)).decode()

    def read(self, cookie: str | None) -> str | None:
        """Return the id of the session of a cookie; None: it is not ours, or has expired."""
        if cookie is None:
            return None
        try:
            return self._cookies.unsign(cookie, max_age=LIFETIME).decode()
        except BadSignature:
            return None

    def form_token(self, session: str) -> str:
        """Return the token for the forms of a session, which no page of a stranger can know (CSRF)."""
        return self._forms.get_signature(session).decode()

    def is_form_token(self, session: str, given: str) -> bool:
        """Return whether this token is that of the session."""
        return self._forms.verify_signature(session, given)
