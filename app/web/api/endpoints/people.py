"""People."""

import time
from dataclasses import dataclass
from typing import Annotated

from app.notation import Doc, Example, Interval
from app.operations.documents.person import person_document
from app.operations.people import forget, plan_forget
from app.operations.person import find_person
from app.operations.running_service import RunningService
from app.web.api.endpoint import WHO, Answer, Endpoints, Success
from app.web.api.kinds import Number
from app.web.api.schemas import ref
from app.web.api.schemas.messages import MESSAGE
from app.web.api.schemas.others import OPT_OUT, REPLIES

PERSON = {
    "person": "+33700000001",
    "opted_out": True,
    "opt_outs": [OPT_OUT],
    "replies": [REPLIES],
    "messages": [MESSAGE],
}


@dataclass(frozen=True, slots=True)
class PersonPath:
    """One person."""

    number: Annotated[
        Number, Example("+33700000001"), Doc("The number; a national form needs `[plivo] country`. Write + as %2B.")
    ]


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """How much of a person."""

    limit: Annotated[int, Interval(ge=1, le=200), Doc("How many messages, at most.")] = 20


@dataclass(frozen=True, slots=True)
class ForgetQuery:
    """What to forget."""

    also_opt_out: Annotated[
        bool, Example(value=False), Doc("Forget the opt-out too. Then the person gets messages again.")
    ] = False


endpoints = Endpoints("people")


@endpoints.add(
    "GET",
    "/people/{number}",
    "getPerson",
    "Show a person: opt-outs, replies counted by limits, newest messages",
    Success("The person. Somebody of whom nothing is stored has empty lists.", ref("Person"), PERSON),
)
async def _show(service: RunningService, path: PersonPath, query: PersonQuery) -> Answer:
    own = service.runtime().table.by_number
    found = await find_person(service.store, path.number, service.read_address, own, time.time(), query.limit)
    return Answer(person_document(found))


@endpoints.add(
    "DELETE",
    "/people/{number}",
    "forgetPerson",
    "Forget a person: erase messages, reports and counts",
    Success("How many rows were erased.", ref("Forgotten"), {"erased": 12}),
    description="The opt-out stays, unless `also_opt_out` is true.",
)
async def _forget(service: RunningService, path: PersonPath, query: ForgetQuery) -> Answer:
    own = service.runtime().table.by_number
    plan = await plan_forget(service.store, path.number, service.read_address, own, also_opt_out=query.also_opt_out)
    return Answer({"erased": await forget(service.store, WHO, plan)})
