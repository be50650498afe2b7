"""A person: the opt-outs, the replies that limits count, and the newest messages."""

from collections.abc import Container
from dataclasses import dataclass

from app.operations.addresses import ReadAddress, read_sender, spellings
from app.operations.errors import OperationRefused
from app.plivo.numbers import canonical
from app.store import Store, message_list
from app.store import people as stored
from app.store.message_list import StoredFilter
from app.store.records import MessageRecord, OptOutRecord, ReplyCount

DAY = 86400.0
NUMBERS = 1_000  # of ours that one person writes to


@dataclass(frozen=True, slots=True)
class Person:
    """A person by canonical number, with the opt-outs, those that have ended included, oldest first; the replies of the
    last day, by our number; and the newest messages, newest first.
    """

    address: str
    opt_outs: tuple[OptOutRecord, ...]
    replies: tuple[ReplyCount, ...]
    messages: tuple[MessageRecord, ...]


async def find_person(store: Store, text: str, read: ReadAddress, own: Container[str], at: float, limit: int) -> Person:
    """Return what is stored about a person at a time (seconds since the epoch), which may be nothing.

    `own` are our numbers in the configuration. Raises `OperationRefused` for one of them and for what is no number, and
    `Unavailable`.
    """
    address = await _address(store, text, read)
    if address in own:
        raise OperationRefused(f"{text} is one of your own numbers: give the number of a person")
    opt_outs = await stored.list_opt_outs(store.engine, address, ended=True)
    replies = await stored.list_counts(store.engine, at - DAY, NUMBERS, address)
    messages, _ = await message_list.list_messages(store.engine, StoredFilter(people=(address,)), None, limit)
    theirs = tuple(one for one in opt_outs if one.person == address)
    return Person(address, theirs, tuple(replies), tuple(messages))


async def _address(store: Store, text: str, read: ReadAddress) -> str:
    """Return the canonical number of whom a text means: a person in the store, else a number, else a name."""
    meant = [canonical(one) for one in spellings(text, read)]
    known = await stored.known_people(store.engine, meant)
    found = next((one for one in meant if one in known), None)
    return found or canonical(read_sender(text, read).address)
