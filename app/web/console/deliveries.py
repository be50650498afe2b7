"""The deliveries page: dead ones unless another state is asked for; replay or drop some of them, or all that match."""

from typing import Literal, get_args
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.operations import deliveries
from app.operations.deliveries import DeliveryList, Selection
from app.operations.errors import OperationRefused
from app.operations.status import list_summaries
from app.operations.times import span_in_words
from app.web.console.console import WHO, console_of
from app.web.console.forms import Form, post
from app.web.console.notices import back_to
from app.web.console.views import plural

PAGE = 50  # deliveries
Verb = Literal["replay", "drop"]
VERBS: tuple[Verb, ...] = get_args(Verb)
STATES = ("dead", "due", "dropped", "done")
ANY = "any"
STATUSES = ("queued", "sent", "delivered", "undelivered", "failed", "rejected", "read", "received")
ID_DIGITS = 18  # of a delivery, at most


async def _page(request: Request) -> Response:
    console = console_of(request)
    query = _query(dict(request.query_params))
    cursor = request.query_params.get("cursor") or None
    faults: list[str] = []
    try:
        found = await deliveries.list_deliveries(console.service.store, _selection(query), PAGE, cursor)
    except OperationRefused as refusal:
        faults.append(str(refusal))
        found = DeliveryList((), {})
    return console.views.page(
        request,
        "deliveries.html",
        found=found,
        query=query,
        is_filtered=query != {"state": "dead"},
        faults=faults,
        is_first=cursor is None,
        older=f"?{urlencode(query | {'cursor': found.next})}" if found.next else None,
        first=f"?{urlencode(query)}",
        ticked=f"?{urlencode(query | {'ticked': 'all'} | ({'cursor': cursor} if cursor else {}))}",
        is_ticked=request.query_params.get("ticked") == "all",
        targets=[one.name for one in await list_summaries(console.service.store)],
        states=STATES,
        statuses=STATUSES,
    )


async def _confirm(request: Request, form: Form) -> Response:
    console = console_of(request)
    verb, _, every = form.get("action", "").partition("-")
    query = _query(dict(form))
    back = f"/console/deliveries?{urlencode(query)}"
    which = _selection(query) if every == "all" else Selection(ids=_ids(form))
    if not (which.ids or every == "all"):
        return back_to(back, "Nothing is done: tick at least one delivery first.")
    plan_it = deliveries.plan_drop if _verb(verb) == "drop" else deliveries.plan_replay
    plan = await plan_it(console.service.store, which)
    return console.views.page(
        request, "confirm.html", verb=verb, plan=plan, which=which, query=query, back=back, rate=deliveries.RATE
    )


async def _change(request: Request, form: Form) -> Response:
    console = console_of(request)
    verb, query = _verb(form.get("action", "")), _query(dict(form))
    which = Selection(ids=_ids(form)) if form.getlist("id") else _selection(query)
    back = f"/console/deliveries?{urlencode(query)}"
    if verb == "drop":
        dropped = await deliveries.drop(console.service.store, WHO, which)
        return back_to(back, f"{plural(dropped.changed, 'delivery', 'deliveries')} dropped.")
    done = await deliveries.replay(console.service.store, WHO, which)
    paced = f" The last one is due in {span_in_words(done.last_due_in)}." if done.last_due_in else ""
    return back_to(back, f"{plural(done.changed, 'delivery', 'deliveries')} due again.{paced}")


def _query(given: dict[str, str]) -> dict[str, str]:
    """Return the filter that was given; without a state, the dead ones."""
    query = {name: given[name].strip() for name in ("target", "status") if given.get(name, "").strip()}
    state = given.get("state", "")
    return query | {"state": state if state in (*STATES, ANY) else "dead"}


def _selection(query: dict[str, str]) -> Selection:
    states = () if query["state"] == ANY else (query["state"],)
    return Selection(target=query.get("target"), states=states, status=query.get("status"))


def _ids(form: Form) -> tuple[int, ...]:
    given = form.getlist("id")
    if not all(one.isascii() and one.isdigit() and len(one) <= ID_DIGITS for one in given):
        raise HTTPException(400, "a delivery of this form has no number for an id")
    return tuple(map(int, given))


def _verb(given: str) -> Verb:
    for verb in VERBS:
        if verb == given:
            return verb
    raise HTTPException(400, "this form says neither replay nor drop")


ROUTES = [
    Route("/deliveries", _page),
    post("/deliveries/confirm", _confirm),
    post("/deliveries/change", _change),
]
