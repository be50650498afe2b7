"""One sentence on the result of an action, for the next page that the browser opens."""

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

COOKIE = "autoreply_notice"
LONGEST = 500  # characters
SECONDS = 60


def back_to(path: str, notice: str) -> RedirectResponse:
    """Return the response to an action: go to the page that shows its result, and show a notice there."""
    response = RedirectResponse(path, 303)
    value = notice[:LONGEST].encode().hex()  # a cookie holds ASCII without blanks
    response.set_cookie(COOKIE, value, max_age=SECONDS, path="/console", httponly=True, samesite="lax")
    return response


def take(request: HTTPConnection) -> str:
    """Return the notice that the last action left, or an empty text."""
    try:
        return bytes.fromhex(request.cookies.get(COOKIE, "")).decode()[:LONGEST]
    except ValueError:
        return ""


def forget(response: Response) -> None:
    """Let the browser forget the notice that this response shows."""
    response.delete_cookie(COOKIE, path="/console")
