"""The targets page: the state of each in a sentence, its queue, what its receiver last said; pause and resume."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.operations import deliveries
from app.operations.targets import list_details
from app.web.console.console import WHO, Console
from app.web.console.forms import Form, post
from app.web.console.notices import back_to

PAGE = 25  # targets


def target_routes(console: Console) -> list[Route]:
    """Return the routes of the targets."""
    store, views = console.service.store, console.views

    async def page(request: Request) -> Response:
        name = request.query_params.get("name", "").strip()
        number = _page_number(request.query_params.get("page", ""))
        found = await list_details(store, name, (number - 1) * PAGE, PAGE)
        last = max((found.total + PAGE - 1) // PAGE, 1)
        pages = {"Previous": number - 1, "Next": number + 1}
        return views.page(
            request,
            "targets.html",
            targets=found.targets,
            total=found.total,
            name=name,
            number=number,
            last=last,
            links={label: _url(name, to) for label, to in pages.items() if 1 <= to <= last},
        )

    async def pause(_: Request, form: Form) -> Response:
        target = form.get("target", "")
        changed = await deliveries.pause(store, WHO, target)
        said = f"{target} is paused: its reports are kept." if changed else f"{target} was paused already."
        return back_to(_url(target, 1), said)

    async def resume(_: Request, form: Form) -> Response:
        target = form.get("target", "")
        done = await deliveries.resume(store, WHO, target)
        if done.before.failing or done.before.busy:
            said = f"{target} is tried now, with the delivery that has waited longest."
        else:
            said = f"{target} is resumed." if done.was_paused else f"{target} was not paused."
        return back_to(_url(target, 1), said)

    return [
        Route("/targets", page),
        post("/targets/pause", pause, console.sessions),
        post("/targets/resume", resume, console.sessions),
    ]


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 7 else 1  # noqa: PLR2004 - a page


def _url(name: str, number: int) -> str:
    query = ({"name": name} if name else {}) | ({"page": str(number)} if number > 1 else {})
    return f"/console/targets{'?' if query else ''}{urlencode(query)}"
