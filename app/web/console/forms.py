"""Forms: the fields of a POST, and the check that one of our pages sent it (CSRF)."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.plivo.refusals import TooLarge
from app.web.console.console import console_of
from app.web.request import ClientGone, read_body

FIELD = "form_token"
BODY_LIMIT = 256 * 1024  # bytes
FIELD_LIMIT = 2_000
MEDIA_TYPE = "application/x-www-form-urlencoded"

Form = ImmutableMultiDict[str, str]
Action = Callable[[Request, Form], Awaitable[Response]]


def post(path: str, action: Action) -> Route:
    """Return the route of an action. It is called only for a form of this session."""

    async def checked(request: Request) -> Response:
        form = await read_form(request)
        if not console_of(request).sessions.is_form_token(request.state.session, form.get(FIELD, "")):
            raise HTTPException(403, "this form has expired; open the page again and repeat what you did")
        return await action(request, form)

    return Route(path, checked, methods=["POST"])


async def read_form(request: Request) -> Form:
    """Read the fields of a form. Raises `HTTPException`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise HTTPException(415, f"send a form as {MEDIA_TYPE}")
    fields = dict(request.scope["headers"])
    try:
        body = await read_body(fields, request.receive, BODY_LIMIT)
        return ImmutableMultiDict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELD_LIMIT))
    except TooLarge:
        raise HTTPException(413, "this form is too large") from None
    except ClientGone:
        raise HTTPException(400, "the request is incomplete") from None
    except ValueError:
        raise HTTPException(400, "this is not a form in UTF-8 with a reasonable number of fields") from None
