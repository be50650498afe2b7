"""The page of a person: what they wrote, what they got, their opt-outs and limits, and what can be done about them."""

import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.operations import limits, opt_outs, people
from app.operations.history import history
from app.plivo.numbers import show
from app.web.console.console import WHO, Console
from app.web.console.forms import Form, post
from app.web.console.notices import back_to
from app.web.console.views import plural

SHOWN = 50  # messages


def people_routes(console: Console) -> list[Route]:
    """Return the routes of people."""
    service, views = console.service, console.views
    store, read = service.store, service.read_address

    async def person(request: Request) -> Response:
        who = request.path_params["number"]
        found = await history(store, who, read, SHOWN)
        plan = await limits.plan_reset(store, who, read) if not found.is_empty or found.opt_outs else None
        return views.page(
            request,
            "person.html",
            who=who,
            found=found,
            messages=found.messages[::-1],
            counted=plan.rows if plan else None,
            numbers=sorted({one.recipient for one in found.messages} | {one.number for one in found.opt_outs}),
            shown=SHOWN,
        )

    async def change_opt_out(request: Request, form: Form) -> Response:
        who, out = request.path_params["number"], form.get("out") == "yes"
        plan = await opt_outs.plan_change(store, form.get("number", ""), who, read, out=out)
        changed = await opt_outs.change_opt_out(store, WHO, plan)
        person, number = show(plan.person.address), show(plan.number.address)
        said = f"{person} gets {'nothing' if out else 'messages'} from {number}{'' if changed else ', as before'}."
        return back_to(_page_of(who), said)

    async def reset(request: Request, _: Form) -> Response:
        who = request.path_params["number"]
        rows = await limits.reset(store, WHO, await limits.plan_reset(store, who, read))
        return back_to(_page_of(who), f"Limits and cooldowns are reset: {plural(rows, 'row')} forgotten.")

    async def confirm_forget(request: Request) -> Response:
        who = request.path_params["number"]
        plan = await people.plan_forget(store, who, read, service.runtime().table.by_number, also_opt_out=False)
        return views.page(request, "forget.html", who=who, plan=plan, at=time.time())

    async def forget(request: Request, form: Form) -> Response:
        who, also = request.path_params["number"], form.get("also_opt_out") == "yes"
        own = service.runtime().table.by_number
        plan = await people.plan_forget(store, who, read, own, also_opt_out=also)
        rows = await people.forget(store, WHO, plan)
        return back_to("/console/", f"{plural(rows, 'row')} of {show(plan.person.address)} erased.")

    return [
        Route("/people/{number}", person),
        post("/people/{number}/opt-out", change_opt_out, console.sessions),
        post("/people/{number}/reset", reset, console.sessions),
        Route("/people/{number}/forget", confirm_forget),
        post("/people/{number}/forget", forget, console.sessions),
    ]


def _page_of(who: str) -> str:
    return f"/console/people/{quote(who, safe='+')}"
