"""Messages: pages of them, newest first, by filters; and one by its MessageUUID."""

from dataclasses import dataclass
from typing import get_args

from app.operations.addresses import ReadAddress, read_sender, spellings
from app.operations.cursors import cursor, position
from app.operations.errors import OperationRefused
from app.store import Store, message_list
from app.store.message_list import MessageOutcome, StoredFilter
from app.store.records import MessageRecord, Span
from app.suggestions import did_you_mean

__all__ = ["OUTCOMES", "MessageFilter", "MessageOutcome", "MessagePage", "find_message", "list_messages"]

OUTCOMES: tuple[MessageOutcome, ...] = get_args(MessageOutcome)
_KIND = "messages"


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """A filter of messages. None selects everything. `number` is a person's or one of ours, in any notation.

    The outcomes: `answered` (with a reply), `silent` (by decision), `pending`, `failed` (a rule failed, and nothing
    was sent), `not_fetched` (the answer is ready and Plivo has not fetched it), and by Plivo's reports `delivered` and
    `undelivered` (to at least one recipient).
    """

    route: str | None = None
    rule: str | None = None
    outcome: str | None = None
    number: str | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages, newest first, and the cursor of the next page; None after the last one.

    A page may hold fewer messages than were asked for, or none, and still have a next one: a rare match is looked for
    in steps.
    """

    messages: tuple[MessageRecord, ...]
    next: str | None


async def list_messages(
    store: Store, which: MessageFilter, read: ReadAddress, cursor_: str | None = None, limit: int = 50
) -> MessagePage:
    """Return a page of the messages that pass a filter. New messages do not move what later pages hold.

    Raises `OperationRefused` for an outcome, a number or a cursor that is none; and `Unavailable`.
    """
    before = position(_KIND, cursor_)
    addresses = () if which.number is None else tuple(spellings(which.number, read))
    span = Span(which.since, which.until)
    stored = StoredFilter(which.route, which.rule, _outcome(which.outcome), addresses, span)
    found, following = await message_list.list_messages(store.engine, stored, before, limit)
    if which.number is not None and not found and before is None and following is None:
        read_sender(which.number, read)
    return MessagePage(tuple(found), cursor(_KIND, following))


async def find_message(store: Store, uuid: str) -> MessageRecord | None:
    """Return a message by its MessageUUID, or by the MessageUUID of a reply that was reported. Raises `Unavailable`."""
    return await message_list.find_message(store.engine, uuid)


def _outcome(text: str | None) -> MessageOutcome | None:
    if text is None:
        return None
    for one in OUTCOMES:
        if one == text:
            return one
    raise OperationRefused(f"no outcome is called {text!r}; {did_you_mean(text, OUTCOMES)}")
