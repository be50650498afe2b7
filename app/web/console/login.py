"""Log in with the token of `[admin]`, and log out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.telemetry import get_logger
from app.telemetry.throttle import Throttle
from app.web.console.console import Console
from app.web.console.forms import Form, post, read_form
from app.web.console.guard import cookie_header

log = get_logger("console")

HOME = "/console/"


def login_routes(console: Console) -> list[Route]:
    """Return the routes of the log-in form."""
    wrong: Throttle[str] = Throttle(1, 60.0, lambda _, count: log.warning("wrong token at the log-in", count=count))

    async def show_form(request: Request) -> Response:
        return console.views.page(request, "login.html", next=_local(request.query_params.get("next")), is_wrong=False)

    async def log_in(request: Request) -> Response:
        form = await read_form(request)
        target = _local(form.get("next"))
        if not console.sessions.is_token(form.get("token", "").strip()):
            if wrong.admit(""):
                log.warning("wrong token at the log-in", count=1)
            return console.views.page(request, "login.html", 403, next=target, is_wrong=True)
        response = RedirectResponse(target, 303)
        response.headers["Set-Cookie"] = cookie_header(console.sessions.begin(), request)
        return response

    async def log_out(request: Request, _: Form) -> Response:
        response = RedirectResponse("/console/login", 303)
        response.headers["Set-Cookie"] = cookie_header("", request)
        return response

    return [
        Route("/login", show_form),
        Route("/login", log_in, methods=["POST"]),
        post("/logout", log_out, console.sessions),
    ]


def _local(target: str | None) -> str:
    """Return where to go after the log-in: a page of the console, never another site."""
    if target and target.startswith(HOME) and "\\" not in target and target.isprintable():
        return target
    return HOME
