"""Deliveries: list, replay."""

from dataclasses import dataclass
from typing import Annotated, Literal

from app.notation import Doc, Example, Interval
from app.operations.deliveries import RATE, Selection, list_deliveries, replay
from app.operations.documents.changes import replay_document
from app.operations.documents.deliveries import delivery_documents
from app.operations.running_service import RunningService
from app.web.api.endpoint import WHO, Answer, Endpoints, Success
from app.web.api.kinds import Age
from app.web.api.schemas import page, ref
from app.web.api.schemas.messages import DELIVERY_IN_LIST

State = Literal["due", "done", "dead", "dropped"]
LAST_ID = (1 << 63) - 1
_STATUS = "Of reports that say so: delivered, failed, ..; `received`: copies of messages."
_TARGET = Annotated[str | None, Example("crm"), Doc("Of this target.")]
_REPORTED = Annotated[str | None, Example("failed"), Doc(_STATUS)]
_OLDER = Annotated[Age | None, Example("30d"), Doc("Came before, as 2h or 30d.")]
_NEWER = Annotated[Age | None, Example("2h"), Doc("Came since, as 2h or 30d.")]


@dataclass(frozen=True, slots=True)
class DeliveriesQuery:
    """Which deliveries."""

    ids: Annotated[
        tuple[int, ...], Interval(ge=1, le=LAST_ID), Example([811, 812]), Doc("With these ids, as 811,812.")
    ] = ()
    target: _TARGET = None
    state: Annotated[State | None, Example("dead"), Doc("In this state.")] = None
    status: _REPORTED = None
    older_than: _OLDER = None
    newer_than: _NEWER = None
    limit: Annotated[int, Interval(ge=1, le=1000), Doc("How many, at most.")] = 100
    cursor: Annotated[str | None, Example("ZGVsaXZlcmllczo4MTI"), Doc("`next` of the page before, unchanged.")] = None


@dataclass(frozen=True, slots=True)
class ReplayBody:
    """Which deliveries to replay: `ids`, or a `target` and what narrows it."""

    ids: Annotated[
        tuple[int, ...], Interval(ge=1, le=LAST_ID), Example([812]), Doc("These, whatever their state.")
    ] = ()
    target: _TARGET = None
    state: Annotated[State | None, Example("dead"), Doc("With `target`: in this state; `dead` if none is given.")] = (
        None
    )
    status: _REPORTED = None
    older_than: _OLDER = None
    newer_than: _NEWER = None
    rate: Annotated[float, Interval(ge=0.01, le=10_000), Doc("With `target`: deliveries a second.")] = RATE


endpoints = Endpoints("deliveries")


@endpoints.add(
    "GET",
    "/deliveries",
    "listDeliveries",
    "List deliveries to targets with their attempts, newest first",
    Success("A page of deliveries.", ref("DeliveryPage"), page(DELIVERY_IN_LIST)),
)
async def _list(service: RunningService, query: DeliveriesQuery) -> Answer:
    states = () if query.state is None else (query.state,)
    which = Selection(query.ids, query.target, states, query.status, query.older_than, query.newer_than)
    found = await list_deliveries(service.store, which, query.limit, query.cursor)
    return Answer({"items": delivery_documents(found), "next": found.next})


@endpoints.add(
    "POST",
    "/deliveries/replay",
    "replayDeliveries",
    "Make deliveries due again, with all their attempts",
    Success("What is due again.", ref("Replay"), {"changed": 1, "missing": [], "last_due_in": None}),
    body_example={"target": "crm", "state": "dead", "newer_than": "1d"},
)
async def _replay(service: RunningService, body: ReplayBody) -> Answer:
    state = body.state or (None if body.ids else "dead")
    states = () if state is None else (state,)
    which = Selection(body.ids, body.target, states, body.status, body.older_than, body.newer_than)
    return Answer(replay_document(await replay(service.store, WHO, which, body.rate)))
