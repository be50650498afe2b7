"""Opt-outs: list, add, end."""

from dataclasses import dataclass
from typing import Annotated

from app.notation import Doc, Example, Interval
from app.operations.documents.changes import opt_out_change_document
from app.operations.documents.opt_outs import opt_out_document
from app.operations.opt_outs import OptOutFilter, change_opt_out, page_opt_outs, plan_change
from app.operations.running_service import RunningService
from app.web.api.endpoint import WHO, Answer, Endpoints, Success
from app.web.api.kinds import Number
from app.web.api.schemas import page, ref
from app.web.api.schemas.others import OPT_OUT

CHANGE = {
    "number": "+33644600000",
    "person": "+33700000001",
    "opted_out": True,
    "changed": True,
    "warnings": [],
}


@dataclass(frozen=True, slots=True)
class OptOutsQuery:
    """Which opt-outs."""

    person: Annotated[Number | None, Example("+33700000001"), Doc("Of this person. Write + as %2B.")] = None
    number: Annotated[Number | None, Example("+33644600000"), Doc("From this number of yours.")] = None
    ended: Annotated[bool, Doc("Also those that have ended.")] = False
    limit: Annotated[int, Interval(ge=1, le=1000), Doc("How many, at most.")] = 100
    cursor: Annotated[str | None, Example("b3B0b3V0czoxMDA"), Doc("`next` of the page before, unchanged.")] = None


@dataclass(frozen=True, slots=True)
class OptOutPair:
    """A person, and one of our numbers."""

    person: Annotated[Number, Example("+33700000001"), Doc("Who gets no messages.")]
    number: Annotated[Number, Example("+33644600000"), Doc("Your number.")]


endpoints = Endpoints("opt-outs")


@endpoints.add(
    "GET",
    "/opt-outs",
    "listOptOuts",
    "List opt-outs with their proof, oldest first",
    Success("A page of opt-outs.", ref("OptOutPage"), page(OPT_OUT)),
)
async def _list(service: RunningService, query: OptOutsQuery) -> Answer:
    which = OptOutFilter(query.person, query.number, query.ended)
    found = await page_opt_outs(service.store, which, service.read_address, query.cursor, query.limit)
    return Answer({"items": [opt_out_document(one) for one in found.opt_outs], "next": found.next})


@endpoints.add(
    "POST",
    "/opt-outs",
    "addOptOut",
    "Opt a person out of one of your numbers",
    Success("The person is opted out now.", ref("OptOutChange"), CHANGE, 201),
    Success("The person was opted out before.", ref("OptOutChange"), CHANGE | {"changed": False}),
)
async def _add(service: RunningService, body: OptOutPair) -> Answer:
    return await _change(service, body, out=True)


@endpoints.add(
    "DELETE",
    "/opt-outs",
    "endOptOut",
    "End an opt-out. Do this only if the person asked for it",
    Success("The person gets messages.", ref("OptOutChange"), CHANGE | {"opted_out": False}),
)
async def _end(service: RunningService, query: OptOutPair) -> Answer:
    return await _change(service, query, out=False)


async def _change(service: RunningService, pair: OptOutPair, *, out: bool) -> Answer:
    plan = await plan_change(service.store, pair.number, pair.person, service.read_address, out=out)
    changed = await change_opt_out(service.store, WHO, plan)
    return Answer(opt_out_change_document(plan, changed=changed), 201 if changed and out else 200)
