"""Messages: pages of them, and one with everything that became of it."""

from dataclasses import dataclass
from typing import Annotated

from app.notation import Doc, Example, Interval
from app.operations.documents.history import message_document
from app.operations.messages import MessageFilter, MessageOutcome, find_message, list_messages
from app.operations.running_service import RunningService
from app.web.api.endpoint import Answer, Endpoints, Success
from app.web.api.kinds import Moment, Number
from app.web.api.problems import Problem
from app.web.api.schemas import page, ref
from app.web.api.schemas.messages import MESSAGE, OUTCOMES_IN_WORDS


@dataclass(frozen=True, slots=True)
class MessagesQuery:
    """Which messages."""

    route: Annotated[str | None, Example("shop"), Doc("Of this route.")] = None
    rule: Annotated[str | None, Example("hours"), Doc("Answered by this rule.")] = None
    outcome: Annotated[MessageOutcome | None, Example("silent"), Doc(OUTCOMES_IN_WORDS)] = None
    number: Annotated[
        Number | None, Example("+33700000001"), Doc("From this person, or to this number of yours. Write + as %2B.")
    ] = None
    since: Annotated[Moment | None, Example("2026-03-02T00:00:00Z"), Doc("Arrived then or later.")] = None
    until: Annotated[Moment | None, Example("2026-03-03T00:00:00Z"), Doc("Arrived before.")] = None
    limit: Annotated[int, Interval(ge=1, le=200), Doc("How many, at most.")] = 50
    cursor: Annotated[str | None, Example("bWVzc2FnZXM6NDI"), Doc("`next` of the page before, unchanged.")] = None


@dataclass(frozen=True, slots=True)
class MessagePath:
    """One message."""

    uuid: Annotated[
        str,
        Example("5b40a428-bfc7-4daf-9d06-726c558bf3b8"),
        Doc("The MessageUUID of an inbound message, or of a reply that Plivo has reported on."),
    ]


endpoints = Endpoints("messages")


@endpoints.add(
    "GET",
    "/messages",
    "listMessages",
    "List inbound messages, newest first",
    Success("A page of messages.", ref("MessagePage"), page(MESSAGE, following="bWVzc2FnZXM6NDI")),
    description=(
        "A page may hold fewer messages than `limit`, or none, and still have a `next` one: a rare match is looked for "
        "in steps."
    ),
)
async def _list(service: RunningService, query: MessagesQuery) -> Answer:
    which = MessageFilter(query.route, query.rule, query.outcome, query.number, query.since, query.until)
    found = await list_messages(service.store, which, service.read_address, query.cursor, query.limit)
    return Answer({"items": [message_document(one) for one in found.messages], "next": found.next})


@endpoints.add(
    "GET",
    "/messages/{uuid}",
    "getMessage",
    "Show a message: calls, rules, answer, reports, deliveries",
    Success("The message.", ref("Message"), MESSAGE),
    not_found="There is no such message.",
)
async def _show(service: RunningService, path: MessagePath) -> Answer:
    found = await find_message(service.store, path.uuid)
    if found is None:
        raise Problem(404, "no message has this MessageUUID; it may be older than [store] keep")
    return Answer(message_document(found))
