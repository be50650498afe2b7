"""The targets page: the state of each in a sentence, its queue, what its receiver last said; pause and resume."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.operations import deliveries
from app.operations.targets import list_details
from app.web.console.console import WHO, console_of
from app.web.console.forms import Form, post
from app.web.console.notices import back_to

PAGE = 25  # targets


async def _page(request: Request) -> Response:
    console = console_of(request)
    name = request.query_params.get("name", "").strip()
    number = _page_number(request.query_params.get("page", ""))
    found = await list_details(console.service.store, name, (number - 1) * PAGE, PAGE)
    last = max((found.total + PAGE - 1) // PAGE, 1)
    pages = {"Previous": number - 1, "Next": number + 1}
    return console.views.page(
        request,
        "targets.html",
        targets=found.targets,
        total=found.total,
        name=name,
        number=number,
        last=last,
        links={label: _url(name, to) for label, to in pages.items() if 1 <= to <= last},
    )


async def _pause(request: Request, form: Form) -> Response:
    store, target = console_of(request).service.store, form.get("target", "")
    changed = await deliveries.pause(store, WHO, target)
    notice = f"{target} is paused: its reports are kept." if changed else f"{target} was paused already."
    return back_to(_url(target, 1), notice)


async def _resume(request: Request, form: Form) -> Response:
    store, target = console_of(request).service.store, form.get("target", "")
    done = await deliveries.resume(store, WHO, target)
    if done.before.failing or done.before.busy:
        notice = f"{target} is tried now, with the delivery that has waited longest."
    else:
        notice = f"{target} is resumed." if done.was_paused else f"{target} was not paused."
    return back_to(_url(target, 1), notice)


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 7 else 1  # noqa: PLR2004 - a page


def _url(name: str, number: int) -> str:
    query = ({"name": name} if name else {}) | ({"page": str(number)} if number > 1 else {})
    return f"/console/targets{'?' if query else ''}{urlencode(query)}"


ROUTES = [
    Route("/targets", _page),
    post("/targets/pause", _pause),
    post("/targets/resume", _resume),
]
