"""Log in with the token of `[admin]`, and log out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.web.console.console import console_of, log_wrong_tokens
from app.web.console.forms import Form, post, read_form
from app.web.console.guard import cookie_header

HOME = "/console/"


async def _show_form(request: Request) -> Response:
    target = _local(request.query_params.get("next"))
    return console_of(request).views.page(request, "login.html", next=target, is_wrong=False)


async def _log_in(request: Request) -> Response:
    console, form = console_of(request), await read_form(request)
    target = _local(form.get("next"))
    if not console.sessions.is_token(form.get("token", "").strip()):
        if console.wrong_tokens.admit(""):
            log_wrong_tokens("", 1)
        return console.views.page(request, "login.html", 403, next=target, is_wrong=True)
    response = RedirectResponse(target, 303)
    response.headers["Set-Cookie"] = cookie_header(console.sessions.begin(), request)
    return response


async def _log_out(request: Request, _: Form) -> Response:
    response = RedirectResponse("/console/login", 303)
    response.headers["Set-Cookie"] = cookie_header("", request)
    return response


def _local(target: str | None) -> str:
    """Return where to go after the log-in: a page of the console, never another site."""
    if target and target.startswith(HOME) and "\\" not in target and target.isprintable():
        return target
    return HOME


ROUTES = [
    Route("/login", _show_form),
    Route("/login", _log_in, methods=["POST"]),
    post("/logout", _log_out),
]
