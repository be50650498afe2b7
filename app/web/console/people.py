"""The page of a person: what they wrote, what they got, their opt-outs and limits, and what can be done about them."""

import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.operations import limits, opt_outs, people
from app.operations.addresses import spellings
from app.operations.history import History, history
from app.operations.running_service import RunningService
from app.plivo.numbers import show
from app.web.console.console import WHO, console_of
from app.web.console.forms import Form, post
from app.web.console.notices import back_to
from app.web.console.views import plural

SHOWN = 50  # messages


async def _person(request: Request) -> Response:
    service = console_of(request).service
    who = request.path_params["number"]
    found = await history(service.store, who, service.read_address, SHOWN)
    is_known = not found.is_empty or found.opt_outs
    plan = await limits.plan_reset(service.store, who, service.read_address) if is_known else None
    return console_of(request).views.page(
        request,
        "person.html",
        who=who,
        found=found,
        messages=found.messages[::-1],
        counted=plan.rows if plan else None,
        numbers=sorted({one.recipient for one in found.messages} | {one.number for one in found.opt_outs}),
        shown=SHOWN,
        is_own=_is_own(service, found, who),
    )


async def _change_opt_out(request: Request, form: Form) -> Response:
    service = console_of(request).service
    who, out = request.path_params["number"], form.get("out") == "yes"
    number = form.get("number", "")
    plan = await opt_outs.plan_change(service.store, number, who, service.read_address, out=out)
    changed = await opt_outs.change_opt_out(service.store, WHO, plan)
    what = f"{show(plan.person.address)} gets {'nothing' if out else 'messages'} from {show(plan.number.address)}"
    return back_to(person_page(who), f"{what}{'' if changed else ', as before'}.")


async def _reset(request: Request, _: Form) -> Response:
    service = console_of(request).service
    who = request.path_params["number"]
    plan = await limits.plan_reset(service.store, who, service.read_address)
    rows = await limits.reset(service.store, WHO, plan)
    return back_to(person_page(who), f"Limits and cooldowns are reset: {plural(rows, 'row')} forgotten.")


async def _confirm_forget(request: Request) -> Response:
    service = console_of(request).service
    who = request.path_params["number"]
    plan = await _plan_forget(service, who, also_opt_out=False)
    return console_of(request).views.page(request, "forget.html", who=who, plan=plan, at=time.time())


async def _forget(request: Request, form: Form) -> Response:
    service = console_of(request).service
    who, also_opt_out = request.path_params["number"], form.get("also_opt_out") == "yes"
    plan = await _plan_forget(service, who, also_opt_out=also_opt_out)
    rows = await people.forget(service.store, WHO, plan)
    return back_to("/console/", f"{plural(rows, 'row')} of {show(plan.person.address)} erased.")


async def _plan_forget(service: RunningService, who: str, *, also_opt_out: bool) -> people.ForgetPlan:
    own = service.runtime().table.by_number
    return await people.plan_forget(service.store, who, service.read_address, own, also_opt_out=also_opt_out)


def _is_own(service: RunningService, found: History, who: str) -> bool:
    """Return whether this is one of our own numbers: of the configuration, or one that only others write to."""
    meant = set(spellings(who, service.read_address))
    only_received = all(one.recipient in meant and one.sender not in meant for one in found.messages)
    return not meant.isdisjoint(service.runtime().table.by_number) or (bool(found.messages) and only_received)


def person_page(who: str) -> str:
    """Return the address of the page of a person."""
    return f"/console/people/{quote(who, safe='+')}"


ROUTES = [
    Route("/people/{number}", _person),
    post("/people/{number}/opt-out", _change_opt_out),
    post("/people/{number}/reset", _reset),
    Route("/people/{number}/forget", _confirm_forget),
    post("/people/{number}/forget", _forget),
]
