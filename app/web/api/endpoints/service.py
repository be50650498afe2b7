"""The service itself: its state, what its rules would answer, a reload."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal

from app.notation import Doc, Example, Key
from app.operations.documents.explanation import explanation_document
from app.operations.documents.status import status_document
from app.operations.explain import Question, explain_question
from app.operations.running_service import RunningService
from app.operations.status import status
from app.web.api.endpoint import Answer, Endpoints, Success
from app.web.api.kinds import Moment, Number
from app.web.api.problems import Problem
from app.web.api.schemas import ref
from app.web.api.schemas.messages import SENT, STEPS, XML
from app.web.api.schemas.others import STATUS

EXPLANATION = {
    "route": "shop",
    "rule": "hours",
    "reason": "keyword 'HOURS'",
    "failed": False,
    "steps": STEPS,
    "messages": [SENT],
    "units": 1,
    "xml": XML,
}


@dataclass(frozen=True, slots=True)
class ExplainBody:
    """A message that might come."""

    to: Annotated[Number, Example("+33644600000"), Doc("Your number.")]
    sender: Annotated[Number, Key("from"), Example("+33700000001"), Doc("Who writes.")]
    text: Annotated[str, Example("Hours?"), Doc("What they write.")] = ""
    type: Annotated[Literal["sms", "mms", "whatsapp"], Doc("The kind of message.")] = "sms"
    at: Annotated[Moment | None, Example("2026-03-02T10:00:00+01:00"), Doc("When; now if it is not given.")] = None
    given: Annotated[
        Mapping[str, str],
        Example({"bot": "Hi, I am the bot."}),
        Doc("What rules that call out say, by name: a text, `pass` or `fail`. The others pass."),
    ] = field(default_factory=dict)


endpoints = Endpoints("service")


@endpoints.add(
    "GET",
    "/status",
    "getStatus",
    "Show problems, servers, targets, refused calls, spending and disk",
    Success("The state.", ref("Status"), STATUS),
)
async def _status(service: RunningService) -> Answer:
    return Answer(status_document(await status(service.store, time.time())))


@endpoints.add(
    "POST",
    "/explain",
    "explain",
    "Show what the rules would answer, and why. Nothing is stored, and nothing is called",
    Success("The answer.", ref("Explanation"), EXPLANATION),
    uses_store=False,
)
async def _explain(service: RunningService, body: ExplainBody) -> Answer:
    question = Question(body.to, body.sender, body.text, body.type, body.at, body.given)
    return Answer(explanation_document(await explain_question(service.runtime(), question, service.read_address)))


@endpoints.add(
    "POST",
    "/reload",
    "reload",
    "Reload the configuration",
    Success("It is in force.", ref("Reload"), {"config": "3f2a9c0d1b7e", "needs_restart": []}),
    refused="The file is refused; the previous configuration stays in force.",
    refused_schema="RefusedFile",
    uses_store=False,
)
async def _reload(service: RunningService) -> Answer:
    result = await service.reload()
    if result.errors:
        errors = [asdict(error) for error in result.errors]
        raise Problem(422, "the file is refused; the previous configuration stays in force", errors)
    return Answer({"config": result.config, "needs_restart": list(result.needs_restart)})
