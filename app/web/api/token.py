"""The check of the token of `[admin]`: a Bearer token, https://www.rfc-editor.org/rfc/rfc6750."""

import hmac

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.api.problems import problem

REALM = 'Bearer realm="plivo-autoreply"'


class TokenCheck:
    """Respond with 401 to a call without the token, and with 404 if there is none."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or refuse it."""
        await (self._problem(scope) or self._app)(scope, receive, send)

    def _problem(self, scope: Scope) -> Response | None:
        if self._token is None:
            return problem(404, "the API is disabled; set [admin] token to enable it")
        scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            detail = "send the header Authorization: Bearer with the token of [admin]"
            return problem(401, detail, {"WWW-Authenticate": REALM})
        if not hmac.compare_digest(given.strip(), self._token):
            headers = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
            return problem(401, "this is not the token of [admin]", headers)
        return None
