"""The messages page with its filters, the page of one message, and the search of the header."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NoReturn
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.operations import deliveries
from app.operations.deliveries import Selection
from app.operations.errors import OperationRefused
from app.operations.history import History, MessageRecord, history
from app.operations.messages import OUTCOMES, MessageFilter, MessagePage, list_messages
from app.operations.timeline import timeline
from app.plivo.messages import IDENTIFIER
from app.plivo.numbers import show
from app.web.console.console import WHO, Console, console_of
from app.web.console.forms import Form, post
from app.web.console.notices import back_to
from app.web.console.people import person_page
from app.web.console.views import plural, zone_of

PAGE = 50  # messages
FILTERS = ("route", "rule", "outcome", "number", "since", "until")


async def _listing(request: Request, template: str) -> Response:
    console = console_of(request)
    query = {name: value for name in FILTERS if (value := request.query_params.get(name, "").strip())}
    faults: list[str] = []
    wanted = _read_filter(query, zone_of(request), faults)
    cursor = request.query_params.get("cursor") or None
    try:
        page = await list_messages(console.service.store, wanted, console.service.read_address, cursor, PAGE)
    except OperationRefused as refusal:
        faults.append(str(refusal))
        page = MessagePage((), None)
    older = f"?{urlencode(query | {'cursor': page.next})}" if page.next else None
    table = console.service.runtime().table
    return console.views.page(
        request,
        template,
        messages=page.messages,
        older=older,
        is_first=cursor is None,
        query=query,
        query_string=urlencode(query),
        faults=faults,
        routes=sorted(table.by_name),
        rules=sorted({rule.name for rule in table.rules if rule.name}),
        outcomes=OUTCOMES,
    )


async def _messages(request: Request) -> Response:
    return await _listing(request, "messages.html")


async def _rows(request: Request) -> Response:
    return await _listing(request, "message_rows.html")


async def _one(request: Request) -> Response:
    console = console_of(request)
    uuid = request.path_params["message_uuid"]
    message, found = await _look_up(console, uuid)
    if message is None:  # Plivo's id of a reply, or of a message that was sent by other means
        return RedirectResponse(_page_of(found, uuid) or _missing(), 303)
    replayable = [each.id for each in _deliveries(message) if each.state == "dead"]
    opt_outs = [each for each in found.opt_outs if each.ended_at is None and each.number == message.recipient]
    return console.views.page(
        request,
        "message.html",
        message=message,
        events=timeline(message),
        replayable=replayable,
        opt_outs=opt_outs,
        explain=_explain_url(message),
    )


async def _replay(request: Request, _: Form) -> Response:
    console = console_of(request)
    message, _found = await _look_up(console, request.path_params["message_uuid"])
    message = message or _missing()
    dead = tuple(each.id for each in _deliveries(message) if each.state == "dead")
    done = await deliveries.replay(console.service.store, WHO, Selection(ids=dead)) if dead else None
    notice = f"{plural(done.changed if done else 0, 'delivery', 'deliveries')} due again."
    return back_to(f"/console/messages/{message.message_uuid}", notice)


async def _search(request: Request) -> Response:
    console = console_of(request)
    text = request.query_params.get("q", "").strip()
    if not text:
        return RedirectResponse("/console/", 303)
    found = await history(console.service.store, text, console.service.read_address, 1)
    return RedirectResponse(_page_of(found, text) or person_page(text), 303)


async def _look_up(console: Console, message_uuid: str) -> tuple[MessageRecord | None, History]:
    """Return a message, if it is an inbound one, with the history of its MessageUUID.

    Raises `HTTPException` for what is no MessageUUID.
    """
    if not IDENTIFIER.fullmatch(message_uuid):
        _missing()
    found = await history(console.service.store, message_uuid, console.service.read_address, 1)
    return next((one for one in found.messages if one.message_uuid == message_uuid), None), found


def _page_of(found: History, uuid: str) -> str | None:
    """Return the page that shows a MessageUUID: the message that it is of, or that a reply to it was reported for.

    A report of a message that was sent by other means stands on the page of the person. None: it is no MessageUUID.
    """
    for message in found.messages:
        if uuid == message.message_uuid or any(uuid == report.message_uuid for report in message.reports):
            return f"/console/messages/{message.message_uuid}"
    reported = (one for one in found.reports if uuid in (one.message_uuid, one.in_reply_to))
    return next((person_page(show(one.recipient)) for one in reported), None)


def _missing() -> NoReturn:
    raise HTTPException(404, "No message with this MessageUUID is stored. It may be older than [store] keep.")


def _deliveries(message: MessageRecord) -> Iterator[deliveries.DeliveryRecord]:
    yield from message.deliveries
    for report in message.reports:
        yield from report.deliveries


def _read_filter(query: dict[str, str], zone: tzinfo, faults: list[str]) -> MessageFilter:
    """Read the fields of the filter; what cannot be read is left out, and said in `faults`."""

    def at(name: str) -> float | None:
        try:
            read = datetime.fromisoformat(query[name]) if name in query else None
        except ValueError:
            faults.append(f"{name}: {query[name]!r} is no time; write it as 2026-03-02T10:00")
            return None
        return None if read is None else (read if read.tzinfo else read.replace(tzinfo=zone)).timestamp()

    route, rule, outcome, number = (query.get(name) for name in ("route", "rule", "outcome", "number"))
    return MessageFilter(route, rule, outcome, number, at("since"), at("until"))


def _explain_url(message: MessageRecord) -> str:
    """Return the page that asks today's rules about a message."""
    said = {"to": show(message.recipient), "from": show(message.sender), "text": message.text or ""}
    return f"/console/phone?{urlencode(said)}"


ROUTES = [
    Route("/", _messages),
    Route("/messages/rows", _rows),
    Route("/messages/{message_uuid}", _one),
    post("/messages/{message_uuid}/replay", _replay),
    Route("/search", _search),
]
