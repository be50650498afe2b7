"""The history of a number or a message: what arrived, what was answered and why, and what became of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.operations.addresses import ReadAddress, spellings
from app.operations.errors import OperationRefused
from app.plivo.errors import TEXTS
from app.plivo.markup import parse
from app.plivo.messages import IDENTIFIER, Outgoing
from app.plivo.numbers import canonical, is_name
from app.replies.failed_calls import CALLS
from app.store import Store, queries
from app.store import people as stored
from app.store.records import EVER, CallRecord, DeliveryRecord, Found, MessageRecord, OptOutRecord, ReportRecord, Span

__all__ = [
    "CALLS",
    "EVER",
    "CallRecord",
    "DeliveryRecord",
    "History",
    "MessageRecord",
    "OptOutRecord",
    "ReportRecord",
    "Span",
    "error_in_words",
    "history",
    "pending_in_words",
    "sent_by",
]


@dataclass(frozen=True, slots=True)
class History:
    """Messages, oldest first; reports that belong to none of them; and the opt-outs of their person, those that have
    ended included. `person` is None where several people or nobody is concerned.
    """

    messages: tuple[MessageRecord, ...]
    reports: tuple[ReportRecord, ...]
    person: str | None
    opt_outs: tuple[OptOutRecord, ...]

    @property
    def is_empty(self) -> bool:
        """Whether neither a message nor a report is remembered."""
        return not (self.messages or self.reports)


async def history(store: Store, who: str, read: ReadAddress, limit: int, span: Span = EVER) -> History:
    """Return everything that is stored about a number, or a message by its MessageUUID: the newest `limit` messages.

    Raises `OperationRefused` for a text that is neither and is not in the store, and `Unavailable`.
    """
    if not who.strip():
        raise OperationRefused("history of whom? Give a number or a MessageUUID")
    messages, reports = await _find(store, who.strip(), read, limit, span)
    if not messages and not reports:
        _check(who.strip(), read)
        return await _of_opt_outs(store, spellings(who, read))
    people = {canonical(message.sender) for message in messages} | {canonical(report.recipient) for report in reports}
    person = people.pop() if len(people) == 1 else None
    opt_outs = await stored.list_opt_outs(store.engine, person, ended=True) if person else []
    return History(tuple(messages), tuple(reports), person, tuple(opt_outs))


def sent_by(message: MessageRecord) -> tuple[Outgoing, ...]:
    """Return what was sent in reply to a message; nothing where its answer is silence, or no longer kept."""
    return parse(message.xml.encode())


def pending_in_words(message: MessageRecord) -> str:
    """Return how far a message without an answer is: "pending, call 1 of 4: bot failed: status 500"."""
    call = max(len(message.calls), 1)
    return f"pending, call {call}{f' of {CALLS}' if call <= CALLS else ''}: {message.reason}"


def error_in_words(report: ReportRecord) -> str:
    """Return the end of a sentence about a report: ", error 300 .." if it has an error code, or an empty text."""
    return f", error {report.error_code} {TEXTS.get(report.error_code, '')}".rstrip() if report.error_code else ""


async def _of_opt_outs(store: Store, addresses: Sequence[str]) -> History:
    """Return the history of somebody who only has opt-outs, by a list that was imported or by a command."""
    for address in addresses:
        found = await stored.list_opt_outs(store.engine, address, ended=True)
        if theirs := [one for one in found if one.person == canonical(address)]:
            return History((), (), canonical(address), tuple(theirs))
    return History((), (), None, ())


def _check(who: str, read: ReadAddress) -> None:
    """Raise `OperationRefused` for what is neither a number nor a name nor a MessageUUID."""
    if IDENTIFIER.fullmatch(who) or is_name(who):
        return
    try:
        read(who)
    except ValueError as error:
        raise OperationRefused(f"{who!r} is no MessageUUID and no number: {error}") from None


async def _find(store: Store, who: str, read: ReadAddress, limit: int, span: Span) -> Found:
    """Look up a text unchanged, then as a number, because a MessageUUID of digits looks like a number."""
    found: Found = ((), ())
    for one in (who, *spellings(who, read)):
        found = await queries.history(store.engine, one, limit, span)
        if any(found):
            break
    return found
