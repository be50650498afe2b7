"""What stands before every page: the session, where a request comes from, and the headers of every response."""

from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.console.session import COOKIE, LIFETIME, Sessions

LOGIN = "/login"
STATIC = "/static/"
SAFE = ("GET", "HEAD")
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Let requests of a session through; send others to the log-in page.

    With `is_open`, which only `dev` uses, each browser gets a session without a token.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, *, is_open: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its session in `request.state`, or respond."""
        request = HTTPConnection(scope)
        session = self._sessions.read(request.cookies.get(COOKIE))
        cookie = None
        if session is None and self._is_open:
            cookie = self._sessions.begin()
            session = self._sessions.read(cookie)
        scope.setdefault("state", {})
        scope["state"] |= {
            "session": session,
            "form_token": self._sessions.form_token(session) if session else "",
            "can_log_out": not self._is_open,
        }
        refusal = self._refusal(request, session)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message, cookie_header(cookie, request) if cookie else None)
            await send(message)

        await (refusal or self._app)(scope, receive, sending)

    def _refusal(self, request: HTTPConnection, session: str | None) -> Response | None:
        path, method = path_below(request.scope), request.scope["method"]
        if method not in SAFE and not is_same_origin(request.headers):
            return PlainTextResponse("this request comes from another site\n", 403)
        if session is not None or path == LOGIN or path.startswith(STATIC):
            return None
        if method in SAFE and request.headers.get("sec-fetch-mode", "navigate") == "navigate":
            return RedirectResponse(f"/console/login?next={quote(_target(request), safe='')}", 303)
        return PlainTextResponse("log in at /console/login\n", 401)


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a request that changes something comes from one of our pages.

    Browsers say so in Sec-Fetch-Site, older ones in Origin. A program that sends neither is no browser that a page of a
    stranger could use.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


def cookie_header(value: str, request: HTTPConnection) -> str:
    """Return the Set-Cookie header of a session; an empty value ends it."""
    secure = "; Secure" if "https" in (request.url.scheme, request.headers.get("x-forwarded-proto")) else ""
    age = LIFETIME if value else 0
    return f"{COOKIE}={value}; Max-Age={age}; Path=/console; HttpOnly; SameSite=Lax{secure}"


def path_below(scope: Scope) -> str:
    """Return the path below the mount: "/login" of /console/login."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _target(request: HTTPConnection) -> str:
    """Return where to go after the log-in."""
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"/console{path_below(request.scope)}{'?' if query else ''}{query}"


def _add_headers(message: MutableMapping[str, Any], cookie: str | None) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if cookie:
        headers.append("Set-Cookie", cookie)
